"""What counts as a change of the live record, and what does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.diff import KINDS, compare, counts_as_gone, merge
from ampel_watch.model import Snapshot, StockKey

NOW = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)
NAMES = st.sampled_from(["HU_TNS_MSIP", "RCF_2020B", "WEIZMANN_INFANTSN", "ZTF_SLAC"])
CHANNELS = st.frozensets(NAMES)


def snapshot(channels=frozenset(), **rest):
    return Snapshot(StockKey("ztf", 119032484), "ZTF21aaqhhfu", NOW, channels=channels, **rest)


def kinds(differences):
    return [(d.kind, d.channel) for d in differences]


def look(stored, seen, **rest):
    known = stored.channels if stored is not None and stored.channels is not None else frozenset()
    return compare(stored, seen, members_of=known, listed=rest.pop("listed", ()), **rest)


@given(CHANNELS, CHANNELS)
def test_entering_and_leaving_are_exactly_the_difference_of_the_channels(before, after):
    found = look(snapshot(before), snapshot(after))
    assert {d.channel for d in found if d.kind == "channel_match"} == after - before
    assert {d.channel for d in found if d.kind == "channel_left"} == before - after


@given(CHANNELS)
def test_the_first_sight_of_a_stock_is_silent(channels):
    assert look(None, snapshot(channels)) == ()


def test_a_stock_never_seen_is_new_in_a_channel_that_was_listed_before():
    found = look(None, snapshot(frozenset({"A", "B"})), listed={"A"})
    assert kinds(found) == [("channel_match", "A")]


@given(CHANNELS, CHANNELS)
def test_a_document_out_of_a_listing_never_shows_that_a_stock_left(before, after):
    found = look(snapshot(before), snapshot(after), whole=False)
    assert all(d.kind != "channel_left" for d in found)


@given(CHANNELS, CHANNELS)
def test_with_other_eyes_membership_is_taken_over_silently(before, after):
    assert look(snapshot(before), snapshot(after), baseline=True) == ()


@given(CHANNELS)
def test_an_answer_without_channels_says_nothing_about_them(before):
    assert look(snapshot(before), snapshot(None)) == ()


def test_membership_is_compared_with_the_member_set_and_not_with_the_snapshot():
    found = compare(snapshot(frozenset({"A"})), snapshot(frozenset({"A"})), members_of=frozenset(), listed={"A"})
    assert kinds(found) == [("channel_match", "A")]


def test_a_newer_time_is_an_update_and_an_older_one_is_not():
    old, new = NOW - timedelta(days=1), NOW
    assert kinds(look(snapshot(updated={"any": old}), snapshot(updated={"any": new}))) == [("updated", None)]
    assert look(snapshot(updated={"any": new}), snapshot(updated={"any": old})) == ()


@given(st.frozensets(st.text("abc", min_size=1), max_size=4), st.frozensets(st.text("abc", min_size=1), max_size=4))
def test_new_journal_entries_are_an_update_and_lost_ones_are_not(before, after):
    found = look(snapshot(journal=before), snapshot(journal=after))
    assert kinds(found) == ([("updated", None)] if after - before else [])


def test_a_journal_that_is_left_out_is_not_an_empty_one():
    assert look(snapshot(journal=frozenset({"a"})), snapshot(journal=None)) == ()
    kept = merge(snapshot(journal=frozenset({"a"})), snapshot(journal=None))
    assert kept.journal == {"a"}


@given(CHANNELS, CHANNELS)
def test_comparing_twice_finds_nothing_more(before, after):
    first, second = snapshot(before), snapshot(after)
    merged = merge(first, second)
    assert look(merged, second) == ()


def test_what_a_document_leaves_out_is_kept():
    stored = snapshot(frozenset({"A"}), created={"A": NOW}, ra_deg=1.0, dec_deg=2.0)
    merged = merge(stored, replace(snapshot(None), created={"B": NOW}))
    assert (merged.channels, merged.ra_deg, merged.dec_deg) == ({"A"}, 1.0, 2.0)
    assert merged.created.keys() == {"A", "B"}


def test_readings_that_find_nothing_count_only_one_period_apart():
    every = timedelta(minutes=5)
    assert counts_as_gone(None, NOW, every)
    assert not counts_as_gone(NOW, NOW + every - timedelta(seconds=1), every)
    assert counts_as_gone(NOW, NOW + every, every)


def test_the_kinds_are_those_of_the_contract():
    assert set(KINDS) == {
        "channel_match", "channel_left", "updated", "detection", "brightening", "fading",
        "crossmatch", "classification", "cone_match", "vanished",
    }  # fmt: skip
    assert [kind.name for kind in KINDS.values() if not kind.by_default] == ["updated"]
    assert {kind.name: kind.threshold_mag for kind in KINDS.values() if kind.threshold_mag} == {
        "brightening": 0.5,
        "fading": 0.5,
    }
