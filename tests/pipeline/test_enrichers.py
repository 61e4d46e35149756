"""Enrichers of plugins: what they say is taken together, and what is wrong with one costs that one alone."""

import asyncio
import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from ampel_watch.api import EnricherContext, EnricherKind, EventStock, LightCurve, RuleName, Settings, Subject
from ampel_watch.clock import ManualClock
from ampel_watch.config import EnricherSetting
from ampel_watch.pipeline.enrichers import Enrichers, build_enrichers
from ampel_watch.rules import RULE_NAMES

SUBJECT = Subject(
    EventStock("ztf", 119032484, "ZTF21aaqhhfu", 188.7, -2.3),
    datetime(2026, 11, 22, tzinfo=UTC),
    LightCurve(),
    {},
    {},
)
NAMES: Mapping[str, RuleName] = {
    **RULE_NAMES,
    "sep_deg": RuleName("sep_deg", "a number", "deg", "an angle", "sep_deg > 3", "one"),
    "up": RuleName("up", "a condition", "", "whether it is up", "up", "one"),
    "phase": RuleName("phase", "text", "", "its phase", 'phase == "full"', "one"),
    "seen_by": RuleName("seen_by", "a list", "", "who sees it", '"me" in seen_by', "two"),
}


class Says:
    """An enricher that gives or raises what it is told to."""

    def __init__(self, what: Any) -> None:
        self.what = what
        self.asked: list[Subject] = []
        self.closed = False

    async def enrich(self, subject: Subject) -> Any:
        self.asked.append(subject)
        if isinstance(self.what, BaseException):
            raise self.what
        return self.what

    async def close(self) -> None:
        self.closed = True


class Hangs(Says):
    """One that never answers."""

    async def enrich(self, subject: Subject) -> Any:
        await asyncio.get_running_loop().create_future()


class Meets(Says):
    """One that answers only while another is asked as well."""

    def __init__(self, barrier: asyncio.Barrier, what: Any) -> None:
        super().__init__(what)
        self._barrier = barrier

    async def enrich(self, subject: Subject) -> Any:
        await self._barrier.wait()
        return self.what


def kind(name: str, timeout_s: float = 20.0, build: Any = None) -> EnricherKind:
    return EnricherKind(name, Settings, build or Says, "says what it is told", timeout_s)


def enrichers(timeout_s: float = 20.0, **built: Any) -> Enrichers:
    return Enrichers({name: (kind(name, timeout_s), one) for name, one in built.items()}, NAMES)


NOTHING = {"sep_deg": None, "up": None, "phase": None}


async def test_without_enrichers_nothing_is_asked():
    none = Enrichers({})
    assert not none
    assert await none.ask(SUBJECT) == ({}, {})
    await none.close()


async def test_the_values_of_all_are_taken_together():
    one, two = Says({"sep_deg": 30.5, "up": False, "phase": "full"}), Says({"seen_by": ("me",), "further": {"a": [1]}})
    asked = enrichers(one=one, two=two)
    assert asked
    values, failures = await asked.ask(SUBJECT)
    assert values == {"sep_deg": 30.5, "up": False, "phase": "full", "seen_by": ["me"], "further": {"a": [1]}}
    assert failures == {}
    assert one.asked == two.asked == [SUBJECT]


async def test_a_rule_name_that_is_left_out_is_null():
    assert await enrichers(one=Says({"up": True})).ask(SUBJECT) == (NOTHING | {"up": True}, {})


