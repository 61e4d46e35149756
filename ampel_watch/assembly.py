"""Puts the parts together from a configuration: the services, the notifiers, and the three loops."""

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Self

from ampel_watch import USER_AGENT
from ampel_watch.clock import Clock
from ampel_watch.config import Config, Receiver, ServiceSettings
from ampel_watch.errors import DeliveryError, PluginError
from ampel_watch.model import Event
from ampel_watch.pipeline.curves import CurveSources
from ampel_watch.pipeline.decide import Needs
from ampel_watch.pipeline.deliver import Deliverer, Outlet, Terms
from ampel_watch.pipeline.enrichers import build_enrichers
from ampel_watch.pipeline.evaluate import Evaluator
from ampel_watch.pipeline.facts import FactFinder
from ampel_watch.pipeline.gallery import Gallery
from ampel_watch.pipeline.matching import MatchSources
from ampel_watch.pipeline.photometry import Photometry
from ampel_watch.pipeline.poll import Poller
from ampel_watch.pipeline.services import Services
from ampel_watch.pipeline.upkeep import Upkeep
from ampel_watch.plugin_manager import PluginManager
from ampel_watch.protocols import Attempt, EnricherContext, NoPictures, Notifier, NotifierContext, Pictures
from ampel_watch.redaction import redactor
from ampel_watch.services.archive import ArchiveClient
from ampel_watch.services.catalog import CatalogClient
from ampel_watch.services.http import Endpoint, ServiceHttp
from ampel_watch.services.live import LiveClient
from ampel_watch.services.streams import StreamPatience
from ampel_watch.storage import Database

_LOG = logging.getLogger(__name__)

