"""What every notifier must do, as tests against a stand-in for the service that it talks to."""

import asyncio
import traceback
import unicodedata
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, timedelta, tzinfo
from enum import Enum
from typing import Any, ClassVar
from unittest import SkipTest

from ampel_watch.api import Attempt, Clock, DeliveryError, Notifier, NotifierContext
from ampel_watch.clock import ManualClock
from ampel_watch.testing.samples import SAMPLE_TIME, hostile_events, sample_event, sample_events

RETRY_AFTER_S = 7
_DEADLINE_S = 30.0


def notifier_context(
    receiver: str = "sample",
    *,
    clock: Clock | None = None,
    timezone: tzinfo = UTC,
    write: Callable[[str], None] = lambda _: None,
) -> NotifierContext:
    """What the program gives a notifier; the clock stands still just after the sample events."""
    return NotifierContext(
        receiver=receiver,
        clock=clock or ManualClock(SAMPLE_TIME + timedelta(seconds=30)),
        timezone=timezone,
        write=write,
        user_agent="ampel-watch/test",
    )


class Answer(Enum):
    """How the stand-in for a receiver's service answers the next sends."""

    ACCEPT = "take it"
    REFUSE = "refuse it for good"
    FAIL = "fail for now"
    WAIT = f"ask to be tried again in {RETRY_AFTER_S} s"
    HANG = "say nothing"


@dataclass(slots=True)
class Bench:
    """A notifier and the stand-in for the service that it talks to.

    Attributes
    ----------
    answer: tells the stand-in how to answer from now on.
    received: what identifies each message that was accepted, in order: what its reader may deduplicate by.
    hanging: set by the stand-in whenever it leaves a send without an answer.
    secrets: every secret in the notifier's settings.
    """

    notifier: Notifier
    answer: Callable[[Answer], None]
    received: Callable[[], Sequence[Hashable]]
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    secrets: tuple[str, ...] = ()


def _on_a_bench(*needed: Answer) -> Callable[[Callable[[Any, Bench], Awaitable[None]]], Callable[[Any], None]]:
    """Make a test out of an asynchronous method that takes a bench; skip it where an answer cannot be given."""

    def decorate(check: Callable[[Any, Bench], Awaitable[None]]) -> Callable[[Any], None]:
        def test(self: "NotifierConformance") -> None:
            if missing := set(needed) - self.answers:
                raise SkipTest(f"this receiver can never {', '.join(answer.value for answer in missing)}")
            asyncio.run(_run(check, self))

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return decorate


async def _run(check: Callable[[Any, Bench], Awaitable[None]], suite: "NotifierConformance") -> None:
    async with asyncio.timeout(_DEADLINE_S), suite.bench() as bench:
        try:
            await check(suite, bench)
        finally:
            await bench.notifier.close()


class NotifierConformance:
    """What every notifier must do. Derive a class whose name begins with `Test` and give it a `bench`.

    Attributes
    ----------
    answers: which answers the stand-in can give; the tests of the others are skipped.
    """

    answers: ClassVar[frozenset[Answer]] = frozenset(Answer)

    def bench(self) -> AbstractAsyncContextManager[Bench]:
        """A fresh notifier with its stand-in, which accepts until told otherwise."""
        raise NotImplementedError

    @_on_a_bench()
    async def test_every_kind_of_event_is_sent_once(self, bench: Bench) -> None:
        """One send is one message, and two events are told apart."""
        for number, event in enumerate(sample_events(), 1):
            await bench.notifier.send(event, Attempt(f"delivery-{number}"))
            assert len(bench.received()) == number
        assert len(set(bench.received())) == len(sample_events()), "two events look like the same one"

    @_on_a_bench()
    async def test_the_same_delivery_looks_the_same_at_every_try(self, bench: Bench) -> None:
        """What a crash repeats can be recognized as a repetition."""
        for number in (1, 2):
            await bench.notifier.send(sample_event(), Attempt("delivery-1", number))
        first, second = bench.received()
        assert first == second

    @_on_a_bench()
    async def test_hostile_text_is_sent_and_shown_without_control_characters(self, bench: Bench) -> None:
        """Nothing that a service or a catalog says can break a message or a terminal."""
        for number, event in enumerate(hostile_events(), 1):
            await bench.notifier.send(event, Attempt(f"delivery-{number}"))
            shown = await bench.notifier.preview(event)
            assert not [c for c in shown if unicodedata.category(c) == "Cc" and c != "\n"]
            assert len(bench.received()) == number

    @_on_a_bench()
    async def test_a_preview_sends_nothing_and_tells_the_summary(self, bench: Bench) -> None:
        """`ampel-watch render` is safe to use."""
        shown = " ".join((await bench.notifier.preview(sample_event())).split())
        assert sample_event().summary in shown
        assert not bench.received()

    @_on_a_bench(Answer.REFUSE)
    async def test_a_refusal_is_permanent(self, bench: Bench) -> None:
        """What can never succeed is not tried for a day."""
        error = await _refused(bench, Answer.REFUSE)
        assert error.permanent, error

    @_on_a_bench(Answer.FAIL)
    async def test_a_failure_is_passing_and_the_next_try_succeeds(self, bench: Bench) -> None:
        """An outage of the receiver loses nothing."""
        error = await _refused(bench, Answer.FAIL)
        assert not error.permanent, error
        bench.answer(Answer.ACCEPT)
        await bench.notifier.send(sample_event(), Attempt("delivery-1", 2))
        assert len(bench.received()) == 1

    @_on_a_bench(Answer.WAIT)
    async def test_the_receivers_wish_to_wait_is_passed_on(self, bench: Bench) -> None:
        """A rate limit is honoured to the second."""
        error = await _refused(bench, Answer.WAIT)
        assert not error.permanent, error
        assert error.retry_after_s == RETRY_AFTER_S

    @_on_a_bench(Answer.HANG)
    async def test_a_cancelled_send_ends_at_once_and_can_be_repeated(self, bench: Bench) -> None:
        """A daemon that stops does not wait for a receiver that says nothing."""
        bench.answer(Answer.HANG)
        sending = asyncio.create_task(bench.notifier.send(sample_event(), Attempt("delivery-1")))
        await bench.hanging.wait()
        sending.cancel()
        async with asyncio.timeout(5):
            await asyncio.wait({sending})
        assert sending.cancelled(), "a cancelled send must end with CancelledError"
        bench.answer(Answer.ACCEPT)
        await bench.notifier.send(sample_event(), Attempt("delivery-1", 2))

    @_on_a_bench()
    async def test_nothing_shown_or_raised_holds_a_secret(self, bench: Bench) -> None:
        """Previews, errors and their tracebacks are stored, logged and shown."""
        shown = [await bench.notifier.preview(sample_event()), repr(bench.notifier)]
        for answer in (Answer.REFUSE, Answer.FAIL, Answer.WAIT):
            if answer in self.answers:
                error = await _refused(bench, answer)
                shown += ["".join(traceback.format_exception(error)), repr(vars(error))]
        assert not [secret for secret in bench.secrets if any(secret in text for text in shown)]

    @_on_a_bench()
    async def test_it_can_be_closed_without_having_sent_and_more_than_once(self, bench: Bench) -> None:
        """A receiver of which nothing was asked is closed like any other."""
        await bench.notifier.close()


async def _refused(bench: Bench, answer: Answer) -> DeliveryError:
    """The error that a send meets under this answer."""
    bench.answer(answer)
    try:
        await bench.notifier.send(sample_event(), Attempt("delivery-1"))
    except DeliveryError as error:
        return error
    raise AssertionError(f"send returned although the receiver was told to {answer.value}")
