"""How watched positions are searched: what that costs, what a fault costs, and that nothing is lost by one."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest

from ampel_watch.pipeline import cone_search
from ampel_watch.sandbox import Fault, NightSky, PacketSky, SkySettings
from ampel_watch.sandbox.archive_store import in_cone
from ampel_watch.skycircles import Circle, covers_of
from ampel_watch.storage import schema
from ampel_watch.ztf import name_of
from tests.pipeline.positions import CREATE, DEC, NAMES, RA, appear, cone, matches, watching
from tests.pipeline.rounds import START, A, B, C, later, rows


@pytest.fixture
async def bench(workbench):
    async with workbench(PacketSky(()), START) as bench:
        yield bench


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