PATIENCE_S = 120.0
# Archive and catalogs are asked again at the next look anyway, which must not wait long for them if they are away.
RETRY_FOR_S = 15.0
STREAM_PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the parts get from outside.

    Attributes
    ----------
    write: prints one line for people, for receivers that show rather than send.
    patience_s: how long one call to a service is kept up, with all its tries.
    retry_for_s: after which no further try of a call to archive or catalogs begins.
    stream_patience_s: how long the archive may take to prepare a stream.
    random: spreads looks and retries in time.
    """

    clock: Clock
    plugins: PluginManager
    write: Callable[[str], None]
    patience_s: float = PATIENCE_S
    retry_for_s: float = RETRY_FOR_S
    stream_patience_s: float = STREAM_PATIENCE_S
    random: Random = field(default_factory=Random)


class Parts:
    """The working parts for one configuration and one open state database. Use as an async context manager.

    `changed` is set whenever a change was recorded that wants to be evaluated.
    """

    def __init__(self, config: Config, database: Database, around: Surroundings) -> None:
        self.config = config
        self.database = database
        self.around = around
        self.changed = asyncio.Event()
        self.redact = redactor(config.secrets())
        self._services = build_services(config, around) if config.services.live else None
        archive = self._services.archive if self._services else None
        self._gallery = Gallery(database, archive, around.clock, timezone=config.timezone)
        self.notifiers = {name: self._notifier(receiver) for name, receiver in config.receivers.items()}
        outlets = {n: Outlet(self.notifiers[n], r.kind.concurrency) for n, r in config.receivers.items()}
        terms = Terms(around.clock, config.give_up_after, self.redact, around.random)
        self.deliverer = Deliverer(database, outlets, terms, around.plugins)
        self._photometry = Photometry(config.watches)
        context = EnricherContext(around.clock, USER_AGENT)
        self.enrichers = build_enrichers(config.enrichers, context, around.plugins.rule_names(), self.redact)
        facts = self._facts(self._services)
        self.upkeep = Upkeep(database, around.clock, facts, config.watches)
        self.evaluator = self._evaluator(facts)
        self.poller = self._poller(self._services) if self._services else None

    def _poller(self, services: Services) -> Poller:
        live, around = self.config.services.live, self.around
        assert live is not None
        return Poller(
            services,
            self.database,
            around.clock,
            live,
            watches=self.config.watches,
            changed=self.changed,
            photometry=self._photometry,
        )

    def _facts(self, services: Services | None) -> FactFinder:
        database, clock = self.database, self.around.clock
        curves = matching = None
        if services is not None and services.archive is not None:
            curves = CurveSources(services.archive, database, clock, self._photometry)
        settings = self.config.services.catalog
        if services is not None and services.catalog is not None and settings is not None:
            assert self.config.services.live is not None
            matching = MatchSources(
                services.catalog,
                database,
                clock,
                self.config.catalogs,
                settings.recheck,
                services.live,
                self.config.services.live.t2_classifiers,
            )
        return FactFinder(database, clock, curves, matching)

    def _evaluator(self, facts: FactFinder) -> Evaluator:
        config = self.config
        enriched = {name for name, receiver in config.receivers.items() if receiver.kind.enriched}
        has = {"archive": facts.has_archive, "catalog": facts.has_catalog}
        sources = {service for service, is_there in has.items() if is_there} | config.enrichers.keys()
        return Evaluator(
            self.database,
            self.around.clock,
            config.watches,
            facts,
            self.enrichers,
            Needs(sources, enriched),
            self.around.plugins,
        )

    def _notifier(self, receiver: Receiver) -> Notifier:
        try:
            return build_notifier(receiver, self.config, self.around, self._gallery)
        except PluginError as error:
            reason = self.redact(str(error))
            _LOG.error("%s", reason)
            return Unusable(reason)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with AsyncExitStack() as stack:
            if self._services is not None:
                stack.push_async_callback(self._services.close)
            stack.push_async_callback(self._gallery.close)
            stack.push_async_callback(self.enrichers.close)
            for notifier in self.notifiers.values():
                stack.push_async_callback(notifier.close)


@dataclass(frozen=True, slots=True)
class Unusable:
    """Stands for a notifier that its plugin could not make: its deliveries wait, and those of others go out."""

    reason: str

    async def send(self, _event: Event, _attempt: Attempt) -> None:
        """Fail for now; the next start may bring a sound plugin."""
        raise DeliveryError(self.reason)

    async def preview(self, _event: Event) -> str:
        """Why nothing can be shown."""
        return self.reason

    async def close(self) -> None:
        """Nothing is held open."""


def build_services(config: Config, around: Surroundings) -> Services:
    """The clients of the configured services."""
    live = config.services.live
    assert live is not None, "a configuration with watches has a live service"
    archive, catalog = config.services.archive, config.services.catalog
    return Services(
        live=LiveClient(
            _http("live", live, around),
            stock_path=live.stock_path,
            stock_id_path=live.stock_id_path,
            t2_path=live.t2_path,
            channels_path=live.channels_path,
            listing_path=live.listing_path,
        ),
        archive=_archive(archive, around) if archive else None,
        catalog=CatalogClient(_http("catalog", catalog, around)) if catalog else None,
    )


def _archive(settings: ServiceSettings, around: Surroundings) -> ArchiveClient:
    patience = StreamPatience(ready_s=around.stream_patience_s)
    return ArchiveClient(_http("archive", settings, around), stream_patience=patience)


def _http(service: str, settings: ServiceSettings, around: Surroundings) -> ServiceHttp:
    timeout_s = settings.timeout.total_seconds()
    endpoint = Endpoint(
        service=service,
        url=settings.url,
        token=settings.token,
        rate_per_s=settings.rate,
        concurrency=settings.concurrency,
        timeout_s=min(timeout_s, around.patience_s),
        proxy=settings.proxy,
    )
    retry_for_s = math.inf if service == "live" else around.retry_for_s
    return ServiceHttp(endpoint, patience_s=around.patience_s, retry_for_s=retry_for_s, clock=around.clock)


def build_notifier(
    receiver: Receiver, config: Config, around: Surroundings, pictures: Pictures | None = None
) -> Notifier:
    """The notifier of a receiver; PluginError if its plugin cannot make it."""
    context = NotifierContext(
        receiver=receiver.name,
        clock=around.clock,
        timezone=config.timezone,
        write=around.write,
        user_agent=USER_AGENT,
        pictures=pictures or NoPictures(),
    )
    try:
        return receiver.kind.build(receiver.settings, context)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise PluginError(f"the notifier of the receiver {receiver.name} cannot be made: {what}") from error
