"""Pictures for messages: each drawn once for all receivers, in a thread of its own, and kept for those that follow.

A picture never stops a message: what cannot be had, or not soon, is None, with a line in the log.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Any

from ampel_watch.clock import Clock
from ampel_watch.errors import OF_THE_SERVICE, AmpelWatchError, ServiceUnavailable
from ampel_watch.julian import jd_of
from ampel_watch.model import Event, StockKey
from ampel_watch.pictures import draw_cutouts, draw_light_curve
from ampel_watch.services.archive import ArchiveClient
from ampel_watch.storage import Database
from ampel_watch.storage.light_curves import load_one

_LOG = logging.getLogger(__name__)

PATIENCE_S = 20.0
KEPT_BYTES = 16 * 2**20
FAILURE_KEPT_S = 60.0
_ENTRY_BYTES = 256
_LARGEST = 1e15

Picture = bytes | None
Key = tuple[str | int | float | None, ...]

_ARCHIVE_DOWN: Key = ("archive",)


@dataclass(slots=True)
class _Shelf:
    """The pictures that were asked for last, as many as fit; that there is none is remembered for a short time only."""

    clock: Clock
    most_bytes: int
    _entries: OrderedDict[Key, tuple[datetime, Picture]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def has(self, key: Key) -> bool:
        """Whether it is known what the picture is, or that there is none now."""
        if key not in self._entries:
            return False
        made_at, picture = self._entries[key]
        if picture is None and self.clock.real_seconds_since(made_at) >= FAILURE_KEPT_S:
            self._drop(key)
            return False
        return True

    def take(self, key: Key) -> Picture:
        """The picture of a key that it has."""
        self._entries.move_to_end(key)
        return self._entries[key][1]

    def put(self, key: Key, picture: Picture) -> None:
        """Keep it, and throw away what was not asked for the longest."""
        if key in self._entries:
            self._drop(key)
        self._entries[key] = (self.clock.now(), picture)
        self._bytes += _size(picture)
        while self._bytes > self.most_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Key) -> None:
        _, picture = self._entries.pop(key)
        self._bytes -= _size(picture)


def _size(picture: Picture) -> int:
    return _ENTRY_BYTES + len(picture or b"")


class Gallery:
    """Draws from the stored light curves and from the archive's cutouts; implements `Pictures`.

    Parameters
    ----------
    archive: where cutouts are asked for; None if there is none.
    timezone: of the dates in the pictures.
    patience_s: how long a message waits for a picture; the drawing goes on for the next one that asks.
    kept_bytes: how much is kept of what was drawn.
    """

    def __init__(
        self,
        database: Database,
        archive: ArchiveClient | None,
        clock: Clock,
        *,
        timezone: tzinfo = UTC,
        patience_s: float = PATIENCE_S,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._database = database
        self._archive = archive
        self._timezone = timezone
        self._patience_s = patience_s
        self._shelf = _Shelf(clock, kept_bytes)
        self._under_way: dict[Key, asyncio.Task[Picture]] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures")
        self._turn = asyncio.Lock()
        self._closed = False

    async def light_curve(self, event: Event) -> Picture:
        """The stock's light curve up to the event, its newest detection marked; None if nothing is stored of it."""
        stock, features = event.stock, event.features
        jd, dist_mod_mag, z = (_number(features.get(name)) for name in ("jd", "dist_mod_mag", "z"))
        until_jd = jd_of(event.time) if jd is None else jd
        draw = partial(
            draw_light_curve,
            name=stock.name,
            mark_jd=jd,
            dist_mod_mag=dist_mod_mag,
            z=z,
            timezone=self._timezone,
        )
        key = ("light curve", stock.survey, stock.id, stock.name, jd, until_jd, dist_mod_mag, z)
        make = partial(self._light_curve, StockKey(stock.survey, stock.id), until_jd, draw)
        return await self._picture(key, make, event)

    async def cutouts(self, event: Event) -> Picture:
        """The cutouts of the event's newest detection; None if the archive has none, cannot be asked, or is down."""
        candid, archive = event.features.get("candid"), self._archive
        if archive is None or not isinstance(candid, int) or isinstance(candid, bool):
            return None
        return await self._picture(("cutouts", candid), partial(self._cutouts, archive, candid), event)

    async def close(self) -> None:
        """Give up what is under way; who waits for it, or asks later, gets None."""
        self._closed = True
        tasks = tuple(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    async def _picture(self, key: Key, make: Callable[[], Awaitable[Picture]], event: Event) -> Picture:
        """The picture from the shelf, from whoever is drawing it already, or drawn now."""
        if self._closed:
            return None
        if self._shelf.has(key):
            return self._shelf.take(key)
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._make(key, make, event))
        # Not awaited itself: a caller that gives up takes the picture from nobody else.
        await asyncio.wait({task}, timeout=self._patience_s)
        if not task.done():
            _LOG.warning("%s of %s: a message goes without it, it takes too long", key[0], event.stock.name)
            return None
        return None if task.cancelled() else task.result()

    async def _make(self, key: Key, make: Callable[[], Awaitable[Picture]], event: Event) -> Picture:
        picture = None
        try:
            picture = await make()
        except AmpelWatchError as error:
            _LOG.warning("%s of %s: a message goes without it: %s", key[0], event.stock.name, error)
        except Exception:  # noqa: BLE001 - whatever goes wrong with a picture, the message goes out
            _LOG.exception("%s of %s: a message goes without it", key[0], event.stock.name)
        finally:
            del self._under_way[key]
        self._shelf.put(key, picture)
        return picture

    async def _light_curve(self, key: StockKey, until_jd: float, draw: Callable[..., Picture]) -> Picture:
        async with self._turn:  # so that only one light curve is held at a time, however many are waited for
            stored = await self._database.run(partial(load_one, key=key))
            if stored is None:
                return None
            return await self._in_thread(partial(draw, stored.curve.until(until_jd)))

    async def _cutouts(self, archive: ArchiveClient, candid: int) -> Picture:
        if self._shelf.has(_ARCHIVE_DOWN):
            return None
        try:
            async with asyncio.timeout(self._patience_s):
                cutouts = await archive.cutouts(candid)
        except TimeoutError:
            self._shelf.put(_ARCHIVE_DOWN, None)
            raise ServiceUnavailable("archive", f"no cutouts within {self._patience_s:g} s") from None
        except OF_THE_SERVICE:
            self._shelf.put(_ARCHIVE_DOWN, None)
            raise
        return None if cutouts is None else await self._in_thread(partial(draw_cutouts, cutouts))

    async def _in_thread(self, draw: Callable[[], Picture]) -> Picture:
        return await asyncio.get_running_loop().run_in_executor(self._thread, draw)


def _number(value: Any) -> float | None:
    """The value, if it is a finite number: features may come from a plugin."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= _LARGEST:
        return None
    return float(value)
