import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.errors import DeliveryError
from ampel_watch.pipeline.retry import FIRST_WAIT, LONGEST_WAIT, after_failure, backoff
from ampel_watch.storage.outbox import Outcome

NOW = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
DAY = timedelta(hours=24)

attempts = st.integers(1, 10_000)
seeds = st.integers(0, 2**32)
spans = st.timedeltas(timedelta(0), timedelta(days=3))


class Chance(random.Random):
    """Always the same end of the range."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self._share


def fail(error: DeliveryError, **changes) -> Outcome:
    given_ = {
        "message": str(error),
        "attempts": 1,
        "first_try_at": NOW,
        "now": NOW,
        "give_up_after": DAY,
        "chance": random.Random(1),
    }
    return after_failure(error, **{**given_, **changes})


@given(attempts, seeds)
def test_every_wait_is_between_5_seconds_and_an_hour(tries, seed):
    assert FIRST_WAIT / 2 <= backoff(tries, random.Random(seed)) <= LONGEST_WAIT


@given(attempts)
def test_the_longest_wait_doubles_up_to_an_hour(tries):
    longest = backoff(tries, Chance(1.0))
    assert longest == min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(tries - 1, 20))
    assert backoff(tries, Chance(0.0)) == longest / 2
    assert backoff(tries + 1, Chance(1.0)) == min(LONGEST_WAIT, longest * 2)


def test_waits_are_spread_so_that_receivers_are_not_tried_in_step():
    chance = random.Random(1)
    assert len({backoff(3, chance) for _ in range(100)}) == 100


@given(attempts, spans, st.none() | st.floats(0, 1e6))
def test_a_permanent_refusal_is_dead_at_once(tries, age, retry_after_s):
    error = DeliveryError("no such user", permanent=True, retry_after_s=retry_after_s, status="550")
    outcome = fail(error, attempts=tries, first_try_at=NOW - age)
    assert outcome == Outcome("dead", NOW, error="no such user", status="550")


@given(attempts, st.floats(1, 80_000))
def test_what_the_receiver_asks_for_replaces_our_own_wait(tries, retry_after_s):
    outcome = fail(DeliveryError("busy", retry_after_s=retry_after_s, status="429"), attempts=tries)
    assert outcome == Outcome(
        "waiting", NOW, next_try_at=NOW + timedelta(seconds=retry_after_s), error="busy", status="429"
    )


_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("asked_s", "wait"),
    [
        (-5.0, timedelta(seconds=1)),
        (0.0, timedelta(seconds=1)),
        (1e15, timedelta(days=1)),
        (float("inf"), timedelta(days=1)),
    ],
)
def test_a_receiver_can_ask_neither_for_a_storm_nor_for_ever(asked_s, wait):
    outcome = fail(DeliveryError("busy", retry_after_s=asked_s), give_up_after=timedelta(days=2))
    assert outcome.next_try_at == NOW + wait


def test_a_wait_that_is_no_number_is_our_own():
    assert fail(DeliveryError("busy", retry_after_s=float("nan"))).next_try_at > NOW


@given(attempts, seeds, spans, spans)
def test_trying_ends_with_the_span_counted_from_the_first_try(tries, seed, age, give_up_after):
    wait = backoff(tries, random.Random(seed))
    outcome = fail(
        DeliveryError("down"),
        attempts=tries,
        first_try_at=NOW - age,
        give_up_after=give_up_after,
        chance=random.Random(seed),
    )
    if age + wait > give_up_after:
        assert outcome.state == "dead"
        assert outcome.next_try_at is None
        assert outcome.error is not None
        assert outcome.error.startswith(f"gave up after {tries} tries within ")
        assert outcome.error.endswith("; the last error: down")
    else:
        assert outcome == Outcome("waiting", NOW, next_try_at=NOW + wait, error="down")


def test_what_waited_out_a_stop_of_the_program_still_gets_its_tries():
    """The event is a week old, its first try was just now."""
    assert fail(DeliveryError("down"), first_try_at=NOW).state == "waiting"


@given(seeds)
def test_a_receiver_that_stays_down_is_tried_all_day_and_then_given_up(seed):
    chance, now, tries = random.Random(seed), NOW, 0
    while True:
        tries += 1
        outcome = fail(DeliveryError("down"), attempts=tries, first_try_at=NOW, now=now, chance=chance)
        if outcome.next_try_at is None:
            break
        assert outcome.next_try_at > now
        now = outcome.next_try_at
    assert DAY - LONGEST_WAIT <= now - NOW <= DAY
    assert 24 <= tries <= 70


def test_the_message_is_the_redacted_one_and_not_that_of_the_error():
    assert fail(DeliveryError("xoxb-secret is wrong"), message="*** is wrong").error == "*** is wrong"
    assert "xoxb" not in str(fail(DeliveryError("xoxb"), message="***", give_up_after=timedelta(0)).error)
