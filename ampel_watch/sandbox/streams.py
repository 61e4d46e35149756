"""Streams of the archive: a query's result cut into chunks that are reserved, acknowledged, or handed out again.

Delivery is at least once: a chunk that is not acknowledged within ten minutes is given again, with the same number.
Chunk numbers are global over all streams. Minutes here are real ones (see `dates.real_span`).
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from random import Random

from ampel_watch.clock import Clock
from ampel_watch.sandbox.dates import real_span
from ampel_watch.sandbox.packets import Document, Packet
from ampel_watch.sandbox.serving import RefusedError

RESERVED_S = 600.0
EXPIRES_S = 86400.0
PENDING = {"msg": "queue-populating query has not yet finished"}
FAILED = {"msg": "(psycopg2.errors.DivisionByZero) division by zero"}


@dataclass(slots=True)
class Chunk:
    """Alerts that are handed out together; `reserved_until` is set while they are."""

    number: int
    packets: tuple[Packet, ...]
    reserved_until: datetime | None = None
    acknowledged: bool = False


@dataclass(slots=True)
class Stream:
    """One result set. `pending_polls` calls are still answered with 423 (before them `missing_polls` with 404)."""

    resume_token: str
    chunk_size: int
    chunks: list[Chunk]
    started: datetime
    pending_polls: int = 0
    missing_polls: int = 0
    read_at: datetime | None = None
    from_topic: bool = False

    def counts(self) -> Document:
        """How much is still to be handed out, and how much is out without acknowledgement."""
        waiting = [c for c in self.chunks if c.reserved_until is None and not c.acknowledged]
        out = [c for c in self.chunks if c.reserved_until is not None and not c.acknowledged]
        return {"remaining": _count(waiting), "pending": _count(out)}


def _count(chunks: list[Chunk]) -> Document:
    return {"items": sum(len(chunk.packets) for chunk in chunks), "chunks": len(chunks)}


class Streams:
    """All streams of the archive. `pending_polls` and `missing_polls` apply to every new query."""

    def __init__(self, clock: Clock, random: Random, *, pending_polls: int = 0, missing_polls: int = 0) -> None:
        self.pending_polls = pending_polls
        self.missing_polls = missing_polls
        self._clock = clock
        self._random = random
        self._numbers = itertools.count(1)
        self._streams: dict[str, Stream] = {}

    def create(self, packets: Iterable[Packet], chunk_size: int, *, at_once: bool = False) -> Stream:
        """A stream over packets in order of jd. A chunk size of 0 makes a stream that will turn out to have failed."""
        ordered = list(packets)
        cuts = range(0, len(ordered), chunk_size) if chunk_size else range(0)
        stream = Stream(
            resume_token=self._random.randbytes(32).hex(),
            chunk_size=chunk_size,
            chunks=[Chunk(next(self._numbers), self._shuffled(ordered[cut : cut + chunk_size])) for cut in cuts],
            started=self._clock.now(),
            pending_polls=0 if at_once else self.pending_polls,
            missing_polls=0 if at_once else self.missing_polls,
        )
        self._streams[stream.resume_token] = stream
        return stream

    def _shuffled(self, packets: list[Packet]) -> tuple[Packet, ...]:
        self._random.shuffle(packets)
        return tuple(packets)

    def ready(self, resume_token: str) -> Stream:
        """The stream, if its query is done: else 423; 424 if it failed, 404 if it is unknown or expired."""
        stream = self._streams.get(resume_token)
        if stream is not None:
            last_used = stream.read_at or stream.started
            if self._clock.now() - last_used > real_span(self._clock, EXPIRES_S):
                del self._streams[resume_token]
                stream = None
        if stream is None:
            raise RefusedError(404, "Stream not found")
        if stream.missing_polls > 0:
            stream.missing_polls -= 1
            raise RefusedError(404, "Stream not found")
        if stream.pending_polls > 0:
            stream.pending_polls -= 1
            raise RefusedError(423, PENDING)
        if stream.chunk_size == 0:
            raise RefusedError(424, FAILED)
        return stream

    def next_chunk(self, stream: Stream) -> Chunk | None:
        """Reserve the next chunk; None if none is left."""
        now = self._clock.now()
        stream.read_at = now
        for chunk in stream.chunks:
            if chunk.reserved_until is not None and chunk.reserved_until <= now:
                chunk.reserved_until = None
        free = (chunk for chunk in stream.chunks if chunk.reserved_until is None and not chunk.acknowledged)
        first = next(free, None)
        if first is not None:
            first.reserved_until = now + real_span(self._clock, RESERVED_S)
        return first

    def acknowledge(self, stream: Stream, number: int) -> None:
        """Mark a chunk as done; a number that is none of the stream's is no error."""
        for chunk in stream.chunks:
            chunk.acknowledged = chunk.acknowledged or chunk.number == number
