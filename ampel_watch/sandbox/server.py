"""The whole sandbox: live, archive and catalog service on loopback, over one sky and one AMPEL.

::

    async with Sandbox(NightSky(7, date(2026, 10, 1)), clock=clock) as sandbox:
        sandbox.advance(clock.now())
        ...  # sandbox.live_url, sandbox.live_token, …

Alerts reach the archive some minutes after the exposure and AMPEL's stocks some minutes after that, each by a delay of
its own that depends on the candid alone.
"""

import asyncio
import heapq
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from types import TracebackType
from typing import Self

from aiohttp import web

from ampel_watch.clock import Clock
from ampel_watch.sandbox.ampel import CHANNELS, Ampel, Channel, Entry
from ampel_watch.sandbox.archive import ArchiveService
from ampel_watch.sandbox.archive_store import ArchiveStore
from ampel_watch.sandbox.catalog import CatalogService
from ampel_watch.sandbox.dates import datetime_of_jd, jd_of, real_span
from ampel_watch.sandbox.documents import StockShape
from ampel_watch.sandbox.live import LiveService, UnknownStock
from ampel_watch.sandbox.packets import Document, Packet
from ampel_watch.sandbox.serving import Fault, Service, Tally
from ampel_watch.sandbox.sky import Source
from ampel_watch.sandbox.streams import Streams
from ampel_watch.sandbox.tokens import ArchiveTokens, LiveTokens

LIVE_TOKEN_LIFE_S = 86400.0
ARCHIVE_DELAY_S = (240.0, 600.0)
AMPEL_DELAY_S = (60.0, 600.0)


