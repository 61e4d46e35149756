"""Watchlist files: lists of stocks or positions, in YAML or CSV, with the exact place of every fault."""

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ampel_watch.config.values import listing, near, not_a_name
from ampel_watch.config.yaml_positions import Document, Key, Place, read_text, read_yaml
from ampel_watch.errors import Fault
from ampel_watch.model import StockKey
from ampel_watch.ztf import id_of, is_name

MOST_FAULTS = 20
COLUMNS = ("name", "ra_deg", "dec_deg", "radius_arcsec", "note", "label", "until")
_POSITION = ("ra_deg", "dec_deg", "radius_arcsec")
_LIMITS = {"ra_deg": (0.0, 360.0), "dec_deg": (-90.0, 90.0), "radius_arcsec": (0.0, 36000.0)}
_CSV = (".csv", ".txt")
_YAML = (".yaml", ".yml")


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


def read_watchlist(file: Path) -> Watchlist:
    """The entries of a watchlist file; what is wrong with it is in its `faults`."""
    watchlist = Watchlist(file)
    if file.suffix.lower() in _YAML:
        _read_yaml(watchlist)
    elif file.suffix.lower() in _CSV:
        _read_csv(watchlist)
    else:
        message = f"a watchlist must be a file named {', '.join(f'*{suffix}' for suffix in _YAML + _CSV)}"
        watchlist.faults.append(Fault(file, 1, 1, message))
    if not (watchlist.unreadable or watchlist.faults or watchlist.stocks or watchlist.positions):
        watchlist.faults.append(Fault(file, 1, 1, "the watchlist is empty; a watch would see nothing through it"))
    return watchlist


def _take_faults(watchlist: Watchlist, document: Document) -> None:
    watchlist.unreadable = document.unreadable
    watchlist.faults += document.faults


# -- YAML --------------------------------------------------------------------------------------------------------


def _read_yaml(watchlist: Watchlist) -> None:
    document = read_yaml(watchlist.file)
    if isinstance(document.data, list):
        for number, entry in enumerate(document.data):
            _add_yaml_entry(watchlist, document, (number,), entry)
    elif document.data is not None:
        document.fault((1, 1), "a watchlist must be a list: one `- ZTF…` on each line")
    _take_faults(watchlist, document)


def _add_yaml_entry(watchlist: Watchlist, document: Document, key: Key, entry: Any) -> None:
    if isinstance(entry, dict):
        fields, of_name = entry, (*key, "name")
    else:
        fields, of_name = {"name": entry}, key
    unknown = [name for name in fields if name not in COLUMNS]
    for name in unknown:
        hint = near(name, COLUMNS) or f"; allowed here: {listing(COLUMNS)}"
        document.fault(document.place((*key, name), of_key=True), f"unknown key `{name}`{hint}")
    problems = _add_entry(watchlist, {name: value for name, value in fields.items() if value is not None})
    if problems is None:
        watchlist.first_position = watchlist.first_position or document.place(key)
        return
    for name, message in problems:
        document.fault(document.place(of_name if name == "name" else (*key, name)), message)


# -- CSV ---------------------------------------------------------------------------------------------------------


class _Lines:
    """The lines of a CSV file for `csv.reader`, without comments and blank lines between records; counts them."""

    def __init__(self, text: str) -> None:
        self.lines = list(io.StringIO(text, newline=""))
        self.begun = 0
        self._next = 0
        self._between = True

    def __iter__(self) -> Iterator[str]:
        while self._next < len(self.lines):
            line = self.lines[self._next]
            self._next += 1
            if self._between:
                if not line.strip() or line.lstrip().startswith("#"):
                    continue
                self.begun = self._next
                self._between = False
            yield line

    def record_read(self) -> None:
        """The reader has a whole record: the next line begins another."""
        self._between = True

    def place(self, index: int) -> Place:
        """The line and column where a field of the last record begins."""
        line, column, seen, quoted = self.begun - 1, 0, 0, False
        field_begins = True
        for number in range(line, self._next):
            for position, character in enumerate(self.lines[number]):
                if field_begins and character != " ":
                    if seen == index:
                        return number + 1, position + 1
                    field_begins = False
                    quoted = character == '"'
                    if quoted:
                        continue
                if character == '"' and not field_begins:
                    quoted = not quoted
                elif character == "," and not quoted:
                    seen, field_begins = seen + 1, True
                column = position
        return self._next, column + 1


def _read_csv(watchlist: Watchlist) -> None:
    document = Document(watchlist.file)
    text = read_text(watchlist.file, document)
    if text is not None:
        _read_records(watchlist, document, _Lines(text))
    _take_faults(watchlist, document)


