"""Names and ids: the published examples, both ways, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch import ztf

EXAMPLES = {
    "ZTF21aaqhhfu": 119032484,
    "ZTF17aaaaaaa": 0,
    "ZTF17aaaaaab": 16,
    "ZTF18abcecyc": 205881761,
    "ZTF20abyfpze": 367159587,
    "ZTF22aakdbia": 73973957,
    "ZTF32zzzzzzz": 128508962815,
}


@pytest.mark.parametrize(("name", "stock_id"), EXAMPLES.items())
def test_the_published_examples_convert_both_ways(name, stock_id):
    assert ztf.id_of(name) == stock_id
    assert ztf.name_of(stock_id) == name


@given(st.integers(0, ztf.MAX_ID))
def test_every_id_has_exactly_one_name(stock_id):
    name = ztf.name_of(stock_id)
    assert ztf.is_name(name)
    assert ztf.id_of(name) == stock_id


@pytest.mark.parametrize(
    "text",
    ["", "ZTF", "ztf21aaqhhfu", "ZTF21aaqhhfuu", "ZTF21aaqhhf", "ZTF16aaaaaaa", "ZTF33aaaaaaa", "ZTF21aaqhhfu\n"],
)
def test_what_is_no_name_is_refused(text):
    assert not ztf.is_name(text)
    with pytest.raises(ValueError, match="not a ZTF name"):
        ztf.id_of(text)


@pytest.mark.parametrize("stock_id", [-1, ztf.MAX_ID + 1])
def test_an_id_that_no_name_has_is_refused(stock_id):
    with pytest.raises(ValueError, match="not the id"):
        ztf.name_of(stock_id)