async def test_they_are_asked_at_the_same_time():
    barrier = asyncio.Barrier(2)
    values, failures = await enrichers(one=Meets(barrier, {"sep_deg": 1}), two=Meets(barrier, {"seen_by": None})).ask(
        SUBJECT
    )
    assert (values, failures) == (NOTHING | {"sep_deg": 1, "seen_by": None}, {})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (LookupError("it has lost\nits way"), "LookupError: it has lost its way"),
        (TimeoutError("the server sleeps"), "TimeoutError: the server sleeps"),
        (None, "the answer is no mapping of names to values"),
        ([("sep_deg", 1)], "the answer is no mapping of names to values"),
        ({1: 2}, "the answer is no mapping of names to values"),
        ({"further": object()}, "the answer is no JSON: Object of type object is not JSON serializable"),
        ({"further": {1, 2}}, "the answer is no JSON: Object of type set is not JSON serializable"),
        ({"further": math.nan}, "the answer is no JSON: Out of range float values are not JSON compliant"),
        ({"further": "x" * 70_000}, "the answer is longer than 65536 bytes"),
        ({"sep_deg": "30"}, "`sep_deg` is str, where a number is promised"),
        ({"sep_deg": True}, "`sep_deg` is bool, where a number is promised"),
        ({"up": 1}, "`up` is int, where a condition is promised"),
        ({"phase": ["full"]}, "`phase` is list, where text is promised"),
        ({"mag": 18.0}, "`mag` is a rule name that is not its own"),
        ({"seen_by": []}, "`seen_by` is a rule name that is not its own"),
    ],
)
async def test_one_that_fails_is_named_and_costs_its_own_values_alone(said, why, caplog):
    values, failures = await enrichers(one=Says(said), two=Says({"seen_by": ["me"]})).ask(SUBJECT)
    assert values == {"seen_by": ["me"]}
    assert failures.keys() == {"one"}
    assert failures["one"].startswith(why)
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert record.getMessage() == f"enricher one failed for ZTF21aaqhhfu: {failures['one']}"


async def test_one_that_does_not_answer_is_given_up():
    values, failures = await enrichers(timeout_s=0.01, one=Hangs(None), two=Says({})).ask(SUBJECT)
    assert (values, failures) == ({"seen_by": None}, {"one": "no answer within 0.01 s"})


async def test_a_name_that_two_give_is_taken_from_the_first():
    values, failures = await enrichers(a=Says({"further": 1}), b=Says({"further": 2, "more": 3})).ask(SUBJECT)
    assert (values, failures) == ({"further": 1}, {"b": "`further` is given by another enricher too"})


async def test_a_cancellation_is_no_failure():
    task = asyncio.create_task(enrichers(one=Hangs(None)).ask(SUBJECT))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_a_failure_says_holds_no_secret():
    asked = Enrichers(
        {"one": (kind("one"), Says(RuntimeError("refused the key s3cr3t")))},
        NAMES,
        redact=lambda text: text.replace("s3cr3t", "***"),
    )
    _, failures = await asked.ask(SUBJECT)
    assert failures == {"one": "RuntimeError: refused the key ***"}


def test_the_names_that_a_failing_one_hides_are_those_it_registered():
    asked = enrichers(one=Says({}), two=Says({}), three=Says({}))
    assert asked.names_of("one") == {"sep_deg", "up", "phase"}
    assert asked.names_of("two") == {"seen_by"}
    assert asked.names_of("three") == set()


async def test_all_are_closed_though_one_cannot_be(caplog):
    class Stuck(Says):
        async def close(self) -> None:
            raise OSError("stuck")

    last = Says({})
    await enrichers(one=Stuck({}), two=last).close()
    assert last.closed
    assert "enricher one could not be closed" in caplog.text


def context() -> EnricherContext:
    return EnricherContext(ManualClock(datetime(2026, 11, 22, tzinfo=UTC)), "ampel-watch/test")


async def test_they_are_made_of_their_settings():
    made = []

    def build(settings: Settings, given: EnricherContext) -> Says:
        made.append((settings, given.user_agent))
        return Says({"up": True})

    settings = Settings()
    asked = build_enrichers({"one": EnricherSetting(kind("one", build=build), settings)}, context(), NAMES, str)
    assert made == [(settings, "ampel-watch/test")]
    assert await asked.ask(SUBJECT) == (NOTHING | {"up": True}, {})


async def test_one_that_cannot_be_made_fails_when_it_is_asked(caplog):
    def build(settings: Settings, given: EnricherContext) -> Says:
        raise ImportError("no module named s3cr3t")

    switched_on = {
        "one": EnricherSetting(kind("one", build=build), Settings()),
        "two": EnricherSetting(kind("two", build=lambda *_: Says({"seen_by": []})), Settings()),
    }
    asked = build_enrichers(switched_on, context(), NAMES, lambda text: text.replace("s3cr3t", "***"))
    why = "it cannot be made: ImportError: no module named ***"
    assert await asked.ask(SUBJECT) == ({"seen_by": []}, {"one": why})
    assert f"enricher one: {why}" in caplog.text
    await asked.close()
