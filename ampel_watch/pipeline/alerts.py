"""Finding stocks through the archive: which alerts are new since the last look, and what to read because of them.

Alerts are stored as planned reads before their chunk is acknowledged, so that a crash repeats work and loses none.
Those of watched stocks are stored as light curves too, with the changes that they show.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

from sqlalchemy import Connection

from ampel_watch import ztf
from ampel_watch.alertvalues import DEC_DEG, RA_DEG, number
from ampel_watch.clock import Clock
from ampel_watch.julian import datetime_of_jd, jd_of
from ampel_watch.lightcurve import light_curve_of
from ampel_watch.model import JSON, Alert, Snapshot, StockKey, iso
from ampel_watch.pipeline.archive_reader import AlertReader, Unreadable
from ampel_watch.pipeline.overlap import WIDE_OVERLAP, since
from ampel_watch.pipeline.photometry import Measured, Photometry
from ampel_watch.services.archive import ArchiveClient
from ampel_watch.services.streams import StreamQuery
from ampel_watch.storage import Database, health, light_curves, looks, reads
from ampel_watch.storage.reads import PendingRead

NAMES_PER_STREAM = 1000
# Alerts come with their history as long as there are few; that multiplies their size.
HISTORY_OF_LAST = 500
_REMEMBER = timedelta(days=10)
# The live record of an alert may come minutes to hours after the alert itself.
READ_AGAIN_AFTER = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
GIVE_UP_AFTER = timedelta(days=3)
_NAMED = "named"


@dataclass(frozen=True, slots=True)
class AlertSearch:
    """One question to the archive, repeated at every look.

    Attributes
    ----------
    text: what identifies it: its filter as canonical JSON, or what the named stocks are stocks of.
    candidate: conditions on the alert.
    """

    text: str
    candidate: JSON | None = None

    @property
    def id(self) -> str:
        """The key under which it is remembered."""
        return sha256(self.text.encode()).hexdigest()[:32]


def by_filter(candidates: str) -> AlertSearch:
    """The search for all alerts that meet a filter, given as canonical JSON."""
    return AlertSearch(candidates, json.loads(candidates) or None)


def stocks_of_watch(watch: str) -> AlertSearch:
    """The search for alerts of the stocks that a watch names."""
    return AlertSearch(f"stocks of the watch {watch}")


def members_of_channel(channel: str) -> AlertSearch:
    """The search for alerts of the known members of a channel."""
    return AlertSearch(f"members of the channel {channel}")


class AlertFinder:
    """Asks the archive for what is new, plans the reads, and stores what was measured of watched stocks."""

    def __init__(self, archive: ArchiveClient, database: Database, clock: Clock, photometry: Photometry) -> None:
        self._database = database
        self._clock = clock
        self._photometry = photometry
        self._reader = AlertReader(archive, database, clock)
        self._with_baseline: set[StockKey] = set()

    async def look(self, search: AlertSearch) -> None:
        """Plan to read every stock with an alert that this search did not meet before.

        Raises `ServiceError` if the archive did not answer completely; what it did answer is kept.
        """
        now = self._clock.now()
        start, wide_at = await self._window([search], now)
        await self._read(search, StreamQuery(candidate=search.candidate, jd_from=jd_of(start)))
        await self._database.run(partial(_note_looks, searches=[search], now=now, wide_at=wide_at))

    async def look_at(
        self, named: Mapping[StockKey, str], searches: Sequence[AlertSearch], unseen_since: datetime | None
    ) -> int:
        """The same for stocks by name, asked for once for all that want to know; how many changes that showed."""
        now = self._clock.now()
        start, wide_at = await self._window(searches, now)
        await self._database.run(partial(light_curves.doubt_gaps, keys=named.keys(), start=start, now=now))
        ordered, found = sorted(named.values()), 0

        async def take(alerts: Sequence[Alert]) -> None:
            nonlocal found
            found += await self._database.run(partial(self._store_named, alerts=alerts, unseen_since=unseen_since))

        for first in range(0, len(ordered), NAMES_PER_STREAM):
            names = tuple(ordered[first : first + NAMES_PER_STREAM])
            query = StreamQuery(names=names, jd_from=jd_of(start), chunk_size=HISTORY_OF_LAST)
            unreadable = await self._reader.read(query, take, history_of_last=HISTORY_OF_LAST)
            await self._plan_unreadable(unreadable)
            await self._distrust(unreadable)
        await self._database.run(partial(self._finish, named=named, searches=searches, now=now, wide_at=wide_at))
        return found

    async def _window(self, searches: Sequence[AlertSearch], now: datetime) -> tuple[datetime, datetime]:
        """From when on to ask so that none of the searches misses anything, and when the last wide look then was."""
        ids = [search.id for search in searches]
        last = await self._database.run(lambda c: [looks.alert_search(c, search) for search in ids])
        windows = [since(*look, now) if look else (now - WIDE_OVERLAP, now) for look in last]
        return min(start for start, _ in windows), min(wide for _, wide in windows)

    async def _read(self, search: AlertSearch, query: StreamQuery) -> None:
        async def take(alerts: Sequence[Alert]) -> None:
            now = self._clock.now()
            await self._database.run(partial(store_alerts, search=search.id, alerts=alerts, now=now))

        await self._plan_unreadable(await self._reader.read(query, take))

    async def _plan_unreadable(self, unreadable: Sequence[Unreadable]) -> None:
        now = self._clock.now()
        for gap in unreadable:
            alert_at = datetime_of_jd(gap.jd_end)
            await self._database.run(partial(_plan_by_name, names=gap.names, alert_at=alert_at, now=now))

    async def _distrust(self, unreadable: Sequence[Unreadable]) -> None:
        """Let the light curves be fetched in another way that the archive has something unreadable of."""
        for gap in unreadable:
            keys = {StockKey("ztf", ztf.id_of(name)) for name in gap.names if ztf.is_name(name)}
            seen_at = datetime_of_jd(gap.jd_end)
            await self._database.run(partial(light_curves.distrust, keys=keys, seen_at=seen_at))

    def _store_named(self, connection: Connection, *, alerts: Sequence[Alert], unseen_since: datetime | None) -> int:
        now = self._clock.now()
        store_alerts(connection, search=_NAMED, alerts=alerts, now=now)
        return self._photometry.record(connection, measured(alerts), now, unseen_since=unseen_since)

    def _finish(
        self,
        connection: Connection,
        *,
        named: Mapping[StockKey, str],
        searches: Sequence[AlertSearch],
        now: datetime,
        wide_at: datetime,
    ) -> None:
        """From here on, what the archive has of these stocks is news."""
        new = {key: name for key, name in named.items() if key not in self._with_baseline}
        light_curves.note_baselines(connection, new, now)
        self._with_baseline.update(new)
        light_curves.note_followed(connection, named.keys(), now)
        _note_looks(connection, searches=searches, now=now, wide_at=wide_at)


def measured(alerts: Iterable[Alert]) -> list[Measured]:
    """The alerts of each stock as its light curve."""
    by_name: dict[str, list[Alert]] = {}
    for alert in alerts:
        if ztf.is_name(alert.name):
            by_name.setdefault(alert.name, []).append(alert)
    return [Measured(StockKey("ztf", ztf.id_of(name)), name, light_curve_of(own)) for name, own in by_name.items()]


def store_alerts(connection: Connection, *, search: str, alerts: Sequence[Alert], now: datetime) -> int:
    """Plan to read the stocks of the alerts that this search had not met; how many alerts were new."""
    fresh = reads.unseen(connection, search, {alert.candid for alert in alerts})
    for alert in alerts:
        if alert.candid in fresh and ztf.is_name(alert.name):
            plan_read(connection, alert.name, _date_of(alert, now), now, *(place_of(alert) or (None, None)))
    reads.note_seen(connection, search, fresh, now)
    return len(fresh)


def _date_of(alert: Alert, now: datetime) -> datetime:
    """When the alert was observed; now if its date is impossible, which shall cost nobody else's look."""
    try:
        return datetime_of_jd(alert.jd)
    except ValueError:
        return now


