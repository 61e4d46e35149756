import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.hosts import DEFAULT_CATALOGS, FACT_NAMES, hidden_by, host_facts
from ampel_watch.model import Match
from tests.hosts.samples import ANSWERS, SPECS, STAR, TNS_CLASSIFIED, TNS_REPORT, found, match, specs


def facts(*matches: Match, none: tuple[str, ...] = (), mag: float | None = None) -> dict[str, Any]:
    return host_facts(DEFAULT_CATALOGS, found(*matches, none=none), mag=mag)


def test_nothing_known_is_none_of_all() -> None:
    assert host_facts((), {}, mag=18.0) == dict.fromkeys(FACT_NAMES)
    assert host_facts(DEFAULT_CATALOGS, {}, mag=None) == dict.fromkeys(FACT_NAMES)


def test_catalogs_that_were_asked_in_vain_know_of_no_star_and_no_nucleus() -> None:
    known = facts(none=tuple(SPECS))
    assert known == dict.fromkeys(FACT_NAMES) | {"star": False, "agn": False}


def test_a_redshift_gives_distance_and_luminosity() -> None:
    known = facts(match("NEDz", 3.2, z=0.031), mag=18.42)
    assert (known["z"], known["z_source"], known["z_kind"]) == (0.031, "NEDz", "spectroscopic")
    assert known["abs_mag"] == pytest.approx(18.42 - known["dist_mod_mag"], abs=1e-4)
    assert known["dist_mod_mag"] == pytest.approx(5 * math.log10(known["dist_mpc"] * 1e5), abs=1e-3)
    assert known["host_offset_arcsec"] == 3.2
    # 0.642 kpc per arcsecond at z = 0.031
    assert known["host_offset_kpc"] == pytest.approx(3.2 * 0.642, rel=0.01)


def test_without_a_magnitude_there_is_a_distance_but_no_luminosity() -> None:
    known = facts(match("NEDz", z=0.031))
    assert known["dist_mpc"] is not None
    assert known["abs_mag"] is None


@pytest.mark.parametrize("value", [-999, -999.0, "-999.0", -1, 0, 0.0, -0.003, None, math.nan, math.inf, "", "x", True])
@pytest.mark.parametrize(("catalog", "column"), [("NEDz", "z"), ("wiseScosPhotoz", "zPhoto_Corr"), ("TNS", "redshift")])
def test_sentinels_are_no_redshift(catalog: str, column: str, value: Any) -> None:
    known = facts(match(catalog, **{column: value}))
    assert known["z"] is None
    assert known["dist_mpc"] is None


def test_a_spectrum_goes_before_a_photometric_redshift_however_near() -> None:
    known = facts(match("LSPhotoZZou", 0.2, photoz=0.04, specz=-999.0), match("SDSS_spec", 9.0, z=0.051))
    assert (known["z"], known["z_source"], known["z_kind"]) == (0.051, "SDSS_spec", "spectroscopic")


def test_the_spectrum_of_the_object_goes_before_that_of_its_host_which_has_the_offset() -> None:
    known = facts(match("TNS", 0.3, **TNS_CLASSIFIED), match("SDSS_spec", 1.0, z=0.0309))
    assert (known["z"], known["z_source"]) == (0.031, "TNS")
    assert (known["host_source"], known["host_offset_arcsec"]) == ("SDSS_spec", 1.0)
    assert known["host_offset_kpc"] == pytest.approx(0.642, rel=0.01)


def test_a_galaxy_at_another_distance_is_not_the_host_of_a_classified_object() -> None:
    known = facts(match("TNS", 0.3, **TNS_CLASSIFIED), match("SDSS_spec", 1.0, z=0.31))
    assert (known["z"], known["z_source"]) == (0.031, "TNS")
    assert (known["host_source"], known["host_offset_arcsec"], known["host_offset_kpc"]) == (None, None, None)


def test_a_catalog_that_failed_hides_the_host_of_a_classified_object() -> None:
    known = facts(match("TNS", 0.3, **TNS_CLASSIFIED))
    assert hidden_by(DEFAULT_CATALOGS, ["NEDz"], known) == {"host_source", "host_offset_arcsec", "host_offset_kpc"}


def test_the_host_that_a_report_names_has_no_offset_either() -> None:
    known = facts(match("TNS", 0.3, **TNS_REPORT | {"host_redshift": 0.02}))
    assert (known["z"], known["z_source"], known["host_offset_arcsec"]) == (0.02, "TNS", None)


def test_of_one_galaxy_the_best_catalog_counts_and_of_two_galaxies_the_nearer() -> None:
    near, best = match("NEDz", 2.0, z=0.02), match("SDSS_spec", 3.0, z=0.0201)
    assert facts(near, best)["z_source"] == "SDSS_spec"
    assert facts(near, match("SDSS_spec", 6.0, z=0.3))["z_source"] == "NEDz"


