"""The `slack` notifier against a real HTTP server that answers as Slack does."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ampel_watch.api import Attempt, DeliveryError
from ampel_watch.testing import Answer, Bench, NotifierConformance, hostile_events, notifier_context, sample_event
from ampel_watch_slack import SlackNotifier, SlackSettings, register_notifiers

TOKEN = "xoxb-secret-token"
HOOK_PATH = "/services/T0/B0/secret-path"
ATTEMPT = Attempt("delivery-1")
API_ANSWERS: dict[Answer, tuple[int, str]] = {
    Answer.ACCEPT: (200, '{"ok": true, "ts": "1.2"}'),
    Answer.REFUSE: (200, '{"ok": false, "error": "channel_not_found"}'),
    Answer.FAIL: (200, '{"ok": false, "error": "internal_error"}'),
    Answer.WAIT: (429, '{"ok": false, "error": "ratelimited"}'),
}
HOOK_ANSWERS: dict[Answer, tuple[int, str]] = {
    Answer.ACCEPT: (200, "ok"),
    Answer.REFUSE: (404, "no_service"),
    Answer.FAIL: (500, "rollup_error"),
    Answer.WAIT: (429, "rate_limited"),
}


@dataclass
class Slack:
    """Slack's Web API and its incoming webhooks, answering as told."""

    status: int = 200
    body: str = '{"ok": true}'
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.path, headers, await request.json()))
        if self.hang:
            self.hanging.set()
            await asyncio.Event().wait()
        return web.Response(status=self.status, text=self.body, content_type=self.content_type, headers=self.headers)

    def answer(self, answers: dict[Answer, tuple[int, str]], how: Answer) -> None:
        self.requests.clear()
        self.hang = how is Answer.HANG
        self.status, self.body = answers.get(how, (200, ""))
        self.headers = {"Retry-After": "7"} if how is Answer.WAIT else {}


@asynccontextmanager
async def serving(slack: Slack) -> AsyncIterator[Slack]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", slack.handle)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        slack.url = str(server.make_url("/")).rstrip("/")
        yield slack


@asynccontextmanager
async def bot(slack: Slack, **settings: Any) -> AsyncIterator[SlackNotifier]:
    async with serving(slack):
        settings = {"token": TOKEN, "channel": "#supernovae", "base_url": f"{slack.url}/api"} | settings
        async with closing(SlackNotifier(SlackSettings.model_validate(settings), notifier_context())) as notifier:
            yield notifier


@asynccontextmanager
async def incoming(slack: Slack) -> AsyncIterator[SlackNotifier]:
    slack.content_type = "text/plain"
    async with serving(slack):
        settings = SlackSettings.model_validate({"webhook_url": slack.url + HOOK_PATH})
        async with closing(SlackNotifier(settings, notifier_context())) as notifier:
            yield notifier


@asynccontextmanager
async def closing(notifier: SlackNotifier) -> AsyncIterator[SlackNotifier]:
    try:
        yield notifier
    finally:
        await notifier.close()


class TestBot(NotifierConformance):
    def bench(self) -> AbstractAsyncContextManager[Bench]:
        return bench_of(API_ANSWERS)


class TestIncomingWebhook(NotifierConformance):
    def bench(self) -> AbstractAsyncContextManager[Bench]:
        return bench_of(HOOK_ANSWERS)


@asynccontextmanager
async def bench_of(answers: dict[Answer, tuple[int, str]]) -> AsyncIterator[Bench]:
    slack = Slack()
    slack.answer(answers, Answer.ACCEPT)

    def received() -> list[str]:
        return [json.dumps(body) for _, _, body in slack.requests] if slack.status == 200 else []

    async with bot(slack) if answers is API_ANSWERS else incoming(slack) as notifier:
        secrets = (TOKEN, "secret-path")
        yield Bench(notifier, lambda how: slack.answer(answers, how), received, slack.hanging, secrets)


