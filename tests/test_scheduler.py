import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.clock import FastClock, ManualClock, SystemClock
from ampel_watch.rounds import next_due
from ampel_watch.scheduler import Schedule

START = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)

periods = st.timedeltas(timedelta(seconds=1), timedelta(days=30))
spans = st.timedeltas(timedelta(0), timedelta(days=60))


@given(periods, spans, st.integers())
def test_looks_are_at_least_every_apart_and_little_more(every, took, seed):
    due = next_due(START, every, START + took, random.Random(seed))
    latest = START + every + min(every * 0.05, timedelta(seconds=30))
    assert due >= START + every
    assert due <= max(latest, START + took)


@given(periods, spans, st.integers())
def test_a_look_that_took_too_long_is_followed_at_once_and_never_by_a_date_that_has_passed(every, took, seed):
    now = START + every * 1.05 + took
    assert next_due(START, every, now, random.Random(seed)) == now


def test_watches_of_one_period_do_not_stay_in_step():
    chance = random.Random(1)
    assert len({next_due(START, HOUR, START, chance) for _ in range(100)}) == 100


class Due:
    """Notes which watches were called back, and lets a test wait for the next one."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._called = asyncio.Event()

    def __call__(self, name: str) -> None:
        self.names.append(name)
        self._called.set()

    async def once_more(self) -> None:
        async with asyncio.timeout(10):
            await self._called.wait()
        self._called.clear()


@pytest.fixture
async def due() -> Due:
    return Due()


async def test_what_is_due_is_called_at_once(due):
    schedule = Schedule(ManualClock(START), due)
    schedule.plan("past", START - HOUR)
    schedule.start()
    await due.once_more()
    schedule.plan("now", START)
    await due.once_more()
    schedule.plan("later", START + HOUR)
    schedule.stop()
    assert due.names == ["past", "now"]


async def test_planning_again_replaces_the_earlier_date(due):
    schedule = Schedule(ManualClock(START), due)
    schedule.start()
    schedule.plan("mine", START + HOUR)
    schedule.plan("mine", START)
    await due.once_more()
    schedule.plan("mine", START)
    schedule.plan("mine", START + HOUR)
    schedule.plan("other", START)
    await due.once_more()
    schedule.stop()
    assert due.names == ["mine", "other"]


async def test_a_call_that_comes_late_is_made_all_the_same(due):
    """APScheduler would skip a job that is one second late."""
    schedule = Schedule(SystemClock(), due)
    for number in range(20):
        schedule.plan(f"watch {number}", SystemClock().now() - HOUR)
    schedule.start()
    while len(due.names) < 20:
        await due.once_more()
    schedule.stop()
    assert sorted(due.names) == sorted(f"watch {number}" for number in range(20))


async def test_the_date_that_counts_is_that_of_the_clock(due):
    """On a clock that runs fast an hour passes in a moment, and a date in its own future is not "long ago"."""
    clock = FastClock(datetime(2018, 1, 1, tzinfo=UTC), rate=36_000)
    schedule = Schedule(clock, due)
    schedule.start()
    schedule.plan("mine", clock.now() + HOUR)
    assert due.names == []
    await due.once_more()
    assert clock.now() >= datetime(2018, 1, 1, 1, tzinfo=UTC)
    schedule.stop()


async def test_stopping_before_anything_was_planned_is_no_error(due):
    schedule = Schedule(ManualClock(START), due)
    schedule.start()
    schedule.stop()
