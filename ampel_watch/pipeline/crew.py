"""Many calls, a few at a time: a handful of workers rather than thousands of tasks."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def work_off(items: Iterable[T], work: Callable[[T], Awaitable[None]], at_most: int) -> None:
    """Do `work` for every item, with at most so many at a time; the first exception ends it."""
    todo = deque(items)

    async def worker() -> None:
        while todo:
            await work(todo.popleft())

    tasks = [asyncio.create_task(worker()) for _ in range(min(at_most, len(todo)))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
