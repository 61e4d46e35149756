from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.diff import Difference
from ampel_watch.hosts import DEFAULT_CATALOGS, compare_matches
from ampel_watch.model import Match
from tests.hosts.samples import ANSWERS, SPECS, TNS_CLASSIFIED, TNS_REPORT, found, match

ALL = tuple(SPECS)
HERE = {"ra": 150.0, "dec": 20.0}
HOST = match("NEDz_extcats", 3.0, z=0.031, **HERE)
REPORT, CLASSIFIED = match("TNS", 0.3, **TNS_REPORT), match("TNS", 0.3, **TNS_CLASSIFIED)


def compare(before: tuple[Match, ...], after: tuple[Match, ...], **classes: Any) -> tuple[Difference, ...]:
    return compare_matches(found(*before, none=ALL), found(*after, none=ALL), DEFAULT_CATALOGS, **classes)


def kinds(before: tuple[Match, ...], after: tuple[Match, ...]) -> list[str]:
    return [difference.kind for difference in compare(before, after)]


def test_a_match_that_appears_is_a_crossmatch_with_its_redshift() -> None:
    (change,) = compare((), (HOST,))
    assert change.kind == "crossmatch"
    assert change.before == {"catalogs": [], "z": None, "z_err": None, "z_source": None, "z_kind": None}
    assert change.after["catalogs"] == ["NEDz_extcats"]
    assert (change.after["z"], change.after["z_source"], change.after["z_kind"]) == (
        0.031,
        "NEDz_extcats",
        "spectroscopic",
    )
    assert (change.after["appeared"], change.after["gone"], change.after["replaced"]) == (["NEDz_extcats"], [], [])
    assert change.after["z_changed"] is True


def test_a_match_that_goes_is_a_crossmatch() -> None:
    (change,) = compare((HOST,), ())
    assert (change.kind, change.after["gone"], change.after["z"]) == ("crossmatch", ["NEDz_extcats"], None)


def test_another_row_is_a_crossmatch() -> None:
    other = match("milliquas", 0.5, name="Q2", broad_type="Q", **HERE)
    (change,) = compare((match("milliquas", 2.5, name="Q1", broad_type="Q", ra=150.0007, dec=20.0),), (other,))
    assert (change.kind, change.after["replaced"], change.after["z_changed"]) == ("crossmatch", ["milliquas"], False)


def test_several_changes_are_one_crossmatch() -> None:
    after = (HOST, match("milliquas", broad_type="Q", redshift=0.031), match("GAIADR2", Plx=1.0, ErrPlx=0.1))
    (change,) = compare((), after)
    assert change.after["appeared"] == ["NEDz_extcats", "milliquas", "GAIADR2"]


def test_a_report_to_the_tns_is_a_match_and_a_classification() -> None:
    crossmatch, classification = compare((), (REPORT,))
    assert (crossmatch.kind, crossmatch.after["appeared"]) == ("crossmatch", ["TNS"])
    assert classification == Difference(
        "classification",
        {"tns_name": None, "tns_type": None, "classes": {}},
        {"tns_name": "AT 2021abc", "tns_type": None, "classes": {}},
    )


def test_a_classification_comes_with_the_redshift_that_it_brings() -> None:
    photometric = match("GLADEv23", 3.0, z=0.045, **HERE)
    crossmatch, classification = compare((REPORT, photometric), (CLASSIFIED, photometric))
    assert (crossmatch.after["z_source"], crossmatch.after["replaced"]) == ("TNS", [])
    assert crossmatch.before["z_source"] == "GLADEv23"
    assert classification.before == {"tns_name": "AT 2021abc", "tns_type": None, "classes": {}}
    assert classification.after == {"tns_name": "SN 2021abc", "tns_type": "SN Ia", "classes": {}}


def test_a_redshift_of_the_object_that_is_that_of_its_host_is_no_news() -> None:
    assert kinds((REPORT, HOST), (CLASSIFIED, HOST)) == ["classification"]


@pytest.mark.parametrize("row", [TNS_CLASSIFIED | {"redshift": None}, TNS_CLASSIFIED | {"redshift": 0.0312}])
def test_a_classification_without_news_of_the_redshift_is_one_change(row: dict[str, Any]) -> None:
    before = match("TNS", 0.3, **TNS_CLASSIFIED | {"redshift": row["redshift"], "type": None, "object_type": None})
    assert kinds((before,), (match("TNS", 0.3, **row),)) == ["classification"]


def test_a_classification_that_is_withdrawn_is_none() -> None:
    assert kinds((CLASSIFIED,), ()) == ["crossmatch"]


@pytest.mark.parametrize(
    ("was", "now", "changed"),
    [
        ({"photoz": 0.1, "e_photoz": 0.02}, {"photoz": 0.13, "e_photoz": 0.02}, False),
        ({"photoz": 0.1, "e_photoz": 0.02}, {"photoz": 0.2, "e_photoz": 0.02}, True),
        ({"photoz": 0.1, "e_photoz": 0.02, "specz": -999}, {"photoz": 0.1, "e_photoz": 0.02, "specz": 0.101}, True),
        ({"photoz": None}, {"photoz": 0.1}, True),
        ({"photoz": 0.1}, {"photoz": -999.0}, True),
    ],
)
def test_a_redshift_changes_beyond_its_error_or_by_a_spectrum(
    was: dict[str, Any], now: dict[str, Any], changed: bool
) -> None:
    rows = [match("LSPhotoZZou", 1.0, **HERE, **row) for row in (was, now)]
    assert kinds((rows[0],), (rows[1],)) == ["crossmatch"] * changed


