"""Which of many watched stocks to read again: those read longest ago."""

import heapq
from collections.abc import Iterable

from ampel_watch.model import StockKey


class RefreshOrder:
    """Remembers, in memory, in which turn each stock was read last.

    Nothing is written for a stock that did not change. What is kept over a restart is how far the round had come
    (`last`): it goes on with the stocks after that one, so that none is always the last.
    """

    def __init__(self) -> None:
        self._turn: dict[StockKey, int] = {}
        self._turns = 0
        self._resumed_after: StockKey | None = None
        self.last: StockKey | None = None

    def resume(self, last: StockKey | None) -> None:
        """Go on where an earlier process was; only the first call counts."""
        if self._turns == 0 and self.last is None:
            self._resumed_after = self.last = last

    def note(self, keys: Iterable[StockKey]) -> None:
        """These stocks were read now."""
        self._turns += 1
        self._turn.update(dict.fromkeys(keys, self._turns))

    def longest_ago(self, keys: Iterable[StockKey], count: int) -> list[StockKey]:
        """The `count` stocks that were read longest ago, or never."""
        chosen = heapq.nsmallest(count, keys, key=self._place)
        if chosen:
            self.last = chosen[-1]
        return chosen

    def _place(self, key: StockKey) -> tuple[int, bool, StockKey]:
        after = self._resumed_after
        return self._turn.get(key, 0), after is not None and key <= after, key
