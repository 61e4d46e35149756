"""Puts the parts together from a configuration: the services, the notifiers, and the three loops."""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ampel_watch import __version__
from ampel_watch.clock import Clock
from ampel_watch.config import Config, Receiver, ServiceSettings
from ampel_watch.pipeline.deliver import Deliverer, Outlet, Terms
from ampel_watch.pipeline.evaluate import Evaluator
from ampel_watch.pipeline.poll import Poller
from ampel_watch.pipeline.services import Services
from ampel_watch.plugin_manager import PluginManager
from ampel_watch.protocols import Notifier, NotifierContext
from ampel_watch.redaction import redactor
from ampel_watch.services.archive import ArchiveClient
from ampel_watch.services.catalog import CatalogClient
from ampel_watch.services.http import Endpoint, ServiceHttp
from ampel_watch.services.live import LiveClient
from ampel_watch.services.streams import StreamPatience
from ampel_watch.storage import Database

USER_AGENT = f"ampel-watch/{__version__}"
PATIENCE_S = 120.0
STREAM_PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the parts get from outside.

    Attributes
    ----------
    write: prints one line for people, for receivers that show rather than send.
    patience_s: how long one call to a service is kept up, with all its tries.
    stream_patience_s: how long the archive may take to prepare a stream.
    """

    clock: Clock
    plugins: PluginManager
    write: Callable[[str], None]
    patience_s: float = PATIENCE_S
    stream_patience_s: float = STREAM_PATIENCE_S


class Parts:
    """The working parts for one configuration and one open state database. Use as an async context manager.

    `changed` is set whenever a change was recorded that wants to be evaluated.
    """

    def __init__(self, config: Config, database: Database, around: Surroundings) -> None:
        self.config = config
        self.database = database
        self.around = around
        self.changed = asyncio.Event()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        config, around = self.config, self.around
        self.notifiers = {name: build_notifier(r, config, around) for name, r in config.receivers.items()}
        for notifier in self.notifiers.values():
            self._stack.push_async_callback(notifier.close)
        self.evaluator = Evaluator(self.database, around.clock, config.watches, around.plugins)
        terms = Terms(around.clock, config.give_up_after, redactor(config.secrets()), random.Random())
        outlets = self._outlets(self.notifiers)
        self.deliverer = Deliverer(self.database, outlets, terms, around.plugins)
        self.poller: Poller | None = None
        if config.services.live is not None:
            services = build_services(config, around)
            self._stack.push_async_callback(services.close)
            self.poller = Poller(services, self.database, around.clock, config.services.live, self.changed)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _outlets(self, notifiers: Mapping[str, Notifier]) -> dict[str, Outlet]:
        receivers = self.config.receivers
        return {name: Outlet(notifier, receivers[name].kind.concurrency) for name, notifier in notifiers.items()}


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
    return ServiceHttp(endpoint, patience_s=around.patience_s, clock=around.clock)


def build_notifier(receiver: Receiver, config: Config, around: Surroundings) -> Notifier:
    """The notifier of a receiver."""
    context = NotifierContext(
        receiver=receiver.name,
        clock=around.clock,
        timezone=config.timezone,
        write=around.write,
        user_agent=USER_AGENT,
    )
    return receiver.kind.build(receiver.settings, context)
