"""The second loop: what each watch makes of each new change, and the events and deliveries that follow.

The decision, its event and one delivery per receiver are committed together with the change's completion.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import Connection

from ampel_watch.clock import Clock
from ampel_watch.config import Watch
from ampel_watch.links import links_for
from ampel_watch.model import Change, Event, EventStock, StockKey
from ampel_watch.pipeline.select import Selector, judge
from ampel_watch.storage import Database, changes, looks, outbox, stocks
from ampel_watch.storage.changes import Recorded
from ampel_watch.storage.looks import FirstLooks
from ampel_watch.storage.stocks import Stored
from ampel_watch.text import summarize

_LOG = logging.getLogger(__name__)
_BATCH = 100


class EventObserver(Protocol):
    """Whoever wants to know that an event was made."""

    def event_created(self, event: Event) -> None:
        """Called after the event was committed."""
        ...


@dataclass(frozen=True, slots=True)
class Decision:
    """What one watch makes of one change: an event, or silence and why."""

    watch: Watch
    reason: str
    event: Event | None = None


class Evaluator:
    """Turns recorded changes into events, for the watches that are configured now."""

    def __init__(self, database: Database, clock: Clock, watches: Sequence[Watch], observer: EventObserver) -> None:
        self._database = database
        self._clock = clock
        self._selector = Selector(watches)
        self._observer = observer

    async def evaluate(self) -> int:
        """Evaluate all waiting changes; how many events were made."""
        total = 0
        while True:
            events, more = await self._database.run(self._evaluate_batch)
            for event in events:
                _LOG.info("event %s: %s [%s]", event.id, event.summary, event.watch)
                self._observer.event_created(event)
            total += len(events)
            if not more:
                return total

    def _evaluate_batch(self, connection: Connection) -> tuple[list[Event], bool]:
        batch = changes.waiting(connection, _BATCH)
        stored = stocks.load(connection, {recorded.change.key for recorded in batch})
        now = self._clock.now()
        made = []
        for recorded in batch:
            for decision in self._decide(connection, recorded, stored):
                event = decision.event
                if event is not None and outbox.add_event(connection, event, decision.watch.notify, now):
                    made.append(event)
                changes.note_decision(
                    connection,
                    recorded.seq,
                    decision.watch.name,
                    "event" if event else "silent",
                    decision.reason,
                    event_id=event.id if event else None,
                    at=now,
                )
        changes.finish(connection, [recorded.seq for recorded in batch], now)
        return made, len(batch) == _BATCH

    def _decide(self, connection: Connection, recorded: Recorded, stored: Mapping[StockKey, Stored]) -> list[Decision]:
        concerned = self._selector.concerned(recorded)
        first_looks = looks.first_looks_at(connection, {target for _, targets in concerned for target in targets})
        stock = _event_stock(recorded, stored.get(recorded.change.key))
        return [decide(watch, recorded, targets, first_looks, stock) for watch, targets in concerned]


def decide(
    watch: Watch,
    recorded: Recorded,
    targets: Sequence[str],
    first_looks: FirstLooks,
    stock: EventStock,
) -> Decision:
    """What the watch makes of the change. A rule that cannot be decided lets it through, and the event says so."""
    judgement = judge(watch, recorded, targets, first_looks)
    if not judgement.news:
        return Decision(watch, judgement.reason)
    if watch.when is None:
        return Decision(watch, judgement.reason, make_event(watch.name, recorded.change, stock))
    verdict = watch.when.decide(rule_values(watch.name, recorded.change, stock))
    if verdict.passed is False:
        return Decision(watch, f"its rule is not met: {watch.when.text}")
    missing: tuple[str, ...] = ()
    if verdict.passed is None:
        missing = (f"the rule could not be decided, unknown: {', '.join(sorted(verdict.missing))}",)
    reason = missing[0] if missing else f"its rule is met: {watch.when.text}"
    return Decision(watch, reason, make_event(watch.name, recorded.change, stock, missing))


def rule_values(watch: str, change: Change, stock: EventStock) -> dict[str, Any]:
    """The rule names that the live record gives values to; what is absent here has not been found out."""
    values: dict[str, Any] = {
        "kind": change.kind,
        "channel": change.channel,
        "channels": stock.channels,
        "watch": watch,
        "name": change.name,
    }
    if stock.ra_deg is not None and stock.dec_deg is not None:
        values |= {"ra_deg": stock.ra_deg, "dec_deg": stock.dec_deg}
    return values


def make_event(watch: str, change: Change, stock: EventStock, missing: tuple[str, ...] = ()) -> Event:
    """The event of a change for a watch."""
    late_s = 0.0
    if change.unseen_since is not None:
        late_s = round((change.seen_at - change.unseen_since).total_seconds(), 3)
    return Event(
        id=event_id(watch, change),
        kind=change.kind,
        watch=watch,
        time=change.seen_at,
        summary=summarize(change),
        stock=stock,
        before=change.before,
        after=change.after,
        links=links_for(stock),
        missing=missing,
        late_s=late_s,
    )


def event_id(watch: str, change: Change) -> str:
    """Stable over crashes: from the watch, the content of the change, and the stock's own count of changes."""
    content = [watch, change.key.survey, change.key.id, change.kind, change.counter, change.before, change.after]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()[:32]


def _event_stock(recorded: Recorded, known: Stored | None) -> EventStock:
    change = recorded.change
    return EventStock(
        survey=change.key.survey,
        id=change.key.id,
        name=change.name,
        ra_deg=known.snapshot.ra_deg if known else None,
        dec_deg=known.snapshot.dec_deg if known else None,
        channels=tuple(change.after.get("channels", sorted(recorded.channels))),
    )
