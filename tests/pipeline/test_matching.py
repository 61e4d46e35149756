"""What the catalogs and AMPEL's own classifiers say of a stock over time: what is news in it, and what is none."""

import asyncio

import pytest

from ampel_watch import ztf
from ampel_watch.julian import jd_of
from ampel_watch.model import StockKey
from ampel_watch.pipeline.curves import Wanted
from ampel_watch.pipeline.facts import FactFinder
from ampel_watch.sandbox import Fault, PacketSky
from ampel_watch.sandbox.catalogs import Row
from ampel_watch.storage import matches
from tests.pipeline.packets import DEC_DEG, RA_DEG, alert
from tests.pipeline.rounds import START, A, B, X, later, naming

KEY = StockKey("ztf", ztf.id_of(A))
CONE = "/cone_search/nearest"
T2 = "/stock/ztf/{name}/t2"
UNITS = ", t2_classifiers: {T2RunParsnip: prediction.type}"
IN_TNS = {"objname": "2026abc", "name": "2026abc", "name_prefix": "SN", "type": "SN Ia", "redshift": 0.0312}
JSON = {"status": 200, "headers": {"Content-Type": "application/json"}}
NOT_FOUND = {**JSON, "status": 404, "body": b'{"detail": "Not Found"}'}


def row(arcsec=0.0, **columns):
    """A row so far north of the stock."""
    return Row(RA_DEG, DEC_DEG + arcsec / 3600, {"ra": RA_DEG, "dec": DEC_DEG + arcsec / 3600, **columns})


def classified_as(bench, name):
    bench.sandbox.classify(A, "T2RunParsnip", {"prediction": {"type": name}})


@pytest.fixture
async def bench(workbench):
    """A stock with one detection, in a channel; it is matched again each day."""
    async with workbench(PacketSky(()), START) as bench:
        bench.services = ("live", "archive", "catalog")
        bench.patience_s = 2.0
        bench.enriched = True
        bench.sandbox.add_alert(alert(A, jd_of(START) - 1, 18.0))
        bench.sandbox.enter(A, X)
        yield bench


def watch(bench, kinds="[classification]"):
    bench.configure(naming(A, on=kinds))


async def next_day(bench):
    return await later(bench, days=1, minutes=10)


async def stored(parts):
    return await parts.database.run(lambda c: matches.load_one(c, KEY))


async def test_two_who_ask_at_the_same_time_send_one_request_and_tell_the_news_once(bench):
    watch(bench, "[crossmatch, classification]")
    await bench.once()
    bench.sandbox.catalogs.add_row("TNS", "extcats", Row(RA_DEG, DEC_DEG, IN_TNS))
    bench.pass_time(days=1, minutes=10)
    requests = bench.sandbox.tallies["catalog"].by_route
    before = requests[CONE]
    async with bench.parts() as parts:
        facts = FactFinder(parts.database, bench.clock, None, matching_of(parts))
        wanted = [Wanted(KEY, A, bench.clock.now())]
        await asyncio.gather(*(facts.find(wanted) for _ in range(3)))
    await bench.once()
    assert requests[CONE] == before + 1
    assert sorted(kind for _, kind, _ in bench.memory.told) == ["classification", "crossmatch"]


def matching_of(parts):
    """The sources of the matches, which evaluation and upkeep share."""
    return parts.upkeep._facts._matching


async def test_classes_that_could_not_be_asked_at_first_are_no_news_later(bench):
    classified_as(bench, "SNIa")
    bench.live_extra = UNITS
    watch(bench)
    bench.sandbox.faults["live"] = Fault(status=500, route=T2)
    await bench.once()
    bench.sandbox.faults.clear()
    await next_day(bench)
    await next_day(bench)
    assert bench.memory.told == []
    classified_as(bench, "TDE")
    await next_day(bench)
    assert [event.after["classes"] for event in bench.memory.received] == [{"T2RunParsnip": "TDE"}]
    assert bench.memory.received[0].before["classes"] == {"T2RunParsnip": "SNIa"}


@pytest.mark.parametrize("fault", [NOT_FOUND, {**JSON, "body": b"null"}, {**JSON, "body": b'{"matches": []}'}])
async def test_an_answer_without_classes_does_not_make_known_ones_new(bench, fault):
    classified_as(bench, "SNIa")
    bench.live_extra = UNITS
    watch(bench)
    await bench.once()
    bench.sandbox.faults["live"] = Fault(route=T2, **fault)
    await next_day(bench)
    bench.sandbox.faults.clear()
    await next_day(bench)
    assert bench.memory.told == []


