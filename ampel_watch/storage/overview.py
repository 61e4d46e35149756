"""Queries for people and programs that look at the state: `status` and `events`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from ampel_watch.storage.outbox import ON_ITS_WAY
from ampel_watch.storage.schema import changes, deliveries, events, pending_reads, services, stocks, watches


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to list; None for no restriction. `after` is the number of an event, `limit` keeps the newest."""

    watch: str | None = None
    stock: str | None = None
    since: datetime | None = None
    after: int = 0
    limit: int | None = None


def list_events(connection: Connection, wanted: EventFilter) -> list[tuple[int, str]]:
    """The events that match, newest last: (number, JSON)."""
    query = select(events.c.seq, events.c.body).where(events.c.seq > wanted.after)
    if wanted.watch is not None:
        query = query.where(events.c.watch == wanted.watch)
    if wanted.stock is not None:
        query = query.where(events.c.name == wanted.stock)
    if wanted.since is not None:
        query = query.where(events.c.made_at >= wanted.since)
    newest = connection.execute(query.order_by(events.c.seq.desc()).limit(wanted.limit))
    return [(row.seq, row.body) for row in newest][::-1]


def watch_rows(connection: Connection) -> dict[str, dict[str, Any]]:
    """How the last look of each watch went."""
    return {row["name"]: dict(row) for row in connection.execute(select(watches)).mappings()}


def service_rows(connection: Connection) -> dict[str, dict[str, Any]]:
    """How each service was found last."""
    return {row["name"]: dict(row) for row in connection.execute(select(services)).mappings()}


def queue(connection: Connection) -> Iterator[dict[str, Any]]:
    """Deliveries by receiver and state: how many, the oldest one's event, the next try."""
    grouped = (
        select(
            deliveries.c.receiver,
            deliveries.c.state,
            func.count().label("count"),
            func.min(events.c.made_at).label("oldest"),
            func.min(deliveries.c.next_try_at).label("next_try_at"),
        )
        .select_from(deliveries.join(events, deliveries.c.event_seq == events.c.seq))
        .group_by(deliveries.c.receiver, deliveries.c.state)
        .order_by(deliveries.c.receiver, deliveries.c.state)
    )
    yield from map(dict, connection.execute(grouped).mappings())


def last_error(connection: Connection, receiver: str) -> str | None:
    """The last error of a delivery to this receiver that is still on its way."""
    return connection.execute(
        select(deliveries.c.error)
        .where(deliveries.c.receiver == receiver, deliveries.c.state.in_(ON_ITS_WAY), deliveries.c.error.is_not(None))
        .order_by(deliveries.c.event_seq)
        .limit(1)
    ).scalar()


def counts(connection: Connection) -> dict[str, int]:
    """How much the state holds."""

    def count(query: Any) -> int:
        return connection.execute(query).scalar() or 0

    return {
        "stocks": count(select(func.count()).select_from(stocks).where(stocks.c.digest != "")),
        "changes": count(select(func.count()).select_from(changes)),
        "changes_waiting": count(select(func.count()).select_from(changes).where(changes.c.evaluated_at.is_(None))),
        "events": count(select(func.count()).select_from(events)),
        "reads_planned": count(select(func.count()).select_from(pending_reads)),
    }
