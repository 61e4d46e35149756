"""Watched positions: which circles the watches have, and which stocks are watched because they were found in one."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ampel_watch.config import Watch, WatchedPosition, WatchedStock
from ampel_watch.model import JSON, Change, StockKey
from ampel_watch.skycircles import Circle
from ampel_watch.storage import cones, looks
from ampel_watch.storage.cones import ConeMember
from ampel_watch.storage.looks import FirstLooks, cone_target

# A circle up to this size is the position of a source, and whatever is there is meant. A wider one is a region, of
# which only what appears there is meant.
SOURCE_RADIUS_ARCSEC = 60.0

# watch → the stocks (key → name) that it looks at because they were found in a cone of its
Found = Mapping[str, Mapping[StockKey, str]]


@dataclass(frozen=True, slots=True)
class WatchedCone:
    """A circle that watches have: how often it is wanted, and by whom."""

    circle: Circle
    every: timedelta
    watches: tuple[str, ...]


def circle_of(position: WatchedPosition) -> Circle:
    """The circle of an entry."""
    return Circle(position.ra_deg, position.dec_deg, position.radius_arcsec)


def is_active(entry: WatchedPosition | WatchedStock, at: datetime) -> bool:
    """Whether an entry has not ended."""
    return entry.until is None or entry.until > at


def is_source(circle: Circle) -> bool:
    """Whether a circle is the position of one source, and no region."""
    return circle.radius_arcsec <= SOURCE_RADIUS_ARCSEC


def cones_of(watches: Iterable[Watch], now: datetime) -> dict[str, WatchedCone]:
    """The circles of these watches by their keys; entries whose `until` has passed are left out."""
    found: dict[str, WatchedCone] = {}
    for watch in watches:
        for circle in {circle_of(position): None for position in watch.positions if is_active(position, now)}:
            known = found.get(circle.key)
            if known is None:
                found[circle.key] = WatchedCone(circle, watch.every, (watch.name,))
            elif watch.name not in known.watches:
                every = min(known.every, watch.every)
                found[circle.key] = WatchedCone(known.circle, every, (*known.watches, watch.name))
    return found


def load_found(connection: Connection, watches: Iterable[Watch], now: datetime) -> Found:
    """The stocks that each watch looks at because they were found in one of its cones, if that has not ended."""
    watched = cones_of(watches, now)
    sources = {key for key, cone in watched.items() if is_source(cone.circle)}
    members = cones.members_of(connection, sources) + cones.found_later(connection, watched.keys() - sources)
    first_looks = looks.first_looks_at(connection, {cone_target(member.cone) for member in members})
    found: dict[str, dict[StockKey, str]] = {}
    for member in members:
        for watch in watched[member.cone].watches:
            if is_followed(member, watch, watched[member.cone].circle, first_looks):
                found.setdefault(watch, {})[member.key] = member.name
    return found


def is_followed(member: ConeMember, watch: str, circle: Circle, first_looks: FirstLooks) -> bool:
    """Whether the watch looks at the stock: it came after the watch's first look, or is the source that is meant."""
    first = first_looks.get((watch, cone_target(member.cone)))
    return first is not None and (is_source(circle) or member.found_at > first.looked_at)


def cones_around(connection: Connection, keys: Collection[StockKey]) -> dict[StockKey, frozenset[str]]:
    """The cones in which each of these stocks was found; a stock that is in none is left out."""
    found: dict[StockKey, set[str]] = {}
    for member in cones.holding(connection, keys):
        found.setdefault(member.key, set()).add(member.cone)
    return {key: frozenset(keys_of_cones) for key, keys_of_cones in found.items()}


def cone_of(change: Change) -> str:
    """The cone of a `cone_match`."""
    cone: JSON = change.after["cone"]
    return Circle(cone["ra_deg"], cone["dec_deg"], cone["radius_arcsec"]).key


def words_for(watch: Watch, change: Change, around: Collection[str] = ()) -> tuple[str | None, str | None]:
    """The label and the note of the entries through which the watch sees the stock of a change.

    Parameters
    ----------
    around: the cones in which the stock was found; for a `cone_match` its own cone is what counts.
    """
    at = change.seen_at
    by_name: list[WatchedStock | WatchedPosition] = [stock for stock in watch.stocks if stock.key == change.key]
    if change.kind == "cone_match":
        around = {cone_of(change)}
    by_place = [position for position in watch.positions if circle_of(position).key in around] if around else []
    entries = [*by_place, *by_name] if change.kind == "cone_match" else [*by_name, *by_place]
    active = [entry for entry in entries if is_active(entry, at)]
    labels = (entry.label for entry in active if entry.label is not None)
    notes = (entry.note for entry in active if entry.note is not None)
    return next(labels, None), next(notes, None)
