"""Connections to one service: a small pool, which can be renewed, and single ones for calls that must not be repeated.

After every 500 the services close the connection without saying so, and the next request on it fails half of the time.
So after a 500, and after a broken connection, the whole pool is retired: what is under way ends on the old
connections, everything after goes over new ones.
"""

import os
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from ampel_watch import USER_AGENT

# The services (uvicorn) close idle connections after 5 s: let go first, rather than write into a closing one.
_IDLE_S = 4.0
_CONNECT_S = 15.0

_HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
}


class Connections:
    """Sends requests to one service.

    They go to httpx's transports directly, without its client: that one reads every `Location` (and fails on bad
    ones) even where it is not to follow them, keeps cookies, and logs addresses, of which the archive's hold secrets.
    """

    def __init__(
        self, *, limit: int, read_s: float, proxy: str | None, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self._limit = limit
        self._timeout = httpx.Timeout(None, connect=_CONNECT_S, read=read_s).as_dict()
        self._proxy = _proxy_of(proxy) if proxy else None
        self._transport = transport
        self._tls = _tls_context()
        self._pool: _Pool | None = None

    @asynccontextmanager
    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], content: bytes | None, single: bool
    ) -> AsyncIterator[httpx.Response]:
        """The response to one request, its body not read yet. `single`: over a connection used for nothing else."""
        request = httpx.Request(
            method, url, headers={**_HEADERS, **headers}, content=content, extensions={"timeout": self._timeout}
        )
        pool = self._new_pool(limit=1) if single and self._transport is None else self._shared()
        pool.users += 1
        try:
            response = await pool.transport.handle_async_request(request)
            try:
                yield response
            finally:
                await response.aclose()
        finally:
            pool.users -= 1
            if pool is not self._pool and pool.users == 0:
                await pool.transport.aclose()

    async def renew(self) -> None:
        """Use none of the present connections for later requests."""
        if self._transport is not None:
            return
        pool, self._pool = self._pool, None
        if pool is not None and pool.users == 0:
            await pool.transport.aclose()

    async def aclose(self) -> None:
        """Close all connections that are not in use; those in use are closed as they come back."""
        pool, self._pool = self._pool, None
        if pool is not None and pool.users == 0:
            await pool.transport.aclose()

    def _shared(self) -> "_Pool":
        if self._pool is None:
            self._pool = self._new_pool(limit=self._limit)
        return self._pool

    def _new_pool(self, *, limit: int) -> "_Pool":
        return _Pool(self._transport or self._new_transport(limit))

    def _new_transport(self, limit: int) -> httpx.AsyncBaseTransport:
        def session() -> aiohttp.ClientSession:
            connector = aiohttp.TCPConnector(limit=limit, ssl=self._tls, keepalive_timeout=_IDLE_S)
            jar = aiohttp.DummyCookieJar()
            return aiohttp.ClientSession(connector=connector, cookie_jar=jar, middlewares=(_never_repeat,))

        return AiohttpTransport(verify=self._tls, trust_env=False, proxy=self._proxy, client=session)


@cache
def _tls_context() -> ssl.SSLContext:
    """The system's certificate authorities; reading them takes 20 ms, so once is enough."""
    return ssl.create_default_context()


def _proxy_of(address: str) -> httpx.Proxy:
    """The proxy, its password in a header: from `Proxy.auth` httpx-aiohttp makes an object that aiohttp deprecates."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("a proxy is given as an http or https address")
    if not url.userinfo:
        return httpx.Proxy(url)
    basic = b64encode(f"{url.username}:{url.password}".encode()).decode("ascii")
    # aiohttp turns it into `Proxy-Authorization`, on whichever request the proxy reads.
    return httpx.Proxy(url.copy_with(userinfo=b""), headers={"Authorization": f"Basic {basic}"})


@dataclass(slots=True)
class _Pool:
    transport: httpx.AsyncBaseTransport
    users: int = 0


async def _never_repeat(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a GET by itself after a lost connection: a repeated chunk call loses a chunk.

    It repeats on the two errors caught here, but not on their common base.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # never connected; not repeated
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(str(error)) from error


CONNECTION_ERRORS = (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, OSError, TimeoutError)


def reason_of(error: BaseException) -> str:
    """Why a connection failed, in words that name neither address nor secret."""
    for cause in _chain(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its TLS certificate is not accepted: {cause.verify_message}"
        if isinstance(cause, aiohttp.ClientHttpProxyError):
            return f"the proxy answered {cause.status}"
    for cause in _chain(error):
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, ssl.SSLError):
            # asyncio writes the address into strerror; the number says it in plain words.
            return (os.strerror(cause.errno) if cause.errno and cause.errno > 0 else cause.strerror).lower()
        if isinstance(cause, ssl.SSLError):
            return "the TLS connection failed"
    if any(isinstance(cause, TimeoutError) for cause in _chain(error)):
        return "no answer in time"
    return "the connection was lost"


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__
