import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch import ztf
from ampel_watch.model import Snapshot
from ampel_watch.services.documents import digest, snapshot_of

NOW = datetime(2026, 11, 22, 21, tzinfo=UTC)
NAME, ID = "ZTF21aaqhhfu", 119032484
FIRST, LAST = datetime(2021, 3, 20, 8, 14, 13, tzinfo=UTC), datetime(2021, 3, 21, 8, tzinfo=UTC)
ENTRY = {"tier": 0, "ts": "2021-03-20T08:14:13", "channel": ["A", "B"], "process": "P", "run": 1}

MAPS = {
    "created": {"A": "2021-03-20T08:14:13", "any": "2021-03-20T08:14:13"},
    "updated": {"A": "2021-03-21T08:00:00", "any": "2021-03-21T08:00:00"},
}
SHAPES: dict[str, dict[str, Any]] = {
    "0.7 and public": {"_id": ID, "channel": ["A", "B"], "name": [NAME], "tag": [], **MAPS},
    "2021, before updated": {
        "_id": ID,
        "channel": ["A", "B"],
        "name": [NAME],
        "created": MAPS["created"],
        "modified": MAPS["updated"],
    },
    "0.8 ingester": {
        "_id": {"$oid": "6b037b2a14952788ed886596"},
        "stock": ID,
        "channel": ["B", "A"],
        "name": [NAME, "SN2021xyz"],
        "ts": {
            "A": {"tied": FIRST.timestamp(), "upd": LAST.timestamp()},
            "any": {"tied": FIRST.timestamp(), "upd": LAST.timestamp()},
        },
    },
    "hexadecimal ObjectId": {
        "_id": "6b037b2a14952788ed886596",
        "stock": ID,
        "channel": ["A", "B"],
        "name": NAME,
        "created": {"A": "2021-03-20T08:14:13+00:00", "any": FIRST.timestamp()},
        "updated": {"A": {"$date": "2021-03-21T08:00:00Z"}, "any": None},
    },
    "extended JSON": {
        "_id": {"$numberLong": str(ID)},
        "channel": ["A", "B"],
        "created": {"A": {"$date": int(FIRST.timestamp() * 1000)}, "any": {"$numberLong": str(int(FIRST.timestamp()))}},
        "modified": {"A": "2021-03-20T23:00:00"},
        "updated": {"A": "2021-03-21T08:00:00"},
    },
}


@pytest.mark.parametrize("document", SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_of_a_stock_document_says_the_same(document: dict[str, Any]):
    found = snapshot_of(document, NOW)
    assert (found.key.survey, found.key.id, found.name) == ("ztf", ID, NAME)
    assert found.channels == {"A", "B"}
    assert found.created["A"] == FIRST
    assert found.last_change == found.updated["A"] == LAST
    assert found.journal is None
    assert json.loads(found.body) == document


def test_missing_parts_are_unknown_and_empty_ones_are_empty():
    bare = snapshot_of({"_id": 0}, NOW)
    assert (bare.key.id, bare.name) == (0, "ZTF17aaaaaaa")
    assert (bare.channels, bare.journal, dict(bare.created), dict(bare.updated)) == (None, None, {}, {})
    empty = snapshot_of({"_id": 0, "channel": [], "journal": []}, NOW)
    assert (empty.channels, empty.journal) == (frozenset(), frozenset())


def test_a_name_alone_makes_the_id():
    assert snapshot_of({"name": NAME, "_id": {"$oid": "6b037b2a14952788ed886596"}}, NOW).key.id == ID


def test_a_single_channel_may_be_text_and_names_may_be_numbers():
    assert snapshot_of({"_id": 1, "channel": "A"}, NOW).channels == {"A"}
    assert snapshot_of({"_id": 1, "channel": [5, "A"]}, NOW).channels == {"5", "A"}


def test_a_single_time_is_one_over_all_channels():
    assert snapshot_of({"_id": 1, "created": "2021-03-20T08:14:13"}, NOW).created == {"any": FIRST}


def test_without_a_map_of_changes_the_newest_journal_entry_tells():
    entries = [ENTRY, {"ts": LAST.timestamp()}, {"ts": "some day"}, {}, "text"]
    assert snapshot_of({"_id": 1, "journal": entries}, NOW).updated == {"any": LAST}


@pytest.mark.parametrize(
    ("place", "position"),
    [
        ({"body": {"ra": 10.5, "dec": -3}}, (10.5, -3.0)),
        ({"body": {"ra_deg": 10.5, "dec_deg": -3}}, (10.5, -3.0)),
        ({"ra": 10.5, "dec": {"$numberDouble": "-3"}}, (10.5, -3.0)),
        ({"body": {"ra": {"$numberDouble": "NaN"}, "dec": 1}}, (None, None)),
        ({"body": {"ra": 400, "dec": 1}}, (None, None)),
        ({"body": {"ra": "10", "dec": "1"}}, (None, None)),
        ({"body": {"ra": 10.5}}, (None, None)),
        ({"body": []}, (None, None)),
    ],
)
def test_a_position_is_taken_where_it_is_one(place: dict[str, Any], position: tuple[Any, Any]):
    found = snapshot_of({"_id": 1, **place}, NOW)
    assert (found.ra_deg, found.dec_deg) == position


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "text",
        5,
        {},
        {"detail": "Not Found"},
        {"_id": "6b037b2a14952788ed886596"},
        {"_id": True},
        {"_id": -1},
        {"_id": 2**63},
        {"_id": ztf.MAX_ID + 1},
        {"_id": {"$numberLong": "x"}},
        {"_id": ID + 16, "name": NAME},
        {"_id": 1, "channel": {"A": 1}},
        {"_id": 1, "channel": [None]},
        {"_id": 1, "created": {"A": "some day"}},
        {"_id": 1, "updated": ["2021-03-20T08:14:13"]},
        {"_id": 1, "ts": ["x"]},
        {"_id": 1, "ts": {"A": 5}},
        {"_id": 1, "journal": {}},
    ],
)
def test_what_is_no_stock_document_is_a_value_error_in_one_line(document: Any):
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        snapshot_of(document, NOW)


