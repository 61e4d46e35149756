"""The `webhook` notifier against a real HTTP server, which verifies signatures as any receiver would."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from ampel_watch.api import Attempt, DeliveryError
from ampel_watch.testing import (
    Answer,
    Bench,
    ManualClock,
    NotifierConformance,
    notifier_context,
    sample_event,
    sample_events,
)
from ampel_watch_webhook import WebhookNotifier, WebhookSettings, register_notifiers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STATUSES = {Answer.ACCEPT: 204, Answer.REFUSE: 410, Answer.FAIL: 503, Answer.WAIT: 429}
ATTEMPT = Attempt("delivery-1", 2, 12.4)


@dataclass
class Hook:
    """A receiver of webhooks: keeps what it accepts, answers as told."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((headers, await request.read()))
        if self.hang:
            self.hanging.set()
            await asyncio.Event().wait()
        return web.Response(status=self.status, headers=self.headers, body=b"ok")

    @property
    def accepted(self) -> list[tuple[str, bytes]]:
        return [(headers["webhook-id"], body) for headers, body in self.requests] if self.status < 300 else []


@asynccontextmanager
async def serving(hook: Hook) -> AsyncIterator[Hook]:
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", hook.handle)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        hook.url = str(server.make_url("/hook?key=query-secret"))
        yield hook


@asynccontextmanager
async def posting(hook: Hook, clock: Any = None, **settings: Any) -> AsyncIterator[WebhookNotifier]:
    async with serving(hook):
        settings = {"url": hook.url, "secret": SECRET} | settings
        notifier = WebhookNotifier(WebhookSettings.model_validate(settings), notifier_context(clock=clock))
        try:
            yield notifier
        finally:
            await notifier.close()


class TestWebhook(NotifierConformance):
    def bench(self) -> AbstractAsyncContextManager[Bench]:
        return webhook_bench()


@asynccontextmanager
async def webhook_bench() -> AsyncIterator[Bench]:
    hook = Hook()

    def answer(how: Answer) -> None:
        hook.requests.clear()
        hook.hang = how is Answer.HANG
        hook.status = STATUSES.get(how, 200)
        hook.headers = {"Retry-After": "7"} if how is Answer.WAIT else {}

    async with posting(hook, headers={"Authorization": "Bearer header-secret"}) as notifier:
        secrets = (SECRET, SECRET.removeprefix("whsec_"), "query-secret", "header-secret")
        yield Bench(notifier, answer, lambda: hook.accepted, hook.hanging, secrets)


async def refusal(hook: Hook, clock: Any = None, **settings: Any) -> DeliveryError:
    async with posting(hook, clock, **settings) as notifier:
        with pytest.raises(DeliveryError) as caught:
            await notifier.send(sample_event(), ATTEMPT)
    return caught.value


async def test_the_body_is_exactly_the_event_and_the_signature_verifies() -> None:
    hook = Hook()
    async with posting(hook, ManualClock(datetime.now(UTC))) as notifier:
        for event in sample_events():
            await notifier.send(event, ATTEMPT)
    for event, (headers, body) in zip(sample_events(), hook.requests, strict=True):
        assert body == event.body()
        assert Webhook(SECRET).verify(body, headers) == event.to_json()
        assert headers["webhook-id"] == event.id
        assert headers["content-type"] == "application/json"
        assert headers["user-agent"] == "ampel-watch/test"
        assert headers["ampel-watch-delivery"] == "delivery-1"
        assert headers["ampel-watch-late-s"] == "12"


async def test_a_later_try_sends_the_same_bytes_under_a_new_signature() -> None:
    hook, clock = Hook(), ManualClock(datetime.now(UTC) - timedelta(minutes=4))
    async with posting(hook, clock) as notifier:
        await notifier.send(sample_event(), ATTEMPT)
        clock.advance(timedelta(minutes=4))
        await notifier.send(sample_event(), Attempt("delivery-1", 3))
    (first, first_body), (second, second_body) = hook.requests
    assert first_body == second_body
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 240
    assert first["webhook-signature"] != second["webhook-signature"]
    Webhook(SECRET).verify(second_body, second)


async def test_without_a_secret_it_is_unsigned() -> None:
    hook = Hook()
    async with posting(hook, secret=None) as notifier:
        await notifier.send(sample_event(), ATTEMPT)
        assert "(unsigned)" in await notifier.preview(sample_event())
    ((headers, _),) = hook.requests
    assert "webhook-signature" not in headers
    assert headers["webhook-id"] == sample_event().id


async def test_further_headers_are_sent() -> None:
    hook = Hook()
    async with posting(hook, headers={"Authorization": "Bearer abc"}) as notifier:
        await notifier.send(sample_event(), ATTEMPT)
    assert hook.requests[0][0]["authorization"] == "Bearer abc"


async def test_secrets_are_read_from_their_files_at_every_send(tmp_path: Path) -> None:
    hook, key = Hook(), tmp_path / "key"
    async with serving(hook):
        (tmp_path / "url").write_text(hook.url)
        settings = WebhookSettings.model_validate({"url_file": str(tmp_path / "url"), "secret_file": str(key)})
        notifier = WebhookNotifier(settings, notifier_context(clock=ManualClock(datetime.now(UTC))))
        with pytest.raises(DeliveryError, match="file cannot be read: No such file") as caught:
            await notifier.send(sample_event(), ATTEMPT)
        assert not caught.value.permanent
        key.write_text(SECRET + "\n")
        await notifier.send(sample_event(), ATTEMPT)
        assert "kept in a file" in await notifier.preview(sample_event())
        await notifier.close()
    headers, body = hook.requests[0]
    Webhook(SECRET).verify(body, headers)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_success(status: int) -> None:
    async with posting(Hook(status)) as notifier:
        await notifier.send(sample_event(), ATTEMPT)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
