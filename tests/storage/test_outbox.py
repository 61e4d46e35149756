"""The outbox: by example, and against a simple model of it that is driven through every order of steps."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection, select

from ampel_watch.model import Event, EventStock
from ampel_watch.storage import Database, outbox
from ampel_watch.storage.outbox import Claimed, Outcome, delivery_id
from ampel_watch.storage.schema import deliveries, events

START = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
LEASE = timedelta(seconds=60)
SECOND = timedelta(seconds=1)


def event(number: int, stock: int = 1) -> Event:
    return Event(
        id=f"event-{number}",
        kind="updated",
        watch="mine",
        time=START,
        summary=f"ätwas № {number}",
        stock=EventStock("ztf", stock, f"stock {stock}"),
        before={},
        after={},
    )


def claim(connection: Connection, receiver: str, now: datetime, limit: int = 10, sending: Collection[str] = ()):
    return outbox.claim(connection, receiver, now=now, lease_until=now + LEASE, limit=limit, sending=sending)


def claimed(connection: Connection, receiver: str, now: datetime, **more) -> list[str]:
    return [delivery.event_id for delivery in claim(connection, receiver, now, **more)]


def states(connection: Connection) -> dict[tuple[str, str], str]:
    rows = connection.execute(
        select(events.c.id, deliveries.c.receiver, deliveries.c.state).select_from(
            deliveries.join(events, deliveries.c.event_seq == events.c.seq)
        )
    )
    return {(row.id, row.receiver): row.state for row in rows}


def end(connection: Connection, number: int, receiver: str, state: str, at: datetime, **more) -> None:
    outbox.settle(connection, delivery_id(f"event-{number}", receiver), Outcome(state, at, **more))


def test_an_event_is_stored_once_with_a_delivery_per_receiver(trial):
    def work(connection):
        assert outbox.add_event(connection, event(1), ["a", "b", "a"], START)
        assert not outbox.add_event(connection, event(1), ["a", "b", "c"], START + LEASE)
        assert states(connection) == {("event-1", "a"): "waiting", ("event-1", "b"): "waiting"}

    trial(work)


def test_an_event_without_receivers_is_stored_all_the_same(trial):
    def work(connection):
        assert outbox.add_event(connection, event(1), [], START)
        assert not outbox.add_event(connection, event(1), ["a"], START)
        assert states(connection) == {}

    trial(work)


def test_the_body_is_frozen_when_the_event_is_made(trial):
    """A later attempt to store the event in other words does not change what is sent."""

    def work(connection):
        outbox.add_event(connection, event(1), ["a"], START)
        outbox.add_event(connection, Event(**{**fields(event(1)), "summary": "in other words"}), ["a"], START)
        (delivery,) = claim(connection, "a", START)
        assert delivery.body.encode() == event(1).body()
        assert Event.from_json(json.loads(delivery.body)) == event(1)

    trial(work)


def fields(made: Event) -> dict:
    return {name: getattr(made, name) for name in Event.__slots__}


def test_delivery_ids_are_stable_and_tell_pairs_apart():
    pairs = [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", "")]
    assert len({delivery_id(*pair) for pair in pairs}) == len(pairs)
    assert delivery_id("event", "mail") == delivery_id("event", "mail")


def test_a_claim_tells_all_that_is_needed_to_send(trial):
    def work(connection):
        outbox.add_event(connection, event(1), ["a"], START)
        now = START + SECOND
        assert claim(connection, "a", now) == [
            Claimed(
                id=delivery_id("event-1", "a"),
                event_id="event-1",
                watch="mine",
                receiver="a",
                body=event(1).body().decode(),
                made_at=START,
                attempts=1,
                first_try_at=now,
            )
        ]

    trial(work)


def test_a_claimed_delivery_is_nobody_elses_until_the_lease_ends(trial):
    def work(connection):
        outbox.add_event(connection, event(1), ["a"], START)
        assert claimed(connection, "a", START) == ["event-1"]
        assert claimed(connection, "a", START + LEASE - SECOND) == []
        (again,) = claim(connection, "a", START + LEASE)
        assert (again.attempts, again.first_try_at) == (2, START)

    trial(work)


def test_a_renewed_lease_holds_on(trial):
    def work(connection):
        outbox.add_event(connection, event(1), ["a"], START)
        (mine,) = claim(connection, "a", START)
        outbox.renew(connection, [mine.id], START + 2 * LEASE)
        assert claimed(connection, "a", START + LEASE) == []
        assert claimed(connection, "a", START + 2 * LEASE) == ["event-1"]

    trial(work)


def test_renewing_does_not_bring_back_what_has_ended(trial):
    def work(connection):
        outbox.add_event(connection, event(1), ["a"], START)
        (mine,) = claim(connection, "a", START)
        end(connection, 1, "a", "delivered", START)
        outbox.renew(connection, [mine.id], START + 2 * LEASE)
        assert states(connection) == {("event-1", "a"): "delivered"}
        assert claimed(connection, "a", START + 3 * LEASE) == []

    trial(work)


def test_what_is_still_being_sent_is_not_claimed_whatever_has_become_of_its_lease(trial):
    def work(connection):
        outbox.add_event(connection, event(1, stock=1), ["a"], START)
        outbox.add_event(connection, event(2, stock=2), ["a"], START)
        (mine,) = claim(connection, "a", START, limit=1)
        assert claimed(connection, "a", START + 2 * LEASE, sending=[mine.id]) == ["event-2"]

    trial(work)


def test_the_oldest_come_first_and_no_more_than_asked_for(trial):
    def work(connection):
        for number in (3, 1, 2):
            outbox.add_event(connection, event(number, stock=number), ["a"], START)
        assert claimed(connection, "a", START, limit=2) == ["event-3", "event-1"]
        assert claimed(connection, "a", START, limit=2) == ["event-2"]

    trial(work)


def test_the_events_of_one_stock_go_out_one_after_the_other(trial):
    def work(connection):
        for number in (1, 2):
            outbox.add_event(connection, event(number, stock=1), ["a"], START)
        assert claimed(connection, "a", START) == ["event-1"]
        assert claimed(connection, "a", START) == []
        end(connection, 1, "a", "delivered", START)
        assert claimed(connection, "a", START) == ["event-2"]

    trial(work)


def test_a_delivery_that_waits_for_its_next_try_holds_back_only_its_own_stock(trial):
    def work(connection):
        outbox.add_event(connection, event(1, stock=1), ["a", "b"], START)
        outbox.add_event(connection, event(2, stock=1), ["a", "b"], START)
        outbox.add_event(connection, event(3, stock=2), ["a", "b"], START)
        claim(connection, "a", START, limit=1)
        end(connection, 1, "a", "waiting", START, next_try_at=START + 3 * SECOND)
        assert claimed(connection, "a", START) == ["event-3"]
        assert claimed(connection, "b", START) == ["event-1", "event-3"]
        assert claimed(connection, "a", START + 3 * SECOND) == ["event-1"]

    trial(work)


def test_a_dead_letter_releases_what_waits_behind_it(trial):
    def work(connection):
        for number in (1, 2):
            outbox.add_event(connection, event(number, stock=1), ["a"], START)
        claim(connection, "a", START)
        end(connection, 1, "a", "dead", START, error="refused", status="550")
        assert claimed(connection, "a", START) == ["event-2"]

    trial(work)


def test_how_a_try_ended_is_kept_with_the_delivery(trial):
    def work(connection):
        outbox.add_event(connection, event(1), ["a"], START)
        claim(connection, "a", START)
        end(connection, 1, "a", "waiting", START, next_try_at=START + LEASE, error="busy", status="421")
        row = connection.execute(select(deliveries)).one()
        assert (row.error, row.status, row.lease_until, row.finished_at) == ("busy", "421", None, None)
        claim(connection, "a", START + LEASE)
        end(connection, 1, "a", "delivered", START + LEASE)
        row = connection.execute(select(deliveries)).one()
        assert (row.error, row.status, row.attempts, row.finished_at) == (None, None, 2, START + LEASE)

    trial(work)


def test_the_next_process_takes_over_at_once(trial):
    def work(connection):
        outbox.add_event(connection, event(1, stock=1), ["a"], START)
        outbox.add_event(connection, event(2, stock=2), ["a"], START)
        claim(connection, "a", START, limit=1)
        assert outbox.release_claims(connection, START) == 1
        (again, _) = claim(connection, "a", START)
        assert (again.event_id, again.attempts, again.first_try_at) == ("event-1", 2, START)

    trial(work)


def test_deliveries_of_a_removed_receiver_are_dead_with_that_reason(trial):
    def work(connection):
        outbox.add_event(connection, event(1), ["a", "b"], START)
        outbox.add_event(connection, event(2), ["a", "b"], START)
        claim(connection, "a", START)
        end(connection, 1, "a", "delivered", START)
        assert outbox.bury_removed(connection, ["b"], START) == 1
        rows = connection.execute(select(deliveries).where(deliveries.c.receiver == "a", deliveries.c.state == "dead"))
        assert [(row.error, row.finished_at) for row in rows] == [
            ("the receiver was removed from the configuration", START)
        ]
        assert states(connection)["event-1", "a"] == "delivered"
        assert outbox.bury_removed(connection, [], START) == 2
        assert outbox.bury_removed(connection, [], START) == 0

    trial(work)


def test_the_next_try_is_that_of_what_may_be_sent_then(trial):
    def work(connection):
        assert outbox.next_try_at(connection, ["a"]) is None
        outbox.add_event(connection, event(1, stock=1), ["a"], START)
        outbox.add_event(connection, event(2, stock=1), ["a"], START)
        claim(connection, "a", START)
        ours = [outbox.delivery_id("event-1", "a")]
        assert (
            outbox.next_try_at(connection, ["a"], ours) is None
        )  # the second waits for the first, which is being sent
        assert outbox.next_try_at(connection, ["a"]) == START + LEASE  # whoever sent it may be gone by then
        end(connection, 1, "a", "waiting", START, next_try_at=START + LEASE)
        assert outbox.next_try_at(connection, ["a"]) == START + LEASE
        end(connection, 1, "a", "dead", START)
        assert outbox.next_try_at(connection, ["a"]) == START
        assert outbox.next_try_at(connection, ["another"]) is None

    trial(work)


def test_pending_lists_what_is_on_its_way_and_claims_nothing(trial):
    def work(connection):
        for number in (1, 2, 3):
            outbox.add_event(connection, event(number, stock=number), ["a"], START)
        claim(connection, "a", START, limit=2)
        end(connection, 1, "a", "delivered", START)
        before = states(connection)
        assert [delivery.event_id for delivery in outbox.pending(connection)] == ["event-2", "event-3"]
        assert states(connection) == before

    trial(work)


@dataclass
class Entry:
    """A delivery as the model has it."""

    id: str
    number: int
    stock: int
    receiver: str
    next_try_at: datetime
    state: str = "waiting"
    lease_until: datetime | None = None
    attempts: int = 0
    first_try_at: datetime | None = None

    @property
    def on_its_way(self) -> bool:
        return self.state in ("waiting", "sending")

    def is_ready(self, now: datetime) -> bool:
        if self.state == "waiting":
            return self.next_try_at <= now
        return self.state == "sending" and self.lease_until is not None and self.lease_until <= now


RECEIVERS = ("a", "b")
receivers = st.sampled_from(RECEIVERS)
some_receivers = st.sets(receivers)


class Outbox(RuleBasedStateMachine):
    """Drives the outbox and a list of entries side by side; after every step they hold the same."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.events = 0
        self.entries: list[Entry] = []
        self.ended: dict[tuple[int, str], list[int]] = {}

    def _held_back(self, entry: Entry) -> bool:
        return any(
            other.on_its_way
            and (other.stock, other.receiver) == (entry.stock, entry.receiver)
            and other.number < entry.number
            for other in self.entries
        )

    @rule(stock=st.integers(1, 2), to=some_receivers)
    def add(self, stock: int, to: set[str]) -> None:
        self.events += 1
        made = event(self.events, stock)
        assert self.database.run_now(lambda c: outbox.add_event(c, made, sorted(to), self.now))
        self.entries += [
            Entry(delivery_id(made.id, receiver), self.events, stock, receiver, self.now) for receiver in sorted(to)
        ]

    @precondition(lambda self: self.events)
    @rule(data=st.data(), to=some_receivers)
    def add_again(self, data: st.DataObject, to: set[str]) -> None:
        made = event(data.draw(st.integers(1, self.events)), stock=9)
        assert not self.database.run_now(lambda c: outbox.add_event(c, made, sorted(to), self.now))

    @rule(seconds=st.sampled_from([1, 30, 60]))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(receiver=receivers, limit=st.integers(1, 3), data=st.data())
    def claim(self, receiver: str, limit: int, data: st.DataObject) -> None:
        under_way = [entry.id for entry in self.entries if entry.state == "sending"]
        sending = data.draw(st.sets(st.sampled_from(under_way))) if under_way else set()
        ready = [
            entry
            for entry in self.entries
            if entry.receiver == receiver
            and entry.id not in sending
            and entry.is_ready(self.now)
            and not self._held_back(entry)
        ][:limit]
        for entry in ready:
            entry.state, entry.lease_until = "sending", self.now + LEASE
            entry.attempts += 1
            entry.first_try_at = entry.first_try_at or self.now
        found = self.database.run_now(lambda c: claim(c, receiver, self.now, limit, sending))
        assert [(f.id, f.attempts, f.first_try_at) for f in found] == [
            (entry.id, entry.attempts, entry.first_try_at) for entry in ready
        ]

    @precondition(lambda self: any(entry.state == "sending" for entry in self.entries))
    @rule(data=st.data(), state=st.sampled_from(["delivered", "waiting", "dead"]), wait=st.sampled_from([0, 10, 90]))
    def settle(self, data: st.DataObject, state: str, wait: int) -> None:
        entry = data.draw(st.sampled_from([entry for entry in self.entries if entry.state == "sending"]))
        next_try_at = self.now + wait * SECOND if state == "waiting" else None
        self.database.run_now(lambda c: outbox.settle(c, entry.id, Outcome(state, self.now, next_try_at)))
        entry.state, entry.lease_until = state, None
        entry.next_try_at = next_try_at or entry.next_try_at
        if state != "waiting":
            self.ended.setdefault((entry.stock, entry.receiver), []).append(entry.number)

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sets(st.sampled_from([entry.id for entry in self.entries])))
        self.database.run_now(lambda c: outbox.renew(c, chosen, self.now + LEASE))
        for entry in self.entries:
            if entry.id in chosen and entry.state == "sending":
                entry.lease_until = self.now + LEASE

    @rule()
    def start_anew(self) -> None:
        held = [entry for entry in self.entries if entry.state == "sending"]
        assert self.database.run_now(lambda c: outbox.release_claims(c, self.now)) == len(held)
        for entry in held:
            entry.state, entry.lease_until, entry.next_try_at = "waiting", None, self.now

    @rule(kept=some_receivers)
    def remove_receivers(self, kept: set[str]) -> None:
        lost = [entry for entry in self.entries if entry.on_its_way and entry.receiver not in kept]
        assert self.database.run_now(lambda c: outbox.bury_removed(c, kept, self.now)) == len(lost)
        for entry in lost:
            entry.state, entry.lease_until = "dead", None

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        rows = self.database.run_now(lambda c: c.execute(select(deliveries)).all())
        assert {
            row.id: (row.receiver, row.state, row.next_try_at, row.lease_until, row.attempts, row.first_try_at)
            for row in rows
        } == {
            e.id: (e.receiver, e.state, e.next_try_at, e.lease_until, e.attempts, e.first_try_at) for e in self.entries
        }

    @invariant()
    def knows_when_to_try_next(self) -> None:
        due = [e.next_try_at for e in self.entries if e.state == "waiting" and not self._held_back(e)]
        leases = [e.lease_until for e in self.entries if e.state == "sending" and e.lease_until is not None]
        assert self.database.run_now(lambda c: outbox.next_try_at(c, RECEIVERS)) == min(due + leases, default=None)
        ours = [e.id for e in self.entries if e.state == "sending"]
        assert self.database.run_now(lambda c: outbox.next_try_at(c, RECEIVERS, ours)) == min(due, default=None)

    @invariant()
    def keeps_the_order_per_stock_and_receiver(self) -> None:
        for numbers in self.ended.values():
            assert numbers == sorted(numbers)

    def teardown(self) -> None:
        def clear(connection: Connection) -> None:
            connection.execute(deliveries.delete())
            connection.execute(events.delete())

        self.database.run_now(clear)


