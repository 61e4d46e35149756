"""What the state tells of one stock afterwards."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from ampel_watch.model import Change, Event, EventStock, StockKey
from ampel_watch.storage import changes, health, history, outbox
from ampel_watch.storage.outbox import Outcome, delivery_id
from ampel_watch.storage.schema import cone_members, decisions, light_curves, matches, pending_reads
from ampel_watch.ztf import id_of

START = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NAME = "ZTF21aaqhhfu"
KEY = StockKey("ztf", id_of(NAME))
OTHER = StockKey("ztf", 1)


@pytest.fixture
def work(database):
    """Does work in a transaction of its own, and gives back what it gives."""
    return database.run_now


def change(counter: int, key: StockKey = KEY) -> Change:
    before, after = {"channels": []}, {"channels": ["A"], "channel": "A"}
    return Change(key, NAME, "channel_match", counter, before, after, START + counter * MINUTE, channel="A")


def record(connection, *counters: int, key: StockKey = KEY) -> list[int]:
    for counter in counters:
        changes.append(connection, change(counter, key), frozenset({"A"}))
    newest = changes.newest_seq(connection)
    return list(range(newest - len(counters) + 1, newest + 1))


def decide(connection, seq: int, watch: str, outcome: str = "silent", *, at=START, values=None, event_id=None) -> None:
    row = {"change_seq": seq, "watch": watch, "outcome": outcome, "reason": f"why {watch}", "event_id": event_id}
    connection.execute(insert(decisions).values(**row, decided_at=at, values=values))


def event(event_id: str, watch: str = "mine") -> Event:
    return Event(event_id, "channel_match", watch, START, "it entered", EventStock("ztf", KEY.id, NAME), {}, {})


def test_changes_come_oldest_first_and_of_this_stock_only(work):
    def fill(connection):
        record(connection, 1)
        record(connection, 1, key=OTHER)
        record(connection, 2)

    work(fill)
    traces = work(lambda c: history.changes_of(c, KEY))
    assert [trace.recorded.change for trace in traces] == [change(1), change(2)]
    assert [trace.recorded.channels for trace in traces] == [frozenset({"A"})] * 2
    assert work(lambda c: history.count_changes(c, KEY)) == 2


def test_a_limit_keeps_the_newest_in_their_order(work):
    work(lambda c: record(c, 1, 2, 3))
    traces = work(lambda c: history.changes_of(c, KEY, limit=2))
    assert [trace.recorded.change.counter for trace in traces] == [2, 3]


def test_a_change_that_waits_is_told_from_one_that_is_done(work):
    def fill(connection):
        first, _ = record(connection, 1, 2)
        changes.finish(connection, [first], START)

    work(fill)
    done, waits = work(lambda c: history.changes_of(c, KEY))
    assert (done.evaluated_at, done.tries, done.retry_at) == (START, 0, None)
    assert (waits.evaluated_at, waits.decisions) == (None, ())


def test_decisions_come_with_the_values_that_the_rule_saw(work):
    def fill(connection):
        (seq,) = record(connection, 1)
        decide(connection, seq, "late", at=START + MINUTE, values={"mag": 18.4, "z": None})
        decide(connection, seq, "early")

    work(fill)
    (trace,) = work(lambda c: history.changes_of(c, KEY))
    assert [(decision.watch, decision.values) for decision in trace.decisions] == [
        ("early", None),
        ("late", {"mag": 18.4, "z": None}),
    ]
    assert trace.decisions[0].reason == "why early"


def test_deliveries_stand_with_the_decision_that_they_follow_from(work):
    def fill(connection):
        first, second = record(connection, 1, 2)
        for seq, name in ((first, "one"), (second, "two")):
            outbox.add_event(connection, event(name), ["slack", "mail"], START)
            decide(connection, seq, "mine", "event", event_id=name)
        outbox.claim(connection, "mail", now=START, lease_until=START + MINUTE, limit=1)
        failed = Outcome("dead", START + MINUTE, error="550 no such person", status="550")
        outbox.settle(connection, delivery_id("one", "mail"), failed)

    work(fill)
    one, two = (trace.decisions[0].deliveries for trace in work(lambda c: history.changes_of(c, KEY)))
    assert [(d.receiver, d.state, d.attempts) for d in one] == [("mail", "dead", 1), ("slack", "waiting", 0)]
    assert (one[0].error, one[0].status, one[0].first_try_at) == ("550 no such person", "550", START)
    assert one[0].finished_at == START + MINUTE
    assert [(d.receiver, d.state, d.finished_at) for d in two] == [
        ("mail", "waiting", None),
        ("slack", "waiting", None),
    ]


def test_of_one_watch_come_its_decisions_and_what_it_may_still_decide(work):
    def fill(connection):
        mine, yours, _waiting = record(connection, 1, 2, 3)
        decide(connection, mine, "mine")
        decide(connection, mine, "yours")
        decide(connection, yours, "yours")
        changes.finish(connection, [mine, yours], START)

    work(fill)
    traces = work(lambda c: history.changes_of(c, KEY, watch="mine"))
    found = [(t.recorded.change.counter, [d.watch for d in t.decisions]) for t in traces]
    assert found == [(1, ["mine"]), (3, [])]


def test_outcomes_are_counted_by_watch(work):
    def fill(connection):
        first, second = record(connection, 1, 2)
        decide(connection, first, "mine", "event")
        decide(connection, second, "mine")
        decide(connection, second, "yours")
        (foreign,) = record(connection, 1, key=OTHER)
        decide(connection, foreign, "mine")

    work(fill)
    assert work(lambda c: history.outcomes_of(c, KEY)) == {"mine": {"event": 1, "silent": 1}, "yours": {"silent": 1}}
    assert work(history.watches_that_decided) == {"mine", "yours"}


def test_a_stock_that_no_look_met_is_not_known(work):
    work(lambda c: record(c, 1, key=OTHER))
    assert not work(lambda c: history.is_known(c, KEY))


STOCK = {"survey": "ztf", "stock_id": KEY.id, "name": NAME}
TRACES = [
    (light_curves, {"baseline_at": START, "whole": False}),
    (matches, {"looked_at": START, "due_at": START, "found": {}, "classes": {}, "questions": {}}),
    (cone_members, {"cone": "c", "found_at": START, "at_first_look": False}),
    (pending_reads, {"alert_at": START, "found_at": START, "step": 0, "due_at": START}),
]


@pytest.mark.parametrize(("table", "values"), TRACES, ids=[table.name for table, _ in TRACES])
def test_a_stock_is_known_by_any_trace_that_a_look_left(work, table, values):
    work(lambda c: c.execute(insert(table).values(**STOCK, **values)))
    assert work(lambda c: history.is_known(c, KEY))


def test_notices_name_the_whole_stock_or_concern_all(work):
    def fill(connection):
        for what, text in (
            ("unreadable_stock", f"{NAME} could not be read"),
            ("unreadable_stock", f"{NAME}x could not be read"),
            ("unreadable_stock", f"{NAME.upper()} could not be read"),
            ("unreadable_alerts", "somebody else"),
            ("identity", "the token has other teams"),
        ):
            health.note(connection, START, what, text)

    work(fill)
    found = work(lambda c: history.notices_about(c, NAME))
    assert [(notice.at, notice.text) for notice in found] == [
        (START, f"{NAME} could not be read"),
        (START, "the token has other teams"),
    ]
