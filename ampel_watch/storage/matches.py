"""Queries on what the catalogs hold at the positions of stocks.

A stock whose position is not known has a row too, which says until when it is left alone; nothing was asked about it,
so that only `due` and `known` speak of it.
"""

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select

from ampel_watch.model import JSON, Match, StockKey
from ampel_watch.storage.batches import by_survey, is_stock
from ampel_watch.storage.schema import light_curves, matches, stocks
from ampel_watch.storage.upsert import upsert

# A date further ahead than the schedule reaches, with this much to spare, comes from a clock that was wrong.
_TO_SPARE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StoredMatches:
    """What the catalogs held at the position of a stock when they were last asked.

    Attributes
    ----------
    ra_deg, dec_deg: where they were asked (J2000).
    due_at: when they are to be asked again.
    found: catalog → its nearest row, None where it has none. A catalog that has not answered yet is not in it.
    classes: unit of AMPEL → the class that its result gives the stock, None where it has no result. A unit that has not
        answered yet is not in it.
    questions: who is in `found` or `classes` → a digest of what it was asked. Answers to different questions cannot be
        compared.
    """

    name: str
    ra_deg: float
    dec_deg: float
    looked_at: datetime
    due_at: datetime
    found: Mapping[str, Match | None]
    classes: Mapping[str, str | None] = field(default_factory=dict)
    questions: Mapping[str, str] = field(default_factory=dict)

    def is_due(self, now: datetime, recheck: timedelta) -> bool:
        """Whether the catalogs are to be asked again by now; `recheck`: how long their answers hold at most."""
        return self.due_at <= now or self.looked_at > now or self.due_at > now + recheck + _TO_SPARE


def load(connection: Connection, keys: Collection[StockKey]) -> dict[StockKey, StoredMatches]:
    """What is stored of these stocks; those that the catalogs were never asked about are left out."""
    found = {}
    for survey, ids in by_survey(keys):
        wanted = (matches.c.survey == survey) & matches.c.stock_id.in_(ids) & matches.c.ra_deg.is_not(None)
        for row in connection.execute(select(matches).where(wanted)):
            found[StockKey(row.survey, row.stock_id)] = _stored(row)
    return found


def load_one(connection: Connection, key: StockKey) -> StoredMatches | None:
    """What is stored of this stock; None if the catalogs were never asked about it."""
    row = connection.execute(select(matches).where(is_stock(matches, key), matches.c.ra_deg.is_not(None))).first()
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
        "questions": dict(stored.questions),
    }
    upsert(connection, matches, {"survey": key.survey, "stock_id": key.id}, values)


def note_unplaced(connection: Connection, names: Mapping[StockKey, str], now: datetime, due_at: datetime) -> None:
    """Record that the positions of these stocks are not known; they are due again at a date, or when they are."""
    nothing: dict[str, Any] = {"ra_deg": None, "dec_deg": None, "found": {}, "classes": {}, "questions": {}}
    for key, name in names.items():
        values = {"name": name, "looked_at": now, "due_at": due_at, **nothing}
        upsert(connection, matches, {"survey": key.survey, "stock_id": key.id}, values)


def due(
    connection: Connection,
    now: datetime,
    limit: int | None = None,
    among: Container[StockKey] | None = None,
    *,
    recheck: timedelta | None = None,
) -> list[StockKey]:
    """The stocks that the catalogs are to be asked about again by now, those due longest first.

    Parameters
    ----------
    limit: how many at most.
    among: only these stocks count; those that are watched no more would stay due for ever.
    recheck: how long answers hold at most: what is due much later than that was dated by a clock that was wrong.
    """
    is_due = or_(matches.c.due_at <= now, matches.c.looked_at > now, _is_placed_by_now())
    if recheck is not None:
        is_due = or_(is_due, matches.c.due_at > now + recheck + _TO_SPARE)
    query = (
        select(matches.c.survey, matches.c.stock_id)
        .where(is_due)
        .order_by(matches.c.due_at, matches.c.survey, matches.c.stock_id)
    )
    keys = (StockKey(row.survey, row.stock_id) for row in connection.execute(query))
    return list(islice((key for key in keys if among is None or key in among), limit))


def _is_placed_by_now() -> ColumnElement[bool]:
    """Whether a stock whose position was not known has one now: from the live record, or from a light curve."""
    live = (stocks.c.survey == matches.c.survey) & (stocks.c.stock_id == matches.c.stock_id)
    curve = (light_curves.c.survey == matches.c.survey) & (light_curves.c.stock_id == matches.c.stock_id)
    since = light_curves.c.looked_at > matches.c.looked_at  # one that was there then had no position
    placed = or_(
        select(stocks.c.stock_id)
        .where(live, stocks.c.digest != "", stocks.c.ra_deg.is_not(None), stocks.c.dec_deg.is_not(None))
        .exists(),
        select(light_curves.c.stock_id).where(curve, light_curves.c.points.is_not(None), since).exists(),
    )
    return and_(matches.c.ra_deg.is_(None), placed)


def known(connection: Connection) -> set[StockKey]:
    """The stocks of which something is stored, be it that their positions are not known."""
    rows = connection.execute(select(matches.c.survey, matches.c.stock_id))
    return {StockKey(row.survey, row.stock_id) for row in rows}


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
        questions=row.questions,
    )


def _match(catalog: str, document: JSON) -> Match:
    return Match(catalog, document["dist_arcsec"], document["body"])
