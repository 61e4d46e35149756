"""Queries on what the catalogs hold at the positions of stocks."""

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from ampel_watch.model import JSON, Match, StockKey
from ampel_watch.storage.batches import by_survey, is_stock
from ampel_watch.storage.schema import matches
from ampel_watch.storage.upsert import upsert


@dataclass(frozen=True, slots=True)
class StoredMatches:
    """What the catalogs held at the position of a stock when they were last asked.

    Attributes
    ----------
    ra_deg, dec_deg: where they were asked (J2000).
    due_at: when they are to be asked again.
    found: catalog → its nearest row, None where it has none. A catalog that has not answered yet is not in it.
    classes: unit of AMPEL → the class that its result gives the stock.
    """

    name: str
    ra_deg: float
    dec_deg: float
    looked_at: datetime
    due_at: datetime
    found: Mapping[str, Match | None]
    classes: Mapping[str, str] = field(default_factory=dict)


def load(connection: Connection, keys: Collection[StockKey]) -> dict[StockKey, StoredMatches]:
    """What is stored of these stocks; those without anything stored are left out."""
    found = {}
    for survey, ids in by_survey(keys):
        wanted = (matches.c.survey == survey) & matches.c.stock_id.in_(ids)
        for row in connection.execute(select(matches).where(wanted)):
            found[StockKey(row.survey, row.stock_id)] = _stored(row)
    return found


def load_one(connection: Connection, key: StockKey) -> StoredMatches | None:
    """What is stored of this stock; None if nothing is."""
    row = connection.execute(select(matches).where(is_stock(matches, key))).first()
    return None if row is None else _stored(row)


def save(connection: Connection, key: StockKey, stored: StoredMatches) -> None:
    """Store an answer of the catalogs, in place of an earlier one."""
    values = {
        "name": stored.name,
        "ra_deg": stored.ra_deg,
        "dec_deg": stored.dec_deg,
        "looked_at": stored.looked_at,
        "due_at": stored.due_at,
        "found": {catalog: None if match is None else _document(match) for catalog, match in stored.found.items()},
        "classes": dict(stored.classes),
    }
    upsert(connection, matches, {"survey": key.survey, "stock_id": key.id}, values)


def due(
    connection: Connection, now: datetime, limit: int, among: Container[StockKey] | None = None
) -> dict[StockKey, StoredMatches]:
    """At most `limit` stocks whose catalogs are to be asked again by now, those due longest first.

    Parameters
    ----------
    among: only these stocks count; those that are watched no more would stay due for ever.
    """
    query = (
        select(matches.c.survey, matches.c.stock_id)
        .where(matches.c.due_at <= now)
        .order_by(matches.c.due_at, matches.c.survey, matches.c.stock_id)
    )
    keys = (StockKey(row.survey, row.stock_id) for row in connection.execute(query))
    chosen = list(islice((key for key in keys if among is None or key in among), limit))
    stored = load(connection, chosen)
    return {key: stored[key] for key in chosen}


def known(connection: Connection) -> set[StockKey]:
    """The stocks of which something is stored."""
    rows = connection.execute(select(matches.c.survey, matches.c.stock_id))
    return {StockKey(row.survey, row.stock_id) for row in rows}


def forget(connection: Connection, key: StockKey) -> None:
    """Drop what is stored of a stock, so that the next answer is its first."""
    connection.execute(delete(matches).where(is_stock(matches, key)))


def _document(match: Match) -> dict[str, Any]:
    return {"dist_arcsec": match.dist_arcsec, "body": dict(match.body)}


def _stored(row: Row[Any]) -> StoredMatches:
    return StoredMatches(
        name=row.name,
        ra_deg=row.ra_deg,
        dec_deg=row.dec_deg,
        looked_at=row.looked_at,
        due_at=row.due_at,
        found={
            catalog: None if document is None else _match(catalog, document) for catalog, document in row.found.items()
        },
        classes=row.classes,
    )


def _match(catalog: str, document: JSON) -> Match:
    return Match(catalog, document["dist_arcsec"], document["body"])
