"""Recorded answers of the real services, replayed; and what the tests that use them share."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from ampel_watch.clock import ManualClock
from ampel_watch.services.http import Endpoint, ServiceHttp
from ampel_watch.services.times import parse_time
from ampel_watch.settings import Secret

RECORDINGS = Path(__file__).parents[2] / ".." / "shared" / "ampel-services" / "recordings"
PREFIXES = {"archive": "/api/ztf/archive/v3", "catalog": "/api/catalogmatch", "ampel-core-server": ""}
SERVICES = {"archive": "archive", "catalog": "catalog", "ampel-core-server": "live"}
LIVE_PATHS = {
    "stock_path": "/stock/ztf/{name}",
    "stock_id_path": "/stock/{id}",
    "t2_path": "/stock/ztf/{name}/t2",
    "channels_path": "/channels",
    "listing_path": "/stocks",
}
NOW = parse_time("2026-11-22T21:00:00Z")

needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recordings (a folder `shared` beside the checkout) are not here"
)


def names_of(program: str) -> frozenset[str]:
    return frozenset(path.stem for path in (RECORDINGS / program).glob("*.json"))


def load(program: str, name: str) -> dict[str, Any]:
    return json.loads((RECORDINGS / program / f"{name}.json").read_text(encoding="utf-8"))


class Waiting:
    """Time for retries that passes only by sleeping, at once."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept_s: list[float] = []

    def time(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds


def service_http(
    service: str,
    url: str,
    *,
    waiting: Waiting | None = None,
    patience_s: float = 120.0,
    retry_for_s: float = math.inf,
    **options: Any,
) -> ServiceHttp:
    """An HTTP layer that waits for nothing and is fast enough for tests."""
    waiting = waiting or Waiting()
    transport = options.pop("transport", None)
    settings = {"token": Secret("TOKEN"), "rate_per_s": 10_000.0, **options}
    return ServiceHttp(
        Endpoint(service, url, **settings),
        patience_s=patience_s,
        retry_for_s=retry_for_s,
        transport=transport,
        random=Random(1),
        sleep=waiting.sleep,
        time=waiting.time,
        clock=ManualClock(NOW),
    )


class Replay:
    """Answers requests from recordings: each path those that were recorded for it, in order, the last for ever."""

    def __init__(self, program: str, *names: str, strict: bool = True) -> None:
        self.program = program
        self.strict = strict
        self.requests: list[httpx.Request] = []
        self._waiting_room: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for name in names:
            recorded = load(program, name)
            key = (recorded["request"]["method"], recorded["request"]["path"])
            self._waiting_room.setdefault(key, []).append(recorded)

    def http(self, **options: Any) -> ServiceHttp:
        base = f"https://host.test{PREFIXES[self.program]}"
        transport = httpx.MockTransport(self.answer)
        return service_http(SERVICES[self.program], base, transport=transport, **options)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        queue = self._waiting_room.get((request.method, request.url.path))
        assert queue, f"{request.method} {request.url.path} was not recorded"
        recorded = queue.pop(0) if len(queue) > 1 else queue[0]
        if self.strict:
            _check_same(request, recorded["request"])
        return _response(recorded["response"])


def _check_same(request: httpx.Request, recorded: Mapping[str, Any]) -> None:
    assert _plain(dict(request.url.params)) == _plain(recorded["query"])
    if recorded["json"] is not None:
        sent = json.loads(request.content)
        # `chunk_size` and the like may be sent where the recording left them to their defaults.
        assert {key: sent.get(key) for key in recorded["json"]} == recorded["json"]
        assert set(sent) - set(recorded["json"]) <= {"chunk_size"}


def _plain(query: Mapping[str, Any]) -> dict[str, Any]:
    def value_of(value: Any) -> Any:
        try:
            return float(value)
        except ValueError:
            return value

    return {key: value_of(value) for key, value in query.items()}


def _response(recorded: Mapping[str, Any]) -> httpx.Response:
    headers = {key: value for key, value in recorded["headers"].items() if key != "content-encoding"}
    if "location" in headers:
        headers["location"] = headers["location"].replace("HOST", "host.test")
    text = recorded["text"] if "text" in recorded else json.dumps(recorded["json"])
    return httpx.Response(recorded["status"], headers=headers, content=text.encode())
