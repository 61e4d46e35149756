"""One round: a look of the watches, its evaluation, what is due to be delivered. `once` does one, the daemon many."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import Connection

from ampel_watch.assembly import Parts
from ampel_watch.config import Watch
from ampel_watch.pipeline.cones import cones_of, load_found
from ampel_watch.pipeline.look import Report
from ampel_watch.pipeline.targets import targets_of
from ampel_watch.storage import cones, health, light_curves, looks, outbox, references

_LOG = logging.getLogger(__name__)

_SPREAD = 0.05
_MOST_SPREAD = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did. `deliveries` counts the tries by the state that they ended in."""

    report: Report
    events: int
    deliveries: Counter[str]

    @property
    def good(self) -> bool:
        """Whether every watch was looked at completely, and no delivery failed for now. Dead letters are settled."""
        return not self.report.errors and not self.deliveries["waiting"] and not self.deliveries["unrecorded"]


async def take_over(parts: Parts) -> None:
    """Put the state in order at start: earlier claims are ours now, what was removed from the configuration ends."""
    now, watches = parts.around.clock.now(), parts.config.watches

    def settle(connection: Connection) -> tuple[int, int]:
        found = load_found(connection, watches, now)
        pairs = {(w.name, target) for w in watches for target in targets_of([w], now, found).targets()}
        cones.forget(connection, cones_of(watches, now))
        references.forget_ended(connection, {(w.name, kind) for w in watches for kind in w.on})
        looks.forget_first_looks(connection, pairs)  # what is added again later is looked at for the first time again
        looks.forget_the_future(connection, now)
        light_curves.forget_the_future(connection, now)
        released = outbox.release_claims(connection, now)
        return released, outbox.bury_removed(connection, parts.config.receivers, now)

    released, buried = await parts.database.run(settle)
    if released:
        _LOG.warning("%d deliveries were under way when the last run ended; they are sent again", released)
    if buried:
        _LOG.warning("%d deliveries are dead: their receivers were removed from the configuration", buried)


async def one_round(parts: Parts) -> Round:
    """One look of every watch, its evaluation, and what is due to be delivered."""
    await take_over(parts)
    report = await look(parts, parts.config.watches, at_most=None)
    events = await parts.evaluator.evaluate()
    if await parts.upkeep.work():
        events += await parts.evaluator.evaluate()
    ended = await parts.deliverer.drain()
    return Round(report, events, ended)


async def look(parts: Parts, watches: Sequence[Watch], *, at_most: int | None) -> Report:
    """Look at what these watches need, and note how it went and when each is due next (`Report.due`)."""
    clock = parts.around.clock
    if parts.poller is None or not watches:
        return Report(started=clock.now())
    report = await parts.poller.look(watches, at_most=at_most)
    now = clock.now()
    report.due = {w.name: next_due(report.started, w.every, now, parts.around.random) for w in watches}

    def note(connection: Connection) -> None:
        for name, due in report.due.items():
            health.note_watch(
                connection, name, looked_at=report.started, error=report.errors.get(name), next_due_at=due
            )

    await parts.database.run(note)
    return report


def next_due(started: datetime, every: timedelta, now: datetime, random: Random) -> datetime:
    """When a watch that was looked at from `started` on is due again: `every` later, a little spread, or now if late.

    The spread is up to 5 % of `every`, at most 30 s, and always later, so that looks are at least `every` apart.
    """
    spread = min(every * _SPREAD, _MOST_SPREAD) * random.random()
    return max(started + every + spread, now)
