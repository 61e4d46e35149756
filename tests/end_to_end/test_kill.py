"""The daemon is killed without warning, again and again, while nights pass: nothing is lost or gets a second id."""

import asyncio
import contextlib
import random
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from ampel_watch import ztf
from ampel_watch.clock import FastClock
from ampel_watch.model import StockKey
from ampel_watch.sandbox import NightSky, Sandbox, SkySettings
from ampel_watch.storage import Database, light_curves

CHANNEL = "SANDBOX_INFANT_SN"
KILLS = 20
DAY_S = 4.0
LONGEST_LIFE_S = 2.0


class Command:
    """The real command in a process of its own."""

    def __init__(self, folder):
        self._folder = folder

    async def start(self, *words):
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ampel_watch", *words, "-c", str(self._folder / "config.yaml"),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            env={"XDG_STATE_HOME": str(self._folder), "PATH": ""},
        )  # fmt: skip

    async def live_and_die(self, life_s):
        """Run the daemon, and kill it some time after it began to watch."""
        process = await self.start("run")
        await process.stderr.readline()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.stderr.read(), life_s)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()

    async def once(self):
        process = await self.start("once")
        _, errors = await process.communicate()
        return process.returncode, errors.decode()


@pytest.mark.slow
@pytest.mark.parametrize("listing", [True, False], ids=["rest", "archive"])
async def test_twenty_kills_lose_nothing(tmp_path, hook, listing):
    chance = random.Random(20261123)
    start = datetime.now(UTC)
    few = SkySettings(fields=3, supernovae_per_night=3, agn=10)
    sky = NightSky(5, (start - timedelta(days=4)).date(), nights=60, settings=few)
    clock = FastClock(start, rate=86400 / DAY_S)
    command = Command(tmp_path)
    async with Sandbox(sky, clock=clock, listing=listing) as sandbox:
        sandbox.advance(clock.now())
        configure(tmp_path, sandbox, hook)
        code, errors = await command.once()
        assert code == 0, errors
        assert hook.bodies == []
        known = {entry.name for entry in sandbox.entries if entry.channel == CHANNEL}
        follower = asyncio.create_task(sandbox.follow())
        for _ in range(KILLS):
            await command.live_and_die(chance.uniform(0.05, LONGEST_LIFE_S))
        follower.cancel()
        # Whatever was announced before the last kill is found and sent afterwards, by itself.
        for _ in range(2):
            code, errors = await command.once()
            assert code == 0, errors
        expected = {entry.name for entry in sandbox.entries if entry.channel == CHANNEL} - known
    ids = defaultdict(set)
    newest = defaultdict(set)
    for body in hook.bodies:
        if body["kind"] == "channel_match":
            ids[body["stock"]["name"]].add(body["id"])
        if body["kind"] in ("detection", "brightening"):
            newest[body["kind"], body["stock"]["name"], body["change"]["after"]["candid"]].add(body["id"])
    assert len(expected) > 10
    assert ids.keys() == expected
    assert {len(found) for found in ids.values()} == {1}, "extra copies carry the same id"
    assert {kind for kind, _, _ in newest} == {"detection", "brightening"}
    assert {len(found) for found in newest.values()} == {1}, "what is new is new once"
    assert not (missed := _not_in_the_state(tmp_path, sandbox, expected)), f"alerts that were lost: {missed}"


def _not_in_the_state(folder, sandbox, names):
    """The alerts of these stocks that the archive has and the stored light curves have not."""
    keys = {StockKey("ztf", ztf.id_of(name)) for name in names}
    with contextlib.closing(Database.open(f"sqlite:///{folder / 'ampel-watch' / 'ampel-watch.db'}")) as database:
        stored = database.run_now(lambda connection: light_curves.load(connection, keys))
    known = {point.candid for one in stored.values() for point in (*one.curve.detections, *one.curve.negatives)}
    return {packet.candid for name in names for packet in sandbox.ampel.named(name).packets} - known


def configure(folder, sandbox, hook):
    token = sandbox.issue_live_token(life=timedelta(days=3650))
    (folder / "config.yaml").write_text(
        f"""
services:
  live: {{url: {sandbox.live_url}, token: {token}, rate: 500/s}}
  archive: {{url: {sandbox.archive_url}, token: {sandbox.partnership_token}, rate: 500/s}}
  catalog: {{url: {sandbox.catalog_url}, rate: 500/s, recheck: 1m}}
watches:
  - name: infants
    channels: [{CHANNEL}]
    candidates: {{drb: {{$gt: 0.5}}}}
    every: 1s
    on: [channel_match, detection, {{brightening: 0.3}}, crossmatch, classification]
    notify: [robot]
receivers:
  robot: {{notifier: webhook, url: {hook.url}, secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}}
"""
    )