class Sandbox:
    """Three real HTTP servers with an AMPEL behind them. An async context manager: the servers run inside it.

    Attributes
    ----------
    live_url, archive_url, catalog_url: base URLs, without a trailing slash.
    live_token: a JWT that expires after 24 hours (of real time, if the clock is a fast one).
    archive_token, partnership_token: archive tokens of a public and of a partnership user.
    ampel, archive, catalogs: what the services answer from, for tests that look behind or change it.
    faults: service name (`live`, `archive`, `catalog`) → what goes wrong there; assign and delete at will.
    tallies: service name → counters of its requests.
    """

    def __init__(
        self,
        source: Source,
        *,
        clock: Clock,
        seed: int = 1,
        channels: tuple[Channel, ...] = CHANNELS,
        listing: bool = True,
        listing_cap: int = 100,
        stock_shape: StockShape = "0.7",
        unknown_stock: UnknownStock = "404",
        restricted: Mapping[str, frozenset[str]] | None = None,
        pending_polls: int = 0,
        missing_polls: int = 0,
    ) -> None:
        self._source = source
        self._clock = clock
        random = Random(f"{seed}/sandbox")
        self.ampel = Ampel(channels)
        self.archive = ArchiveStore()
        self._live_tokens = LiveTokens(clock, random)
        self._archive_tokens = ArchiveTokens(clock, random)
        self._streams = Streams(clock, random, pending_polls=pending_polls, missing_polls=missing_polls)
        live = LiveService(
            self.ampel, self._live_tokens, clock, listing=listing, listing_cap=listing_cap,
            stock_shape=stock_shape, unknown_stock=unknown_stock, restricted=restricted,
        )  # fmt: skip
        archive = ArchiveService(self.archive, self._archive_tokens, self._live_tokens, self._streams, clock)
        self.catalogs = catalog = CatalogService(source.catalogs(), clock)
        self._services: dict[str, Service] = {
            "live": live.service, "archive": archive.service, "catalog": catalog.service
        }  # fmt: skip
        self.faults = Faults(self._services)
        self.tallies: Mapping[str, Tally] = {name: service.tally for name, service in self._services.items()}
        self._urls: dict[str, str] = {}
        self._runners: list[web.AppRunner] = []
        self._observed_jd = float("-inf")
        self._to_archive: list[tuple[datetime, int, Packet]] = []
        self._to_ampel: list[tuple[datetime, int, Packet]] = []
        self.live_token = self.issue_live_token()
        self.archive_token = self._archive_tokens.create("sandbox", partnership=False).token
        self.partnership_token = self._archive_tokens.create("partner", partnership=True).token

    async def __aenter__(self) -> Self:
        for name, service in self._services.items():
            runner = web.AppRunner(service.app, access_log=None, shutdown_timeout=0.2)
            await runner.setup()
            self._runners.append(runner)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            self._urls[name] = f"http://{host}:{port}{service.root}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    @property
    def live_url(self) -> str:
        """Base URL of the live service."""
        return self._urls["live"]

    @property
    def archive_url(self) -> str:
        """Base URL of the archive."""
        return self._urls["archive"]

    @property
    def catalog_url(self) -> str:
        """Base URL of the catalog service."""
        return self._urls["catalog"]

    @property
    def entries(self) -> list[Entry]:
        """Ground truth: every entry of a stock into a channel, in order of time."""
        return self.ampel.entries

    @property
    def night_dates(self) -> tuple[datetime, ...]:
        """Dates to advance to, one after each night."""
        return self._source.night_dates

    def issue_live_token(
        self,
        name: str = "sandbox",
        *,
        orgs: tuple[str, ...] = ("AmpelProject",),
        teams: tuple[str, ...] = (),
        life: timedelta | None = None,
    ) -> str:
        """Another live token, valid for `life` of the clock's dates (default: 24 hours of real time)."""
        life = real_span(self._clock, LIVE_TOKEN_LIFE_S) if life is None else life
        return self._live_tokens.issue(name, orgs, teams, life)

    def advance(self, to: datetime) -> None:
        """Let happen all that happens until a date: exposures, and their alerts reaching archive and AMPEL."""
        until_jd = jd_of(to)
        for packet in self._source.packets(self._observed_jd, until_jd):
            arrives, taken_up = _delays(packet)
            heapq.heappush(self._to_archive, (arrives, packet.candid, packet))
            heapq.heappush(self._to_ampel, (taken_up, packet.candid, packet))
        self._observed_jd = max(self._observed_jd, until_jd)
        while self._to_archive and self._to_archive[0][0] <= to:
            self.archive.add(heapq.heappop(self._to_archive)[2])
        while self._to_ampel and self._to_ampel[0][0] <= to:
            at, _, packet = heapq.heappop(self._to_ampel)
            self.ampel.ingest(packet, at)

    async def follow(self, every_s: float = 0.1) -> None:
        """Advance with the clock until cancelled."""
        while True:
            self.advance(self._clock.now())
            await asyncio.sleep(every_s)

    def enter(self, name: str, channel: str) -> None:
        """Put a stock into a channel now."""
        self.ampel.enter(name, channel, self._clock.now())

    def leave(self, name: str, channel: str) -> None:
        """Take a stock out of a channel now; the stock stays."""
        self.ampel.leave(name, channel, self._clock.now())

    def touch(self, name: str) -> None:
        """Add an entry to the journal of a stock now."""
        self.ampel.touch(name, self._clock.now())

    def classify(self, name: str, unit: str, result: Document) -> None:
        """Let a T2 unit of AMPEL come to a result about a stock now."""
        self.ampel.classify(name, unit, result, self._clock.now())

    def remove_stock(self, name: str) -> None:
        """Let a stock vanish from the live service; the archive keeps its alerts."""
        self.ampel.remove(name)

    def add_alert(self, packet: Packet) -> None:
        """Put an alert into archive and AMPEL now, whenever it was observed: a late or reprocessed one."""
        self.archive.add(packet)
        self.ampel.ingest(packet, self._clock.now())

    def revoke_archive_token(self, token: str) -> None:
        """Make an archive token unknown."""
        self._archive_tokens.revoke(token)


class Faults:
    """What goes wrong where: a small mapping from the service's name to a `Fault`."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services

    def __setitem__(self, service: str, fault: Fault) -> None:
        self._services[service].fault = fault

    def __getitem__(self, service: str) -> Fault:
        fault = self._services[service].fault
        if fault is None:
            raise KeyError(service)
        return fault

    def __delitem__(self, service: str) -> None:
        self._services[service].fault = None

    def clear(self) -> None:
        """Let everything work again."""
        for service in self._services.values():
            service.fault = None


def _delays(packet: Packet) -> tuple[datetime, datetime]:
    """When a packet reaches the archive and, later, AMPEL's stocks."""
    random = Random(packet.candid)
    arrives = datetime_of_jd(packet.jd) + timedelta(seconds=random.uniform(*ARCHIVE_DELAY_S))
    return arrives, arrives + timedelta(seconds=random.uniform(*AMPEL_DELAY_S))
