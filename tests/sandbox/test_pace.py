"""The clock of the demo: nights of equal length, gaps skipped, and still until it is begun."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.sandbox.pace import NightClock

FIRST = datetime(2018, 6, 1, 18, tzinfo=UTC)
NIGHTS = [FIRST, FIRST + timedelta(days=1), FIRST + timedelta(days=79), FIRST + timedelta(days=80)]


class Seconds:
    """Real time, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def running(seconds: Seconds, night_s: float = 5.0) -> NightClock:
    clock = NightClock(NIGHTS, night_s, seconds)
    clock.begin()
    return clock


def test_it_stands_still_until_it_is_begun(seconds: Seconds) -> None:
    clock = NightClock(NIGHTS, 5.0, seconds)
    seconds.now += 60
    assert clock.now() == FIRST - timedelta(days=1)
    clock.begin()
    seconds.now += 5
    assert clock.now() == FIRST


def test_every_night_takes_the_same_time_and_what_lies_between_takes_none(seconds: Seconds) -> None:
    clock = running(seconds)
    until = [clock.real_seconds_until(night) for night in NIGHTS]
    assert until == pytest.approx([5.0, 10.0, 15.05, 20.05])


def test_after_the_last_night_it_goes_on_at_the_same_pace(seconds: Seconds) -> None:
    clock = running(seconds)
    seconds.now += 20.05 + 5.0
    assert clock.now() - (NIGHTS[-1] + timedelta(days=1)) < timedelta(milliseconds=1)


@given(elapsed_s=st.floats(0, 60), wait_s=st.floats(0.001, 60))
def test_what_is_waited_for_has_come_when_the_wait_is_over(elapsed_s: float, wait_s: float) -> None:
    seconds = Seconds()
    clock = running(seconds)
    seconds.now += elapsed_s + wait_s
    later = clock.now()
    seconds.now -= wait_s
    assert clock.real_seconds_until(later) == pytest.approx(wait_s, abs=1e-3)
    earlier = clock.now()
    seconds.now += wait_s
    assert clock.real_seconds_since(earlier) == pytest.approx(wait_s, abs=1e-3)
    assert clock.real_seconds_until(earlier) == 0


def test_it_never_goes_back(seconds: Seconds) -> None:
    clock = running(seconds)
    dates = []
    for _ in range(300):
        dates.append(clock.now())
        seconds.now += 0.1
    assert dates == sorted(dates)
