"""Reading rows that hold anything at all."""

import pytest

from ampel_watch.hosts import TnsColumns
from ampel_watch.hosts.facts import tns_of
from ampel_watch.hosts.rows import number_of, text_of
from ampel_watch.hosts.spec import CatalogSpec
from tests.hosts.samples import found, match, specs


@pytest.mark.parametrize("value", ["1_0", "1e400", "nan", "inf", "", "x", True, None, [1], {"a": 1}, 10**400])
def test_what_is_no_number_is_none(value: object) -> None:
    assert number_of({"z": value}, "z") is None


@pytest.mark.parametrize(("value", "number"), [("0.03", 0.03), (" -1 ", -1.0), (3, 3.0), ("1e-3", 0.001)])
def test_a_number_may_be_written_as_text(value: object, number: float) -> None:
    assert number_of({"z": value}, "z") == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2021a\nbc\x1b[31m", "2021a bc [31m"),
        ("\u202e2021abc", "2021abc"),
        ("x" * 5000, "x" * 200),
        ("-999", None),
        (-999, None),
        ("\x00", None),
        (7, "7"),
    ],
)
def test_a_text_is_printable_and_short_or_none(value: object, text: str | None) -> None:
    assert text_of({"name": value}, ("name",)) == text


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"name": "AT2021abc", "type": "SN Ia"}, "AT 2021abc"),
        ({"name": "SN 2021abc"}, "SN 2021abc"),
        ({"name": "2021abc", "type": "SLSN-I"}, "SN 2021abc"),
        ({"name": "2021abc", "type": "AGN"}, "AT 2021abc"),
        ({"name": "2021abc", "type": "TDE"}, "AT 2021abc"),
        ({"name": "AT2021abc", "prefix": "SN", "type": "SN Ia"}, "SN 2021abc"),
    ],
)
def test_a_copy_of_the_tns_without_a_prefix_column_keeps_the_prefixes_in_its_names(
    row: dict[str, str], name: str
) -> None:
    tns = TnsColumns(name=("name",), prefix=("prefix",), type=("type",))
    copy = CatalogSpec("copy", "extcats", 3.0, tns=tns)
    assert tns_of((copy,), found(match("copy", **row)))["tns_name"] == name


def test_a_classification_as_an_active_nucleus_does_not_make_a_supernova() -> None:
    row = match("TNS", objname="2021abc", object_type={"name": "AGN"})
    assert tns_of(specs("TNS"), found(row)) == {"tns_name": "AT 2021abc", "tns_type": "AGN"}
