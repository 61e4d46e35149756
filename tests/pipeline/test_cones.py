"""Watched positions: what appears there is told once, with the user's words, and watched from then on."""

from collections import Counter
from datetime import UTC, date, datetime
from unittest.mock import Mock

import pytest
from sqlalchemy import select

from ampel_watch.config import Watch, WatchedPosition, WatchedStock
from ampel_watch.julian import jd_of
from ampel_watch.model import Change, StockKey
from ampel_watch.pipeline import cone_search
from ampel_watch.pipeline.cones import circle_of, cones_of, words_for
from ampel_watch.sandbox import Fault, NightSky, PacketSky, SkySettings
from ampel_watch.sandbox.archive_store import in_cone
from ampel_watch.skycircles import Circle, covers_of
from ampel_watch.storage import schema
from ampel_watch.ztf import id_of, name_of
from tests.pipeline.packets import alert

START = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
X, Y = "SANDBOX_INFANT_SN", "SANDBOX_AGN"
A, B, C = "ZTF26aaaaaaa", "ZTF26aaaaaab", "ZTF26aaaaaac"
RA, DEC = 150.0, 20.0
FROM_LIST = "  - {name: here, stocks_from: [list.yaml], every: 5m, on: [cone_match, channel_match], notify: [memory]}\n"
CREATE = "/streams/from_query"
NAMES = "/objects/cone_search"


def cone(ra=RA, dec=DEC, radius=10.0, **words):
    extra = "".join(f", {key}: {value}" for key, value in words.items())
    return f"{{ra_deg: {ra}, dec_deg: {dec}, radius_arcsec: {radius}{extra}}}"


def watching(*cones, name="here", on="[cone_match, channel_match]", every="5m", **more):
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    head = f"name: {name}, cones: [{', '.join(cones)}], every: {every}, on: {on}, notify: [memory]"
    return f"  - {{{head}{extra}}}\n"


@pytest.fixture
async def bench(workbench):
    async with workbench(PacketSky(()), START) as bench:
        yield bench


def appear(bench, name=A, *, ra=RA, dec=DEC, hours_ago=0.1, schema="3.3"):
    """The archive gets an alert; AMPEL takes no notice."""
    jd = jd_of(bench.clock.now()) - hours_ago / 24
    bench.sandbox.archive.add(alert(name, jd, 19.0, ra=ra, dec=dec, schema=schema))


def enter(bench, name, channel):
    """AMPEL takes a stock up, a while after the last look."""
    bench.pass_time(seconds=30)
    bench.sandbox.enter(name, channel)


async def later(bench, **span):
    bench.pass_time(**(span or {"minutes": 5}))
    done = await bench.once()
    assert done.good, done.report
    return done


async def rows(bench, table):
    async with bench.parts() as parts:
        return [dict(row) for row in await parts.database.run(lambda c: list(c.execute(select(table)).mappings()))]


def matches(bench):
    """(watch, stock) of all that was told to have appeared."""
    return [(watch, name) for watch, kind, name in bench.memory.told if kind == "cone_match"]


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


async def test_what_appears_while_the_archive_is_down_is_told_afterwards_once(bench):
    bench.configure(watching(cone()) + watching(cone(ra=10.0), name="there"))
    await bench.once()
    appear(bench, A, dec=DEC + 1 / 3600)
    for status in (503, 500):
        bench.sandbox.faults["archive"] = Fault(status=status)
        bench.pass_time(hours=4)
        done = await bench.once()
        assert done.report.errors.keys() == {"here", "there"}
    assert bench.memory.told == []
    bench.sandbox.faults.clear()
    await later(bench)
    await later(bench)
    assert matches(bench) == [("here", A)]
    assert bench.memory.received[0].late_s == pytest.approx(8 * 3600 + 300)


async def test_a_first_look_that_failed_is_taken_later_and_is_silent(bench):
    appear(bench, A)
    bench.sandbox.faults["archive"] = Fault(status=500, route=NAMES)
    bench.configure(watching(cone()))
    assert "here" in (await bench.once()).report.errors
    bench.sandbox.faults.clear()
    await later(bench)
    await later(bench)
    assert bench.memory.told == []
    appear(bench, B)
    await later(bench)
    assert matches(bench) == [("here", B)]


async def test_without_the_archive_the_look_says_what_is_missing(bench):
    bench.services = ("live",)
    bench.configure(watching(cone()))
    done = await bench.once()
    assert "`services.archive` is not configured" in done.report.errors["here"]


async def test_positions_are_searched_though_the_live_service_is_down(bench):
    bench.configure(watching(cone()))
    await bench.once()
    bench.sandbox.faults["live"] = Fault(status=503)
    appear(bench, A)
    bench.pass_time(minutes=5)
    await bench.once()
    assert matches(bench) == [("here", A)]


async def test_an_alert_that_the_archive_cannot_show_is_found_by_name(bench):
    bench.configure(watching(cone(), cone(ra=10.0)))
    await bench.once()
    appear(bench, A, hours_ago=0.05)
    appear(bench, B, hours_ago=0.04, schema=None)
    appear(bench, C, hours_ago=0.03)
    await later(bench)
    await later(bench)
    assert sorted(matches(bench)) == [("here", A), ("here", B), ("here", C)]
    broken = next(event for event in bench.memory.received if event.stock.name == B)
    assert "dist_arcsec" not in broken.after


