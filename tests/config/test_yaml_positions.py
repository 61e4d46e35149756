import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from ampel_watch.config.document import Document
from ampel_watch.config.yaml_positions import parse, typed

FILE = Path("config.yaml")
KEYS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["C", "Z"]), min_size=1, max_size=8
)
SCALARS = st.one_of(
    st.booleans(),
    st.none(),
    st.integers(-(10**18), 10**18),
    st.floats(-1e30, 1e30, allow_nan=False),
    st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=20),
)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=15
)


def read(text: str) -> Document:
    document = Document(FILE, text)
    parse(document)
    return document


def messages(text: str) -> list[str]:
    return [str(fault) for fault in read(text).faults]


class Quoting(yaml.SafeDumper):
    """Writes every text in quotes: PyYAML leaves them off where YAML 1.1 reads a text and 1.2 a number (`0E0`)."""


Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@given(st.dictionaries(KEYS, TREES, max_size=5))
@example({"0": "0E0"})
def test_what_was_written_is_what_is_read(data: dict[str, Any]) -> None:
    for flow in (True, False):
        document = read(yaml.dump(data, Dumper=Quoting, allow_unicode=True, default_flow_style=flow, sort_keys=False))
        assert document.faults == []
        assert repr(document.data or {}) == repr(data)


PLAIN = "on off yes no y n On NO Yes 12:30 12:30:45 2026-11-22 1_000 0x10 0o17 0b1 .inf .nan 1e 1.2.3 1e999 + . ="


@pytest.mark.parametrize("text", PLAIN.split())
def test_only_booleans_numbers_and_null_are_typed(text: str) -> None:
    assert read(f"a: {text}").data == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("017", 17),
        ("-3", -3),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
    ],
)
def test_what_yaml_1_2_types_is_typed(text: str, value: object) -> None:
    assert read(f"a: {text}").data == {"a": value}
    assert type(read(f"a: {text}").data["a"]) is type(value)


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_times_and_dates_stay_text(hours: int, minutes: int, seconds: int) -> None:
    for text in (
        f"{hours}:{minutes:02}",
        f"{hours}:{minutes:02}:{seconds:02}",
        f"20{hours:02}-{minutes:02}-{seconds:02}",
    ):
        assert typed(text) == text


def test_a_number_of_absurd_length_stays_text() -> None:
    assert read("a: " + "9" * 5000).data == {"a": "9" * 5000}


def test_keys_are_always_text() -> None:
    assert read("on: 1\n12: 2\ntrue: 3\nnull: 4").data == {"on": 1, "12": 2, "true": 3, "null": 4}


def test_quoted_scalars_are_text() -> None:
    assert read("a: 'true'\nb: \"5\"\nc: !!str 5").data == {"a": "true", "b": "5", "c": "5"}


def test_positions_of_keys_and_values() -> None:
    document = read("watches:\n  - name: é\n    every:   5m\n")
    assert document.place(("watches", 0, "every")) == (3, 14)
    assert document.place(("watches", 0, "every"), of_key=True) == (3, 5)
    assert document.place(("watches", 0)) == (2, 5)
    assert document.place(("watches", 0, "unwritten", "deeper")) == (2, 5)


@pytest.mark.parametrize("text", ["a: mag < 3", "a: 'mag < 3'", 'a: "mag < 3"'])
def test_the_place_within_a_text(text: str) -> None:
    line, column = read(text).place_within(("a",), "mag < 3", 4)
    assert (line, text[column - 1]) == (1, "<")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("a: >\n  mag\n    < 3\n", "mag\n  < 3\n"),
        ("a: >-  # why\n  mag\n  < 3\n", "mag < 3"),
        ("a: |\n  mag\n  < 3\n", "mag\n< 3\n"),
        ("a: mag\n  < 3\n", "mag < 3"),
        ("a: 'mag\n  < 3'\n", "mag < 3"),
        ("a: >\r\n  mag\r\n  < 3\r\n", "mag < 3\n"),
    ],
)
def test_the_place_within_a_text_of_several_lines_is_where_it_stands(written: str, value: str) -> None:
    document = read(written)
    line, column = document.place_within(("a",), value, value.index("<"))
    assert written.replace("\r", "").split("\n")[line - 1][column - 1 :].startswith("< 3")


