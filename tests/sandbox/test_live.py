from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from ampel_watch import ztf
from ampel_watch.clock import ManualClock
from ampel_watch.sandbox import NightSky, Sandbox

Get = Callable[..., Any]
ALL = "SANDBOX_ALL"


def first_name(sandbox: Sandbox) -> str:
    return sandbox.entries[0].name


async def test_a_name_redirects_to_the_id_on_the_same_host(sandbox: Sandbox, get: Get) -> None:
    name = first_name(sandbox)
    reply = await get(f"{sandbox.live_url}/stock/ztf/{name}", sandbox.live_token)
    assert reply.status == 307
    assert reply.headers["location"] == f"{sandbox.live_url}/stock/{ztf.id_of(name)}"
    stock = await get(reply.headers["location"], sandbox.live_token)
    assert stock.json["name"] == [name]
    assert stock.json["_id"] == ztf.id_of(name)
    assert ALL in stock.json["channel"]
    assert datetime.fromisoformat(stock.json["created"]["any"]).tzinfo is None


async def test_a_name_that_ampels_mapper_does_not_understand_is_a_500(sandbox: Sandbox, get: Get) -> None:
    reply = await get(f"{sandbox.live_url}/stock/ztf/SN2011fe", sandbox.live_token)
    assert (reply.status, reply.text) == (500, "Internal Server Error")


@pytest.mark.parametrize(("unknown", "status"), [("404", 404), ("500", 500), ("null", 200)])
async def test_an_unknown_stock_is_answered_as_set(
    small_sky: NightSky, clock: ManualClock, get: Get, unknown: Any, status: int
) -> None:
    async with Sandbox(small_sky, clock=clock, unknown_stock=unknown) as sandbox:
        reply = await get(f"{sandbox.live_url}/stock/16", sandbox.live_token)
        assert (reply.status, reply.json) == (status, {"detail": "Not Found"} if status == 404 else None)


@pytest.mark.parametrize("path", ["/stock/ztf/ZTF18abcecyc", "/stock/16", "/channels", "/stocks?channel=x", "/events"])
async def test_every_route_wants_a_valid_token(sandbox: Sandbox, clock: ManualClock, get: Get, path: str) -> None:
    url = sandbox.live_url + path
    assert (await get(url)).status == 403
    assert (await get(url, "no.jwt.atall")).status == 401
    assert (await get(url, sandbox.archive_token)).status == 401
    short = sandbox.issue_live_token(life=timedelta(minutes=1))
    assert (await get(url, short)).status != 401
    clock.advance(timedelta(minutes=2))
    refused = await get(url, short)
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_token_signed_by_someone_else_is_refused(sandbox: Sandbox, small_sky: NightSky, get: Get) -> None:
    stranger = Sandbox(small_sky, clock=ManualClock(datetime.fromisoformat("2026-10-12T18:00Z")), seed=99)
    assert (await get(f"{sandbox.live_url}/channels", stranger.live_token)).status == 401


async def test_channels_that_a_token_may_not_see_are_left_out(
    small_sky: NightSky, clock: ManualClock, get: Get
) -> None:
    restricted = {ALL: frozenset({"Secret/team"})}
    async with Sandbox(small_sky, clock=clock, restricted=restricted) as sandbox:
        sandbox.advance(clock.now())
        url = f"{sandbox.live_url}/stock/{ztf.id_of(first_name(sandbox))}"
        insider = sandbox.issue_live_token(teams=("Secret/team",))
        assert ALL in (await get(url, insider)).json["channel"]
        assert ALL not in (await get(url, sandbox.live_token)).json["channel"]
        names = [c["channel"] for c in (await get(f"{sandbox.live_url}/channels", sandbox.live_token)).json]
        assert names == ["SANDBOX_INFANT_SN", "SANDBOX_BRIGHT_TRANSIENTS", "SANDBOX_AGN"]
        assert (await get(f"{sandbox.live_url}/channel/{ALL}", sandbox.live_token)).status == 404
        assert (await get(f"{sandbox.live_url}/channel/SANDBOX_AGN", sandbox.live_token)).status == 200
        assert (await get(f"{sandbox.live_url}/stocks", sandbox.live_token, channel=ALL)).json == []


async def page_through(sandbox: Sandbox, get: Get, **params: Any) -> list[Any]:
    found: list[Any] = []
    while page := (await get(f"{sandbox.live_url}/stocks", sandbox.live_token, skip=len(found), **params)).json:
        found += page
    return found


