from typing import Any

import httpx
import pytest

from ampel_watch.errors import UnexpectedAnswer
from tests.services.recordings import service_http
from tests.services.wire import Wire, reply

FINE = reply({"fine": True})


def moved(location: str, status: int = 307) -> Any:
    return reply(status=status, raw=b"", location=location)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_on_the_origin_is_followed_with_the_token(status: int):
    async with Wire(moved("/stock/5?x=1#y", status), FINE) as wire:
        http = service_http("live", wire.url + "/api/live")
        answer = await http.request("GET", "/stock/ztf/{name}", path={"name": "n"})
        await http.aclose()
    assert [seen.target for seen in wire.requests] == ["/api/live/stock/ztf/n", "/stock/5?x=1"]
    assert all(seen.headers["authorization"] == "bearer TOKEN" for seen in wire.requests)
    assert answer.moved_to == "/stock/5?x=1"


async def test_where_a_redirect_led_can_be_asked_directly():
    async with Wire(FINE) as wire:
        http = service_http("live", wire.url + "/api/live")
        await http.request("GET", "/stock/ztf/{name}", at="/api/live/stock/5?x=1")
        await http.aclose()
    assert wire.requests[0].target == "/api/live/stock/5?x=1"


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirected_post_keeps_its_method_and_body(status: int):
    async with Wire(moved("/other/", status), FINE) as wire:
        http = service_http("catalog", wire.url)
        await http.request("POST", "/other", json={"a": 1})
        await http.aclose()
    assert [(seen.method, seen.body) for seen in wire.requests] == [("POST", b'{"a":1}')] * 2


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_post_is_not_turned_into_a_get(status: int):
    async with Wire(moved("/other", status)) as wire:
        http = service_http("catalog", wire.url)
        with pytest.raises(UnexpectedAnswer, match="redirect"):
            await http.request("POST", "/x", json={})
        await http.aclose()
    assert len(wire.requests) == 1


async def test_a_loop_of_redirects_ends():
    async with Wire(moved("/x")) as wire:
        http = service_http("live", wire.url)
        with pytest.raises(UnexpectedAnswer, match="more than 5 times"):
            await http.get_json("/x")
        await http.aclose()
    assert len(wire.requests) == 6


async def test_a_redirect_to_another_port_is_refused_and_gets_no_token():
    async with Wire(FINE) as other, Wire(moved(f"{other.url}/steal?token=psst")) as wire:
        http = service_http("live", wire.url)
        with pytest.raises(UnexpectedAnswer, match=r"elsewhere, to 127\.0\.0\.1") as caught:
            await http.get_json("/x")
        await http.aclose()
    assert other.requests == []
    assert "psst" not in str(caught.value)


def behind_tls(location: str, base: str = "https://host.test/api") -> tuple[Any, list[httpx.Request]]:
    """An HTTP layer whose service answers once with a redirect."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if len(seen) == 1:
            return httpx.Response(307, headers={"location": location})
        return httpx.Response(200, json={"fine": True})

    return service_http("live", base, transport=httpx.MockTransport(answer)), seen


@pytest.mark.parametrize("location", ["http://host.test/api/y", "http://host.test:80/api/y", "//host.test/api/y"])
async def test_a_plain_address_from_behind_a_tls_proxy_is_followed_over_tls(location: str):
    http, seen = behind_tls(location)
    assert await http.get_json("/x") == {"fine": True}
    assert str(seen[1].url) == "https://host.test/api/y"
    assert seen[1].headers["authorization"] == "bearer TOKEN"


async def test_the_port_of_the_base_address_is_kept():
    http, seen = behind_tls("http://host.test/api/y", base="https://host.test:8443/api")
    await http.get_json("/x")
    assert str(seen[1].url) == "https://host.test:8443/api/y"


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.test/api",
        "//evil.test/api",
        "http://host.test:8080/api",
        "https://host.test:444/",
        "https://host.test.evil.test/",
        "https://user:pass@host.test/api",
        "ftp://host.test/",
        "javascript:alert(1)",
        "https://ho\x01st/",
        "https://[::",
    ],
)
async def test_a_redirect_elsewhere_is_refused(location: str):
    http, seen = behind_tls(location)
    with pytest.raises(UnexpectedAnswer, match="redirects"):
        await http.get_json("/x")
    assert len(seen) == 1


async def test_from_plain_http_no_redirect_changes_to_tls():
    http, seen = behind_tls("https://host.test/api/x", base="http://host.test/api")
    with pytest.raises(UnexpectedAnswer, match=r"set services\.live\.url"):
        await http.get_json("/x")
    assert len(seen) == 1
