"""The first loop: look at what the due watches need, once for all of them, and record what changed.

A look goes through three steps: find the stocks of the watched channels (by the service's listing, or through the
archive), read the stocks that need it, and write down how it went. Nothing that a service fails to answer, answers
wrongly or leaves out is taken for a change.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from sqlalchemy import Connection

from ampel_watch.clock import Clock
from ampel_watch.config import LiveSettings, Watch
from ampel_watch.errors import OF_THE_SERVICE, CredentialsRefused, ServerFault, ServiceError
from ampel_watch.model import StockKey
from ampel_watch.pipeline.alerts import put_off, retry_later
from ampel_watch.pipeline.cone_search import ConeFinder
from ampel_watch.pipeline.cones import load_found
from ampel_watch.pipeline.find import MemberFinder, check_identity
from ampel_watch.pipeline.look import Look, Report, gap, name_troubles
from ampel_watch.pipeline.photometry import Photometry
from ampel_watch.pipeline.reader import Reader, ReadRequest, ReadResult
from ampel_watch.pipeline.record import Circumstances, Reading, record_readings
from ampel_watch.pipeline.refresh import RefreshOrder
from ampel_watch.pipeline.services import Services
from ampel_watch.pipeline.targets import targets_of
from ampel_watch.pipeline.vanished import record_misses
from ampel_watch.storage import Database, health, looks, reads, stocks
from ampel_watch.storage.reads import PendingRead

_LOG = logging.getLogger(__name__)

# How long a stock whose first reading failed waits to be tried before its turn.
_TRY_AGAIN_AFTER = timedelta(minutes=10)


class Poller:
    """Looks at the live service, and at the archive where that tells what to look at.

    Parameters
    ----------
    watches: all that are configured, due or not.
    """

    def __init__(
        self,
        services: Services,
        database: Database,
        clock: Clock,
        settings: LiveSettings,
        *,
        watches: Sequence[Watch],
        changed: asyncio.Event,
        photometry: Photometry,
    ) -> None:
        self._services = services
        self._changed = changed
        self._database = database
        self._clock = clock
        self._settings = settings
        self._finder = MemberFinder(services, database, clock, settings, photometry)
        self._cones = ConeFinder(services.archive, database, clock, watches)
        self._tried: dict[StockKey, datetime] = {}
        self._order = RefreshOrder()

    async def look(self, watches: Sequence[Watch], *, at_most: int | None = None) -> Report:
        """One look at what these watches need; sets `changed` as soon as a change is recorded.

        Parameters
        ----------
        at_most: so many stocks that were never looked at, and so many with new alerts, are read now, so that
            a long list does not hold up other watches; None for all.
        """
        now = self._clock.now()
        archive = await self._database.run(lambda connection: health.service(connection, "archive"))
        # What can be known without an archive that failed the last time shall not wait for it.
        is_doubtful = archive.failing_since is not None
        cones = None if is_doubtful else await self._cones.look(watches)
        look = await self._begin(watches, now)
        if cones is not None:
            cones.note_in(look)
        if look.live_error is None:
            await self._look_at_live(look, at_most, follow=not is_doubtful)
        if is_doubtful:
            (await self._cones.look(watches)).note_in(look)
            if look.live_error is None:
                await self._finder.follow(look)
        await self._end(look)
        return look.report

    async def _look_at_live(self, look: Look, at_most: int | None, *, follow: bool) -> None:
        try:
            await self._finder.find(look)
            if follow:
                await self._finder.follow(look)
            await self._read(look, at_most)
        except OF_THE_SERVICE as error:
            look.live_error = error

    async def _begin(self, watches: Sequence[Watch], now: datetime) -> Look:
        report = Report(started=now)
        try:
            identity = self._services.live.identity()
        except CredentialsRefused as error:
            report.errors = {watch.name: str(error) for watch in watches}
            targets = targets_of(watches, now, {})
            return Look(targets, report, Circumstances(0, None, {}), {}, {}, self._changed, None, live_error=error)
        shortest = min((watch.every for watch in watches), default=timedelta())

        def load(connection: Connection) -> Look:
            epoch = health.note_identity(connection, identity, now)
            live = health.service(connection, "live")
            self._order.resume(live.refreshed_to)
            targets = targets_of(watches, now, load_found(connection, watches, now))
            first_looks = looks.first_looks_at(connection, targets.targets())
            new_to = {key: new for key in targets.stocks if (new := targets.new_to_stock(key, first_looks))}
            circumstances = Circumstances(epoch, gap(live.succeeded_at, self._clock, shortest), new_to)
            listed = looks.channels(connection)
            look = Look(targets, report, circumstances, first_looks, listed, self._changed, identity)
            archive = health.service(connection, "archive")
            look.archive_unseen_since = gap(archive.succeeded_at, self._clock, shortest)
            return look

        return await self._database.run(load)

    async def _read(self, look: Look, at_most: int | None) -> None:
        wanted, more = await self._wanted(look, at_most)
        reader = Reader(self._services.live, self._settings.concurrency, good_answers=look.good_answers)
        await reader.read(wanted, partial(self._record_results, look))
        look.stock_errors |= reader.stock_errors
        look.good_answers = reader.good_answers
        look.live_error = reader.live_error
        if reader.live_error is None:
            look.report.more |= more
            await self._record_faults(look, wanted)
            await self._record_missing(look)

    async def _record_faults(self, look: Look, wanted: list[ReadRequest]) -> None:
        """Put failed reads behind others: a service may answer 500 for each stock that it does not know."""
        failed = [request for request in wanted if request.key in look.stock_errors]
        now = self._clock.now()
        self._tried |= {request.key: now for request in failed if request.watched}
        self._order.note(request.key for request in failed if request.watched)
        alerts = [request.alert for request in failed if request.alert is not None]

        def record(connection: Connection) -> tuple[dict[StockKey, frozenset[str]], set[StockKey]]:
            retry_later(connection, alerts, now)
            keys = look.stock_errors.keys()
            return stocks.members_of(connection, keys), set(stocks.expected(connection, keys))

        look.members_that_failed, never_shown = await self._database.run(record)
        for key in never_shown:
            named = look.targets.stocks.get(key)
            # AMPEL need not know what appears at a position, and its 500 may be its way to say so.
            if named is not None and not named.by_name and isinstance(look.stock_errors[key], ServerFault):
                del look.stock_errors[key]

    async def _wanted(self, look: Look, at_most: int | None) -> tuple[list[ReadRequest], bool]:
        """What to read (because of alerts, for the first time, or read longest ago), and whether that is not all."""
        now = self._clock.now()
        due, members = await self._database.run(
            lambda c: (reads.due(c, now, at_most), stocks.members_in(c, look.targets.channels.keys()))
        )
        watched = members | {key: named.name for key, named in look.targets.stocks.items()}
        wanted = {read.key: ReadRequest(read.key, read.name, read.key in watched, read) for read in due}
        new = self._never_looked_at(look, now)
        for key in islice((key for key in new if key not in wanted), at_most):
            wanted[key] = ReadRequest(key, watched[key])
        more = len(due) == at_most or any(key not in wanted for key in new)
        # A member that was just listed is in its channel; who names a stock wants it read all the same.
        skip = wanted.keys() | set(new) | (look.listed - look.targets.stocks.keys())
        rest = [key for key in watched if key not in skip]
        for key in self._order.longest_ago(rest, self._settings.budget):
            wanted[key] = ReadRequest(key, watched[key])
        return list(wanted.values()), more

    def _never_looked_at(self, look: Look, now: datetime) -> list[StockKey]:
        """The named stocks that a watch is new to; those tried in vain wait a while, and come after the others."""
        waiting = {key for key, tried_at in self._tried.items() if now - tried_at < _TRY_AGAIN_AFTER}
        return sorted(look.circumstances.new_to.keys() - waiting, key=lambda key: (key in self._tried, key))

    async def _record_results(self, look: Look, results: list[ReadResult]) -> None:
        check_identity(self._services.live, look)
        self._order.note(result.request.key for result in results if result.request.watched)
        readings: list[Reading] = []
        rejected: list[PendingRead] = []
        for result in results:
            request = result.request
            if result.snapshot is not None:
                self._tried.pop(request.key, None)
                look.stocks_seen += 1
                in_question = (result.snapshot.channels or frozenset()) & look.targets.channels.keys()
                watched = request.watched or bool(in_question)
                readings.append(Reading(result.snapshot, watched=watched, alert=request.alert))
            elif request.watched:
                look.missing.add(request.key)
            if result.snapshot is None and request.alert is not None:
                rejected.append(request.alert)

        def record(connection: Connection) -> int:
            put_off(connection, rejected)
            return record_readings(connection, readings, look.circumstances)

        look.count(await self._database.run(record))
        look.report.read += len(results)

    async def _record_missing(self, look: Look) -> None:
        """Count the stocks that the service says it does not have, if it answers otherwise."""
        known = await self._database.run(lambda c: stocks.load(c, look.missing))
        now, unseen_since = self._clock.now(), look.circumstances.unseen_since
        for key in sorted(look.missing - known.keys()):
            if key not in self._tried and look.targets.stocks[key].by_name:
                name = look.targets.stocks[key].name
                look.report.warnings.append(f"live: there is no stock {name} (yet), or this token may not see it")
            self._tried[key] = now
        await self._note_followed(look, look.missing - known.keys())
        if not known or not await self._answers_otherwise(look):
            return
        every = {key: self._every(look, key, stored.members_of) for key, stored in known.items()}
        recorded = await self._database.run(partial(record_misses, missing=every, now=now, unseen_since=unseen_since))
        look.count(recorded)

    async def _note_followed(self, look: Look, unknown: Collection[StockKey]) -> None:
        """A stock that AMPEL does not know is watched all the same, if the archive is asked for it."""
        if not look.archive_asked or look.archive_error is not None:
            return
        looked = [
            (watch, looks.stock_target(key.survey, key.id))
            for key in unknown
            for watch in look.circumstances.new_to.get(key, ())
            if watch in look.targets.follows
        ]
        at = look.report.started
        await self._database.run(lambda connection: looks.note_first_looks(connection, looked, at))

    async def _answers_otherwise(self, look: Look) -> bool:
        """Whether the service is well enough for its "no such stock" to count: some other call must succeed."""
        if look.stocks_seen:
            return True
        try:
            await self._services.live.channels()
        except ServiceError as error:
            _LOG.info("not counting %d missing stocks: %s", len(look.missing), error)
            return False
        return True

    def _every(self, look: Look, key: StockKey, channels: frozenset[str]) -> timedelta:
        periods = [look.targets.every[channel] for channel in channels if channel in look.targets.every]
        if key in look.targets.stocks:
            periods.append(look.targets.stocks[key].every)
        return min(periods, default=timedelta())

    async def _end(self, look: Look) -> None:
        name_troubles(look)
        now = self._clock.now()

        def record(connection: Connection) -> None:
            health.note_refreshed(connection, self._order.last)
            if look.live_error is not None:
                health.note_service_failure(connection, "live", now, str(look.live_error))
            elif look.good_answers:
                health.note_service_success(connection, "live", look.report.started)
            if look.archive_error is not None:
                health.note_service_failure(connection, "archive", now, str(look.archive_error))
            elif look.archive_asked:
                health.note_service_success(connection, "archive", look.report.started)

        await self._database.run(record)
