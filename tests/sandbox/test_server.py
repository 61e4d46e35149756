import asyncio
import contextlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from hypothesis import given, settings
from hypothesis import strategies as st

from ampel_watch.clock import FastClock, ManualClock
from ampel_watch.sandbox import NightSky, Sandbox, open_packets
from ampel_watch.sandbox.dates import datetime_of_jd

DATE = datetime(2026, 10, 12, 18, tzinfo=UTC)


@settings(max_examples=10, deadline=None)
@given(steps=st.lists(st.floats(0, 11), max_size=5))
def test_what_enters_and_when_does_not_depend_on_the_steps(small_sky: NightSky, steps: list[float]) -> None:
    at_once, in_steps = (Sandbox(small_sky, clock=ManualClock(DATE)) for _ in range(2))
    at_once.advance(DATE)
    start = small_sky.night_dates[0]
    for step in sorted(steps):
        in_steps.advance(start + timedelta(days=step))
    in_steps.advance(DATE)
    assert in_steps.entries == at_once.entries
    assert in_steps.ampel.stocks == at_once.ampel.stocks
    assert len(in_steps.archive) == len(at_once.archive)


def test_alerts_reach_the_archive_minutes_after_the_exposure_and_ampel_minutes_later(small_sky: NightSky) -> None:
    sandbox = Sandbox(small_sky, clock=ManualClock(DATE))
    packet = small_sky.packets(0, 1e9)[0]
    exposed = datetime_of_jd(packet.jd)
    sandbox.advance(exposed + timedelta(minutes=3))
    assert len(sandbox.archive) == 0
    sandbox.advance(exposed + timedelta(minutes=11))
    assert sandbox.archive.get(packet.candid) is not None
    sandbox.advance(exposed + timedelta(minutes=22))
    assert all(timedelta(minutes=5) < entry.at - exposed < timedelta(minutes=22) for entry in sandbox.entries)


def test_going_back_changes_nothing(small_sky: NightSky) -> None:
    sandbox = Sandbox(small_sky, clock=ManualClock(DATE))
    sandbox.advance(DATE)
    before = (len(sandbox.archive), len(sandbox.entries))
    sandbox.advance(DATE - timedelta(days=5))
    sandbox.advance(DATE)
    assert (len(sandbox.archive), len(sandbox.entries)) == before


def test_every_channel_gets_something_and_bogus_points_make_no_stock(sandbox: Sandbox) -> None:
    counts = Counter(entry.channel for entry in sandbox.entries)
    assert all(counts[channel.name] > 3 for channel in sandbox.ampel.channels)
    artefacts = [p for p in sandbox.archive._by_time if p.candidate["drb"] < 0.3]
    assert artefacts
    known = {stock.name for stock in sandbox.ampel.stocks.values()}
    assert known.isdisjoint(packet.name for packet in artefacts)


def test_infants_are_almost_all_young_explosions(small_sky: NightSky) -> None:
    sandbox = Sandbox(small_sky, clock=ManualClock(DATE))
    sandbox.advance(small_sky.night_dates[-1])
    kinds = {body.name: body.kind for body in small_sky.bodies}
    late = [e for e in sandbox.entries if e.channel == "SANDBOX_INFANT_SN" and e.at > small_sky.night_dates[10]]
    explosions = [entry for entry in late if kinds.get(entry.name, "").startswith(("SN", "TDE"))]
    assert len(late) > 10
    assert len(explosions) > 0.85 * len(late)


def test_a_live_token_lasts_a_real_day_whatever_the_clock(small_sky: NightSky) -> None:
    for clock, rate in ((ManualClock(DATE), 1), (FastClock(DATE, 100), 100)):
        sandbox = Sandbox(small_sky, clock=clock)
        claims = jwt.decode(sandbox.live_token, options={"verify_signature": False})
        left_s = claims["exp"] - clock.now().timestamp()
        assert abs(left_s / 86400 / rate - 1) < 0.01
        assert claims.keys() == {"name", "orgs", "teams", "exp"}


async def test_following_a_clock_keeps_the_sky_advanced(small_sky: NightSky) -> None:
    clock = ManualClock(small_sky.night_dates[0])
    async with Sandbox(small_sky, clock=clock) as sandbox:
        follower = asyncio.create_task(sandbox.follow(every_s=0))
        await asyncio.sleep(0)
        seen = len(sandbox.archive)
        clock.advance(timedelta(days=3))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(sandbox.archive) > seen
        follower.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await follower


async def test_the_services_have_ports_of_their_own_on_loopback(sandbox: Sandbox) -> None:
    urls = [sandbox.live_url, sandbox.archive_url, sandbox.catalog_url]
    assert all(url.startswith("http://127.0.0.1:") for url in urls)
    assert len({url.split("/")[2] for url in urls}) == 3
    assert [url.split("/", 3)[3] for url in urls] == ["api/live", "api/ztf/archive/v3", "api/catalogmatch"]


async def test_real_packets_run_the_same_services(alert_files: Path) -> None:
    sky, report = open_packets(alert_files)
    clock = ManualClock(sky.night_dates[-1])
    sandbox = Sandbox(sky, clock=clock)
    for date in sandbox.night_dates:
        sandbox.advance(date)
    assert len(sandbox.archive) == len(report.packets)
    assert {entry.name for entry in sandbox.entries} <= {packet.name for packet in report.packets}
    assert len(sandbox.ampel.stocks) > 20