def test_the_outbox_does_what_its_model_does(memory):
    machine = type("OutboxInMemory", (Outbox,), {"database": memory})
    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=40, deadline=None))


def test_every_delivery_comes_to_its_end(memory):
    """Whatever happened before: whoever goes on claiming and delivering gets through all of it."""

    class Finished(Outbox):
        database = memory

        def teardown(self) -> None:
            self.now += 2 * LEASE
            left = [entry for entry in self.entries if entry.on_its_way]
            for _ in range(len(left)):
                for receiver in RECEIVERS:
                    for found in self.database.run_now(lambda c, r=receiver: claim(c, r, self.now)):
                        outcome = Outcome("delivered", self.now)
                        self.database.run_now(lambda c, i=found.id, o=outcome: outbox.settle(c, i, o))
            assert self.database.run_now(lambda c: list(outbox.pending(c))) == []
            super().teardown()

    run_state_machine_as_test(Finished, settings=settings(max_examples=10, stateful_step_count=30, deadline=None))


@pytest.mark.parametrize("state", ["delivered", "dead"])
def test_what_has_ended_is_never_claimed_again(trial, state):
    def work(connection):
        outbox.add_event(connection, event(1), ["a"], START)
        claim(connection, "a", START)
        end(connection, 1, "a", state, START)
        outbox.release_claims(connection, START)
        assert claimed(connection, "a", START + 100 * LEASE) == []

    trial(work)


def test_a_date_that_only_a_wrong_clock_can_have_set_holds_nothing_back(trial):
    def work(connection):
        outbox.add_event(connection, event(1), ["a"], START)
        claim(connection, "a", START)
        end(connection, 1, "a", "waiting", START, next_try_at=START + timedelta(days=365))
        assert claimed(connection, "a", START) == ["event-1"]
        end(connection, 1, "a", "waiting", START, next_try_at=START + timedelta(days=1))
        assert claimed(connection, "a", START) == []

    trial(work)
