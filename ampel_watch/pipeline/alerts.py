"""Finding stocks through the archive: which alerts are new since the last look, and what to read because of them.

Alerts are stored as planned reads before their chunk is acknowledged, so that a crash repeats work and loses none.
A range of alerts that the archive cannot serve (one broken row fails its whole chunk) is asked for again one alert
at a time; what stays unreadable is found by name, and otherwise noted.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

from sqlalchemy import Connection

from ampel_watch import ztf
from ampel_watch.clock import Clock
from ampel_watch.errors import RequestRefused, StreamFailed
from ampel_watch.julian import datetime_of_jd, jd_of
from ampel_watch.model import JSON, Alert, Snapshot, StockKey, iso
from ampel_watch.pipeline.overlap import WIDE_OVERLAP, since
from ampel_watch.services.archive import ArchiveClient
from ampel_watch.services.streams import StreamQuery
from ampel_watch.services.times import number
from ampel_watch.storage import Database, health, looks, reads
from ampel_watch.storage.reads import PendingRead

_LOG = logging.getLogger(__name__)

NAMES_PER_STREAM = 1000
_REMEMBER = timedelta(days=10)
# The live record of an alert may come minutes to hours after the alert itself.
READ_AGAIN_AFTER = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
GIVE_UP_AFTER = timedelta(days=3)
_JD_STEP = 1e-6  # 0.09 s: the archive's upper bound is exclusive


@dataclass(frozen=True, slots=True)
class AlertSearch:
    """One question to the archive, repeated at every look.

    Attributes
    ----------
    text: what identifies it: its filter as canonical JSON, or a word for the named stocks.
    names: the stocks whose alerts are wanted; None for those of all.
    candidate: conditions on the alert.
    """

    text: str
    names: tuple[str, ...] | None = None
    candidate: JSON | None = None

    @property
    def id(self) -> str:
        """The key under which it is remembered."""
        return sha256(self.text.encode()).hexdigest()[:32]

    def query_from(self, jd_from: float) -> StreamQuery:
        """The stream of its alerts from a Julian Date on."""
        return StreamQuery(names=self.names, candidate=self.candidate, jd_from=jd_from)


def by_filter(candidates: str) -> AlertSearch:
    """The search for all alerts that meet a filter, given as canonical JSON."""
    return AlertSearch(candidates, candidate=json.loads(candidates) or None)


def by_names(names: Sequence[str]) -> list[AlertSearch]:
    """The searches for alerts of named stocks, in batches that the archive answers well."""
    text = "named " + " ".join(names)  # each list has its own place in the archive
    return [
        AlertSearch(text, names=tuple(names[start : start + NAMES_PER_STREAM]))
        for start in range(0, len(names), NAMES_PER_STREAM)
    ]


@dataclass(frozen=True, slots=True)
class AlertFinder:
    """Asks the archive for what is new and plans the reads."""

    archive: ArchiveClient
    database: Database
    clock: Clock

    async def look(self, searches: Sequence[AlertSearch]) -> None:
        """Plan to read every stock with an alert that these searches (of one id) did not meet before.

        Raises `ServiceError` if the archive did not answer completely; what it did answer is kept.
        """
        now = self.clock.now()
        last = await self.database.run(lambda c: looks.alert_search(c, searches[0].id))
        start, wide_at = since(*last, now) if last else (now - WIDE_OVERLAP, now)
        for search in searches:
            await self._follow(search, search.query_from(jd_of(start)))
        await self.database.run(partial(_note_look, search=searches[0].id, now=now, wide_at=wide_at))

    async def _follow(self, search: AlertSearch, query: StreamQuery) -> None:
        try:
            await self._stream(search, query)
        except StreamFailed as failure:
            if not failure.lost:
                raise
            for jd_from, jd_to in failure.lost:
                await self._recover(search, query, jd_from, jd_to)

    async def _stream(self, search: AlertSearch, query: StreamQuery) -> None:
        async for chunk in self.archive.stream(query):
            await self.database.run(partial(store_alerts, search=search.id, alerts=chunk.alerts, now=self.clock.now()))
            await chunk.acknowledge()

    async def _recover(
        self, search: AlertSearch, query: StreamQuery, jd_from: float | None, jd_to: float | None
    ) -> None:
        """Ask for a lost range again, one alert at a time, so that a broken row hides no other."""
        narrow = replace(
            query,
            jd_from=jd_from if jd_from is not None else query.jd_from,
            jd_to=jd_to + _JD_STEP if jd_to is not None else query.jd_to,
            chunk_size=1,
        )
        try:
            await self._stream(search, narrow)
        except StreamFailed as failure:
            if not failure.lost:
                raise
            for lost_from, lost_to in failure.lost:
                await self._find_by_name(search, narrow, lost_from, lost_to)

    async def _find_by_name(
        self, search: AlertSearch, query: StreamQuery, jd_from: float | None, jd_to: float | None
    ) -> None:
        """Alerts that the archive cannot show at all: it still knows which objects were seen at that time."""
        now = self.clock.now()
        jd_start = jd_from if jd_from is not None else query.jd_from or jd_of(now - WIDE_OVERLAP)
        jd_end = jd_to + _JD_STEP if jd_to is not None else query.jd_to or jd_of(now)
        try:
            names = await self.archive.objects_in_cone(0.0, 0.0, 180.0, jd_start, jd_end)
        except RequestRefused as error:  # it will never tell; anything else may pass, and is asked again
            _LOG.warning("%s: alerts between jd %s and %s cannot be read: %s", search.id, jd_start, jd_end, error)
            what = f"archive alerts between jd {jd_start:.5f} and {jd_end:.5f} could not be read: {error}"
            await self.database.run(lambda c: health.note(c, now, "unreadable_alerts", what))
            return
        if query.names is not None:
            names = tuple(name for name in names if name in set(query.names))
        await self.database.run(partial(_plan_by_name, names=names, alert_at=datetime_of_jd(jd_end), now=now))


def store_alerts(connection: Connection, *, search: str, alerts: Sequence[Alert], now: datetime) -> int:
    """Plan to read the stocks of the alerts that this search had not met; how many alerts were new."""
    fresh = reads.unseen(connection, search, {alert.candid for alert in alerts})
    for alert in alerts:
        if alert.candid in fresh and ztf.is_name(alert.name):
            ra_deg, dec_deg = _degrees(alert, "ra"), _degrees(alert, "dec")
            _plan(connection, alert.name, _date_of(alert, now), now, ra_deg, dec_deg)
    reads.note_seen(connection, search, fresh, now)
    return len(fresh)


def _date_of(alert: Alert, now: datetime) -> datetime:
    """When the alert was observed; now if its date is impossible, which shall cost nobody else's look."""
    try:
        return datetime_of_jd(alert.jd)
    except ValueError:
        return now


