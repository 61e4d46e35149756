"""The daemon: runs the loops until it is told to stop.

Each loop sleeps until it is woken by the one before it, or by time. Evaluation is two loops: what can be decided at
once does not wait for what must be found out first. Upkeep has its own. A fault of the state
database (locked, disk full) does not end a loop: it says so, waits and goes on, and nothing is lost because nothing was
committed.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from ampel_watch.assembly import Parts
from ampel_watch.config import Watch
from ampel_watch.errors import StateError
from ampel_watch.pipeline.look import Report
from ampel_watch.rounds import look, next_due, take_over
from ampel_watch.scheduler import Schedule
from ampel_watch.storage import health

_LOG = logging.getLogger(__name__)

READS_AT_MOST = 300
STOP_WITHIN_S = 20.0
_WAIT_AFTER_FAULT_S = 5.0
# Nothing is waited for longer than this without asking the clock again, which may have been set.
_LOOK_AGAIN_S = 60.0
_MOMENT_S = 0.05


class Daemon:
    """Runs the loops over one configuration."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._watches = {watch.name: watch for watch in parts.config.watches}
        self._due: set[str] = set()
        self._put_off = asyncio.Event()
        self._looked = asyncio.Event()
        self._watch_is_due = asyncio.Event()
        self._stopping = asyncio.Event()
        self._schedule = Schedule(parts.around.clock, self._note_due)
        self._planned: dict[str, datetime] = {}
        self._troubled: dict[str, str] = {}

    def stop(self) -> None:
        """Begin to stop: finish what is in flight, take on nothing new."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until `stop`."""
        await take_over(self._parts)
        self._parts.changed.set()  # changes and deliveries may be left from before
        await self._plan_all()
        self._schedule.start()
        loops = [
            asyncio.create_task(self._keep_on("poll", self._poll)),
            asyncio.create_task(self._keep_on("evaluate", self._evaluate)),
            asyncio.create_task(self._keep_on("enrich", self._enrich)),
            asyncio.create_task(self._keep_on("upkeep", self._upkeep)),
            asyncio.create_task(self._keep_on("deliver", self._deliver)),
        ]
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({stopping, *loops}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._schedule.stop()
            for task in (stopping, *loops):
                task.cancel()
            await asyncio.gather(stopping, *loops, return_exceptions=True)
            await self._parts.deliverer.finish(STOP_WITHIN_S)

    async def _plan_all(self) -> None:
        known = await self._parts.database.run(health.due_dates)
        self._plan({name: known.get(name, self._parts.around.clock.now()) for name in self._watches})

    def _plan(self, due: Mapping[str, datetime]) -> None:
        """Plan the next look of watches. A date too far ahead comes from an older configuration or a wrong clock."""
        now = self._parts.around.clock.now()
        for name, date in due.items():
            self._planned[name] = now if date - now > self._watches[name].every * 2 else date
            self._schedule.plan(name, self._planned[name])

    async def _keep_on(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except StateError as error:
                _LOG.error("%s: %s; trying again", name, error)
                await asyncio.sleep(_WAIT_AFTER_FAULT_S)
            except Exception:  # noqa: BLE001 - a bug met by one stock must not end the watching of all others
                _LOG.exception("%s: unexpected fault; trying again", name)
                await asyncio.sleep(_WAIT_AFTER_FAULT_S)

    def _note_due(self, watch: str) -> None:
        self._due.add(watch)
        self._watch_is_due.set()

    async def _poll(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_S):
                await self._watch_is_due.wait()
        if not self._watch_is_due.is_set():
            self._plan(dict(self._planned))
            return
        self._watch_is_due.clear()
        names, self._due = self._due, set()
        watches = [watch for name, watch in self._watches.items() if name in names]
        now, chance = self._parts.around.clock.now(), self._parts.around.random
        due = {watch.name: next_due(now, watch.every, now, chance) for watch in watches}
        try:
            report = await look(self._parts, watches, at_most=READS_AT_MOST)
            due = dict.fromkeys(report.due, now) if report.more else report.due
            self._looked.set()
        finally:
            self._plan(due)
        self._log(watches, report)

    def _log(self, watches: Sequence[Watch], report: Report) -> None:
        """One line per look; of a trouble, one when it begins, changes or ends."""
        for warning in report.warnings:
            _LOG.warning("%s", warning)
        for watch in watches:
            error = report.errors.get(watch.name)
            if error is None and self._troubled.pop(watch.name, None) is not None:
                _LOG.warning("watch %s: looks are complete again", watch.name)
            elif error is not None and self._troubled.get(watch.name) != _kind_of(error):
                self._troubled[watch.name] = _kind_of(error)
                _LOG.error("watch %s: %s", watch.name, error)
        names = ", ".join(watch.name for watch in watches)
        _LOG.info("looked at %s: %d stocks read, %d changes", names, report.read, report.changes)

    async def _evaluate(self) -> None:
        await self._parts.changed.wait()
        self._parts.changed.clear()
        try:
            await self._parts.evaluator.settle_new()
        except BaseException:
            self._parts.changed.set()
            raise
        self._put_off.set()
        self._parts.deliverer.wake()

    async def _enrich(self) -> None:
        """Decide what had to wait for facts: when something was put off, and when its next try is due."""
        due = await self._parts.evaluator.next_due()
        wait_s = _LOOK_AGAIN_S if due is None else self._parts.around.clock.real_seconds_until(due)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(max(wait_s, _MOMENT_S), _LOOK_AGAIN_S)):
                await self._put_off.wait()
        self._put_off.clear()
        if await self._parts.evaluator.settle_open():
            self._parts.deliverer.wake()

    async def _upkeep(self) -> None:
        await self._looked.wait()
        self._looked.clear()
        found = await self._parts.upkeep.work()
        if found:
            self._parts.changed.set()
        if self._parts.upkeep.has_more:
            self._looked.set()

    async def _deliver(self) -> None:
        deliverer = self._parts.deliverer
        if await deliverer.start_due():
            return
        due = await deliverer.next_due()
        wait_s = _LOOK_AGAIN_S if due is None else self._parts.around.clock.real_seconds_until(due)
        await deliverer.wait(min(max(wait_s, _MOMENT_S), _LOOK_AGAIN_S))


def _kind_of(error: str) -> str:
    """The error without the stocks that it concerns, which change from look to look."""
    return error.partition(", for ")[0]
