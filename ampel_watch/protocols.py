"""What a plugin implements: notifiers and enrichers, and the kinds that make them from settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Protocol

from ampel_watch.clock import Clock
from ampel_watch.lightcurve import LightCurve
from ampel_watch.model import Event, EventStock, Match
from ampel_watch.settings import Settings


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one delivery.

    Attributes
    ----------
    delivery_id: stable over all tries of one event to one receiver: what a receiver may deduplicate by.
    number: 1 for the first try.
    late_s: seconds since the event was made; more than a few minutes only after an outage.
    """

    delivery_id: str
    number: int = 1
    late_s: float = 0.0


class Pictures(Protocol):
    """Draws pictures for messages, each once for all receivers, beside the event loop."""

    async def light_curve(self, event: Event) -> bytes | None:
        """The stock's light curve as a PNG, the event's newest point marked; None if nothing is known of it."""
        ...

    async def cutouts(self, event: Event) -> bytes | None:
        """Science, template and difference image of the newest detection in one PNG; None if there are none."""
        ...


class NoPictures:
    """Where there is nothing to draw from."""

    async def light_curve(self, _event: Event) -> bytes | None:
        """None."""
        return None

    async def cutouts(self, _event: Event) -> bytes | None:
        """None."""
        return None


@dataclass(frozen=True, slots=True)
class NotifierContext:
    """What the program gives a notifier beside its own settings.

    Attributes
    ----------
    receiver: the name of the receiver in the configuration.
    timezone: in which times are shown to people.
    write: prints one line to standard output, for notifiers that show rather than send.
    pictures: draws light curves and cutouts.
    """

    receiver: str
    clock: Clock
    timezone: tzinfo
    write: Callable[[str], None]
    user_agent: str
    pictures: Pictures = field(default_factory=NoPictures)


class Notifier(Protocol):
    """Sends events to one receiver. Made once, used for many events, possibly several at a time."""

    async def send(self, event: Event, attempt: Attempt) -> None:
        """Send one event; returning is success.

        Raise `DeliveryError`, `permanent` or not. Anything else that is raised counts as a passing fault and is
        retried. The call may be cancelled (shutdown, deadline) and then repeated.
        """
        ...

    async def preview(self, event: Event) -> str:
        """What `send` would send, as text for a person; sends nothing and never holds a secret."""
        ...

    async def close(self) -> None:
        """Release connections; the notifier is not used afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class NotifierKind:
    """One way to reach people or programs, as named under `notifier:` in the configuration.

    Attributes
    ----------
    name: the word in the configuration, such as ``slack``.
    settings: the model of the receiver's further keys; its secrets are fields of type `Secret`.
    build: makes the notifier; it opens no connection and raises nothing for a merely unreachable service.
    summary: one line for `ampel-watch plugins`.
    concurrency: how many sends may run at the same time for one receiver.
    enriched: False if what it sends needs neither light curve nor catalog matches, so that no event waits for them
        on its account.
    """

    name: str
    settings: type[Settings]
    build: Callable[[Any, NotifierContext], Notifier]
    summary: str
    concurrency: int = 4
    enriched: bool = True


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """How a try at a delivery ended, for observers.

    Attributes
    ----------
    state: `delivered`, `waiting` (another try will follow) or `dead`.
    error: the last error in words, without secrets; None after success.
    """

    event_id: str
    watch: str
    receiver: str
    state: str
    attempts: int
    error: str | None = None


NotifierKinds = Mapping[str, NotifierKind]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of a stock when an enricher is asked about it.

    Attributes
    ----------
    at: the date of the change: what depends on time is reckoned for this date, so that a repetition gives the same.
    features: rule name → value, as far as archive and catalogs gave one; None where there is none.
    catalogs: catalog → its nearest row, None where it has none.
    """

    stock: EventStock
    at: datetime
    light_curve: LightCurve
    features: Mapping[str, Any]
    catalogs: Mapping[str, Match | None]


@dataclass(frozen=True, slots=True)
class EnricherContext:
    """What the program gives an enricher beside its own settings."""

    clock: Clock
    user_agent: str


class Enricher(Protocol):
    """Adds to what is known of a stock that changed. Made once, asked about many stocks, several at a time."""

    async def enrich(self, subject: Subject) -> Mapping[str, Any]:
        """Values by name, as JSON has them; None, or the name left out, for what does not exist for this stock.

        Names that the plugin registered as rule names can be used in `when:`; all are added to the event's features.
        Raise anything if it cannot be found out now: the change then waits, up to the watch's `enrich_deadline`.
        """
        ...

    async def close(self) -> None:
        """Release connections; the enricher is not used afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class EnricherKind:
    """One source of further knowledge, switched on by its name under `enrichers:` in the configuration.

    Attributes
    ----------
    name: the word in the configuration.
    settings: the model of its keys there; its secrets are fields of type `Secret`.
    build: makes the enricher; it opens no connection and raises nothing for a merely unreachable service.
    summary: one line for `ampel-watch plugins`.
    timeout_s: after which one call is given up for now.
    """

    name: str
    settings: type[Settings]
    build: Callable[[Any, EnricherContext], Enricher]
    summary: str
    timeout_s: float = 20.0


EnricherKinds = Mapping[str, EnricherKind]
