"""An event laid out: title, rows, links and notes."""

import unicodedata
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ampel_watch.testing import hostile_events, sample_event, sample_events
from ampel_watch.text import facts, lateness, plain_text

BERLIN = ZoneInfo("Europe/Berlin")


def rows_of(kind: str = "channel_match", **changes: Any) -> dict[str, str]:
    return dict(facts(sample_event(kind, **changes), 0.0, UTC).rows)


def test_the_rows_come_in_the_order_of_interest() -> None:
    told = facts(sample_event(features={}, catalogs={}), 0.0, BERLIN)
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
    text = plain_text(sample_event(features={}, catalogs={}, missing=("the light curve",)), 0.0, UTC)
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


def test_what_is_known_comes_between_why_and_where() -> None:
    assert facts(sample_event(), 0.0, BERLIN).rows == (
        ("Why", "watch infant-sne · channel match"),
        ("Entered", "2026-11-22 22:01 CET"),
        ("Found", "2026-11-22 22:04 CET"),
        ("Light curve", "g 18.31 ± 0.06, r 18.42 ± 0.05 · g − r = −0.12 ± 0.08"),
        ("Trend", "rising 0.31 ± 0.04 mag/d in r · peak g 18.31 ± 0.06, 56 min before the newest point"),
        ("History", "first seen 2.1 d ago · last limit g > 20.61, 2.0 d before · 5 detections (2 g, 3 r) · drb 0.98"),
        ("Host", "z 0.031 (NEDz) · 141 Mpc · M_r −17.3 · offset 3.2″ = 2.0 kpc"),
        ("Nature", "PS1 source at 2.9″, galaxy-like (0.04)"),
        ("Matches", "NEDz 3.2″"),
        ("Channels", "HU_TDE_RANKING, WEIZMANN_INFANTSN"),
        ("Position", "12:34:57.50 -02:18:36.7 (188.73958 -2.31019) · b +60.3°"),
    )


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("brightening", "r 18.42 ± 0.05 → 17.80 ± 0.03 in 3.0 d (11.4 σ)"),
        ("fading", "r 17.38 ± 0.03 → 18.91 ± 0.06 in 21.0 d (24.7 σ)"),
        ("crossmatch", "no redshift → z 0.031 · appeared: NEDz"),
    ],
)
def test_before_and_after_are_told_where_the_title_has_no_room(kind: str, row: str) -> None:
    assert rows_of(kind)["Change"] == row


def test_a_jump_or_a_detection_says_when_it_was_observed() -> None:
    assert rows_of("detection")["Observed"] == "2026-11-22 20:24 UTC"
    assert rows_of("brightening")["Observed"] == "2026-11-22 20:24 UTC"
    assert "Observed" not in rows_of("vanished")


def test_a_decline_is_told_from_the_peak_on() -> None:
    assert rows_of("fading")["Trend"] == (
        "fading 0.06 ± 0.01 mag/d in r · peak r 17.38 ± 0.03, 21.0 d before the newest point, "
        "fading 0.055 ± 0.003 mag/d since then"
    )
    newest = {"peak_mag": 17.0, "peak_jd": 2461367.3502, "jd": 2461367.3502, "decline_rate_mag_d": 0.1}
    assert rows_of(features=newest)["Trend"] == "peak 17.00, the newest point"


def test_names_and_types_have_rows_of_their_own() -> None:
    assert rows_of("fading")["TNS"] == "SN 2021abc · SN Ia"
    assert rows_of(features={"star": True, "agn": True})["Nature"] == "star · active galactic nucleus"
    near = {"ssdist_arcsec": 4.0, "ssname": "3122", "star_score": 0.99, "star_score_dist_arcsec": 0.3}
    assert rows_of(features=near)["Nature"] == "4.0″ from 3122 · PS1 source at 0.3″, star-like (0.99)"


def test_the_users_own_words_come_early() -> None:
    rows = rows_of(features={"label": "my TDE", "note": "ask Jo first"})
    assert list(rows)[:2] == ["Why", "Note"]
    assert rows["Note"] == "my TDE: ask Jo first"


def test_a_watched_position_is_told_with_its_note() -> None:
    rows = rows_of("cone_match", features={"label": "NGC 4517A core", "note": "wake me up"})
    assert rows["Cone"] == "NGC 4517A core at 188.74042 -2.30988 · 3.2″ from its centre · radius 30″"
    assert rows["Note"] == "wake me up"
    bare = {"cone": {"ra_deg": 10.0, "dec_deg": -5.0}}
    assert rows_of("cone_match", features={}, after=bare)["Cone"] == "10.00000 -5.00000"


def test_only_matches_are_listed() -> None:
    catalogs = {"NEDz": {"dist_arcsec": 3.2, "body": {}}, "TNS": None, "odd": {"dist_arcsec": None}, "milliquas": "?"}
    assert rows_of(catalogs=catalogs)["Matches"] == "NEDz 3.2″"


def test_features_without_values_give_no_rows() -> None:
    empty = dict.fromkeys(sample_event().features)
    assert list(rows_of(features=empty, catalogs={})) == ["Why", "Entered", "Found", "Channels", "Position"]


@pytest.mark.parametrize("event", [*sample_events(), *hostile_events()], ids=lambda event: event.id)
def test_no_row_is_empty_or_says_that_it_knows_nothing(event: Any) -> None:
    for label, value in facts(event, 0.0, UTC).rows:
        assert value.strip() or event.id.startswith("hostile-")
        assert label in ("Why", "Channels") or value.casefold() not in ("nan", "none", "inf")


def test_absurd_values_give_no_rows() -> None:
    (absurd,) = (event for event in hostile_events() if event.id == "hostile-absurd")
    labels = {label for label, _ in facts(absurd, 0.0, UTC).rows}
    assert not labels & {"Change", "Cone", "Note", "Light curve", "Trend", "History", "TNS", "Host"}
