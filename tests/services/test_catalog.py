import json
import math
from typing import Any

import httpx
import pytest

from ampel_watch.errors import RequestRefused, ServiceUnavailable, UnexpectedAnswer
from ampel_watch.model import CatalogQuery
from ampel_watch.services.catalog import CatalogClient, CatalogFault
from tests.services.recordings import service_http

FAR = {"body": {"z": 0.2, "flag": -999}, "dist_arcsec": 9.5}
NEAR = {"body": {"z": None}, "dist_arcsec": 1}


def query(name: str, use: str = "extcats", **options: Any) -> CatalogQuery:
    return CatalogQuery(name, use, 10.0, **options)


class Service:
    """A catalog service of which some catalogs are unknown (422) and some break (500)."""

    def __init__(self, rows: Any = None, *, catalogs: Any = None) -> None:
        self.rows = rows
        self.catalogs = catalogs
        self.asked: list[list[str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.client = CatalogClient(
            service_http("catalog", "https://host.test/cm", token=None, transport=httpx.MockTransport(self._answer))
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/cm/catalogs/":
            return httpx.Response(200, text=json.dumps(self.catalogs))
        body = json.loads(request.content)
        self.bodies.append(body)
        names = [item["name"] for item in body["catalogs"]]
        self.asked.append(names)
        unknown = [place for place, name in enumerate(names) if name.startswith("unknown")]
        if unknown:
            detail = [{"loc": ["body", "catalogs", place, "extcats", "name"], "msg": "Unknown"} for place in unknown]
            return httpx.Response(422, json={"detail": detail})
        if any(name.startswith("broken") for name in names):
            return httpx.Response(500, text="Internal Server Error")
        return httpx.Response(200, json=self.rows[: len(names)] if isinstance(self.rows, list) else self.rows)


async def test_one_request_asks_all_catalogs():
    service = Service([NEAR, None])
    options = {"columns": ("z",), "pre_filter": {"z": {"$gt": 0}}, "post_filter": {"x": 1}}
    match, nothing = await service.client.nearest(5, -5, [query("a", **options), query("b", columns=())])
    assert match is not None
    assert not isinstance(match, CatalogFault)
    assert (match.catalog, match.dist_arcsec, match.body) == ("a", 1.0, {"z": None})
    assert nothing is None
    assert service.bodies == [
        {
            "ra_deg": 5.0,
            "dec_deg": -5,
            "catalogs": [
                {
                    "name": "a",
                    "use": "extcats",
                    "rs_arcsec": 10.0,
                    "keys_to_append": ["z"],
                    "pre_filter": {"z": {"$gt": 0}},
                    "post_filter": {"x": 1},
                },
                {"name": "b", "use": "extcats", "rs_arcsec": 10.0, "keys_to_append": []},
            ],
        }
    ]


async def test_all_matches_come_nearest_first_and_none_is_empty():
    found = await Service([[FAR, NEAR], None]).client.all(5, 5, [query("a"), query("b")])
    assert [match.dist_arcsec for match in found[0]] == [1.0, 9.5]
    assert found[0][1].body["flag"] == -999
    assert found[1] == ()


async def test_unknown_catalogs_are_left_out_of_a_second_request():
    service = Service([True, False])
    found = await service.client.any(5, 5, [query(name) for name in ("unknown1", "a", "unknown2", "b")])
    assert [item if isinstance(item, bool) else item.catalog for item in found] == ["unknown1", True, "unknown2", False]
    assert service.asked == [["unknown1", "a", "unknown2", "b"], ["a", "b"]]


async def test_when_one_breaks_each_is_asked_alone():
    service = Service([True])
    found = await service.client.any(5, 5, [query("a"), query("broken"), query("b")])
    assert found[0] is found[2] is True
    assert found[1] == CatalogFault("broken", "catalog: POST /cone_search/any: the service failed (500)")
    assert service.asked == [["a", "broken", "b"]] * 2 + [["a"], ["broken"], ["broken"], ["b"]]


async def test_unknown_and_broken_catalogs_together_leave_the_good_ones():
    service = Service([None])
    names = ("broken", "unknown", "a")
    found = await service.client.nearest(5, 5, [query(name) for name in names])
    assert [isinstance(item, CatalogFault) for item in found] == [True, True, False]


async def test_all_wrong_is_all_faults():
    found = await Service([]).client.all(5, 5, [query("unknown1"), query("unknown2")])
    assert [isinstance(item, CatalogFault) for item in found] == [True, True]


def answering(status: int, document: Any) -> CatalogClient:
    transport = httpx.MockTransport(lambda request: httpx.Response(status, text=json.dumps(document)))
    return CatalogClient(service_http("catalog", "https://host.test/cm", transport=transport))


@pytest.mark.parametrize(
    "detail",
    [
        [{"loc": ["body", "ra_deg"], "msg": "bad position"}],
        [{"loc": ["body", "catalogs", 7, "x"], "msg": "bad place"}],
        "bad",
        None,
        [5],
    ],
)
async def test_a_refusal_that_concerns_no_catalog_refuses_the_search(detail: Any):
    with pytest.raises(RequestRefused):
        await answering(422, {"detail": detail}).any(5, 5, [query("a")])


async def test_a_service_that_is_down_is_no_fault_of_a_catalog():
    with pytest.raises(ServiceUnavailable):
        await answering(503, None).nearest(5, 5, [query("a"), query("b")])


@pytest.mark.parametrize("answer", [None, {}, [], [None, None], "x"])
async def test_another_number_of_answers_is_unexpected(answer: Any):
    with pytest.raises(UnexpectedAnswer):
        await answering(200, answer).nearest(5, 5, [query("a")])


@pytest.mark.parametrize(
    "item",
    [
        True,
        5,
        {},
        [None],
        {"body": {}, "dist_arcsec": 10**400},
        {"body": {}},
        {"body": [], "dist_arcsec": 1},
        {"body": {}, "dist_arcsec": "1"},
    ],
)
async def test_an_item_that_is_no_match_is_unexpected(item: Any):
    client = answering(200, [item])
    with pytest.raises(UnexpectedAnswer):
        await client.nearest(5, 5, [query("a")])
    with pytest.raises(UnexpectedAnswer):
        await client.all(5, 5, [query("a")])


@pytest.mark.parametrize("item", [None, 1, {}])
async def test_an_item_that_is_not_yes_or_no_is_unexpected(item: Any):
    with pytest.raises(UnexpectedAnswer):
        await answering(200, [item]).any(5, 5, [query("a")])


@pytest.mark.parametrize(("ra_deg", "dec_deg"), [(math.nan, 0), (math.inf, 0), (0, math.nan), (0, 91), (0, -90.5)])
async def test_what_is_no_position_is_not_asked(ra_deg: float, dec_deg: float):
    service = Service([True])
    with pytest.raises(RequestRefused):
        await service.client.any(ra_deg, dec_deg, [query("a")])
    assert service.asked == []


ROW = {"body": {"RA": math.pi / 2, "Dec": -math.pi / 6, "Err": 0.5, "Name": "x", "Flag": True}, "dist_arcsec": 1}


async def test_catshtm_angles_are_turned_into_degrees():
    service = Service([ROW, ROW])
    catshtm, extcats = await service.client.nearest(5, 5, [query("a", "catsHTM"), query("a")])
    assert catshtm.body == {**ROW["body"], "RA": pytest.approx(90), "Dec": pytest.approx(-30)}
    assert extcats.body == ROW["body"]


async def test_the_units_of_the_catalog_decide_once_they_are_known():
    columns = [
        {"name": "RA", "unit": "deg"},
        {"name": "Dec", "unit": "rad"},
        {"name": "Dec", "unit": "arcsec"},
        {"name": "Err", "unit": "rad"},
        {"name": "Name", "unit": None},
    ]
    service = Service([ROW], catalogs=[{"name": "a", "use": "catsHTM", "description": "x", "columns": columns}])
    (info,) = await service.client.catalogs()
    assert info.columns == ("RA", "Dec", "Err", "Name")
    assert info.units == {"RA": "deg", "Dec": "rad", "Err": "rad"}
    (match,) = await service.client.nearest(5, 5, [query("a", "catsHTM")])
    assert match.body["RA"] == ROW["body"]["RA"]
    assert match.body["Dec"] == pytest.approx(-30)
    assert match.body["Err"] == pytest.approx(math.degrees(0.5))


@pytest.mark.parametrize("answer", [None, {}, [None], [{}], [{"name": "a"}], [{"name": 1, "use": "extcats"}]])
async def test_what_is_no_list_of_catalogs_is_unexpected(answer: Any):
    with pytest.raises(UnexpectedAnswer):
        await Service(catalogs=answer).client.catalogs()
