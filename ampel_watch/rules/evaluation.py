"""What the parts of a rule do with values: in three-valued logic (Kleene), where a value may not have arrived.

A part of a rule has a value, null (None), or is `Unknown`. A result is Unknown only as far as it depends on what is
unknown: ``false and x`` is false, a comparison with null is false, and arithmetic with null is null, whatever x is.
Nothing here raises.
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Evaluate = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Unknown:
    """In place of a value that has not arrived; `names` are those that it hangs on."""

    names: frozenset[str]


def reader(name: str) -> Evaluate:
    """The value of a name; Unknown where it is no key of the values."""
    unknown = Unknown(frozenset((name,)))
    return lambda values: _tidy(values.get(name, unknown))


def row_reader(catalog: str, label: str) -> Evaluate:
    """The columns of the nearest row of a catalog, null if it has none; Unknown where it was not asked."""
    unknown = Unknown(frozenset((label,)))

    def read(values: Mapping[str, Any]) -> Any:
        catalogs = values.get("catalog")
        return catalogs.get(catalog, unknown) if isinstance(catalogs, Mapping) else unknown

    return read


def column(row: Any, name: str) -> Any:
    """A column of a row; null where there is no row or no such column."""
    if isinstance(row, Unknown):
        return row
    return _tidy(row.get(name)) if isinstance(row, Mapping) else None


def both(left: Evaluate, right: Evaluate, values: Mapping[str, Any]) -> bool | Unknown:
    """`left and right`: false as soon as one of them is."""
    first = truth(left(values))
    if first is False:
        return False
    second = truth(right(values))
    return False if second is False else _unknown(first, second) or True


def either(left: Evaluate, right: Evaluate, values: Mapping[str, Any]) -> bool | Unknown:
    """`left or right`: true as soon as one of them is."""
    first = truth(left(values))
    if first is True:
        return True
    second = truth(right(values))
    return True if second is True else _unknown(first, second) or False


def negation(value: Any) -> bool | Unknown:
    """`not value`."""
    turned = truth(value)
    return turned if isinstance(turned, Unknown) else not turned


def truth(value: Any) -> bool | Unknown:
    """A condition as it counts: null is false."""
    return value if isinstance(value, Unknown) else bool(value)


def arithmetic(function: Callable[..., Any], *values: Any) -> Any:
    """A function of numbers; null if one of them is null or no number, or where the function has no value."""
    if not all(isinstance(value, Unknown) or _is_number(value) for value in values):
        return None
    if unknown := _unknown(*values):
        return unknown
    try:
        result = function(*map(float, values))
    except ArithmeticError:
        return None
    return None if math.isnan(result) else result


def compare(comparison: Callable[[Any, Any], bool], left: Any, right: Any) -> bool | Unknown:
    """A comparison; false if a side is null or both are of different types."""
    if left is None or right is None:
        return False
    if unknown := _unknown(left, right):
        return unknown
    alike = type(left) is type(right) or (_is_number(left) and _is_number(right))
    return alike and _holds(comparison, left, right)


def is_null(value: Any) -> bool | Unknown:
    """Whether there is no value."""
    return value if isinstance(value, Unknown) else value is None


def within(member: Any, container: Any) -> bool | Unknown:
    """`member in container`: of a list, or as a part of a text; false if one of them is null."""
    if member is None or container is None:
        return False
    if isinstance(member, Unknown) or isinstance(container, Unknown):
        return False if container == () else _unknown(member, container) or False
    if isinstance(container, str):
        return isinstance(member, str) and member in container
    if not isinstance(container, tuple | set | frozenset):
        return False
    return any(_holds(operator.eq, member, other) for other in container) or _unknown(*container) or False


def _holds(comparison: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    """Whether two values of a catalog compare so; false for lists and parts of rows that have no order."""
    try:
        return bool(comparison(left, right))
    except (TypeError, RecursionError):
        return False


def _unknown(*values: Any) -> Unknown | None:
    """What a result hangs on that needs all of these values; None if all are there."""
    names: frozenset[str] = frozenset()
    for value in values:
        if isinstance(value, Unknown):
            names |= value.names
        elif isinstance(value, tuple) and (inner := _unknown(*value)):
            names |= inner.names
    return Unknown(names) if names else None


def _is_number(value: Any) -> bool:
    # `isnan` cannot take an integer of hundreds of digits, which a catalog may hold.
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and not math.isnan(value)
    )


def _tidy(value: Any) -> Any:
    """A value from outside: NaN is none, and a list of JSON is as good as a tuple."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return tuple(value) if isinstance(value, list) else value
