"""Connections to one service: a small pool, which can be renewed, and single ones for calls that must not be repeated.

After every 500 the services close the connection without saying so, and the next request on it fails half of the time.
So after a 500, and after a broken connection, the whole pool is retired: what is under way ends on the old
connections, everything after goes over new ones.
"""

import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from ampel_watch import __version__

# The services (uvicorn) close idle connections after 5 s: let go first, rather than write into a closing one.
_IDLE_S = 4.0
_CONNECT_S = 15.0

# httpx logs every address at INFO; the archive's hold resume tokens, which are as good as passwords.
logging.getLogger("httpx").setLevel(logging.WARNING)

USER_AGENT = f"ampel-watch/{__version__}"


class Connections:
    """Lends httpx clients for requests to one service."""

    def __init__(
        self, *, limit: int, read_s: float, proxy: str | None, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self._limit = limit
        self._timeout = httpx.Timeout(None, connect=_CONNECT_S, read=read_s)
        self._proxy = httpx.Proxy(proxy) if proxy else None
        self._transport = transport
        self._tls: ssl.SSLContext | None = None
        self._pool: _Pool | None = None

    @asynccontextmanager
    async def lend(self, *, single: bool = False) -> AsyncIterator[httpx.AsyncClient]:
        """A client to send one request with; `single`: over a connection of its own, used for nothing else."""
        pool = self._new_pool(limit=1) if single and self._transport is None else self._shared()
        pool.users += 1
        try:
            yield pool.client
        finally:
            pool.users -= 1
            if pool is not self._pool and pool.users == 0:
                await pool.client.aclose()

    async def renew(self) -> None:
        """Use none of the present connections for later requests."""
        if self._transport is not None:
            return
        pool, self._pool = self._pool, None
        if pool is not None and pool.users == 0:
            await pool.client.aclose()

    async def aclose(self) -> None:
        """Close all connections that are not in use; those in use are closed as they come back."""
        pool, self._pool = self._pool, None
        if pool is not None and pool.users == 0:
            await pool.client.aclose()

    def _shared(self) -> "_Pool":
        if self._pool is None:
            self._pool = self._new_pool(limit=self._limit)
        return self._pool

    def _new_pool(self, *, limit: int) -> "_Pool":
        client = httpx.AsyncClient(
            transport=self._transport or self._new_transport(limit),
            timeout=self._timeout,
            headers={"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"},
            trust_env=False,
        )
        return _Pool(client)

    def _new_transport(self, limit: int) -> httpx.AsyncBaseTransport:
        if self._tls is None:
            self._tls = httpx.create_ssl_context(trust_env=False)  # costs milliseconds: made once
        tls = self._tls

        def session() -> aiohttp.ClientSession:
            connector = aiohttp.TCPConnector(limit=limit, ssl=tls, keepalive_timeout=_IDLE_S)
            jar = aiohttp.DummyCookieJar()
            return aiohttp.ClientSession(connector=connector, cookie_jar=jar, middlewares=(_never_repeat,))

        return AiohttpTransport(verify=tls, trust_env=False, proxy=self._proxy, client=session)


@dataclass(slots=True)
class _Pool:
    client: httpx.AsyncClient
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
            return cause.strerror.lower()
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
