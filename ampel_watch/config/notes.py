"""What is accepted in the configuration but has no effect: nobody shall trust in silence."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ampel_watch.config.document import Document, Key
from ampel_watch.diff import KINDS
from ampel_watch.errors import Fault
from ampel_watch.rules import Rule

_NOT_YET: tuple[Key, ...] = (
    ("operator",),
    ("retention",),
    ("heartbeat",),
    ("http",),
    ("plugins", "dirs"),
    ("watches", "*", "priority"),
)
_TAIL = "is accepted, but this version does not act on it yet"


def notes_of(document: Document) -> list[Fault]:
    """A note for each key that was written with a value and has no effect."""
    return [
        note(document, key, f"`{key[-1]}` {_TAIL}", of_key=True)
        for pattern in _NOT_YET
        for key in _matches(document.data, pattern)
        if _at(document.data, key)
    ]


def notes_of_services(document: Document, rules: Iterable[tuple[Key, Rule]]) -> list[Fault]:
    """A note for each thing that needs a service which is not configured.

    Parameters
    ----------
    rules: where each rule is, and the rule.
    """
    missing = [service for service in ("archive", "catalog") if lacks(document, service)]
    wants = [
        ((*key, kind), f"the kind of change `{kind}`", KINDS[kind].source)
        for key in _matches(document.data, ("watches", "*", "on", "*"))
        for kind in _kinds_in(_at(document.data, key))
        if kind in KINDS
    ]
    wants += [(key, "what `cones` names", "archive") for key in _matches(document.data, ("watches", "*", "cones"))]
    classifiers = _matches(document.data, ("services", "live", "t2_classifiers"))
    wants += [(key, "what `t2_classifiers` names", "catalog") for key in classifiers if _at(document.data, key)]
    wants += [(key, f"the rule `{key[-1]}`", service) for key, rule in rules for service in sorted(rule.sources)]
    return [note(document, key, without(what, service)) for key, what, service in wants if service in missing]


def without(what: str, service: str) -> str:
    """The sentence of such a note."""
    return f"{what} needs the service `{service}`, which is not configured"


def lacks(document: Document, service: str) -> bool:
    """Whether a service is not configured."""
    services = document.data.get("services")
    return not (isinstance(services, Mapping) and services.get(service))


def _kinds_in(entry: Any) -> list[str]:
    return [entry] if isinstance(entry, str) else list(entry)


def note(document: Document, key: Key, message: str, *, of_key: bool = False) -> Fault:
    """A note on something in the document."""
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
