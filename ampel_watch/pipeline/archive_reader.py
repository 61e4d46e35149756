"""Reading archive streams to their end, whatever single alerts are broken.

One broken row fails its whole chunk. The range of a lost chunk is asked for again one alert at a time; of what stays
unreadable the archive still knows which objects were seen at that time.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from ampel_watch.clock import Clock
from ampel_watch.errors import RequestRefused, StreamFailed
from ampel_watch.julian import jd_of
from ampel_watch.model import Alert
from ampel_watch.pipeline.overlap import WIDE_OVERLAP
from ampel_watch.services.archive import ArchiveClient
from ampel_watch.services.streams import StreamQuery
from ampel_watch.storage import Database, health

_LOG = logging.getLogger(__name__)

_JD_STEP = 1e-6  # 0.09 s: the archive's upper bound is exclusive

# Stores some alerts; they are acknowledged when it returns.
Take = Callable[[Sequence[Alert]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Alerts that the archive could not show.

    Attributes
    ----------
    names: the objects seen at that time, of those that were asked for.
    """

    jd_start: float
    jd_end: float
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlertReader:
    """Reads the alerts of a query, each stored before it is acknowledged."""

    archive: ArchiveClient
    database: Database
    clock: Clock

    async def read(self, query: StreamQuery, take: Take, *, history_of_last: int = 0) -> list[Unreadable]:
        """Give all alerts to `take`, in batches that go up in jd; what could not be read, by the names of objects.

        Raises `ServiceError` if the archive did not answer completely; what it did answer was taken.
        """
        gaps = await self.read_what_can_be(query, take, history_of_last=history_of_last)
        return [found for jd_start, jd_end in gaps for found in await self._find_by_name(query, jd_start, jd_end)]

    async def read_what_can_be(
        self, query: StreamQuery, take: Take, *, history_of_last: int = 0
    ) -> list[tuple[float, float]]:
        """The same, but of what could not be read only the ranges of Julian Dates (start inclusive, end exclusive)."""
        gaps: list[tuple[float, float]] = []
        for jd_from, jd_to in await self._stream(query, take, history_of_last):
            narrow = replace(
                query,
                jd_from=jd_from if jd_from is not None else query.jd_from,
                jd_to=jd_to + _JD_STEP if jd_to is not None else query.jd_to,
                chunk_size=1,
            )
            for lost_from, lost_to in await self._stream(narrow, take, history_of_last):
                gaps.append(self._bounds(narrow, lost_from, lost_to))
        return gaps

    def _bounds(self, query: StreamQuery, jd_from: float | None, jd_to: float | None) -> tuple[float, float]:
        """A range that was lost, closed by the ends of the query where it has none."""
        now = self.clock.now()
        jd_start = jd_from if jd_from is not None else query.jd_from or jd_of(now - WIDE_OVERLAP)
        jd_end = jd_to + _JD_STEP if jd_to is not None else query.jd_to or jd_of(now)
        return jd_start, jd_end

    async def _stream(
        self, query: StreamQuery, take: Take, history_of_last: int
    ) -> Sequence[tuple[float | None, float | None]]:
        """Read one stream; the ranges of its lost chunks."""
        try:
            async for chunk in self.archive.stream(query, history_of_last=history_of_last):
                await take(chunk.alerts)
                await chunk.acknowledge()
        except StreamFailed as failure:
            if not failure.lost:
                raise
            return failure.lost
        return ()

    async def _find_by_name(self, query: StreamQuery, jd_start: float, jd_end: float) -> list[Unreadable]:
        """Which of the wanted objects were seen in a range that cannot be read."""
        try:
            names = await self.archive.objects_in_cone(0.0, 0.0, 180.0, jd_start, jd_end)
        except RequestRefused as error:  # it will never tell; anything else may pass, and is asked again
            _LOG.warning("alerts between jd %s and %s cannot be read: %s", jd_start, jd_end, error)
            what = f"archive alerts between jd {jd_start:.5f} and {jd_end:.5f} could not be read: {error}"
            now = self.clock.now()
            await self.database.run(lambda c: health.note(c, now, "unreadable_alerts", what))
            return []
        if query.names is not None:
            wanted = set(query.names)
            names = tuple(name for name in names if name in wanted)
        return [Unreadable(jd_start, jd_end, names)]
