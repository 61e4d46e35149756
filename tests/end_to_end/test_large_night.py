"""A night in which thousands of watched stocks change: few archive streams, one catalog request each, nothing lost."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from ampel_watch import ztf
from ampel_watch.julian import jd_of
from ampel_watch.pipeline import alerts, curves, evaluate
from ampel_watch.sandbox import PacketSky
from tests.pipeline.packets import alert

START = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
ALL, BRIGHT = "SANDBOX_ALL", "SANDBOX_BRIGHT_TRANSIENTS"
STREAM = "/streams/from_query"
ONE_BY_ONE = ("/object/{objectId}/photopoints", "/object/{objectId}/alerts")
CONE = "/cone_search/nearest"

# How many stocks there are, and of how many one stream is: the quick twin has smaller streams, and as many of them.
SIZES = [pytest.param((240, 120), id="240"), pytest.param((2000, 1000), id="2000", marks=pytest.mark.slow)]


class Night:
    """A workbench with many stocks, each with a name, a place and magnitudes of its own; two watches of a channel."""

    def __init__(self, bench, stocks, per_stream):
        self.bench = bench
        self.names = [ztf.name_of(1_000_003 * number + 9) for number in range(stocks)]
        self.fewest_streams = stocks // per_stream
        bench.configure(
            f"  - {{name: all, channels: [{ALL}], every: 5m, notify: [memory]}}\n"
            f"  - {{name: bright, channels: [{BRIGHT}], every: 5m, notify: [memory]}}\n"
        )

    def place(self, number):
        """(ra_deg, dec_deg) of a stock."""
        return 10.0 + 0.05 * (number % 50), 5.0 + 0.05 * (number // 50)

    def mag(self, number, about):
        """A magnitude that no other stock has."""
        return round(about + 1e-4 * number, 4)

    def see(self, number, about, *, days_ago=0.0):
        """An alert of a stock."""
        jd, (ra_deg, dec_deg) = jd_of(self.bench.clock.now()) - days_ago, self.place(number)
        packet = alert(self.names[number], jd, self.mag(number, about), ra=ra_deg, dec=dec_deg)
        self.bench.sandbox.add_alert(packet)

    async def look(self):
        """One round: how many events it made, and its requests to archive and catalogs by route."""
        before = self._requests()
        done = await self.bench.once()
        assert done.good, done.report
        return done.events, self._requests() - before

    def _requests(self):
        return self.bench.sandbox.tallies["archive"].by_route + self.bench.sandbox.tallies["catalog"].by_route

    async def look_in_vain(self, times):
        """Further rounds that only ask what is new: nothing is, and nothing is asked about what is known."""
        for _ in range(times):
            self.bench.pass_time(minutes=5)
            events, requests = await self.look()
            assert (events, requests[STREAM], requests[CONE]) == (0, self.fewest_streams, 0)
            assert_none_one_by_one(requests)

    def take_told(self):
        """(watch, kind, number of the stock) → how often it was told since this was asked."""
        number_of = {name: number for number, name in enumerate(self.names)}
        told = Counter((watch, kind, number_of[name]) for watch, kind, name in self.bench.memory.told)
        self.bench.memory.received.clear()
        return told

    def assert_each_event_is_whole(self, about):
        """Light curve and catalogs are those of the event's own stock; `about`: number → its newest magnitude."""
        number_of = {name: number for number, name in enumerate(self.names)}
        for event in self.bench.memory.received:
            number = number_of[event.stock.name]
            assert event.missing == ()
            assert event.features["mag"] == self.mag(number, about(number))
            assert (event.stock.ra_deg, event.stock.dec_deg) == pytest.approx(self.place(number))
            assert {"TNS", "SDSS_spec", "milliquas"} <= event.catalogs.keys()


def assert_none_one_by_one(requests):
    assert [requests[route] for route in ONE_BY_ONE] == [0, 0]


def once_each(*told):
    """What `take_told` gives if each (watch, kind, numbers) is told of each stock exactly once."""
    return Counter((watch, kind, number) for watch, kind, numbers in told for number in numbers)


@pytest.fixture(params=SIZES)
async def night(workbench, monkeypatch, request):
    stocks, per_stream = request.param
    for module in (alerts, curves):
        monkeypatch.setattr(module, "NAMES_PER_STREAM", per_stream)
    monkeypatch.setattr(evaluate, "_BATCH", per_stream)
    async with workbench(PacketSky(()), START, listing_cap=1000) as bench:
        bench.services = ("live", "archive", "catalog")
        bench.enriched = True
        bench.patience_s = 60
        yield Night(bench, stocks, per_stream)


def brightened(number):
    """Every other stock is brighter by 1 mag, the others fainter by less than what counts."""
    return 18.0 if number % 2 else 19.1


async def test_when_every_member_has_a_new_alert(night):
    everyone = range(len(night.names))
    for number in everyone:
        night.see(number, 19.0, days_ago=10)
    events, requests = await night.look()  # silent; by the way some are matched already
    searched = requests[CONE]
    assert events == 0
    assert 0 < searched <= len(everyone)

    night.bench.pass_time(minutes=5)
    for number in everyone:
        night.see(number, brightened(number))
    _, requests = await night.look()
    assert requests[STREAM] <= 2 * night.fewest_streams
    assert searched + requests[CONE] == len(everyone), "one each, and none for those that were matched before"
    assert_none_one_by_one(requests)
    night.assert_each_event_is_whole(brightened)
    assert night.take_told() == once_each(("all", "detection", everyone), ("all", "brightening", everyone[1::2]))
    await night.look_in_vain(3)

    night.bench.pass_time(hours=12)
    for number in everyone:
        night.see(number, brightened(number))
    _, requests = await night.look()
    assert requests[STREAM] == night.fewest_streams, "the light curves are there, and extended by what came"
    assert requests[CONE] == 0, "positions are known, and matches not due"
    assert_none_one_by_one(requests)
    night.assert_each_event_is_whole(brightened)
    assert night.take_told() == once_each(("all", "detection", everyone))
    await night.look_in_vain(1)


async def test_when_as_many_stocks_enter_two_watched_channels_at_once(night):
    everyone = range(len(night.names))
    events, requests = await night.look()
    assert (events, requests[STREAM], requests[CONE]) == (0, 0, 0)
    night.bench.pass_time(minutes=5)

    for number in everyone:
        night.see(number, 19.0, days_ago=1)
        night.see(number, 18.0)
        night.bench.sandbox.enter(night.names[number], BRIGHT)
    _, requests = await night.look()
    assert requests[STREAM] <= 2 * night.fewest_streams
    assert requests[CONE] == len(everyone)
    assert_none_one_by_one(requests)
    night.assert_each_event_is_whole(lambda _number: 18.0)
    assert night.take_told() == once_each(("all", "channel_match", everyone), ("bright", "channel_match", everyone))
    await night.look_in_vain(3)
    assert night.take_told() == Counter()
