"""Evaluation: changes of a stock are told in their order, wait only while that helps, and hold up no others."""

import pytest

from ampel_watch.julian import jd_of
from ampel_watch.pipeline import evaluate, opening, settle
from ampel_watch.rounds import look, take_over
from ampel_watch.sandbox import Fault, PacketSky
from ampel_watch.storage import schema
from tests.pipeline.packets import alert
from tests.pipeline.rounds import START, A, B, X, Y, later, naming, rows

FAULTY = "unexpected fault"


def on_x(name="x", **more):
    """The entry of a watch of a channel."""
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f"  - {{name: {name}, channels: [{X}], every: 5m, notify: [memory]{extra}}}\n"


@pytest.fixture
async def bench(workbench):
    async with workbench(PacketSky(()), START) as bench:
        bench.services = ("live", "archive", "catalog")
        bench.patience_s = 2.0
        bench.enriched = True
        yield bench


def see(bench, name, mag, *, days_ago=0.0):
    """An alert of a stock in r, taken so many days ago."""
    bench.sandbox.add_alert(alert(name, jd_of(bench.clock.now()) - days_ago, mag))


async def find_and_evaluate(bench, parts, **span):
    """What the daemon does, in one process, after some time; the events are delivered."""
    bench.pass_time(**span)
    await look(parts, parts.config.watches, at_most=None)
    made = await parts.evaluator.evaluate()
    await parts.deliverer.drain()
    return made


def kinds(bench):
    return [kind for _, kind, _ in bench.memory.told]


async def test_what_waits_is_told_before_what_came_later(bench):
    bench.configure(on_x(on="[channel_match, detection]", enrich_deadline="3h"))
    await bench.once()
    see(bench, A, 18.4)
    bench.sandbox.enter(A, X)
    async with bench.parts() as parts:
        await take_over(parts)
        bench.sandbox.faults["catalog"] = Fault(status=503)
        for _ in range(7):  # until it is tried every five minutes only
            await find_and_evaluate(bench, parts, minutes=5, seconds=1)
        assert bench.memory.told == []
        bench.sandbox.faults.clear()
        bench.pass_time(minutes=1)
        see(bench, A, 18.3)
        await find_and_evaluate(bench, parts)
    assert kinds(bench) == ["channel_match", "detection"]


async def test_a_change_does_not_overtake_one_that_waits_for_the_archive_to_hear_of_the_stock(bench):
    bench.configure(on_x(on="[channel_match, channel_left]", enrich_deadline="2h"))
    await bench.once()
    bench.sandbox.enter(A, X)
    await later(bench)
    await later(bench, minutes=50)
    bench.sandbox.leave(A, X)
    await later(bench)
    await later(bench)
    assert {change["kind"] for change in await rows(bench, schema.changes)} >= {"channel_match", "channel_left"}
    assert bench.memory.told == []
    await later(bench, hours=1)
    await later(bench)
    assert kinds(bench) == ["channel_match", "channel_left"]


