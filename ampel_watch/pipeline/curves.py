"""Bringing stored light curves up to date: of a few stocks one by one, of many by streams.

A curve is fetched whole once; after that only what is new, with an overlap for late and reprocessed alerts.
"""

import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from ampel_watch.clock import Clock
from ampel_watch.errors import OF_THE_SERVICE, ServiceError
from ampel_watch.julian import jd_of
from ampel_watch.lightcurve import LightCurve, light_curve_of
from ampel_watch.model import Alert, StockKey
from ampel_watch.pipeline.alerts import HISTORY_OF_LAST, NAMES_PER_STREAM, measured
from ampel_watch.pipeline.archive_reader import AlertReader
from ampel_watch.pipeline.crew import work_off
from ampel_watch.pipeline.overlap import WIDE_OVERLAP
from ampel_watch.pipeline.photometry import Measured, Photometry
from ampel_watch.services.archive import ArchiveClient
from ampel_watch.services.streams import StreamQuery
from ampel_watch.storage import Database, light_curves
from ampel_watch.storage.light_curves import StoredCurve

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

# Up to so many stocks are asked for one by one: that is quicker than a stream, and brings all upper limits.
ONE_BY_ONE = 10
# AMPEL is minutes behind the archive, so what the archive said shortly before a change holds what led to it.
FRESH_FOR = timedelta(minutes=10)
_AT_A_TIME = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stock about which something must be known, as of a date."""

    key: StockKey
    name: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class CurveSources:
    """What it takes to know a light curve."""

    archive: ArchiveClient
    database: Database
    clock: Clock
    photometry: Photometry


class CurveUpdate:
    """One updating of some stocks' light curves; what they show is appended as changes.

    Attributes
    ----------
    troubles: why those that are not up to date are not.
    found: how many changes were recorded.
    fault: of the service as a whole, if that ended it.
    asked: how many stocks the archive was asked for.
    """

    def __init__(self, sources: CurveSources) -> None:
        self._archive = sources.archive
        self._database = sources.database
        self._clock = sources.clock
        self._photometry = sources.photometry
        self._reader = AlertReader(sources.archive, sources.database, sources.clock)
        self._starts: dict[StockKey, float | None] = {}
        self._done: set[StockKey] = set()
        self.troubles: dict[StockKey, str] = {}
        self.found = 0
        self.fault: ServiceError | None = None
        self.asked = 0

    async def run(self, wanted: Sequence[Wanted]) -> None:
        """Fetch what is missing."""
        stored = await self._database.run(lambda c: light_curves.load(c, [one.key for one in wanted]))
        stale = [one for one in wanted if not _is_fresh(stored.get(one.key), one.as_of)]
        self._starts = {one.key: _start(stored.get(one.key)) for one in stale}
        self.asked = len(stale)
        try:
            await self._ask(stale)
        except ServiceError as error:
            self.fault = error
            left = [one.key for one in stale if one.key not in self._done and one.key not in self.troubles]
            _LOG.warning("the light curves of %d stocks are not known: %s", len(left), error)
            self.troubles |= dict.fromkeys(left, str(error))

    async def _ask(self, stale: Sequence[Wanted]) -> None:
        if len(stale) <= ONE_BY_ONE:
            await work_off(stale, self._ask_one, _AT_A_TIME)
            return
        # Those that were never fetched come first, so that a stream of the others can begin late.
        ordered = sorted(stale, key=lambda one: (self._starts[one.key] is not None, one.name))
        for first in range(0, len(ordered), NAMES_PER_STREAM):
            await self._ask_many(ordered[first : first + NAMES_PER_STREAM])

    async def _ask_one(self, one: Wanted) -> None:
        """Photopoints have all upper limits, alerts have `drb`; each stands in for the other if that fails."""
        start = self._starts[one.key]
        photopoints, fault = await self._try(one, self._archive.photopoints(one.name, jd_start=start))
        alerts, other_fault = await self._try(
            one, self._archive.alerts(one.name, jd_start=start, with_history=fault is not None)
        )
        if fault is not None and other_fault is not None:
            self.troubles[one.key] = str(fault)
            return
        # Where alerts cannot be read, the newest point stands for one.
        curve = light_curve_of([photopoints] if photopoints else [], own=other_fault is not None)
        await self._record([self._all_of(one, curve.merged(light_curve_of(alerts or ())))])
        self._done.add(one.key)

    async def _try(self, one: Wanted, call: Awaitable[T]) -> tuple[T | None, ServiceError | None]:
        """What a call answers, or the fault that concerns this stock only."""
        try:
            return await call, None
        except OF_THE_SERVICE:
            raise
        except ServiceError as error:
            _LOG.warning("%s: %s", one.name, error)
            return None, error

    async def _ask_many(self, batch: Sequence[Wanted]) -> None:
        starts = [self._starts[one.key] for one in batch]
        jd_from = None if None in starts else min(start for start in starts if start is not None)
        query = StreamQuery(names=tuple(one.name for one in batch), jd_from=jd_from, chunk_size=HISTORY_OF_LAST)

        async def take(alerts: Sequence[Alert]) -> None:
            await self._record(measured(alerts), looked=False)

        unreadable = await self._reader.read(query, take, history_of_last=HISTORY_OF_LAST)
        broken = {name for gap in unreadable for name in gap.names}
        complete = [one for one in batch if one.name not in broken]
        await self._record([self._all_of(one, LightCurve()) for one in complete])
        self._done |= {one.key for one in complete}
        for one in batch:
            if one.name in broken:
                await self._ask_one(one)

    def _all_of(self, one: Wanted, curve: LightCurve) -> Measured:
        """All that the archive has of a stock from where it was asked on."""
        return Measured(one.key, one.name, curve, whole=True, joins=self._starts[one.key] is not None)

    async def _record(self, measured: Sequence[Measured], *, looked: bool = True) -> None:
        record = partial(self._photometry.record, measured=measured, now=self._clock.now(), looked=looked)
        self.found += await self._database.run(record)


def _is_fresh(stored: StoredCurve | None, as_of: datetime) -> bool:
    """Whether nothing need be asked; of a stock that was just announced the archive may have points a little later."""
    if stored is None or not stored.whole or stored.curve.is_empty or stored.looked_at is None:
        return False
    return stored.looked_at >= as_of - FRESH_FOR


def _start(stored: StoredCurve | None) -> float | None:
    """The Julian Date from which on to ask; None for all."""
    if stored is None or not stored.whole or stored.looked_at is None:
        return None
    return jd_of(stored.looked_at - WIDE_OVERLAP)
