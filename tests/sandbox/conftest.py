"""A sky, a clock and a client for the sandbox's tests."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ampel_watch.clock import ManualClock
from ampel_watch.sandbox import NightSky, Sandbox, SkySettings

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
FIRST_NIGHT = date(2026, 10, 1)
SMALL = SkySettings(fields=3, supernovae_per_night=2, agn=12, variable_stars=12, asteroids_per_night=3)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 10, 12, 18, tzinfo=UTC))


@pytest.fixture(scope="session")
def small_sky() -> NightSky:
    return NightSky(7, FIRST_NIGHT, 40, SMALL)


@pytest.fixture
async def sandbox(small_sky: NightSky, clock: ManualClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(small_sky, clock=clock) as sandbox:
        sandbox.advance(clock.now())
        yield sandbox


@pytest.fixture
async def web() -> AsyncIterator[aiohttp.ClientSession]:
    # After a 500 the server hangs up unannounced, and the next request on that connection fails: use each once.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield session


@pytest.fixture(scope="session")
def alert_files() -> Path:
    folder = SHARED / "ztf-alerts"
    if not folder.is_dir():
        pytest.skip("the real alert packets are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def recordings() -> Path:
    folder = SHARED / "ampel-services" / "recordings"
    if not folder.is_dir():
        pytest.skip("the recorded answers of the services are not beside this checkout")
    return folder


@dataclass
class Reply:
    """What came back: status, headers in lower case, and the body as JSON or text."""

    status: int
    headers: dict[str, str]
    json: Any
    text: str


async def ask(web: aiohttp.ClientSession, method: str, url: str, *, token: str | None = None, **more: Any) -> Reply:
    headers = dict(more.pop("headers", {}))
    if token is not None:
        headers["Authorization"] = f"bearer {token}"
    async with web.request(method, url, headers=headers, allow_redirects=False, **more) as response:
        text = await response.text()
        kept = {key.lower(): value for key, value in response.headers.items()}
    is_json = kept.get("content-type") == "application/json" and text
    return Reply(response.status, kept, json.loads(text) if is_json else None, text)


@pytest.fixture
def call(web: aiohttp.ClientSession) -> Callable[..., Any]:
    async def call(method: str, url: str, **more: Any) -> Reply:
        return await ask(web, method, url, **more)

    return call


@pytest.fixture
def get(web: aiohttp.ClientSession) -> Callable[..., Any]:
    async def get(url: str, token: str | None = None, **params: Any) -> Reply:
        return await ask(web, "GET", url, token=token, params={k: str(v) for k, v in params.items()})

    return get


@pytest.fixture
def post(web: aiohttp.ClientSession) -> Callable[..., Any]:
    async def post(url: str, body: Any = None, token: str | None = None, **params: Any) -> Reply:
        return await ask(web, "POST", url, token=token, json=body, params=params)

    return post
