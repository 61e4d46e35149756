"""Queries on archive alerts that were met, and on the stocks that must be read on the live service because of one."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from ampel_watch.model import StockKey
from ampel_watch.storage.batches import batches, is_stock
from ampel_watch.storage.schema import pending_reads, seen_alerts
from ampel_watch.storage.upsert import upsert


@dataclass(frozen=True, slots=True)
class PendingRead:
    """A stock to be read on the live service because the archive has an alert of it.

    Attributes
    ----------
    alert_at: observation time of the newest such alert.
    found_at: when we met that alert.
    step: how many times the live record was read and found older than the alert.
    """

    key: StockKey
    name: str
    alert_at: datetime
    ra_deg: float | None
    dec_deg: float | None
    found_at: datetime
    step: int
    due_at: datetime


def unseen(connection: Connection, search: str, candids: Collection[int]) -> set[int]:
    """Those of `candids` that this archive search has not met before."""
    left = set(candids)
    for batch in batches(sorted(left)):
        known = connection.execute(
            select(seen_alerts.c.candid).where(seen_alerts.c.search == search, seen_alerts.c.candid.in_(batch))
        )
        left -= set(known.scalars())
    return left


def note_seen(connection: Connection, search: str, candids: Iterable[int], at: datetime) -> None:
    """Record alerts as met."""
    rows = [{"search": search, "candid": candid, "seen_at": at} for candid in sorted(candids)]
    if rows:
        connection.execute(seen_alerts.insert(), rows)


def forget_seen(connection: Connection, before: datetime) -> None:
    """Drop alerts met before a time that no overlap reaches back to."""
    connection.execute(delete(seen_alerts).where(seen_alerts.c.seen_at < before))


def plan(connection: Connection, read: PendingRead) -> None:
    """Plan to read a stock; a newer alert begins the schedule anew."""
    key = {"survey": read.key.survey, "stock_id": read.key.id}
    values = {
        "name": read.name,
        "alert_at": read.alert_at,
        "ra_deg": read.ra_deg,
        "dec_deg": read.dec_deg,
        "found_at": read.found_at,
        "step": read.step,
        "due_at": read.due_at,
    }
    upsert(connection, pending_reads, key, values)


def due(connection: Connection, now: datetime, limit: int | None) -> list[PendingRead]:
    """The planned reads that are due, the longest due first."""
    rows = connection.execute(
        select(pending_reads).where(pending_reads.c.due_at <= now).order_by(pending_reads.c.due_at).limit(limit)
    )
    return [_pending(row) for row in rows]


def planned(connection: Connection, key: StockKey) -> PendingRead | None:
    """The planned read of a stock, if there is one."""
    row = connection.execute(select(pending_reads).where(is_stock(pending_reads, key))).first()
    return None if row is None else _pending(row)


def postpone(connection: Connection, key: StockKey, *, step: int, due_at: datetime) -> None:
    """Read a stock again later."""
    connection.execute(update(pending_reads).where(is_stock(pending_reads, key)).values(step=step, due_at=due_at))


def settle(connection: Connection, key: StockKey) -> None:
    """The stock needs no further reading because of an alert."""
    connection.execute(delete(pending_reads).where(is_stock(pending_reads, key)))


def _pending(row: Row[Any]) -> PendingRead:
    return PendingRead(
        key=StockKey(row.survey, row.stock_id),
        name=row.name,
        alert_at=row.alert_at,
        ra_deg=row.ra_deg,
        dec_deg=row.dec_deg,
        found_at=row.found_at,
        step=row.step,
        due_at=row.due_at,
    )