async def refusal(slack: Slack, way: Any = bot) -> DeliveryError:
    async with way(slack) as notifier:
        with pytest.raises(DeliveryError) as caught:
            await notifier.send(sample_event(), ATTEMPT)
    return caught.value


async def test_the_bot_posts_to_its_channel_with_its_token() -> None:
    slack = Slack()
    async with bot(slack) as notifier:
        await notifier.send(sample_event(), ATTEMPT)
    ((path, headers, body),) = slack.requests
    assert path == "/api/chat.postMessage"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert "ampel-watch/test" in headers["user-agent"]
    assert body["channel"] == "#supernovae"
    assert body["text"] == sample_event().summary
    assert (body["unfurl_links"], body["link_names"], body["parse"]) == (False, False, "none")
    assert [block["type"] for block in body["blocks"]] == ["header", "section", "context"]


async def test_the_incoming_webhook_gets_the_same_message() -> None:
    slack, hook = Slack(), Slack(body="ok")
    async with bot(slack) as notifier:
        await notifier.send(sample_event(), ATTEMPT)
    async with incoming(hook) as notifier:
        await notifier.send(sample_event(), ATTEMPT)
    ((path, headers, body),) = hook.requests
    assert path == HOOK_PATH
    assert "authorization" not in headers
    assert body["blocks"] == slack.requests[0][2]["blocks"]


async def test_a_replaced_token_is_used_at_once(tmp_path: Path) -> None:
    slack, file = Slack(), tmp_path / "token"
    async with bot(slack) as first:
        base_url = f"{slack.url}/api"
        settings = SlackSettings.model_validate({"token_file": str(file), "channel": "C1", "base_url": base_url})
        async with closing(SlackNotifier(settings, notifier_context())) as notifier:
            with pytest.raises(DeliveryError, match="file cannot be read"):
                await notifier.send(sample_event(), ATTEMPT)
            for token in ("xoxb-one", "xoxb-two"):
                file.write_text(token)
                await notifier.send(sample_event(), ATTEMPT)
        assert first is not notifier
    assert [headers["authorization"] for _, headers, _ in slack.requests] == ["Bearer xoxb-one", "Bearer xoxb-two"]


@pytest.mark.parametrize(
    "word",
    [
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "missing_scope",
        "no_permission",
        "restricted_action",
        "msg_too_long",
        "invalid_blocks",
    ],
)
async def test_what_a_person_must_mend_is_permanent_and_says_how(word: str) -> None:
    error = await refusal(Slack(body=json.dumps({"ok": False, "error": word})))
    assert error.permanent
    assert error.status == word
    assert len(str(error).split()) > 4
    assert word not in str(error)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (200, "ratelimited"),
        (200, "internal_error"),
        (503, "service_unavailable"),
        (200, "fatal_error"),
        (200, "request_timeout"),
        (200, "a_word_of_next_year"),
        (502, ""),
        (404, ""),
    ],
)
async def test_everything_else_is_tried_again(status: int, word: str) -> None:
    error = await refusal(Slack(status, json.dumps({"ok": False, "error": word})))
    assert not error.permanent
    assert error.status == (word or str(status))


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (200, "<html>Sign in to the network</html>", "text/html"),
        (200, "hello", "text/plain"),
        (200, "{not json", "application/json"),
        (200, "[1]", "application/json"),
        (200, "", "application/json"),
        (502, "<html>Bad gateway</html>", "text/html"),
        (502, "bad gateway", "text/plain"),
        (200, json.dumps({"ok": False, "error": {"not": "a word"}}), "application/json"),
    ],
)
async def test_an_answer_that_is_none_of_slacks_is_tried_again(status: int, body: str, content_type: str) -> None:
    error = await refusal(Slack(status, body, content_type))
    assert not error.permanent


