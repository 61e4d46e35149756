"""Words for times, angles, magnitudes and what else is measured."""

import unicodedata
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from math import inf, nan
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.testing import SAMPLE_TIME
from ampel_watch.text import age, clean, local_time, sexagesimal
from ampel_watch.text.words import (
    arcseconds,
    decimal,
    luminosity,
    measured,
    number,
    rate,
    redshift,
    span,
    with_error,
    word,
)

BERLIN = ZoneInfo("Europe/Berlin")
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@given(st.text(max_size=700), st.integers(1, 600))
def test_cleaned_text_is_one_line_without_control_or_direction_characters(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert not BIDI & set(cleaned)
    assert not {unicodedata.category(c) for c in cleaned} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert len(cleaned.splitlines()) <= 1
    assert clean(cleaned, limit) == cleaned


@given(st.text(st.characters(categories=["L", "N", "P", "Sm", "So", "Zs"]), max_size=200))
def test_innocent_text_is_left_as_it_is(text: str) -> None:
    assert clean(text) == text


def test_cleaned_text_says_that_it_was_cut() -> None:
    assert clean("a" * 501) == "a" * 499 + "…"
    assert clean("a" * 500) == "a" * 500


def sexagesimal_by_decimals(ra_deg: float, dec_deg: float) -> str:
    """The same by exact decimal arithmetic, one unit after another."""

    def parts(value: Decimal, places: str) -> tuple[int, int, Decimal]:
        seconds = (value * 3600).quantize(Decimal(places), ROUND_HALF_EVEN)
        return int(seconds // 3600), int(seconds % 3600 // 60), seconds % 60

    h, hm, hs = parts(Decimal(repr(ra_deg)) / 15, "0.01")
    d, dm, ds = parts(abs(Decimal(repr(dec_deg))), "0.1")
    return f"{h % 24:02d}:{hm:02d}:{hs:05.2f} {'-' if dec_deg < 0 else '+'}{d:02d}:{dm:02d}:{ds:04.1f}"


@given(st.integers(0, 360 * 1000 - 1), st.integers(-90 * 1000, 90 * 1000))
def test_sexagesimal_agrees_with_exact_arithmetic(ra_mdeg: int, dec_mdeg: int) -> None:
    ra_deg, dec_deg = ra_mdeg / 1000, dec_mdeg / 1000
    assert sexagesimal(ra_deg, dec_deg) == sexagesimal_by_decimals(ra_deg, dec_deg)


@given(st.floats(0, 360), st.floats(-90, 90))
def test_sexagesimal_reads_back_within_its_rounding(ra_deg: float, dec_deg: float) -> None:
    ra, dec = sexagesimal(ra_deg, dec_deg).split()
    h, hm, hs = map(float, ra.split(":"))
    d, dm, ds = map(float, dec.lstrip("+-").split(":"))
    assert h < 24
    assert max(hm, hs, dm, ds) < 60
    back = 15 * (h + hm / 60 + hs / 3600)
    assert min(abs(back - ra_deg), 360 - abs(back - ra_deg)) <= 15 * 0.0051 / 3600
    assert abs((d + dm / 60 + ds / 3600) - abs(dec_deg)) <= 0.051 / 3600


@pytest.mark.parametrize(
    ("ra_deg", "dec_deg", "text"),
    [
        (0.0, 0.0, "00:00:00.00 +00:00:00.0"),
        (359.9999999, -0.5, "00:00:00.00 -00:30:00.0"),
        (15.0, 89.99999, "01:00:00.00 +90:00:00.0"),
        (188.739583, -2.310194, "12:34:57.50 -02:18:36.7"),
    ],
)
def test_sexagesimal_at_the_edges(ra_deg: float, dec_deg: float, text: str) -> None:
    assert sexagesimal(ra_deg, dec_deg) == text


UNITS_S = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def seconds_of(text: str) -> int:
    words = text.split()
    return sum(int(n) * UNITS_S[unit] for n, unit in zip(words[::2], words[1::2], strict=True))


@given(st.floats(0, 1e8), st.floats(0, 1e8))
def test_a_longer_span_never_reads_shorter(one: float, other: float) -> None:
    shorter, longer = sorted((one, other))
    assert seconds_of(age(shorter)) <= seconds_of(age(longer))


@given(st.floats(0, 1e8))
def test_a_span_is_told_in_at_most_two_units_and_nearly_right(seconds: float) -> None:
    words = age(seconds).split()
    assert len(words) in (2, 4)
    assert seconds_of(age(seconds)) == pytest.approx(seconds, rel=0.05, abs=31)
    assert words[:2] not in (["60", "s"], ["60", "min"], ["24", "h"])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3599, "1 h"),
        (7500, "2 h 5 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_spans_as_people_say_them(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_local_time_names_the_zone() -> None:
    assert local_time(SAMPLE_TIME, BERLIN) == "2026-11-22 22:04 CET"
    assert local_time(SAMPLE_TIME + timedelta(days=180), BERLIN) == "2027-05-21 23:04 CEST"


@pytest.mark.parametrize("value", [nan, inf, -inf, 1e308, 10**400, -999.0, True, None, "18.4", [18.4]])
def test_what_is_no_number_of_a_possible_size_is_not_known(value: Any) -> None:
    assert number({"mag": value}, "mag", -40, 40) is None
    assert number({}, "mag", -40, 40) is None
    assert measured({"mag": value, "mag_err": 0.1, "band": "r"}) == ""
    assert luminosity({"abs_mag": value}) == ""


@pytest.mark.parametrize("value", [None, "", " \n", "nan", "None", "NULL", "-", "n/a", "-inf", 5, ["x"], "\x00\u202e"])
def test_a_text_that_says_nothing_is_not_known(value: Any) -> None:
    assert word({"tns_name": value}, "tns_name") == ""


def test_a_text_is_cleaned_and_cut() -> None:
    assert word({"x": " SN\n\x002021abc\t "}, "x") == "SN 2021abc"
    assert word({"x": "a" * 100}, "x", 10) == "aaaaaaaaa…"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-17.32, 1, "−17.3"), (-0.04, 1, "0.0"), (0.0, 2, "0.00"), (18.425, 2, "18.43"), (1234.5, 0, "1234")],
)
def test_a_number_has_a_true_minus_and_no_negative_zero(value: float, digits: int, text: str) -> None:
    assert decimal(value, digits) == text


