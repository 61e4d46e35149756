"""Watchlists in CSV, with the exact place of every fault."""

import csv
import io
from collections.abc import Iterator

from ampel_watch.config.document import Document, Place, read_text
from ampel_watch.config.values import listing, near
from ampel_watch.config.watchlist_entries import COLUMNS, POSITION, Watchlist, add_entry
from ampel_watch.ztf import is_name


def read_csv(watchlist: Watchlist) -> None:
    """Read a CSV file into the watchlist."""
    document = Document(watchlist.file)
    text = read_text(watchlist.file, document)
    if text is not None:
        _read_records(watchlist, document, _Lines(text))
    watchlist.take_faults(document)


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
    if not faulty and "name" not in names and not set(POSITION) <= set(names):
        document.fault((lines.begun, 1), f"a column `name`, or the columns {listing(POSITION)}, are needed")
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
    for name, message in add_entry(watchlist, fields, (lines.begun, 1)):
        document.fault(lines.place(columns.index(name) if name in columns else 0), message)
