"""Finding the stocks of the watched channels: by the live service's own listing, or through the archive."""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Literal

from sqlalchemy import Connection

from ampel_watch.clock import Clock
from ampel_watch.config import LiveSettings
from ampel_watch.errors import OF_THE_SERVICE, NotOffered, ServiceError, ServiceUnavailable
from ampel_watch.model import Snapshot, StockKey
from ampel_watch.pipeline import listing
from ampel_watch.pipeline.alerts import AlertFinder, AlertSearch, by_filter, members_of_channel, stocks_of_watch
from ampel_watch.pipeline.look import Look
from ampel_watch.pipeline.overlap import WIDE_EVERY, since
from ampel_watch.pipeline.photometry import Photometry
from ampel_watch.pipeline.record import Circumstances, Reading, record_channel_look, record_readings
from ampel_watch.pipeline.services import Services
from ampel_watch.services.live import LiveClient
from ampel_watch.storage import Database, health, stocks
from ampel_watch.storage.looks import ChannelLook

_LOG = logging.getLogger(__name__)

Way = Literal["rest", "archive"]


class MemberFinder:
    """Lists channels, and finds out what the archive has new alerts of.

    A fault of one channel's listing, or of the archive, is noted in the look and costs only the watches that need it;
    `ServiceUnavailable` and `CredentialsRefused` of the live service end the look.
    """

    def __init__(
        self, services: Services, database: Database, clock: Clock, settings: LiveSettings, photometry: Photometry
    ) -> None:
        self._services = services
        self._alerts = (
            AlertFinder(services.archive, database, clock, photometry) if services.archive is not None else None
        )
        self._database = database
        self._clock = clock
        self._settings = settings
        self._way: Way | None = None
        self._chosen_at = clock.now()

    async def find(self, look: Look) -> None:
        """Record the members that listings show, or plan to read what the archive shows of channels without one."""
        way = await self._find_way(look) if look.targets.channels else None
        if way == "rest":
            for channel in sorted(look.targets.channels):
                await self._list(look, channel)
        elif way == "archive":
            for text, channels in look.targets.searches.items():
                await self._search(look, by_filter(text), channels)

    async def follow(self, look: Look) -> None:
        """See what the archive has of watched stocks, and plan to read those on live.

        That is: of those that are followed by their brightness, and of lists that are too long to be read whole.
        """
        if self._alerts is not None:
            await self._follow(look, self._alerts)

    async def _find_way(self, look: Look) -> Way | None:
        """How channels are listed: as configured, or the first way that the service offers; None if it cannot tell.

        That there is no listing is asked again each day, and as long as the archive is not configured: the 404 may
        have been a proxy's.
        """
        if self._settings.listing != "auto":
            return self._settings.listing
        now = self._clock.now()
        if self._way is None or (self._way == "archive" and self._is_doubtful(now)):
            try:
                await self._services.live.list_stocks(min(look.targets.channels), after=now, limit=1, skip=0)
                await self._choose("rest", now)
            except NotOffered:
                await self._choose("archive", now)
            except OF_THE_SERVICE:
                raise
            except ServiceError as error:
                look.channel_errors |= dict.fromkeys(look.targets.channels, error)
                return None
        return self._way

    def _is_doubtful(self, now: datetime) -> bool:
        return self._services.archive is None or now - self._chosen_at >= WIDE_EVERY

    async def _choose(self, way: Way, now: datetime) -> None:
        if way != self._way:
            _LOG.info("finding the stocks of channels by %s", "the live listing" if way == "rest" else "the archive")
            await self._database.run(lambda c: health.note_listing(c, way))
        self._way, self._chosen_at = way, now

    async def _list(self, look: Look, channel: str) -> None:
        last = look.channel_looks.get(channel)
        now = self._clock.now()
        after, wide_at = None, now
        if last is not None and not listing.is_first(last, look.circumstances.epoch):
            after, wide_at = since(last.looked_at, last.looked_wide_at, now)
        members = listing.Listing(self._services.live, channel, after)
        try:
            async for page in members.pages():
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
            complete = members.complete or (after is not None and last is not None and last.complete)
            finished = ChannelLook(now, wide_at, complete, look.circumstances.epoch)
            await self._finish_channel(look, channel, finished)

    async def _record_page(self, look: Look, page: list[Snapshot]) -> None:
        check_identity(self._services.live, look)
        watched = look.targets.channels.keys()
        readings = [Reading(s, whole=False, watched=bool((s.channels or frozenset()) & watched)) for s in page]
        around = Circumstances(look.circumstances.epoch, look.circumstances.unseen_since, {})

        def record(connection: Connection) -> int:
            found = record_readings(connection, readings, around)
            members_of = stocks.members_of(connection, {snapshot.key for snapshot in page})
            # Where a document leaves a channel out, only the stock itself, read whole, tells whether it left.
            agree = (s.key for s in page if members_of.get(s.key, frozenset()) & watched <= (s.channels or frozenset()))
            look.listed.update(agree)
            return found

        look.stocks_seen += len(page)
        look.count(await self._database.run(record))

    async def _search(self, look: Look, search: AlertSearch, channels: Sequence[str]) -> None:
        if self._alerts is None:
            error = ServiceError(
                "live",
                "this service has no listing of a channel's stocks, and `services.archive` is not configured to find "
                "them otherwise",
            )
            look.channel_errors |= dict.fromkeys(channels, error)
            return
        if isinstance(look.archive_error, OF_THE_SERVICE):  # it was not there a moment ago: live is not to wait for it
            look.channel_errors |= dict.fromkeys(channels, look.archive_error)
            return
        now = self._clock.now()
        look.archive_asked = True
        try:
            await self._alerts.look(search)
        except ServiceError as error:
            look.archive_error = error
            look.channel_errors |= dict.fromkeys(channels, error)
            return
        for channel in channels:
            await self._finish_channel(look, channel, self._after_search(look, channel, now))

    async def _follow(self, look: Look, alerts: AlertFinder) -> None:
        named, searches, concerned = await self._followed(look)
        if not named:
            return
        if isinstance(look.archive_error, OF_THE_SERVICE):
            look.watch_errors |= dict.fromkeys(concerned, look.archive_error)
            return
        look.archive_asked = True
        try:
            look.count(await alerts.look_at(named, searches, look.archive_unseen_since))
        except ServiceError as error:
            look.archive_error = error
            look.watch_errors |= dict.fromkeys(concerned, error)

    async def _followed(self, look: Look) -> tuple[dict[StockKey, str], list[AlertSearch], set[str]]:
        """The stocks to ask for, what they are stocks of, and the watches that depend on the answer."""
        targets = look.targets
        is_long = len(targets.stocks) > self._settings.budget
        stocks_of = {key: n for key, n in targets.stocks.items() if is_long or targets.follows & set(n.watches)}
        watches = {watch for named in stocks_of.values() for watch in named.watches}
        channels = [channel for channel, by in targets.channels.items() if targets.follows & set(by)]
        members = await self._database.run(lambda c: stocks.members_in(c, channels))
        searches = [stocks_of_watch(watch) for watch in sorted(watches)]
        searches += [members_of_channel(channel) for channel in sorted(channels)]
        of_channels = {watch for channel in channels for watch in targets.channels[channel]}
        concerned = (watches | of_channels) & targets.follows
        return members | {key: named.name for key, named in stocks_of.items()}, searches, concerned

    def _after_search(self, look: Look, channel: str, now: datetime) -> ChannelLook:
        """A search lists nothing: what was listed completely stays as it is, until it can be listed again."""
        before, epoch = look.channel_looks.get(channel), look.circumstances.epoch
        if before is not None and before.complete and before.epoch == epoch:
            return before
        return ChannelLook(now, now, complete=False, epoch=epoch)

    async def _finish_channel(self, look: Look, channel: str, done: ChannelLook) -> None:
        new = look.targets.new_to_channel(channel, look.first_looks)
        await self._database.run(partial(record_channel_look, channel=channel, look=done, new_to=new))


def check_identity(live: LiveClient, look: Look) -> None:
    """End the look if the token was replaced by one with other identities: what it reads now means something else."""
    if live.identity() != look.identity:
        raise ServiceUnavailable("live", "the token was replaced during the look; the next look begins anew")
