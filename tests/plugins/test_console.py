"""The `console` notifier."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ampel_watch.api import Attempt, DeliveryError
from ampel_watch.testing import Answer, Bench, NotifierConformance, notifier_context, sample_event, sample_events
from ampel_watch_console import ConsoleNotifier, ConsoleSettings, register_notifiers


class TestConsole(NotifierConformance):
    answers = frozenset({Answer.ACCEPT, Answer.FAIL})

    def bench(self) -> AbstractAsyncContextManager[Bench]:
        return console_bench()


@asynccontextmanager
async def console_bench() -> AsyncIterator[Bench]:
    """One message is what was written between two sends, that is, up to the line with the link."""
    lines: list[str] = []
    state = {"broken": False}

    def write(line: str) -> None:
        if state["broken"]:
            raise BrokenPipeError(32, "Broken pipe")
        lines.append(line)

    def received() -> list[Any]:
        messages: list[list[str]] = []
        for line in lines:
            if not line.startswith(" "):
                messages.append([])
            messages[-1].append(line)
        return ["\n".join(message) for message in messages]

    notifier = ConsoleNotifier(notifier_context(write=write))
    yield Bench(notifier, lambda answer: state.update(broken=answer is not Answer.ACCEPT), received)


async def written(event: Any, late_s: float = 0.0) -> list[str]:
    lines: list[str] = []
    notifier = ConsoleNotifier(notifier_context(write=lines.append, timezone=ZoneInfo("Europe/Berlin")))
    await notifier.send(event, Attempt("delivery-1", late_s=late_s))
    return lines


async def test_an_event_is_a_compact_block_with_the_local_time_and_one_link() -> None:
    assert await written(sample_event()) == [
        "2026-11-22 22:04 CET  ZTF21aaqhhfu entered WEIZMANN_INFANTSN · already in",
        "    HU_TDE_RANKING · r 18.42 ± 0.05, rising 0.31 mag/d, 2.1 d old · z 0.031",
        "    (NEDz 3.2″), M_r −17.3",
        "  watch infant-sne · channel match · 12:34:57.50 -02:18:36.7",
        "  https://fritz.science/source/ZTF21aaqhhfu",
    ]


@pytest.mark.parametrize("event", sample_events(), ids=lambda event: event.kind)
async def test_no_line_but_the_link_is_wider_than_a_terminal(event: Any) -> None:
    assert max(len(line) for line in await written(event, 10_000) if "https://" not in line) <= 80


async def test_lateness_and_what_is_missing_are_told() -> None:
    block = " ".join(await written(sample_event(missing=("the light curve",)), late_s=7200))
    assert "Late: delivered 2 h late." in block
    assert "Missing: the light curve" in block


async def test_the_users_own_words_are_told() -> None:
    lines = await written(sample_event("cone_match", features={"note": "wake me up"}))
    assert "  Note: wake me up" in lines
    assert [line for line in lines if line.startswith("  Cone: NGC 4517A core at 188.74042 -2.30988")]


async def test_a_stock_without_position_or_links_is_shown_too() -> None:
    stock = sample_event().stock
    bare = type(stock)(stock.survey, stock.id, stock.name)
    lines = await written(sample_event("vanished", stock=bare, links={}))
    assert lines[-1] == "  watch infant-sne · vanished"


async def test_a_closed_standard_output_is_named() -> None:
    async with console_bench() as bench:
        bench.answer(Answer.FAIL)
        with pytest.raises(DeliveryError, match="standard output cannot be written: Broken pipe"):
            await bench.notifier.send(sample_event(), Attempt("delivery-1"))


def test_the_kind_takes_no_settings_and_sends_one_at_a_time() -> None:
    (kind,) = register_notifiers()
    assert (kind.name, kind.concurrency) == ("console", 1)
    with pytest.raises(ValueError, match="Extra inputs"):
        ConsoleSettings.model_validate({"colour": True})
    assert isinstance(kind.build(ConsoleSettings(), notifier_context()), ConsoleNotifier)
