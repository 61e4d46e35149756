"""What an event says, in words."""

import unicodedata
from datetime import UTC, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.model import Change, StockKey
from ampel_watch.testing import SAMPLE_TIME, hostile_events, sample_event, sample_events
from ampel_watch.text import age, clean, facts, lateness, local_time, plain_text, sexagesimal, summarize

BERLIN = ZoneInfo("Europe/Berlin")
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@given(st.text(max_size=700), st.integers(1, 600))
def test_cleaned_text_is_one_line_without_control_or_direction_characters(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert not BIDI & set(cleaned)
    assert not {unicodedata.category(c) for c in cleaned} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert len(cleaned.splitlines()) <= 1
    assert clean(cleaned, limit) == cleaned


@given(st.text(st.characters(categories=["L", "N", "P", "Sm", "So", "Zs"]), max_size=200))
def test_innocent_text_is_left_as_it_is(text: str) -> None:
    assert clean(text) == text


def test_cleaned_text_says_that_it_was_cut() -> None:
    assert clean("a" * 501) == "a" * 499 + "…"
    assert clean("a" * 500) == "a" * 500


def sexagesimal_by_decimals(ra_deg: float, dec_deg: float) -> str:
    """The same by exact decimal arithmetic, one unit after another."""

    def parts(value: Decimal, places: str) -> tuple[int, int, Decimal]:
        seconds = (value * 3600).quantize(Decimal(places), ROUND_HALF_EVEN)
        return int(seconds // 3600), int(seconds % 3600 // 60), seconds % 60

    h, hm, hs = parts(Decimal(repr(ra_deg)) / 15, "0.01")
    d, dm, ds = parts(abs(Decimal(repr(dec_deg))), "0.1")
    return f"{h % 24:02d}:{hm:02d}:{hs:05.2f} {'-' if dec_deg < 0 else '+'}{d:02d}:{dm:02d}:{ds:04.1f}"


@given(st.integers(0, 360 * 1000 - 1), st.integers(-90 * 1000, 90 * 1000))
def test_sexagesimal_agrees_with_exact_arithmetic(ra_mdeg: int, dec_mdeg: int) -> None:
    ra_deg, dec_deg = ra_mdeg / 1000, dec_mdeg / 1000
    assert sexagesimal(ra_deg, dec_deg) == sexagesimal_by_decimals(ra_deg, dec_deg)


@given(st.floats(0, 360), st.floats(-90, 90))
def test_sexagesimal_reads_back_within_its_rounding(ra_deg: float, dec_deg: float) -> None:
    ra, dec = sexagesimal(ra_deg, dec_deg).split()
    h, hm, hs = map(float, ra.split(":"))
    d, dm, ds = map(float, dec.lstrip("+-").split(":"))
    assert h < 24
    assert max(hm, hs, dm, ds) < 60
    back = 15 * (h + hm / 60 + hs / 3600)
    assert min(abs(back - ra_deg), 360 - abs(back - ra_deg)) <= 15 * 0.0051 / 3600
    assert abs((d + dm / 60 + ds / 3600) - abs(dec_deg)) <= 0.051 / 3600


@pytest.mark.parametrize(
    ("ra_deg", "dec_deg", "text"),
    [
        (0.0, 0.0, "00:00:00.00 +00:00:00.0"),
        (359.9999999, -0.5, "00:00:00.00 -00:30:00.0"),
        (15.0, 89.99999, "01:00:00.00 +90:00:00.0"),
        (188.739583, -2.310194, "12:34:57.50 -02:18:36.7"),
    ],
)
def test_sexagesimal_at_the_edges(ra_deg: float, dec_deg: float, text: str) -> None:
    assert sexagesimal(ra_deg, dec_deg) == text


UNITS_S = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def seconds_of(text: str) -> int:
    words = text.split()
    return sum(int(n) * UNITS_S[unit] for n, unit in zip(words[::2], words[1::2], strict=True))


@given(st.floats(0, 1e8), st.floats(0, 1e8))
def test_a_longer_span_never_reads_shorter(one: float, other: float) -> None:
    shorter, longer = sorted((one, other))
    assert seconds_of(age(shorter)) <= seconds_of(age(longer))


@given(st.floats(0, 1e8))
def test_a_span_is_told_in_at_most_two_units_and_nearly_right(seconds: float) -> None:
    words = age(seconds).split()
    assert len(words) in (2, 4)
    assert seconds_of(age(seconds)) == pytest.approx(seconds, rel=0.05, abs=31)
    assert words[:2] not in (["60", "s"], ["60", "min"], ["24", "h"])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3599, "1 h"),
        (7500, "2 h 5 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_spans_as_people_say_them(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_local_time_names_the_zone() -> None:
    assert local_time(SAMPLE_TIME, BERLIN) == "2026-11-22 22:04 CET"
    assert local_time(SAMPLE_TIME + timedelta(days=180), BERLIN) == "2027-05-21 23:04 CEST"


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("channel_match", "ZTF21aaqhhfu entered WEIZMANN_INFANTSN · already in HU_TDE_RANKING"),
        ("channel_left", "ZTF21aaqhhfu left HU_TDE_RANKING · still in WEIZMANN_INFANTSN"),
        ("updated", "ZTF21aaqhhfu has 3 new journal entries · record of 2026-11-22 21:01 UTC"),
        ("vanished", "ZTF21aaqhhfu is gone: the live service no longer knows it"),
    ],
)
def test_the_first_line_reads_alone(kind: str, sentence: str) -> None:
    assert sample_event(kind).summary == sentence


