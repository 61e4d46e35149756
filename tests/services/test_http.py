import asyncio
import logging
from typing import Any

import pytest

from ampel_watch.errors import (
    CredentialsRefused,
    NotOffered,
    RequestRefused,
    ServerFault,
    ServiceError,
    ServiceUnavailable,
    UnexpectedAnswer,
)
from ampel_watch.services.http import Endpoint, ServiceHttp
from ampel_watch.settings import Secret
from tests.services.recordings import Waiting, service_http
from tests.services.wire import Wire, drip, fault, hang_up, reply, reset, silence

FINE = reply({"fine": True})


async def get(wire: Wire, route: str = "/x", **options: Any) -> Any:
    call = {key: options.pop(key) for key in ("path", "params", "authorized") if key in options}
    http = service_http("live", wire.url, **options)
    try:
        return await http.get_json(route, **call)
    finally:
        await http.aclose()


async def test_a_document_comes_with_our_name_and_token():
    async with Wire(reply({"candid": 2**62 + 1})) as wire:
        assert await get(wire) == {"candid": 2**62 + 1}
    headers = wire.requests[0].headers
    assert headers["authorization"] == "bearer TOKEN"
    assert headers["user-agent"].startswith("ampel-watch/")
    assert headers["accept-encoding"] == "gzip"


async def test_no_token_goes_where_none_is_wanted():
    async with Wire(FINE) as wire:
        await get(wire, authorized=False)
    assert "authorization" not in wire.requests[0].headers


async def test_placeholders_and_parameters_are_quoted():
    async with Wire(FINE) as wire:
        await get(wire, "/a/{x}", path={"x": "b/../c?d#e%"}, params={"channel": "A+B & C/ü%2F", "none": None})
    assert wire.requests[0].target in (
        "/a/b%2F..%2Fc%3Fd%23e%25?channel=A%2BB+%26+C%2F%C3%BC%252F",
        "/a/b%2F..%2Fc%3Fd%23e%25?channel=A%2BB+%26+C/%C3%BC%252F",
    )


@pytest.mark.parametrize("value", ["", ".", ".."])
async def test_a_placeholder_cannot_change_the_route(value: str):
    async with Wire(FINE) as wire:
        with pytest.raises(RequestRefused):
            await get(wire, "/a/{x}", path={"x": value})
    assert wire.requests == []


@pytest.mark.parametrize("act", [drip, silence])
async def test_an_answer_without_an_end_is_ended(act: Any):
    async with Wire(act) as wire, asyncio.timeout(5):
        with pytest.raises(ServiceUnavailable, match="no complete answer"):
            await get(wire, timeout_s=0.2, patience_s=0.2)


@pytest.mark.parametrize("broken", [reset, hang_up])
async def test_a_broken_connection_is_replaced_at_once(broken: Any):
    waiting = Waiting()
    async with Wire(broken, FINE) as wire:
        assert await get(wire, waiting=waiting) == {"fine": True}
    assert [seen.connection for seen in wire.requests] == [1, 2]
    assert waiting.slept_s == [0.0]


async def test_a_connection_that_keeps_breaking_is_waited_for_within_the_patience():
    waiting = Waiting()
    async with Wire(hang_up) as wire:
        with pytest.raises(ServiceUnavailable, match="connection was lost"):
            await get(wire, waiting=waiting, patience_s=20)
    assert sum(waiting.slept_s) < 20
    assert waiting.slept_s[0] == 0.0
    assert len(wire.requests) > 2


async def test_a_service_that_is_not_there_is_unavailable():
    async with Wire(FINE) as wire:
        gone = wire.url
    http = service_http("live", gone, patience_s=1)
    with pytest.raises(ServiceUnavailable, match=r"^live: GET /x: .*connect"):
        await http.get_json("/x")
    await http.aclose()


