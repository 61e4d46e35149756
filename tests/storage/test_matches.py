from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.lightcurve import LightCurve, UpperLimit
from ampel_watch.model import Match, Snapshot, StockKey
from ampel_watch.storage import light_curves, matches, stocks
from ampel_watch.storage.light_curves import StoredCurve
from ampel_watch.storage.matches import StoredMatches

NOW = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = StockKey("ztf", 119032484)

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
values = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | words
bodies = st.dictionaries(words, values | st.dictionaries(words, values, max_size=2), max_size=4)
found = st.dictionaries(words, st.none() | st.tuples(st.floats(0, 3600), bodies), max_size=4).map(
    lambda rows: {name: row and Match(name, *row) for name, row in rows.items()}
)
stored = st.builds(
    StoredMatches,
    name=words,
    ra_deg=st.floats(0, 360, exclude_max=True),
    dec_deg=st.floats(-90, 90),
    looked_at=st.just(NOW),
    due_at=st.just(NOW + DAY),
    found=found,
    classes=st.dictionaries(words, st.none() | words, max_size=2),
    questions=st.dictionaries(words, words, max_size=4),
)


def of(name: str = "ZTF21aaqhhfu", *, due_at: datetime = NOW) -> StoredMatches:
    return StoredMatches(name, 10.0, -5.0, NOW - DAY, due_at, {"NEDz": Match("NEDz", 3.2, {"z": 0.03}), "TNS": None})


@given(stored=stored)
def test_matches_come_back_as_they_were_stored(trial, stored):
    def work(connection):
        matches.save(connection, KEY, stored)
        assert matches.load(connection, [KEY]) == {KEY: stored}
        assert matches.load_one(connection, KEY) == stored

    trial(work)


def test_a_later_answer_takes_the_place_of_an_earlier_one(trial):
    def work(connection):
        matches.save(connection, KEY, of())
        later = replace(of(), found={"TNS": None}, classes={"T2X": "SN Ia"}, looked_at=NOW, due_at=NOW + DAY)
        matches.save(connection, KEY, later)
        assert matches.load_one(connection, KEY) == later

    trial(work)


def test_what_was_never_stored_is_left_out(trial):
    def work(connection):
        other = StockKey("lsst", KEY.id)
        matches.save(connection, KEY, of())
        assert set(matches.load(connection, [KEY, other, StockKey("ztf", 0)])) == {KEY}
        assert matches.load_one(connection, other) is None
        assert matches.known(connection) == {KEY}

    trial(work)


def test_many_stocks_are_loaded_at_once(trial):
    def work(connection):
        keys = [StockKey("ztf" if number % 3 else "lsst", number) for number in range(1000)]
        for key in keys:
            matches.save(connection, key, of(f"stock {key.id}"))
        loaded = matches.load(connection, keys)
        assert {key: one.name for key, one in loaded.items()} == {key: f"stock {key.id}" for key in keys}
        assert matches.known(connection) == set(keys)

    trial(work)


def test_those_due_longest_come_first(trial):
    def work(connection):
        for number in range(5):
            matches.save(connection, StockKey("ztf", number), of(due_at=NOW - number * DAY))
        matches.save(connection, StockKey("ztf", 9), of(due_at=NOW + DAY))
        assert [key.id for key in matches.due(connection, NOW, 10)] == [4, 3, 2, 1, 0]
        assert [key.id for key in matches.due(connection, NOW, 2)] == [4, 3]
        assert matches.due(connection, NOW, 2, {StockKey("ztf", 9)}) == []

    trial(work)


def test_stocks_that_do_not_count_take_no_places_of_those_due(trial):
    def work(connection):
        for number in range(5):
            matches.save(connection, StockKey("ztf", number), of(due_at=NOW - number * DAY))
        watched = {StockKey("ztf", 0), StockKey("ztf", 1)}
        assert [key.id for key in matches.due(connection, NOW, 2, watched)] == [1, 0]

    trial(work)


def test_what_is_dated_by_a_clock_that_was_ahead_is_due(trial):
    def work(connection):
        wrong = [replace(of(), looked_at=NOW + DAY, due_at=NOW + 2 * DAY), of(due_at=NOW + 300 * DAY)]
        for number, one in enumerate([*wrong, of(due_at=NOW + 1.5 * DAY)]):
            matches.save(connection, StockKey("ztf", number), one)
            assert one.is_due(NOW, DAY) == (one in wrong)
        assert [key.id for key in matches.due(connection, NOW, recheck=DAY)] == [0, 1]
        assert [key.id for key in matches.due(connection, NOW, recheck=300 * DAY)] == [0]

    trial(work)


def test_a_stock_without_position_is_left_alone_until_it_is_due_and_was_never_asked_about(trial):
    def work(connection):
        matches.note_unplaced(connection, {KEY: "ZTF21aaqhhfu"}, NOW, NOW + DAY)
        assert matches.known(connection) == {KEY}
        assert matches.load(connection, [KEY]) == {}
        assert matches.load_one(connection, KEY) is None
        assert matches.due(connection, NOW) == []
        assert matches.due(connection, NOW + DAY) == [KEY]
        matches.save(connection, KEY, of(due_at=NOW + DAY))
        assert matches.load_one(connection, KEY) == of(due_at=NOW + DAY)

    trial(work)


def test_a_stock_without_position_is_due_as_soon_as_it_has_one(trial):
    def work(connection):
        other, third = StockKey("ztf", 1), StockKey("ztf", 2)
        matches.note_unplaced(connection, dict.fromkeys((KEY, other, third), "a name"), NOW, NOW + DAY)
        light_curves.note_baselines(connection, dict.fromkeys((KEY, third), "a name"), NOW)
        assert matches.due(connection, NOW) == []
        curve = LightCurve(limits=(UpperLimit(2461365.0, "r", 20.0),))
        light_curves.save(connection, third, StoredCurve(curve, "a name", NOW, NOW, whole=True))  # known, and no help
        light_curves.save(connection, KEY, StoredCurve(curve, "a name", NOW, NOW + timedelta(minutes=1), whole=False))
        stocks.save(connection, Snapshot(other, "a name", NOW, frozenset()), counter=0, epoch=0)
        assert matches.due(connection, NOW) == [KEY]
        placed = Snapshot(other, "a name", NOW, frozenset(), ra_deg=0.0, dec_deg=0.0)
        stocks.save(connection, placed, counter=0, epoch=0)
        assert matches.due(connection, NOW) == [other, KEY]

    trial(work)
