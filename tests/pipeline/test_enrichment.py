"""What a change is told with, and what waits for it: light curves, matches, rules that need them, outages."""

from datetime import timedelta
from string import ascii_lowercase

import pytest

from ampel_watch.julian import jd_of
from ampel_watch.pipeline.curves import ONE_BY_ONE
from ampel_watch.sandbox import Fault, PacketSky
from ampel_watch.sandbox.catalogs import Row
from tests.pipeline.packets import DEC_DEG, RA_DEG, alert, limit, point
from tests.pipeline.rounds import START, A, X, look, naming, on_x, see

HOST = Row(RA_DEG, DEC_DEG + 3 / 3600, {"ra": RA_DEG, "dec": DEC_DEG + 3 / 3600, "z": 0.031, "z_err": 1e-5})


@pytest.fixture
async def bench(workbench):
    async with workbench(PacketSky(()), START) as bench:
        bench.services = ("live", "archive", "catalog")
        bench.enriched = True
        bench.sandbox.catalogs.add_row("SDSS_spec", "extcats", HOST)
        yield bench


async def test_an_event_says_how_bright_how_old_and_where(bench):
    bench.configure(on_x(on="[channel_match]"))
    await bench.once()
    jd = jd_of(bench.clock.now())
    see(bench, A, 18.9, days_ago=2.0, history=[limit(jd - 3, 20.1)])
    see(bench, A, 18.4, days_ago=0.01)
    bench.sandbox.enter(A, X)
    await look(bench)
    [event] = bench.memory.received
    assert (event.features["mag"], event.features["band"], event.features["ndet"]) == (18.4, "r", 2)
    assert event.features["age_d"] == pytest.approx(2.0, abs=0.01)
    assert event.features["last_limit_mag"] == 20.1
    assert event.features["z"] == 0.031
    assert event.features["abs_mag"] == pytest.approx(18.4 - 35.74, abs=0.05)
    assert event.catalogs["SDSS_spec"]["dist_arcsec"] == pytest.approx(3.0, abs=0.01)
    assert event.catalogs["milliquas"] is None
    assert event.missing == ()
    assert (event.stock.ra_deg, event.stock.dec_deg) == (RA_DEG, DEC_DEG)
    assert event.summary.startswith(f"{A} entered {X}")
    assert "18.40" in event.summary
    assert "z 0.031" in event.summary


async def test_a_rule_sees_light_curve_and_host(bench):
    bench.configure(
        on_x("bright", when="mag < 18.5 and abs_mag < -17", on="[channel_match]")
        + on_x("faint", when="mag > 19", on="[channel_match]")
        + on_x("stars", when="star", on="[channel_match]")
    )
    await bench.once()
    see(bench, A, 18.4)
    bench.sandbox.enter(A, X)
    await look(bench)
    assert [event.watch for event in bench.memory.received] == ["bright"]


async def test_new_detections_of_a_named_stock_are_told_once(bench):
    see(bench, A, 19.0, days_ago=5)
    bench.sandbox.enter(A, X)
    bench.configure(naming(A, on="[detection]"))
    await bench.once()
    await look(bench)
    assert bench.memory.told == []
    bench.pass_time(minutes=5)
    see(bench, A, 19.1)
    await bench.once()
    await look(bench)
    assert bench.memory.told == [("mine", "detection", A)]
    [event] = bench.memory.received
    assert event.after["mag"] == 19.1
    assert event.features["ndet"] == 2


async def test_a_reprocessed_or_negative_alert_is_no_new_detection(bench):
    see(bench, A, 19.0, days_ago=5)
    bench.configure(naming(A, on="[detection]"))
    await bench.once()
    bench.pass_time(minutes=5)
    jd = jd_of(bench.clock.now())
    bench.sandbox.add_alert(alert(A, jd, 19.1))
    await bench.once()
    bench.pass_time(minutes=5)
    bench.sandbox.add_alert(alert(A, jd, 19.12))
    bench.sandbox.add_alert(alert(A, jd_of(bench.clock.now()), 19.0, positive=False))
    await bench.once()
    assert bench.memory.told == [("mine", "detection", A)]


