from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.clock import FastClock, ManualClock
from ampel_watch.sandbox.dates import datetime_of_jd, jd_of, real_span, zoned, zoneless

DATE = datetime(2021, 3, 20, 8, 14, 13, tzinfo=UTC)


def test_julian_dates_agree_with_a_published_alert() -> None:
    assert jd_of(DATE) == pytest.approx(2459293.8432060187, abs=1e-8)


@given(st.floats(9e8, 4e9).map(lambda unix: datetime.fromtimestamp(unix, UTC)))
def test_a_date_survives_the_way_to_jd_and_back(when: datetime) -> None:
    assert abs(datetime_of_jd(jd_of(when)) - when) < timedelta(milliseconds=1)


def test_live_times_have_no_zone_and_a_fraction_only_if_there_is_one() -> None:
    assert zoneless(DATE) == "2021-03-20T08:14:13"
    assert zoneless(DATE.replace(microsecond=250_000)) == "2021-03-20T08:14:13.250000"
    assert zoneless(DATE, "microseconds") == "2021-03-20T08:14:13.000000"


def test_zoned_times_are_in_utc_whatever_the_zone() -> None:
    assert zoned(DATE.astimezone(timezone(timedelta(hours=-8))), "seconds") == "2021-03-20T08:14:13+00:00"


def test_real_seconds_are_counted_in_dates_of_the_clock() -> None:
    assert real_span(ManualClock(DATE), 600) == timedelta(minutes=10)
    fast = real_span(FastClock(DATE, 1000.0), 600)
    assert fast.total_seconds() == pytest.approx(600_000, rel=0.01)
