"""The loops of the daemon together: what must be found out first holds up nobody else."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from ampel_watch.assembly import Parts, Surroundings
from ampel_watch.clock import FastClock
from ampel_watch.daemon import Daemon
from ampel_watch.julian import jd_of
from ampel_watch.plugin_manager import PluginManager
from ampel_watch.protocols import NotifierKind
from ampel_watch.sandbox import Fault, PacketSky, Sandbox
from ampel_watch.storage import Database, changes
from tests.conftest import Memory, MemorySettings, Workbench
from tests.pipeline.packets import alert

START = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
RATE = 600.0  # ten minutes pass in a second
X = "SANDBOX_INFANT_SN"
A = "ZTF26aaaaaaa"
WATCHES = f"""\
  - {{name: at-once, channels: [{X}], every: 1m, on: [channel_match], notify: [plain]}}
  - {{name: whole, channels: [{X}], every: 1m, on: [channel_match, detection], when: mag < 19, notify: [memory]}}
"""


class TwoKinds(Workbench):
    """With a receiver of a kind that needs no facts beside one that does."""

    @property
    def kinds(self):
        plain = NotifierKind("plain", MemorySettings, self.memory.build, "needs no facts", enriched=False)
        return super().kinds | {"plain": plain}


class Inbox(Memory):
    """A receiver that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: asyncio.Queue = asyncio.Queue()

    async def send(self, event, attempt):
        await super().send(event, attempt)
        self.arrived.put_nowait(event)

    async def next(self):
        return await asyncio.wait_for(self.arrived.get(), 30)


def waiting(connection):
    """The changes that are put off."""
    return changes.due(connection, START + timedelta(days=1), 10)


@contextlib.asynccontextmanager
async def running(bench: Workbench):
    """The daemon at work, after its first look."""
    around = Surroundings(bench.clock, PluginManager(lambda: ()), print, patience_s=20)
    with contextlib.closing(Database.open(bench.url)) as database:
        async with Parts(bench.load(), database, around) as parts:
            await parts.poller.look(parts.config.watches)
            daemon = Daemon(parts)
            task = asyncio.create_task(daemon.run())
            try:
                yield parts
            finally:
                daemon.stop()
                await asyncio.wait_for(task, 30)


@pytest.fixture
async def bench(tmp_path):
    clock = FastClock(START, RATE)
    async with Sandbox(PacketSky(()), clock=clock) as sandbox:
        bench = TwoKinds(tmp_path, clock, sandbox, memory=Inbox(), services=("live", "archive", "catalog"))
        bench.enriched = True
        yield bench


async def test_a_watch_that_does_not_wait_is_told_while_another_waits_for_the_archive(bench):
    bench.configure(WATCHES, more="  plain: {notifier: plain}\n")
    async with running(bench):
        answer = asyncio.Event()
        bench.sandbox.faults["archive"] = Fault(until=answer, route="/object/{objectId}/photopoints")
        bench.sandbox.add_alert(alert(A, jd_of(bench.clock.now()), 18.4))
        bench.sandbox.enter(A, X)
        assert (await bench.memory.next()).watch == "at-once"
        assert bench.sandbox.tallies["archive"].by_route["/object/{objectId}/photopoints"] <= 1
        answer.set()
        assert (await bench.memory.next()).watch == "whole"


async def test_what_was_put_off_is_tried_again_by_itself(bench):
    bench.configure(WATCHES, more="  plain: {notifier: plain}\n")
    async with running(bench) as parts:
        bench.sandbox.faults["catalog"] = Fault(status=400)
        bench.sandbox.add_alert(alert(A, jd_of(bench.clock.now()), 18.4))
        bench.sandbox.enter(A, X)
        first = await bench.memory.next()
        assert first.watch == "at-once"
        async with asyncio.timeout(30):
            while not any(recorded.tries for recorded in await parts.database.run(waiting)):
                pass
        bench.sandbox.faults.clear()
        second = await bench.memory.next()
        assert (second.watch, second.features["mag"], second.missing) == ("whole", 18.4, ())


async def test_a_detection_that_only_the_archive_shows_is_told(bench):
    bench.configure(WATCHES, more="  plain: {notifier: plain}\n")
    async with running(bench):
        bench.sandbox.add_alert(alert(A, jd_of(bench.clock.now()), 18.4))
        bench.sandbox.enter(A, X)
        assert {(await bench.memory.next()).kind for _ in range(2)} == {"channel_match"}
        bench.sandbox.add_alert(alert(A, jd_of(bench.clock.now()), 18.2))
        event = await bench.memory.next()
        assert (event.watch, event.kind, event.after["mag"]) == ("whole", "detection", 18.2)
