"""The second loop: what each watch makes of each new change, and the events and deliveries that follow.

A watch that can decide at once does: the change is no news to it, its rule fails on what the live record says, or
neither rule nor receivers need more. For the others the facts are found out, once for all of them; what cannot be
found out makes the change wait, up to the watch's `enrich_deadline`. The decision, its event and one delivery per
receiver are committed together.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from sqlalchemy import Connection

from ampel_watch.clock import Clock
from ampel_watch.config import Watch
from ampel_watch.model import Event, EventStock, StockKey
from ampel_watch.pipeline.cones import cones_around, words_for
from ampel_watch.pipeline.crew import work_off
from ampel_watch.pipeline.curves import Wanted
from ampel_watch.pipeline.decide import Decision, Needs, decide
from ampel_watch.pipeline.enrichers import Enrichers
from ampel_watch.pipeline.facts import FactFinder, Troubles
from ampel_watch.pipeline.known import Findings, Known, known_of, live_values
from ampel_watch.pipeline.select import Judgement, Selector, judge
from ampel_watch.protocols import Subject
from ampel_watch.storage import Database, changes, light_curves, looks, matches, outbox, stocks
from ampel_watch.storage.changes import Recorded

_LOG = logging.getLogger(__name__)

# So many changes at a time, or the changes of so many stocks where the archive is asked: that many fill one stream.
_BATCH = 1000
_FIRST_RETRY = timedelta(seconds=30)
_LAST_RETRY = timedelta(minutes=5)
_AT_A_TIME = 8


class EventObserver(Protocol):
    """Whoever wants to know that an event was made."""

    def event_created(self, event: Event) -> None:
        """Called after the event was committed."""
        ...


@dataclass(slots=True)
class _Open:
    """A change with the watches that still have to decide on it, and what is known for them.

    Attributes
    ----------
    around: the watched cones in which the stock was found.
    """

    recorded: Recorded
    stock: EventStock
    undecided: list[tuple[Watch, Judgement]]
    around: frozenset[str]
    known: Known | None = None

    def words(self, watch: Watch) -> dict[str, str]:
        """What the user of this watch wrote beside the stock."""
        label, note = words_for(watch, self.recorded.change, self.around)
        return {name: text for name, text in (("label", label), ("note", note)) if text is not None}


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
        self._selector = Selector(watches)
        self._facts = facts
        self._enrichers = enrichers
        self._needs = needs
        self._observer = observer

    async def evaluate(self) -> int:
        """Evaluate all changes that are due; how many events were made."""
        return await self.settle_new() + await self.settle_open()

    async def settle_new(self) -> int:
        """Decide, of every new change, what can be decided at once; how many events were made."""
        total = 0
        while batch := await self._database.run(lambda c: changes.new(c, _BATCH)):
            made = await self._database.run(partial(self._settle_at_once, batch=batch))
            self._tell(made)
            total += len(made)
        return total

    async def settle_open(self) -> int:
        """Decide what needs facts, for all changes that are due; how many events were made."""
        total = 0
        while True:
            now = self._clock.now()
            batch = await self._database.run(partial(changes.due, now=now, most_stocks=_BATCH))
            if not batch:
                return total
            total += await self._settle_batch(batch)

    async def next_due(self) -> datetime | None:
        """When the next change that was put off is to be evaluated again."""
        return await self._database.run(changes.next_retry)

    async def _settle_batch(self, batch: Sequence[Recorded]) -> int:
        still_open = await self._database.run(partial(self._open_all, batch=batch))
        wanted: dict[StockKey, Wanted] = {}
        for one in still_open:  # in order, so that the newest change of a stock says as of when
            change = one.recorded.change
            wanted[change.key] = Wanted(change.key, change.name, change.seen_at)
        troubles = await self._facts.find(list(wanted.values()))
        await self._database.run(partial(self._fill_in, still_open=still_open, troubles=troubles))
        await self._enrich(still_open)
        made = await self._database.run(partial(self._settle, still_open=still_open))
        self._tell(made)
        if troubles.changes:
            await self.settle_new()
        return len(made)

    def _tell(self, made: Sequence[Event]) -> None:
        for event in made:
            _LOG.info("event %s: %s [%s]", event.id, event.summary, event.watch)
            self._observer.event_created(event)

    def _settle_at_once(self, connection: Connection, *, batch: Sequence[Recorded]) -> list[Event]:
        """Decide what needs no facts, and put off the rest; the events made."""
        now = self._clock.now()
        made: list[Event] = []
        finished = []
        for one in self._open_all(connection, batch=batch):
            change = one.recorded.change
            known = Known(one.stock, live_values(change, one.stock))
            is_open = False
            for watch, judgement in one.undecided:
                at_once = not self._needs.facts(watch)
                decision = decide(watch, change, judgement, known, final=at_once, words=one.words(watch))
                if decision is None or (decision.event is not None and not at_once):
                    is_open = True
                else:
                    made += self._commit(connection, one.recorded, decision)
            if is_open:
                changes.put_off(connection, one.recorded.seq, tries=0, retry_at=now)
            else:
                finished.append(one.recorded.seq)
        changes.finish(connection, finished, now)
        return made

    def _open_all(self, connection: Connection, *, batch: Sequence[Recorded]) -> list[_Open]:
        places = stocks.positions(connection, {recorded.change.key for recorded in batch})
        decided = changes.decided(connection, [recorded.seq for recorded in batch])
        around = cones_around(connection, {recorded.change.key for recorded in batch})
        return [
            _Open(
                recorded,
                _event_stock(recorded, places.get(recorded.change.key)),
                self._judged(
                    connection, recorded, decided.get(recorded.seq, set()), around.get(recorded.change.key, frozenset())
                ),
                around.get(recorded.change.key, frozenset()),
            )
            for recorded in batch
        ]

    def _judged(
        self, connection: Connection, recorded: Recorded, decided: set[str], around: frozenset[str]
    ) -> list[tuple[Watch, Judgement]]:
        """The watches that still have to decide, and whether the change is news to them."""
        concerned = [found for found in self._selector.concerned(recorded, around) if found[0].name not in decided]
        first_looks = looks.first_looks_at(connection, {target for _, targets in concerned for target in targets})
        return [(watch, judge(watch, recorded, targets, first_looks)) for watch, targets in concerned]

    def _fill_in(self, connection: Connection, *, still_open: Sequence[_Open], troubles: Troubles) -> None:
        """Say what is known of the stock of each open change."""
        keys = {one.recorded.change.key for one in still_open}
        curves, found = light_curves.load(connection, keys), matches.load(connection, keys)
        ground = self._facts.ground()
        for one in still_open:
            change = one.recorded.change
            findings = Findings(
                curves.get(change.key),
                found.get(change.key),
                troubles.archive.get(change.key),
                troubles.catalog.get(change.key),
            )
            one.known = known_of(change, one.stock, findings, ground)

    async def _enrich(self, still_open: Sequence[_Open]) -> None:
        """Ask the plugins' enrichers about each open change."""

        async def ask(one: _Open) -> None:
            known = one.known
            assert known is not None
            at = one.recorded.change.seen_at
            subject = Subject(known.stock, at, known.curve, known.features, known.matches)
            one.known = known.with_more(*await self._enrichers.ask(subject))

        if self._enrichers:
            await work_off(still_open, ask, _AT_A_TIME)

    def _settle(self, connection: Connection, *, still_open: Sequence[_Open]) -> list[Event]:
        """Decide with all that is known, or put off; the events made."""
        now = self._clock.now()
        made: list[Event] = []
        finished = []
        for one in still_open:
            assert one.known is not None
            waits: list[datetime] = []
            for watch, judgement in one.undecided:
                deadline = one.recorded.change.seen_at + watch.enrich_deadline
                decision = decide(
                    watch, one.recorded.change, judgement, one.known, final=now >= deadline, words=one.words(watch)
                )
                if decision is None:
                    waits.append(deadline)
                else:
                    made += self._commit(connection, one.recorded, decision)
            if waits:
                tries = one.recorded.tries
                retry_at = min(now + min(_FIRST_RETRY * 2 ** min(tries, 10), _LAST_RETRY), *waits)
                changes.put_off(connection, one.recorded.seq, tries=tries + 1, retry_at=retry_at)
            else:
                finished.append(one.recorded.seq)
        changes.finish(connection, finished, now)
        return made

    def _commit(self, connection: Connection, recorded: Recorded, decision: Decision) -> list[Event]:
        """Store a decision with its event; the event, if it is a new one."""
        now = self._clock.now()
        event = decision.event
        is_new = event is not None and outbox.add_event(connection, event, decision.watch.notify, now)
        changes.note_decision(
            connection,
            recorded.seq,
            decision.watch.name,
            "event" if event else "silent",
            decision.reason,
            event_id=event.id if event else None,
            at=now,
            values=decision.values,
        )
        return [event] if event is not None and is_new else []


def _event_stock(recorded: Recorded, place: tuple[float, float] | None) -> EventStock:
    change = recorded.change
    ra_deg, dec_deg = place or (None, None)
    return EventStock(
        survey=change.key.survey,
        id=change.key.id,
        name=change.name,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        channels=tuple(change.after.get("channels", sorted(recorded.channels))),
    )
