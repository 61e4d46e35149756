"""Every recorded answer of the catalog service: what our methods make of it, or why none of them can meet it."""

import math
from typing import Any

import pytest

from ampel_watch.errors import RequestRefused
from ampel_watch.model import CatalogQuery, Match
from ampel_watch.services.catalog import CatalogClient, CatalogFault
from tests.services.recordings import Replay, load, names_of, needs_recordings

pytestmark = needs_recordings

SEARCHES = (
    "all_at_alert_position",
    "all_catshtm_match",
    "all_extcats_2dsphere",
    "all_extcats_match",
    "all_mixed",
    "all_no_match",
    "all_post_filter",
    "any_catshtm_match",
    "any_extcats_2dsphere",
    "any_extcats_match",
    "any_mixed",
    "any_post_filter_excludes",
    "nearest_at_alert_position",
    "nearest_catshtm_match",
    "nearest_extcats_2dsphere",
    "nearest_extcats_match",
    "nearest_keys_to_append",
    "nearest_keys_to_append_empty",
    "nearest_keys_to_append_unknown",
    "nearest_mixed",
    "nearest_nan_becomes_null",
    "nearest_no_match",
    "nearest_pre_filter",
    "nearest_pre_filter_excludes",
    "ra_out_of_range",
)
FAULTS = {
    "any_bad_filter_operator_500": "the service failed (500)",
    "error_unknown_catshtm": "Unknown catsHTM catalog 'GAIADR2'",
    "error_unknown_use": "'other'",
}
FALLBACKS = ("error_unknown_extcats", "error_missing_catalog_file_500")
LOOKUP = "rows are found by position, not by name"
UNMET = {
    "any_get_405": "a search is always a POST",
    "any_trailing_slash": "the path is always written exactly",
    "catalogs_no_slash": "the path is always written exactly",
    "error_bad_declination": "refused before anything is sent",
    "error_missing_radius": "CatalogQuery always has a radius",
    "error_missing_use": "CatalogQuery always has a use",
    "error_null_ra": "a position is always two numbers",
    "lookup": LOOKUP,
    "lookup_no_name_index": LOOKUP,
    "lookup_unknown_catalog": LOOKUP,
    "lookup_unknown_name": LOOKUP,
    "nearest_zero_catalogs": "no catalogs, no request",
}


def query_of(item: dict[str, Any]) -> CatalogQuery:
    columns = item.get("keys_to_append")
    return CatalogQuery(
        name=item["name"],
        use=item["use"],
        radius_arcsec=item["rs_arcsec"],
        columns=None if columns is None else tuple(columns),
        pre_filter=item.get("pre_filter"),
        post_filter=item.get("post_filter"),
    )


async def search(name: str, *more: str, strict: bool = True) -> tuple[tuple[Any, ...], Replay]:
    """The recorded search, asked by the method that makes it."""
    request = load("catalog", name)["request"]
    replay = Replay("catalog", name, *more, strict=strict)
    client = CatalogClient(replay.http())
    method = getattr(client, request["path"].rpartition("/")[2])
    body = request["json"]
    found = await method(body["ra_deg"], body["dec_deg"], [query_of(item) for item in body["catalogs"]])
    await client.aclose()
    return found, replay


@pytest.mark.parametrize("name", SEARCHES)
async def test_a_search_gives_one_answer_per_catalog(name: str):
    recorded = load("catalog", name)
    found, replay = await search(name, strict=name != "ra_out_of_range")
    for item, raw in zip(found, recorded["response"]["json"], strict=True):
        if raw is None:
            assert item in (None, ())
        elif isinstance(raw, bool):
            assert item is raw
        elif isinstance(raw, list):
            assert len(item) == len(raw)
            assert [match.dist_arcsec for match in item] == sorted(row["dist_arcsec"] for row in raw)
        else:
            assert isinstance(item, Match)
            assert set(item.body) == set(raw["body"])
    assert len(replay.requests) == 1


@pytest.mark.parametrize(("name", "why"), FAULTS.items())
async def test_a_catalog_that_cannot_be_searched_is_a_fault_of_its_own(name: str, why: str):
    (fault,), _ = await search(name)
    assert isinstance(fault, CatalogFault)
    assert why in fault.message


async def test_an_unknown_catalog_leaves_the_others_alone():
    found, replay = await search("error_unknown_extcats", "any_extcats_match", strict=False)
    assert found[0] is True
    assert found[1] == CatalogFault(
        "SDSSDR10", "body.catalogs.1.extcats.name: Value error, Unknown extcats catalog 'SDSSDR10'"
    )
    assert len(replay.requests) == 2


async def test_after_a_500_each_catalog_is_asked_alone():
    fault = "error_missing_catalog_file_500"
    found, replay = await search(fault, fault, "any_extcats_match", fault, strict=False)
    assert found[0] is True
    assert isinstance(found[1], CatalogFault)
    # together, again after the 500, one by one, and the last again after its 500
    assert len(replay.requests) == 5


async def test_the_list_of_catalogs_tells_units():
    replay = Replay("catalog", "catalogs")
    client = CatalogClient(replay.http())
    infos = {info.name: info for info in await client.catalogs()}
    assert infos["ROSATfsc"].units["RA"] == "rad"
    assert infos["AKARI"].units["RA"] == "rad"
    assert infos["milliquas"].units == {}
    assert infos["TNS"].use == "extcats"


@pytest.mark.parametrize("name", ["all_catshtm_match", "nearest_catshtm_match"])
async def test_angles_of_catshtm_are_degrees(name: str):
    (item,), _ = await search(name)
    for match in item if isinstance(item, tuple) else (item,):
        ra_deg, dec_deg = match.body["RA"], match.body["Dec"]
        offset_deg = math.hypot((ra_deg - 5) * math.cos(math.radians(5)), dec_deg - 5)
        assert offset_deg * 3600 == pytest.approx(match.dist_arcsec, rel=0.01)


async def test_a_bad_declination_is_refused_before_asking():
    with pytest.raises(RequestRefused, match="no position"):
        await search("error_bad_declination")


async def test_no_catalogs_make_no_request():
    found, replay = await search("nearest_zero_catalogs")
    assert found == ()
    assert replay.requests == []


def test_every_recording_is_a_case_or_has_a_reason():
    met = {*SEARCHES, *FAULTS, *FALLBACKS, "catalogs"}
    assert met | set(UNMET) == names_of("catalog")
    assert not met & set(UNMET)
