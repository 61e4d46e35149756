"""A server on loopback of which every byte and every silence can be chosen."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

Writer = asyncio.StreamWriter
Act = Callable[[Writer], Awaitable[bool]]


@dataclass
class Seen:
    """One request as it arrived; `connection` counts from 1."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    at_s: float = field(default_factory=lambda: asyncio.get_running_loop().time())


def head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def reply(
    document: Any = None, *, status: int = 200, raw: bytes | None = None, close: bool = False, **headers: str
) -> Act:
    """A complete answer. `close`: the connection ends after it, without having said so."""
    body = json.dumps(document).encode() if raw is None else raw
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {"content-type": "application/json", "content-length": str(len(body)), **given}

    async def act(writer: Writer) -> bool:
        writer.write(head(status, fields) + body)
        await writer.drain()
        return not close

    return act


def fault() -> Act:
    """A 500 as the services give it: text, and the connection closed without a word."""
    return reply(status=500, raw=b"Internal Server Error", close=True, content_type="text/plain; charset=utf-8")


async def hang_up(writer: Writer) -> bool:
    """Close without any answer."""
    return False


async def reset(writer: Writer) -> bool:
    """Break the connection in the middle of the body."""
    writer.write(head(200, {"content-type": "application/json", "content-length": "1000"}) + b'{"a":')
    await writer.drain()
    return False


async def silence(writer: Writer) -> bool:
    """Never answer."""
    await asyncio.Event().wait()
    return False


async def drip(writer: Writer) -> bool:
    """Answer without an end, one byte at a time, often enough to satisfy a time-out between two bytes."""
    writer.write(head(200, {"content-type": "application/json", "content-length": "100000"}))
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


class Wire:
    """Answers its requests with `acts` in order, the last of them for ever."""

    def __init__(self, *acts: Act) -> None:
        self._acts = list(acts)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests: list[Seen] = []
        self.connections = 0

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer, self.connections))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer, connection: int) -> None:
        try:
            while True:
                self.requests.append(await _read_request(reader, connection))
                act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
                if not await act(writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is gone
        finally:
            writer.close()


async def _read_request(reader: asyncio.StreamReader, connection: int) -> Seen:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, target, headers, body, connection)
