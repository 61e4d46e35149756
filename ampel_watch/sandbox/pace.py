"""A clock for the sandbox: every night takes the same short real time, and gaps between recorded nights are skipped."""

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

_NIGHT = timedelta(hours=24)
# Recorded nights may lie years apart; nothing happens in between that is worth waiting for.
_LONGEST_GAP = timedelta(days=2)


class NightClock:
    """Shows each of some nights in `night_s` real seconds, and goes on at the same pace after the last.

    It stands still until `begin`, so that what must be set up takes no time of the first night.

    Parameters
    ----------
    nights: the dates by which each night is over, ascending.
    """

    def __init__(
        self, nights: Sequence[datetime], night_s: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._marks = _marks(nights, night_s)
        self._pace = _NIGHT.total_seconds() / night_s
        self._monotonic = monotonic
        self._began_s: float | None = None

    def begin(self) -> None:
        """Let time pass."""
        self._began_s = self._monotonic()

    def now(self) -> datetime:
        """The date in the sandbox."""
        return self._date_at(self._elapsed_s())

    def real_seconds_until(self, when: datetime) -> float:
        """Real seconds until the sandbox reaches a date."""
        return max(0.0, self._second_of(when) - self._elapsed_s())

    def real_seconds_since(self, when: datetime) -> float:
        """Real seconds since the sandbox was at a date."""
        return max(0.0, self._elapsed_s() - self._second_of(when))

    def _elapsed_s(self) -> float:
        return 0.0 if self._began_s is None else self._monotonic() - self._began_s

    def _date_at(self, second: float) -> datetime:
        place = bisect_right(self._marks, second, key=lambda mark: mark[0])
        if place >= len(self._marks):
            last_s, last = self._marks[-1]
            return last + timedelta(seconds=(second - last_s) * self._pace)
        (from_s, start), (to_s, end) = self._marks[place - 1], self._marks[place]
        return start + (end - start) * ((second - from_s) / (to_s - from_s))

    def _second_of(self, when: datetime) -> float:
        place = bisect_right(self._marks, when, key=lambda mark: mark[1])
        if place >= len(self._marks):
            last_s, last = self._marks[-1]
            return last_s + (when - last).total_seconds() / self._pace
        if place == 0:
            return 0.0
        (from_s, start), (to_s, end) = self._marks[place - 1], self._marks[place]
        return from_s + (to_s - from_s) * ((when - start) / (end - start))


def _marks(nights: Sequence[datetime], night_s: float) -> list[tuple[float, datetime]]:
    """Where the real seconds and the dates meet; a gap of many days is one jump in a moment."""
    marks = [(0.0, nights[0] - _NIGHT)]
    for night in nights:
        second, date = marks[-1]
        if night - date > _LONGEST_GAP:
            marks.append((second + night_s / 100, night - _NIGHT))
            second, date = marks[-1]
        marks.append((second + night_s * ((night - date) / _NIGHT), night))
    return marks
