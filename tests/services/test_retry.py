import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.errors import ServerFault, ServiceUnavailable
from ampel_watch.services.retry import ConnectionLost, Faulted, Overloaded, Pacer, Retries, Setback, retry_after_s
from tests.services.recordings import Waiting

NOW = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)


class Highest(Random):
    """Jitter that is always as long as it may be."""

    def uniform(self, a: float, b: float) -> float:
        return b


def retries(waiting: Waiting, *, patience_s: float = 120.0, idempotent: bool = True) -> Retries:
    begun = Retries(idempotent, patience_s, waiting.time, Highest())
    begun.begin()
    return begun


def lost() -> Setback:
    return ConnectionLost(ServiceUnavailable("live", "lost"))


def overloaded(after_s: float | None = None) -> Setback:
    return Overloaded(ServiceUnavailable("live", "overloaded"), retry_after_s=after_s)


def faulted() -> Setback:
    return Faulted(ServerFault("live", "failed"))


def delays(setback: Callable[[], Setback], **options: float) -> list[float]:
    """The waits between tries that all end alike, until the error is raised."""
    waiting = Waiting()
    tries = retries(waiting, **options)
    waits: list[float] = []
    while True:
        try:
            waits.append(tries.delay_s(setback()))
        except ServiceUnavailable:
            return waits
        waiting.now_s += waits[-1]


def test_waits_double_up_to_a_longest_one_within_the_patience():
    assert delays(overloaded) == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_lost_connection_is_first_replaced_at_once():
    assert delays(lost)[:3] == [0.0, 2.0, 4.0]


def test_a_fault_is_given_one_more_chance():
    tries = retries(Waiting())
    assert tries.delay_s(faulted()) == 0.0
    with pytest.raises(ServerFault):
        tries.delay_s(faulted())


def test_no_patience_no_second_try():
    assert delays(overloaded, patience_s=0.5) == []


def test_tries_are_counted_even_if_no_time_passes():
    tries = Retries(True, 120.0, Waiting().time, type("None_", (Random,), {"uniform": lambda *_: 0.0})())
    tries.begin()
    for _ in range(9):
        tries.delay_s(overloaded())
    with pytest.raises(ServiceUnavailable):
        tries.delay_s(overloaded())


def test_the_time_begins_with_the_first_try():
    waiting = Waiting()
    tries = Retries(True, 10.0, waiting.time, Highest())
    waiting.now_s += 100
    assert tries.left_s() == 10.0
    tries.begin()
    waiting.now_s += 4
    tries.begin()
    assert tries.left_s() == 6.0


def test_what_must_not_be_repeated_fails_with_the_time_that_was_asked_for():
    with pytest.raises(ServiceUnavailable) as caught:
        retries(Waiting(), idempotent=False).delay_s(overloaded(30.0))
    assert caught.value.retry_after_s == 30.0


@given(st.integers(1, 10**7))
def test_a_date_and_its_distance_ask_for_the_same(seconds: int):
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_s(date, now=NOW) == retry_after_s(f" {seconds} ", now=NOW) == seconds


@given(st.text(max_size=40))
def test_any_text_is_a_positive_wait_or_none(text: str):
    wait_s = retry_after_s(text, now=NOW)
    assert wait_s is None or wait_s > 0


async def test_after_a_hold_up_requests_do_not_come_in_a_bunch():
    pacer = Pacer(100)
    loop = asyncio.get_running_loop()
    starts_s: list[float] = []

    async def start() -> None:
        await pacer.turn()
        starts_s.append(loop.time())

    waiting = [asyncio.create_task(start()) for _ in range(8)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    until_s = loop.time() + 0.05
    while loop.time() < until_s:
        pass  # the event loop is held up, as by a long computation
    await asyncio.gather(*waiting)
    assert min(b - a for a, b in pairwise(starts_s)) >= 0.0099


async def test_one_that_gives_up_waiting_costs_the_others_nothing():
    pacer = Pacer(50)
    await pacer.turn()
    given_up = asyncio.create_task(pacer.turn())
    await asyncio.sleep(0)
    given_up.cancel()
    async with asyncio.timeout(1):
        await pacer.turn()
