"""Reading many stocks on the live service, several at a time, stopping early when the service itself is in trouble."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from ampel_watch.errors import OF_THE_SERVICE, ServiceError
from ampel_watch.model import Snapshot, StockKey
from ampel_watch.services.live import LiveClient
from ampel_watch.storage.reads import PendingRead

# So many stock_errors in a row, with no good answer yet, are a fault of the service and not of the stocks.
_FAULTS_IN_A_ROW = 5
_BATCH = 50


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A stock to be read: because somebody watches it, because of an archive alert, or both."""

    key: StockKey
    name: str
    watched: bool = True
    alert: PendingRead | None = None


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What came back: a snapshot, or None if the service says that there is no such stock."""

    request: ReadRequest
    snapshot: Snapshot | None


@dataclass(slots=True)
class Reader:
    """Reads stocks; afterwards `stock_errors` tells which failed, and `live_error` what ended it early."""

    live: LiveClient
    concurrency: int
    stock_errors: dict[StockKey, ServiceError] = field(default_factory=dict)
    live_error: ServiceError | None = None
    good_answers: int = 0

    async def read(self, wanted: Iterable[ReadRequest], store: Callable[[list[ReadResult]], Awaitable[None]]) -> None:
        """Read these stocks, handing the answers to `store` in batches, as they come."""
        todo = deque(wanted)
        answers: asyncio.Queue[ReadResult | None] = asyncio.Queue()
        crew = [asyncio.create_task(self._work(todo, answers)) for _ in range(min(self.concurrency, len(todo)))]
        try:
            running = len(crew)
            while running:
                batch = [await answers.get()]
                while len(batch) < _BATCH and not answers.empty():
                    batch.append(answers.get_nowait())
                running -= batch.count(None)
                if found := [answer for answer in batch if answer is not None]:
                    await store(found)
            await asyncio.gather(*crew)
        finally:
            for worker in crew:
                worker.cancel()
            await asyncio.gather(*crew, return_exceptions=True)

    async def _work(self, todo: deque[ReadRequest], answers: asyncio.Queue[ReadResult | None]) -> None:
        try:
            while todo and self.live_error is None:
                request = todo.popleft()
                try:
                    snapshot = await self.live.stock(request.name)
                except OF_THE_SERVICE as error:
                    self.live_error = error
                except ServiceError as error:
                    self.stock_errors[request.key] = error
                    await self._suspect(error)
                else:
                    self.good_answers += 1
                    answers.put_nowait(ReadResult(request, snapshot))
        finally:
            answers.put_nowait(None)

    async def _suspect(self, error: ServiceError) -> None:
        """After many faults and no good answer: a service that fails on another call too is itself at fault."""
        if self.good_answers or len(self.stock_errors) < _FAULTS_IN_A_ROW or self.live_error is not None:
            return
        try:
            await self.live.channels()
        except ServiceError:
            self.live_error = error
        else:
            self.good_answers += 1
