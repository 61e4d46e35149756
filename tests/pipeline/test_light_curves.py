"""What is known of a stock's light curve over months: gaps, late alerts, wrong clocks, rows that cannot be read."""

import asyncio
from datetime import timedelta

import pytest

from ampel_watch import ztf
from ampel_watch.julian import jd_of
from ampel_watch.model import Alert, StockKey
from ampel_watch.pipeline.alerts import place_of
from ampel_watch.sandbox import Fault, PacketSky
from ampel_watch.storage import health, light_curves
from tests.pipeline.packets import alert
from tests.pipeline.rounds import START, A, B, X, look, naming, on_x, see


@pytest.fixture(params=[True, False], ids=["rest", "archive"])
async def listing(request, workbench):
    """With both ways of finding a channel's stocks."""
    async with workbench(PacketSky(()), START, listing=request.param) as bench:
        yield bench


@pytest.fixture
async def bench(workbench):
    async with workbench(PacketSky(()), START) as bench:
        bench.enriched = True
        yield bench


async def stored(bench, name):
    async with bench.parts() as parts:
        key = StockKey("ztf", ztf.id_of(name))
        return await parts.database.run(lambda connection: light_curves.load_one(connection, key))


async def test_a_rule_on_the_light_curve_waits_for_a_stock_that_was_just_announced(bench):
    bench.configure(on_x(on="[channel_match]", when="mag < 19"))
    await bench.once()
    bench.sandbox.enter(A, X)
    await look(bench)
    assert bench.memory.told == []
    bench.pass_time(minutes=5)
    see(bench, A, 18.4)
    await bench.once()
    assert bench.memory.told == [("x", "channel_match", A)]


async def test_a_rule_on_the_light_curve_of_a_stock_without_any_passes_undecided(bench):
    bench.configure(on_x(on="[channel_match]", when="mag < 19"))
    await bench.once()
    bench.sandbox.enter(A, X)
    for _ in range(8):
        await look(bench)
    [event] = bench.memory.received
    assert any("no alert of this stock" in text for text in event.missing)
    assert any("could not be decided" in text for text in event.missing)


async def test_adding_a_watch_takes_no_detection_from_another(bench):
    see(bench, A, 19.0, days_ago=20)
    for name in (A, B):
        bench.sandbox.enter(name, X)
    mine = naming(A, on="[detection]")
    bench.configure(mine)
    await bench.once()
    await look(bench)
    bench.pass_time(days=1)
    see(bench, A, 19.0)
    await bench.once()
    for _ in range(6):
        await look(bench, days=1)
    bench.pass_time(minutes=5)
    see(bench, A, 18.9)
    bench.configure(mine + naming(B, name="other", on="[detection]"))
    for _ in range(2):
        await look(bench)
    assert bench.memory.told == [("mine", "detection", A)] * 2


async def test_a_stock_that_comes_back_into_a_channel_has_no_hole_in_its_light_curve(listing):
    bench = listing
    for days_ago in (40, 39):
        see(bench, A, 19.0, days_ago=days_ago)
    bench.configure(on_x(on="[channel_match, channel_left, detection, brightening]"))
    await bench.once()
    for name in (A, B):
        bench.sandbox.enter(name, X)
    see(bench, A, 19.0)
    await look(bench)
    see(bench, A, 19.0)
    await look(bench)
    bench.sandbox.leave(A, X)
    await look(bench)
    for _ in range(3):
        await look(bench, days=5)
    for days_ago in (10, 9, 8, 7):
        see(bench, A, 17.0, days_ago=days_ago)
    await look(bench)
    bench.sandbox.enter(A, X)
    see(bench, A, 17.0)
    told = len(bench.memory.told)
    for _ in range(2):
        await look(bench)
    bench.pass_time(days=1)
    see(bench, A, 17.0)
    for _ in range(2):
        await look(bench)
    curve = await stored(bench, A)
    assert (curve.whole, len(curve.curve.detections)) == (True, 10)
    assert [kind for _, kind, _ in bench.memory.told[told:]].count("brightening") <= 1


async def test_a_known_stock_that_an_old_watch_names_now_has_no_hole_in_its_light_curve(bench):
    bench.sandbox.enter(B, X)
    entering = on_x("x", on="[channel_match]")
    bench.configure(entering + naming(B, on="[brightening, detection]"))
    await bench.once()
    see(bench, A, 19.0)
    bench.sandbox.enter(A, X)
    await look(bench)
    for _ in range(4):
        await look(bench, days=5)
    for days_ago in (9, 8, 7):
        see(bench, A, 17.0, days_ago=days_ago)
    bench.configure(entering + naming(B, A, on="[brightening, detection]"))
    for _ in range(2):
        await look(bench)
    bench.pass_time(minutes=5)
    see(bench, A, 17.0)
    await look(bench)
    assert bench.memory.received[-1].features["ndet"] == 5


async def test_an_alert_taken_before_the_stock_was_announced_and_archived_after_it_is_a_detection(bench):
    bench.configure(on_x(on="[channel_match, detection]"))
    bench.sandbox.enter(B, X)
    await bench.once()
    see(bench, A, 18.0, days_ago=15 / 1440)
    bench.sandbox.enter(A, X)
    await look(bench)
    bench.pass_time(minutes=10)
    see(bench, A, 17.9, days_ago=20 / 1440)
    await look(bench)
    assert ("x", "detection", A) in bench.memory.told


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=300)], ids=str)
async def test_a_first_look_under_a_clock_that_was_ahead_hides_no_detection(bench, ahead):
    see(bench, A, 19.0, days_ago=5)
    bench.sandbox.enter(A, X)
    bench.configure(naming(A, on="[detection]"))
    bench.clock.advance(ahead)
    await bench.once()
    bench.clock.advance(-ahead)
    await look(bench)
    bench.pass_time(minutes=30)
    see(bench, A, 18.9)
    for _ in range(2):
        await look(bench)
    assert bench.memory.told == [("mine", "detection", A)]