def test_a_catalog_with_both_kinds_gives_its_spectrum() -> None:
    known = facts(match("twoMPZ", zPhoto=0.06, zSpec=0.0512))
    assert (known["z"], known["z_kind"]) == (0.0512, "spectroscopic")
    known = facts(match("twoMPZ", zPhoto=0.06, zSpec=-999))
    assert (known["z"], known["z_kind"], known["z_err"]) == (0.06, "photometric", pytest.approx(0.015 * 1.06))


def test_pan_starrs_counts_in_thousandths() -> None:
    known = facts(match("PS1_photoz", z_phot="81", z_photErr="250"))
    assert (known["z"], known["z_err"]) == (pytest.approx(0.081), pytest.approx(0.025))


@pytest.mark.parametrize(("kind", "z_kind"), [("Q", "spectroscopic"), ("ARX", "spectroscopic"), ("qR", "photometric")])
def test_quasar_candidates_have_photometric_redshifts(kind: str, z_kind: str) -> None:
    known = facts(match("milliquas", redshift=0.7, broad_type=kind))
    assert (known["z_kind"], known["agn"]) == (z_kind, True)


def test_an_error_that_is_none_is_replaced_by_a_typical_one() -> None:
    typical = pytest.approx(0.03 * 1.1)
    for error in (None, -999, 0, 5.0, math.nan):
        assert facts(match("LSPhotoZZou", photoz=0.1, e_photoz=error))["z_err"] == typical
    assert facts(match("LSPhotoZZou", photoz=0.1, e_photoz=0.02))["z_err"] == 0.02


def test_stars_with_spectra_are_not_very_near_galaxies() -> None:
    assert facts(match("SDSS_spec", z=0.0004))["z"] is None


@pytest.mark.parametrize(
    ("row", "star"),
    [
        (STAR, True),
        (STAR | {"Plx": 0.2}, False),  # 4 σ
        (STAR | {"Plx": None}, False),
        (STAR | {"Plx": 0.0, "PMDec": -12.0, "ErrPMDec": 0.2}, True),
        (STAR | {"ErrPlx": 0.0}, False),
        ({}, False),
    ],
)
def test_parallax_or_proper_motion_beyond_five_sigma_is_a_star(row: dict[str, Any], star: bool) -> None:
    assert facts(match("GAIADR2", 0.4, **row))["star"] is star


def test_a_star_farther_away_is_not_at_the_position() -> None:
    assert facts(match("GAIADR2", 2.1, **STAR))["star"] is False
    assert facts(match("CRTS_DR1", 2.5, name="x"))["star"] is False


def test_variable_stars_are_stars_and_other_variables_are_not() -> None:
    assert facts(match("CRTS_DR1", name="CRTS J1"))["star"] is True
    assert facts(match("AAVSOVSX", TYPE="SDOR"))["star"] is True
    quasar = facts(match("AAVSOVSX", TYPE="QSO"))
    assert (quasar["star"], quasar["agn"]) == (False, True)
    assert facts(match("AAVSOVSX", TYPE="SN II"))["star"] is False


def test_what_is_point_like_is_a_star_only_if_it_is_nothing_else() -> None:
    point = match("SDSSDR10", 0.5, type=6)
    assert facts(point, none=("milliquas",))["star"] is True
    assert facts(point)["star"] is False  # nobody was asked for quasars
    assert facts(point, match("milliquas", broad_type="Q", redshift=1.2))["star"] is False
    assert facts(point, match("NEDz", z=0.5), none=("milliquas",))["star"] is False
    assert facts(match("SDSSDR10", 0.5, type=3), none=("milliquas",))["star"] is False


@pytest.mark.parametrize(("dist_arcsec", "bptclass", "agn"), [(0.5, 4.0, True), (3.0, 4.0, False), (0.5, 5.0, False)])
def test_a_nucleus_is_active_by_its_spectrum(dist_arcsec: float, bptclass: float, agn: bool) -> None:
    assert facts(match("SDSS_spec", dist_arcsec, z=0.05, bptclass=bptclass))["agn"] is agn


@pytest.mark.parametrize(
    ("row", "name", "kind"),
    [
        (TNS_REPORT, "AT 2021abc", None),
        (TNS_CLASSIFIED, "SN 2021abc", "SN Ia"),
        (TNS_REPORT | {"type": "CV"}, "AT 2021abc", "CV"),
        ({"objname": "2021abc"}, "AT 2021abc", None),
        ({"name": "SN2021abc", "name_prefix": "SN", "object_type": {"name": "SN II"}}, "SN 2021abc", "SN II"),
        ({"objname": "2021abc", "object_type": None, "type": "null"}, "AT 2021abc", None),
        ({"objname": None, "type": "SN Ia"}, None, None),
        ({}, None, None),
    ],
)
def test_name_and_type_are_as_the_tns_has_them(row: dict[str, Any], name: str | None, kind: str | None) -> None:
    known = facts(match("TNS", 0.3, **row))
    assert (known["tns_name"], known["tns_type"]) == (name, kind)