async def test_a_listing_pages_through_a_channel_and_caps_the_limit(sandbox: Sandbox, get: Get) -> None:
    members = {entry.name for entry in sandbox.entries if entry.channel == ALL}
    assert len(members) > 100
    first = await get(f"{sandbox.live_url}/stocks", sandbox.live_token, channel=ALL, limit=1000)
    assert len(first.json) == 100
    listed = await page_through(sandbox, get, channel=ALL, limit=1000)
    assert [stock["updated"][ALL] for stock in listed] == sorted(stock["updated"][ALL] for stock in listed)
    assert {stock["name"][0] for stock in listed} == members
    assert len(listed) == len(members)


async def test_a_listing_after_a_date_holds_what_was_touched_since(
    sandbox: Sandbox, clock: ManualClock, get: Get
) -> None:
    name = first_name(sandbox)
    clock.advance(timedelta(hours=1))
    sandbox.touch(name)
    since = (clock.now() - timedelta(minutes=1)).isoformat()
    listed = await page_through(sandbox, get, channel=ALL, after=since)
    assert [stock["name"] for stock in listed] == [[name]]


async def test_a_service_without_a_listing_has_no_such_route(small_sky: NightSky, clock: ManualClock, get: Get) -> None:
    async with Sandbox(small_sky, clock=clock, listing=False) as sandbox:
        assert (await get(f"{sandbox.live_url}/stocks", sandbox.live_token, channel=ALL)).status == 404
        openapi = (await get(f"{sandbox.live_url}/openapi.json")).json
        assert "/stocks" not in openapi["paths"]
        assert "/stock/ztf/{name}" in openapi["paths"]


@pytest.mark.parametrize(
    "params", [{}, {"channel": ALL, "limit": 0}, {"channel": ALL, "skip": -1}, {"channel": ALL, "after": "x"}]
)
async def test_a_wrong_listing_request_is_a_422(sandbox: Sandbox, get: Get, params: dict[str, Any]) -> None:
    reply = await get(f"{sandbox.live_url}/stocks", sandbox.live_token, **params)
    assert reply.status == 422
    assert reply.json["detail"][0]["loc"][0] == "query"


async def test_tiers_of_a_stock(sandbox: Sandbox, get: Get) -> None:
    name = first_name(sandbox)
    for tier in (0, 2):
        reply = await get(f"{sandbox.live_url}/stock/ztf/{name}/t{tier}", sandbox.live_token)
        assert reply.json["tier"] == tier
        assert reply.json["matches"][0]["stock"] == ztf.id_of(name)
        nothing = await get(f"{sandbox.live_url}/stock/ztf/ZTF17aaaaaaa/t{tier}", sandbox.live_token)
        assert nothing.json == {"matches": [], "tier": tier}


async def test_events_are_selected_by_process_and_period(sandbox: Sandbox, clock: ManualClock, get: Get) -> None:
    url, token = f"{sandbox.live_url}/events", sandbox.live_token
    every = (await get(url, token)).json["events"]
    of_process = (await get(f"{url}/DefaultT2Process", token)).json["events"]
    assert of_process == (await get(url, token, process="DefaultT2Process")).json["events"]
    assert len(of_process) == len(every) / 2
    assert len((await get(url, token, after="P3D")).json["events"]) < len(every)
    start = sandbox.ampel.runs[0].at
    early = (await get(url, token, before=(start + timedelta(days=1)).isoformat())).json["events"]
    assert 0 < len(early) < len(every)
    summary = (await get(f"{sandbox.live_url}/event_summary", token)).json["processes"]
    assert sum(process["count"] for process in summary) == len(every)


async def test_a_removed_stock_is_unknown_and_one_that_left_stays(sandbox: Sandbox, get: Get) -> None:
    gone, left = (entry.name for entry in sandbox.entries[:2])
    sandbox.remove_stock(gone)
    sandbox.leave(left, ALL)
    assert (await get(f"{sandbox.live_url}/stock/{ztf.id_of(gone)}", sandbox.live_token)).status == 404
    stock = (await get(f"{sandbox.live_url}/stock/{ztf.id_of(left)}", sandbox.live_token)).json
    assert ALL not in stock["channel"]
    sandbox.enter(left, ALL)
    stock = (await get(f"{sandbox.live_url}/stock/{ztf.id_of(left)}", sandbox.live_token)).json
    assert ALL in stock["channel"]