def test_a_latitude_says_its_sign() -> None:
    assert (decimal(60.29, 1, plus=True), decimal(-60.29, 1, plus=True)) == ("+60.3", "−60.3")


@pytest.mark.parametrize(
    ("error", "text"),
    [(0.05, "18.42 ± 0.05"), (0.003, "18.420 ± 0.003"), (0.0, "18.42"), (None, "18.42"), (1e-9, "18.42")],
)
def test_an_error_is_never_told_as_zero(error: float | None, text: str) -> None:
    assert with_error(18.42, error) == text


@given(st.floats(-30, 30), st.floats(0, 9))
def test_an_error_that_is_told_is_not_zero(value: float, error: float) -> None:
    told = with_error(value, error).split(" ± ")
    assert len(told) == 1 or float(told[1]) > 0


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (None, ""),
        (0.0003, ""),
        (0.01, "14 min"),
        (0.22, "5.3 h"),
        (2.1, "2.1 d"),
        (99.94, "99.9 d"),
        (312.4, "312 d"),
        (1534.0, "4.2 yr"),
    ],
)
def test_a_span_of_days_has_the_unit_that_fits(days: float | None, text: str) -> None:
    assert span(days) == text


@pytest.mark.parametrize(("value", "text"), [(None, ""), (0.04, "0.0″"), (3.21, "3.2″"), (9.96, "10″"), (24.4, "24″")])
def test_angles(value: float | None, text: str) -> None:
    assert arcseconds(value) == text


@pytest.mark.parametrize(
    ("rising", "error", "text"),
    [
        (0.31, 0.04, "rising 0.31 mag/d"),
        (-0.05, 0.01, "fading 0.05 mag/d"),
        (0.31, None, "rising 0.31 mag/d"),
        (0.31, 0.2, ""),
        (0.03, 0.02, "flat"),
        (-0.03, 0.04, "flat"),
        (0.003, 0.001, "flat"),
        (0.0, 0.0, "flat"),
        (None, 0.1, ""),
        (nan, 0.1, ""),
    ],
)
def test_a_rate_within_its_error_is_none(rising: float | None, error: float | None, text: str) -> None:
    assert rate({"rise_rate_mag_d": rising, "rise_rate_err_mag_d": error}) == text


@pytest.mark.parametrize(
    ("values", "short", "whole"),
    [
        ({"z": 0.0312, "z_err": 0.0001}, "z 0.031", "z 0.031"),
        ({"z": 0.0312, "z_err": 0.002}, "z 0.031", "z 0.031 ± 0.002"),
        ({"z": 0.00081}, "z 0.0008", "z 0.0008"),
        ({"z": -0.001}, "z −0.0010", "z −0.0010"),
        ({"z": 0.123, "z_err": 0.03, "z_kind": "photometric"}, "z ≈ 0.12 ± 0.03", "z ≈ 0.12 ± 0.03"),
        ({"z": 0.123, "z_kind": "phot"}, "z ≈ 0.12", "z ≈ 0.12"),
        ({"z": None}, "", ""),
        ({"z": -999.0}, "", ""),
    ],
)
def test_a_redshift_says_how_sure_it_is(values: dict[str, Any], short: str, whole: str) -> None:
    assert (redshift(values), redshift(values, error=True)) == (short, whole)


def test_an_absolute_magnitude_names_its_band() -> None:
    assert luminosity({"abs_mag": -17.32, "band": "r"}) == "M_r −17.3"
    assert luminosity({"abs_mag": -17.32, "band": None}) == "M −17.3"
    assert luminosity({"abs_mag": -17.32, "band": "g", "z_kind": "photometric"}) == "M_g ≈ −17.3"
