"""The hooks of ampel-watch: every point where a plugin can take part. A hook registers or observes; it never sends.

A plugin is a module or object named by an entry point of the group ``ampel_watch``; it implements the hooks that it
wants with `ampel_watch.api.hookimpl`.
"""

from collections.abc import Iterable

import pluggy

from ampel_watch.model import Event
from ampel_watch.protocols import DeliveryReport, EnricherKind, NotifierKind
from ampel_watch.rules import RuleName

PROJECT = "ampel_watch"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_notifiers() -> Iterable[NotifierKind]:  # type: ignore[empty-body]
    """Return the notifier kinds that this plugin adds. Called once, at start."""


@hookspec
def register_enrichers() -> Iterable[EnricherKind]:  # type: ignore[empty-body]
    """Return the enrichers that this plugin adds. Called once, at start."""


@hookspec
def register_rule_names() -> Iterable[RuleName]:  # type: ignore[empty-body]
    """Return the names that this plugin adds to rules; their `source` is the enricher that gives the values."""


@hookspec
def event_created(event: Event) -> None:
    """An event was made and stored, with one pending delivery per receiver. Observe only, and return quickly."""


@hookspec
def delivery_finished(report: DeliveryReport) -> None:
    """A try at a delivery ended. Observe only, and return quickly."""