async def test_brightening_and_fading_are_told_by_each_watchs_own_threshold(bench):
    see(bench, A, 19.0, days_ago=5)
    bench.sandbox.enter(A, X)
    bench.configure(
        naming(A, name="half", on="[{brightening: 0.5}, {fading: 1.0}]")
        + naming(A, name="one", on="[{brightening: 1.0}]")
    )
    await bench.once()
    for mag in (18.8, 18.4, 18.3, 17.9, 18.95):
        bench.pass_time(hours=12)
        see(bench, A, mag)
        await bench.once()
    half = [kind for watch, kind, _ in bench.memory.told if watch == "half"]
    assert half == ["brightening", "brightening", "fading"], "19.0 → 18.4 → 17.9, and back to 18.95"
    assert [kind for watch, kind, _ in bench.memory.told if watch == "one"] == ["brightening"]
    first = bench.memory.received[0]
    assert (first.before["mag"], first.after["mag"]) == (19.0, 18.4)
    assert first.summary.startswith(f"{A} brightened 0.60 mag in r to 18.40 ± 0.05")


async def test_a_single_doubtful_point_is_no_brightening(bench):
    see(bench, A, 19.0, days_ago=5)
    bench.sandbox.enter(A, X)
    bench.configure(naming(A, on="[brightening]") + naming(A, name="all", on="[brightening]", jump="{min_drb: 0}"))
    await bench.once()
    bench.pass_time(hours=12)
    see(bench, A, 17.0, drb=0.1)
    await bench.once()
    assert bench.memory.told == [("all", "brightening", A)]


async def test_what_was_bright_before_the_first_look_is_silent(bench):
    see(bench, A, 19.0, days_ago=5)
    see(bench, A, 17.0, days_ago=1)
    bench.sandbox.enter(A, X)
    bench.configure(naming(A, on="[brightening, detection]"))
    for _ in range(3):
        await look(bench)
    assert bench.memory.told == []


async def test_a_redshift_and_a_classification_that_appear_later_are_told(bench):
    see(bench, A, 18.0, days_ago=1)
    bench.sandbox.enter(A, X)
    bench.configure(naming(A, on="[crossmatch, classification]"))
    await bench.once()
    await look(bench)
    assert bench.memory.told == []
    tns = {"objname": "2026abc", "name": "2026abc", "name_prefix": "SN", "type": "SN Ia", "redshift": 0.0312}
    tns |= {"object_type": {"id": 3, "name": "SN Ia"}}
    bench.sandbox.catalogs.add_row("TNS", "extcats", Row(RA_DEG, DEC_DEG, tns))
    await look(bench)
    assert bench.memory.told == [], "not due yet"
    await look(bench, days=1, minutes=10)
    assert ("mine", "classification", A) in bench.memory.told
    event = next(event for event in bench.memory.received if event.kind == "classification")
    assert event.features["tns_type"] == "SN Ia"
    assert "SN Ia" in event.summary
    told = len(bench.memory.told)
    await look(bench, days=1, minutes=10)
    assert len(bench.memory.told) == told


async def test_a_classification_by_ampel_itself_is_told(bench):
    see(bench, A, 18.0, days_ago=1)
    bench.sandbox.enter(A, X)
    bench.live_extra = ", t2_classifiers: {T2RunParsnip: prediction.type}"
    bench.configure(naming(A, on="[classification]"))
    await bench.once()
    bench.sandbox.classify(A, "T2RunParsnip", {"prediction": {"type": "SNIa"}})
    await look(bench, days=1, minutes=10)
    await look(bench, days=1, minutes=10)
    assert bench.memory.told == [("mine", "classification", A)]
    assert bench.memory.received[0].after["classes"] == {"T2RunParsnip": "SNIa"}
    assert "SNIa" in bench.memory.received[0].summary


async def test_while_the_archive_is_down_changes_wait_and_are_told_whole_once(bench):
    bench.configure(on_x(on="[channel_match]", when="mag < 19", enrich_deadline="3h"))
    await bench.once()
    see(bench, A, 18.4)
    bench.sandbox.enter(A, X)
    bench.sandbox.faults["archive"] = Fault(status=503)
    for _ in range(12):
        await look(bench)
    assert bench.memory.told == []
    bench.sandbox.faults.clear()
    await look(bench)
    await look(bench)
    assert bench.memory.told == [("x", "channel_match", A)]
    [event] = bench.memory.received
    assert event.features["mag"] == 18.4
    assert event.missing == ()


