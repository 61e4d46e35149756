"""Queries on events and their deliveries: the outbox.

A delivery is `waiting`, `sending` (claimed, under a lease), `delivered` or `dead`. Per stock and receiver the order of
events is kept: one that is still on its way holds back the later ones of that stock, and of no other.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, insert, or_, select, update

from ampel_watch.model import Event
from ampel_watch.storage.schema import deliveries, events

ON_ITS_WAY = ("waiting", "sending")
_FURTHEST_AHEAD = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours to send until the lease ends; `body` is the event's JSON, frozen when it was made."""

    id: str
    event_id: str
    watch: str
    receiver: str
    body: str
    made_at: datetime
    attempts: int
    first_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended: the new state, and when the next one is due if the state is `waiting`."""

    state: str
    at: datetime
    next_try_at: datetime | None = None
    error: str | None = None
    status: str | None = None


def delivery_id(event_id: str, receiver: str) -> str:
    """The stable id of one event on its way to one receiver."""
    return sha256(f"{event_id}\0{receiver}".encode()).hexdigest()[:32]


def add_event(connection: Connection, event: Event, receivers: Collection[str], at: datetime) -> bool:
    """Store an event with one pending delivery per receiver; False, and nothing done, if it is stored already."""
    if connection.execute(select(events.c.seq).where(events.c.id == event.id)).first() is not None:
        return False
    stock = {"survey": event.stock.survey, "stock_id": event.stock.id}
    seq = connection.execute(
        insert(events)
        .values(
            id=event.id,
            watch=event.watch,
            kind=event.kind,
            name=event.stock.name,
            made_at=at,
            body=event.body().decode(),
            **stock,
        )
        .returning(events.c.seq)
    ).scalar_one()
    rows = [
        {
            "id": delivery_id(event.id, receiver),
            "event_seq": seq,
            "receiver": receiver,
            "state": "waiting",
            "next_try_at": at,
            **stock,
        }
        for receiver in dict.fromkeys(receivers)
    ]
    if rows:
        connection.execute(insert(deliveries), rows)
    return True


def claim(
    connection: Connection,
    receiver: str,
    *,
    now: datetime,
    lease_until: datetime,
    limit: int,
    sending: Collection[str] = (),
) -> list[Claimed]:
    """Take up to `limit` deliveries that may be sent now, the oldest first, and lease them.

    `sending` names those that the caller is still sending, whatever has become of their lease.
    """
    ready = and_(
        deliveries.c.receiver == receiver,
        deliveries.c.id.not_in(sorted(sending)),
        _claimable(now),
        ~_held_back(),
    )
    chosen = list(connection.execute(_with_event().where(ready).order_by(deliveries.c.event_seq).limit(limit)))
    for row in chosen:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id == row.id)
            .values(
                state="sending",
                lease_until=lease_until,
                attempts=row.attempts + 1,
                first_try_at=row.first_try_at or now,
            )
        )
    return [_claimed(row, now) for row in chosen]


def _with_event() -> Select[Any]:
    return select(
        deliveries, events.c.id.label("event_id"), events.c.watch, events.c.body, events.c.made_at
    ).select_from(deliveries.join(events, deliveries.c.event_seq == events.c.seq))


def _claimable(now: datetime) -> ColumnElement[bool]:
    """Due, or so far ahead that only a clock that was wrong can have set it."""
    too_far = now + _FURTHEST_AHEAD
    return or_(
        and_(
            deliveries.c.state == "waiting",
            or_(deliveries.c.next_try_at <= now, deliveries.c.next_try_at > too_far),
        ),
        and_(
            deliveries.c.state == "sending",
            or_(deliveries.c.lease_until <= now, deliveries.c.lease_until > too_far),
        ),
    )


def _held_back() -> ColumnElement[bool]:
    earlier = deliveries.alias("earlier")
    return exists().where(
        earlier.c.receiver == deliveries.c.receiver,
        earlier.c.survey == deliveries.c.survey,
        earlier.c.stock_id == deliveries.c.stock_id,
        earlier.c.event_seq < deliveries.c.event_seq,
        earlier.c.state.in_(ON_ITS_WAY),
    )


def _claimed(row: Row[Any], now: datetime) -> Claimed:
    return Claimed(
        id=row.id,
        event_id=row.event_id,
        watch=row.watch,
        receiver=row.receiver,
        body=row.body,
        made_at=row.made_at,
        attempts=row.attempts + 1,
        first_try_at=row.first_try_at or now,
    )


def renew(connection: Connection, ids: Collection[str], lease_until: datetime) -> None:
    """Keep the lease of deliveries that are still being sent."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(sorted(ids)), deliveries.c.state == "sending")
        .values(lease_until=lease_until)
    )


def settle(connection: Connection, delivery: str, outcome: Outcome) -> None:
    """Record how a try ended."""
    values: dict[str, Any] = {
        "state": outcome.state,
        "lease_until": None,
        "error": outcome.error,
        "status": outcome.status,
    }
    if outcome.next_try_at is not None:
        values["next_try_at"] = outcome.next_try_at
    else:
        values["finished_at"] = outcome.at
    connection.execute(update(deliveries).where(deliveries.c.id == delivery).values(**values))


def release_claims(connection: Connection, now: datetime) -> int:
    """Take over what an earlier process was sending: for the holder of the state's lock, at start."""
    released = connection.execute(
        update(deliveries)
        .where(deliveries.c.state == "sending")
        .values(state="waiting", lease_until=None, next_try_at=now)
    )
    return released.rowcount


def bury_removed(connection: Connection, receivers: Collection[str], at: datetime) -> int:
    """Make the deliveries of receivers that are no longer configured dead, with that reason."""
    buried = connection.execute(
        update(deliveries)
        .where(deliveries.c.state.in_(ON_ITS_WAY), deliveries.c.receiver.not_in(sorted(receivers)))
        .values(
            state="dead",
            lease_until=None,
            finished_at=at,
            error="the receiver was removed from the configuration",
        )
    )
    return buried.rowcount


def next_try_at(connection: Connection, receivers: Collection[str], sending: Collection[str] = ()) -> datetime | None:
    """When the next delivery to one of these receivers can be claimed: its try is due, or a lost one's lease ends.

    `sending` names those that the caller is still sending: they end by themselves.
    """
    theirs = deliveries.c.receiver.in_(sorted(receivers))
    waiting = select(deliveries.c.next_try_at.label("at")).where(theirs, deliveries.c.state == "waiting", ~_held_back())
    lost = select(deliveries.c.lease_until.label("at")).where(
        theirs, deliveries.c.state == "sending", deliveries.c.id.not_in(sorted(sending))
    )
    either = waiting.union_all(lost).subquery()
    when: datetime | None = connection.execute(select(func.min(either.c.at))).scalar()
    return when


def pending(connection: Connection) -> Iterator[Claimed]:
    """All deliveries that are still to be sent, in order; claims nothing."""
    rows = connection.execute(_with_event().where(deliveries.c.state.in_(ON_ITS_WAY)).order_by(deliveries.c.event_seq))
    for row in rows:
        yield _claimed(row, row.made_at)
