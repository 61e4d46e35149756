import asyncio
import ssl
from base64 import b64decode
from typing import Any

import aiohttp
import pytest

from ampel_watch.errors import ServiceUnavailable
from ampel_watch.services.connections import reason_of
from tests.services.recordings import service_http
from tests.services.wire import Wire, fault, reply

FINE = reply({"fine": True})


async def test_a_proxy_is_used_and_told_its_password_alone():
    async with Wire(FINE) as proxy:
        http = service_http("live", "http://service.test/api", proxy=proxy.url.replace("//", "//me:psst@"))
        assert await http.get_json("/x") == {"fine": True}
        await http.aclose()
    (seen,) = proxy.requests
    assert seen.target == "http://service.test/api/x"
    assert seen.headers["host"] == "service.test"
    assert seen.headers["authorization"] == "bearer TOKEN"
    assert b64decode(seen.headers["proxy-authorization"].removeprefix("Basic ")) == b"me:psst"


@pytest.mark.parametrize("proxy", ["nonsense", "socks5://me:psst@host:1", "http://[::"])
def test_a_proxy_that_cannot_be_used_is_refused(proxy: str):
    with pytest.raises(ValueError, match="http or https") as caught:
        service_http("live", "http://service.test", proxy=proxy)
    assert "psst" not in str(caught.value)


async def test_a_tls_service_is_reached_through_the_proxy_or_not_at_all():
    async with Wire(reply(status=407, raw=b"")) as proxy:
        http = service_http(
            "live", "https://service.test/api", proxy=proxy.url.replace("//", "//me:psst@"), patience_s=1
        )
        with pytest.raises(ServiceUnavailable, match="the proxy answered 407") as caught:
            await http.get_json("/x")
        await http.aclose()
    assert {seen.method for seen in proxy.requests} == {"CONNECT"}
    assert all(seen.headers["proxy-authorization"].startswith("Basic ") for seen in proxy.requests)
    assert "TOKEN" not in str(proxy.requests)
    assert "psst" not in str(caught.value)


async def test_a_proxy_that_is_not_there_makes_the_service_unavailable():
    async with Wire(FINE) as proxy:
        gone = proxy.url
    http = service_http("live", "http://service.test", proxy=gone.replace("//", "//me:psst@"), patience_s=1)
    with pytest.raises(ServiceUnavailable) as caught:
        await http.get_json("/x")
    await http.aclose()
    assert "psst" not in str(caught.value)


async def test_the_environment_sets_no_proxy(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with Wire(FINE) as wire:
        http = service_http("live", wire.url)
        assert await http.get_json("/x") == {"fine": True}
        await http.aclose()


async def test_cookies_are_not_kept():
    async with Wire(reply({}, set_cookie="a=b; Path=/")) as wire:
        http = service_http("live", wire.url)
        await http.get_json("/x")
        await http.get_json("/x")
        await http.aclose()
    assert "cookie" not in wire.requests[1].headers


async def test_a_renewed_pool_lets_what_is_under_way_end():
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def later(writer: asyncio.StreamWriter) -> bool:
        arrived.set()
        await go_on.wait()
        return await FINE(writer)

    async with Wire(later, fault(), FINE) as wire:
        http = service_http("live", wire.url)
        slow = asyncio.create_task(http.get_json("/slow"))
        await arrived.wait()
        assert await http.get_json("/x") == {"fine": True}
        go_on.set()
        assert await slow == {"fine": True}
        await http.aclose()


async def test_closing_twice_or_unused_is_harmless():
    http = service_http("live", "http://service.test")
    await http.aclose()
    await http.aclose()


@pytest.mark.parametrize(
    "answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", b"\x00"]
)
async def test_what_is_no_http_is_an_unavailable_service(answer: bytes):
    async def speak(writer: asyncio.StreamWriter) -> bool:
        writer.write(answer)
        await writer.drain()
        return False

    async with Wire(speak) as wire:
        http = service_http("live", wire.url, patience_s=1)
        with pytest.raises(ServiceUnavailable):
            await http.get_json("/x")
        await http.aclose()


async def test_a_chunked_body_that_breaks_off_is_asked_for_again():
    async def broken(writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"10\r\n{")
        await writer.drain()
        return False

    async with Wire(broken, FINE) as wire:
        http = service_http("live", wire.url)
        assert await http.get_json("/x") == {"fine": True}
        await http.aclose()


async def test_plain_http_where_tls_is_expected_is_unavailable():
    def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 this is plain HTTP\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        http = service_http("live", f"https://127.0.0.1:{port}", patience_s=1)
        with pytest.raises(ServiceUnavailable, match=r"TLS|lost"):
            await http.get_json("/x")
        await http.aclose()


def chained(outer: BaseException, cause: BaseException) -> BaseException:
    outer.__cause__ = cause
    return outer


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (chained(RuntimeError("x"), ConnectionRefusedError(111, "Connection refused")), "connection refused"),
        (TimeoutError(), "no answer in time"),
        (aiohttp.ServerDisconnectedError(), "the connection was lost"),
        (ssl.SSLError("record layer failure"), "the TLS connection failed"),
        (ValueError("https://user:psst@host"), "the connection was lost"),
    ],
)
def test_reasons_are_words(error: Any, words: str):
    assert reason_of(error) == words