async def test_past_the_deadline_a_change_goes_on_and_says_what_is_missing(bench):
    bench.configure(on_x(on="[channel_match]", when="mag < 19 and not star"))
    await bench.once()
    see(bench, A, 18.4)
    bench.sandbox.enter(A, X)
    bench.sandbox.faults["archive"] = Fault(status=503)
    for _ in range(5):
        await look(bench)
    assert bench.memory.told == []
    await look(bench, minutes=10)
    assert bench.memory.told == [("x", "channel_match", A)]
    [event] = bench.memory.received
    assert any(text.startswith("light curve: archive:") for text in event.missing)
    assert any("could not be decided" in text for text in event.missing)
    bench.sandbox.faults.clear()
    await look(bench)
    await look(bench)
    assert len(bench.memory.told) == 1


async def test_while_the_catalogs_are_down_changes_wait(bench):
    bench.configure(on_x(on="[channel_match]"))
    await bench.once()
    see(bench, A, 18.4)
    bench.sandbox.enter(A, X)
    bench.sandbox.faults["catalog"] = Fault(reset=True)
    for _ in range(5):
        await look(bench)
    assert bench.memory.told == []
    bench.sandbox.faults.clear()
    await look(bench)
    [event] = bench.memory.received
    assert event.features["z"] == 0.031
    assert event.missing == ()


async def test_past_the_deadline_an_event_goes_without_the_catalogs(bench):
    bench.configure(on_x(on="[channel_match]", when="z == null or z < 0.1"))
    await bench.once()
    see(bench, A, 18.4)
    bench.sandbox.enter(A, X)
    bench.sandbox.faults["catalog"] = Fault(status=503)
    for _ in range(12):
        await look(bench)
    bench.sandbox.faults.clear()
    await look(bench)
    [event] = bench.memory.received
    assert event.features["mag"] == 18.4
    assert any(text.startswith("catalog matches: catalog:") for text in event.missing)
    assert event.catalogs == {}


async def test_one_broken_catalog_costs_only_itself(bench):
    bench.sandbox.catalogs.broken.add("GAIADR2")
    bench.configure(
        on_x("near", on="[channel_match]", when="z < 0.1", enrich_deadline="5m")
        + on_x("stars", on="[channel_match]", when="star", enrich_deadline="5m")
    )
    await bench.once()
    see(bench, A, 18.4)
    bench.sandbox.enter(A, X)
    await look(bench)
    await look(bench)
    assert sorted(event.watch for event in bench.memory.received) == ["near", "stars"]
    for event in bench.memory.received:
        assert event.features["z"] == 0.031
        assert "catalog GAIADR2: it could not be searched" in event.missing
        assert "GAIADR2" not in event.catalogs
    stars = next(event for event in bench.memory.received if event.watch == "stars")
    assert any("could not be decided" in text for text in stars.missing)


async def test_alerts_stand_in_for_photopoints_that_fail(bench):
    bench.configure(on_x(on="[channel_match]"))
    await bench.once()
    see(bench, A, 18.4, history=[limit(jd_of(bench.clock.now()) - 1, 20.0)])
    bench.sandbox.enter(A, X)
    bench.sandbox.faults["archive"] = Fault(status=500, route="/object/{objectId}/photopoints")
    await look(bench)
    [event] = bench.memory.received
    assert event.features["mag"] == 18.4
    assert event.features["last_limit_mag"] == 20.0
    assert event.missing == ()


async def test_a_stock_without_points_yet_waits_for_the_archive(bench):
    bench.configure(on_x(on="[channel_match]"))
    await bench.once()
    bench.sandbox.enter(A, X)
    await look(bench)
    assert bench.memory.told == []
    bench.pass_time(minutes=5)
    see(bench, A, 18.4)
    await bench.once()
    [event] = bench.memory.received
    assert event.features["mag"] == 18.4


@pytest.mark.parametrize("how_many", [1, ONE_BY_ONE + 1])
async def test_what_was_bright_before_a_stock_entered_is_silent_however_late_the_archive_is(bench, how_many):
    names = [f"ZTF26aaaaa{letter}a" for letter in ascii_lowercase[:how_many]]
    bench.configure(on_x(on="[channel_match, brightening]"))
    await bench.once()
    for name in names:
        bench.sandbox.enter(name, X)
    await look(bench)
    assert bench.memory.told == []
    bench.pass_time(minutes=5)
    jd = jd_of(bench.clock.now())
    for name in names:
        see(bench, name, 18.4, days_ago=0.02, history=[point(jd - 5, 20.0), point(jd - 3, 19.0), point(jd - 1, 18.5)])
    await bench.once()
    await look(bench)
    assert sorted(bench.memory.told) == [("x", "channel_match", name) for name in names]


