"""Every name that rules may use is documented, typed, and behaves when it is null or unknown."""

import keyword
from dataclasses import fields
from typing import Any

import pytest

from ampel_watch.diff import KINDS
from ampel_watch.features import Features
from ampel_watch.hosts import host_facts
from ampel_watch.hosts.spec import PHOTOMETRIC, SPECTROSCOPIC
from ampel_watch.lightcurve import BANDS
from ampel_watch.rules import CONDITION, FUNCTIONS, LIST, NUMBER, RULE_NAMES, SERVICES, TEXT, RuleName, compile_rule
from ampel_watch.rules.rule import Verdict

# DESIGN, section 7
CONTRACT = (
    "mag mag_err band mag_g mag_r mag_i color_gr peak_mag rise_rate_mag_d age_d ndet drb rb ra_deg dec_deg gal_b_deg "
    "ecl_b_deg z z_source dist_mpc abs_mag host_offset_arcsec host_offset_kpc star agn tns_name tns_type ssdist_arcsec "
    "last_limit_mag kind channel channels watch name"
)
OF_TYPE: dict[str, tuple[Any, str]] = {
    NUMBER: (18.5, "3"),
    TEXT: ("a", '"a"'),
    CONDITION: (True, "true"),
    LIST: (("a",), '["a"]'),
}
ORDERED = (NUMBER, TEXT)

every_name = pytest.mark.parametrize("name", RULE_NAMES.values(), ids=lambda name: name.name)


def value_of(name: RuleName) -> tuple[Any, str]:
    """A value that the name can have, and how a rule writes one of its type."""
    return (name.one_of[0], f'"{name.one_of[0]}"') if name.one_of else OF_TYPE[name.type]


def comparisons(name: RuleName) -> list[str]:
    """Rules that compare the name with something of its type."""
    other = value_of(name)[1]
    signs = ("==", "!=", "<", "<=", ">", ">=") if name.type in ORDERED else ("==", "!=")
    return [f"{a} {sign} {b}" for sign in signs for a, b in ((name.name, other), (other, name.name))]


def test_the_names_that_were_promised_are_there() -> None:
    assert set(CONTRACT.split()) <= RULE_NAMES.keys()
    assert all(key == name.name for key, name in RULE_NAMES.items())


@every_name
def test_it_is_documented(name: RuleName) -> None:
    assert name.name.isidentifier()
    assert not keyword.iskeyword(name.name)
    assert name.name not in FUNCTIONS
    assert name.meaning
    assert not name.meaning.endswith(".")
    assert name.sources <= SERVICES
    assert name.type in OF_TYPE


@every_name
def test_its_unit_is_in_its_name_or_is_that_of_magnitudes_and_dates(name: RuleName) -> None:
    units = {"deg": "_deg", "arcsec": "_arcsec", "kpc": "_kpc", "Mpc": "_mpc", "mag/d": "_mag_d"}
    if name.unit in units:
        assert name.name.endswith(units[name.unit])
    else:
        assert name.unit in ("", "mag", "d")
        assert name.type == NUMBER or not name.unit


@every_name
def test_its_example_is_a_rule_that_uses_it_alone(name: RuleName) -> None:
    rule = compile_rule(name.example)
    assert rule.names == (name.name,)
    assert rule.sources == name.sources


@every_name
def test_while_it_is_unknown_its_example_is_undecided(name: RuleName) -> None:
    assert compile_rule(name.example).decide({}) == Verdict(None, (name.name,))
    assert compile_rule(f"{name.name} == null").decide({}) == Verdict(None, (name.name,))
    for text in comparisons(name):
        assert compile_rule(text).decide({}) == Verdict(None, (name.name,)), text


@every_name
def test_null_makes_every_comparison_false_and_can_be_asked_for(name: RuleName) -> None:
    null = {name.name: None}
    assert compile_rule(f"{name.name} == null").decide(null) == Verdict(True)
    assert compile_rule(f"{name.name} != null").decide(null) == Verdict(False)
    for text in comparisons(name):
        assert compile_rule(text).decide(null) == Verdict(False), text
    assert compile_rule(name.example).decide(null).passed == ("null" in name.example or "not" in name.example)


@every_name
def test_with_a_value_of_its_type_it_is_decided(name: RuleName) -> None:
    value, written = value_of(name)
    assert compile_rule(name.example).decide({name.name: value}).passed in (True, False)
    assert compile_rule(f"{name.name} == null").decide({name.name: value}) == Verdict(False)
    assert compile_rule(f"{name.name} == {written}").decide({name.name: value}).passed == (name.type != NUMBER)


def test_the_texts_that_a_name_can_be_are_those_that_it_is_given() -> None:
    assert {name.name: set(name.one_of) for name in RULE_NAMES.values() if name.one_of} == {
        "kind": set(KINDS),
        "z_kind": {SPECTROSCOPIC, PHOTOMETRIC},
        **{key: set(BANDS.values()) for key in ("band", "peak_band", "last_limit_band")},
    }


def test_the_names_from_the_archive_are_what_is_measured_of_a_light_curve() -> None:
    measured = {field.name for field in fields(Features)}
    of_archive = {name.name for name in RULE_NAMES.values() if "archive" in name.sources}
    # A candid is no number to reckon with, and the absolute magnitude needs a redshift too.
    assert of_archive - {"abs_mag"} == measured - {"candid"}


def test_the_names_from_the_catalogs_are_what_is_known_of_a_host() -> None:
    facts = host_facts((), {}, mag=None)
    assert {name.name for name in RULE_NAMES.values() if "catalog" in name.sources} == facts.keys()