def _degrees(alert: Alert, field: str) -> float | None:
    try:
        return number(alert.candidate.get(field))
    except ValueError:
        return None


def _plan_by_name(connection: Connection, *, names: Sequence[str], alert_at: datetime, now: datetime) -> None:
    for name in names:
        if ztf.is_name(name):
            _plan(connection, name, alert_at, now, None, None)


def _plan(
    connection: Connection, name: str, alert_at: datetime, now: datetime, ra_deg: float | None, dec_deg: float | None
) -> None:
    key = StockKey("ztf", ztf.id_of(name))
    planned = reads.planned(connection, key)
    if planned is not None and planned.alert_at >= alert_at:
        return
    reads.plan(connection, PendingRead(key, name, alert_at, ra_deg, dec_deg, found_at=now, step=0, due_at=now))


def _note_look(connection: Connection, *, search: str, now: datetime, wide_at: datetime) -> None:
    looks.note_alert_search(connection, search, now, wide_at)
    reads.forget_seen(connection, now - _REMEMBER)


def settle_alert(connection: Connection, alert: PendingRead, seen: Snapshot | None) -> None:
    """End a planned read, or put it off as long as the live record is older than the alert."""
    planned = reads.planned(connection, alert.key)
    if planned is None or planned.alert_at > alert.alert_at:
        return  # a newer alert came in meanwhile: its own plan stands
    newest = seen.last_change if seen else None
    if (newest is not None and newest >= alert.alert_at) or alert.step >= len(READ_AGAIN_AFTER):
        reads.settle(connection, alert.key)
    else:
        due_at = alert.found_at + READ_AGAIN_AFTER[alert.step]
        reads.postpone(connection, alert.key, step=alert.step + 1, due_at=due_at)


def put_off(connection: Connection, alerts: Iterable[PendingRead]) -> None:
    """Put off planned reads that found no stock: most alerts pass no channel, so that is no sign of anything."""
    for alert in alerts:
        settle_alert(connection, alert, None)


def retry_later(connection: Connection, alerts: Iterable[PendingRead], now: datetime) -> None:
    """Try planned reads again that failed: that is no answer, so it ends a plan only after days, and with a notice."""
    for alert in alerts:
        if now - alert.found_at < GIVE_UP_AFTER:
            wait = READ_AGAIN_AFTER[min(alert.step, len(READ_AGAIN_AFTER) - 1)]
            reads.postpone(connection, alert.key, step=alert.step, due_at=now + wait)
        else:
            reads.settle(connection, alert.key)
            days = GIVE_UP_AFTER.days
            what = f"{alert.name} has an alert of {iso(alert.alert_at)}, but could not be read for {days} days"
            health.note(connection, now, "unreadable_stock", what)
