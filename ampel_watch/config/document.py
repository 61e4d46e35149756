"""A file of the configuration, whatever its format: its text, the places of what it holds, and its faults."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ampel_watch.errors import Fault

MAX_BYTES = 64 * 2**20

Key = tuple[str | int, ...]
"""Where something is in the data: `("watches", 0, "every")`."""

Place = tuple[int, int]
"""Line and column, from 1."""

_ESCAPES = {"'": ("''",), '"': ('\\"', "\\\\")}


@dataclass(slots=True)
class Document:
    """A file of the configuration: its text, its data, and what is wrong with it.

    Attributes
    ----------
    keys, values: the place of each key, and of each value (also the items of lists).
    text: the file, for `place_within`.
    faults: everything wrong so far; the data holds what could be understood.
    unreadable: why the file could not be read, if so; this is no fault yet, since it may be told in another place.
    """

    file: Path
    text: str = ""
    data: Any = None
    keys: dict[Key, Place] = field(default_factory=dict)
    values: dict[Key, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unreadable: str | None = None

    def place(self, key: Key, *, of_key: bool = False) -> Place:
        """The place of a value (or of its key); of the nearest thing around it if it was not written."""
        for length in range(len(key), -1, -1):
            part = key[:length]
            first, second = (self.keys, self.values) if of_key else (self.values, self.keys)
            if place := first.get(part) or second.get(part):
                return place
        return (1, 1)

    def place_within(self, key: Key, value: str, offset: int) -> Place:
        """The place of a character of a text, on whichever line; of its beginning if the file writes it otherwise."""
        line, column = self.place(key)
        begin = sum(len(before) + 1 for before in self.text.split("\n")[: line - 1]) + column - 1
        at = _where_written(self.text, begin, value, offset)
        if at is None:
            return line, column
        return self.text.count("\n", 0, at) + 1, at - self.text.rfind("\n", 0, at)

    def fault(self, place: Place, message: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(self.file, *place, message))


def _where_written(text: str, begin: int, value: str, offset: int) -> int | None:
    """Where in `text` the character `offset` of `value` stands, whose writing begins at `begin`; None if it is not so.

    Plain, quoted and block scalars differ from their values in quotes, indentation and line ends only.
    """
    quote = text[begin : begin + 1]
    at = begin + (quote in ("'", '"'))
    if quote in ("|", ">"):
        at = text.find("\n", begin) + 1
    for number, character in enumerate(value):
        if character.isspace():
            if number == offset:
                return at
            continue
        while text[at : at + 1].isspace():
            at += 1
        escaped = text[at : at + 2] in _ESCAPES.get(quote, ())
        if text[at + escaped : at + escaped + 1] != character:
            return None
        if number == offset:
            return at
        at += 1 + escaped
    return at


def read_text(file: Path, document: Document) -> str | None:
    """The text of a file, without a byte order mark; None if it cannot be had, with the reason in the document."""
    try:
        content = file.read_bytes() if file.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        document.unreadable = why_unreadable(error)
        return None
    if content is None:
        document.fault((1, 1), f"is larger than {MAX_BYTES // 2**20} MiB; is this the right file?")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = before.count(b"\n") + 1, len(before.rsplit(b"\n", 1)[-1].decode(errors="replace")) + 1
        document.fault(place, "is not UTF-8 text; save the file in the encoding UTF-8")
        return None


def why_unreadable(error: OSError) -> str:
    """An operating-system error as the end of a sentence, without the path."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "it is a directory, not a file"
    if isinstance(error, PermissionError):
        return "permission denied"
    return (error.strerror or "unknown error").lower()
