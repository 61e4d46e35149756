"""The clocks: the system's, one that is set, one that runs fast."""

from datetime import UTC, datetime, timedelta

from ampel_watch.clock import FastClock, ManualClock, SystemClock

START = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)


def test_the_system_clock_is_aware_and_in_utc():
    assert SystemClock().now().tzinfo is UTC


def test_what_has_passed_needs_no_waiting():
    assert SystemClock().real_seconds_until(START - timedelta(days=10_000)) == 0


def test_a_manual_clock_moves_only_when_told():
    clock = ManualClock(START)
    assert clock.real_seconds_until(START + timedelta(minutes=5)) == 300
    clock.advance(timedelta(minutes=5))
    assert clock.now() == START + timedelta(minutes=5)


def test_a_fast_clock_waits_the_shorter_for_its_rate():
    clock = FastClock(START, rate=3600)
    left_s = clock.real_seconds_until(START + timedelta(hours=10))
    assert 9 < left_s <= 10