async def test_after_a_500_the_call_is_repeated_once_over_a_new_connection():
    async with Wire(FINE, fault(), FINE) as wire:
        http = service_http("live", wire.url)
        for _ in range(3):
            assert await http.get_json("/x") == {"fine": True}
        await http.aclose()
    assert [seen.connection for seen in wire.requests] == [1, 1, 2, 2]


async def test_a_500_that_stays_is_a_fault_and_its_text_is_not_shown():
    async with Wire(fault()) as wire:
        with pytest.raises(ServerFault) as caught:
            await get(wire)
    assert len(wire.requests) == 2
    assert "Internal Server Error" not in str(caught.value)


async def test_a_500_whose_connection_lingers_is_not_used_again():
    lingering = reply(status=500, raw=b"Internal Server Error", content_type="text/plain")
    async with Wire(lingering, hang_up, FINE) as wire:
        assert await get(wire) == {"fine": True}
    assert [seen.connection for seen in wire.requests] == [1, 2, 3]


@pytest.mark.parametrize("act", [hang_up, reset, fault(), reply(status=503), reply(status=429, retry_after="1")])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_call_that_must_not_be_repeated_is_sent_once(act: Any, method: str):
    async with Wire(act) as wire:
        http = service_http("archive", wire.url)
        with pytest.raises((ServiceUnavailable, ServerFault)):
            await http.request(method, "/chunk", idempotent=False)
        await http.aclose()
    assert len(wire.requests) == 1


async def test_a_call_that_must_not_be_repeated_uses_no_connection_that_may_be_dying():
    async with Wire(FINE) as wire:
        http = service_http("archive", wire.url)
        await http.get_json("/x")
        await http.request("GET", "/chunk", idempotent=False)
        await http.get_json("/x")
        await http.aclose()
    assert [seen.connection for seen in wire.requests] == [1, 2, 1]


async def test_an_idempotent_post_is_repeated_whole():
    async with Wire(reply(status=503), FINE) as wire:
        http = service_http("archive", wire.url)
        answer = await http.request("POST", "/q", json={"a": [1]})
        assert answer.document == {"fine": True}
        await http.aclose()
    assert [(seen.method, seen.body) for seen in wire.requests] == [("POST", b'{"a":[1]}')] * 2


@pytest.mark.parametrize("status", [408, 425, 429, 502, 503, 504, 520, 599])
async def test_overload_is_waited_out(status: int):
    waiting = Waiting()
    async with Wire(reply(status=status), reply(status=status), FINE) as wire:
        assert await get(wire, waiting=waiting) == {"fine": True}
    assert len(waiting.slept_s) == 2
    assert all(0 < seconds <= 2 for seconds in waiting.slept_s)


@pytest.mark.parametrize("asked", ["7", "Sun, 22 Nov 2026 21:00:07 GMT", "Sun, 22 Nov 2026 21:00:07 -0000"])
async def test_the_service_says_when_to_come_back(asked: str):
    waiting = Waiting()
    async with Wire(reply(status=503, retry_after=asked), FINE) as wire:
        await get(wire, waiting=waiting)
    assert waiting.slept_s == [7.0]


@pytest.mark.parametrize("asked", ["0", "-5", "soon", "1e9", "\xb2", "Sat, 22 Nov 1997 21:00:07 GMT", "Sun, 99 Nov"])
async def test_nonsense_about_when_to_come_back_is_not_obeyed(asked: str):
    waiting = Waiting()
    async with Wire(reply(status=503, retry_after=asked), FINE) as wire:
        await get(wire, waiting=waiting)
    assert 0 < waiting.slept_s[0] <= 1


@pytest.mark.parametrize(
    ("asked", "told_s"), [("300", 300), ("999999", 3600), ("9" * 400, 3600), ("Sun, 22 Nov 2026 22:30:00 GMT", 3600)]
)
async def test_a_long_wait_is_left_to_the_caller(asked: str, told_s: float):
    waiting = Waiting()
    async with Wire(reply(status=503, retry_after=asked), FINE) as wire:
        with pytest.raises(ServiceUnavailable) as caught:
            await get(wire, waiting=waiting)
    assert caught.value.retry_after_s == told_s
    assert waiting.slept_s == []


