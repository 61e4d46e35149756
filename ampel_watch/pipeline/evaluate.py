"""The second loop: what each watch makes of each new change, and the events and deliveries that follow.

A watch that can decide at once does: the change is no news to it, its rule fails on what the live record says, or
neither rule nor receivers need more. For the others the facts are found out, once for all of them; what cannot be
found out makes the change wait, up to the watch's `enrich_deadline`. The decision, its event and one delivery per
receiver are committed together. A change that meets a fault of ours is tried again later, and holds up no other.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

from sqlalchemy import Connection

from ampel_watch.clock import Clock
from ampel_watch.config import Watch
from ampel_watch.errors import AmpelWatchError
from ampel_watch.model import Event, StockKey
from ampel_watch.pipeline.crew import work_off
from ampel_watch.pipeline.curves import Wanted
from ampel_watch.pipeline.decide import Needs
from ampel_watch.pipeline.enrichers import Enrichers
from ampel_watch.pipeline.facts import FactFinder, Troubles
from ampel_watch.pipeline.known import Findings, known_of
from ampel_watch.pipeline.opening import OpenChange, Opener, log_fault
from ampel_watch.pipeline.select import Selector
from ampel_watch.pipeline.settle import Settler
from ampel_watch.protocols import Subject
from ampel_watch.storage import Database, changes, light_curves, matches
from ampel_watch.storage.changes import Recorded

_LOG = logging.getLogger(__name__)

# So many changes at a time, or the changes of so many stocks where the archive is asked: that many fill one stream.
_BATCH = 1000
_AT_A_TIME = 8
_FAULT_OF_OURS = "an unexpected fault, which the log tells"


class EventObserver(Protocol):
    """Whoever wants to know that an event was made."""

    def event_created(self, event: Event) -> None:
        """Called after the event was committed."""
        ...


class Evaluator:
    """Turns recorded changes into events, for the watches that are configured now."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        watches: Sequence[Watch],
        facts: FactFinder,
        enrichers: Enrichers,
        needs: Needs,
        observer: EventObserver,
    ) -> None:
        self._database = database
        self._clock = clock
        self._opener = Opener(Selector(watches))
        self._facts = facts
        self._enrichers = enrichers
        self._settler = Settler(needs, clock)
        self._observer = observer
        # The changes that wait because a service did not answer at the last try, and what it said.
        self._troubled: dict[int, tuple[str | None, str | None]] = {}

    async def evaluate(self) -> int:
        """Evaluate all changes that are due; how many events were made."""
        return await self.settle_new() + await self.settle_open()

    async def settle_new(self) -> int:
        """Decide, of every new change, what can be decided at once; how many events were made."""
        total = 0
        while batch := await self._database.run(lambda c: changes.new(c, _BATCH)):
            total += self._tell(await self._database.run(partial(self._settle_at_once, batch=batch)))
        return total

    async def settle_open(self) -> int:
        """Decide what needs facts, for all changes that are due; how many events were made."""
        total = 0
        while True:
            now = self._clock.now()
            batch = await self._database.run(partial(changes.due, now=now, most_stocks=_BATCH))
            if not batch:
                return total
            total += await self._settle_late(batch)
            total += await self._settle_batch(batch)

    async def next_due(self) -> datetime | None:
        """When the next change that was put off is to be evaluated again."""
        return await self._database.run(changes.next_retry)

    def _tell(self, made: Sequence[Event]) -> int:
        for event in made:
            _LOG.info("event %s: %s [%s]", event.id, event.summary, event.watch)
            self._observer.event_created(event)
        return len(made)

    async def _open(self, batch: Sequence[Recorded]) -> list[OpenChange]:
        return await self._database.run(partial(self._opener.open, batch=batch, now=self._clock.now()))

    async def _settle_late(self, batch: Sequence[Recorded]) -> int:
        """Decide past the deadline with what is stored: who hangs must not hold up what has waited long enough.

        Only what a service left unanswered at the last try; anything else is asked for once more.
        """
        batch = [recorded for recorded in batch if recorded.seq in self._troubled]
        if not batch:
            return 0
        now, late = self._clock.now(), await self._open(batch)
        for one in late:
            one.undecided = [(watch, judgement) for watch, judgement in one.undecided if now >= one.deadline(watch)]
        late = [one for one in late if one.undecided]
        said = {one.recorded.change.key: self._troubled[one.recorded.seq] for one in late}
        await self._learn(
            late,
            Troubles(
                {key: archive for key, (archive, _) in said.items() if archive is not None},
                {key: catalog for key, (_, catalog) in said.items() if catalog is not None},
            ),
        )
        return self._tell(await self._database.run(partial(self._settler.settle_late, late=late)))

    async def _settle_batch(self, batch: Sequence[Recorded]) -> int:
        still_open = await self._open(batch)
        asking = [one for one in still_open if one.undecided]
        try:
            await self._learn(asking, await self._find(asking))
            made = self._tell(await self._database.run(partial(self._settler.settle, still_open=still_open)))
        finally:
            made_of_facts = await self.settle_new()  # finding out may have shown changes, whatever became of these
        return made + made_of_facts

    async def _find(self, asking: Sequence[OpenChange]) -> Troubles:
        """Find out about the stocks of open changes; remembers which changes wait for a service."""
        wanted: dict[StockKey, Wanted] = {}
        for one in asking:  # in order, so that the newest change of a stock says as of when
            change = one.recorded.change
            wanted[change.key] = Wanted(change.key, change.name, change.seen_at)
        try:
            troubles = await self._facts.find(list(wanted.values()))
        except AmpelWatchError:
            raise
        except Exception:  # noqa: BLE001 - a bug met by one stock must not keep back all others past their deadlines
            _LOG.exception("finding out about %d stocks: unexpected fault; trying again", len(wanted))
            everywhere = dict.fromkeys(wanted, _FAULT_OF_OURS)
            troubles = Troubles(everywhere, everywhere)
        for one in asking:
            key, seq = one.recorded.change.key, one.recorded.seq
            said = (troubles.archive.get(key), troubles.catalog.get(key))
            if said == (None, None):
                self._troubled.pop(seq, None)
            else:
                self._troubled[seq] = said
        return troubles

    async def _learn(self, asking: Sequence[OpenChange], troubles: Troubles) -> None:
        """Put together what is known for each open change, with what the plugins' enrichers say."""
        await self._database.run(partial(self._fill_in, asking=asking, troubles=troubles))
        if self._enrichers:
            await work_off([one for one in asking if one.known is not None], self._enrich, _AT_A_TIME)

    def _fill_in(self, connection: Connection, *, asking: Sequence[OpenChange], troubles: Troubles) -> None:
        """Say what is stored of the stock of each open change."""
        keys = {one.recorded.change.key for one in asking}
        curves, found = light_curves.load(connection, keys), matches.load(connection, keys)
        ground = self._facts.ground()
        for one in asking:
            change = one.recorded.change
            findings = Findings(
                curves.get(change.key),
                found.get(change.key),
                troubles.archive.get(change.key),
                troubles.catalog.get(change.key),
            )
            try:
                one.known = known_of(change, one.stock, findings, ground)
            except Exception:  # noqa: BLE001 - a bug met by one change must not keep back the others
                log_fault(one.recorded)

    async def _enrich(self, one: OpenChange) -> None:
        """Ask the plugins' enrichers about one open change."""
        known = one.known
        assert known is not None
        subject = Subject(known.stock, one.recorded.change.seen_at, known.curve, known.features, known.matches)
        try:
            one.known = known.with_more(*await self._enrichers.ask(subject))
        except Exception:  # noqa: BLE001 - as above
            one.known = None
            log_fault(one.recorded)

    def _settle_at_once(self, connection: Connection, *, batch: Sequence[Recorded]) -> list[Event]:
        opened = self._opener.open(connection, batch, self._clock.now())
        return self._settler.settle_at_once(connection, opened)
