"""Which of many watched stocks to read again: those read longest ago."""

import heapq
from collections.abc import Iterable
from random import Random

from ampel_watch.model import StockKey


class RefreshOrder:
    """Remembers, in memory, in which turn each stock was read last.

    Nothing is written for a stock that did not change. After a restart the order begins anywhere, so that no stock is
    always the last.
    """

    def __init__(self, random: Random) -> None:
        self._turn: dict[StockKey, int] = {}
        self._turns = 0
        self._salt = random.random()

    def note(self, keys: Iterable[StockKey]) -> None:
        """These stocks were read now."""
        self._turns += 1
        self._turn.update(dict.fromkeys(keys, self._turns))

    def longest_ago(self, keys: Iterable[StockKey], count: int) -> list[StockKey]:
        """The `count` stocks that were read longest ago, or never."""
        return heapq.nsmallest(count, keys, key=lambda key: (self._turn.get(key, 0), hash((self._salt, key))))
