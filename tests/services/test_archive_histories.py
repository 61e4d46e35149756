"""What the archive is asked for with its history, and what only since a time."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from ampel_watch.clock import ManualClock
from ampel_watch.errors import ServerFault, StreamFailed
from ampel_watch.sandbox import NightSky, Sandbox, SkySettings
from ampel_watch.services.archive import ArchiveClient
from ampel_watch.services.streams import StreamQuery
from ampel_watch.settings import Secret
from tests.services.archive_answers import (
    FAILED,
    HUSH,
    NAME,
    PENDING,
    Service,
    breaks,
    candids,
    document,
    drain,
    ok,
)
from tests.services.recordings import service_http

QUERY = StreamQuery(names=(NAME,))
NOW = datetime(2026, 10, 12, 18, tzinfo=UTC)


def info(remaining: Any) -> httpx.Response:
    return ok({"resume_token": HUSH, "remaining": remaining})


def page(number: int | None, remaining: Any, *alerts: dict[str, Any]) -> httpx.Response:
    chunk = {} if number is None else {"chunk": number}
    return ok({"resume_token": HUSH, **chunk, "alerts": list(alerts), "remaining": remaining})


def items(count: Any) -> dict[str, Any]:
    return {"items": count, "chunks": 1}


async def drain_with_history(service: Service, history_of_last: int) -> list[Any]:
    chunks = []
    async for chunk in service.client.stream(QUERY, history_of_last=history_of_last):
        chunks.append(chunk)
        await chunk.acknowledge()
    return chunks


def asked_with_history(service: Service) -> list[bool]:
    return [request.url.params["with_history"] == "true" for request in service.asked("chunk")]


@pytest.mark.parametrize(("history_of_last", "expected"), [(3, True), (2, False), (1000, True), (0, False)])
async def test_history_is_asked_for_if_few_enough_alerts_wait(history_of_last: int, expected: bool):
    waiting = page(5, items(0), document(1, 1.0), document(2, 2.0), document(3, 3.0))
    service = Service(info=[PENDING, info(items(3))], chunk=[waiting, page(None, items(0))], acknowledge=[ok(None)])
    chunks = await drain_with_history(service, history_of_last)
    assert asked_with_history(service) == [expected, False], "at the end there is nothing left that has a history"
    assert [chunk.with_history for chunk in chunks] == [expected]


async def test_history_is_asked_for_once_the_page_before_says_that_few_remain():
    service = Service(
        info=[info(items(5))],
        chunk=[
            page(5, items(3), document(1, 1.0), document(2, 2.0)),
            page(6, items(1), document(3, 3.0), document(4, 4.0)),
            page(7, items(0), document(5, 5.0)),
            page(None, items(0)),
        ],
        acknowledge=[ok(None)],
    )
    chunks = await drain_with_history(service, 3)
    assert asked_with_history(service) == [False, True, True, False]
    assert [chunk.with_history for chunk in chunks] == [False, True, True]
    assert candids(chunks) == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize("remaining", [None, {}, [], items(None), items("2"), items(2.0), items(-1), "x"])
async def test_an_archive_that_does_not_say_how_many_wait_is_asked_for_no_history(remaining: Any):
    service = Service(
        info=[info(remaining)],
        chunk=[page(5, remaining, document(1, 1.0)), page(None, remaining)],
        acknowledge=[ok(None)],
    )
    assert candids(await drain_with_history(service, 1000)) == [[1]]
    assert asked_with_history(service) == [False, False]


@pytest.mark.parametrize("loss", [FAILED, breaks])
async def test_a_lost_chunk_leaves_no_more_to_come_than_there_were(loss: Any):
    service = Service(
        info=[info(items(3))],
        chunk=[loss, page(6, items(0), document(2, 2.0)), page(None, items(0))],
        acknowledge=[ok(None)],
    )
    with pytest.raises(StreamFailed) as caught:
        await drain_with_history(service, 3)
    assert caught.value.lost == ((None, 2.0),)
    assert asked_with_history(service) == [True, True, False]


async def test_a_chunk_that_has_to_be_waited_for_is_asked_for_by_the_newer_count():
    service = Service(
        info=[info(items(9)), info(items(2))],
        chunk=[PENDING, page(5, items(0), document(1, 1.0)), page(None, items(0))],
        acknowledge=[ok(None)],
    )
    await drain_with_history(service, 2)
    assert asked_with_history(service) == [False, True, False]


async def test_without_a_word_about_history_none_is_asked_for():
    service = Service(
        info=[info(items(1))],
        chunk=[page(5, items(0), document(1, 1.0)), page(None, items(0))],
        acknowledge=[ok(None)],
    )
    chunks = await drain(service, QUERY)
    assert asked_with_history(service) == [False, False]
    assert not chunks[0].with_history


async def test_photopoints_since_a_time_are_none_if_no_alert_is_as_new():
    service = Service(photopoints=[FAILED], alerts=[ok([])])
    assert await service.client.photopoints(NAME, jd_start=2459293.5) is None
    assert dict(service.asked("photopoints")[0].url.params) == {"jd_start": "2459293.5"}
    assert dict(service.asked("alerts")[0].url.params) == {"jd_start": "2459293.5", "limit": "1"}


async def test_photopoints_since_a_time_that_fail_though_there_are_alerts_are_a_fault():
    service = Service(photopoints=[FAILED], alerts=[ok([document(1, 2459300.5)])])
    with pytest.raises(ServerFault):
        await service.client.photopoints(NAME, jd_start=2459293.5)


def sky() -> NightSky:
    few = SkySettings(fields=3, supernovae_per_night=2, agn=12, variable_stars=12, asteroids_per_night=3)
    return NightSky(7, date(2026, 10, 1), 40, few)


def client_of(sandbox: Sandbox) -> ArchiveClient:
    return ArchiveClient(service_http("archive", sandbox.archive_url, token=Secret(sandbox.partnership_token)))


async def test_the_sandbox_gives_the_last_chunks_with_history_and_photopoints_since_a_time():
    async with Sandbox(sky(), clock=ManualClock(NOW)) as sandbox:
        sandbox.advance(NOW)
        packets = max(sandbox.archive._of_object.values(), key=len)
        name, count = packets[0].name, len(packets)
        assert count > 4
        client = client_of(sandbox)
        query = StreamQuery(names=(name,), chunk_size=2)
        chunks = [chunk async for chunk in client.stream(query, history_of_last=count - 2)]
        assert [chunk.with_history for chunk in chunks] == [False] + [True] * (len(chunks) - 1)
        for chunk in chunks:
            histories = {alert.candid: alert.history for alert in chunk.alerts}
            assert all(
                len(histories[packet.candid]) == (len(packet.history) if chunk.with_history else 0)
                for packet in packets
                if packet.candid in histories
            )
        assert await client.photopoints(name, jd_start=packets[-1].jd + 1) is None
        newest = await client.photopoints(name, jd_start=packets[-1].jd)
        assert newest is not None
        assert newest.candid == packets[-1].candid
        await client.aclose()