def test_the_spelling_of_a_journal_entry_does_not_matter():
    same = [
        ENTRY,
        dict(reversed(ENTRY.items())),
        {**ENTRY, "channel": ["B", "A"]},
        {**ENTRY, "ts": "2021-03-20T08:14:13+00:00"},
        {**ENTRY, "ts": FIRST.timestamp()},
    ]
    assert len({digest(entry) for entry in same}) == 1
    assert digest({**ENTRY, "channel": "A"}) == digest({**ENTRY, "channel": ["A"]}) != digest(ENTRY)


CHANNELS = st.lists(st.text("ABCDE_", min_size=1, max_size=5), max_size=5, unique=True)
TIMES = st.integers(1_500_000_000, 1_900_000_000).map(lambda s: datetime.fromtimestamp(s, UTC).isoformat()[:19])
ENTRIES = st.fixed_dictionaries(
    {"tier": st.integers(0, 3)}, optional={"ts": TIMES, "channel": CHANNELS | st.just("A"), "extra": st.integers()}
)
DOCUMENTS = st.fixed_dictionaries(
    {"_id": st.integers(0, ztf.MAX_ID)},
    optional={
        "channel": CHANNELS,
        "created": st.dictionaries(st.text("ABCDE_", min_size=1, max_size=5), TIMES),
        "updated": st.dictionaries(st.text("ABCDE_", min_size=1, max_size=5), TIMES),
        "journal": st.lists(ENTRIES, max_size=5),
        "whatever": st.integers() | st.text(),
    },
)


def without_body(snapshot: Snapshot) -> tuple[Any, ...]:
    return (
        snapshot.key,
        snapshot.name,
        snapshot.channels,
        dict(snapshot.created),
        dict(snapshot.updated),
        snapshot.journal,
    )


@given(DOCUMENTS, st.randoms())
def test_order_is_no_information(document: dict[str, Any], random: Any):
    keys = list(document)
    random.shuffle(keys)
    shuffled = {key: document[key] for key in keys}
    for field in ("channel", "journal"):
        if field in shuffled:
            shuffled[field] = random.sample(shuffled[field], len(shuffled[field]))
    first, second = snapshot_of(document, NOW), snapshot_of(shuffled, NOW)
    assert without_body(first) == without_body(second)
    assert snapshot_of({key: document[key] for key in keys}, NOW).body == first.body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["_id", "stock", "name", "channel", "created", "modified", "updated", "ts", "journal", "body", "ra", "dec"]
)


@given(st.dictionaries(FIELDS, JSON) | JSON)
def test_any_document_is_a_snapshot_or_a_value_error(document: Any):
    try:
        found = snapshot_of(document, NOW)
    except ValueError:
        return
    assert found.read_at == NOW
    assert ztf.is_name(found.name)


@given(st.lists(ENTRIES, max_size=4), ENTRIES)
def test_a_new_entry_is_seen_as_new(journal: list[Any], entry: Any):
    entry = {**entry, "run": 999}
    before = snapshot_of({"_id": 1, "journal": journal}, NOW).journal
    after = snapshot_of({"_id": 1, "journal": [entry, *journal]}, NOW + timedelta(hours=1)).journal
    assert before is not None
    assert after is not None
    assert len(after - before) == 1
