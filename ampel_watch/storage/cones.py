"""Queries on watched positions: how far the search of each has come, and which stocks were found there.

A cone is named by the key of its circle (`skycircles.Circle.key`): watches that have the same circle share it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from ampel_watch.model import StockKey
from ampel_watch.storage.batches import batches, by_survey
from ampel_watch.storage.schema import cone_looks, cone_members
from ampel_watch.storage.upsert import insert_missing, upsert


@dataclass(frozen=True, slots=True)
class ConeLook:
    """When the archive was last searched for what is in a cone, and last with the wide overlap."""

    looked_at: datetime
    looked_wide_at: datetime


@dataclass(frozen=True, slots=True)
class ConeMember:
    """A stock that was found in a cone.

    Attributes
    ----------
    at_first_look: whether it was there when the cone was looked at for the first time.
    """

    cone: str
    key: StockKey
    name: str
    found_at: datetime
    at_first_look: bool


def looks_at(connection: Connection, cones: Collection[str]) -> dict[str, ConeLook]:
    """The last look at each of these cones; those never looked at are left out."""
    found = {}
    for batch in batches(sorted(cones)):
        for row in connection.execute(select(cone_looks).where(cone_looks.c.cone.in_(batch))):
            found[row.cone] = ConeLook(row.looked_at, row.looked_wide_at)
    return found


def note_look(connection: Connection, cone: str, look: ConeLook) -> None:
    """Record a finished look at a cone."""
    values = {"looked_at": look.looked_at, "looked_wide_at": look.looked_wide_at}
    upsert(connection, cone_looks, {"cone": cone}, values)


def add(connection: Connection, members: Iterable[ConeMember]) -> None:
    """Record stocks as found; those that are known in their cone stay as they are."""
    rows = [
        {
            "cone": member.cone,
            "survey": member.key.survey,
            "stock_id": member.key.id,
            "name": member.name,
            "found_at": member.found_at,
            "at_first_look": member.at_first_look,
        }
        for member in members
    ]
    insert_missing(connection, cone_members, rows)


def members_of(connection: Connection, cones: Collection[str]) -> list[ConeMember]:
    """All that was found in these cones, by cone and stock."""
    return _members(connection, cones, later_only=False)


def found_later(connection: Connection, cones: Collection[str]) -> list[ConeMember]:
    """What was found in these cones after their first look, by cone and stock."""
    return _members(connection, cones, later_only=True)


def _members(connection: Connection, cones: Collection[str], *, later_only: bool) -> list[ConeMember]:
    found: list[ConeMember] = []
    for batch in batches(sorted(cones)):
        query = select(cone_members).where(cone_members.c.cone.in_(batch))
        if later_only:
            query = query.where(cone_members.c.at_first_look.is_(False))
        rows = connection.execute(query.order_by(cone_members.c.cone, cone_members.c.survey, cone_members.c.stock_id))
        found += map(_member, rows)
    return found


def holding(connection: Connection, keys: Collection[StockKey]) -> list[ConeMember]:
    """Where these stocks were found."""
    found: list[ConeMember] = []
    for survey, ids in by_survey(keys):
        of_these = select(cone_members).where(cone_members.c.survey == survey, cone_members.c.stock_id.in_(ids))
        found += map(_member, connection.execute(of_these))
    return found


def forget(connection: Connection, kept: Collection[str]) -> int:
    """Drop the cones that no watch has any more, with what was found there; how many there were."""
    stored = set(connection.execute(select(cone_looks.c.cone)).scalars())
    gone = stored - set(kept)
    for batch in batches(sorted(gone)):
        connection.execute(delete(cone_members).where(cone_members.c.cone.in_(batch)))
        connection.execute(delete(cone_looks).where(cone_looks.c.cone.in_(batch)))
    return len(gone)


def _member(row: Row[Any]) -> ConeMember:
    return ConeMember(row.cone, StockKey(row.survey, row.stock_id), row.name, row.found_at, row.at_first_look)
