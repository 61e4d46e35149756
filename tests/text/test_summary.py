"""The one sentence that stands alone on a phone."""

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.diff import KINDS
from ampel_watch.model import Change, StockKey
from ampel_watch.testing import SAMPLE_TIME, sample_event, sample_events
from ampel_watch.text import summarize

EMPTY = re.compile(r"\b(nan|none|null|inf|infinity)\b|\(\)|· *·|· *$|, *·|, *$|  ", re.IGNORECASE)


def sample_change(kind: str) -> Change:
    event = sample_event(kind)
    channel = event.after.get("channel")
    return Change(StockKey("ztf", 1), event.stock.name, kind, 1, event.before, event.after, SAMPLE_TIME, channel)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("channel_match", "ZTF21aaqhhfu entered WEIZMANN_INFANTSN · already in HU_TDE_RANKING"),
        ("channel_left", "ZTF21aaqhhfu left HU_TDE_RANKING · still in WEIZMANN_INFANTSN"),
        ("updated", "ZTF21aaqhhfu has 3 new journal entries · record of 2026-11-22 21:01 UTC"),
        ("vanished", "ZTF21aaqhhfu is gone: the live service no longer knows it"),
    ],
)
def test_what_the_live_record_shows_reads_alone(kind: str, sentence: str) -> None:
    assert summarize(sample_change(kind)) == sentence


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


SENTENCES = {
    "channel_match": (
        "ZTF21aaqhhfu entered WEIZMANN_INFANTSN · already in HU_TDE_RANKING · "
        "r 18.42 ± 0.05, rising 0.31 mag/d, 2.1 d old · z 0.031 (NEDz 3.2″), M_r −17.3"
    ),
    "channel_left": (
        "ZTF21aaqhhfu (SN 2021abc, SN Ia) left HU_TDE_RANKING · still in WEIZMANN_INFANTSN · "
        "r 18.91 ± 0.06, fading 0.06 mag/d, 34.6 d old · z 0.031 (NEDz 3.2″), M_r −16.8"
    ),
    "updated": (
        "ZTF21aaqhhfu has 3 new journal entries · record of 2026-11-22 21:01 UTC · "
        "r 18.42 ± 0.05, rising 0.31 mag/d, 2.1 d old · z 0.031 (NEDz 3.2″), M_r −17.3"
    ),
    "detection": (
        "ZTF21aaqhhfu detected again: r 18.42 ± 0.05 (2 new) · rising 0.31 mag/d, 2.1 d old · "
        "z 0.031 (NEDz 3.2″), M_r −17.3"
    ),
    "brightening": (
        "ZTF21aaqhhfu brightened 0.62 mag in r to 17.80 ± 0.03 · 5.1 d old · z 0.031 (NEDz 3.2″), M_r −17.9"
    ),
    "fading": (
        "ZTF21aaqhhfu (SN 2021abc, SN Ia) faded 1.53 mag in r to 18.91 ± 0.06 · 34.6 d old · "
        "z 0.031 (NEDz 3.2″), M_r −16.8"
    ),
    "crossmatch": (
        "ZTF21aaqhhfu now has z 0.031 (NEDz 3.2″) · M_r −17.3 · r 18.42 ± 0.05, rising 0.31 mag/d, 2.1 d old"
    ),
    "classification": (
        "ZTF21aaqhhfu classified SN Ia (SN 2021abc) · r 17.80 ± 0.03, rising 0.12 mag/d, 5.1 d old · "
        "z 0.031 (NEDz 3.2″), M_r −17.9"
    ),
    "cone_match": (
        "ZTF21aaqhhfu appeared 3.2″ from NGC 4517A core · "
        "r 18.42 ± 0.05, rising 0.31 mag/d, 2.1 d old · z 0.031 (NEDz 3.2″), M_r −17.3"
    ),
    "vanished": (
        "ZTF21aaqhhfu is gone: the live service no longer knows it · r 18.42 ± 0.05, rising 0.31 mag/d, 2.1 d old"
    ),
}


