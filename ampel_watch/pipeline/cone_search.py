"""Searching the archive for what appears at watched positions.

The first look at a cone asks for the names of all that was ever seen there. From then on one stream of sky pixels
serves many cones: its alerts are assigned to circles by their exact distance, and stored before they are acknowledged.
What an alert shows for the first time is a `cone_match`, and watched from then on.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from ampel_watch.clock import Clock
from ampel_watch.config import Watch
from ampel_watch.errors import OF_THE_SERVICE, ServiceError
from ampel_watch.julian import jd_of
from ampel_watch.model import Alert
from ampel_watch.pipeline.archive_reader import AlertReader
from ampel_watch.pipeline.cone_records import ConeRecorder, Sighting, sightings_in
from ampel_watch.pipeline.cones import WatchedCone, cones_of
from ampel_watch.pipeline.crew import work_off
from ampel_watch.pipeline.look import Look, gap
from ampel_watch.pipeline.overlap import WIDE_OVERLAP, since
from ampel_watch.services.archive import ArchiveClient
from ampel_watch.services.streams import HealpixRegion, StreamQuery
from ampel_watch.skycircles import Circle, Cover, covers_of
from ampel_watch.storage import Database, cones, looks
from ampel_watch.storage.cones import ConeLook
from ampel_watch.storage.looks import cone_target

NEW_CONES_PER_LOOK = 200
PIXELS_PER_STREAM = 5000
# The archive begins with the alerts of June 2018.
FIRST_JD = 2458000.0
# A synchronous question is cancelled after a minute: one about a wide cone is asked for shorter times, so that each
# is about at most some 300,000 alerts (the survey makes about ten a day in a square degree).
_DEG2_DAYS = 30_000.0
# Cones with similar windows share a stream, which begins with the earliest of them.
_WINDOWS = (timedelta(hours=6), WIDE_OVERLAP + timedelta(days=1), timedelta.max)
_AT_A_TIME = 3
_AHEAD_D = 1.0  # this computer's clock may be late


@dataclass(slots=True)
class ConeReport:
    """How a search of the watched positions went.

    Attributes
    ----------
    cones: all that were to be searched.
    errors: cone → why its search is not complete.
    asked: whether the archive was asked anything, and `error`, if that is in trouble as a whole.
    left: new cones that wait for the next look.
    begun: new cones that had their first look.
    """

    cones: Mapping[str, WatchedCone]
    errors: dict[str, ServiceError] = field(default_factory=dict)
    asked: bool = False
    error: ServiceError | None = None
    changes: int = 0
    left: int = 0
    begun: int = 0

    def note_in(self, look: Look) -> None:
        """Take what was found over into a look."""
        for key, error in self.errors.items():
            for watch in self.cones[key].watches:
                look.watch_errors.setdefault(watch, error)
        look.archive_asked |= self.asked
        look.archive_error = self.error or look.archive_error
        look.count(self.changes)
        if self.left:
            look.report.more |= self.begun > 0
            look.report.warnings.append(f"archive: the first looks at {self.left} positions follow at the next look")


@dataclass(slots=True)
class _Search:
    """One search: what is still to do, and how it went so far."""

    now: datetime
    looked: Mapping[str, ConeLook]
    recorder: ConeRecorder
    report: ConeReport
    open: set[str]

    def done(self, key: str, error: ServiceError | None = None) -> None:
        """This cone needs nothing more at this look."""
        self.open.discard(key)
        if error is not None:
            self.report.errors[key] = error


class ConeFinder:
    """Searches the watched positions. A fault of one cone costs only that one.

    Parameters
    ----------
    watches: all that are configured: they share what is found, whichever of them is due.
    """

    def __init__(
        self, archive: ArchiveClient | None, database: Database, clock: Clock, watches: Sequence[Watch]
    ) -> None:
        self._archive = archive
        self._database = database
        self._clock = clock
        self._watches = tuple(watches)
        self._failed: set[str] = set()

    async def look(self, watches: Sequence[Watch]) -> ConeReport:
        """Find what is new in the cones of these watches, and take a first look at new cones."""
        now = self._clock.now()
        report = ConeReport(cones_of(watches, now))
        if not report.cones:
            return report
        if self._archive is None:
            error = ServiceError("archive", "`services.archive` is not configured, and only it knows what is where")
            report.errors = dict.fromkeys(report.cones, error)
            return report
        report.asked = True
        search = await self._database.run(partial(self._begin, now=now, report=report))
        try:
            await self._find_new(search, self._archive)
            await self._look_first(search, self._archive)
        except OF_THE_SERVICE as error:
            report.error = error
            report.errors |= dict.fromkeys(search.open, error)
        return report

    def _begin(self, connection: Connection, *, now: datetime, report: ConeReport) -> _Search:
        looked = cones.looks_at(connection, report.cones)
        first_looks = looks.first_looks_at(connection, [cone_target(key) for key in report.cones])
        recorder = ConeRecorder(self._watches, report.cones, first_looks, now)
        return _Search(now, looked, recorder, report, set(report.cones))

    async def _find_new(self, search: _Search, archive: ArchiveClient) -> None:
        """Search the cones that were looked at before."""
        known = {key: search.report.cones[key] for key in sorted(search.looked)}
        for group in _by_window(search.looked, search.now):
            circles = [known[key].circle for key in group]
            # Loads heavy libraries, and reckons for a while if there are many circles.
            covers = await asyncio.to_thread(_covers, circles)
            for cover in covers:
                keys = [circle.key for circle in cover.circles]
                windows = {key: group[key] for key in keys}
                try:
                    await self._read(search, archive, cover, min(start for start, _ in windows.values()))
                except OF_THE_SERVICE:
                    raise
                except ServiceError as error:
                    for key in keys:
                        search.done(key, error)
                else:
                    await self._finish(search, windows)

    async def _read(self, search: _Search, archive: ArchiveClient, cover: Cover, start: datetime) -> None:
        """Read the alerts of some cones from a date on."""
        query = StreamQuery(
            regions=tuple(HealpixRegion(nside, pixels) for nside, pixels in cover.regions.items()),
            jd_from=jd_of(start),
            jd_to=jd_of(search.now) + _AHEAD_D,
        )

        async def take(alerts: Sequence[Alert]) -> None:
            await self._record(search, sightings_in(cover, alerts))

        reader = AlertReader(archive, self._database, self._clock)
        for jd_start, jd_end in await reader.read_what_can_be(query, take):
            for circle in cover.circles:
                names = await _names_in(archive, circle, jd_start, jd_end)
                await self._record(search, [Sighting(circle.key, name) for name in names])

    async def _record(self, search: _Search, sightings: Sequence[Sighting]) -> None:
        if sightings:
            unseen = {s.cone: self._unseen_since(search, s.cone) for s in sightings}
            record = partial(search.recorder.record, sightings=sightings, unseen_since=unseen)
            search.report.changes += await self._database.run(record)

    def _unseen_since(self, search: _Search, key: str) -> datetime | None:
        return gap(search.looked[key].looked_at, self._clock, search.report.cones[key].every)

    async def _finish(self, search: _Search, windows: Mapping[str, tuple[datetime, datetime]]) -> None:
        finished = {key: ConeLook(search.now, wide_at) for key, (_, wide_at) in windows.items()}
        search.report.changes += await self._database.run(partial(search.recorder.finish, finished=finished))
        for key in finished:
            search.done(key)

    async def _look_first(self, search: _Search, archive: ArchiveClient) -> None:
        """Look at new cones; those that failed before wait behind the others."""
        new = sorted(search.report.cones.keys() - search.looked.keys(), key=lambda key: (key in self._failed, key))
        search.report.left = len(new[NEW_CONES_PER_LOOK:])
        for key in new[NEW_CONES_PER_LOOK:]:
            search.done(key)
        await work_off(new[:NEW_CONES_PER_LOOK], partial(self._begin_with, search, archive), _AT_A_TIME)

    async def _begin_with(self, search: _Search, archive: ArchiveClient, key: str) -> None:
        circle, jd_end = search.report.cones[key].circle, jd_of(search.now) + _AHEAD_D
        try:
            names = await _names_in(archive, circle, FIRST_JD, jd_end)
        except ServiceError as error:
            self._failed.add(key)
            if isinstance(error, OF_THE_SERVICE):
                raise
            search.done(key, error)
            return
        self._failed.discard(key)
        record = partial(search.recorder.look_first, key=key, names=names)
        search.report.changes += await self._database.run(record)
        search.report.begun += 1
        search.done(key)


def _by_window(looked: Mapping[str, ConeLook], now: datetime) -> list[dict[str, tuple[datetime, datetime]]]:
    """The cones in groups that share a stream: key → from when to search, and when the last wide look then was."""
    groups: list[dict[str, tuple[datetime, datetime]]] = [{} for _ in _WINDOWS]
    for key, look in sorted(looked.items()):
        start, wide_at = since(look.looked_at, look.looked_wide_at, now)
        place = next(index for index, longest in enumerate(_WINDOWS) if now - start <= longest)
        groups[place][key] = (start, wide_at)
    return [group for group in groups if group]


def _covers(circles: Sequence[Circle]) -> list[Cover]:
    return list(covers_of(circles, PIXELS_PER_STREAM))


async def _names_in(archive: ArchiveClient, circle: Circle, jd_start: float, jd_end: float) -> Iterable[str]:
    """The names of all that was seen in a circle between two dates."""
    radius_deg = circle.radius_arcsec / 3600
    parts = max(1, math.ceil(math.pi * radius_deg**2 * (jd_end - jd_start) / _DEG2_DAYS))
    length_d = (jd_end - jd_start) / parts
    names: set[str] = set()
    for part in range(parts):
        begin = jd_start + part * length_d
        end = jd_end if part == parts - 1 else begin + length_d
        names |= set(await archive.objects_in_cone(circle.ra_deg, circle.dec_deg, radius_deg, begin, end))
    return sorted(names)
