"""Politeness: how fast requests may follow each other, and how long to wait before trying again."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

from ampel_watch.errors import ServiceError, ServiceUnavailable

Sleep = Callable[[float], Awaitable[None]]

_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0
MOST_TRIES = 10
TRIES_WHEN_DOWN = 2
_LONGEST_RETRY_AFTER_S = 3600.0
# Requests do not travel equally fast: a little slower than the limit here is the limit over there.
_MARGIN = 1.05


class Pacer:
    """Lets requests start at intervals, so that no second anywhere holds more than `rate_per_s` of them.

    The interval counts from when the last one really started: after a hold-up they do not come in a bunch.
    """

    def __init__(self, rate_per_s: float) -> None:
        self._interval_s = _MARGIN / rate_per_s
        self._next_s = 0.0
        self._queue = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until the next request may start."""
        loop = asyncio.get_running_loop()
        async with self._queue:
            await asyncio.sleep(max(0.0, self._next_s - loop.time()))
            self._next_s = loop.time() + self._interval_s


class Setback(Exception):
    """A try that failed in a way that another one may mend; `error` is what it becomes if none does."""

    def __init__(self, error: ServiceError, *, retry_after_s: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after_s = retry_after_s


class ConnectionLost(Setback):
    """No connection, or it broke: worth one more try at once, over a new one."""


class Overloaded(Setback):
    """408, 429, 502, 503, 504, or no complete answer in time: wait."""


class Faulted(Setback):
    """A 500: worth exactly one more try, over a new connection."""


@dataclass(slots=True)
class Retries:
    """The tries of one call, within its patience. The time begins with `begin`, not while queueing.

    `retry_for_s` after that no further try begins, though one that is under way may take all of the patience.
    """

    idempotent: bool
    patience_s: float
    time: Callable[[], float]
    random: Random
    most_tries: int = MOST_TRIES
    retry_for_s: float = math.inf
    _began_s: float | None = None
    _tries: int = 0
    _at_once: frozenset[type[Setback]] = frozenset({ConnectionLost, Faulted})

    def begin(self) -> None:
        """Start the time, at the first try."""
        if self._began_s is None:
            self._began_s = self.time()

    def left_s(self) -> float:
        """Seconds of patience that are left."""
        return self.patience_s if self._began_s is None else self.patience_s - (self.time() - self._began_s)

    def delay_s(self, setback: Setback) -> float:
        """Seconds to wait before the next try; raises the setback's error if there shall be none."""
        self._tries += 1
        if not self.idempotent or self._tries >= self.most_tries:
            raise _final(setback)
        if type(setback) in self._at_once:
            self._at_once -= {type(setback)}
            delay_s = 0.0
        elif isinstance(setback, Faulted):
            raise _final(setback)
        else:
            delay_s = setback.retry_after_s or self._backoff_s()
        if delay_s >= min(self.left_s(), self.retry_for_s - self.patience_s + self.left_s()):
            raise _final(setback)
        return delay_s

    def _backoff_s(self) -> float:
        """Exponential, with full jitter."""
        return self.random.uniform(0, min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2.0**self._tries))


def _final(setback: Setback) -> ServiceError:
    if isinstance(setback.error, ServiceUnavailable) and setback.retry_after_s:
        setback.error.retry_after_s = min(setback.retry_after_s, _LONGEST_RETRY_AFTER_S)
    return setback.error


def retry_after_s(value: str | None, *, now: datetime) -> float | None:
    """What a `Retry-After` header asks for, in seconds after `now`; None if it is absent, past or nonsense."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text) or None
    try:
        when = parsedate_to_datetime(text)
        seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if seconds > 0 else None