@pytest.mark.parametrize(
    ("status", "word", "permanent"),
    [
        (400, "invalid_payload", True),
        (403, "action_prohibited", True),
        (404, "no_service", True),
        (410, "channel_is_archived", True),
        (200, "no_active_hooks", True),
        (408, "", False),
        (429, "rate_limited", False),
        (500, "rollup_error", False),
        (503, "<html>" * 50, False),
    ],
)
async def test_the_incoming_webhooks_answers(status: int, word: str, permanent: bool) -> None:
    error = await refusal(Slack(status, word), incoming)
    assert error.permanent is permanent
    assert "<" not in str(error)


@pytest.mark.parametrize(("wait", "seconds"), [("30", 30.0), ("9999999", 86_400.0), ("soon", None)])
async def test_retry_after_is_honoured_on_both_ways(wait: str, seconds: float | None) -> None:
    slow = {"status": 429, "headers": {"Retry-After": wait}}
    assert (await refusal(Slack(body='{"ok": false, "error": "ratelimited"}', **slow))).retry_after_s == seconds
    assert (await refusal(Slack(body="rate_limited", **slow), incoming)).retry_after_s == seconds


@pytest.mark.parametrize("way", [bot, incoming])
async def test_a_redirect_is_refused_before_anything_is_sent_there(way: Any) -> None:
    slack = Slack(307, headers={"Location": "/elsewhere"})
    error = await refusal(slack, way)
    assert error.permanent
    assert "redirects are not followed" in str(error)
    assert len(slack.requests) == 1


async def test_nobody_listening_is_a_passing_fault_without_the_address(closed_port: int) -> None:
    settings = SlackSettings.model_validate({"webhook_url": f"http://127.0.0.1:{closed_port}{HOOK_PATH}"})
    async with closing(SlackNotifier(settings, notifier_context())) as notifier:
        with pytest.raises(DeliveryError, match="Slack cannot be reached") as caught:
            await notifier.send(sample_event(), ATTEMPT)
    assert not caught.value.permanent
    assert "secret-path" not in str(caught.value)


async def test_the_log_never_holds_the_webhooks_address(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with incoming(Slack(body="ok")) as notifier:
            await notifier.send(sample_event(), ATTEMPT)
    assert not [record for record in caplog.records if "slack" in record.name]


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    for way in (bot, incoming):
        async with way(Slack(body="ok" if way is incoming else '{"ok": true}')) as notifier:
            await notifier.send(sample_event(), ATTEMPT)


async def test_hostile_text_pings_nobody_and_stays_within_slacks_limits() -> None:
    slack = Slack()
    async with bot(slack) as notifier:
        for event in hostile_events():
            await notifier.send(event, ATTEMPT)
    for _, _, body in slack.requests:
        texts = [element["text"] for element in texts_of(body["blocks"])]
        assert len(body["blocks"]) <= 50
        assert all(0 < len(text) <= 3000 for text in texts)
        assert len(body["blocks"][0]["text"]["text"]) <= 150
        for text in (body["text"], *texts[1:]):
            assert "<!" not in text
            assert "<@" not in text
            assert "javascript:" not in text


def texts_of(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [text for block in blocks for text in block.get("elements", [block.get("text")])]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "give either token and channel"),
        ({"token": TOKEN}, "channel is missing"),
        ({"channel": "#sn"}, "token is missing"),
        ({"token": TOKEN, "channel": "#sn", "webhook_url": "https://hooks.example"}, "give either"),
        ({"channel": "#sn", "webhook_url": "https://hooks.example"}, "give either"),
        ({"webhook_url": "hooks.example/secret-path"}, "begins with https"),
        ({"token": TOKEN, "channel": ""}, "at least 1 character"),
        ({"token": TOKEN, "channel": "#sn", "base_url": "slack.example"}, "pattern"),
        ({"token": TOKEN, "channel": "#sn", "chanel": "#sn"}, "Extra inputs"),
    ],
)
def test_exactly_one_way_must_be_given(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        SlackSettings.model_validate(settings)
    assert "secret" not in str(caught.value)


def test_the_kind_sends_one_message_at_a_time() -> None:
    (kind,) = register_notifiers()
    assert (kind.name, kind.concurrency) == ("slack", 1)
