"""Rules over the rows of catalogs, which may hold anything that JSON can."""

from itertools import product
from typing import Any

import pytest

from ampel_watch.rules import compile_rule

HUGE = 10**400
DEEP: Any = []
for _ in range(100_000):
    DEEP = [DEEP]
VALUES = (None, True, 0, -999.0, HUGE, float("inf"), float("nan"), "", "0.03", [], [1], [None], ["a", {}], {}, {"a": 1})
A, B = 'catalog("a").z', 'catalog("b").z'


def decide(text: str, one: Any, other: Any = None) -> bool | None:
    return compile_rule(text).decide({"catalog": {"a": {"z": one}, "b": {"z": other}}}).passed


@pytest.mark.parametrize(
    "text",
    [f"{A} {sign} {B}" for sign in ("<", "<=", ">", ">=", "==", "!=", "in", "not in")]
    + [f"{A} {sign} {B} > 1" for sign in ("+", "-", "*", "/", "//", "%")]
    + [f"{A} < 19.5", f"{A} == true", f"-{A} > 1", f"abs({A}) > max(1, {B})", f'{A} in ["a", "b"]', A, f"not {A}"],
)
def test_no_row_makes_a_rule_raise(text: str) -> None:
    for one, other in product(VALUES, VALUES):
        assert decide(text, one, other) in (True, False)


def test_values_too_deep_to_compare_are_not_equal() -> None:
    assert decide(f"{A} == {B}", DEEP, [DEEP]) is False


@pytest.mark.parametrize(("value", "passed"), [(HUGE, False), (-HUGE, True)])
def test_an_integer_too_large_for_a_float_is_compared_all_the_same(value: int, passed: bool) -> None:
    assert decide(f"{A} < 19.5", value) is passed


def test_what_has_no_order_is_neither_less_nor_more() -> None:
    for one, other in (([1], [None]), ({}, {}), (["a"], [{}])):
        assert decide(f"{A} < {B} or {A} >= {B}", one, other) is False
