"""The first loop: look at what the due watches need, once for all of them, and record what changed.

A pass goes through three steps: find the stocks of the watched channels (by the service's listing, or through the
archive), read the stocks that need it, and write down how it went. Nothing that a service fails to answer, answers
wrongly or leaves out is taken for a change.
"""

import heapq
import logging
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from sqlalchemy import Connection

from ampel_watch.clock import Clock
from ampel_watch.config import LiveSettings, Watch
from ampel_watch.errors import CredentialsRefused, NotOffered, ServiceError, ServiceUnavailable
from ampel_watch.model import Snapshot, StockKey
from ampel_watch.pipeline import listing
from ampel_watch.pipeline.alerts import AlertFinder, AlertSearch, by_filter, by_names
from ampel_watch.pipeline.reader import Answer, Reader, Wanted
from ampel_watch.pipeline.record import (
    Circumstances,
    Reading,
    record_channel_look,
    record_misses,
    record_readings,
    record_unreadable_alerts,
)
from ampel_watch.pipeline.services import Services
from ampel_watch.pipeline.targets import Targets, targets_of
from ampel_watch.storage import Database, health, looks, reads, stocks
from ampel_watch.storage.looks import ChannelLook, FirstLook
from ampel_watch.storage.reads import PendingRead

_LOG = logging.getLogger(__name__)

# A gap between good looks is worth telling once it is clearly longer than the watches ask for.
_GAP_AT_LEAST = timedelta(minutes=10)
_GAP_IN_PERIODS = 2


@dataclass(slots=True)
class Report:
    """How a pass went.

    Attributes
    ----------
    errors: watch → why its look is not complete; watches without an entry went well.
    warnings: what is worth a line in the log and no failure.
    read, changes: stocks read, changes recorded.
    more: stocks are left that were never looked at: look again soon.
    """

    started: datetime
    errors: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    read: int = 0
    changes: int = 0
    more: bool = False


@dataclass(slots=True)
class Pass:
    """What one pass knows: its targets, what was stored when it began, and what went wrong."""

    targets: Targets
    report: Report
    around: Circumstances
    first_looks: dict[tuple[str, str], FirstLook]
    channel_looks: dict[str, ChannelLook]
    channel_errors: dict[str, ServiceError] = field(default_factory=dict)
    stock_errors: dict[StockKey, ServiceError] = field(default_factory=dict)
    archive_asked: bool = False
    archive_error: ServiceError | None = None
    live_error: ServiceError | None = None
    good_answers: int = 0
    listed: set[StockKey] = field(default_factory=set)
    missing: set[StockKey] = field(default_factory=set)


