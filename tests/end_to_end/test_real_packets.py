"""Nights of real ZTF alerts, through the sandbox's services, to all four kinds of receiver."""

import contextlib
from collections import Counter
from datetime import timedelta

import pytest

from ampel_watch.assembly import Parts, Surroundings
from ampel_watch.clock import ManualClock
from ampel_watch.config import load_config
from ampel_watch.plugin_manager import PluginManager
from ampel_watch.rounds import one_round
from ampel_watch.sandbox import Sandbox, open_packets
from ampel_watch.storage import Database

CHANNEL = "SANDBOX_ALL"


class Station:
    """The program with all its receivers; every round is a new start of it."""

    def __init__(self, folder, clock):
        self.folder, self.clock, self.lines = folder, clock, []
        self.plugins = PluginManager()
        self.plugins.load()

    def configure(self, sandbox, mailbox, slack, hook):
        token = sandbox.issue_live_token(life=timedelta(days=36500))
        (self.folder / "config.yaml").write_text(
            f"""
services:
  live: {{url: {sandbox.live_url}, token: {token}, rate: 10000/s}}
  archive: {{url: {sandbox.archive_url}, token: {sandbox.partnership_token}, rate: 10000/s}}
watches:
  - {{name: all, channels: [{CHANNEL}], every: 5m, on: [channel_match, channel_left, vanished], notify: [a, b, c, d]}}
receivers:
  a: {{notifier: console}}
  b: {{notifier: webhook, url: {hook.url}, secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}}
  c:
    notifier: email
    smtp: {{host: 127.0.0.1, port: {mailbox.port}, tls: none}}
    from: a@example.org
    to: [b@example.org]
  d: {{notifier: slack, token: xoxb-1-test, channel: "#sn", base_url: {slack.url}}}
"""
        )

    async def once(self):
        config = load_config(self.folder / "config.yaml", kinds=self.plugins.notifier_kinds(), environ={})
        around = Surroundings(self.clock, self.plugins, self.lines.append, patience_s=5)
        with contextlib.closing(Database.open(f"sqlite:///{self.folder / 'state.db'}")) as database:
            async with Parts(config, database, around) as parts:
                return await one_round(parts)


@pytest.mark.parametrize("listing", [True, False], ids=["rest", "archive"])
async def test_each_object_that_enters_is_told_once_to_every_receiver(shared, tmp_path, mailbox, slack, hook, listing):
    sky, report = open_packets(shared / "ztf-alerts")
    assert report.damaged, "the folder holds corrupt packets too"
    nights = sky.night_dates
    clock = ManualClock(nights[0] - timedelta(days=1))
    station = Station(tmp_path, clock)
    async with Sandbox(sky, clock=clock, listing=listing) as sandbox:
        station.configure(sandbox, mailbox, slack, hook)
        first = await station.once()
        assert first.good, first.report
        assert hook.bodies == [], "the first look is silent"
        for night in nights:
            clock.date = night + timedelta(hours=3)
            sandbox.advance(clock.date)
            done = await station.once()
            assert done.good, done.report
            again = await station.once()
            assert (again.events, again.deliveries) == (0, Counter()), "a repeat, after a restart, tells nothing"
        entered = [entry.name for entry in sandbox.entries if entry.channel == CHANNEL]
    assert len(entered) > 30
    assert Counter(body["stock"]["name"] for body in hook.bodies) == Counter(set(entered))
    ids = sorted(body["id"] for body in hook.bodies)
    assert sorted(mailbox.event_ids) == ids
    assert sorted(name for name in entered if any(name in line for line in station.lines)) == sorted(entered)
    assert sorted(_stock_in(body, entered) for body in slack.bodies) == sorted(entered)


def _stock_in(body, names):
    return next(name for name in names if name in body["text"])
