"""What the sandbox's three servers have in common with each other and with the real ones.

The real services are FastAPI programs behind uvicorn. Taken over from them: `{"detail": …}` errors with pydantic's own
422 lists, a plain-text 500 after which the server closes the connection without saying so, 307 for a wrong trailing
slash with an absolute Location, gzip from 1000 bytes on (archive), everything below a root path. Added for tests:
faults on demand and counters.
"""

import asyncio
import gzip
import json
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError

GZIP_FROM_BYTES = 1000
_MAX_BODY_BYTES = 16 * 1024 * 1024

Handler = Callable[[web.Request], Awaitable[Any]]
Model = TypeVar("Model", bound=BaseModel)


class RefusedError(Exception):
    """An answer other than 200, with the `detail` that FastAPI wraps."""

    def __init__(self, status: int, detail: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


class CrashError(Exception):
    """An unhandled error in the real program: a 500 in plain text, and the connection is closed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer with a status other than 200; `document` ... (Ellipsis) for no body at all."""

    status: int
    document: Any = ...


class Gate(Protocol):
    """Something to wait for."""

    async def wait(self) -> object:
        """Return once it is open."""
        ...


@dataclass(slots=True)
class Fault:
    """Something that goes wrong on purpose, before the real answer is made.

    Attributes
    ----------
    status, body, headers: answer this instead; without a status the real answer follows (after `delay_s`).
    reset: cut the connection without an answer.
    until: hold the request until this opens: an `asyncio.Event` or `asyncio.Barrier`.
    times: how many requests it hits; None for all.
    route: only requests to this template, such as ``/stock/{id}``.
    """

    status: int | None = None
    delay_s: float = 0.0
    reset: bool = False
    body: bytes = b"Internal Server Error"
    headers: Mapping[str, str] = field(default_factory=dict)
    until: Gate | None = None
    times: int | None = None
    route: str | None = None

    def hits(self, template: str) -> bool:
        """Whether it strikes a request to this template; counts if so."""
        if self.times == 0 or self.route not in (None, template):
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass(slots=True)
class Tally:
    """Requests seen by one service: in all, by route, by status, and the most at once and within a second."""

    total: int = 0
    by_route: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    in_flight: int = 0
    most_in_flight: int = 0
    most_per_second: int = 0
    _recent_s: deque[float] = field(default_factory=deque)

    def begin(self, template: str, now_s: float) -> None:
        """Count a request that arrives."""
        self.total += 1
        self.by_route[template] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self._recent_s.append(now_s)
        while self._recent_s[0] <= now_s - 1:
            self._recent_s.popleft()
        self.most_per_second = max(self.most_per_second, len(self._recent_s))

    def end(self, status: int | None) -> None:
        """Count its answer (None: the connection was cut)."""
        self.in_flight -= 1
        if status is not None:
            self.by_status[status] += 1


@dataclass(frozen=True, slots=True)
class Route:
    """One path of a service. `query` is the model of its query parameters, for the OpenAPI document."""

    method: str
    template: str
    handler: Handler
    query: type[BaseModel] | None = None


class ClosingResponse(web.Response):
    """After it the connection is closed, though no header says so: as uvicorn does after an unhandled error."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send the rest, then hang up."""
        request = self._req
        await super().write_eof(data)
        if isinstance(request, web.BaseRequest) and request.transport is not None:
            request.transport.close()


def crash_response() -> web.Response:
    """The answer to an unhandled error."""
    return ClosingResponse(status=500, text="Internal Server Error")


def json_response(request: web.Request, status: int, document: Any, *, compressed: bool) -> web.Response:
    """A JSON answer; from 1000 bytes on it is gzipped where that is offered and the service does so."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    headers = {}
    if compressed and len(body) >= GZIP_FROM_BYTES:
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, compresslevel=5, mtime=0)
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


class Service:
    """One HTTP service: routes under a root path, errors as the real one makes them, faults and counters."""

    def __init__(
        self, title: str, version: str, root: str, routes: Sequence[Route], *, compressed: bool = False
    ) -> None:
        self.tally = Tally()
        self.fault: Fault | None = None
        self.root = root
        self._compressed = compressed
        self._openapi = openapi_document(title, version, root, routes)
        self.app = web.Application(middlewares=[self._middleware], client_max_size=_MAX_BODY_BYTES)
        for route in routes:
            self.app.router.add_route(route.method, root + route.template, self._endpoint(route.handler))
        self.app.router.add_get(f"{root}/openapi.json", self._endpoint(self._own_openapi))
        self.app.router.add_get("/openapi.json", self._endpoint(_empty_openapi))

    async def _own_openapi(self, _request: web.Request) -> Any:
        return self._openapi

    def _endpoint(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            result = await handler(request)
            if isinstance(result, web.StreamResponse):
                return result
            if not isinstance(result, Answer):
                return json_response(request, 200, result, compressed=self._compressed)
            if result.document is ...:
                return web.Response(status=result.status, content_type="application/json")
            return json_response(request, result.status, result.document, compressed=self._compressed)

        return answer

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        template = self._template(request)
        self.tally.begin(template, asyncio.get_running_loop().time())
        status = None
        try:
            response = await self._faulty(request, handler, template)
            cut = request.transport is None or request.transport.is_closing()
            status = None if cut else response.status
            return response
        finally:
            self.tally.end(status)

    def _template(self, request: web.Request) -> str:
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else request.path
        return path.removeprefix(self.root)

    async def _faulty(self, request: web.Request, handler: Handler, template: str) -> web.StreamResponse:
        fault = self.fault
        if fault is None or not fault.hits(template):
            return await self._orderly(request, handler)
        if fault.until is not None:
            await fault.until.wait()
        await asyncio.sleep(fault.delay_s)
        if fault.reset:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        if fault.status is None:
            return await self._orderly(request, handler)
        kind = ClosingResponse if fault.status == 500 else web.Response
        return kind(status=fault.status, body=fault.body, headers=fault.headers)

    async def _orderly(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except RefusedError as refusal:
            response = json_response(request, refusal.status, {"detail": refusal.detail}, compressed=self._compressed)
            response.headers.update(refusal.headers)
        except CrashError:
            response = crash_response()
        except web.HTTPNotFound:
            response = await self._slash_redirect(request) or _detail(404, "Not Found")
        except web.HTTPMethodNotAllowed:
            response = _detail(405, "Method Not Allowed")
        assert isinstance(response, web.StreamResponse)
        return response

    async def _slash_redirect(self, request: web.Request) -> web.Response | None:
        """307 to the same address with the trailing slash put right, if there is something."""
        path = request.path[:-1] if request.path.endswith("/") else request.path + "/"
        other = request.clone(rel_url=request.rel_url.with_path(path).with_query(request.query))
        if (await self.app.router.resolve(other)).http_exception is not None:
            return None
        location = str(request.url.with_path(path).with_query(request.query))
        return web.Response(status=307, headers={"Location": location})


def _detail(status: int, text: str) -> web.Response:
    return web.Response(status=status, body=json.dumps({"detail": text}).encode(), content_type="application/json")


async def _empty_openapi(_request: web.Request) -> Any:
    """What a FastAPI program answers outside its root path: an application without paths."""
    return {"openapi": "3.1.0", "info": {"title": "FastAPI", "version": "0.1.0"}, "paths": {}}


def openapi_document(title: str, version: str, root: str, routes: Sequence[Route]) -> Any:
    """The OpenAPI document of the routes: enough to see what is offered and with which parameters."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        schema = route.query.model_json_schema() if route.query else {}
        required = schema.get("required", [])
        in_path = [part[1:-1] for part in route.template.split("/") if part.startswith("{")]
        parameters = [{"name": name, "in": "path", "required": True} for name in in_path]
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": kind}
            for name, kind in schema.get("properties", {}).items()
        ]
        operation = {"parameters": parameters, "responses": {"200": {"description": "Successful Response"}}}
        paths.setdefault(route.template, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": root}],
        "paths": paths,
    }