REFUSALS: tuple[tuple[int, type[ServiceError]], ...] = (
    (301, UnexpectedAnswer),
    (400, RequestRefused),
    (401, CredentialsRefused),
    (403, CredentialsRefused),
    (404, NotOffered),
    (405, NotOffered),
    (409, RequestRefused),
    (422, RequestRefused),
    (423, RequestRefused),
    (424, RequestRefused),
    (501, NotOffered),
)


@pytest.mark.parametrize(("status", "error"), REFUSALS)
async def test_a_refusal_is_final(status: int, error: type[ServiceError]):
    async with Wire(reply({"detail": {"msg": "not\nlike this"}}, status=status)) as wire:
        with pytest.raises(error) as caught:
            await get(wire)
    assert type(caught.value) is error
    assert len(wire.requests) == 1
    assert "\n" not in str(caught.value)


async def test_a_refusal_gives_the_services_reason_without_an_echoed_token():
    async with Wire(reply({"detail": "bad TOKEN"}, status=400)) as wire:
        with pytest.raises(RequestRefused, match=r"GET /x: refused \(400\): bad \*\*\*"):
            await get(wire)


async def test_accepted_statuses_are_answers_only_in_the_services_own_form():
    async with Wire(reply({"detail": "Not Found"}, status=404), reply(raw=b"<h1>404</h1>", status=404)) as wire:
        http = service_http("live", wire.url)
        answer = await http.request("GET", "/x", accept=(404,))
        assert (answer.status, answer.document) == (404, {"detail": "Not Found"})
        with pytest.raises(NotOffered):
            await http.request("GET", "/x", accept=(404,))
        await http.aclose()


async def test_a_refused_token_is_named_by_its_place():
    async with Wire(reply({"detail": "no"}, status=401)) as wire:
        with pytest.raises(CredentialsRefused, match=r"services\.live") as caught:
            await get(wire)
        assert "TOKEN" not in str(caught.value)
        with pytest.raises(CredentialsRefused, match=r"set services\.live\.token"):
            await get(wire, token=None)


