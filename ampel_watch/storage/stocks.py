"""Queries on stocks: their stored snapshots, and the channels that they are members of.

A stock that is watched, but was never shown by the live service, is *expected*: it has a row that counts its changes
and knows where it is, and that is no snapshot. Such a row has an empty digest.
"""

import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from ampel_watch.model import Snapshot, StockKey
from ampel_watch.storage.batches import by_survey, is_stock
from ampel_watch.storage.schema import bodies, members, stocks
from ampel_watch.storage.upsert import insert_missing, upsert

_EXPECTED = ""  # the digest of what was never read


@dataclass(frozen=True, slots=True)
class Stored:
    """What the state holds of one stock.

    Attributes
    ----------
    digest: of the document as it came, to tell an unchanged one at once.
    counter: how many changes of this stock were ever recorded.
    misses, missed_at: readings in a row that said "no such stock", and the last of them that counted.
    gone_at: when it was declared vanished.
    epoch: which identities of the token its channels were read with.
    """

    snapshot: Snapshot
    members_of: frozenset[str]
    digest: str
    counter: int
    misses: int
    missed_at: datetime | None
    gone_at: datetime | None
    epoch: int


@dataclass(frozen=True, slots=True)
class Expected:
    """A stock that the live service never showed.

    Attributes
    ----------
    counter: how many changes of it were ever recorded.
    ra_deg, dec_deg: position (J2000), if an alert told it.
    """

    counter: int
    ra_deg: float | None
    dec_deg: float | None


def digest_of(snapshot: Snapshot) -> str:
    """A digest of the whole document."""
    return blake2b(snapshot.body.encode(), digest_size=16).hexdigest()


def load(connection: Connection, keys: Collection[StockKey]) -> dict[StockKey, Stored]:
    """What is stored of these stocks; those that the live service never showed are left out."""
    in_channels = members_of(connection, keys)
    found = {}
    for row in _rows(connection, keys):
        if row.digest != _EXPECTED:
            key = StockKey(row.survey, row.stock_id)
            found[key] = _stored(key, row, in_channels.get(key, frozenset()))
    return found


def expected(connection: Connection, keys: Collection[StockKey]) -> dict[StockKey, Expected]:
    """Those of these stocks that the live service never showed, and that have changes or are waited for."""
    rows = (row for row in _rows(connection, keys) if row.digest == _EXPECTED)
    return {StockKey(row.survey, row.stock_id): Expected(row.counter, row.ra_deg, row.dec_deg) for row in rows}


def positions(connection: Connection, keys: Collection[StockKey]) -> dict[StockKey, tuple[float, float]]:
    """Right ascension and declination (degrees, J2000) of these stocks, as far as they are stored."""
    return {
        StockKey(row.survey, row.stock_id): (row.ra_deg, row.dec_deg)
        for row in _rows(connection, keys)
        if row.ra_deg is not None and row.dec_deg is not None
    }


def _rows(connection: Connection, keys: Collection[StockKey]) -> Iterator[Row[Any]]:
    for survey, ids in by_survey(keys):
        yield from connection.execute(select(stocks).where(stocks.c.survey == survey, stocks.c.stock_id.in_(ids)))


def _stored(key: StockKey, row: Row[Any], in_channels: frozenset[str]) -> Stored:
    snapshot = Snapshot(
        key=key,
        name=row.name,
        read_at=row.changed_at,
        channels=in_channels if row.channels_known else None,
        created=_times(row.created),
        updated=_times(row.updated),
        journal=None if row.journal is None else frozenset(row.journal),
        ra_deg=row.ra_deg,
        dec_deg=row.dec_deg,
    )
    return Stored(snapshot, in_channels, row.digest, row.counter, row.misses, row.missed_at, row.gone_at, row.epoch)


def members_of(connection: Connection, keys: Collection[StockKey]) -> dict[StockKey, frozenset[str]]:
    """The channels that each of these stocks is a stored member of."""
    found: dict[StockKey, set[str]] = defaultdict(set)
    for survey, ids in by_survey(keys):
        rows = connection.execute(select(members).where(members.c.survey == survey, members.c.stock_id.in_(ids)))
        for row in rows:
            found[StockKey(row.survey, row.stock_id)].add(row.channel)
    return {key: frozenset(channels) for key, channels in found.items()}


