"""Where time comes from. Nothing else in ampel-watch asks the operating system for the date.

Two kinds of time are kept apart: the *date* of things (`Clock.now`, stored, shown, compared with the services' own
stamps) and *waiting* (real seconds: time-outs, rate limits, backoff within one call), for which asyncio's own clock
serves. `Clock.real_seconds_until` and `real_seconds_since` are the bridge, so that the sandbox can let the nights pass
quickly. The one exception is `scheduler`, whose library reckons in the computer's dates: it adds real seconds to them.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The date, and how long to wait in reality until another date."""

    def now(self) -> datetime:
        """The current date, aware, in UTC."""
        ...

    def real_seconds_until(self, when: datetime) -> float:
        """Real seconds from now until `when`; 0 if it has passed."""
        ...

    def real_seconds_since(self, when: datetime) -> float:
        """Real seconds that have passed since `when`; 0 if it is yet to come."""
        ...


class SystemClock:
    """The computer's clock."""

    def now(self) -> datetime:
        """The current date, aware, in UTC."""
        return datetime.now(UTC)

    def real_seconds_until(self, when: datetime) -> float:
        """Real seconds from now until `when`; 0 if it has passed."""
        return max(0.0, (when - self.now()).total_seconds())

    def real_seconds_since(self, when: datetime) -> float:
        """Real seconds that have passed since `when`; 0 if it is yet to come."""
        return max(0.0, (self.now() - when).total_seconds())


@dataclass(slots=True)
class ManualClock:
    """A clock that moves only when told to: for tests and for stepping through recorded nights."""

    date: datetime

    def now(self) -> datetime:
        """The date that was set."""
        return self.date

    def real_seconds_until(self, when: datetime) -> float:
        """Seconds between the set date and `when`; 0 if it has passed."""
        return max(0.0, (when - self.date).total_seconds())

    def real_seconds_since(self, when: datetime) -> float:
        """Seconds between `when` and the set date; 0 if it is yet to come."""
        return max(0.0, (self.date - when).total_seconds())

    def advance(self, by: timedelta) -> None:
        """Move the date forward."""
        self.date += by


class FastClock:
    """A clock that starts at a date and runs `rate` times as fast as reality."""

    def __init__(self, start: datetime, rate: float) -> None:
        self._start = start
        self._rate = rate
        self._began_s = time.monotonic()

    def now(self) -> datetime:
        """The accelerated date."""
        return self._start + timedelta(seconds=(time.monotonic() - self._began_s) * self._rate)

    def real_seconds_until(self, when: datetime) -> float:
        """Real seconds until the accelerated date reaches `when`."""
        return max(0.0, (when - self.now()).total_seconds() / self._rate)

    def real_seconds_since(self, when: datetime) -> float:
        """Real seconds since the accelerated date was `when`."""
        return max(0.0, (self.now() - when).total_seconds() / self._rate)
