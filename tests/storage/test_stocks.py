from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.model import Snapshot, StockKey
from ampel_watch.storage import stocks
from ampel_watch.storage.stocks import Expected

NOW = datetime(2026, 11, 22, 21, 4, 5, 123456, tzinfo=UTC)
KEY = StockKey("ztf", 119032484)

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
times = st.datetimes(datetime(2017, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
keys = st.builds(StockKey, st.sampled_from(["ztf", "lsst"]), st.integers(0, 2**63 - 1))
snapshots = st.builds(
    Snapshot,
    key=keys,
    name=words,
    read_at=times,
    channels=st.none() | st.frozensets(words, max_size=4),
    created=st.dictionaries(words, times, max_size=3),
    updated=st.dictionaries(words, times, max_size=3),
    journal=st.none() | st.frozensets(words, max_size=4),
    ra_deg=st.none() | st.floats(0, 360, exclude_max=True),
    dec_deg=st.none() | st.floats(-90, 90),
    body=st.text(st.characters(codec="utf-8"), max_size=50),
)


def snapshot(key: StockKey = KEY, channels: frozenset[str] | None = frozenset({"A"}), **more) -> Snapshot:
    return Snapshot(key=key, name=f"stock {key.id}", read_at=NOW, channels=channels, **more)


def put(connection, seen: Snapshot, *, counter: int = 0, epoch: int = 0) -> None:
    stocks.save(connection, seen, counter=counter, epoch=epoch)
    stocks.enter(connection, seen.key, seen.channels or ())


@given(seen=snapshots, counter=st.integers(0, 2**31 - 1), epoch=st.integers(0, 9))
def test_a_snapshot_comes_back_as_it_was_stored(trial, seen, counter, epoch):
    def work(connection):
        put(connection, seen, counter=counter, epoch=epoch)
        stored = stocks.load(connection, [seen.key])[seen.key]
        # The document is not loaded with the rest: it is large, and its digest tells whether it changed.
        assert stored.snapshot == Snapshot(
            **{name: getattr(seen, name) for name in Snapshot.__slots__ if name != "body"}, body="{}"
        )
        assert stored.members_of == (seen.channels or frozenset())
        assert stored.digest == stocks.digest_of(seen)
        assert (stored.counter, stored.epoch) == (counter, epoch)
        assert (stored.misses, stored.missed_at, stored.gone_at) == (0, None, None)
        assert stocks.body(connection, seen.key) == seen.body

    trial(work)


@given(first=snapshots, second=snapshots)
def test_the_later_of_two_snapshots_of_a_stock_stands(trial, first, second):
    def work(connection):
        stocks.save(connection, first, counter=1, epoch=0)
        stocks.save(connection, Snapshot(**{**slots(second), "key": first.key}), counter=2, epoch=1)
        found = stocks.load(connection, [first.key])[first.key]
        assert (found.snapshot.name, found.snapshot.journal) == (second.name, second.journal)
        assert (found.counter, found.epoch, found.digest) == (2, 1, stocks.digest_of(second))

    trial(work)


def slots(seen: Snapshot) -> dict:
    return {name: getattr(seen, name) for name in Snapshot.__slots__}


@given(found=st.lists(st.integers(0, 2000), unique=True, max_size=900), extra=st.integers(3000, 2**63 - 1))
def test_any_number_of_stocks_is_loaded_at_once(trial, found, extra):
    wanted = [StockKey(survey, number) for survey in ("ztf", "lsst") for number in found]

    def work(connection):
        for key in wanted[::50]:
            put(connection, snapshot(key))
        loaded = stocks.load(connection, [*wanted, StockKey("ztf", extra)])
        assert loaded.keys() == set(wanted[::50])

    trial(work)


def test_the_same_id_in_two_surveys_is_two_stocks(trial):
    def work(connection):
        put(connection, snapshot(StockKey("ztf", 0), frozenset({"A"})))
        put(connection, snapshot(StockKey("lsst", 0), frozenset({"B"})))
        assert stocks.members_of(connection, [StockKey("ztf", 0)]) == {StockKey("ztf", 0): frozenset({"A"})}
        assert stocks.members_in(connection, ["B"]) == {StockKey("lsst", 0): "stock 0"}

    trial(work)


def test_a_stock_that_was_never_seen_is_left_out(trial):
    trial(lambda connection: _equal(stocks.load(connection, [KEY]), {}))
    trial(lambda connection: _equal(stocks.body(connection, KEY), None))


def _equal(found, wanted) -> None:
    assert found == wanted


def test_members_are_kept_apart_from_what_a_listing_left_out(trial):
    """A document that names no channels says nothing about membership."""

    def work(connection):
        put(connection, snapshot())
        stocks.save(connection, snapshot(channels=None), counter=1, epoch=0)
        stored = stocks.load(connection, [KEY])[KEY]
        assert stored.snapshot.channels is None
        assert stored.members_of == {"A"}

    trial(work)


def test_leaving_ends_only_that_membership(trial):
    def work(connection):
        put(connection, snapshot(channels=frozenset({"A", "B"})))
        put(connection, snapshot(StockKey("ztf", 1), frozenset({"A"})))
        stocks.leave(connection, KEY, ["A", "never entered"])
        assert stocks.members_of(connection, [KEY, StockKey("ztf", 1)]) == {
            KEY: frozenset({"B"}),
            StockKey("ztf", 1): frozenset({"A"}),
        }

    trial(work)


def test_a_member_of_two_channels_is_found_once(trial):
    def work(connection):
        put(connection, snapshot(channels=frozenset({"A", "B"})))
        assert stocks.members_in(connection, ["A", "B", "C"]) == {KEY: "stock 119032484"}
        assert stocks.members_in(connection, []) == {}

    trial(work)


def test_a_stock_that_is_gone_is_no_member_until_it_is_seen_again(trial):
    def work(connection):
        put(connection, snapshot())
        stocks.note_miss(connection, KEY, misses=3, missed_at=NOW, counter=7, gone_at=NOW + timedelta(hours=1))
        stored = stocks.load(connection, [KEY])[KEY]
        assert (stored.misses, stored.missed_at, stored.gone_at) == (3, NOW, NOW + timedelta(hours=1))
        assert stored.counter == 7
        assert stocks.members_in(connection, ["A"]) == {}
        stocks.save(connection, snapshot(), counter=8, epoch=0)
        stored = stocks.load(connection, [KEY])[KEY]
        assert (stored.misses, stored.missed_at, stored.gone_at) == (0, None, None)
        assert stocks.members_in(connection, ["A"]) == {KEY: "stock 119032484"}

    trial(work)


def test_counting_changes_touches_nothing_else(trial):
    def work(connection):
        put(connection, snapshot())
        before = stocks.load(connection, [KEY])[KEY]
        stocks.set_counter(connection, KEY, 5)
        after = stocks.load(connection, [KEY])[KEY]
        assert (after.counter, after.snapshot) == (5, before.snapshot)

    trial(work)


@pytest.mark.parametrize("change", [{"body": '{"a":1}'}, {"body": '{"a":2}'}])
def test_the_digest_is_that_of_the_document(change):
    assert stocks.digest_of(snapshot(**change)) != stocks.digest_of(snapshot())
    assert stocks.digest_of(snapshot(**change)) == stocks.digest_of(snapshot(channels=None, **change))


def test_a_stock_that_was_never_shown_is_counted_and_is_no_snapshot(trial):
    def work(connection):
        stocks.expect(connection, KEY, "ZTF21aaqhhfu", NOW, ra_deg=12.5, dec_deg=-3.0)
        assert stocks.take_counter(connection, KEY, "ZTF21aaqhhfu", NOW) == 1
        assert stocks.take_counter(connection, KEY, "ZTF21aaqhhfu", NOW) == 2
        stocks.expect(connection, KEY, "ZTF21aaqhhfu", NOW)
        assert stocks.load(connection, [KEY]) == {}
        assert stocks.expected(connection, [KEY]) == {KEY: Expected(2, 12.5, -3.0)}
        assert stocks.positions(connection, [KEY]) == {KEY: (12.5, -3.0)}

    trial(work)


def test_the_next_change_of_a_known_stock_is_counted_on(trial):
    def work(connection):
        put(connection, snapshot(), counter=4)
        assert stocks.take_counter(connection, KEY, "stock", NOW) == 5
        assert stocks.load(connection, [KEY])[KEY].counter == 5
        assert stocks.expected(connection, [KEY]) == {}
        assert stocks.positions(connection, [KEY]) == {}

    trial(work)


def test_an_expected_stock_becomes_a_known_one_when_it_is_shown(trial):
    def work(connection):
        stocks.take_counter(connection, KEY, "stock", NOW)
        put(connection, snapshot(), counter=2)
        assert stocks.load(connection, [KEY])[KEY].counter == 2
        assert stocks.expected(connection, [KEY]) == {}

    trial(work)
