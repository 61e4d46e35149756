"""The HTTP layer that all three clients share: politeness, deadlines, retries, redirects, and one mapping of errors.

A call goes through these stages, from the outside in: `request` tries again while that can help, `_follow` follows
redirects within the origin, `_exchange` sends one request in its turn and reads the answer within its limits, and
`answers.judge` says what the answer means. Messages name the method and the route as configured, with its
placeholders: never a token, a resume token or a query.
"""

import asyncio
import json as jsonlib
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any
from urllib.parse import quote

import httpx

from ampel_watch.clock import Clock, SystemClock
from ampel_watch.errors import RequestRefused, ServiceError, ServiceUnavailable, UnexpectedAnswer
from ampel_watch.services.answers import Answer, Call, Raw, judge
from ampel_watch.services.body import BadBody, CutShort, read_body
from ampel_watch.services.connections import CONNECTION_ERRORS, Connections, reason_of
from ampel_watch.services.retry import (
    MOST_TRIES,
    TRIES_WHEN_DOWN,
    ConnectionLost,
    Faulted,
    Overloaded,
    Pacer,
    Retries,
    Setback,
    Sleep,
)
from ampel_watch.services.token import TokenSource
from ampel_watch.settings import Secret
from ampel_watch.text import clean

_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_KEEP_METHOD = (307, 308)
_PLAIN_PORT = 80


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is and how it is to be treated.

    Attributes
    ----------
    service: live, archive or catalog.
    url: the base address; every route is below it, and no redirect leaves its host and port.
    rate_per_s, concurrency: requests per second, and requests in flight, at most.
    timeout_s: within which an answer must be complete, however steadily it drips. The archive needs 60 s for some.
    max_bytes: how large an unpacked answer may be.
    """

    service: str
    url: str
    token: Secret | None = None
    rate_per_s: float = 10.0
    concurrency: int = 3
    timeout_s: float = 90.0
    proxy: str | None = None
    max_bytes: int = 64 * 2**20


@dataclass(slots=True)
class Traffic:
    """What went over the line so far, for `status` and the metrics. `requests` counts repeats and redirects too."""

    requests: int = 0
    retries: int = 0
    failed_calls: int = 0
    last_success: datetime | None = None
    last_failure: datetime | None = None
    last_error: str | None = None


class ServiceHttp:
    """Calls one service. `patience_s` bounds a call with all its tries; time in the queue does not count.

    `retry_for_s` after the first try no further one begins: for services whose answers may take long, but that whoever
    asks will ask again soon.

    Once a call was given up because the service is not there, the next ones are not so patient, until one is answered:
    an outage shall cost whoever asks many things its patience once.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        patience_s: float = 120.0,
        retry_for_s: float = math.inf,
        transport: httpx.AsyncBaseTransport | None = None,
        random: Random | None = None,
        sleep: Sleep = asyncio.sleep,
        time: Callable[[], float] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.service = endpoint.service
        self.token = TokenSource(endpoint.token, service=self.service) if endpoint.token else None
        self.traffic = Traffic()
        self.clock = clock or SystemClock()
        self.sleep = sleep
        self.time = time or _loop_time
        self._patience_s = patience_s
        self._retry_for_s = retry_for_s
        self._is_down = False
        self._random = random or Random()
        self._base = _base_url(endpoint)
        self._slots = asyncio.Semaphore(endpoint.concurrency)
        self._pacer = Pacer(endpoint.rate_per_s)
        self._connections = Connections(
            limit=endpoint.concurrency, read_s=endpoint.timeout_s, proxy=endpoint.proxy, transport=transport
        )

    async def get_json(
        self,
        route: str,
        *,
        path: Mapping[str, str | int] | None = None,
        params: Mapping[str, Any] | None = None,
        authorized: bool = True,
    ) -> Any:
        """The JSON document that a GET answers; `path` fills the placeholders of the route."""
        answer = await self.request("GET", route, path=path, params=params, authorized=authorized)
        return answer.document

    async def request(
        self,
        method: str,
        route: str,
        *,
        path: Mapping[str, str | int] | None = None,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        idempotent: bool = True,
        authorized: bool = True,
        accept: Collection[int] = (),
        at: str | None = None,
        may_be_empty: bool = False,
    ) -> Answer:
        """Make one call, trying again while that can help; anything but an answer of use is a `ServiceError`.

        Parameters
        ----------
        accept: statuses beside 2xx that are answers to this call, if their body is JSON as the services write it.
        at: the path and query to ask instead of the route, as an earlier `Answer.moved_to` gave it.
        may_be_empty: an answer without a document will do.
        """
        call = Call(
            service=self.service,
            method=method,
            route=route,
            url=self._url(route, path, params) if at is None else str(self._base.join(at)),
            content=None if json is None else _encode(self.service, json),
            idempotent=idempotent,
            accept=frozenset(accept),
            token=self.token if authorized else None,
            may_be_empty=may_be_empty,
        )
        try:
            answer = await self._persist(call)
        except ServiceError as error:
            self._is_down = isinstance(error, ServiceUnavailable)
            self._note_failure(error)
            raise
        self._is_down = False
        self.traffic.last_success = self.clock.now()
        return answer

    async def aclose(self) -> None:
        """Release all connections."""
        await self._connections.aclose()

    async def _persist(self, call: Call) -> Answer:
        most_tries = TRIES_WHEN_DOWN if self._is_down else MOST_TRIES
        retries = Retries(call.idempotent, self._patience_s, self.time, self._random, most_tries, self._retry_for_s)
        while True:
            try:
                return await self._follow(call, retries)
            except Setback as setback:
                if isinstance(setback, ConnectionLost | Faulted):
                    await self._connections.renew()
                delay_s = retries.delay_s(setback)
            self.traffic.retries += 1
            await self.sleep(delay_s)

    async def _follow(self, call: Call, retries: Retries) -> Answer:
        url = call.url
        for _ in range(_MOST_REDIRECTS + 1):
            raw = await self._exchange(call, url, retries)
            location = raw.headers.get("location")
            if raw.status not in _REDIRECTS or location is None:
                moved_to = None if url == call.url else httpx.URL(url).raw_path.decode("ascii")
                return judge(call, raw, now=self.clock.now(), moved_to=moved_to)
            if call.method != "GET" and raw.status not in _KEEP_METHOD:
                raise UnexpectedAnswer(self.service, f"{call}: answered with a redirect ({raw.status})")
            url = self._redirected(call, url, location)
        raise UnexpectedAnswer(self.service, f"{call}: redirected more than {_MOST_REDIRECTS} times")

    async def _exchange(self, call: Call, url: str, retries: Retries) -> Raw:
        headers = call.headers()
        async with self._slots:
            await self._pacer.turn()
            retries.begin()
            self.traffic.requests += 1
            limit_s = min(self.endpoint.timeout_s, max(retries.left_s(), 0.001))
            try:
                async with asyncio.timeout(limit_s) as deadline:
                    return await self._send(call, url, headers)
            except BadBody as error:
                raise UnexpectedAnswer(self.service, f"{call}: answered {error}") from None
            except CutShort:
                raise ConnectionLost(self._unavailable(call, "the answer was cut short")) from None
            except CONNECTION_ERRORS as error:
                if deadline.expired():
                    why = f"no complete answer within {limit_s:.0f} s"
                    raise Overloaded(self._unavailable(call, why)) from None
                raise ConnectionLost(self._unavailable(call, reason_of(error))) from None

    async def _send(self, call: Call, url: str, headers: Mapping[str, str]) -> Raw:
        async with self._connections.send(
            call.method, url, headers=headers, content=call.content, single=not call.idempotent
        ) as response:
            # Read raw: httpx would unpack as much as a small answer can hold.
            assert isinstance(response.stream, httpx.AsyncByteStream)
            encoding = response.headers.get("content-encoding", "")
            body = await read_body(response.stream, encoding, self.endpoint.max_bytes)
            return Raw(response.status_code, response.headers, body)

    def _redirected(self, call: Call, url: str, location: str) -> str:
        """Where `location` leads, if it stays on the origin; the token goes along, so nowhere else."""
        try:
            target = httpx.URL(url).join(location)
        except httpx.InvalidURL:
            raise UnexpectedAnswer(self.service, f"{call}: redirects to no valid address") from None
        base = self._base
        same = (target.scheme, target.host, target.port) == (base.scheme, base.host, base.port)
        # A program behind a TLS proxy sees plain HTTP and writes that into its absolute redirects.
        behind_tls = (base.scheme, target.scheme) == ("https", "http") and target.host == base.host
        if behind_tls and target.port in (None, _PLAIN_PORT, base.port):
            target, same = target.copy_with(scheme="https", port=base.port), True
        if not same or target.userinfo:
            raise UnexpectedAnswer(
                self.service,
                f"{call}: redirects elsewhere, to {clean(target.host)} ({target.scheme}); if that is right, "
                f"set services.{self.service}.url",
            )
        return str(target.copy_with(fragment=None))

    def _url(self, route: str, path: Mapping[str, str | int] | None, params: Mapping[str, Any] | None) -> str:
        filled = route
        for name, value in (path or {}).items():
            if str(value) in ("", ".", ".."):
                raise RequestRefused(self.service, f"{route}: {str(value)!r} cannot stand for {{{name}}}")
            filled = filled.replace(f"{{{name}}}", quote(str(value), safe=""))
        url = httpx.URL(str(self._base).rstrip("/") + "/" + filled.lstrip("/"))
        given = {key: value for key, value in (params or {}).items() if value is not None}
        return str(url.copy_merge_params(given) if given else url)

    def _unavailable(self, call: Call, why: str) -> ServiceUnavailable:
        return ServiceUnavailable(self.service, f"{call}: {why} ({self._base.host})")

    def _note_failure(self, error: ServiceError) -> None:
        self.traffic.failed_calls += 1
        self.traffic.last_failure = self.clock.now()
        self.traffic.last_error = str(error)


def _base_url(endpoint: Endpoint) -> httpx.URL:
    try:
        url = httpx.URL(endpoint.url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise ValueError(f"services.{endpoint.service}.url is not a plain http or https address")
    return url.copy_with(query=None, fragment=None)


def _encode(service: str, document: Any) -> bytes:
    try:
        return jsonlib.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        raise RequestRefused(service, "a request cannot hold a number that is not finite") from None


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
