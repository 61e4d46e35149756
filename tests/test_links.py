"""Links to the pages of other brokers and archives."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.links import links_for
from ampel_watch.model import EventStock
from ampel_watch.text import LABELS

BY_NAME = {"fritz", "alerce", "lasair", "fink", "antares"}


def stock(ra_deg: float | None = 188.739583, dec_deg: float | None = -2.310194, **changes: str) -> EventStock:
    return EventStock(changes.get("survey", "ztf"), 119032484, changes.get("name", "ZTF21aaqhhfu"), ra_deg, dec_deg)


def test_every_page_has_a_label_and_every_label_a_page() -> None:
    assert links_for(stock()).keys() == LABELS.keys()


@pytest.mark.parametrize(("ra_deg", "dec_deg"), [(None, None), (1.0, None), (None, 1.0)])
def test_without_a_position_there_are_the_pages_found_by_name(ra_deg: float | None, dec_deg: float | None) -> None:
    assert links_for(stock(ra_deg, dec_deg)).keys() == BY_NAME


def test_another_survey_has_none_of_these_pages() -> None:
    assert links_for(stock(survey="lsst")) == {}


def test_the_addresses_are_those_the_pages_expect() -> None:
    links = links_for(stock())
    assert links["fritz"] == "https://fritz.science/source/ZTF21aaqhhfu"
    assert links["lasair"] == "https://lasair-ztf.lsst.ac.uk/objects/ZTF21aaqhhfu/"
    assert links["tns"].endswith("?ra=188.739583&decl=-2.310194&radius=5&coords_unit=arcsec")
    assert parse_qs(urlsplit(links["simbad"]).query)["Coord"] == ["188.739583 -2.310194"]


@pytest.mark.parametrize("tns_name", ["SN 2021abc", "AT 2021abc", "TDE 2021abc"])
def test_a_stock_with_a_name_in_the_tns_has_its_page_there(tns_name: str) -> None:
    page = "https://www.wis-tns.org/object/2021abc"
    assert links_for(stock(), tns_name) == links_for(stock()) | {"tns": page}
    assert links_for(stock(None, None), tns_name)["tns"] == page


@pytest.mark.parametrize("tns_name", [None, "", "AT", "SN 2021abc/../..", "SN 2021abc?x", "AT 2021\nabc", 2021, ["a"]])
def test_what_is_no_name_of_the_tns_leaves_the_search_there(tns_name: object) -> None:
    assert links_for(stock(), tns_name) == links_for(stock())


@given(st.floats(0, 360), st.floats(-90, 90))
def test_any_position_survives_the_way_into_an_address(ra_deg: float, dec_deg: float) -> None:
    for address in links_for(stock(ra_deg, dec_deg)).values():
        assert "+" not in address
        assert " " not in address
        assert "e-" not in address.split("?")[-1].replace("de-", "")
    ra, dec = parse_qs(urlsplit(links_for(stock(ra_deg, dec_deg))["aladin"]).query)["target"][0].split()
    assert float(ra) == pytest.approx(ra_deg, abs=1e-6)
    assert float(dec) == pytest.approx(dec_deg, abs=1e-6)


@given(st.text(max_size=40).filter(lambda text: text.isprintable()))
def test_a_strange_name_stays_inside_its_part_of_the_address(name: str) -> None:
    address = links_for(stock(name=name))["fritz"]
    assert urlsplit(address).netloc == "fritz.science"
    assert urlsplit(address).path.count("/") == 2
    assert not urlsplit(address).query
