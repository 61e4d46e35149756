from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from ampel_watch.clock import ManualClock
from ampel_watch.sandbox import NightSky, Sandbox
from ampel_watch.sandbox.dates import jd_of

Get = Callable[..., Any]
Post = Callable[..., Any]


async def start(sandbox: Sandbox, post: Post, **more: Any) -> str:
    body = {"jd": {"$lt": jd_of(sandbox.night_dates[2])}, "chunk_size": 40} | more
    made = await post(f"{sandbox.archive_url}/streams/from_query", body, sandbox.archive_token)
    assert made.status == 202, made.text
    return f"{sandbox.archive_url}/stream/{made.json['resume_token']}"


async def chunks(get: Get, url: str) -> list[Any]:
    pages = []
    while (page := (await get(f"{url}/chunk", with_history="false")).json)["alerts"]:
        pages.append(page)
    return pages


def candids(page: Any) -> set[int]:
    return {alert["candid"] for alert in page["alerts"]}


async def test_chunks_go_up_in_jd_are_unordered_inside_and_numbered_over_all_streams(
    sandbox: Sandbox, get: Get, post: Post
) -> None:
    pages = await chunks(get, await start(sandbox, post))
    times = [[alert["candidate"]["jd"] for alert in page["alerts"]] for page in pages]
    assert len(pages) > 2
    assert all(max(a) <= min(b) for a, b in pairwise(times))
    assert any(jds != sorted(jds) for jds in times)
    other = await chunks(get, await start(sandbox, post))
    assert min(page["chunk"] for page in other) > max(page["chunk"] for page in pages)


async def test_counts_move_from_remaining_to_pending_to_nothing(sandbox: Sandbox, get: Get, post: Post) -> None:
    url = await start(sandbox, post)
    before = (await get(url)).json
    page = (await get(f"{url}/chunk")).json
    assert page["remaining"]["items"] == before["remaining"]["items"] - 40
    assert page["pending"] == {"items": 40, "chunks": 1}
    acknowledged = await post(f"{url}/chunk/{page['chunk']}/acknowledge")
    assert (acknowledged.status, acknowledged.json) == (200, None)
    assert (await get(url)).json["pending"] == {"items": 0, "chunks": 0}
    assert (await post(f"{url}/chunk/999999/acknowledge")).status == 200


async def test_the_end_is_a_page_without_a_chunk_for_ever(sandbox: Sandbox, get: Get, post: Post) -> None:
    url = await start(sandbox, post)
    await chunks(get, url)
    for _ in range(2):
        page = (await get(f"{url}/chunk")).json
        assert page["alerts"] == []
        assert "chunk" not in page
        assert page["pending"]["items"] > 0


async def test_what_is_not_acknowledged_in_ten_minutes_comes_again_with_its_number(
    sandbox: Sandbox, clock: ManualClock, get: Get, post: Post
) -> None:
    url = await start(sandbox, post)
    first, second = (await chunks(get, url))[:2]
    await post(f"{url}/chunk/{first['chunk']}/acknowledge")
    clock.advance(timedelta(minutes=9))
    assert (await get(f"{url}/chunk")).json["alerts"] == []
    clock.advance(timedelta(minutes=2))
    again = (await get(f"{url}/chunk")).json
    assert (again["chunk"], candids(again)) == (second["chunk"], candids(second))


async def test_a_stream_that_is_not_read_for_a_day_is_gone(
    sandbox: Sandbox, clock: ManualClock, get: Get, post: Post
) -> None:
    url = await start(sandbox, post)
    clock.advance(timedelta(days=1, minutes=1))
    reply = await get(f"{url}/chunk")
    assert (reply.status, reply.json) == (404, {"detail": "Stream not found"})


async def test_a_new_stream_is_missing_then_pending_then_ready(
    small_sky: NightSky, clock: ManualClock, get: Get, post: Post
) -> None:
    async with Sandbox(small_sky, clock=clock, pending_polls=2, missing_polls=1) as sandbox:
        sandbox.advance(clock.now())
        url = await start(sandbox, post)
        statuses = [(await get(url)).status, (await get(f"{url}/chunk")).status]
        statuses += [(await post(f"{url}/chunk/1/acknowledge")).status, (await get(url)).status]
        assert statuses == [404, 423, 423, 200]


async def test_a_chunk_size_of_zero_is_accepted_and_then_fails(sandbox: Sandbox, get: Get, post: Post) -> None:
    reply = await get(await start(sandbox, post, chunk_size=0))
    assert reply.status == 424
    assert "division by zero" in reply.json["detail"]["msg"]


async def test_releasing_is_broken(sandbox: Sandbox, get: Get, post: Post) -> None:
    url = await start(sandbox, post)
    number = (await get(f"{url}/chunk")).json["chunk"]
    assert (await post(f"{url}/chunk/{number}/release")).status == 500


async def test_a_chunk_that_crashes_was_handed_out_all_the_same(sandbox: Sandbox, get: Get, post: Post) -> None:
    first = sandbox.archive._by_time[0]
    object.__setattr__(sandbox.archive._by_time[45], "schema", None)
    try:
        url = await start(sandbox, post)
        statuses = [(await get(f"{url}/chunk")).status for _ in range(3)]
        assert statuses == [200, 500, 200]
        assert (await get(url)).json["pending"]["chunks"] == 3
    finally:
        object.__setattr__(sandbox.archive._by_time[45], "schema", first.schema)


@pytest.mark.parametrize(
    "body",
    [{}, {"jd": {}, "chunk_size": -1}, {"objectId": ["x"], "with_history": True},
     {"cone": {"ra": 1, "dec": 2, "radius": 20}}],
)  # fmt: skip
async def test_wrong_queries_are_refused_by_every_variant(sandbox: Sandbox, post: Post, body: Any) -> None:
    reply = await post(f"{sandbox.archive_url}/streams/from_query", body, sandbox.archive_token)
    assert reply.status == 422
    variants = {fault["loc"][1] for fault in reply.json["detail"]}
    assert variants == {"AlertQuery", "ObjectQuery", "HEALpixRegionQuery"}
