from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.julian import datetime_of_jd, jd_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DATES = st.integers(-(2**51), 2**52).map(lambda microseconds: EPOCH + timedelta(microseconds=microseconds))


@given(DATES)
def test_a_julian_date_keeps_the_time_to_forty_microseconds(when: datetime):
    assert abs(datetime_of_jd(jd_of(when)) - when) <= timedelta(microseconds=41)


@given(st.floats(2_000_000, 3_000_000))
def test_a_julian_date_is_read_back(jd: float):
    assert jd_of(datetime_of_jd(jd)) == pytest.approx(jd, abs=5e-10)


def test_a_known_julian_date():
    assert abs(datetime_of_jd(2459293.8432060187) - datetime(2021, 3, 20, 8, 14, 13, tzinfo=UTC)) < timedelta(
        milliseconds=1
    )


@pytest.mark.parametrize("jd", [float("nan"), float("inf"), 1e9, -1e9])
def test_a_julian_date_beyond_all_years_is_a_value_error(jd: float):
    with pytest.raises(ValueError, match="not a Julian Date"):
        datetime_of_jd(jd)
