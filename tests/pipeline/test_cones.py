"""Watched positions: what appears there is told once, with the user's words, and watched from then on."""

from collections import Counter
from unittest.mock import Mock

import pytest

from ampel_watch.config import Watch, WatchedPosition, WatchedStock
from ampel_watch.model import Change, StockKey
from ampel_watch.pipeline.cones import circle_of, cones_of, words_for
from ampel_watch.rounds import look, take_over
from ampel_watch.sandbox import PacketSky
from ampel_watch.storage import schema
from ampel_watch.ztf import id_of
from tests.pipeline.positions import CREATE, DEC, FROM_LIST, RA, appear, cone, enter, matches, watching
from tests.pipeline.rounds import START, A, B, C, X, Y, later, rows


@pytest.fixture
async def bench(workbench):
    async with workbench(PacketSky(()), START) as bench:
        yield bench


async def test_what_was_there_before_is_silent_and_what_appears_is_told_once(bench):
    appear(bench, B, hours_ago=24 * 900)
    bench.configure(watching(cone(label="candidate 7", note="ask Maria")))
    assert (await bench.once()).good
    await later(bench)
    assert bench.memory.told == []
    appear(bench, A, dec=DEC + 3 / 3600)
    for _ in range(3):
        done = await later(bench)
        assert done.report.warnings == []
    await later(bench, days=2)
    assert bench.memory.told == [("here", "cone_match", A)]
    [event] = bench.memory.received
    assert event.before == {}
    words = {"label": "candidate 7", "note": "ask Maria"}
    assert event.after["cone"] == {"ra_deg": RA, "dec_deg": DEC, "radius_arcsec": 10.0} | words
    assert event.after["dist_arcsec"] == 3.0
    assert (event.stock.ra_deg, event.stock.dec_deg) == pytest.approx((RA, DEC + 3 / 3600), abs=1e-6)
    assert (event.features["label"], event.features["note"]) == ("candidate 7", "ask Maria")
    assert event.after["time"] == "2026-11-20T19:58:59Z"


async def test_whichever_watch_is_due_all_that_have_looked_there_are_told(bench):
    ended = FROM_LIST.replace("here", "ended").replace("5m", "1h")
    (bench.folder / "list.yaml").write_text(f"- {cone(until='2026-11-20T20:01:00Z')}\n")
    bench.configure(watching(cone(), name="often") + watching(cone(), name="rarely", every="1h") + ended)
    await bench.once()
    bench.configure(
        ended
        + watching(cone(), name="often")
        + watching(cone(label="mine"), name="rarely", every="1h")
        + watching(cone(), name="new", every="1h")
    )
    appear(bench, A)
    async with bench.parts() as parts:
        await take_over(parts)
        often = next(watch for watch in parts.config.watches if watch.name == "often")
        for due in ([often], [often], parts.config.watches):
            bench.pass_time(minutes=5)
            await look(parts, due, at_most=None)
        await parts.evaluator.evaluate()
        await parts.deliverer.drain()
    assert sorted(matches(bench)) == [("often", A), ("rarely", A)]
    rarely = next(event for event in bench.memory.received if event.watch == "rarely")
    assert rarely.after["cone"]["label"] == "mine"
    enter(bench, A, X)
    await later(bench)
    assert Counter(bench.memory.told)["rarely", "channel_match", A] == 1
    assert len(matches(bench)) == 2


@pytest.mark.parametrize(
    ("centre", "inside", "outside"),
    [
        ((150.0, 20.0), (150.0, 20.0 + 9.9 / 3600), (150.0, 20.0 + 10.1 / 3600)),
        ((0.001, -5.0), (359.9999, -5.0), (359.998, -5.0)),
        ((359.9999, 60.0), (0.001, 60.0), (0.006, 60.0)),
        ((12.0, 90.0), (200.0, 90.0 - 9.9 / 3600), (200.0, 90.0 - 10.1 / 3600)),
        ((77.0, -89.999), (257.0, -89.9999), (257.0, -89.99)),
    ],
    ids=["north", "from RA 0", "to RA 0", "pole", "across the pole"],
)
async def test_the_circle_decides_and_not_the_pixels(bench, centre, inside, outside):
    bench.configure(watching(cone(*centre)))
    await bench.once()
    appear(bench, A, ra=inside[0], dec=inside[1])
    appear(bench, B, ra=outside[0], dec=outside[1])
    await later(bench)
    assert matches(bench) == [("here", A)]


