"""Queries on the light curves of stocks, as far as the archive was asked for them.

Every watched stock has a row from its first look on: detections that are later than that look are news. What was
measured is there once it was needed.
"""

import json
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select, update

from ampel_watch.lightcurve import LightCurve
from ampel_watch.model import StockKey
from ampel_watch.storage.batches import by_survey, is_stock
from ampel_watch.storage.schema import light_curves
from ampel_watch.storage.upsert import insert_missing, upsert

# The default takes twice as long for a tenth less.
_LEVEL = 3
# Looks overlap by more than this (`pipeline.overlap`).
_FOLLOWED_TO = timedelta(hours=1)
# What cannot be shown is met again at every look, as long as looks reach back to it.
_DISTRUSTED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StoredCurve:
    """What is known of a stock's light curve.

    Attributes
    ----------
    name: of the stock, by which the archive is asked.
    baseline_at: when the stock was first looked at.
    looked_at: when the archive last said all that is new; None if it never did.
    whole: whether the curve holds all that the archive had by then, and not only what came by itself.
    """

    curve: LightCurve
    name: str
    baseline_at: datetime
    looked_at: datetime | None
    whole: bool


def load(connection: Connection, keys: Collection[StockKey]) -> dict[StockKey, StoredCurve]:
    """What is stored of these stocks; those without a baseline are left out."""
    found = {}
    for survey, ids in by_survey(keys):
        for row in connection.execute(select(light_curves).where(_are(survey, ids))):
            found[StockKey(survey, row.stock_id)] = _stored(row)
    return found


def load_one(connection: Connection, key: StockKey) -> StoredCurve | None:
    """What is stored of this stock; None if it has no baseline."""
    row = connection.execute(select(light_curves).where(is_stock(light_curves, key))).first()
    return None if row is None else _stored(row)


def whole(connection: Connection) -> set[StockKey]:
    """The stocks of which all that the archive has is stored."""
    query = select(light_curves.c.survey, light_curves.c.stock_id).where(light_curves.c.whole.is_(True))
    return {StockKey(row.survey, row.stock_id) for row in connection.execute(query)}


def partial(connection: Connection) -> list[StockKey]:
    """The stocks of which points are stored, but not all that the archive has."""
    query = select(light_curves.c.survey, light_curves.c.stock_id).where(
        light_curves.c.whole.is_(False), light_curves.c.points.is_not(None)
    )
    return [StockKey(row.survey, row.stock_id) for row in connection.execute(query)]


def save(connection: Connection, key: StockKey, stored: StoredCurve) -> None:
    """Store all that is known of the stock's light curve, in place of what was."""
    values = {
        "name": stored.name,
        "baseline_at": stored.baseline_at,
        "looked_at": stored.looked_at,
        "whole": stored.whole,
        "points": None if stored.curve.is_empty else _packed(stored.curve),
    }
    upsert(connection, light_curves, {"survey": key.survey, "stock_id": key.id}, values)


def doubt_gaps(connection: Connection, keys: Collection[StockKey], *, start: datetime, now: datetime) -> None:
    """Take light curves for incomplete that do not join what is found from `start` on; what is in the gap is no news.

    Nobody followed these stocks since before `start`, and nobody fetched their light curves since.
    """
    for survey, ids in by_survey(keys):
        looked_at, followed_at = light_curves.c.looked_at, light_curves.c.followed_at
        old = and_(
            _are(survey, ids),
            light_curves.c.whole.is_(True),
            or_(looked_at.is_(None), looked_at < start),
            or_(followed_at.is_(None), followed_at < start),
        )
        connection.execute(update(light_curves).where(old).values(whole=False, baseline_at=now))


def distrust(connection: Connection, keys: Collection[StockKey], seen_at: datetime) -> None:
    """Take light curves for incomplete that were last looked at before a time at which something was seen of them."""
    for survey, ids in by_survey(keys):
        looked_at = light_curves.c.looked_at
        older = and_(_are(survey, ids), or_(looked_at.is_(None), looked_at < seen_at - _DISTRUSTED_EVERY))
        # With points, be they none: a curve without any is one that nobody has asked for.
        values = {"whole": False, "points": func.coalesce(light_curves.c.points, _packed(LightCurve()))}
        connection.execute(update(light_curves).where(older).values(values))


def note_followed(connection: Connection, keys: Collection[StockKey], at: datetime) -> None:
    """Record that the archive was asked for all that is new of these stocks; to the hour, to write little."""
    for survey, ids in by_survey(keys):
        followed_at = light_curves.c.followed_at
        stale = and_(_are(survey, ids), or_(followed_at.is_(None), followed_at < at - _FOLLOWED_TO))
        connection.execute(update(light_curves).where(stale).values(followed_at=at))


def forget_the_future(connection: Connection, now: datetime) -> None:
    """Dates ahead come from a clock that was wrong: what is known is known, and what comes from now on is news."""
    ahead = or_(light_curves.c.looked_at > now, light_curves.c.followed_at > now, light_curves.c.baseline_at > now)
    baseline_at = case((light_curves.c.baseline_at > now, now), else_=light_curves.c.baseline_at)
    values = {"whole": False, "looked_at": None, "followed_at": None, "baseline_at": baseline_at}
    connection.execute(update(light_curves).where(ahead).values(values))


def note_baselines(connection: Connection, names: Mapping[StockKey, str], at: datetime) -> None:
    """Give the stocks (key → name) that have no baseline yet this one, with an empty light curve."""
    rows = [
        {"survey": key.survey, "stock_id": key.id, "name": name, "baseline_at": at, "whole": False}
        for key, name in names.items()
    ]
    insert_missing(connection, light_curves, rows)


def _are(survey: str, ids: list[int]) -> ColumnElement[bool]:
    return and_(light_curves.c.survey == survey, light_curves.c.stock_id.in_(ids))


def _stored(row: Row[Any]) -> StoredCurve:
    curve = LightCurve() if row.points is None else _unpacked(row.points)
    return StoredCurve(curve, row.name, row.baseline_at, row.looked_at, row.whole)


def _packed(curve: LightCurve) -> bytes:
    return zlib.compress(json.dumps(curve.to_json(), separators=(",", ":"), allow_nan=False).encode(), _LEVEL)


def _unpacked(points: bytes) -> LightCurve:
    return LightCurve.from_json(json.loads(zlib.decompress(points)))
