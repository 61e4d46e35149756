"""Queries on the references that brightening and fading are reckoned from: one per watch, kind, stock and band."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, delete, select

from ampel_watch.model import JSON, StockKey
from ampel_watch.storage.batches import by_survey
from ampel_watch.storage.schema import band_references
from ampel_watch.storage.upsert import upsert

# (watch, kind, band) → the reference as it was written
References = Mapping[tuple[str, str, str], JSON]


def load(connection: Connection, keys: Collection[StockKey]) -> dict[StockKey, dict[tuple[str, str, str], JSON]]:
    """The references of these stocks; a stock without any is left out."""
    found: dict[StockKey, dict[tuple[str, str, str], JSON]] = defaultdict(dict)
    for survey, ids in by_survey(keys):
        wanted = (band_references.c.survey == survey) & band_references.c.stock_id.in_(ids)
        for row in connection.execute(select(band_references).where(wanted)):
            found[StockKey(survey, row.stock_id)][row.watch, row.kind, row.band] = row.state
    return dict(found)


def save(connection: Connection, key: StockKey, watch: str, kind: str, band: str, state: JSON) -> None:
    """Store one reference."""
    where: dict[str, Any] = {"watch": watch, "kind": kind, "survey": key.survey, "stock_id": key.id, "band": band}
    upsert(connection, band_references, where, {"state": dict(state)})


def forget_ended(connection: Connection, kept: Collection[tuple[str, str]]) -> int:
    """Drop the references of each (watch, kind) that is not configured any more; how many there were.

    What is added again later begins with what is known then, and not with what was there before it ended.
    """
    of = (band_references.c.watch, band_references.c.kind)
    stored = {(row.watch, row.kind) for row in connection.execute(select(*of).distinct())}
    gone = 0
    for watch, kind in sorted(stored - set(kept)):
        dropped = delete(band_references).where(band_references.c.watch == watch, band_references.c.kind == kind)
        gone += connection.execute(dropped).rowcount
    return gone