def test_rows_beyond_the_radius_do_not_count() -> None:
    assert facts(match("TNS", 3.1, **TNS_CLASSIFIED))["tns_name"] is None
    assert facts(match("NEDz", 10.1, z=0.1))["z"] is None


@given(answers=ANSWERS, mag=st.none() | st.floats(10, 23))
def test_whatever_the_rows_hold_the_facts_are_sound(answers: dict[str, Match | None], mag: float | None) -> None:
    known = host_facts(DEFAULT_CATALOGS, answers, mag=mag)
    assert tuple(known) == FACT_NAMES
    numbers = [value for value in known.values() if isinstance(value, float)]
    assert all(map(math.isfinite, numbers))
    if known["z"] is None:
        assert known["dist_mpc"] is known["abs_mag"] is known["z_source"] is None
    else:
        assert 0 < known["z"] <= 10
        assert known["z_err"] > 0
        assert known["dist_mpc"] > 0
        assert answers[known["z_source"]] is not None
    assert known["star"] in (True, False, None)
    assert known["agn"] in (True, False, None)


@given(answers=ANSWERS, order=st.permutations(DEFAULT_CATALOGS))
def test_the_order_of_the_catalogs_does_not_matter(answers: dict[str, Match | None], order: list[Any]) -> None:
    assert host_facts(order, answers, mag=18.0) == host_facts(DEFAULT_CATALOGS, answers, mag=18.0)


HIDDEN_REDSHIFT = {
    "z", "z_err", "z_source", "z_kind", "dist_mpc", "dist_mod_mag", "abs_mag", "host_source",
    "host_offset_arcsec", "host_offset_kpc",
}  # fmt: skip


@pytest.mark.parametrize(
    ("faulty", "matches", "hidden"),
    [
        ("NEDz", (), HIDDEN_REDSHIFT),
        ("NEDz", (match("SDSS_spec", z=0.03),), set()),
        ("NEDz", (match("LSPhotoZZou", photoz=0.03),), HIDDEN_REDSHIFT),
        ("wiseScosPhotoz", (match("LSPhotoZZou", photoz=0.03),), set()),
        ("GAIADR2", (), {"star"}),
        ("GAIADR2", (match("CRTS_DR1", name="x"),), set()),
        ("TNS", (), {"tns_name", "tns_type", *HIDDEN_REDSHIFT}),
        ("TNS", (match("NEDz", z=0.03),), {"tns_name", "tns_type"}),
        ("milliquas", (match("NEDz", z=0.03),), {"agn", "star"}),
        ("milliquas", (match("NEDz", z=0.03), match("SDSS_spec", bptclass=4)), {"star"}),
    ],
)
def test_a_faulty_catalog_hides_only_what_it_could_have_changed(
    faulty: str, matches: tuple[Match, ...], hidden: set[str]
) -> None:
    answers = found(*matches, none=tuple(name for name in SPECS if name != faulty))
    known = host_facts(DEFAULT_CATALOGS, answers, mag=18.0)
    assert hidden_by(DEFAULT_CATALOGS, {faulty}, known) == hidden


def test_without_faults_nothing_is_hidden() -> None:
    assert hidden_by(DEFAULT_CATALOGS, (), facts()) == frozenset()
    assert hidden_by(specs("NEDz"), {"elsewhere"}, facts()) == frozenset()


@given(answers=ANSWERS, missing=st.sampled_from(sorted(SPECS)))
def test_what_is_not_hidden_would_not_have_been_otherwise(answers: dict[str, Match | None], missing: str) -> None:
    """Leaving a catalog out changes only what it is said to hide; of equally good redshifts another may be taken."""
    whole = dict.fromkeys(SPECS) | answers
    part = {name: answer for name, answer in whole.items() if name != missing}
    without = host_facts(DEFAULT_CATALOGS, part, mag=18.0)
    hidden = hidden_by(DEFAULT_CATALOGS, {missing}, without)
    with_it = host_facts(DEFAULT_CATALOGS, whole, mag=18.0)
    kept = {"star", "agn", "tns_name", "tns_type"} - hidden
    if with_it["z_kind"] != without["z_kind"]:
        assert "z" in hidden
        kept -= {"star"}  # what is point-like is judged by the redshift as well
    assert {name: with_it[name] for name in kept} == {name: without[name] for name in kept}
