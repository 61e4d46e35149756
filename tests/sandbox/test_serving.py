import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from ampel_watch.sandbox import Fault, Sandbox

Get = Callable[..., Any]


async def test_nothing_is_offered_outside_the_root_path_but_an_empty_openapi(sandbox: Sandbox, get: Get) -> None:
    origin = sandbox.archive_url.removesuffix("/api/ztf/archive/v3")
    assert (await get(f"{origin}/object/x/alerts")).json == {"detail": "Not Found"}
    empty = await get(f"{origin}/openapi.json")
    assert (empty.status, empty.json["paths"]) == (200, {})


async def test_a_wrong_trailing_slash_redirects_with_the_query_kept(sandbox: Sandbox, get: Get) -> None:
    reply = await get(f"{sandbox.catalog_url}/catalogs")
    assert (reply.status, reply.headers["location"]) == (307, f"{sandbox.catalog_url}/catalogs/")
    reply = await get(f"{sandbox.archive_url}/object/x/alerts/", limit=3)
    assert reply.headers["location"] == f"{sandbox.archive_url}/object/x/alerts?limit=3"


async def test_wrong_methods_and_bodies_that_are_no_json(sandbox: Sandbox, call: Callable[..., Any]) -> None:
    url = f"{sandbox.catalog_url}/cone_search/any"
    assert (await call("GET", url)).json == {"detail": "Method Not Allowed"}
    reply = await call("POST", url, data=b"{", headers={"Content-Type": "application/json"})
    assert reply.status == 422
    assert reply.json["detail"][0]["type"] == "json_invalid"


async def raw(url: str, *requests: str) -> bytes:
    """Send requests over one plain connection and read until the server hangs up."""
    host, port = url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for path in requests:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_after_a_500_the_connection_is_closed_without_a_header_that_says_so(sandbox: Sandbox) -> None:
    answer = await raw(sandbox.archive_url, "/api/ztf/archive/v3/topic/nonesuch")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500")
    assert body == b"Internal Server Error"
    assert b"text/plain" in head
    assert b"connection: close" not in head.lower()


async def test_a_fault_answers_instead_so_many_times(sandbox: Sandbox, get: Get) -> None:
    sandbox.faults["live"] = Fault(status=503, body=b"busy", headers={"Retry-After": "7"}, times=2)
    url = f"{sandbox.live_url}/channels"
    replies = [await get(url, sandbox.live_token) for _ in range(3)]
    assert [reply.status for reply in replies] == [503, 503, 200]
    assert replies[0].headers["retry-after"] == "7"
    assert sandbox.faults["live"].times == 0
    del sandbox.faults["live"]
    with pytest.raises(KeyError):
        sandbox.faults["live"]


async def test_a_fault_can_strike_one_route_only(sandbox: Sandbox, get: Get) -> None:
    sandbox.faults["live"] = Fault(status=500, route="/stock/{id}")
    assert (await get(f"{sandbox.live_url}/stock/1", sandbox.live_token)).status == 500
    assert (await get(f"{sandbox.live_url}/channels", sandbox.live_token)).status == 200
    sandbox.faults.clear()
    assert (await get(f"{sandbox.live_url}/stock/1", sandbox.live_token)).status == 404


async def test_a_fault_can_cut_the_connection(sandbox: Sandbox, get: Get) -> None:
    sandbox.faults["catalog"] = Fault(reset=True)
    with pytest.raises(aiohttp.ClientError):
        await get(f"{sandbox.catalog_url}/catalogs/")
    assert not sandbox.tallies["catalog"].by_status


async def test_a_held_request_goes_on_when_it_is_let_go_and_is_counted_in_flight(sandbox: Sandbox, get: Get) -> None:
    gate = asyncio.Barrier(4)  # three requests and this test
    sandbox.faults["catalog"] = Fault(until=gate)
    url = f"{sandbox.catalog_url}/catalogs/"
    waiting = [asyncio.create_task(get(url)) for _ in range(3)]
    tally = sandbox.tallies["catalog"]
    await gate.wait()
    assert [(await task).status for task in waiting] == [200] * 3
    assert (tally.total, tally.most_in_flight, tally.in_flight) == (3, 3, 0)
    assert tally.most_per_second == 3
    assert tally.by_route == {"/catalogs/": 3}
    assert tally.by_status == {200: 3}


async def test_what_is_answered_is_json_without_nan(sandbox: Sandbox, get: Get) -> None:
    reply = await get(f"{sandbox.archive_url}/object/{sandbox.entries[0].name}/alerts", sandbox.archive_token)
    assert json.loads(reply.text, parse_constant=pytest.fail)