async def test_an_alert_that_the_archive_cannot_show_is_found_by_its_photopoints(bench):
    see(bench, A, 19.0, days_ago=5)
    bench.sandbox.enter(A, X)
    bench.configure(naming(A, on="[detection]"))
    for _ in range(2):
        await look(bench)
    bench.pass_time(minutes=5)
    see(bench, A, 18.9, schema=None)
    for _ in range(4):
        await look(bench)
    assert bench.memory.told == [("mine", "detection", A)]
    assert bench.sandbox.tallies["archive"].by_route["/object/{objectId}/photopoints"] <= 3, "asked once, not each time"


async def test_one_broken_catalog_holds_up_no_event_that_does_not_hang_on_it(bench):
    bench.services = ("live", "archive", "catalog")
    bench.sandbox.catalogs.broken.add("GAIADR2")
    bench.configure(on_x(on="[channel_match]", when="mag < 19 and not agn"))
    await bench.once()
    see(bench, A, 18.4)
    bench.sandbox.enter(A, X)
    await look(bench)
    [event] = bench.memory.received
    assert event.missing == ("catalog GAIADR2: it could not be searched",)


async def test_while_the_archive_is_down_the_features_of_an_unknown_stock_are_left_out(bench):
    bench.configure(naming(A, on="[channel_match, detection]"))
    bench.sandbox.enter(B, X)
    await bench.once()
    bench.sandbox.faults["archive"] = Fault(status=503)
    bench.sandbox.enter(A, X)
    for _ in range(2):
        await look(bench)
    bench.sandbox.enter(A, "SANDBOX_AGN")
    for _ in range(8):
        await look(bench)
    for event in bench.memory.received:
        assert "ndet" not in event.features
        assert any(text.startswith("light curve") for text in event.missing)
    assert bench.memory.received


async def test_a_named_stock_that_ampel_does_not_know_is_told_from_the_archive(bench):
    bench.configure(naming(A, on="[detection, brightening]"))
    await bench.once()
    await look(bench)
    for mag in (19.0, 18.0):
        bench.pass_time(hours=12)
        bench.sandbox.archive.add(alert(A, jd_of(bench.clock.now()), mag))
        await bench.once()
    assert bench.memory.told == [
        ("mine", "detection", A),
        ("mine", "detection", A),
        ("mine", "brightening", A),
    ]


async def test_a_clock_that_was_ahead_later_hides_no_alert_that_the_archive_has_late(bench):
    see(bench, A, 19.0, days_ago=5)
    bench.sandbox.enter(A, X)
    bench.configure(naming(A, on="[detection]"))
    for _ in range(20):
        await look(bench)
    bench.clock.advance(timedelta(hours=2))
    await bench.once()
    bench.clock.advance(timedelta(hours=-2))
    bench.pass_time(minutes=5)
    see(bench, A, 18.9, days_ago=20 / 1440)
    for _ in range(2):
        await look(bench)
    assert bench.memory.told == [("mine", "detection", A)]


async def test_an_archive_that_answers_again_counts_as_recovered_whoever_asked(bench):
    bench.configure(on_x(on="[channel_match]", when="mag < 19"))
    await bench.once()
    see(bench, A, 18.4)
    bench.sandbox.enter(A, X)
    bench.sandbox.faults["archive"] = Fault(status=503)
    await look(bench)
    bench.sandbox.faults.clear()
    await look(bench)
    assert bench.memory.told == [("x", "channel_match", A)]
    async with bench.parts() as parts:
        archive = await parts.database.run(lambda connection: health.service(connection, "archive"))
    assert archive.failing_since is None


@pytest.mark.parametrize("cones", ["", ", cones: [{ra_deg: 10, dec_deg: 10, radius_arcsec: 5}]"], ids=["", "cones"])
async def test_live_is_read_before_an_archive_that_failed_the_last_time_is_asked(bench, cones):
    bench.configure(naming(A, on="[channel_match, detection]").replace("]}", f"]{cones}}}"))
    bench.sandbox.enter(A, "SANDBOX_AGN")
    await bench.once()
    bench.sandbox.faults["archive"] = Fault(status=503)
    await look(bench)
    hanging = asyncio.Event()
    bench.sandbox.faults["archive"] = Fault(until=hanging)
    bench.pass_time(minutes=5)
    bench.sandbox.enter(A, X)
    async with bench.parts() as parts:
        looking = asyncio.create_task(parts.poller.look(parts.config.watches))
        await asyncio.wait_for(parts.changed.wait(), 30)
        assert not looking.done()
        hanging.set()
        await looking


@pytest.mark.parametrize(
    ("place", "position"),
    [
        ({"ra": 10.0, "dec": -5.0}, (10.0, -5.0)),
        ({"ra": 360.0, "dec": 90.0}, (0.0, 90.0)),
        ({"ra": -999.0, "dec": -5.0}, None),
        ({"ra": 10.0, "dec": -999.0}, None),
        ({"ra": 10.0}, None),
        ({"ra": "10", "dec": "-5"}, None),
    ],
    ids=str,
)
def test_a_sentinel_is_no_position(place, position):
    assert place_of(Alert(1, A, 2461365.0, place)) == position
