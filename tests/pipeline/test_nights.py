"""Nights of a simulated sky, watched through real HTTP: every entry is told exactly once, whichever way it is found."""

from datetime import UTC, date, datetime

import pytest

from ampel_watch.sandbox import NightSky, SkySettings

FIRST_NIGHT = date(2026, 10, 1)
START = datetime(2026, 10, 5, 20, 0, tzinfo=UTC)
CHANNEL = "SANDBOX_INFANT_SN"
WATCH = f"""
  - name: infants
    channels: [{CHANNEL}]
    every: 1h
    candidates: {{drb: {{$gt: 0.5}}}}
    notify: [memory]
"""


@pytest.mark.parametrize("listing", [True, False], ids=["rest", "archive"])
async def test_every_entry_is_told_exactly_once(workbench, listing):
    sky = NightSky(3, FIRST_NIGHT, nights=14, settings=SkySettings(fields=3, agn=10, variable_stars=10))
    async with workbench(sky, START, listing=listing) as bench:
        bench.configure(WATCH)
        first = await bench.once()
        assert first.good, first.report
        assert bench.memory.received == []
        already = {entry.name for entry in bench.sandbox.entries if entry.channel == CHANNEL}
        for _ in range(7):
            bench.pass_time(days=1)
            done = await bench.once()
            assert done.good, done.report
            assert (await bench.once()).events == 0
        for _ in range(3):
            bench.pass_time(hours=7)
            await bench.once()
        told = [name for _, kind, name in bench.memory.told if kind == "channel_match"]
        expected = [e.name for e in bench.sandbox.entries if e.channel == CHANNEL and e.name not in already]
        assert sorted(told) == sorted(set(expected))
        assert len(expected) > 3
