"""Finding the stocks of a channel by the live service's own listing (`rest`)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

from ampel_watch.model import Snapshot, StockKey
from ampel_watch.services.live import LiveClient
from ampel_watch.storage.looks import ChannelLook

PAGE = 200
# A listing that goes on with nothing but known stocks does not honour `skip`; it is then read once, not for ever.
_PAGES_WITHOUT_NEWS = 3
# Pages shift while they are read; a first listing is repeated until a reading finds nothing that was not there.
_FIRST_READINGS = 3


def is_first(look: ChannelLook | None, epoch: int) -> bool:
    """Whether the channel must be listed completely: never done, or the token sees with other eyes now."""
    return look is None or not look.complete or look.epoch != epoch


class Listing:
    """One reading of a channel's listing: what changed since `after`, or all of it, until that is stable.

    `complete` is False, after `pages` has ended, if the service went on with nothing but known stocks and was left.
    """

    def __init__(self, live: LiveClient, channel: str, after: datetime | None) -> None:
        self._live = live
        self._channel = channel
        self._after = after
        self.complete = True

    async def pages(self) -> AsyncIterator[list[Snapshot]]:
        """The stocks that the listing names, page by page, each once."""
        seen: set[StockKey] = set()
        for _ in range(_FIRST_READINGS if self._after is None else 1):
            known = len(seen)
            pages = 0
            async for page in self._read_once():
                pages += 1
                fresh = [snapshot for snapshot in page if snapshot.key not in seen]
                seen |= {snapshot.key for snapshot in page}
                if fresh:
                    yield [_as_member(snapshot, self._channel) for snapshot in fresh]
            if pages <= 1 or len(seen) == known or not self.complete:
                return

    async def _read_once(self) -> AsyncIterator[tuple[Snapshot, ...]]:
        """Pages until an empty one: a short page is no end, because servers cap `limit` as they like."""
        skip = 0
        seen: set[StockKey] = set()
        without_news = 0
        while page := await self._live.list_stocks(self._channel, after=self._after, limit=PAGE, skip=skip):
            skip += len(page)
            keys = {snapshot.key for snapshot in page}
            without_news = 0 if keys - seen else without_news + 1
            seen |= keys
            if without_news == _PAGES_WITHOUT_NEWS:
                self.complete = False
                return
            yield page


def _as_member(snapshot: Snapshot, channel: str) -> Snapshot:
    """A document that names no channels is in the one that was asked for."""
    return replace(snapshot, channels=frozenset({channel})) if snapshot.channels is None else snapshot
