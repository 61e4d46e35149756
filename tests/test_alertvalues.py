import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.alertvalues import CANDID, FID, JD, LIMIT_MAG, MAG, SCORE, integer, is_nothing, number, sign_of, word
from ampel_watch.julian import datetime_of_jd


class Thing:
    """Something that no service sends."""

    def __repr__(self) -> str:
        return "a thing"


GARBAGE = (None, "", "18.5", "t", b"t", [], [1], {}, {"$numberDouble": "18.5"}, Thing(), True, False, 18 + 0j)
NOT_NUMBERS = (*GARBAGE, math.nan, math.inf, -math.inf, -999, -999.0, 10**400, -(10**400))


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=repr)
@pytest.mark.parametrize("bounds", [JD, LIMIT_MAG, MAG, SCORE])
def test_what_is_no_number_or_a_sentinel_is_no_measurement(value, bounds):
    assert number(value, bounds) is None


@given(st.floats(allow_nan=False) | st.integers())
def test_a_number_is_one_within_its_bounds(value):
    assert number(value, LIMIT_MAG) == (value if 10 <= value <= 25 else None)


def test_bounds_are_included_and_integers_become_floats():
    assert [number(value, SCORE) for value in (0, 1, -1e-9, 1 + 1e-9)] == [0.0, 1.0, None, None]
    assert isinstance(number(18, MAG), float)
    assert number(-1006.9, LIMIT_MAG) is None, "seen in real alerts"


def test_every_julian_date_that_is_let_through_is_a_date():
    assert [datetime_of_jd(jd).year for jd in JD] == [1, 9999]


@pytest.mark.parametrize("value", [*NOT_NUMBERS, 1.0, 2.5e18, "595147624915010001", 2**63, -1], ids=repr)
def test_what_is_no_whole_number_is_no_candid(value):
    assert integer(value, CANDID) is None


def test_a_candid_keeps_all_its_digits():
    assert integer(595147624915010001, CANDID) == 595147624915010001
    assert [integer(fid, FID) for fid in (0, 1, 3, 4)] == [None, 1, 3, None]


@pytest.mark.parametrize("value", ["", " ", "null", "NULL", " null ", "None", "nan", "-999", "-999.0", None, 5, ["x"]])
def test_words_for_nothing_are_none(value):
    assert word(value) is None


def test_a_word_loses_the_blanks_around_it():
    assert word(" 12345 Ceres ") == "12345 Ceres"


@pytest.mark.parametrize("value", [None, "", "null", -999, -999.0, math.nan])
def test_nothing_has_many_names(value):
    assert is_nothing(value)


@pytest.mark.parametrize("value", [0, 0.0, False, "x", 18.5, math.inf, [], {}])
def test_something_is_not_nothing(value):
    assert not is_nothing(value)


def test_signs_come_as_letters_digits_and_truth_values():
    assert [sign_of(value) for value in ("t", "1", True)] == [True] * 3
    assert [sign_of(value) for value in ("f", "0", False)] == [False] * 3


@pytest.mark.parametrize("value", [None, "", "T", "true", "yes", "t1", 1, 0, 1.0, 0.0, ["t"], b"t", {}], ids=repr)
def test_any_other_sign_is_none(value):
    assert sign_of(value) is None
