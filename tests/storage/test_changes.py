from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import exc, select

from ampel_watch.diff import KINDS
from ampel_watch.model import Change, StockKey
from ampel_watch.storage import changes
from ampel_watch.storage.schema import decisions

NOW = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
KEY = StockKey("ztf", 119032484)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
times = st.datetimes(datetime(2017, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
documents = st.dictionaries(texts, texts | st.lists(texts, max_size=3) | st.integers(0, 2**60), max_size=3)
any_change = st.builds(
    Change,
    key=st.builds(StockKey, st.sampled_from(["ztf", "lsst"]), st.integers(0, 2**63 - 1)),
    name=texts,
    kind=st.sampled_from(sorted(KINDS)),
    counter=st.integers(1, 2**31 - 1),
    before=documents,
    after=documents,
    seen_at=times,
    channel=st.none() | texts,
    unseen_since=st.none() | times,
)


def change(counter: int) -> Change:
    return Change(KEY, "ZTF21aaqhhfu", "channel_match", counter, {}, {"channel": "A"}, NOW, "A")


@given(any_change, st.none() | times, st.none() | texts)
def test_a_change_comes_back_as_it_was_recorded(trial, seen, entered_at, only_watch):
    def work(connection):
        changes.append(connection, seen, frozenset({"A"}), entered_at=entered_at, only_watch=only_watch)
        (recorded,) = changes.new(connection, 10)
        assert recorded.change == seen
        assert (recorded.entered_at, recorded.only_watch) == (entered_at, only_watch)
        assert recorded.seq == changes.newest_seq(connection)

    trial(work)


def test_changes_wait_in_the_order_of_their_recording_until_finished(trial):
    def work(connection):
        assert changes.newest_seq(connection) == 0
        for counter in range(1, 6):
            changes.append(connection, change(counter), frozenset())
        waiting = changes.new(connection, 3)
        assert [recorded.change.counter for recorded in waiting] == [1, 2, 3]
        changes.finish(connection, [waiting[0].seq, waiting[2].seq], NOW)
        assert [recorded.change.counter for recorded in changes.new(connection, 10)] == [2, 4, 5]

    trial(work)


def test_a_change_that_is_put_off_is_due_at_its_time_and_not_new_any_more(trial):
    def work(connection):
        for counter in (1, 2, 3):
            changes.append(connection, change(counter), frozenset())
        first, second, _ = changes.new(connection, 10)
        changes.put_off(connection, first.seq, tries=1, retry_at=NOW + timedelta(minutes=1))
        changes.put_off(connection, second.seq, tries=4, retry_at=NOW + timedelta(minutes=2))
        assert [recorded.change.counter for recorded in changes.new(connection, 10)] == [3]
        assert changes.due(connection, NOW, 10) == []
        assert changes.next_retry(connection) == NOW + timedelta(minutes=1)
        due = changes.due(connection, NOW + timedelta(minutes=2), 10)
        assert [(recorded.change.counter, recorded.tries) for recorded in due] == [(1, 1), (2, 4)]
        changes.finish(connection, [first.seq, second.seq], NOW)
        assert changes.next_retry(connection) is None

    trial(work)


def test_due_are_all_the_changes_of_so_many_stocks_those_that_wait_longest_first(trial):
    others = [StockKey("lsst", KEY.id), StockKey("ztf", 7)]

    def work(connection):
        for counter, key in ((1, others[0]), (1, KEY), (2, others[0]), (1, others[1]), (3, others[0]), (2, KEY)):
            changes.append(connection, replace(change(counter), key=key), frozenset())
        for recorded in changes.new(connection, 10)[:-1]:  # the last one was never evaluated
            changes.put_off(connection, recorded.seq, tries=1, retry_at=NOW)
        due = [(recorded.change.key, recorded.change.counter) for recorded in changes.due(connection, NOW, 2)]
        assert due == [(others[0], 1), (KEY, 1), (others[0], 2), (others[0], 3)]

    trial(work)


def test_what_waits_from_before_a_change_that_is_due_comes_with_it(trial):
    other = StockKey("ztf", 7)

    def work(connection):
        for counter, key in ((1, KEY), (2, KEY), (1, other), (3, KEY), (4, KEY)):
            changes.append(connection, replace(change(counter), key=key), frozenset())
        finished, *waiting = changes.new(connection, 10)
        for recorded in waiting[:-1]:
            is_due = recorded.change.counter == 3
            changes.put_off(connection, recorded.seq, tries=3, retry_at=NOW + timedelta(minutes=0 if is_due else 5))
        changes.put_off(connection, waiting[-1].seq, tries=1, retry_at=NOW + timedelta(minutes=1))
        changes.finish(connection, [finished.seq], NOW)
        due = changes.due(connection, NOW, 10)
        assert [(recorded.change.key, recorded.change.counter) for recorded in due] == [(KEY, 2), (KEY, 3)]

    trial(work)


def test_a_change_put_off_under_a_clock_that_was_ahead_does_not_wait_for_it(trial):
    def work(connection):
        changes.append(connection, change(1), frozenset())
        [recorded] = changes.new(connection, 10)
        changes.put_off(connection, recorded.seq, tries=1, retry_at=NOW + timedelta(days=400))
        assert len(changes.due(connection, NOW, 10)) == 1

    trial(work)


def test_who_has_decided_is_remembered_with_what_the_rule_saw(trial):
    def work(connection):
        changes.append(connection, change(1), frozenset())
        seq = changes.newest_seq(connection)
        values = {"mag": 18.4, "z": None}
        changes.note_decision(connection, seq, "mine", "silent", "no", event_id=None, at=NOW, values=values)
        assert changes.decided(connection, [seq, seq + 1]) == {seq: {"mine"}}
        assert connection.execute(select(decisions.c["values"])).scalar() == values

    trial(work)


def test_finishing_nothing_is_no_error(trial):
    trial(lambda connection: changes.finish(connection, [], NOW))


def test_the_counter_of_a_stock_is_never_given_twice(trial):
    def work(connection):
        changes.append(connection, change(1), frozenset())
        with pytest.raises(exc.IntegrityError, match=r"changes\.counter"):
            changes.append(connection, change(1), frozenset())

    trial(work)


def test_a_decision_once_made_stays(trial):
    def work(connection):
        changes.append(connection, change(1), frozenset())
        seq = changes.newest_seq(connection)
        changes.note_decision(connection, seq, "mine", "event", "it was asked for", event_id="id", at=NOW)
        changes.note_decision(
            connection, seq, "mine", "silent", "on second thought", event_id=None, at=NOW + timedelta(1)
        )
        changes.note_decision(connection, seq, "yours", "silent", "its rule is not met", event_id=None, at=NOW)
        found = connection.execute(select(decisions).order_by(decisions.c.watch))
        assert [tuple(row) for row in found] == [
            (seq, "mine", "event", "it was asked for", "id", NOW, None),
            (seq, "yours", "silent", "its rule is not met", None, NOW, None),
        ]

    trial(work)
