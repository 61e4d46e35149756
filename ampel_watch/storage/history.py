"""Queries on all that became of one stock: for `show` and `explain`, which only look."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, func, or_, select

from ampel_watch.model import JSON, StockKey
from ampel_watch.storage.batches import batches, is_stock
from ampel_watch.storage.changes import Recorded, recorded_of
from ampel_watch.storage.schema import (
    changes,
    cone_members,
    decisions,
    deliveries,
    events,
    light_curves,
    matches,
    notices,
    pending_reads,
    stocks,
)

_ABOUT_ALL_STOCKS = ("identity",)
_OF_A_STOCK = (stocks, changes, events, pending_reads, light_curves, matches, cone_members)


@dataclass(frozen=True, slots=True)
class DeliveryTrace:
    """How far an event has come on its way to one receiver.

    Attributes
    ----------
    state: `waiting`, `sending`, `delivered` or `dead`.
    error, status: of the last try, in the receiver's words, if that failed.
    """

    receiver: str
    state: str
    attempts: int
    first_try_at: datetime | None
    next_try_at: datetime
    finished_at: datetime | None
    error: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class DecisionTrace:
    """What a watch made of a change.

    Attributes
    ----------
    outcome: `event` or `silent`.
    values: the names that the rule looked at, with what it saw; None if no rule was asked.
    """

    watch: str
    outcome: str
    reason: str
    values: JSON | None
    event_id: str | None
    decided_at: datetime
    deliveries: tuple[DeliveryTrace, ...]


@dataclass(frozen=True, slots=True)
class ChangeTrace:
    """A change of the stock, and all that followed from it.

    Attributes
    ----------
    evaluated_at: when the last watch had decided; None while it waits.
    tries, retry_at: how often it was tried to find out what it waits for, and when it is tried again.
    """

    recorded: Recorded
    evaluated_at: datetime | None
    tries: int
    retry_at: datetime | None
    decisions: tuple[DecisionTrace, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A row that says why something did not become an event."""

    at: datetime
    what: str
    text: str


def is_known(connection: Connection, key: StockKey) -> bool:
    """Whether any look ever met this stock."""
    return any(connection.execute(select(exists().where(is_stock(table, key)))).scalar() for table in _OF_A_STOCK)


def count_changes(connection: Connection, key: StockKey) -> int:
    """How many changes of the stock are recorded."""
    return connection.execute(select(func.count()).select_from(changes).where(is_stock(changes, key))).scalar_one()


def changes_of(
    connection: Connection, key: StockKey, *, limit: int | None = None, watch: str | None = None
) -> tuple[ChangeTrace, ...]:
    """The changes of a stock, oldest first.

    Parameters
    ----------
    limit: only the newest so many.
    watch: only those that this watch decided about, or may still, and only its decisions.
    """
    query = select(changes).where(is_stock(changes, key))
    if watch is not None:
        decided = exists().where(decisions.c.change_seq == changes.c.seq, decisions.c.watch == watch)
        query = query.where(or_(decided, changes.c.evaluated_at.is_(None)))
    rows = connection.execute(query.order_by(changes.c.seq.desc()).limit(limit)).all()[::-1]
    decided_by = _decisions(connection, [row.seq for row in rows], watch)
    return tuple(_change_trace(row, tuple(decided_by[row.seq])) for row in rows)


def _change_trace(row: Row[Any], decided: tuple[DecisionTrace, ...]) -> ChangeTrace:
    return ChangeTrace(recorded_of(row), row.evaluated_at, row.tries, row.retry_at, decided)


def _decisions(connection: Connection, seqs: Sequence[int], watch: str | None) -> dict[int, list[DecisionTrace]]:
    """The decisions about these changes, in the order in which they were made."""
    found: dict[int, list[DecisionTrace]] = defaultdict(list)
    for batch in batches(seqs):
        query = select(decisions).where(decisions.c.change_seq.in_(batch))
        if watch is not None:
            query = query.where(decisions.c.watch == watch)
        rows = connection.execute(query.order_by(decisions.c.decided_at, decisions.c.watch)).all()
        sent = _deliveries(connection, [row.event_id for row in rows if row.event_id is not None])
        for row in rows:
            on_its_way = tuple(sent.get(row.event_id, ()))
            # The column's name is also a method of a row.
            values = row._mapping[decisions.c["values"]]  # noqa: SLF001 - the documented way to read such a column
            found[row.change_seq].append(
                DecisionTrace(row.watch, row.outcome, row.reason, values, row.event_id, row.decided_at, on_its_way)
            )
    return found


def _deliveries(connection: Connection, event_ids: Sequence[str]) -> dict[str, list[DeliveryTrace]]:
    """The deliveries of these events, by receiver."""
    found: dict[str, list[DeliveryTrace]] = defaultdict(list)
    joined = deliveries.join(events, deliveries.c.event_seq == events.c.seq)
    for batch in batches(event_ids):
        query = select(deliveries, events.c.id.label("event_id")).select_from(joined).where(events.c.id.in_(batch))
        for row in connection.execute(query.order_by(events.c.seq, deliveries.c.receiver)):
            found[row.event_id].append(
                DeliveryTrace(
                    receiver=row.receiver,
                    state=row.state,
                    attempts=row.attempts,
                    first_try_at=row.first_try_at,
                    next_try_at=row.next_try_at,
                    finished_at=row.finished_at,
                    error=row.error,
                    status=row.status,
                )
            )
    return found


def outcomes_of(connection: Connection, key: StockKey) -> dict[str, dict[str, int]]:
    """What each watch made of the stock's changes: watch → outcome → how often."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    counted = (
        select(decisions.c.watch, decisions.c.outcome, func.count().label("times"))
        .select_from(decisions.join(changes, decisions.c.change_seq == changes.c.seq))
        .where(is_stock(changes, key))
        .group_by(decisions.c.watch, decisions.c.outcome)
        .order_by(decisions.c.watch, decisions.c.outcome)
    )
    for row in connection.execute(counted):
        found[row.watch][row.outcome] = row.times
    return dict(found)


def watches_that_decided(connection: Connection) -> frozenset[str]:
    """The names of all watches that ever decided about a change, also of removed ones."""
    return frozenset(connection.execute(select(decisions.c.watch).distinct()).scalars())


def notices_about(connection: Connection, name: str) -> tuple[Notice, ...]:
    """The notices that name this stock, and those that concern every stock, oldest first."""
    named = notices.c.text.contains(name, autoescape=True)
    rows = connection.execute(
        select(notices).where(or_(named, notices.c.what.in_(_ABOUT_ALL_STOCKS))).order_by(notices.c.seq)
    )
    whole_name = re.compile(rf"\b{re.escape(name)}\b")  # LIKE takes upper for lower case, and parts for wholes
    return tuple(
        Notice(row.at, row.what, row.text)
        for row in rows
        if row.what in _ABOUT_ALL_STOCKS or whole_name.search(row.text)
    )