def place_of(alert: Alert) -> tuple[float, float] | None:
    """Right ascension and declination of an alert; None if it has none that exists."""
    ra_deg, dec_deg = number(alert.candidate.get("ra"), RA_DEG), number(alert.candidate.get("dec"), DEC_DEG)
    return None if ra_deg is None or dec_deg is None else (ra_deg % 360, dec_deg)


def _plan_by_name(connection: Connection, *, names: Sequence[str], alert_at: datetime, now: datetime) -> None:
    for name in names:
        if ztf.is_name(name):
            plan_read(connection, name, alert_at, now, None, None)


def plan_read(
    connection: Connection, name: str, alert_at: datetime, now: datetime, ra_deg: float | None, dec_deg: float | None
) -> None:
    """Plan to read a stock on the live service because of an alert, unless that is planned for a newer one."""
    key = StockKey("ztf", ztf.id_of(name))
    planned = reads.planned(connection, key)
    if planned is not None and planned.alert_at >= alert_at:
        return
    reads.plan(connection, PendingRead(key, name, alert_at, ra_deg, dec_deg, found_at=now, step=0, due_at=now))


def _note_looks(connection: Connection, *, searches: Sequence[AlertSearch], now: datetime, wide_at: datetime) -> None:
    for search in searches:
        looks.note_alert_search(connection, search.id, now, wide_at)
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
