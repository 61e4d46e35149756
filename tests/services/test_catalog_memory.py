"""What a bad catalog costs the others, counted in requests."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ampel_watch.clock import ManualClock
from ampel_watch.errors import ServiceUnavailable
from ampel_watch.model import CatalogQuery
from ampel_watch.services.catalog import CatalogClient, CatalogFault
from tests.services.recordings import service_http

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NAMES = ("a", "b", "c", "d")


class Service:
    """A catalog service that has some catalogs, of which some break; it counts what it is asked for."""

    def __init__(self, *have: str, broken: tuple[str, ...] = ()) -> None:
        self.have = set(have)
        self.broken = set(broken)
        self.listing: httpx.Response | None = None
        self.asked: list[list[str]] = []
        self.listed = 0
        self.client = CatalogClient(
            service_http("catalog", "https://host.test/cm", token=None, transport=httpx.MockTransport(self._answer))
        )

    def pass_time(self, by: timedelta) -> None:
        assert isinstance(self.client.http.clock, ManualClock)
        self.client.http.clock.advance(by)

    async def search(self, *names: str) -> dict[str, bool | CatalogFault]:
        """One search; what was asked for it is in `asked`."""
        self.asked.clear()
        names = names or NAMES
        queries = [CatalogQuery(name, "extcats", 5.0) for name in names]
        return dict(zip(names, await self.client.any(5, 5, queries), strict=True))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            self.listed += 1
            entries = [{"name": name, "use": "extcats", "columns": []} for name in sorted(self.have)]
            return self.listing or httpx.Response(200, json=entries)
        names = [item["name"] for item in json.loads(request.content)["catalogs"]]
        self.asked.append(names)
        unknown = [place for place, name in enumerate(names) if name not in self.have]
        if unknown:
            detail = [{"loc": ["body", "catalogs", place, "extcats", "name"], "msg": "Unknown"} for place in unknown]
            return httpx.Response(422, json={"detail": detail})
        if self.broken & set(names):
            return httpx.Response(500, text="Internal Server Error")
        return httpx.Response(200, json=[True] * len(names))


def faults(answers: dict[str, Any]) -> set[str]:
    return {name for name, answer in answers.items() if isinstance(answer, CatalogFault)}


async def test_a_catalog_that_was_refused_is_left_out_for_a_day() -> None:
    service = Service("a", "b", "c")
    assert faults(await service.search()) == {"d"}
    assert service.asked == [["a", "b", "c", "d"], ["a", "b", "c"]]
    answers = await service.search()
    assert faults(answers) == {"d"}
    assert isinstance(answers["d"], CatalogFault)
    assert answers["d"].absent
    assert service.asked == [["a", "b", "c"]]
    service.have.add("d")
    service.pass_time(DAY)
    assert faults(await service.search()) == set()
    assert service.asked == [["a", "b", "c", "d"]]


async def test_what_the_service_does_not_list_is_never_asked_for() -> None:
    service = Service("a", "b", "c")
    await service.client.know_offer()
    answers = await service.search()
    assert answers["d"] == CatalogFault("d", "the service has no extcats catalog d")
    assert service.asked == [["a", "b", "c"]]
    assert service.client.lacks("d", "extcats")
    assert service.client.lacks("a", "catsHTM")
    assert not service.client.lacks("a", "extcats")


async def test_the_catalogs_are_listed_once_a_day() -> None:
    service = Service("a", "b", "c")
    for _ in range(3):
        await service.client.know_offer()
    assert service.listed == 1
    service.pass_time(DAY)
    service.have.add("d")
    await service.client.know_offer()
    assert service.listed == 2
    assert faults(await service.search()) == set()


async def test_a_listed_catalog_that_is_refused_all_the_same_is_left_out() -> None:
    service = Service(*NAMES)
    await service.client.know_offer()
    service.have.remove("c")
    await service.search()
    assert faults(await service.search()) == {"c"}
    assert service.asked == [["a", "b", "d"]]
    assert service.client.lacks("c", "extcats")


@pytest.mark.parametrize(
    "listing", [httpx.Response(500, text="x"), httpx.Response(404, text="x"), httpx.Response(200, json={})]
)
async def test_a_service_that_cannot_list_its_catalogs_is_searched(listing: httpx.Response) -> None:
    service = Service("a", "b", "c")
    service.listing = listing
    await service.client.know_offer()
    await service.client.know_offer()
    assert not service.client.lacks("d", "extcats")
    assert faults(await service.search()) == {"d"}


async def test_a_service_that_is_down_does_not_say_what_it_has() -> None:
    service = Service("a")
    service.listing = httpx.Response(503, text="x")
    with pytest.raises(ServiceUnavailable):
        await service.client.know_offer()


async def test_a_catalog_that_fails_is_left_out_for_an_hour() -> None:
    service = Service(*NAMES, broken=("b",))
    assert faults(await service.search()) == {"b"}
    assert len(service.asked) == 2 + 3 + 2  # together, and again; each alone, the broken one twice
    for _ in range(3):
        service.pass_time(10 * MINUTE)
        answers = await service.search()
        assert answers["b"] == CatalogFault("b", "catalog: POST /cone_search/any: the service failed (500)")
        assert service.asked == [["a", "c", "d"]]
    assert isinstance(answers["b"], CatalogFault)
    assert not answers["b"].absent
    assert not service.client.lacks("b", "extcats")


async def test_after_an_hour_the_one_that_failed_is_asked_alone() -> None:
    service = Service(*NAMES, broken=("b",))
    await service.search()
    service.pass_time(HOUR)
    assert faults(await service.search()) == {"b"}
    assert service.asked == [["a", "c", "d"], ["b"], ["b"]]
    await service.search()
    assert service.asked == [["a", "c", "d"]]


async def test_one_that_is_mended_is_asked_with_the_others_again() -> None:
    service = Service(*NAMES, broken=("b",))
    await service.search()
    service.broken.clear()
    service.pass_time(HOUR)
    assert faults(await service.search()) == set()
    assert faults(await service.search()) == set()
    assert service.asked == [["a", "b", "c", "d"]]


async def test_when_all_fail_it_is_the_service_and_none_is_left_out() -> None:
    service = Service(*NAMES, broken=NAMES)
    assert faults(await service.search()) == set(NAMES)
    assert faults(await service.search()) == set(NAMES)
    assert service.asked == [[*NAMES], [*NAMES]]  # nobody is searched for a culprit
    service.broken = {"c"}
    service.pass_time(5 * MINUTE)
    assert faults(await service.search()) == {"c"}
    service.broken.clear()
    service.pass_time(HOUR)
    assert faults(await service.search()) == set()


async def test_a_service_that_recovers_at_once_is_asked_at_once() -> None:
    service = Service(*NAMES, broken=NAMES)
    await service.search()
    service.broken.clear()
    assert faults(await service.search()) == set()


async def test_a_clock_that_is_set_back_lets_nothing_be_left_out_for_long() -> None:
    service = Service("a", "b", "c", broken=("b",))
    await service.search()
    service.have.add("d")
    service.broken.clear()
    service.pass_time(-DAY)
    assert faults(await service.search()) == set()


async def test_each_further_stock_costs_one_request() -> None:
    service = Service("a", "b", "c", broken=("b",))
    await service.client.know_offer()
    requests = 0
    for _ in range(200):
        answers = await service.search()
        assert faults(answers) == {"b", "d"}
        requests += len(service.asked)
    assert requests <= 200 + 7
    assert service.listed == 1