class Poller:
    """Looks at the live service, and at the archive where that tells what to look at."""

    def __init__(self, services: Services, database: Database, clock: Clock, settings: LiveSettings) -> None:
        self._services = services
        self._database = database
        self._clock = clock
        self._settings = settings
        self._way: str | None = None if settings.listing == "auto" else settings.listing
        self._unknown: set[StockKey] = set()
        self._turn: dict[StockKey, int] = {}
        self._turns = 0
        self._start = random.randrange(2**32)

    async def look(self, watches: Sequence[Watch], *, first_reads: int | None = None) -> Report:
        """One pass over what these watches look at.

        Parameters
        ----------
        first_reads: at most so many stocks that were never looked at are read in this pass; None for all.
        """
        now = self._clock.now()
        targets = targets_of(watches, now)
        current = await self._begin(targets, watches, now)
        if current.live_error is None:
            try:
                await self._find(current)
                await self._read(current, first_reads)
            except (ServiceUnavailable, CredentialsRefused) as error:
                current.live_error = error
        await self._end(current)
        return current.report

    async def _begin(self, targets: Targets, watches: Sequence[Watch], now: datetime) -> Pass:
        report = Report(started=now)
        try:
            identity = self._services.live.identity()
        except CredentialsRefused as error:
            report.errors = {watch.name: str(error) for watch in watches}
            return Pass(targets, report, Circumstances(0, None, {}), {}, {}, live_error=error)
        shortest = min((watch.every for watch in watches), default=timedelta())

        def load(connection: Connection) -> Pass:
            epoch = health.note_identity(connection, identity, now)
            last_good = health.service(connection, "live").succeeded_at
            first_looks = looks.first_looks_at(connection, targets.targets())
            new = {key: found for key in targets.stocks if (found := targets.new_to_stock(key, first_looks))}
            around = Circumstances(epoch, _gap(last_good, now, shortest), new)
            return Pass(targets, report, around, first_looks, looks.channels(connection))

        return await self._database.run(load)

    # Finding the stocks of channels

    async def _find(self, current: Pass) -> None:
        if current.targets.channels and await self._find_way(current) == "rest":
            for channel in sorted(current.targets.channels):
                await self._list(current, channel)
        elif current.targets.channels:
            for text, channels in current.targets.searches.items():
                if channels:
                    await self._search(current, [by_filter(text)], channels)
        if self._services.archive and len(current.targets.stocks) > self._settings.budget:
            await self._search(current, by_names(sorted(n.name for n in current.targets.stocks.values())), ())

    async def _find_way(self, current: Pass) -> str | None:
        """How channels are listed: as configured, or the first way that the service offers."""
        if self._way is None:
            channel = min(current.targets.channels)
            try:
                await self._services.live.list_stocks(channel, after=self._clock.now(), limit=1, skip=0)
                self._way = "rest"
            except NotOffered:
                self._way = "archive"
            except (ServiceUnavailable, CredentialsRefused):
                raise
            except ServiceError as error:
                current.channel_errors |= dict.fromkeys(current.targets.channels, error)
                return "rest"
            way = self._way
            _LOG.info("finding the stocks of channels by %s", "the live listing" if way == "rest" else "the archive")
            await self._database.run(lambda c: health.note_listing(c, way))
        return self._way

    async def _list(self, current: Pass, channel: str) -> None:
        if channel in current.channel_errors:
            return
        look = current.channel_looks.get(channel)
        now = self._clock.now()
        after, wide_at = None, now
        if look is not None and not listing.is_first(look, current.around.epoch):
            after, wide_at = listing.since(look.looked_at, look.looked_wide_at, now)
        try:
            async for page in listing.members(self._services.live, channel, after):
                current.good_answers += 1
                await self._record_page(current, page)
        except NotOffered as error:
            current.channel_errors[channel] = error
            if self._settings.listing == "auto":
                self._way = None  # the service no longer lists: find out anew at the next look
        except (ServiceUnavailable, CredentialsRefused):
            raise
        except ServiceError as error:
            current.channel_errors[channel] = error
        else:
            current.good_answers += 1
            finished = ChannelLook(now, wide_at, complete=True, epoch=current.around.epoch)
            await self._finish_channel(current, channel, finished)

    async def _record_page(self, current: Pass, page: list[Snapshot]) -> None:
        readings = [
            Reading(s, whole=False, wanted=bool((s.channels or frozenset()) & current.targets.channels.keys()))
            for s in page
        ]
        current.listed |= {snapshot.key for snapshot in page}
        around = Circumstances(current.around.epoch, current.around.unseen_since, {})
        current.report.changes += await self._database.run(partial(record_readings, readings=readings, around=around))

    async def _search(self, current: Pass, searches: list[AlertSearch], channels: Sequence[str]) -> None:
        if self._services.archive is None:
            error = ServiceError(
                "live",
                "this service has no listing of a channel's stocks, and `services.archive` is not configured to find "
                "them otherwise",
            )
            current.channel_errors |= dict.fromkeys(channels, error)
            return
        now = self._clock.now()
        current.archive_asked = True
        try:
            await AlertFinder(self._services.archive, self._database, self._clock).look(searches)
        except ServiceError as error:
            current.archive_error = error
            current.channel_errors |= dict.fromkeys(channels, error)
            return
        for channel in channels:
            before = current.channel_looks.get(channel)
            complete = before is not None and before.complete
            await self._finish_channel(current, channel, ChannelLook(now, now, complete, current.around.epoch))

    async def _finish_channel(self, current: Pass, channel: str, look: ChannelLook) -> None:
        new = current.targets.new_to_channel(channel, current.first_looks)
        await self._database.run(partial(record_channel_look, channel=channel, look=look, watches=new))

    # Reading stocks

    async def _read(self, current: Pass, first_reads: int | None) -> None:
        wanted = await self._wanted(current, first_reads)
        reader = Reader(self._services.live, self._settings.concurrency)
        await reader.read(wanted, partial(self._record_answers, current))
        current.stock_errors |= reader.faults
        current.good_answers += reader.good_answers
        current.live_error = reader.trouble
        if reader.trouble is None:
            await self._record_missing(current)

    async def _wanted(self, current: Pass, first_reads: int | None) -> list[Wanted]:
        """What to read: because of alerts, then for the first time, then what was read longest ago."""
        now = self._clock.now()
        due, members = await self._database.run(
            lambda c: (reads.due(c, now, None), stocks.members_in(c, current.targets.channels.keys()))
        )
        watched = members | {key: named.name for key, named in current.targets.stocks.items()}
        wanted = {read.key: Wanted(read.key, read.name, read.key in watched, read) for read in due}
        new = [key for key in current.around.first_looks if key not in self._unknown]
        for key in islice((key for key in new if key not in wanted), first_reads):
            wanted[key] = Wanted(key, watched[key])
        current.report.more = any(key not in wanted for key in new)
        # A member that was just listed is in its channel; who names a stock wants it read all the same.
        skip = wanted.keys() | set(new) | (current.listed - current.targets.stocks.keys())
        rest = [key for key in watched if key not in skip]
        for key in heapq.nsmallest(self._settings.budget, rest, key=self._longest_ago):
            wanted[key] = Wanted(key, watched[key])
        return list(wanted.values())

    def _longest_ago(self, key: StockKey) -> tuple[int, int]:
        """Order of refreshing; after a restart it begins anywhere, so that no stock is always the last."""
        return self._turn.get(key, 0), hash((self._start, key))

    async def _record_answers(self, current: Pass, answers: list[Answer]) -> None:
        self._turns += 1
        readings: list[Reading] = []
        rejected: list[PendingRead] = []
        for answer in answers:
            wanted = answer.wanted
            if wanted.watched:
                self._turn[wanted.key] = self._turns
            if answer.snapshot is not None:
                self._unknown.discard(wanted.key)
                readings.append(Reading(answer.snapshot, True, wanted.watched, wanted.alert))
            elif wanted.watched:
                current.missing.add(wanted.key)
            if answer.snapshot is None and wanted.alert is not None:
                rejected.append(wanted.alert)

        def record(connection: Connection) -> int:
            record_unreadable_alerts(connection, rejected)
            return record_readings(connection, readings, current.around)

        current.report.changes += await self._database.run(record)
        current.report.read += len(answers)

    async def _record_missing(self, current: Pass) -> None:
        """Count the stocks that the service says it does not have, if it answers otherwise."""
        if not current.missing or not await self._answers_otherwise(current):
            return
        known = await self._database.run(lambda c: stocks.load(c, current.missing))
        for key in sorted(current.missing - known.keys()):
            self._unknown.add(key)
            name = current.targets.stocks[key].name
            current.report.warnings.append(f"live: there is no stock {name} (yet), or this token may not see it")
        every = {key: self._every(current, key, stored.members_of) for key, stored in known.items()}
        now, gap = self._clock.now(), current.around.unseen_since
        current.report.changes += await self._database.run(
            partial(record_misses, missing=every, now=now, unseen_since=gap)
        )

    async def _answers_otherwise(self, current: Pass) -> bool:
        """Whether the service is well enough for its "no such stock" to count: some other call must succeed."""
        if current.good_answers > len(current.missing):
            return True
        try:
            await self._services.live.channels()
        except ServiceError as error:
            _LOG.info("not counting %d missing stocks: %s", len(current.missing), error)
            return False
        return True

    def _every(self, current: Pass, key: StockKey, channels: frozenset[str]) -> timedelta:
        periods = [current.targets.every[channel] for channel in channels if channel in current.targets.every]
        if key in current.targets.stocks:
            periods.append(current.targets.stocks[key].every)
        return min(periods, default=timedelta())

    # Writing down how it went

    async def _end(self, current: Pass) -> None:
        self._judge(current)
        now = self._clock.now()

        def record(connection: Connection) -> None:
            if current.live_error is not None:
                health.note_service_failure(connection, "live", now, str(current.live_error))
            elif current.good_answers:
                health.note_service_success(connection, "live", current.report.started)
            if current.archive_error is not None:
                health.note_service_failure(connection, "archive", now, str(current.archive_error))
            elif current.archive_asked:
                health.note_service_success(connection, "archive", current.report.started)

        await self._database.run(record)

    def _judge(self, current: Pass) -> None:
        """Say of each watch what kept its look from being complete."""
        targets, errors = current.targets, current.report.errors
        troubles: dict[str, list[ServiceError]] = defaultdict(list)
        for channel, error in current.channel_errors.items():
            for watch in targets.channels[channel]:
                troubles[watch].append(error)
        for key, error in current.stock_errors.items():
            if key in targets.stocks:
                for watch in targets.stocks[key].watches:
                    troubles[watch].append(error)
            else:
                current.report.warnings.append(str(error))
        for watch, found in troubles.items():
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            errors[watch] = f"{found[0]}{more}"
        if current.live_error is not None:
            errors |= dict.fromkeys(targets.tells, str(current.live_error))


def _gap(last_good: datetime | None, now: datetime, every: timedelta) -> datetime | None:
    """The end of the last good look, if nothing was seen for unusually long since."""
    usual = max(_GAP_AT_LEAST, every * _GAP_IN_PERIODS)
    return last_good if last_good is not None and now - last_good > usual else None