@pytest.mark.parametrize(("kind", "sentence"), SENTENCES.items())
def test_the_change_comes_first_and_then_what_is_known(kind: str, sentence: str) -> None:
    assert sample_event(kind).summary == sentence


def test_there_is_a_sentence_for_every_kind() -> None:
    assert {event.kind for event in sample_events()} == set(KINDS)
    assert not [kind for kind in KINDS if "changed (" in summarize(change(kind))]


@pytest.mark.parametrize("event", sample_events(), ids=lambda event: event.kind)
def test_a_phone_shows_it_whole(event: Any) -> None:
    assert len(event.summary) <= 180


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (change("detection", after={"mag": 18.42, "band": "r"}), "detected: r 18.42"),
        (change("detection", before={"mag": 18}, after={"detections": 1}), "detected again"),
        (change("brightening"), "brightened"),
        (change("fading", after={"delta_mag": 0.5, "band": "g"}), "faded 0.50 mag in g"),
        (change("crossmatch"), "has new catalog matches"),
        (change("crossmatch", before={"z": 0.03}), "has no redshift now, before z 0.030"),
        (
            change("crossmatch", before={"z": 0.03}, after={"z": 0.0312, "z_source": "SDSS_spec", "z_changed": True}),
            "now has z 0.031 (SDSS_spec), before z 0.030",
        ),
        (
            change(
                "crossmatch",
                before={"z": 0.03},
                after={"z": 0.03, "z_changed": False, "appeared": ["milliquas"], "gone": ["NEDz"], "replaced": []},
            ),
            "matched milliquas, has no match now in NEDz",
        ),
        (change("crossmatch", after={"replaced": ["A", "B", "C", "D"]}), "has another match in A, B, C …"),
        (
            change("crossmatch", after={"z": 0.1, "z_source": "NEDz", "appeared": ["NEDz", "GAIADR2"]}),
            "now has z 0.100 (NEDz), matched GAIADR2",
        ),
        (change("classification"), "has a new classification"),
        (change("classification", after={"tns_name": "AT 2021abc"}), "is AT 2021abc in the TNS"),
        (change("classification", after={"tns_type": "SN Ia"}), "classified SN Ia"),
        (
            change(
                "classification", before={"tns_type": "SN Ib"}, after={"tns_type": "SN Ia", "tns_name": "SN 2021abc"}
            ),
            "classified SN Ia, before SN Ib (SN 2021abc)",
        ),
        (
            change("classification", after={"classes": {"T2SNcosmo": "SN Ia", "T2Other": None}}),
            "classified SN Ia by T2SNcosmo",
        ),
        (change("cone_match"), "appeared near a watched position"),
        (
            change("cone_match", after={"cone": {"ra_deg": 10.68, "dec_deg": 41.27}, "dist_arcsec": 2.31}),
            "appeared 2.3″ from 10.68000 +41.27000",
        ),
    ],
)
def test_summaries_of_what_archive_and_catalogs_show(told: Change, sentence: str) -> None:
    assert summarize(told) == f"ZTF17aaaaaab {sentence}"


@pytest.mark.parametrize(
    ("values", "known"),
    [
        ({}, ""),
        ({"mag": 18.42, "mag_err": 0.05, "band": "r"}, " · r 18.42 ± 0.05"),
        ({"age_d": 0.2}, " · 4.8 h old"),
        ({"age_d": -0.1}, ""),
        ({"z": 0.031}, " · z 0.031"),
        ({"z": 0.031, "z_source": "NED"}, " · z 0.031 (NED)"),
        ({"abs_mag": -17.94, "band": "r"}, " · M_r −17.9"),
        ({"star": True}, " · star"),
        ({"star": False, "agn": True}, " · AGN"),
        ({"star": "yes", "agn": 1}, ""),
        ({"ssdist_arcsec": 2.34, "ssname": "3122"}, " · 2.3″ from 3122"),
        ({"ssdist_arcsec": 2.34}, " · 2.3″ from a solar-system object"),
        ({"ssdist_arcsec": 25.0, "ssname": "3122"}, ""),
    ],
)
def test_only_what_is_known_is_told(values: dict[str, Any], known: str) -> None:
    assert summarize(change("channel_left"), values) == f"ZTF17aaaaaab left C · in no channel now{known}"