async def test_of_many_one_that_cannot_be_read_whole_waits_until_it_can(bench):
    """An alert without its version spoils every answer that holds it; photopoints tell of it, and fail for now."""
    others = [f"ZTF26aaaaa{letter}b" for letter in ascii_lowercase[: ONE_BY_ONE + 1]]
    bench.configure(on_x(on="[channel_match]"))
    await bench.once()
    see(bench, A, 19.0, days_ago=1)
    see(bench, A, 18.4, schema=None)
    for name in (A, *others):
        bench.sandbox.enter(name, X)
    for name in others:
        see(bench, name, 18.0)
    bench.sandbox.faults["archive"] = Fault(status=500, route="/object/{objectId}/photopoints")
    await look(bench)
    assert sorted(event.stock.name for event in bench.memory.received) == others
    await look(bench)
    assert len(bench.memory.received) == len(others)
    bench.sandbox.faults.clear()
    await look(bench)
    event = bench.memory.received[-1]
    assert (event.stock.name, event.features["mag"], event.features["ndet"]) == (A, 18.4, 2)
    assert event.missing == ()


async def test_watches_finish_apart(bench):
    """One whose rule fails on the live record, and one that does not wait, are done before the facts are there."""
    bench.configure(on_x("waits", on="[channel_match]") + on_x("now", on="[channel_match]", enrich_deadline="0s"))
    await bench.once()
    see(bench, A, 18.4)
    bench.sandbox.enter(A, X)
    bench.sandbox.faults["archive"] = Fault(status=503)
    await look(bench)
    assert [event.watch for event in bench.memory.received] == ["now"]
    bench.sandbox.faults.clear()
    await look(bench)
    assert [event.watch for event in bench.memory.received] == ["now", "waits"]


async def test_a_rule_that_fails_whatever_is_missing_does_not_wait(bench):
    bench.configure(on_x(on="[channel_match]", when='kind == "vanished" and mag < 19'))
    await bench.once()
    bench.sandbox.enter(A, X)
    bench.sandbox.faults["archive"] = Fault(status=503)
    await look(bench)
    async with bench.parts() as parts:
        assert await parts.evaluator.next_due() is None


async def test_a_stock_that_changes_daily_is_not_downloaded_daily(bench):
    see(bench, A, 19.0, days_ago=5)
    bench.sandbox.enter(A, X)
    bench.configure(naming(A, on="[detection]"))
    await bench.once()
    requests = bench.sandbox.tallies["archive"].by_route
    for _ in range(5):
        await look(bench, days=1)
        see(bench, A, 19.0)
        await bench.once()
    assert len(bench.memory.told) == 5
    assert requests["/object/{objectId}/photopoints"] <= 1
    assert bench.memory.received[-1].features["ndet"] == 6


async def test_what_happened_before_anybody_followed_a_stock_is_known_and_no_news(bench):
    see(bench, A, 19.0, days_ago=1)
    bench.configure(on_x(on="[channel_match]"))
    await bench.once()
    bench.sandbox.enter(A, X)
    await look(bench)
    assert [event.features["ndet"] for event in bench.memory.received] == [1]
    bench.pass_time(days=10)
    see(bench, A, 18.0)
    bench.pass_time(days=10)
    bench.configure(on_x(on="[channel_match]") + on_x("follows", on="[detection, brightening]"))
    await bench.once()
    await look(bench)
    assert len(bench.memory.received) == 1
    bench.pass_time(minutes=5)
    see(bench, A, 18.1)
    await bench.once()
    assert bench.memory.told[1:] == [("follows", "detection", A)], "no brightening: 18.0 is known"
    assert bench.memory.received[-1].features["ndet"] == 3


async def test_deadlines_do_not_depend_on_restarts(bench):
    """Every round of the workbench is a new start; a change that waits is found again."""
    bench.configure(on_x(on="[channel_match]"))
    await bench.once()
    bench.sandbox.enter(A, X)
    bench.sandbox.faults["archive"] = Fault(status=503)
    await look(bench)
    await look(bench, hours=2)
    assert bench.memory.told == [("x", "channel_match", A)]
    assert bench.memory.received[0].time == START + timedelta(minutes=5)