async def test_an_alert_that_comes_late_is_told(bench):
    bench.configure(watching(cone()))
    await bench.once()
    await later(bench)
    appear(bench, A, hours_ago=1.9)
    await later(bench)
    appear(bench, B, hours_ago=30)
    await later(bench)
    assert matches(bench) == [("here", A)]
    await later(bench, days=1)
    assert matches(bench) == [("here", A), ("here", B)]


async def test_a_stock_that_is_found_is_watched_from_then_on(bench):
    bench.configure(watching(cone()))
    await bench.once()
    appear(bench, A)
    enter(bench, A, Y)
    await later(bench)
    assert bench.memory.told == [("here", "cone_match", A)]
    enter(bench, A, X)
    await later(bench)
    await later(bench)
    assert bench.memory.told == [("here", "cone_match", A), ("here", "channel_match", A)]
    assert bench.memory.received[1].after["channel"] == X
    assert bench.memory.received[1].stock.ra_deg == RA


async def test_a_stock_that_ampel_takes_up_after_it_was_found_is_told_to_have_entered(bench):
    bench.configure(watching(cone()))
    await bench.once()
    appear(bench, A)
    await later(bench)
    enter(bench, A, X)
    await later(bench, minutes=11)
    await later(bench)
    assert bench.memory.told == [("here", "cone_match", A), ("here", "channel_match", A)]
    counters = [row["counter"] for row in await rows(bench, schema.changes)]
    assert counters == [1, 2]


@pytest.mark.parametrize("unknown_stock", ["404", "500", "null"])
async def test_that_ampel_does_not_know_what_appeared_is_no_trouble(workbench, unknown_stock):
    async with workbench(PacketSky(()), START, unknown_stock=unknown_stock) as bench:
        bench.configure(watching(cone()))
        await bench.once()
        appear(bench, A)
        for _ in range(3):
            done = await later(bench, minutes=11)
            assert done.report.warnings == []
        enter(bench, A, X)
        await later(bench, hours=2)
        assert bench.memory.told == [("here", "cone_match", A), ("here", "channel_match", A)]


async def test_a_source_that_was_always_there_is_watched_too_and_a_region_is_not(bench):
    for name in (A, B):
        appear(bench, name, hours_ago=24 * 100)
    appear(bench, B, ra=10, hours_ago=24 * 100)
    bench.configure(watching(cone(radius=60), name="source") + watching(cone(radius=61), name="region"))
    await bench.once()
    for name in (A, B):
        enter(bench, name, X)
    await later(bench, hours=1)
    appear(bench, C)
    await later(bench)
    enter(bench, C, X)
    await later(bench, hours=1)
    told = Counter(bench.memory.told)
    assert told == {
        ("source", "channel_match", A): 1,
        ("source", "channel_match", B): 1,
        ("source", "cone_match", C): 1,
        ("source", "channel_match", C): 1,
        ("region", "cone_match", C): 1,
        ("region", "channel_match", C): 1,
    }


async def test_a_source_that_was_in_a_channel_before_the_first_look_is_not_told_to_enter_it(bench):
    appear(bench, A, hours_ago=24 * 100)
    enter(bench, A, X)
    bench.pass_time(days=1)
    bench.configure(watching(cone()))
    await bench.once()
    await later(bench)
    await later(bench, days=1)
    assert bench.memory.told == []


async def test_an_entry_ends_with_its_stocks(bench):
    entries = [cone(until='"2026-11-21T12:00Z"'), cone(ra=10.0)]
    (bench.folder / "list.yaml").write_text("".join(f"- {entry}\n" for entry in entries))
    bench.configure(FROM_LIST)
    await bench.once()
    appear(bench, A)
    await later(bench)
    await later(bench, days=1)
    enter(bench, A, X)
    appear(bench, B)
    await later(bench)
    assert bench.memory.told == [("here", "cone_match", A)]


