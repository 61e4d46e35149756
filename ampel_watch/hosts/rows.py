"""Reading single rows of catalogs by what their columns mean. Pure."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ampel_watch.hosts.spec import CatalogSpec, Condition, Sign
from ampel_watch.model import JSON, Match

_NOTHING = ("", "null", "none", "nan", "n/a", "-", "-999", "-999.0", "-999.00")
_LONGEST_TEXT = 200


def row_of(spec: CatalogSpec, matches: Mapping[str, Match | None]) -> Match | None:
    """The row of a catalog within its radius; None if it has none, or has not answered."""
    match = matches.get(spec.name)
    return match if match is not None and match.dist_arcsec <= spec.radius_arcsec else None


def value_of(body: JSON, column: str) -> Any:
    """The value of a column; of `object_type.name`, the part `name` of the value of `object_type`. None if absent."""
    if column in body:
        return body[column]
    head, dot, rest = column.partition(".")
    inner = body.get(head) if dot else None
    return value_of(inner, rest) if isinstance(inner, Mapping) else None


def number_of(body: JSON, column: str | None) -> float | None:
    """The value of a column as a finite number, also if it is written as text; None if it is none."""
    value = None if column is None else value_of(body, column)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and "_" in value:  # which Python takes for part of a number
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def text_of(body: JSON, columns: Iterable[str]) -> str | None:
    """The first text among some columns, printable and not overlong; what stands for nothing is none."""
    for column in columns:
        value = value_of(body, column)
        text = _printable(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if text.lower() not in _NOTHING:
            return text
    return None


def _printable(text: str) -> str:
    """`text` in one line, without control characters, cut where it is longer than any name."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST_TEXT]


def meets(body: JSON, condition: Condition | None) -> bool:
    """Whether a row is one of those that are meant."""
    if condition is None:
        return True
    value = value_of(body, condition.column)
    if value is None:
        return False
    if condition.one_of and not any(_same(body, condition.column, meant) for meant in condition.one_of):
        return False
    text = str(value).strip()
    begins = not condition.begins or text.startswith(condition.begins)
    return begins and not text.startswith(condition.begins_not)


def _same(body: JSON, column: str, meant: float | str) -> bool:
    if isinstance(meant, str):
        return str(value_of(body, column)).strip() == meant
    return number_of(body, column) == meant


def shows(match: Match, sign: Sign) -> bool:
    """Whether a row gives a sign."""
    near = sign.within_arcsec is None or match.dist_arcsec <= sign.within_arcsec
    if not near or not meets(match.body, sign.where):
        return False
    return not sign.significant or any(_significant(match.body, *pair, sign.sigma) for pair in sign.significant)


def _significant(body: JSON, column: str, error_column: str, sigma: float) -> bool:
    value, error = number_of(body, column), number_of(body, error_column)
    return value is not None and error is not None and error > 0 and abs(value) > sigma * error
