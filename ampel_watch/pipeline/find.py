"""Finding the stocks of the watched channels: by the live service's own listing, or through the archive."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Literal

from ampel_watch.clock import Clock
from ampel_watch.config import LiveSettings
from ampel_watch.errors import OF_THE_SERVICE, NotOffered, ServiceError
from ampel_watch.model import Snapshot
from ampel_watch.pipeline import listing
from ampel_watch.pipeline.alerts import AlertFinder, AlertSearch, by_filter, by_names
from ampel_watch.pipeline.look import Look
from ampel_watch.pipeline.overlap import since
from ampel_watch.pipeline.record import Circumstances, Reading, record_channel_look, record_readings
from ampel_watch.pipeline.services import Services
from ampel_watch.storage import Database, health
from ampel_watch.storage.looks import ChannelLook

_LOG = logging.getLogger(__name__)

Way = Literal["rest", "archive"]


class MemberFinder:
    """Lists channels, and finds out what the archive has new alerts of.

    A fault of one channel's listing, or of the archive, is noted in the look and costs only the watches that need it;
    `ServiceUnavailable` and `CredentialsRefused` of the live service end the look.
    """

    def __init__(self, services: Services, database: Database, clock: Clock, settings: LiveSettings) -> None:
        self._services = services
        self._database = database
        self._clock = clock
        self._settings = settings
        self._way: Way | None = None if settings.listing == "auto" else settings.listing

    async def find(self, look: Look) -> None:
        """Record the members that listings show, and plan to read the stocks that the archive has alerts of."""
        way = await self._find_way(look) if look.targets.channels else None
        if way == "rest":
            for channel in sorted(look.targets.channels):
                await self._list(look, channel)
        elif way == "archive":
            for text, channels in look.targets.searches.items():
                await self._search(look, [by_filter(text)], channels)
        if self._services.archive and len(look.targets.stocks) > self._settings.budget:
            await self._search(look, by_names(sorted(n.name for n in look.targets.stocks.values())), ())

    async def _find_way(self, look: Look) -> Way | None:
        """How channels are listed: as configured, or the first way that the service offers; None if it cannot tell."""
        if self._way is None:
            try:
                await self._services.live.list_stocks(
                    min(look.targets.channels), after=self._clock.now(), limit=1, skip=0
                )
                self._way = "rest"
            except NotOffered:
                self._way = "archive"
            except OF_THE_SERVICE:
                raise
            except ServiceError as error:
                look.channel_errors |= dict.fromkeys(look.targets.channels, error)
                return None
            way = self._way
            _LOG.info("finding the stocks of channels by %s", "the live listing" if way == "rest" else "the archive")
            await self._database.run(lambda c: health.note_listing(c, way))
        return self._way

    async def _list(self, look: Look, channel: str) -> None:
        last = look.channel_looks.get(channel)
        now = self._clock.now()
        after, wide_at = None, now
        if last is not None and not listing.is_first(last, look.circumstances.epoch):
            after, wide_at = since(last.looked_at, last.looked_wide_at, now)
        try:
            async for page in listing.members(self._services.live, channel, after):
                look.good_answers += 1
                await self._record_page(look, page)
        except NotOffered as error:
            look.channel_errors[channel] = error
            if self._settings.listing == "auto":
                self._way = None  # the service no longer lists: find out anew at the next look
        except OF_THE_SERVICE:
            raise
        except ServiceError as error:
            look.channel_errors[channel] = error
        else:
            look.good_answers += 1
            finished = ChannelLook(now, wide_at, complete=True, epoch=look.circumstances.epoch)
            await self._finish_channel(look, channel, finished)

    async def _record_page(self, look: Look, page: list[Snapshot]) -> None:
        readings = [
            Reading(s, whole=False, watched=bool((s.channels or frozenset()) & look.targets.channels.keys()))
            for s in page
        ]
        look.listed |= {snapshot.key for snapshot in page}
        circumstances = Circumstances(look.circumstances.epoch, look.circumstances.unseen_since, {})
        look.stocks_seen += len(page)
        look.count(await self._database.run(partial(record_readings, readings=readings, circumstances=circumstances)))

    async def _search(self, look: Look, searches: list[AlertSearch], channels: Sequence[str]) -> None:
        if self._services.archive is None:
            error = ServiceError(
                "live",
                "this service has no listing of a channel's stocks, and `services.archive` is not configured to find "
                "them otherwise",
            )
            look.channel_errors |= dict.fromkeys(channels, error)
            return
        now = self._clock.now()
        look.archive_asked = True
        try:
            await AlertFinder(self._services.archive, self._database, self._clock).look(searches)
        except ServiceError as error:
            look.archive_error = error
            look.channel_errors |= dict.fromkeys(channels, error)
            return
        for channel in channels:
            before = look.channel_looks.get(channel)
            complete = before is not None and before.complete
            await self._finish_channel(look, channel, ChannelLook(now, now, complete, look.circumstances.epoch))

    async def _finish_channel(self, look: Look, channel: str, done: ChannelLook) -> None:
        new = look.targets.new_to_channel(channel, look.first_looks)
        await self._database.run(partial(record_channel_look, channel=channel, look=done, new_to=new))