@pytest.mark.parametrize("missing", ["before", "after", "both"])
def test_a_catalog_that_did_not_answer_both_times_tells_nothing(missing: str) -> None:
    answered = found(HOST, REPORT, none=ALL)
    nothing: dict[str, Match | None] = dict.fromkeys(ALL)
    before, after = (nothing, answered) if missing == "before" else (answered, nothing)
    for name in ("NEDz_extcats", "TNS"):
        if missing in ("before", "both"):
            before = {other: row for other, row in before.items() if other != name}
        if missing in ("after", "both"):
            after = {other: row for other, row in after.items() if other != name}
    assert compare_matches(before, after, DEFAULT_CATALOGS) == ()


def test_a_better_catalog_that_fails_changes_no_redshift() -> None:
    before = found(match("SDSS_spec", 1.0, z=0.05, **HERE), match("twoMPZ", 1.0, zPhoto=0.09, **HERE))
    after = {"twoMPZ": before["twoMPZ"]}
    assert compare_matches(before, after, DEFAULT_CATALOGS) == ()


def test_catalogs_that_are_not_configured_any_more_tell_nothing() -> None:
    assert compare_matches(found(HOST), found(none=("NEDz_extcats",)), ()) == ()


@given(
    offset_arcsec=st.floats(-0.15, 0.15),
    shift_deg=st.floats(-1e-5, 1e-5),
    dist_arcsec=st.floats(0.2, 9.7),
)
def test_noise_in_positions_is_no_news(offset_arcsec: float, shift_deg: float, dist_arcsec: float) -> None:
    before = match("NEDz_extcats", dist_arcsec, z=0.03, **HERE)
    after = match("NEDz_extcats", dist_arcsec + offset_arcsec, z=0.03, ra=150.0 + shift_deg, dec=20.0 - shift_deg)
    assert compare((before,), (after,)) == ()


def test_a_row_that_comes_just_inside_of_the_radius_is_no_news() -> None:
    edge = match("NEDz_extcats", 9.9, z=0.03, **HERE)
    assert compare((), (edge,)) == ()
    assert compare((edge,), ()) == ()


def test_of_two_rows_equally_near_either_may_be_the_nearest() -> None:
    one = match("NEDz_extcats", 3.05, z=0.03, **HERE)
    other = match("NEDz_extcats", 3.0, z=0.3, ra=150.001, dec=20.001)
    assert compare((one,), (other,)) == ()


def test_a_report_at_the_edge_is_not_missed() -> None:
    assert "classification" in kinds((), (match("TNS", 2.95, **TNS_REPORT),))


def test_rows_across_the_zero_of_right_ascension_are_the_same() -> None:
    before = match("NEDz", 1.0, z=0.03, RA=359.99999, Dec=-5.0)
    assert compare((before,), (match("NEDz", 1.5, z=0.03, RA=0.00001, Dec=-5.0),)) == ()


@pytest.mark.parametrize(
    ("was", "now", "changed"),
    [
        ({}, {"T2X": "SN Ia"}, {"T2X": "SN Ia"}),
        ({"T2X": "SN Ia"}, {"T2X": "SN II"}, {"T2X": "SN II"}),
        ({"T2X": "SN Ia"}, {"T2X": "SN Ia"}, None),
        ({"T2X": "SN Ia"}, {}, None),
        ({"T2X": "SN Ia"}, {"T2X": ""}, None),
        ({"T2X": "SN Ia"}, {"T2X": "SN Ia", "T2Y": "TDE"}, {"T2Y": "TDE"}),
    ],
)
def test_classes_of_ampel_are_classifications(
    was: dict[str, str], now: dict[str, str], changed: dict[str, str] | None
) -> None:
    differences = compare((), (), classes_before=was, classes_after=now)
    if changed is None:
        assert differences == ()
    else:
        (change,) = differences
        assert (change.kind, change.after["classes"]) == ("classification", changed)
        assert change.before["classes"] == {unit: was.get(unit) for unit in changed}


@given(answers=ANSWERS)
def test_the_same_answer_is_no_change(answers: dict[str, Match | None]) -> None:
    assert compare_matches(answers, answers, DEFAULT_CATALOGS) == ()


@given(before=ANSWERS, after=ANSWERS)
def test_there_is_at_most_one_change_of_each_kind(
    before: dict[str, Match | None], after: dict[str, Match | None]
) -> None:
    differences = compare_matches(before, after, DEFAULT_CATALOGS)
    found_kinds = [difference.kind for difference in differences]
    assert found_kinds == [kind for kind in ("crossmatch", "classification") if kind in found_kinds]


def test_a_smaller_radius_takes_no_match_away() -> None:
    small = [replace(spec, radius_arcsec=1.0) for spec in DEFAULT_CATALOGS]
    assert compare_matches(found(HOST), found(none=("NEDz_extcats",)), small) == ()
