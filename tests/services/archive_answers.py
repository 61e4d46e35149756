"""An archive that says what a test wants it to say."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from ampel_watch.services.archive import ArchiveClient
from ampel_watch.services.streams import Chunk, StreamPatience, StreamQuery
from tests.services.recordings import Waiting, service_http

NAME = "ZTF18abcecyc"
HUSH = "hush-resume-token"
Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]


def ok(document: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, text=json.dumps(document))


def told(status: int, detail: Any = "no") -> httpx.Response:
    return ok({"detail": detail}, status)


FAILED = httpx.Response(500, text="Internal Server Error")
OVERLOADED = httpx.Response(503, text="Service Unavailable")
PENDING = told(423, {"msg": "queue-populating query has not yet finished"})
UNKNOWN = told(404, "Stream not found")


def document(candid: int, jd: float, name: str = NAME) -> dict[str, Any]:
    return {"candid": candid, "objectId": name, "candidate": {"jd": jd, "candid": candid}, "prv_candidates": []}


def page(number: int | None, *alerts: dict[str, Any]) -> httpx.Response:
    chunk = {} if number is None else {"chunk": number}
    return ok({"resume_token": HUSH, **chunk, "alerts": list(alerts), "remaining": {"items": 7, "chunks": 1}})


END = page(None)


class Service:
    """An archive that answers by (method, path): each its answers in order, the last for ever."""

    def __init__(self, **answers: list[Answer]) -> None:
        self.requests: list[httpx.Request] = []
        self.waiting = Waiting()
        self._answers = {"create": [ok({"resume_token": HUSH, "chunk_size": 1000}, 202)], "info": [ok({})], **answers}
        transport = httpx.MockTransport(self._answer)
        http = service_http("archive", "https://host.test/v3", transport=transport, waiting=self.waiting)
        self.client = ArchiveClient(http, stream_patience=StreamPatience(ready_s=100, unknown_s=10))

    def asked(self, what: str) -> list[httpx.Request]:
        return [request for request in self.requests if self._name_of(request) == what]

    @staticmethod
    def _name_of(request: httpx.Request) -> str:
        last = request.url.path.rpartition("/")[2]
        return {"from_query": "create", HUSH: "info", "cone_search": "cone"}.get(last, last)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        queue = self._answers[self._name_of(request)]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if not isinstance(answer, httpx.Response):
            return answer(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


async def drain(
    service: Service,
    query: StreamQuery | None = None,
    *,
    acknowledge: bool = True,
    into: list[Chunk] | None = None,
) -> list[Chunk]:
    chunks = [] if into is None else into
    async for chunk in service.client.stream(query or StreamQuery(names=(NAME,))):
        chunks.append(chunk)
        if acknowledge:
            await chunk.acknowledge()
    return chunks


def candids(chunks: list[Chunk]) -> list[list[int]]:
    return [[alert.candid for alert in chunk.alerts] for chunk in chunks]


def breaks(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("broken")
