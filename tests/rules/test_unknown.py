"""Rules of which not all values have arrived."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.rules import RULE_NAMES, RuleName, Verdict, compile_rule

NUMBERS, CONDITIONS, TEXTS = ("mag", "z", "age_d"), ("star", "agn"), ("band", "tns_type")


def decide(text: str, **values: Any) -> Verdict:
    return compile_rule(text).decide(values)


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("mag < 19.5 and not star", False),
        ("not star and mag < 19.5", False),
        ("mag > 19.5 or star", True),
        ("star or mag > 19.5", True),
        ("not (mag < 19.5 and star)", True),
        ("mag < 19.5 and catalog('x').z > 3", False),
        ("mag_g < z", False),
        ("z == mag_g", False),
        ("mag_g + z < 3", False),
        ("min(z, mag_g) < 3", False),
        ("mag_g in [z]", False),
        ("star in []", False),
        ("mag in [z, 20]", True),
        ("(mag_g + z) == null", True),
    ],
)
def test_a_rule_is_decided_as_soon_as_nothing_can_turn_it(text: str, passed: bool) -> None:
    assert decide(text, mag=20.0, mag_g=None) == Verdict(passed)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("mag > 19.5 and not star", ("star",)),
        ("mag < 19.5 or star", ("star",)),
        ("star and mag > 19.5", ("star",)),
        ("z < 0.1 and star", ("star", "z")),
        ("mag < 19.5 and age_d > 3 or star", ("star",)),
        ("z + mag > 3", ("z",)),
        ("-z < 3", ("z",)),
        ("mag * 0 == z * 0", ("z",)),
        ("max(z, mag) > 3", ("z",)),
        ("abs(z) > 3", ("z",)),
        ("z == null", ("z",)),
        ("null != z", ("z",)),
        ("mag in [z, 21]", ("z",)),
        ("z in [mag, 21]", ("z",)),
        ("[z] == [mag]", ("z",)),
        ('"BTS" in channels', ("channels",)),
        ('tns_type in "SN"', ("tns_type",)),
        ("(star and agn) == agn", ("agn", "star")),
        ('catalog("NEDz").z < 3', ('catalog("NEDz")',)),
        ('catalog("NEDz") == null or z > 3', ('catalog("NEDz")', "z")),
    ],
)
def test_an_undecided_rule_names_what_it_hangs_on(text: str, missing: tuple[str, ...]) -> None:
    assert decide(text, mag=20.0) == Verdict(None, missing)


def test_a_catalog_that_was_not_asked_is_unknown_and_one_without_a_row_is_not() -> None:
    text = 'catalog("NEDz").z > 0.01 or catalog("milliquas") != null'
    assert decide(text).missing == ('catalog("NEDz")', 'catalog("milliquas")')
    assert decide(text, catalog={"NEDz": None}) == Verdict(None, ('catalog("milliquas")',))
    assert decide(text, catalog={"NEDz": {"z": 0.03}}) == Verdict(True)
    assert decide(text, catalog={"NEDz": {}, "milliquas": None}) == Verdict(False)
    assert decide(text, catalog=None).passed is None


def test_the_values_that_a_rule_saw_are_those_of_its_names_that_arrived() -> None:
    rule = compile_rule('mag < 19 and star and "a" in channels and catalog("NEDz").z > 0 and catalog("GAIA") != null')
    values = {"mag": 18.5, "z": 0.1, "channels": ("a", "b"), "catalog": {"NEDz": {"z": 0.03, "name": "M 1"}}}
    assert rule.values_seen(values) == {"mag": 18.5, "channels": ["a", "b"], 'catalog("NEDz").z': 0.03}
    assert rule.values_seen({"mag": None, "catalog": {"NEDz": None, "GAIA": {"ra": 1}}}) == {
        "mag": None,
        'catalog("NEDz").z': None,
        'catalog("GAIA")': {"ra": 1},
    }
    assert rule.values_seen({}) == {}


def test_a_row_that_is_asked_for_whole_and_in_part_is_seen_as_both() -> None:
    rule = compile_rule('catalog("NEDz") != null and catalog("NEDz").z > 0')
    assert rule.values_seen({"catalog": {"NEDz": {"z": 1.0}}}) == {
        'catalog("NEDz")': {"z": 1.0},
        'catalog("NEDz").z': 1.0,
    }


numbers = st.recursive(
    st.sampled_from([*NUMBERS, "18", "0.5"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
        st.builds("abs({})".format, inner),
    ),
    max_leaves=3,
)
comparisons = st.one_of(
    st.builds("{} {} {}".format, numbers, st.sampled_from(["<", "<=", "==", "!=", ">"]), numbers),
    st.builds("{} {} null".format, st.sampled_from([*NUMBERS, *CONDITIONS, *TEXTS]), st.sampled_from(["==", "!="])),
    st.builds("{} == {}".format, st.sampled_from(TEXTS), st.sampled_from([*TEXTS, '"r"'])),
    st.builds('{} in [{}, "r"]'.format, st.sampled_from(TEXTS), st.sampled_from(TEXTS)),
    st.builds('catalog("{}").z > 0.5'.format, st.sampled_from("ab")),
    st.sampled_from(CONDITIONS),
)
rules = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=8,
)
number = st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0, 18.0]))
everything = st.fixed_dictionaries(
    dict.fromkeys(NUMBERS, number)
    | {name: st.sampled_from([None, True, False]) for name in CONDITIONS}
    | {name: st.sampled_from([None, "r", "g"]) for name in TEXTS}
    | {
        "catalog": st.fixed_dictionaries(
            {name: st.one_of(st.none(), st.builds(lambda z: {"z": z}, number)) for name in "ab"}
        )
    }
)


@given(rules, everything, st.sets(st.sampled_from([*NUMBERS, *CONDITIONS, *TEXTS, "a", "b"])))
def test_what_arrives_later_never_turns_a_decision(text: str, values: dict[str, Any], unknown: set[str]) -> None:
    rule = compile_rule(text)
    final = rule.decide(values)
    assert final.passed in (True, False)
    rows = {name: row for name, row in values["catalog"].items() if name not in unknown}
    known = {name: value for name, value in values.items() if name not in unknown} | {"catalog": rows}
    early = rule.decide(known)
    assert early.passed in (None, final.passed)
    assert set(early.missing) <= unknown | {f'catalog("{name}")' for name in unknown}
    assert (early.passed is None) == bool(early.missing)
    assert rule.values_seen(values).keys() >= rule.values_seen(known).keys()


NAMES = {
    **RULE_NAMES,
    "moon_sep_deg": RuleName("moon_sep_deg", "a number", "deg", "angle", "moon_sep_deg > 30", "moon"),
}


def test_a_name_of_a_plugin_is_as_good_as_our_own() -> None:
    rule = compile_rule("moon_sep_deg > 30 and mag < 19", NAMES)
    assert rule.sources == {"moon", "archive"}
    assert rule.decide({"mag": 18.0}) == Verdict(None, ("moon_sep_deg",))
    assert rule.decide({"mag": 18.0, "moon_sep_deg": 40.0}) == Verdict(True)