def change(kind: str, **parts: object) -> Change:
    known = {"before": {}, "after": {}, "channel": "C"} | parts
    return Change(StockKey("ztf", 1), "ZTF17aaaaaab", kind, 1, seen_at=SAMPLE_TIME, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (change("channel_match"), "entered C"),
        (change("channel_match", before={"channels": list("DEFGH")}), "entered C · already in D, E, F …"),
        (change("channel_left"), "left C · in no channel now"),
        (change("updated"), "was updated"),
        (change("updated", after={"new_journal_entries": 1}), "has 1 new journal entry"),
        (change("updated", after={"updated": "2026-01-02T03:04:05Z"}), "was updated · record of 2026-01-02 03:04 UTC"),
        (change("updated", after={"updated": "yesterday"}), "was updated"),
        (change("a_new_kind"), "changed (a new kind)"),
    ],
)
def test_summaries_of_sparse_changes(told: Change, sentence: str) -> None:
    assert summarize(told) == f"ZTF17aaaaaab {sentence}"


def test_the_rows_come_in_the_order_of_interest() -> None:
    told = facts(sample_event(), 0.0, BERLIN)
    assert told.rows == (
        ("Why", "watch infant-sne · channel match"),
        ("Entered", "2026-11-22 22:01 CET"),
        ("Found", "2026-11-22 22:04 CET"),
        ("Channels", "HU_TDE_RANKING, WEIZMANN_INFANTSN"),
        ("Position", "12:34:57.50 -02:18:36.7 (188.73958 -2.31019)"),
    )
    assert told.links[0] == ("Fritz", "https://fritz.science/source/ZTF21aaqhhfu")
    assert told.notes == ()


def test_a_test_says_so_in_the_title_and_below() -> None:
    told = facts(sample_event(test=True), 0.0, UTC)
    assert told.title.startswith("Test: ZTF21aaqhhfu entered")
    assert told.notes == ("This is a test of the receiver, not a real change.",)


@pytest.mark.parametrize(
    ("found_late_s", "delivered_late_s", "note"),
    [
        (0, 0, None),
        (299, 299, None),
        (7500, 0, "Late: found up to 2 h 5 min late (no good look in between)."),
        (0, 600, "Late: delivered 10 min late."),
        (300, 600, "Late: found up to 5 min late (no good look in between); delivered 10 min late."),
    ],
)
def test_lateness_tells_by_how_much_and_why(found_late_s: float, delivered_late_s: float, note: str | None) -> None:
    assert lateness(sample_event(late_s=found_late_s), delivered_late_s) == note


def test_what_is_missing_is_told_but_not_without_end() -> None:
    notes = facts(sample_event(missing=tuple(f"part {n}" for n in range(25))), 0.0, UTC).notes
    assert len(notes) == 11
    assert notes[0] == "Missing: part 0"
    assert notes[-1] == "Missing: 15 more, named in the event itself."


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://",
        "https://x y",
        "https://x\n",
        "//x",
        "https://ä.example",
        "",
    ],
)
def test_only_links_to_the_web_are_kept(address: str) -> None:
    assert facts(sample_event(links={"fritz": address}), 0.0, UTC).links == ()


def test_a_page_without_a_label_goes_by_its_name() -> None:
    links = facts(sample_event(links={"my\x00page": "https://x.example/"}), 0.0, UTC).links
    assert links == (("mypage", "https://x.example/"),)


@pytest.mark.parametrize("entered", ["soon", 5, None, "2026-11-22T21:01:44", "9999"])
def test_a_time_that_is_none_gives_no_row(entered: object) -> None:
    labels = [label for label, _ in facts(sample_event(after={"entered": entered}), 0.0, UTC).rows]
    assert "Entered" not in labels


def test_plain_text_is_laid_out_in_columns() -> None:
    text = plain_text(sample_event(missing=("the light curve",)), 0.0, UTC)
    title, empty, *rest = text.splitlines()
    assert title == sample_event().summary
    assert empty == ""
    assert rest[0] == "Why:      watch infant-sne · channel match"
    assert "Missing: the light curve" in rest
    assert rest[-1].startswith("Aladin:        https://")
    assert text.endswith("\n")


@pytest.mark.parametrize("event", [*sample_events(), *hostile_events()], ids=lambda event: event.id)
def test_every_event_becomes_clean_text(event: object) -> None:
    text = plain_text(event, 1e6, BERLIN)  # type: ignore[arg-type]
    assert not {unicodedata.category(c) for c in text.replace("\n", "")} & {"Cc", "Cf"}
    assert len(text) < 12_000
