"""A night in which thousands of watched stocks change: few archive streams, one catalog request each, nothing lost."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from ampel_watch import ztf
from ampel_watch.julian import jd_of
from ampel_watch.sandbox import PacketSky
from tests.pipeline.packets import alert

START = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
CHANNEL = "SANDBOX_ALL"
STOCKS = 2000
NAMES = [ztf.name_of(1_000_003 * number + 9) for number in range(STOCKS)]
WATCH = f"  - {{name: all, channels: [{CHANNEL}], every: 5m, notify: [memory]}}\n"


@pytest.fixture
async def bench(workbench):
    async with workbench(PacketSky(()), START, listing_cap=1000) as bench:
        bench.services = ("live", "archive", "catalog")
        bench.enriched = True
        bench.patience_s = 60
        yield bench


def see(bench, number, mag, *, days_ago=0.0):
    place = {"ra": 20.0 + 0.05 * (number % 50), "dec": 10.0 + 0.05 * (number // 50)}
    bench.sandbox.add_alert(alert(NAMES[number], jd_of(bench.clock.now()) - days_ago, mag, **place))


class Count:
    """Requests since it was made."""

    def __init__(self, bench):
        self.tallies = bench.sandbox.tallies
        self.before = {name: Counter(tally.by_route) for name, tally in self.tallies.items()}

    def __call__(self, service):
        return self.tallies[service].by_route - self.before[service]


async def test_x(bench):
    import time

    bench.configure(WATCH)
    t = time.time()
    for number in range(STOCKS):
        see(bench, number, 19.0, days_ago=10)
    print("see", time.time() - t)
    t = time.time()
    c = Count(bench)
    for i in range(3):
        r = await bench.once()
        assert r.good, r.report
        print("first", i, time.time() - t, {s: dict(c(s)) for s in ("live", "archive", "catalog")}, r.events)
        t = time.time()
        c = Count(bench)
        bench.pass_time(minutes=5)
    for number in range(STOCKS):
        see(bench, number, 18.0 if number % 2 else 19.1)
    for i in range(4):
        r = await bench.once()
        assert r.good, r.report
        print("night", i, time.time() - t, {s: dict(c(s)) for s in ("live", "archive", "catalog")}, r.events)
        t = time.time()
        c = Count(bench)
        bench.pass_time(minutes=5)
    print(Counter(k for _, k, _ in bench.memory.told))
