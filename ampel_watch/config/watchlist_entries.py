"""What a watchlist holds, and the check of one entry: the same in every format."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ampel_watch.config.document import Document, Place
from ampel_watch.config.values import NOT_AN_END, end_of, listing, not_a_name
from ampel_watch.errors import Fault
from ampel_watch.model import StockKey
from ampel_watch.ztf import id_of, is_name

MOST_FAULTS = 20
COLUMNS = ("name", "ra_deg", "dec_deg", "radius_arcsec", "note", "label", "until")
POSITION = ("ra_deg", "dec_deg", "radius_arcsec")
_LIMITS = {"ra_deg": (0.0, 360.0), "dec_deg": (-90.0, 90.0), "radius_arcsec": (0.0, 36000.0)}


@dataclass(frozen=True, slots=True)
class WatchedStock:
    """A stock that a watch names.

    Attributes
    ----------
    note, label: the user's own words.
    until: when the entry ends; a date without a time counts as its end (UTC). None: never.
    """

    key: StockKey
    name: str
    note: str | None = None
    label: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class WatchedPosition:
    """A circle on the sky that a watch names; J2000."""

    ra_deg: float
    dec_deg: float
    radius_arcsec: float
    note: str | None = None
    label: str | None = None
    until: datetime | None = None


@dataclass(slots=True)
class Watchlist:
    """What a file holds, in its order.

    Attributes
    ----------
    first_position: the place of the first entry with coordinates.
    unreadable: why the file itself could not be read; the reader of the configuration says so where it names it.
    """

    file: Path
    stocks: list[WatchedStock] = field(default_factory=list)
    positions: list[WatchedPosition] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    first_position: Place | None = None
    unreadable: str | None = None

    def take_faults(self, document: Document) -> None:
        """Take over what was found wrong with the file."""
        self.unreadable = document.unreadable
        self.faults += document.faults

    def short_faults(self) -> list[Fault]:
        """The faults in the order of the file, the many after the first twenty as one."""
        ordered = sorted(self.faults)
        kept, rest = ordered[:MOST_FAULTS], ordered[MOST_FAULTS:]
        if rest:
            kept.append(replace(rest[0], message=f"… and {len(rest):,} more faults in this file"))
        return kept


def stock_of(name: str) -> WatchedStock:
    """The stock of a valid ZTF name."""
    return WatchedStock(StockKey("ztf", id_of(name)), name)


def add_entry(watchlist: Watchlist, fields: Mapping[str, Any], place: Place) -> list[tuple[str, str]]:
    """Add the entry that begins at `place` to the watchlist, if it is sound; its faults as (field, message)."""
    name = fields.get("name")
    if isinstance(name, str) and is_name(name):
        stock = stock_of(name)
        if len(fields) == 1:
            watchlist.stocks.append(stock)
            return []
        return _add_detailed(watchlist, fields, stock, place)
    if name is not None:
        text = name if isinstance(name, str) else str(name)
        return [("name", not_a_name(text) if not isinstance(name, list | dict | bool) else "must be a ZTF name")]
    missing = [column for column in POSITION if column not in fields]
    if missing:
        known = len(missing) < len(POSITION)
        wanted = f"{listing(missing)} missing" if known else f"needs a `name`, or {listing(POSITION)}"
        return [("name", f"this entry {'has ' if known else ''}{wanted}")]
    return _add_detailed(watchlist, fields, None, place)


def _add_detailed(
    watchlist: Watchlist, fields: Mapping[str, Any], stock: WatchedStock | None, place: Place
) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    words: dict[str, str | None] = {}
    for name in ("note", "label"):
        words[name] = text = fields.get(name)
        if text is not None and not isinstance(text, str):
            problems.append((name, f"`{name}` must be text; put it in quotes"))
    until = None
    if "until" in fields:
        until = end_of(fields["until"])
        if until is None:
            problems.append(("until", f"`until` {NOT_AN_END}"))
    numbers = {name: _number(name, fields[name]) for name in POSITION if name in fields}
    if stock is not None:
        problems += [(name, f"give either a `name` or a position; `{name}` is one too many") for name in numbers]
    else:
        problems += [(name, _range_words(name)) for name, number in numbers.items() if number is None]
    if problems:
        return problems
    if stock is not None:
        watchlist.stocks.append(replace(stock, note=words["note"], label=words["label"], until=until))
        return []
    values = {name: number for name, number in numbers.items() if number is not None}
    watchlist.positions.append(WatchedPosition(**values, note=words["note"], label=words["label"], until=until))
    watchlist.first_position = watchlist.first_position or place
    return []


def _number(name: str, value: Any) -> float | None:
    low, high = _LIMITS[name]
    try:
        number = math.nan if isinstance(value, bool | list | dict) else float(value)
    except ValueError:
        return None
    inside = low <= number <= high and not (name == "ra_deg" and number == high)
    return number if inside and not (name == "radius_arcsec" and number == 0) else None


def _range_words(name: str) -> str:
    return f"`{name}` must be a number from {_LIMITS[name][0]:g} to {_LIMITS[name][1]:g}"
