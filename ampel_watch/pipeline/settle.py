"""Writing down what the watches decide on open changes: decisions, events with their deliveries, and who waits.

Every function here works inside the caller's transaction.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, exc

from ampel_watch.clock import Clock
from ampel_watch.config import Watch
from ampel_watch.model import Event, StockKey
from ampel_watch.pipeline.decide import Decision, Needs, decide
from ampel_watch.pipeline.known import Known, live_values
from ampel_watch.pipeline.opening import OpenChange, log_fault, put_off_faulty
from ampel_watch.pipeline.select import Judgement
from ampel_watch.storage import changes, outbox
from ampel_watch.storage.changes import Recorded

_FIRST_RETRY = timedelta(seconds=30)
_LAST_RETRY = timedelta(minutes=5)

# The stocks of which an earlier change still waits, each with the watch that waits.
_Held = set[tuple[StockKey, str]]
# What is done with one change: the events that this makes, and whether the change is finished.
_Step = Callable[[OpenChange], tuple[list[Event], bool]]


class Settler:
    """Decides on open changes, each on its own: one that meets a fault of ours is put off, and the others go on."""

    def __init__(self, needs: Needs, clock: Clock) -> None:
        self._needs = needs
        self._clock = clock

    def settle_at_once(self, connection: Connection, opened: Sequence[OpenChange]) -> list[Event]:
        """Decide what needs no facts, and put off the rest; the events made."""
        now = self._clock.now()
        return self._each(connection, opened, partial(self._at_once, connection, now), now)

    def settle(self, connection: Connection, *, still_open: Sequence[OpenChange]) -> list[Event]:
        """Decide with all that is known, or put off; the events made."""
        now = self._clock.now()
        held: _Held = set()
        return self._each(connection, still_open, partial(self._with_known, connection, now, held), now)

    def settle_late(self, connection: Connection, *, late: Sequence[OpenChange]) -> list[Event]:
        """Decide for watches whose deadlines have passed; the changes stay open for others. The events made."""
        now = self._clock.now()

        def decide_now(one: OpenChange) -> tuple[list[Event], bool]:
            return self._with_known(connection, now, set(), one)[0], False

        return self._each(connection, [one for one in late if one.known is not None], decide_now, now)

    def _each(self, connection: Connection, opened: Sequence[OpenChange], step: _Step, now: datetime) -> list[Event]:
        made: list[Event] = []
        finished: list[int] = []
        for one in opened:
            try:
                with connection.begin_nested():
                    events, is_finished = step(one)
            except exc.DBAPIError:
                raise  # of the database, and not of this change
            except Exception:  # noqa: BLE001 - a bug met by one change must not keep back the others
                log_fault(one.recorded)
                put_off_faulty(connection, one.recorded, now)
                continue
            made += events
            if is_finished:
                finished.append(one.recorded.seq)
        changes.finish(connection, finished, now)
        return made

    def _at_once(self, connection: Connection, now: datetime, one: OpenChange) -> tuple[list[Event], bool]:
        known = Known(one.stock, live_values(one.recorded.change, one.stock))
        made: list[Event] = []
        is_open = False
        for watch, judgement in one.undecided:
            at_once = not self._needs.more_than_live(watch)
            decision = self._decide(one, watch, judgement, known, final=at_once)
            if decision is None or (decision.event is not None and not at_once):
                is_open = True
            else:
                made += self._commit(connection, one.recorded, decision)
        if is_open:
            changes.put_off(connection, one.recorded.seq, tries=0, retry_at=now)
        return made, not is_open

    def _with_known(
        self, connection: Connection, now: datetime, held: _Held, one: OpenChange
    ) -> tuple[list[Event], bool]:
        if one.known is None and one.undecided:  # a fault, which was logged when it was met
            put_off_faulty(connection, one.recorded, now)
            return [], False
        made: list[Event] = []
        waits: list[datetime] = []
        for watch, judgement in one.undecided:
            decision = self._decide_in_turn(one, watch, judgement, now, held)
            if decision is None:
                waits.append(one.deadline(watch))
            else:
                made += self._commit(connection, one.recorded, decision)
        if waits:
            tries = one.recorded.tries
            retry_at = min(now + min(_FIRST_RETRY * 2 ** min(tries, 10), _LAST_RETRY), *waits)
            changes.put_off(connection, one.recorded.seq, tries=tries + 1, retry_at=retry_at)
        return made, not waits

    def _decide_in_turn(
        self, one: OpenChange, watch: Watch, judgement: Judgement, now: datetime, held: _Held
    ) -> Decision | None:
        """What the watch makes of the change; None to wait, as no event overtakes an earlier one of its stock."""
        assert one.known is not None
        place = (one.recorded.change.key, watch.name)
        final = now >= one.deadline(watch) or not self._needs.more_than_live(watch)
        decision = self._decide(one, watch, judgement, one.known, final=final)
        if decision is None or (decision.event is not None and place in held and not final):
            held.add(place)
            return None
        return decision

    def _decide(
        self, one: OpenChange, watch: Watch, judgement: Judgement, known: Known, *, final: bool
    ) -> Decision | None:
        absent = self._needs.absent(watch)
        return decide(watch, one.recorded.change, judgement, known, final=final, words=one.words(watch), absent=absent)

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