@pytest.mark.parametrize(("text", "value"), [("'it''s mag'", "it's mag"), (r'"a \"b\" \\ mag"', r'a "b" \ mag')])
def test_the_place_within_a_quoted_text_is_counted_as_it_is_written(text: str, value: str) -> None:
    assert read(f"a: {text}\n").place_within(("a",), value, value.index("mag")) == (1, 4 + text.index("mag"))


def test_the_place_within_a_text_that_is_written_otherwise_is_its_beginning() -> None:
    assert read("a: ${RULE}\n").place_within(("a",), "mag < 3", 4) == (1, 4)


def test_a_key_given_twice_names_both_places() -> None:
    assert messages("a: 1\nb: 2\na: 3") == ["config.yaml:3:1: key `a` given twice, first on line 1"]


def test_every_duplicate_is_found() -> None:
    assert len(messages("a: {x: 1, x: 2}\nb: [{y: 1, y: 2, y: 3}]")) == 3


def test_merge_keys_fill_what_is_not_given() -> None:
    assert read("base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\n").data["mine"] == {"x": 1, "y": 3}
    assert messages("a:\n  <<: 3") == ["config.yaml:2:3: `<<` needs a mapping, such as `*name`, an anchor's alias"]


def test_a_merge_may_be_given_as_a_list() -> None:
    assert read("b: &b {x: 1}\nc: &c {x: 2, y: 2}\nd: {<<: [*b, *c]}").data["d"] == {"x": 1, "y": 2}


def test_an_alias_that_holds_itself_ends() -> None:
    assert "too large" in messages("a: &a [*a]")[0]


def test_a_bomb_of_aliases_is_bounded() -> None:
    text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
    )
    began = time.monotonic()
    assert "too large" in messages(text)[0]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("text", ["[" * 200_000, "{a: " * 100_000, "- " * 100_000])
def test_deep_nesting_is_a_fault_and_no_crash(text: str) -> None:
    assert "nested more than 50 deep" in messages(text)[0]


@pytest.mark.parametrize(
    "tag", ["!foo", "!!python/object/apply:os.system", "!!binary", "!!set", "!!timestamp", "!!bool"]
)
def test_tags_are_refused(tag: str) -> None:
    assert messages(f"a: {tag} x") == [f"config.yaml:1:4: the tag `{tag}` is not supported; write the value without it"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\tb: 1", "2:1: is not YAML: a tab cannot indent a line; use spaces"),
        ("a: b: c", "1:5: is not YAML: a `:` is not expected here; check the indentation, or put the text in quotes"),
        ("a: [1", "2:1: is not YAML: the list in [ ], begun on line 1, is not closed"),
        ("a: {b: 1", "2:1: is not YAML: the mapping in { }, begun on line 1, is not closed"),
        ("a: 'b", "1:6: is not YAML: the quoted text, begun on line 1, is not closed"),
        ("a: @b", "1:4: is not YAML: a value cannot begin with `@`; put it in quotes"),
        (
            "a: *b",
            "1:4: is not YAML: this `*` refers to an anchor `&` that does not exist; a text with `*` needs quotes",
        ),
        ("a: 1\n---\nb: 2", "2:1: is not YAML: only one document is allowed, and this is a second one"),
        (
            "a:\n  b: 1\n c: 2",
            "3:2: is not YAML: this line does not belong to the mapping, begun on line 1, above; check the indentation",
        ),
        ("a: \x07", "1:4: is not YAML: the character U+0007 is not allowed here"),
        ('a: "\\z"', "1:5: is not YAML: in double quotes `\\` must be doubled; or use single quotes"),
        ("? [a]\n: b", "1:3: a key must be text, not a list or a mapping"),
    ],
)
def test_what_a_person_reads_of_broken_yaml(text: str, message: str) -> None:
    assert messages(text) == [f"config.yaml:{message}"]


@given(st.text(max_size=60))
def test_no_text_at_all_raises(text: str) -> None:
    read(text)


@given(st.text(st.sampled_from("ab:-[]{},&*!|>'\"#%@ \n\t?~<"), max_size=40))
def test_no_text_of_yaml_signs_raises(text: str) -> None:
    read(text)