async def test_other_4xx_are_permanent(status: int) -> None:
    error = await refusal(Hook(status))
    assert error.permanent
    assert error.status == str(status)
    assert str(error).startswith(f"127.0.0.1:{error_port(error)} answered {status} ")


def error_port(error: DeliveryError) -> str:
    return str(error).split(":")[1].split(" ")[0]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
async def test_passing_statuses_are_tried_again(status: int) -> None:
    error = await refusal(Hook(status))
    assert not error.permanent
    assert error.status == str(status)
    assert error.retry_after_s is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_permanent_and_not_followed(status: int) -> None:
    hook = Hook(status, {"Location": "/elsewhere"})
    error = await refusal(hook)
    assert error.permanent
    assert "redirects are not followed" in str(error)
    assert len(hook.requests) == 1


NOW = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("99999999999", 86_400.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("Sun, 22 Nov 2026 21:01:00 -0000", 60.0),
        ("soon", None),
        ("-5", None),
        ("inf", None),
        ("Sun, 99 Nov 2026 21:01:00 GMT", None),
    ],
)
async def test_retry_after_is_understood_in_seconds_and_as_a_date(retry_after: str, seconds: float | None) -> None:
    error = await refusal(Hook(503, {"Retry-After": retry_after}), ManualClock(NOW))
    assert error.retry_after_s == seconds


async def test_an_endless_answer_is_not_read() -> None:
    left = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"x" * 65_536)
        finally:
            left.set()

    app = web.Application()
    app.router.add_post("/", endless)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        settings = WebhookSettings.model_validate({"url": str(server.make_url("/"))})
        notifier = WebhookNotifier(settings, notifier_context())
        await notifier.send(sample_event(), ATTEMPT)
        await notifier.close()
        await left.wait()


async def test_one_try_ends_at_its_deadline() -> None:
    error = await refusal(Hook(hang=True), timeout="500ms")
    assert not error.permanent
    assert "did not answer within 0.5 s" in str(error)


async def test_nobody_listening_is_a_passing_fault_that_names_the_host(closed_port: int) -> None:
    port = closed_port
    settings = WebhookSettings.model_validate({"url": f"http://127.0.0.1:{port}/hook?key=query-secret"})
    notifier = WebhookNotifier(settings, notifier_context())
    with pytest.raises(DeliveryError, match=f"^127.0.0.1:{port} cannot be reached: ") as caught:
        await notifier.send(sample_event(), ATTEMPT)
    await notifier.close()
    assert not caught.value.permanent
    assert "query-secret" not in str(caught.value)


async def test_a_server_that_speaks_no_http_is_a_passing_fault() -> None:
    ended = asyncio.Event()

    async def gibberish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(gibberish, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = WebhookSettings.model_validate({"url": f"http://127.0.0.1:{port}/"})
        notifier = WebhookNotifier(settings, notifier_context())
        with pytest.raises(DeliveryError) as caught:
            await notifier.send(sample_event(), ATTEMPT)
        await notifier.close()
        await ended.wait()
    assert not caught.value.permanent


async def test_the_preview_is_the_body_to_be_read() -> None:
    async with posting(Hook()) as notifier:
        head, body = (await notifier.preview(sample_event())).split("\n\n", 1)
    assert json.loads(body) == sample_event().to_json()
    assert head.startswith("POST 127.0.0.1:")
    assert "query-secret" not in head


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"url": "ftp://example.org/"}, "must begin with http"),
        ({"url": "example.org/hook"}, "must begin with http"),
        ({"url": "https:///hook"}, "name a host"),
        ({"url": "https://[::1/hook"}, "no valid address"),
        ({"url": "https://example.org:99999/"}, "no valid address"),
        ({"url": "https://me:pass-word@example.org/"}, "under headers"),
        ({"url": "https://example.org/a b"}, "percent-encoded"),
        ({"url": "https://example.org/\n"}, "percent-encoded"),
        ({"url": "https://example.org/", "secret": "pass-word"}, "whsec_"),
        ({"url": "https://example.org/", "secret": "whsec_"}, "whsec_"),
        ({"url": "https://example.org/", "secret": "whsec_pass-word!"}, "whsec_"),
        ({"url": "https://example.org/", "headers": {"Host": "x"}}, "set by ampel-watch"),
        ({"url": "https://example.org/", "headers": {"Webhook-Id": "x"}}, "set by ampel-watch"),
        ({"url": "https://example.org/", "headers": {"X Y": "x"}}, "no name of a header"),
        ({"url": "https://example.org/", "headers": {"X": "pass-word\r\nY: z"}}, "line break"),
        ({"url": "https://example.org/", "timeout": "0s"}, "greater than"),
        ({"url": "https://example.org/", "timeout": 30}, "not a duration"),
        ({}, "Field required"),
    ],
)
def test_unusable_settings_are_refused_without_repeating_them(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        WebhookSettings.model_validate(settings)
    assert "pass-word" not in str(caught.value)


def test_the_kind_is_named_webhook() -> None:
    (kind,) = register_notifiers()
    assert kind.name == "webhook"
    assert kind.settings is WebhookSettings


@pytest.mark.parametrize("key", ["whsec_YWJj", "whsec_YQ==", "whsec_YQ"])
def test_a_key_may_come_without_padding(key: str) -> None:
    assert WebhookSettings.model_validate({"url": "https://example.org/", "secret": key}).secret is not None
