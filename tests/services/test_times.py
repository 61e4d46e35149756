from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.services.times import number, parse_time

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DATES = st.integers(-(2**51), 2**52).map(lambda microseconds: EPOCH + timedelta(microseconds=microseconds))
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
AT = datetime(2018, 8, 19, 4, 32, 34, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2018-08-19T04:32:34",
        "2018-08-19T04:32:34Z",
        "2018-08-19T04:32:34+00:00",
        "2018-08-19T04:32:34.000000",
        "2018-08-19 04:32:34",
        "2018-08-19T06:32:34+02:00",
        1534653154,
        1534653154.0,
        {"$date": "2018-08-19T04:32:34Z"},
        {"$date": 1534653154000},
        {"$date": {"$numberLong": "1534653154000"}},
        {"$numberLong": "1534653154"},
        {"$numberDouble": "1534653154.0"},
    ],
)
def test_every_spelling_of_a_time_is_understood(written: Any):
    assert parse_time(written) == AT
    assert parse_time(written).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "garbage",
        "1534653154",
        "20180819",
        "2018-W33-7",
        "2018-13-01T00:00:00",
        "2018-08-19T24:61:00",
        "0001-01-01T00:00:00+14:00",
        True,
        None,
        [],
        {},
        {"$date": None},
        {"$oid": "6b037b2a14952788ed886596"},
        {"$numberDouble": "NaN"},
        {"$numberDouble": "many"},
        {"$date": 1, "more": 2},
        float("nan"),
        float("inf"),
        10**400,
        1e300,
        -1e12,
    ],
)
def test_what_is_no_time_is_a_value_error(written: Any):
    with pytest.raises(ValueError, match=r"."):
        parse_time(written)


@given(DATES, ZONES)
def test_any_date_is_read_back_from_iso(when: datetime, zone: timezone):
    assert parse_time(when.isoformat()) == when
    assert parse_time(when.astimezone(zone).isoformat()) == when
    assert parse_time(when.replace(tzinfo=None).isoformat()) == when


@given(DATES)
def test_any_date_is_read_back_from_unix_seconds(when: datetime):
    assert abs(parse_time(when.timestamp()) - when) <= timedelta(microseconds=2)


@given(st.text() | st.integers() | st.floats() | st.none() | st.dictionaries(st.text(), st.text()))
def test_anything_is_a_time_or_a_value_error(value: Any):
    try:
        assert parse_time(value).tzinfo is UTC
    except ValueError:
        return


def test_numbers_are_finite_and_never_truth_values():
    assert number({"$numberDouble": "2.5"}) == 2.5
    for wrong in (True, "2.5", {"$numberDouble": "Infinity"}):
        with pytest.raises(ValueError, match="finite"):
            number(wrong)