async def test_messages_and_logs_name_the_route_but_no_secret(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    async with Wire(reply({"detail": "Stream not found"}, status=404), FINE) as wire:
        http = service_http("archive", wire.url)
        with pytest.raises(NotOffered, match=r"GET /stream/\{resume_token\}") as caught:
            await http.get_json("/stream/{resume_token}", path={"resume_token": "hush"}, params={"key": "psst"})
        await http.get_json("/stream/{resume_token}", path={"resume_token": "hush"})
        await http.aclose()
    for text in (str(caught.value), caplog.text, str(http.traffic)):
        assert not {"hush", "psst", "TOKEN"} & set(text.replace("/", " ").split())


async def test_no_second_holds_more_requests_than_the_rate():
    async with Wire(FINE) as wire:
        http = service_http("live", wire.url, rate_per_s=40, concurrency=8)
        await asyncio.gather(*(http.get_json("/x") for _ in range(60)))
        await http.aclose()
    times_s = [seen.at_s for seen in wire.requests]
    assert len(times_s) == 60
    assert max(sum(begin <= at < begin + 1 for at in times_s) for begin in times_s) <= 40
    assert times_s[-1] - times_s[0] < 3


async def test_no_more_requests_are_in_flight_than_allowed():
    now, most = 0, 0

    async def slowly(writer: asyncio.StreamWriter) -> bool:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return await FINE(writer)

    async with Wire(slowly) as wire:
        http = service_http("live", wire.url, concurrency=3)
        await asyncio.gather(*(http.get_json("/x") for _ in range(20)))
        await http.aclose()
    assert most == 3
    assert wire.connections == 3


async def test_waiting_for_another_try_holds_no_slot():
    waits, may_go_on = asyncio.Event(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.set()
        await may_go_on.wait()

    async with Wire(reply(status=503), FINE) as wire:
        http = ServiceHttp(Endpoint("live", wire.url, rate_per_s=1e4, concurrency=1), sleep=sleep)
        waiting = asyncio.create_task(http.get_json("/x"))
        await waits.wait()
        assert await http.get_json("/x") == {"fine": True}
        may_go_on.set()
        assert await waiting == {"fine": True}
        await http.aclose()


async def test_a_cancelled_call_leaves_the_others_alone():
    arrived = asyncio.Event()

    async def stuck_there(writer: asyncio.StreamWriter) -> bool:
        arrived.set()
        return await silence(writer)

    async with Wire(stuck_there, FINE) as wire:
        http = service_http("live", wire.url, concurrency=1)
        stuck = asyncio.create_task(http.get_json("/x"))
        await arrived.wait()
        stuck.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stuck
        assert await http.get_json("/x") == {"fine": True}
        await http.aclose()


async def test_traffic_is_counted():
    async with Wire(reply(status=503), FINE, reply(status=404)) as wire:
        http = service_http("live", wire.url)
        await http.get_json("/x")
        with pytest.raises(NotOffered):
            await http.get_json("/y")
        await http.aclose()
    traffic = http.traffic
    assert (traffic.requests, traffic.retries, traffic.failed_calls) == (3, 1, 1)
    assert traffic.last_success == traffic.last_failure == http.clock.now()
    assert traffic.last_error is not None
    assert "/y" in traffic.last_error


async def test_a_replaced_token_file_is_used_at_once(tmp_path: Any):
    file = tmp_path / "token"
    file.write_text("first\n")
    async with Wire(FINE) as wire:
        http = service_http("live", wire.url, token=Secret(file=file))
        await http.get_json("/x")
        file.write_text("second\n")
        await http.get_json("/x")
        file.write_text("")
        with pytest.raises(CredentialsRefused, match="is empty"):
            await http.get_json("/x")
        await http.aclose()
    assert [seen.headers["authorization"] for seen in wire.requests] == ["bearer first", "bearer second"]


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://host/x", "https://user:secret@host/", "http://[::", "https://"])
def test_an_address_that_is_none_is_refused(url: str):
    with pytest.raises(ValueError, match=r"services\.live\.url") as caught:
        ServiceHttp(Endpoint("live", url))
    assert "secret" not in str(caught.value)


async def test_a_service_that_is_down_costs_its_patience_once():
    async with Wire(reply(status=503), *[reply(status=503)] * 20) as wire:
        http = service_http("archive", wire.url)
        with pytest.raises(ServiceUnavailable):
            await http.get_json("/x")
        patient = len(wire.requests)
        with pytest.raises(ServiceUnavailable):
            await http.get_json("/x")
        await http.aclose()
    assert patient == 10
    assert len(wire.requests) == patient + 2


async def test_a_service_that_is_back_is_asked_patiently_again():
    async with Wire(*[reply(status=503)] * 10, FINE, *[reply(status=503)] * 3, FINE) as wire:
        http = service_http("archive", wire.url)
        with pytest.raises(ServiceUnavailable):
            await http.get_json("/x")
        assert await http.get_json("/x") == {"fine": True}
        assert await http.get_json("/x") == {"fine": True}
        await http.aclose()


async def test_tries_end_early_where_that_is_wanted_and_a_slow_answer_has_its_time():
    async with Wire(*[reply(status=503)] * 10) as wire:
        waiting = Waiting()
        http = service_http("archive", wire.url, patience_s=120, retry_for_s=3, waiting=waiting)
        with pytest.raises(ServiceUnavailable):
            await http.get_json("/x")
        await http.aclose()
    assert sum(waiting.slept_s) <= 3
    assert 2 <= len(wire.requests) < 10
