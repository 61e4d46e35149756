"""What T2 results of AMPEL say that a stock is. Pure.

The shape of a result is its unit's own; the configuration says where in it the class is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

_LONGEST = 80


def classes_in(documents: Iterable[Any], classifiers: Mapping[str, str]) -> dict[str, str]:
    """Unit → class, from a stock's T2 documents; of several results of a unit the newest that has one counts.

    Parameters
    ----------
    classifiers: unit → names of the keys on the way to the class, joined by dots.
    """
    found: dict[str, tuple[float, str]] = {}
    for document in documents:
        unit = document.get("unit") if isinstance(document, Mapping) else None
        if not isinstance(unit, str) or unit not in classifiers:
            continue
        body = document.get("body")
        # A document holds the results of all its runs, the newest last.
        results = body if isinstance(body, list) else [body]
        named = [name for result in results if (name := _at(result, classifiers[unit])) is not None]
        when = _time_of(document)
        if named and (unit not in found or found[unit][0] <= when):
            found[unit] = (when, named[-1])
    return {unit: name for unit, (_, name) in sorted(found.items())}


def _at(result: Any, path: str) -> str | None:
    for key in path.split("."):
        result = result.get(key) if isinstance(result, Mapping) else None
    if isinstance(result, bool) or not isinstance(result, str | int | float):
        return None
    return str(result)[:_LONGEST]


def _time_of(document: Mapping[str, Any]) -> float:
    """When the newest part of a document was written, UNIX seconds; 0 if it does not say."""
    meta = document.get("meta")
    times = [entry.get("ts") for entry in meta if isinstance(entry, Mapping)] if isinstance(meta, list) else []
    return max((float(time) for time in times if isinstance(time, int | float)), default=0.0)
