"""Queries on changes, and on what each watch decided about them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update

from ampel_watch.model import Change, StockKey
from ampel_watch.storage.batches import batches
from ampel_watch.storage.schema import changes, decisions
from ampel_watch.storage.upsert import insert_missing

_FURTHEST_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A stored change.

    Attributes
    ----------
    seq: its place in the order of all changes.
    channels: those that the stock was or is in, at the time.
    entered_at: set if the stock was met in a channel whose member set was never listed completely: a watch that
        began to look later than that has nothing new.
    only_watch: set if the change concerns one watch alone: its own first look, its own threshold, its own position.
    tries: how many times it was put off.
    """

    seq: int
    change: Change
    channels: frozenset[str]
    entered_at: datetime | None
    only_watch: str | None
    tries: int = 0


def newest_seq(connection: Connection) -> int:
    """The number of the newest change; 0 if there is none."""
    return connection.execute(select(func.max(changes.c.seq))).scalar() or 0


def append(
    connection: Connection,
    change: Change,
    channels: frozenset[str],
    *,
    entered_at: datetime | None = None,
    only_watch: str | None = None,
) -> None:
    """Record a change of a stock that was or is in these channels, to be evaluated."""
    connection.execute(
        insert(changes).values(
            survey=change.key.survey,
            stock_id=change.key.id,
            name=change.name,
            kind=change.kind,
            counter=change.counter,
            channel=change.channel,
            channels=sorted(channels),
            before=dict(change.before),
            after=dict(change.after),
            seen_at=change.seen_at,
            unseen_since=change.unseen_since,
            entered_at=entered_at,
            only_watch=only_watch,
        )
    )


def new(connection: Connection, limit: int) -> list[Recorded]:
    """The oldest changes that were never evaluated."""
    waits = and_(changes.c.evaluated_at.is_(None), changes.c.retry_at.is_(None))
    rows = connection.execute(select(changes).where(waits).order_by(changes.c.seq).limit(limit))
    return [recorded_of(row) for row in rows]


def due(connection: Connection, now: datetime, most_stocks: int) -> list[Recorded]:
    """The oldest changes that wait for facts and are due to be evaluated again, all that there are of so many stocks.

    The changes of one stock are told in their order: what waits from before a change that is due comes with it. One put
    off for longer than anybody would comes from a clock that was wrong, and waits no longer.
    """
    waits = and_(changes.c.evaluated_at.is_(None), changes.c.retry_at.is_not(None))
    is_due = or_(changes.c.retry_at <= now, changes.c.retry_at > now + _FURTHEST_AHEAD)
    stock = (changes.c.survey, changes.c.stock_id)
    of_stock = select(*stock, func.max(changes.c.seq).label("newest")).where(waits, is_due).group_by(*stock)
    first = of_stock.order_by(func.min(changes.c.seq)).limit(most_stocks).subquery()
    is_in_turn = and_(*(column == first.c[column.name] for column in stock), changes.c.seq <= first.c.newest)
    rows = connection.execute(select(changes).join(first, is_in_turn).where(waits).order_by(changes.c.seq))
    return [recorded_of(row) for row in rows]


def next_retry(connection: Connection) -> datetime | None:
    """When the next of the changes that are put off is due."""
    when: datetime | None = connection.execute(
        select(func.min(changes.c.retry_at)).where(changes.c.evaluated_at.is_(None))
    ).scalar()
    return when


def recorded_of(row: Row[Any]) -> Recorded:
    """The change that a row of the table holds."""
    return Recorded(
        seq=row.seq,
        change=Change(
            key=StockKey(row.survey, row.stock_id),
            name=row.name,
            kind=row.kind,
            counter=row.counter,
            before=row.before,
            after=row.after,
            seen_at=row.seen_at,
            channel=row.channel,
            unseen_since=row.unseen_since,
        ),
        channels=frozenset(row.channels),
        entered_at=row.entered_at,
        only_watch=row.only_watch,
        tries=row.tries,
    )


def put_off(connection: Connection, seq: int, *, tries: int, retry_at: datetime) -> None:
    """Evaluate a change again later, for the watches that have not decided."""
    connection.execute(update(changes).where(changes.c.seq == seq).values(tries=tries, retry_at=retry_at))


def decided(connection: Connection, seqs: Collection[int]) -> dict[int, set[str]]:
    """The watches that have decided on each of these changes; a change without any is left out."""
    found: dict[int, set[str]] = {}
    for batch in batches(seqs):
        wanted = select(decisions.c.change_seq, decisions.c.watch).where(decisions.c.change_seq.in_(batch))
        for row in connection.execute(wanted):
            found.setdefault(row.change_seq, set()).add(row.watch)
    return found


def note_decision(
    connection: Connection,
    seq: int,
    watch: str,
    outcome: str,
    reason: str,
    *,
    event_id: str | None,
    at: datetime,
    values: Mapping[str, Any] | None = None,
) -> None:
    """Record what a watch made of a change: `event` or `silent`, and why. A decision once made stays.

    `values` are those that its rule saw: name → value, None for null.
    """
    row = {
        "change_seq": seq,
        "watch": watch,
        "outcome": outcome,
        "reason": reason,
        "event_id": event_id,
        "decided_at": at,
        "values": None if values is None else dict(values),
    }
    insert_missing(connection, decisions, [row])


def finish(connection: Connection, seqs: list[int], at: datetime) -> None:
    """Mark changes as evaluated for all watches."""
    for batch in batches(seqs):
        connection.execute(update(changes).where(changes.c.seq.in_(batch)).values(evaluated_at=at, retry_at=None))