async def test_a_thousand_positions_cost_a_handful_of_streams(bench):
    many = [(round(0.36 * number, 4), round(-80 + 0.16 * number, 4)) for number in range(1000)]
    lines = "".join(f"{ra},{dec},3,source {number}\n" for number, (ra, dec) in enumerate(many))
    (bench.folder / "many.csv").write_text("ra_deg,dec_deg,radius_arcsec,label\n" + lines)
    bench.configure("  - {name: many, stocks_from: [many.csv], every: 5m, on: [cone_match], notify: [memory]}\n")
    tally = bench.sandbox.tallies["archive"]
    for looks in range(1, 6):
        assert (await bench.once()).good
        assert tally.by_route[NAMES] == looks * cone_search.NEW_CONES_PER_LOOK
        bench.pass_time(minutes=5)
    before = tally.by_route[CREATE]
    for number in (0, 500, 999):
        appear(bench, name_of(number), ra=many[number][0], dec=many[number][1])
    await later(bench)
    assert tally.by_route[CREATE] - before <= 2
    assert tally.by_route[NAMES] == 1000
    labels = {event.after["cone"]["label"] for event in bench.memory.received}
    assert labels == {"source 0", "source 500", "source 999"}
    circles = [Circle(ra, dec, 60.0) for ra, dec in many]
    assert len(list(covers_of(circles, cone_search.PIXELS_PER_STREAM))) <= 4


async def test_many_new_positions_are_looked_at_over_several_looks(bench, monkeypatch):
    monkeypatch.setattr(cone_search, "NEW_CONES_PER_LOOK", 2)
    bench.configure(watching(*(cone(ra=ra) for ra in range(5))))
    async with bench.parts() as parts:
        reports = [await parts.poller.look(parts.config.watches) for _ in range(3)]
    assert [report.more for report in reports] == [True, True, False]
    assert [len(report.warnings) for report in reports] == [1, 1, 0]
    assert all(report.errors == {} for report in reports)


async def test_new_positions_that_fail_wait_behind_the_others_and_cause_no_hurry(bench, monkeypatch):
    monkeypatch.setattr(cone_search, "NEW_CONES_PER_LOOK", 2)
    bench.configure(watching(*(cone(ra=ra) for ra in range(3))))
    async with bench.parts() as parts:
        bench.sandbox.faults["archive"] = Fault(status=500, route=NAMES)
        failed = await parts.poller.look(parts.config.watches)
        bench.sandbox.faults.clear()
        asked = bench.sandbox.tallies["archive"].by_route[NAMES]
        await parts.poller.look(parts.config.watches)
        assert bench.sandbox.tallies["archive"].by_route[NAMES] == asked + 2
    assert failed.more is False
    assert Circle(2.0, DEC, 10.0).key in {row["cone"] for row in await rows(bench, schema.cone_looks)}


async def test_a_wide_cone_is_asked_for_in_shorter_times(bench):
    bench.configure(watching(cone(radius=36000)))
    appear(bench, A, ra=RA + 9, hours_ago=24 * 2000)
    appear(bench, B, ra=RA - 9, hours_ago=1)
    assert (await bench.once()).good
    asked = bench.sandbox.tallies["archive"].by_route[NAMES]
    assert 30 < asked < 50
    assert {row["name"] for row in await rows(bench, schema.cone_members)} == {A, B}


async def test_cones_that_were_looked_at_long_ago_share_no_stream_with_the_others(bench):
    bench.configure(watching(cone(), name="often") + watching(cone(ra=10.0), name="seldom", every="30d"))
    await bench.once()
    async with bench.parts() as parts:
        often = [watch for watch in parts.config.watches if watch.name == "often"]
        for _ in range(3):
            bench.pass_time(days=3)
            await parts.poller.look(often)
        appear(bench, A, ra=10.0, hours_ago=24 * 8)
        appear(bench, B)
        before = bench.sandbox.tallies["archive"].by_route[CREATE]
        bench.pass_time(minutes=5)
        await parts.poller.look(parts.config.watches)
        assert bench.sandbox.tallies["archive"].by_route[CREATE] == before + 2
    await later(bench)
    assert sorted(matches(bench)) == [("often", B), ("seldom", A)]


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


async def test_over_nights_every_new_object_of_a_region_is_told_exactly_once(workbench):
    sky = NightSky(3, date(2026, 10, 1), nights=12, settings=SkySettings(fields=3, agn=20, variable_stars=20))
    start = datetime(2026, 10, 5, 20, 0, tzinfo=UTC)
    async with workbench(sky, start) as bench:
        body = sky.bodies[0]
        region = (body.ra_deg, body.dec_deg, 4.0)

        def seen():
            packets = bench.sandbox.archive.in_time(None, None, None)
            return {packet.name for packet in in_cone(packets, *region)}

        bench.configure(watching(cone(*region[:2], radius=region[2] * 3600), on="[cone_match]"))
        assert (await bench.once()).good
        before = seen()
        for _ in range(5):
            await later(bench, days=1)
            await later(bench, hours=1)
        appeared = seen() - before
        assert len(appeared) > 10
        assert Counter(name for _, name in matches(bench)) == Counter(appeared)


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