async def test_two_watches_on_one_circle_are_told_each_from_its_own_first_look_on(bench):
    bench.configure(watching(cone(label="mine"), name="first"))
    await bench.once()
    appear(bench, A)
    await later(bench)
    both = watching(cone(label="mine"), name="first") + watching(cone(label="ours", note="new"), name="second")
    bench.configure(both)
    await later(bench)
    appear(bench, B)
    await later(bench)
    assert matches(bench) == [("first", A), ("first", B), ("second", B)]
    words = [(event.after["cone"]["label"], event.after["cone"]["note"]) for event in bench.memory.received]
    assert words == [("mine", None), ("mine", None), ("ours", "new")]
    streams = bench.sandbox.tallies["archive"].by_route[CREATE]
    await later(bench)
    assert bench.sandbox.tallies["archive"].by_route[CREATE] == streams + 1


async def test_a_watch_that_wants_its_first_look_is_told_what_is_there(bench):
    appear(bench, A, hours_ago=24 * 100)
    bench.configure(watching(cone(), initial="notify") + watching(cone(), name="silent"))
    await bench.once()
    await later(bench)
    assert bench.memory.told == [("here", "cone_match", A)]
    assert bench.memory.received[0].after["first_look"] is True


async def test_a_cone_that_is_removed_and_added_again_is_looked_at_for_the_first_time_again(bench):
    bench.configure(watching(cone(), cone(ra=10.0)))
    await bench.once()
    bench.configure(watching(cone(ra=10.0)))
    appear(bench, A)
    await later(bench)
    bench.configure(watching(cone(), cone(ra=10.0)))
    await later(bench)
    await later(bench)
    assert bench.memory.told == []
    appear(bench, B)
    await later(bench)
    assert matches(bench) == [("here", B)]


async def test_found_stocks_stay_watched_over_restarts_though_the_list_is_long(bench):
    bench.live_extra = ", budget: 0"
    bench.configure(watching(cone()))
    await bench.once()
    appear(bench, A)
    await later(bench)
    for _ in range(3):
        await later(bench, days=1)
    appear(bench, A)
    enter(bench, A, X)
    await later(bench)
    assert bench.memory.told == [("here", "cone_match", A), ("here", "channel_match", A)]


async def test_a_watch_that_does_not_ask_for_it_is_not_told_but_watches_the_stock(bench):
    bench.configure(watching(cone(), on="[channel_match]"))
    await bench.once()
    appear(bench, A)
    await later(bench)
    enter(bench, A, X)
    await later(bench, minutes=11)
    assert bench.memory.told == [("here", "channel_match", A)]
    reasons = {row["reason"] for row in await rows(bench, schema.decisions)}
    assert "the watch does not ask for cone_match" in reasons


async def test_words_and_end_of_one_circle_given_twice(bench):
    twice = [cone(until='"2026-11-21"', label="old"), cone(note="still here")]
    (bench.folder / "list.yaml").write_text("".join(f"- {entry}\n" for entry in twice))
    bench.configure(FROM_LIST)
    await bench.once()
    await later(bench, days=2)
    appear(bench, A)
    await later(bench)
    [event] = bench.memory.received
    assert (event.after["cone"]["label"], event.after["cone"]["note"]) == (None, "still here")


def entries(*, stocks=(), positions=()):
    watch = Mock(spec=Watch)
    watch.stocks, watch.positions = tuple(stocks), tuple(positions)
    return watch


def test_words_come_from_the_entry_through_which_the_watch_sees_the_stock():
    key = StockKey("ztf", id_of(A))
    here, there = WatchedPosition(RA, DEC, 10, note="here"), WatchedPosition(10.0, DEC, 10, label="there")
    watch = entries(stocks=[WatchedStock(key, A, note="named")], positions=[here, there])
    entered = Change(key, A, "channel_match", 1, {}, {}, START)
    assert words_for(watch, entered) == (None, "named")
    assert words_for(watch, entered, {circle_of(there).key}) == ("there", "named")
    assert words_for(entries(positions=[here, there]), entered, {circle_of(there).key}) == ("there", None)
    circle = {"ra_deg": RA, "dec_deg": DEC, "radius_arcsec": 10}
    appeared = Change(key, A, "cone_match", 1, {}, {"cone": circle}, START)
    assert words_for(watch, appeared, {circle_of(there).key}) == (None, "here")


def test_an_entry_that_has_ended_gives_no_words():
    key = StockKey("ztf", id_of(A))
    ended = WatchedPosition(RA, DEC, 10, label="old", until=START)
    change = Change(key, A, "updated", 1, {}, {}, START)
    assert words_for(entries(positions=[ended]), change, {circle_of(ended).key}) == (None, None)
    assert cones_of([entries(positions=[ended])], START) == {}
