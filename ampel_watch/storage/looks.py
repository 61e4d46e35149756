"""Queries on how far each look has come: channel listings, archive searches, and the first look of each watch."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from ampel_watch.storage.batches import batches
from ampel_watch.storage.changes import newest_seq
from ampel_watch.storage.schema import alert_looks, channel_looks, first_looks
from ampel_watch.storage.upsert import insert_missing, upsert


@dataclass(frozen=True, slots=True)
class ChannelLook:
    """How far the listing of a channel has come.

    Attributes
    ----------
    looked_at, looked_wide_at: start of the last complete look, and of the last with the wide overlap.
    complete: whether the member set was ever listed completely; looking through the archive never does.
    epoch: with which identities of the token.
    """

    looked_at: datetime
    looked_wide_at: datetime
    complete: bool
    epoch: int


@dataclass(frozen=True, slots=True)
class FirstLook:
    """When a watch began to look at a target; changes up to `after_change` are not its events."""

    looked_at: datetime
    after_change: int


# (watch, target) → its first look
FirstLooks = Mapping[tuple[str, str], FirstLook]


def channel_target(channel: str) -> str:
    """How a channel is written as the target of a first look."""
    return f"channel:{channel}"


def stock_target(survey: str, stock_id: int) -> str:
    """How a named stock is written as the target of a first look."""
    return f"stock:{survey}/{stock_id}"


def cone_target(cone: str) -> str:
    """How a watched position, by the key of its circle, is written as the target of a first look."""
    return f"cone:{cone}"


def channels(connection: Connection) -> dict[str, ChannelLook]:
    """All channels that have had their first look."""
    rows = connection.execute(select(channel_looks))
    return {r.channel: ChannelLook(r.looked_at, r.looked_wide_at, r.complete, r.epoch) for r in rows}


def note_channel(connection: Connection, channel: str, look: ChannelLook) -> None:
    """Record a finished look at a channel."""
    values = {
        "looked_at": look.looked_at,
        "looked_wide_at": look.looked_wide_at,
        "complete": look.complete,
        "epoch": look.epoch,
    }
    upsert(connection, channel_looks, {"channel": channel}, values)


def alert_search(connection: Connection, search: str) -> tuple[datetime, datetime] | None:
    """When an archive search was last done, and last done with the wide overlap; None if never."""
    row = connection.execute(select(alert_looks).where(alert_looks.c.search == search)).first()
    return None if row is None else (row.looked_at, row.looked_wide_at)


def note_alert_search(connection: Connection, search: str, looked_at: datetime, looked_wide_at: datetime) -> None:
    """Record a finished archive search."""
    upsert(
        connection,
        alert_looks,
        {"search": search},
        {"looked_at": looked_at, "looked_wide_at": looked_wide_at},
    )


def first_looks_at(connection: Connection, targets: Collection[str]) -> dict[tuple[str, str], FirstLook]:
    """The first looks of all watches at these targets: (watch, target) → first look."""
    found = {}
    for batch in batches(sorted(targets)):
        for row in connection.execute(select(first_looks).where(first_looks.c.target.in_(batch))):
            found[row.watch, row.target] = FirstLook(row.looked_at, row.after_change)
    return found


def note_first_looks(connection: Connection, looked: Iterable[tuple[str, str]], at: datetime) -> None:
    """Record that watches have now looked at targets for the first time; earlier first looks stay."""
    after = newest_seq(connection)
    rows = [{"watch": watch, "target": target, "looked_at": at, "after_change": after} for watch, target in looked]
    insert_missing(connection, first_looks, rows)


def forget_first_looks(connection: Connection, kept: Collection[tuple[str, str]]) -> int:
    """Drop the first looks of (watch, target) pairs that are not configured any more; how many there were."""
    stored = connection.execute(select(first_looks.c.watch, first_looks.c.target)).all()
    gone = [{"w": row.watch, "t": row.target} for row in stored if (row.watch, row.target) not in kept]
    if gone:
        connection.execute(
            delete(first_looks).where(first_looks.c.watch == bindparam("w"), first_looks.c.target == bindparam("t")),
            gone,
        )
    return len(gone)


def forget_the_future(connection: Connection, now: datetime) -> None:
    """First looks dated ahead come from a clock that was wrong; they were at the latest now."""
    connection.execute(update(first_looks).where(first_looks.c.looked_at > now).values(looked_at=now))