def members_in(connection: Connection, channels: Collection[str]) -> dict[StockKey, str]:
    """The stored members of any of these channels that are not gone: key → name."""
    if not channels:
        return {}
    joined = stocks.join(members, and_(stocks.c.survey == members.c.survey, stocks.c.stock_id == members.c.stock_id))
    rows = connection.execute(
        select(stocks.c.survey, stocks.c.stock_id, stocks.c.name)
        .select_from(joined)
        .where(members.c.channel.in_(sorted(channels)), stocks.c.gone_at.is_(None))
        .distinct()
    )
    return {StockKey(row.survey, row.stock_id): row.name for row in rows}


def save(connection: Connection, snapshot: Snapshot, *, counter: int, epoch: int) -> None:
    """Store the snapshot (already merged with what was stored) and its document."""
    key = {"survey": snapshot.key.survey, "stock_id": snapshot.key.id}
    values = {
        "name": snapshot.name,
        "ra_deg": snapshot.ra_deg,
        "dec_deg": snapshot.dec_deg,
        "channels_known": snapshot.channels is not None,
        "created": _texts(snapshot.created),
        "updated": _texts(snapshot.updated),
        "journal": None if snapshot.journal is None else sorted(snapshot.journal),
        "digest": digest_of(snapshot),
        "counter": counter,
        "changed_at": snapshot.read_at,
        "misses": 0,
        "missed_at": None,
        "gone_at": None,
        "epoch": epoch,
    }
    upsert(connection, stocks, key, values)
    upsert(connection, bodies, key, {"body": zlib.compress(snapshot.body.encode())})


def expect(
    connection: Connection,
    key: StockKey,
    name: str,
    at: datetime,
    *,
    ra_deg: float | None = None,
    dec_deg: float | None = None,
) -> None:
    """Make a row for a stock that has none, so that its changes are counted before the live service shows it."""
    row = {
        "survey": key.survey,
        "stock_id": key.id,
        "name": name,
        "ra_deg": ra_deg,
        "dec_deg": dec_deg,
        "channels_known": False,
        "created": {},
        "updated": {},
        "digest": _EXPECTED,
        "changed_at": at,
    }
    insert_missing(connection, stocks, [row])


def take_counter(connection: Connection, key: StockKey, name: str, at: datetime) -> int:
    """The number of the stock's next change, which is counted by this; the stock need not have been seen."""
    expect(connection, key, name, at)
    connection.execute(update(stocks).where(is_stock(stocks, key)).values(counter=stocks.c.counter + 1))
    counter: int = connection.execute(select(stocks.c.counter).where(is_stock(stocks, key))).scalar_one()
    return counter


def body(connection: Connection, key: StockKey) -> str | None:
    """The stock's document as it came last, canonical JSON."""
    packed = connection.execute(select(bodies.c.body).where(is_stock(bodies, key))).scalar()
    return None if packed is None else zlib.decompress(packed).decode()


def enter(connection: Connection, key: StockKey, channels: Iterable[str]) -> None:
    """Make the stock a member of channels that it is not yet one of."""
    rows = [{"channel": channel, "survey": key.survey, "stock_id": key.id} for channel in sorted(channels)]
    if rows:
        connection.execute(insert(members), rows)


def leave(connection: Connection, key: StockKey, channels: Iterable[str]) -> None:
    """End the stock's membership of channels."""
    connection.execute(delete(members).where(is_stock(members, key), members.c.channel.in_(sorted(channels))))


def note_miss(
    connection: Connection,
    key: StockKey,
    *,
    misses: int,
    missed_at: datetime,
    counter: int,
    gone_at: datetime | None,
) -> None:
    """Record a reading that said "no such stock"; with `gone_at`, that this was the last one needed."""
    connection.execute(
        update(stocks)
        .where(is_stock(stocks, key))
        .values(misses=misses, missed_at=missed_at, counter=counter, gone_at=gone_at)
    )


def set_counter(connection: Connection, key: StockKey, counter: int) -> None:
    """Set how many changes of the stock were ever recorded."""
    connection.execute(update(stocks).where(is_stock(stocks, key)).values(counter=counter))


def _times(texts: Mapping[str, str]) -> dict[str, datetime]:
    return {channel: datetime.fromisoformat(text) for channel, text in texts.items()}


def _texts(times: Mapping[str, datetime]) -> dict[str, str]:
    return {channel: time.isoformat() for channel, time in sorted(times.items())}
