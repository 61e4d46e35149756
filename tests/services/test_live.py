import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from ampel_watch import ztf
from ampel_watch.errors import CredentialsRefused, NotOffered, RequestRefused, ServerFault, UnexpectedAnswer
from ampel_watch.services.live import LiveClient
from tests.services.recordings import LIVE_PATHS, service_http

NAME, ID = "ZTF21aaqhhfu", 119032484
DOCUMENT = {"_id": ID, "name": [NAME], "channel": ["A"], "created": {"any": "2021-03-20T08:14:13"}}
BASE = "/api/live"
UNKNOWN = httpx.Response(404, json={"detail": "Not Found"})
FAILED = httpx.Response(500, text="Internal Server Error")


class Service:
    """A live service whose answer to each path can be set; everything else is a 404."""

    def __init__(self, **options: Any) -> None:
        self.answers: dict[str, httpx.Response] = {}
        self.requests: list[httpx.Request] = []
        http = service_http("live", f"https://host.test{BASE}", transport=httpx.MockTransport(self._answer), **options)
        self.client = LiveClient(http, **LIVE_PATHS)

    @property
    def asked(self) -> list[str]:
        return [request.url.path.removeprefix(BASE) for request in self.requests]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get(request.url.path.removeprefix(BASE), UNKNOWN)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def ok(document: Any) -> httpx.Response:
    return httpx.Response(200, text=json.dumps(document))


def redirecting() -> Service:
    """A service as the documentation shows it: a name leads to an id."""
    service = Service()
    service.answers[f"/stock/ztf/{NAME}"] = httpx.Response(
        307, headers={"location": f"http://host.test{BASE}/stock/{ID}"}
    )
    service.answers[f"/stock/{ID}"] = ok(DOCUMENT)
    return service


async def test_a_stock_is_found_behind_its_redirect_and_directly_the_next_time():
    service = redirecting()
    for _ in range(3):
        found = await service.client.stock(NAME)
        assert found is not None
        assert found.key.id == ID
    assert service.asked == [f"/stock/ztf/{NAME}", *[f"/stock/{ID}"] * 3]
    assert {request.headers["authorization"] for request in service.requests} == {"bearer TOKEN"}


@pytest.mark.parametrize("gone", [UNKNOWN, FAILED, ok(None), ok({**DOCUMENT, "_id": ID + 16, "name": []}), ok([])])
async def test_a_remembered_target_that_moved_is_looked_up_again_by_name(gone: httpx.Response):
    service = redirecting()
    await service.client.stock(NAME)
    service.answers[f"/stock/{ID}"] = gone
    service.answers[f"/stock/ztf/{NAME}"] = ok(DOCUMENT)
    assert await service.client.stock(NAME) is not None
    assert service.asked[-1] == f"/stock/ztf/{NAME}"
    assert await service.client.stock(NAME) is not None
    assert service.asked[-2:] == [f"/stock/ztf/{NAME}"] * 2


async def test_a_refused_token_is_not_taken_for_a_moved_target():
    service = redirecting()
    await service.client.stock(NAME)
    service.answers[f"/stock/{ID}"] = httpx.Response(401, json={"detail": "no"})
    with pytest.raises(CredentialsRefused):
        await service.client.stock(NAME)


@pytest.mark.parametrize("answer", [UNKNOWN, ok(None)])
async def test_an_unknown_stock_is_none(answer: httpx.Response):
    service = Service()
    service.answers[f"/stock/ztf/{NAME}"] = service.answers[f"/stock/{ID}"] = answer
    assert await service.client.stock(NAME) is None
    assert await service.client.stock_by_id(ID) is None


async def test_a_404_that_is_not_the_services_own_says_nothing_of_the_stock():
    service = Service()
    service.answers[f"/stock/ztf/{NAME}"] = httpx.Response(404, html="<h1>no such site</h1>")
    with pytest.raises(NotOffered):
        await service.client.stock(NAME)


@pytest.mark.parametrize("answer", [[], [DOCUMENT], "text", 5, {}, {**DOCUMENT, "_id": 5, "name": []}, {"_id": "x"}])
async def test_an_answer_that_is_not_this_stock_is_unexpected(answer: Any):
    service = Service()
    service.answers[f"/stock/ztf/{NAME}"] = service.answers[f"/stock/{ID}"] = ok(answer)
    for ask in (service.client.stock(NAME), service.client.stock_by_id(ID)):
        with pytest.raises(UnexpectedAnswer):
            await ask


async def test_a_500_is_a_fault_of_this_stock():
    service = Service()
    service.answers[f"/stock/ztf/{NAME}"] = FAILED
    with pytest.raises(ServerFault):
        await service.client.stock(NAME)


