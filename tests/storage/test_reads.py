from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.model import StockKey
from ampel_watch.storage import reads
from ampel_watch.storage.reads import PendingRead

NOW = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
READ = PendingRead(
    StockKey("ztf", 119032484), "ZTF21aaqhhfu", NOW - HOUR, 188.7, -2.3, found_at=NOW, step=0, due_at=NOW
)
OTHER = replace(READ, key=StockKey("ztf", 0), name="ZTF17aaaaaaa", ra_deg=None, dec_deg=None)

candids = st.sets(st.integers(-(2**63), 2**63 - 1), max_size=20)


@given(st.lists(candids, max_size=4), candids)
def test_an_alert_is_unseen_until_it_is_noted(trial, noted, asked):
    def work(connection):
        seen: set[int] = set()
        for batch in noted:
            reads.note_seen(connection, "search", batch - seen, NOW)
            seen |= batch
        assert reads.unseen(connection, "search", asked) == asked - seen
        assert reads.unseen(connection, "another search", asked) == asked

    trial(work)


def test_more_alerts_than_one_statement_takes_are_looked_up(trial):
    def work(connection):
        reads.note_seen(connection, "search", range(0, 5000, 2), NOW)
        assert reads.unseen(connection, "search", set(range(5000))) == set(range(1, 5000, 2))

    trial(work)


def test_old_alerts_are_forgotten_and_younger_ones_kept(trial):
    def work(connection):
        reads.note_seen(connection, "search", [1], NOW - HOUR)
        reads.note_seen(connection, "search", [2], NOW)
        reads.forget_seen(connection, NOW)
        assert reads.unseen(connection, "search", {1, 2}) == {1}

    trial(work)


def test_a_planned_read_comes_back_as_it_was_planned(trial):
    def work(connection):
        for read in (READ, OTHER):
            reads.plan(connection, read)
            assert reads.planned(connection, read.key) == read

    trial(work)


def test_a_newer_alert_replaces_the_plan(trial):
    def work(connection):
        newer = replace(READ, alert_at=NOW, step=0, due_at=NOW + HOUR)
        reads.plan(connection, replace(READ, step=2))
        reads.plan(connection, newer)
        assert reads.planned(connection, READ.key) == newer

    trial(work)


def test_what_is_due_comes_in_order_and_no_more_than_asked_for(trial):
    def work(connection):
        due_at = {3: NOW, 1: NOW - HOUR, 2: NOW - 2 * HOUR, 4: NOW + HOUR}
        for number, due in due_at.items():
            reads.plan(connection, replace(READ, key=StockKey("ztf", number), due_at=due))
        assert [read.key.id for read in reads.due(connection, NOW, None)] == [2, 1, 3]
        assert [read.key.id for read in reads.due(connection, NOW, 2)] == [2, 1]

    trial(work)


def test_a_postponed_read_is_due_later(trial):
    def work(connection):
        reads.plan(connection, READ)
        reads.plan(connection, OTHER)
        reads.postpone(connection, READ.key, step=1, due_at=NOW + HOUR)
        assert reads.due(connection, NOW, None) == [OTHER]
        assert reads.planned(connection, READ.key) == replace(READ, step=1, due_at=NOW + HOUR)

    trial(work)


def test_a_settled_read_is_gone(trial):
    def work(connection):
        reads.plan(connection, READ)
        reads.plan(connection, OTHER)
        reads.settle(connection, READ.key)
        assert reads.planned(connection, READ.key) is None
        assert reads.due(connection, NOW, None) == [OTHER]

    trial(work)


def test_without_plans_nothing_is_due(trial):
    def work(connection):
        assert reads.due(connection, NOW, None) == []

    trial(work)