def _read_records(watchlist: Watchlist, document: Document, lines: _Lines) -> None:
    columns: tuple[str, ...] | None = None
    try:
        for row in csv.reader(lines, strict=True, skipinitialspace=True):
            lines.record_read()
            if columns is None:
                columns = _header(row, document, lines)
                if columns is None:
                    return
                if columns == tuple(map(str.strip, row)):
                    continue
            _add_record(watchlist, document, lines, columns, row)
    except csv.Error as error:
        document.fault((lines.begun, 1), f"is not CSV: {_CSV_WORDS.get(str(error), str(error))}")


_CSV_WORDS = {
    "unexpected end of data": 'a field that begins here with `"` is not closed',
    "',' expected after '\"'": 'after the closing `"` of a field a comma is needed; double a `"` within a field',
}


def _header(row: list[str], document: Document, lines: _Lines) -> tuple[str, ...] | None:
    """The columns of the file: those of its first record, or `name` alone if that is no header."""
    names = tuple(map(str.strip, row))
    if not set(names) & set(COLUMNS) and (len(row) == 1 or is_name(names[0])):
        separators = next((mark for mark in (";", "\t") if mark in row[0]), None)
        if separators is None:
            return ("name",)
        document.fault((lines.begun, 1), "the columns must be separated by commas")
        return None
    faulty = False
    for index, name in enumerate(names):
        if name not in COLUMNS or name in names[:index]:
            hint = near(name, COLUMNS) or f"; there are {listing(COLUMNS)}"
            message = f"the column `{name}` is given twice" if name in COLUMNS else f"unknown column `{name}`{hint}"
            document.fault(lines.place(index), message)
            faulty = True
    if not faulty and "name" not in names and not set(_POSITION) <= set(names):
        document.fault((lines.begun, 1), f"a column `name`, or the columns {listing(_POSITION)}, are needed")
        faulty = True
    return None if faulty else names


def _add_record(
    watchlist: Watchlist, document: Document, lines: _Lines, columns: tuple[str, ...], row: list[str]
) -> None:
    if len(row) > len(columns):
        expected = f"{len(columns)} column{'s' if len(columns) > 1 else ''}"
        document.fault(lines.place(len(columns)), f"this line has {len(row)} fields, where there are {expected}")
        return
    fields = {name: text for name, value in zip(columns, row, strict=False) if (text := value.strip())}
    problems = _add_entry(watchlist, fields)
    if problems is None:
        watchlist.first_position = watchlist.first_position or (lines.begun, 1)
        return
    for name, message in problems:
        document.fault(lines.place(columns.index(name) if name in columns else 0), message)


# -- One entry, from either --------------------------------------------------------------------------------------


def _add_entry(watchlist: Watchlist, fields: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    """Add an entry to the watchlist; its faults as (field, message), or None if it is a position."""
    name = fields.get("name")
    if isinstance(name, str) and is_name(name):
        stock = WatchedStock(StockKey("ztf", id_of(name)), name)
        if len(fields) == 1:
            watchlist.stocks.append(stock)
            return []
        return _add_detailed(watchlist, fields, stock)
    if name is not None:
        text = name if isinstance(name, str) else str(name)
        return [("name", not_a_name(text) if not isinstance(name, list | dict | bool) else "must be a ZTF name")]
    missing = [column for column in _POSITION if column not in fields]
    if missing:
        known = len(missing) < len(_POSITION)
        wanted = f"{listing(missing)} missing" if known else f"needs a `name`, or {listing(_POSITION)}"
        return [("name", f"this entry {'has ' if known else ''}{wanted}")]
    return _add_detailed(watchlist, fields, None)


def _add_detailed(
    watchlist: Watchlist, fields: Mapping[str, Any], stock: WatchedStock | None
) -> list[tuple[str, str]] | None:
    problems: list[tuple[str, str]] = []
    words: dict[str, str | None] = {}
    for name in ("note", "label"):
        words[name] = text = fields.get(name)
        if text is not None and not isinstance(text, str):
            problems.append((name, f"`{name}` must be text; put it in quotes"))
    until = None
    if "until" in fields:
        until = _end_of(fields["until"])
        if until is None:
            problems.append(("until", "`until` must be a date or time, such as 2027-03-31 or 2027-03-31T12:00Z"))
    numbers = {name: _number(name, fields[name]) for name in _POSITION if name in fields}
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
    return None


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


def _end_of(value: Any) -> datetime | None:
    """When an entry ends: a date ends with its day, a time without zone is UTC; None if `value` is neither."""
    if not isinstance(value, str):
        return None
    try:
        if len(value) <= len("2027-03-31"):
            day = date.fromisoformat(value)
            return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
