"""Queries on changes, and on what each watch decided about them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from ampel_watch.model import Change, StockKey
from ampel_watch.storage.schema import changes, decisions
from ampel_watch.storage.upsert import insert_missing


@dataclass(frozen=True, slots=True)
class Recorded:
    """A stored change.

    Attributes
    ----------
    seq: its place in the order of all changes.
    channels: those that the stock was or is in, at the time.
    entered_at: set if the stock was met in a channel whose member set was never listed completely: a watch that
        began to look later than that has nothing new.
    only_watch: set if the change is one watch's first look, which asked to be told.
    """

    seq: int
    change: Change
    channels: frozenset[str]
    entered_at: datetime | None
    only_watch: str | None


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


def waiting(connection: Connection, limit: int) -> list[Recorded]:
    """The oldest changes that are not evaluated yet."""
    rows = connection.execute(
        select(changes).where(changes.c.evaluated_at.is_(None)).order_by(changes.c.seq).limit(limit)
    )
    return [
        Recorded(
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
        )
        for row in rows
    ]


def note_decision(
    connection: Connection,
    seq: int,
    watch: str,
    outcome: str,
    reason: str,
    *,
    event_id: str | None,
    at: datetime,
) -> None:
    """Record what a watch made of a change: `event` or `silent`, and why. A decision once made stays."""
    row = {
        "change_seq": seq,
        "watch": watch,
        "outcome": outcome,
        "reason": reason,
        "event_id": event_id,
        "decided_at": at,
    }
    insert_missing(connection, decisions, [row])


def finish(connection: Connection, seqs: list[int], at: datetime) -> None:
    """Mark changes as evaluated for all watches."""
    connection.execute(update(changes).where(changes.c.seq.in_(seqs)).values(evaluated_at=at))