@pytest.mark.parametrize(
    ("module", "function", "position"),
    [(opening, "judge", 1), (evaluate, "known_of", 0), (settle, "decide", 1)],
    ids=["who is concerned", "what is known", "what it means"],
)
async def test_a_change_that_meets_a_fault_holds_up_no_other(bench, monkeypatch, caplog, module, function, position):
    bench.configure(on_x(on="[channel_match]"))
    await bench.once()
    see(bench, A, 18.0)
    see(bench, B, 18.0)
    bench.sandbox.enter(A, X)
    bench.sandbox.enter(B, X)
    real = getattr(module, function)

    def faulty(*given, **more):
        change = getattr(given[position], "change", given[position])
        if change.name == A:
            raise ValueError("a bug")
        return real(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(module, function, faulty)
        await later(bench)
        assert bench.memory.told == [("x", "channel_match", B)]
        log = [record for record in caplog.records if FAULTY in record.getMessage()]
        assert log
        assert all(A in record.getMessage() and record.exc_info for record in log)
        await later(bench, minutes=4)
    caplog.clear()
    await later(bench, minutes=2)
    assert bench.memory.told == [("x", "channel_match", B), ("x", "channel_match", A)]
    assert FAULTY not in caplog.text


async def test_half_a_decision_is_not_kept(bench, monkeypatch):
    bench.enriched = False
    bench.configure(on_x(on="[channel_match]"))
    await bench.once()
    bench.sandbox.enter(A, X)

    def faulty(*_given, **_more):
        raise ValueError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(settle.changes, "note_decision", faulty)
        await later(bench)
    assert await rows(bench, schema.events) == []
    await later(bench)
    assert kinds(bench) == ["channel_match"]
    assert len(await rows(bench, schema.events)) == 1


async def test_what_finding_out_has_shown_is_told_though_that_ended_in_a_fault(bench, monkeypatch, caplog):
    see(bench, A, 19.0, days_ago=5)
    bench.sandbox.enter(A, X)
    bench.configure(naming(A, on="[channel_match, channel_left, brightening]", enrich_deadline="1h"))
    await bench.once()
    await later(bench)
    async with bench.parts() as parts:
        await take_over(parts)
        see(bench, A, 17.0)
        bench.sandbox.leave(A, X)
        real = evaluate.FactFinder.find

        async def faulty(self, wanted):
            await real(self, wanted)
            raise ValueError("a bug")

        with monkeypatch.context() as patch:
            patch.setattr(evaluate.FactFinder, "find", faulty)
            await find_and_evaluate(bench, parts, minutes=5)
            assert FAULTY in caplog.text
            stored = await parts.database.run(lambda c: list(c.execute(schema.changes.select())))
            assert "brightening" in {change.kind for change in stored}
            waiting = [change for change in stored if change.evaluated_at is None and change.retry_at is None]
            assert waiting == []
            await find_and_evaluate(bench, parts, hours=1, minutes=1)
    assert sorted(kinds(bench)) == ["brightening", "channel_left"]


async def test_a_rule_on_a_service_that_is_not_configured_does_not_wait_and_says_so(bench):
    bench.services = ("live", "catalog")
    bench.configure(on_x(on="[channel_match]", when="mag < 19"))
    await bench.once()
    bench.sandbox.enter(A, X)
    await later(bench)
    assert kinds(bench) == ["channel_match"]
    assert bench.memory.received[0].missing == (
        "the rule could not be decided, unknown: mag (not configured: archive)",
    )


async def test_a_rule_is_still_asked_what_can_be_known_where_a_service_is_not_configured(bench):
    bench.services = ("live", "archive")
    bench.enriched = False
    bench.configure(on_x(on="[channel_match]", when="mag < 18 and not star"))
    await bench.once()
    see(bench, A, 18.4)
    bench.sandbox.enter(A, X)
    see(bench, B, 17.4)
    bench.sandbox.enter(B, X)
    await later(bench)
    assert bench.memory.told == [("x", "channel_match", B)]


async def test_a_stock_without_a_position_waits_for_no_catalog_once_the_archive_is_known_to_have_nothing(bench):
    bench.sandbox.enter(A, "SANDBOX_ALL")
    bench.configure(naming(A, on="[channel_match]", when="not star", enrich_deadline="20m"))
    await bench.once()
    bench.sandbox.enter(A, Y)
    await later(bench)
    assert bench.memory.told == [], "the archive may only be late"
    await later(bench, minutes=20)
    await later(bench, minutes=30)
    bench.pass_time(minutes=1)
    bench.sandbox.enter(A, X)
    await later(bench)
    assert kinds(bench) == ["channel_match", "channel_match"]
    assert bench.memory.received[1].after["channel"] == X
    assert bench.memory.received[1].missing[-1] == "the rule could not be decided, unknown: star"


async def test_past_the_deadline_a_change_goes_on_without_asking_who_did_not_answer(bench):
    bench.configure(on_x(on="[channel_match]", enrich_deadline="10m") + on_x("y", on="[channel_match]"))
    await bench.once()
    see(bench, A, 18.4)
    bench.sandbox.enter(A, X)
    async with bench.parts() as parts:
        await take_over(parts)
        bench.sandbox.faults["archive"] = Fault(status=503)
        await find_and_evaluate(bench, parts, minutes=5)
        assert bench.memory.told == []
        asked = []
        real = parts.evaluator._facts.find

        async def noting(wanted):
            asked.append(list(bench.memory.told))
            return await real(wanted)

        parts.evaluator._facts.find = noting
        bench.pass_time(minutes=10)
        assert await parts.evaluator.evaluate() == 1
        assert len(asked) == 1, "for the watch that still waits"
        await parts.deliverer.drain()
        assert bench.memory.told == [("x", "channel_match", A)]
        assert any(text.startswith("light curve: archive:") for text in bench.memory.received[0].missing)
        bench.sandbox.faults.clear()
        await find_and_evaluate(bench, parts, minutes=5)
    assert bench.memory.told == [("x", "channel_match", A), ("y", "channel_match", A)]
    assert bench.memory.received[1].missing == ()


async def test_a_new_start_asks_once_more_past_the_deadline(bench):
    bench.configure(on_x(on="[channel_match]", enrich_deadline="10m"))
    await bench.once()
    see(bench, A, 18.4)
    bench.sandbox.enter(A, X)
    bench.sandbox.faults["archive"] = Fault(status=503)
    bench.pass_time(minutes=5)
    await bench.once()
    bench.sandbox.faults.clear()
    await later(bench, hours=3)
    assert kinds(bench) == ["channel_match"]
    assert bench.memory.received[0].missing == ()


async def test_a_kind_that_is_asked_for_again_begins_with_what_is_known_then(bench):
    see(bench, A, 19.0, days_ago=5)
    bench.sandbox.enter(A, X)
    bench.configure(naming(A, on="[brightening, detection]"))
    await bench.once()
    bench.pass_time(minutes=5)
    see(bench, A, 19.0)
    await later(bench)
    await later(bench)
    bench.configure(naming(A, on="[detection]"))
    await later(bench, days=1)
    see(bench, A, 17.0)
    await later(bench)
    for _ in range(5):
        await later(bench, days=2)
    bench.configure(naming(A, on="[detection, brightening]"))
    await later(bench)
    told = len(bench.memory.told)
    for mag in (17.0, 16.0):
        bench.pass_time(hours=6)
        see(bench, A, mag)
        await later(bench)
        await later(bench)
    assert sorted(kinds(bench)[told:]) == ["brightening", "detection", "detection"]
    brightened = next(event for event in bench.memory.received[told:] if event.kind == "brightening")
    assert (brightened.before["mag"], brightened.after["mag"]) == (17.0, 16.0)
