import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.clock import ManualClock
from ampel_watch.sandbox import Sandbox
from ampel_watch.sandbox.catalog import meets
from ampel_watch.sandbox.catalogs import Catalog, Row
from ampel_watch.sandbox.serving import CrashError

Get = Callable[..., Any]
Post = Callable[..., Any]
ITEM = {"name": "NEDz", "use": "catsHTM", "rs_arcsec": 20}


def row_of(sandbox: Sandbox, name: str) -> Row:
    catalog: Catalog = next(c for c in sandbox._source.catalogs() if c.name == name)
    return next(row for row in catalog.rows if row.since is None or row.until is not None)


async def search(sandbox: Sandbox, post: Post, kind: str, row: Row, *items: Any) -> Any:
    body = {"ra_deg": row.ra_deg, "dec_deg": row.dec_deg, "catalogs": list(items)}
    return await post(f"{sandbox.catalog_url}/cone_search/{kind}", body)


async def test_the_three_searches_are_parallel_to_the_items(sandbox: Sandbox, post: Post) -> None:
    row = row_of(sandbox, "NEDz")
    nothing = {"name": "milliquas", "use": "extcats", "rs_arcsec": 0}
    assert (await search(sandbox, post, "any", row, ITEM, nothing)).json == [True, False]
    nearest = (await search(sandbox, post, "nearest", row, nothing, ITEM)).json
    assert nearest[0] is None
    assert nearest[1] == {"body": row.body, "dist_arcsec": pytest.approx(0, abs=1e-3)}
    every = (await search(sandbox, post, "all", row, ITEM, nothing)).json
    assert every[1] is None
    assert row.body in [match["body"] for match in every[0]]


async def test_angles_are_radians_in_catshtm_and_degrees_in_extcats(sandbox: Sandbox, post: Post) -> None:
    row = row_of(sandbox, "NEDz")
    items = (ITEM, {"name": "NEDz_extcats", "use": "extcats", "rs_arcsec": 20})
    hits = (await search(sandbox, post, "nearest", row, *items)).json
    assert hits[0]["body"]["RA"] == pytest.approx(math.radians(row.ra_deg))
    assert hits[1] is None or hits[1]["body"]["ra"] == pytest.approx(row.ra_deg, abs=0.01)


async def test_columns_can_be_chosen_and_missing_values_are_null(sandbox: Sandbox, post: Post) -> None:
    row = row_of(sandbox, "LSPhotoZZou")
    item = {"name": "LSPhotoZZou", "use": "extcats", "rs_arcsec": 2}
    assert (await search(sandbox, post, "nearest", row, item)).json[0]["body"]["specz"] is None
    chosen = (await search(sandbox, post, "nearest", row, item | {"keys_to_append": ["photoz", "nope"]})).json
    assert chosen[0]["body"] == {"photoz": row.body["photoz"]}
    assert (await search(sandbox, post, "nearest", row, item | {"keys_to_append": []})).json[0]["body"] == {}


async def test_filters_count_for_extcats_and_are_ignored_for_catshtm(sandbox: Sandbox, post: Post) -> None:
    row = row_of(sandbox, "LSPhotoZZou")
    item = {"name": "LSPhotoZZou", "use": "extcats", "rs_arcsec": 2, "pre_filter": {"photoz": {"$gt": 9}}}
    assert (await search(sandbox, post, "any", row, item)).json == [False]
    galaxy = row_of(sandbox, "NEDz")
    assert (await search(sandbox, post, "any", galaxy, ITEM | {"pre_filter": {"$bogus": 1}})).json == [True]


async def test_one_bad_item_fails_the_whole_request(sandbox: Sandbox, post: Post) -> None:
    row = row_of(sandbox, "NEDz")
    unknown = await search(sandbox, post, "any", row, ITEM, {"name": "NEDz", "use": "extcats", "rs_arcsec": 1})
    assert unknown.status == 422
    assert unknown.json["detail"][0]["loc"] == ["body", "catalogs", 1, "extcats", "name"]
    stars = {"name": "TNS", "use": "extcats", "rs_arcsec": 9000, "pre_filter": {"$bogus": 1}}
    crashed = await search(sandbox, post, "any", row_of(sandbox, "TNS"), ITEM, stars)
    assert crashed.status in (200, 500)  # 500 once the condition is tried on a row
    pole = Row(0, 91, {})
    assert (await search(sandbox, post, "any", pole, ITEM)).status == 422


async def test_a_report_appears_and_is_replaced_by_its_classification(
    sandbox: Sandbox, clock: ManualClock, get: Get
) -> None:
    row = next(r for c in sandbox._source.catalogs() if c.name == "TNS" for r in c.rows if r.until and r.since)
    url = f"{sandbox.catalog_url}/catalogs/TNS/{row.body['name']}"
    assert row.since is not None
    assert row.until is not None
    clock.date = row.since - timedelta(minutes=1)
    assert (await get(url)).text == "null"
    clock.date = row.since
    assert (await get(url)).json["type"] is None
    clock.date = row.until
    assert (await get(url)).json["name_prefix"] == "SN"


async def test_only_catalogs_with_an_index_on_names_can_be_looked_up(sandbox: Sandbox, get: Get) -> None:
    for path in ("milliquas/x", "nocat/x", "NEDz/x"):
        assert (await get(f"{sandbox.catalog_url}/catalogs/{path}")).status == 404


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ({}, True),
        ({"z": 0.5}, True),
        ({"z": {"$gt": 0.4, "$lt": 0.6}}, True),
        ({"z": {"$gte": 0.6}}, False),
        ({"z": {"$lte": "x"}}, False),
        ({"type": {"$in": ["G", "Q"]}}, True),
        ({"type": {"$nin": ["G"]}}, False),
        ({"nope": {"$exists": False}}, True),
        ({"nope": {"$gt": 0}}, False),
        ({"nope": {"$ne": 1}}, True),
        ({"nope": None}, True),
        ({"$or": [{"z": 9}, {"type": "G"}]}, True),
        ({"$and": [{"z": 9}, {"type": "G"}]}, False),
    ],
)
def test_mongodb_conditions(condition: Any, met: bool) -> None:
    assert meets({"z": 0.5, "type": "G"}, condition) is met


@pytest.mark.parametrize("condition", [{"$bogus": 1}, {"z": {"$bogus": 1}}])
def test_an_unknown_operator_crashes(condition: Any) -> None:
    with pytest.raises(CrashError):
        meets({"z": 1}, condition)


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_an_inequality_and_its_opposite_exclude_each_other(value: float, bound: float) -> None:
    assert meets({"x": value}, {"x": {"$gt": bound}}) != meets({"x": value}, {"x": {"$lte": bound}})
