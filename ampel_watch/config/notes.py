"""Keys of the configuration that are accepted but that this version does not act on: nobody shall trust in silence."""

from collections.abc import Iterator, Mapping
from typing import Any

from ampel_watch.config.document import Document, Key
from ampel_watch.diff import KINDS, LIVE_KINDS
from ampel_watch.errors import Fault
from ampel_watch.rules import Rule

_NOT_YET: tuple[Key, ...] = (
    ("operator",),
    ("retention",),
    ("heartbeat",),
    ("http",),
    ("plugins", "dirs"),
    ("services", "catalog", "catalogs"),
    ("watches", "*", "cones"),
    ("watches", "*", "enrich_deadline"),
    ("watches", "*", "priority"),
)
_TAIL = "is accepted, but this version does not act on it yet"


def notes_of(document: Document) -> list[Fault]:
    """A note for each key that was written with a value, and each kind of change, that has no effect."""
    notes = [
        _note(document, key, f"`{key[-1]}` {_TAIL}", of_key=True)
        for pattern in _NOT_YET
        for key in _matches(document.data, pattern)
        if _at(document.data, key)
    ]
    return notes + [
        _note(document, (*key, kind), f"the kind of change `{kind}` {_TAIL}")
        for key in _matches(document.data, ("watches", "*", "on", "*"))
        for kind in _kinds_in(_at(document.data, key))
        if kind in KINDS and kind not in LIVE_KINDS
    ]


def note_of_rule(document: Document, key: Key, rule: Rule | None) -> list[Fault]:
    """A note for a rule that uses names for which this version has no values."""
    if rule is None or rule.needs_only_live:
        return []
    message = "uses values of the archive or the catalogs, which this version does not fetch yet: it stays undecided"
    return [_note(document, key, f"the rule `{key[-1]}` {message}")]


def _kinds_in(entry: Any) -> list[str]:
    return [entry] if isinstance(entry, str) else list(entry)


def _note(document: Document, key: Key, message: str, *, of_key: bool = False) -> Fault:
    return Fault(document.file, *document.place(key, of_key=of_key), message)


def _matches(data: Any, pattern: Key, key: Key = ()) -> Iterator[Key]:
    """The keys in the data that a pattern with `*` for list positions names."""
    if not pattern:
        yield key
    elif pattern[0] == "*":
        for number, item in enumerate(data if isinstance(data, list) else ()):
            yield from _matches(item, pattern[1:], (*key, number))
    elif isinstance(data, Mapping) and pattern[0] in data:
        yield from _matches(data[pattern[0]], pattern[1:], (*key, pattern[0]))


def _at(data: Any, key: Key) -> Any:
    for part in key:
        data = data[part]
    return data