async def test_what_is_no_name_is_not_asked_for():
    service = Service()
    with pytest.raises(RequestRefused, match="not a ZTF name"):
        await service.client.stock("../channels")
    assert service.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        [{"channel": "B", "more": 1}, {"channel": "A"}],
        [{"name": "A"}, {"name": "B"}],
        ["B", "A", "A"],
        {"channels": ["A", "B"]},
        {"channels": {"B": 5, "A": 1}, "total": 6},
    ],
)
async def test_channels_are_named_in_any_known_shape(answer: Any):
    service = Service()
    service.answers["/channels"] = ok(answer)
    assert await service.client.channels() == ("A", "B")


@pytest.mark.parametrize("answer", [None, "A", {}, [None], [{"channel": 1}], {"channels": None}])
async def test_what_is_no_list_of_channels_is_unexpected(answer: Any):
    service = Service()
    service.answers["/channels"] = ok(answer)
    with pytest.raises(UnexpectedAnswer):
        await service.client.channels()


@pytest.mark.parametrize("wrap", [lambda page: page, lambda page: {"stocks": page}])
async def test_a_page_of_a_listing_is_asked_with_its_parameters_and_from_a_whole_second(wrap: Callable[[Any], Any]):
    service = Service()
    service.answers["/stocks"] = ok(wrap([DOCUMENT, {"_id": 0}]))
    after = datetime(2026, 11, 22, 21, 0, 0, 250000, tzinfo=UTC)
    page = await service.client.list_stocks("A&B+C", after=after, limit=2, skip=4)
    assert [snapshot.key.id for snapshot in page] == [ID, 0]
    assert dict(service.requests[0].url.params) == {
        "channel": "A&B+C",
        "after": "2026-11-22T21:00:00Z",
        "limit": "2",
        "skip": "4",
    }


async def test_the_first_listing_has_no_beginning_and_an_empty_page_is_one():
    service = Service()
    service.answers["/stocks"] = ok([])
    assert await service.client.list_stocks("A", limit=100) == ()
    assert "after" not in service.requests[0].url.params


@pytest.mark.parametrize("answer", [None, {}, "x", [DOCUMENT, None], [DOCUMENT, {"channel": ["A"]}]])
async def test_a_page_with_one_bad_document_is_no_page(answer: Any):
    service = Service()
    service.answers["/stocks"] = ok(answer)
    with pytest.raises(UnexpectedAnswer):
        await service.client.list_stocks("A", limit=2)


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_service_without_listing_does_not_offer_it(status: int):
    service = Service()
    service.answers["/stocks"] = httpx.Response(status, json={"detail": "Not Found"})
    with pytest.raises(NotOffered):
        await service.client.list_stocks("A", limit=2)


async def test_offered_routes_come_from_the_services_own_description():
    service = Service()
    assert await service.client.offered_routes() is None
    service.answers["/openapi.json"] = ok({"paths": {"/stock/{id}": {}, "/channels": {}}})
    assert await service.client.offered_routes() == {"/stock/{id}", "/channels"}
    for useless in (ok({"paths": {}}), ok([]), FAILED, httpx.Response(200, html="<html>")):
        service.answers["/openapi.json"] = useless
        assert await service.client.offered_routes() is None


async def test_remembered_targets_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ampel_watch.services.live._REMEMBERED_TARGETS", 2)
    service = Service()
    names = [ztf.name_of(stock_id) for stock_id in (16, 32, 48)]
    for stock_id, name in zip((16, 32, 48), names, strict=True):
        service.answers[f"/stock/ztf/{name}"] = httpx.Response(307, headers={"location": f"{BASE}/stock/{stock_id}"})
        service.answers[f"/stock/{stock_id}"] = ok({"_id": stock_id})
        await service.client.stock(name)
    service.requests.clear()
    for name in reversed(names):
        await service.client.stock(name)
    assert service.asked == ["/stock/48", "/stock/32", f"/stock/ztf/{names[0]}", "/stock/16"]


async def test_without_a_token_nothing_is_known_of_it():
    assert Service(token=None).client.identity() is None
    assert Service(token=None).client.token is None
    assert Service().client.identity() is None


async def test_a_document_nested_beyond_use_is_unexpected():
    deep: Any = 1
    for _ in range(600):
        deep = [deep]
    service = Service()
    service.answers[f"/stock/{ID}"] = ok({"_id": ID, "journal": [{"extra": deep}], "body": deep})
    try:
        assert await service.client.stock_by_id(ID) is not None
    except UnexpectedAnswer:
        return