def unprocessable(error: ValidationError, *where: str) -> RefusedError:
    """FastAPI's 422: pydantic's list of errors, each located below `where`."""
    listed = []
    for fault in error.errors(include_url=False):
        entry: dict[str, Any] = {"type": fault["type"], "loc": [*where, *fault["loc"]], "msg": fault["msg"]}
        entry["input"] = None if where == ("query",) and fault["type"] == "missing" else fault["input"]
        if "ctx" in fault:  # FastAPI encodes an exception as an empty object
            entry["ctx"] = {key: {} if isinstance(value, Exception) else value for key, value in fault["ctx"].items()}
        listed.append(entry)
    return RefusedError(422, listed)


def query_of(request: web.Request, model: type[Model]) -> Model:
    """The query parameters as a model; unknown ones are ignored, as the real services do."""
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise unprocessable(error, "query") from None


async def body_of(request: web.Request, adapter: TypeAdapter[Any], *, context: Any = None) -> Any:
    """The JSON body as what the adapter makes of it; `context` is for its validators."""
    try:
        return adapter.validate_python(await request.json(), context=context)
    except json.JSONDecodeError as error:
        fault = {"type": "json_invalid", "loc": ["body", error.pos], "msg": "JSON decode error", "input": {}}
        raise RefusedError(422, [fault | {"ctx": {"error": error.msg}}]) from None
    except ValidationError as error:
        raise unprocessable(error, "body") from None


def int_in_path(request: web.Request, name: str) -> int:
    """An integer from the path, or FastAPI's 422."""
    text = request.match_info[name]
    try:
        return TypeAdapter(int).validate_python(text)
    except ValidationError as error:
        raise unprocessable(error, "path", name) from None
