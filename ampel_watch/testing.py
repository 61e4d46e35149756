"""For plugin authors: sample events, a context to build a notifier with, and tests that every notifier must pass.

::

    from ampel_watch.testing import Answer, Bench, NotifierConformance

    class TestMyNotifier(NotifierConformance):
        def bench(self):
            return my_bench()       # an asynchronous context manager that gives a Bench

The tests need pytest and nothing else; each runs its own event loop. See docs/how-to/write-a-notifier.md.
"""

import asyncio
import traceback
import unicodedata
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from typing import Any, ClassVar
from unittest import SkipTest

from ampel_watch.api import Attempt, Clock, DeliveryError, Event, EventStock, Notifier, NotifierContext, StockKey
from ampel_watch.clock import ManualClock
from ampel_watch.links import links_for
from ampel_watch.model import JSON, Change
from ampel_watch.text import summarize
from ampel_watch.ztf import id_of

__all__ = [
    "Answer",
    "Bench",
    "ManualClock",
    "NotifierConformance",
    "hostile_events",
    "notifier_context",
    "sample_event",
    "sample_events",
]

SAMPLE_TIME = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
RETRY_AFTER_S = 7
_DEADLINE_S = 30.0
_NAME = "ZTF21aaqhhfu"
_STOCK = EventStock("ztf", id_of(_NAME), _NAME, 188.739583, -2.310194, ("HU_TDE_RANKING", "WEIZMANN_INFANTSN"))
_SAMPLES: dict[str, tuple[JSON, JSON, str | None]] = {
    "channel_match": (
        {"channels": ["HU_TDE_RANKING"]},
        {
            "channels": ["HU_TDE_RANKING", "WEIZMANN_INFANTSN"],
            "channel": "WEIZMANN_INFANTSN",
            "entered": "2026-11-22T21:01:44Z",
        },
        "WEIZMANN_INFANTSN",
    ),
    "channel_left": (
        {"channels": ["HU_TDE_RANKING", "WEIZMANN_INFANTSN"]},
        {"channels": ["WEIZMANN_INFANTSN"], "channel": "HU_TDE_RANKING"},
        "HU_TDE_RANKING",
    ),
    "updated": (
        {"updated": "2026-11-20T20:55:12Z"},
        {"updated": "2026-11-22T21:01:44Z", "new_journal_entries": 3},
        None,
    ),
    "vanished": ({"channels": ["HU_TDE_RANKING"]}, {}, None),
}


def sample_event(kind: str = "channel_match", **changes: Any) -> Event:
    """An event as the program makes it, of a kind that the live service shows, with `changes` to its fields."""
    before, after, channel = _SAMPLES[kind]
    key = StockKey(_STOCK.survey, _STOCK.id)
    change = Change(key, _STOCK.name, kind, 1, before, after, SAMPLE_TIME, channel)
    event = Event(
        id=f"sample-{kind.replace('_', '-')}",
        kind=kind,
        watch="infant-sne",
        time=SAMPLE_TIME,
        summary=summarize(change),
        stock=_STOCK,
        before=before,
        after=after,
        links=links_for(_STOCK),
    )
    return replace(event, **changes)


def sample_events() -> tuple[Event, ...]:
    """One event of every kind that the live service shows."""
    return tuple(map(sample_event, _SAMPLES))


def hostile_events() -> tuple[Event, ...]:
    """Events that hold what nobody should send, and what somebody will: every one must be delivered, defused."""
    texts = {
        "markup": "<script>alert(1)</script> <b>&amp;</b> <!channel> <@U012AB3CD> <https://evil.example|Fritz> *_~`",
        "lines": "one\r\nBcc: everybody@example.org\r\n\r\ntwo\x00\x1b[31m\x07\x9b\u2028three\u2029four",
        "direction": "\u202eevil\u202c \u2066txt.exe\u2069 \u200b\ufeff\u061c أبجد שלום",
        "long": "🔭" * 100_000,
        "ampersands": "&<>" * 2_000,
        "empty": "",
    }
    return tuple(_hostile(name, text) for name, text in texts.items())


def _hostile(name: str, text: str) -> Event:
    event = sample_event(id=f"hostile-{name}", summary=f"{_NAME} {text}", watch=text or "-")
    return replace(
        event,
        stock=replace(event.stock, name=text, channels=(text, *(f"{text[:50]}{n}" for n in range(200)))),
        after={"channels": [text], "channel": text, "entered": text},
        links={"fritz": "javascript:alert(1)", text: 'https://x.example/?a=1&b="><i>|2', "odd": f"https://{text}"},
        missing=(text[:1000],) * 50,
    )


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