async def test_what_units_said_before_anybody_asked_them_is_no_news(bench):
    classified_as(bench, "SNIa")
    watch(bench)
    await bench.once()
    bench.live_extra = UNITS
    watch(bench)
    await next_day(bench)
    bench.live_extra = UNITS.replace("prediction.type", "prediction")  # where nothing is, then back
    watch(bench)
    await next_day(bench)
    bench.live_extra = UNITS
    watch(bench)
    await next_day(bench)
    assert bench.memory.told == []


async def test_a_first_result_of_a_unit_that_had_none_is_news(bench):
    bench.live_extra = UNITS
    watch(bench)
    await bench.once()
    async with bench.parts() as parts:
        assert (await stored(parts)).classes == {"T2RunParsnip": None}
    classified_as(bench, "SNIa")
    await next_day(bench)
    assert bench.memory.told == [("mine", "classification", A)]


async def test_while_the_live_service_is_away_it_is_not_asked_for_each_stocks_classes(bench):
    names = [ztf.name_of(1_000_003 * number + 9) for number in range(12)]
    for number, name in enumerate(names):
        bench.sandbox.add_alert(alert(name, jd_of(START) - 1, 18.0, ra=20 + 0.05 * number, dec=10.0))
    bench.live_extra = UNITS
    bench.configure(naming(*names, on="[classification]"))
    async with bench.parts() as parts:
        sources = matching_of(parts)
        ask, asked = sources.live.classes, []

        async def counted(name, classifiers):
            asked.append(name)
            return await ask(name, classifiers)

        sources.live.classes = counted
        bench.sandbox.faults["live"] = Fault(status=503, route=T2)
        wanted = [Wanted(StockKey("ztf", ztf.id_of(name)), name, bench.clock.now()) for name in names]
        troubles = await parts.upkeep._facts.find(wanted)
        assert troubles.catalog == {}
        assert await parts.database.run(matches.known) == {one.key for one in wanted}
    assert 1 <= len(asked) <= 3, "as many as are asked at a time"


async def test_when_no_catalog_answers_the_change_waits_for_the_next_try(bench):
    bench.sandbox.catalogs.add_row("SDSS_spec", "extcats", row(3.0, z=0.031, z_err=1e-5))
    bench.configure(f"  - {{name: x, channels: [{X}], every: 5m, on: [channel_match], notify: [memory]}}\n")
    await bench.once()
    bench.pass_time(minutes=5)
    bench.sandbox.add_alert(alert(B, jd_of(bench.clock.now()), 18.1))
    bench.sandbox.enter(B, X)
    bench.sandbox.faults["catalog"] = Fault(status=500, route=CONE)
    await bench.once()
    assert bench.memory.told == []
    async with bench.parts() as parts:
        assert await parts.database.run(matches.known) == set()
    bench.sandbox.faults.clear()
    await later(bench)
    [event] = bench.memory.received
    assert event.features["z"] == 0.031
    assert event.missing == ()


async def test_a_catalog_that_is_asked_another_question_has_nothing_to_compare_with(bench):
    bench.sandbox.catalogs.add_row("milliquas", "extcats", row(4.0, z=0.5))
    bench.sandbox.catalogs.add_row("NEDz", "catsHTM", row(1.0, z=0.03))
    watch(bench, "[crossmatch]")
    await bench.once()
    bench.catalog_extra = ", catalogs: [{name: milliquas, radius_arcsec: 6}]"
    watch(bench, "[crossmatch]")
    await next_day(bench)
    await next_day(bench)
    assert bench.memory.told == []
    async with bench.parts() as parts:
        assert (await stored(parts)).found["milliquas"] is not None
    bench.sandbox.catalogs.add_row("milliquas", "extcats", row(1.0, z=0.7))
    await next_day(bench)
    assert bench.memory.told == [("mine", "crossmatch", A)]


async def test_matches_dated_by_a_clock_that_was_ahead_are_asked_for_again(bench):
    watch(bench)
    bench.pass_time(days=300)
    async with bench.parts() as parts:
        await parts.upkeep.work()
    bench.clock.advance(START - bench.clock.now())
    async with bench.parts() as parts:
        await parts.upkeep.work()
        assert (await stored(parts)).looked_at == START
