"""The configuration as the rest of the program sees it: frozen, whole and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from ampel_watch.config.enrichers import EnricherSetting
from ampel_watch.config.models import JumpSettings, ServicesSettings
from ampel_watch.config.outside import secrets_in
from ampel_watch.config.watchlist_entries import WatchedPosition, WatchedStock
from ampel_watch.errors import Fault
from ampel_watch.hosts import CatalogSpec
from ampel_watch.protocols import NotifierKind
from ampel_watch.rules import Rule
from ampel_watch.settings import Secret, Settings


@dataclass(frozen=True, slots=True)
class Watch:
    """What to look at, what to report, to whom.

    Attributes
    ----------
    stocks, positions: those of the watch itself and of its watchlists, each once.
    on: kind of change → its threshold in magnitudes, None for kinds that take none.
    when: the rule that a change must meet; None: every change does.
    candidates: filter on the alerts' `candidate` when a channel is searched through the archive.
    enrich_deadline: how long a change waits for archive and catalog; zero: not at all.
    jump: when a difference in brightness counts as brightening or fading.
    """

    name: str
    channels: tuple[str, ...]
    stocks: tuple[WatchedStock, ...]
    positions: tuple[WatchedPosition, ...]
    every: timedelta
    on: Mapping[str, float | None]
    when: Rule | None
    notify: tuple[str, ...]
    initial: Literal["silent", "notify"]
    candidates: Mapping[str, Any] | None
    enrich_deadline: timedelta
    priority: Literal["low", "normal", "high"]
    jump: JumpSettings = field(default_factory=lambda: JumpSettings(min_sigma=3.0, min_drb=0.5))


@dataclass(frozen=True, slots=True)
class Receiver:
    """A configured destination: a kind of notifier with its settings."""

    name: str
    kind: NotifierKind
    settings: Settings = field(repr=False)


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration without a fault.

    Its own `repr` names things and shows no settings, since text out of the environment may stand in any of them.

    Attributes
    ----------
    path: the file that it was read from.
    state: the state database as written; `state_url` makes it absolute.
    timezone: in which times are shown to people.
    give_up_after: how long a delivery is tried before it is a dead letter.
    notes: what is accepted but has no effect, because this version does not act on it or a service is missing.
    enrichers: those that are switched on, by name.
    catalogs: those that are searched around a stock; none without the catalog service.
    """

    path: Path
    services: ServicesSettings = field(repr=False)
    state: str = field(repr=False)
    watches: tuple[Watch, ...] = field(repr=False)
    receivers: Mapping[str, Receiver] = field(repr=False)
    timezone: tzinfo = field(repr=False)
    give_up_after: timedelta
    notes: tuple[Fault, ...] = field(repr=False)
    enrichers: Mapping[str, EnricherSetting] = field(default_factory=dict, repr=False)
    catalogs: tuple[CatalogSpec, ...] = field(default=(), repr=False)

    def secrets(self) -> tuple[Secret, ...]:
        """Every secret that the program uses, for whoever must keep them out of what is written."""
        receivers = [receiver.settings for receiver in self.receivers.values()]
        enrichers = [enricher.settings for enricher in self.enrichers.values()]
        found = secrets_in((self.services, receivers, enrichers))
        password = urlsplit(self.state).password
        if password:
            found.append(Secret(unquote(password)))
        return tuple(found)