def test_the_name_in_the_tns_stands_beside_the_own() -> None:
    values = {"tns_name": "SN 2021abc", "tns_type": None}
    assert summarize(change("fading"), values) == "ZTF17aaaaaab (SN 2021abc) faded"
    assert summarize(change("fading"), {"tns_type": "SN Ia"}) == "ZTF17aaaaaab faded"
    classified = change("classification", after={"classes": {"T2": "SN Ia"}, "tns_name": "SN 2021abc"}, before=values)
    assert summarize(classified, values) == "ZTF17aaaaaab (SN 2021abc) classified SN Ia by T2"


def test_the_offset_is_told_with_the_catalog_that_it_is_from() -> None:
    told = change("crossmatch", after={"z": 0.1, "z_source": "NEDz"})
    assert "(NEDz 3.2″)" in summarize(told, {"z_source": "NEDz", "host_offset_arcsec": 3.2})
    assert "(NEDz)" in summarize(told, {"z_source": "SDSS_spec", "host_offset_arcsec": 3.2})


def test_what_does_not_fit_is_left_out_whole() -> None:
    told = change("channel_match", channel="C" * 130)
    values = {"mag": 18.42, "band": "r", "z": 0.031, "z_source": "a catalog with a long name", "star": True}
    assert summarize(told, values) == f"ZTF17aaaaaab entered {'C' * 130} · r 18.42 · star"


NAMES = sorted({*sample_event().features, "tns_name", "tns_type", "star", "agn"})
TEXTS = st.one_of(
    st.sampled_from(["nan", "None", "inf", "NULL", "", "SN Ia", "r", "a\nb\x00\x1b[31m", "\u202eevil"]),
    st.text("abc xyz\n\t\x00\x07\u2028\u202e0159.-+·", max_size=60),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(),
    st.just(10**400),
    st.floats(-30, 30),
    TEXTS,
    st.lists(st.none(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)
DOCUMENT_NAMES = (
    *("mag", "mag_err", "band", "jd", "delta_mag", "detections", "z", "z_err", "z_source", "z_kind", "z_changed"),
    *("appeared", "gone", "replaced", "tns_name", "tns_type", "classes", "cone", "dist_arcsec", "host_offset_arcsec"),
    *("channels", "updated", "new_journal_entries"),
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(DOCUMENT_NAMES),
    st.one_of(VALUES, st.lists(TEXTS, max_size=5), st.dictionaries(TEXTS, VALUES, max_size=3)),
)


@given(st.sampled_from(sorted(KINDS)), DOCUMENTS, DOCUMENTS, st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_nothing_that_is_not_known_is_ever_printed(
    kind: str, before: dict[str, Any], after: dict[str, Any], values: dict[str, Any]
) -> None:
    text = summarize(change(kind, before=before, after=after), values)
    assert text.startswith("ZTF17aaaaaab ")
    assert not {unicodedata.category(character) for character in text} & {"Cc", "Cf", "Zl", "Zp"}
    assert not re.search(r"\b(nan|none|null|inf|infinity)\b", text, re.IGNORECASE)
    assert len(text) <= 500


@given(
    st.sampled_from(sorted(KINDS)), st.dictionaries(st.sampled_from(NAMES), st.one_of(st.none(), st.floats(-30, 30)))
)
def test_no_part_is_empty(kind: str, values: dict[str, Any]) -> None:
    assert not EMPTY.search(summarize(sample_change(kind), values))


def test_the_luminosity_of_a_jump_is_that_of_its_own_point() -> None:
    event = sample_event("brightening")
    change = Change(StockKey("ztf", 1), event.stock.name, "brightening", 1, event.before, event.after, event.time)
    values = {**event.features, "band": "g", "mag": 18.6, "abs_mag": -17.14, "dist_mod_mag": 35.74}
    assert summarize(change, values).endswith("M_r −17.9")
