"""What nobody has asked for yet is found out in the end, of every watched stock, however many there are."""

import pytest

from ampel_watch import ztf
from ampel_watch.julian import jd_of
from ampel_watch.model import StockKey
from ampel_watch.pipeline import upkeep
from ampel_watch.rounds import look, take_over
from ampel_watch.sandbox import Fault, PacketSky
from ampel_watch.sandbox.catalogs import Row
from ampel_watch.storage import matches
from tests.pipeline.packets import DEC_DEG, RA_DEG, alert
from tests.pipeline.rounds import START, A, X, later, naming

CONE = "/cone_search/nearest"
AT_A_TIME = 4
NAMES = [ztf.name_of(1_000_003 * number + 9) for number in range(1, 11)]
KEYS = [StockKey("ztf", ztf.id_of(name)) for name in NAMES]
IN_TNS = {"objname": "2026abc", "name": "2026abc", "name_prefix": "SN", "type": "SN Ia"}


@pytest.fixture
async def bench(workbench, monkeypatch):
    monkeypatch.setattr(upkeep, "_MATCHES_AT_A_TIME", AT_A_TIME)
    async with workbench(PacketSky(()), START) as bench:
        bench.services = ("live", "archive", "catalog")
        bench.patience_s = 2.0
        yield bench


def appear(bench, *names, days_ago=1.0):
    for name in names:
        place = {"ra": 20 + 0.05 * NAMES.index(name), "dec": 10.0} if name in NAMES else {}
        bench.sandbox.add_alert(alert(name, jd_of(bench.clock.now()) - days_ago, 18.0, **place))


def watch(bench, *names, **more):
    bench.configure(naming(*names, on="[classification]", **more))


async def matched(parts):
    """Which of the stocks the catalogs were asked about."""
    found = await parts.database.run(lambda c: matches.load(c, KEYS))
    return [KEYS.index(key) for key in sorted(found)]


async def test_a_list_of_any_length_is_matched_with_one_request_each(bench):
    appear(bench, *NAMES)
    watch(bench, *NAMES)
    requests = bench.sandbox.tallies["catalog"].by_route
    await bench.once()
    assert requests[CONE] == len(NAMES)
    await later(bench)
    assert requests[CONE] == len(NAMES), "nothing is due yet"
    await later(bench, days=1, minutes=1)
    assert requests[CONE] == 2 * len(NAMES)


async def test_of_a_very_long_list_only_stocks_that_had_news_are_matched(bench, monkeypatch):
    monkeypatch.setattr(upkeep, "_LONG_LIST", len(NAMES) - 1)
    appear(bench, *NAMES, days_ago=10)
    bench.configure(naming(*NAMES, on="[detection, classification]"))
    await bench.once()
    requests = bench.sandbox.tallies["catalog"].by_route
    assert requests[CONE] == 0
    bench.pass_time(minutes=5)
    appear(bench, NAMES[0], days_ago=0)
    for _ in range(2):
        await later(bench)
    assert requests[CONE] == 1


async def test_when_the_time_is_over_the_rest_is_for_the_next_time_and_first_what_was_never_asked(bench, monkeypatch):
    monkeypatch.setattr(upkeep, "_MATCHING_FOR_S", 1e-9)
    appear(bench, *NAMES)
    watch(bench, *NAMES)
    known = []
    for _ in range(3):
        bench.pass_time(days=1, minutes=1)  # what was asked is due again each time
        async with bench.parts() as parts:
            await parts.upkeep.work()
            known.append((await matched(parts), parts.upkeep.has_more))
    numbers = list(range(len(NAMES)))
    assert known == [(numbers[:4], True), (numbers[:8], True), (numbers, True)]


async def test_nothing_is_left_when_all_was_asked(bench):
    appear(bench, *NAMES)
    watch(bench, *NAMES)
    async with bench.parts() as parts:
        await parts.upkeep.work()
        assert not parts.upkeep.has_more


async def test_stocks_without_position_do_not_stand_in_the_way_of_others(bench):
    watch(bench, *NAMES)
    appear(bench, NAMES[-1])
    await bench.once()
    requests = bench.sandbox.tallies["archive"].by_route
    async with bench.parts() as parts:
        assert await matched(parts) == [len(NAMES) - 1]
        assert await parts.database.run(matches.known) == set(KEYS)
    asked = requests.total()
    bench.pass_time(minutes=5)
    async with bench.parts() as parts:
        await parts.upkeep.work()
    assert requests.total() == asked, "they are left alone for a while"


async def test_a_stock_is_matched_as_soon_as_it_has_a_position_and_what_comes_later_is_told(bench):
    watch(bench, A)
    async with bench.parts() as parts:
        await take_over(parts)

        async def round_of_the_daemon(**span):
            bench.pass_time(**span)
            await look(parts, parts.config.watches, at_most=None)
            await parts.upkeep.work()
            await parts.evaluator.evaluate()
            await parts.deliverer.drain()

        await round_of_the_daemon(minutes=5)
        appear(bench, A)
        bench.sandbox.enter(A, X)
        await round_of_the_daemon(minutes=5)
        assert await parts.database.run(lambda c: matches.load_one(c, StockKey("ztf", ztf.id_of(A)))) is not None
        bench.sandbox.catalogs.add_row("TNS", "extcats", Row(RA_DEG, DEC_DEG, IN_TNS))
        await round_of_the_daemon(days=1, minutes=5)
    assert bench.memory.told == [("mine", "classification", A)]


async def test_a_change_of_a_stock_that_had_no_position_asks_the_catalogs(bench):
    bench.enriched = True
    bench.configure(naming(A, on="[detection, classification]"))
    await bench.once()
    bench.pass_time(minutes=5)
    appear(bench, A)
    bench.sandbox.enter(A, X)
    await bench.once()
    [event] = bench.memory.received
    assert "TNS" in event.catalogs
    assert event.missing == ()


async def test_while_the_catalogs_are_away_they_are_not_asked_for_the_whole_list(bench):
    appear(bench, *NAMES)
    watch(bench, *NAMES)
    requests = bench.sandbox.tallies["catalog"].by_route
    async with bench.parts() as parts:
        bench.sandbox.faults["catalog"] = Fault(status=503)
        await parts.upkeep.work()
        assert requests[CONE] == 0, "that it is away shows when it is asked which catalogs it has"
        assert not parts.upkeep.has_more
        assert await parts.database.run(matches.known) == set()
        bench.sandbox.faults.clear()
        await parts.upkeep.work()
        assert await matched(parts) == list(range(len(NAMES)))


async def test_a_stock_that_fails_comes_last_the_next_time(bench, monkeypatch):
    monkeypatch.setattr(upkeep, "_MATCHES_AT_A_TIME", 1)
    monkeypatch.setattr(upkeep, "_MATCHING_FOR_S", 1e-9)
    appear(bench, *NAMES)
    watch(bench, *NAMES)
    async with bench.parts() as parts:
        bench.sandbox.faults["catalog"] = Fault(status=500, route=CONE)
        await parts.upkeep.work()
        bench.sandbox.faults.clear()
        await parts.upkeep.work()
        assert await matched(parts) == [1]
