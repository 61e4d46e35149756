"""Keeping what is known of watched stocks up to date, without a change that asks for it.

Catalogs are asked again on a schedule: a redshift or a classification may appear long after the last alert. Light
curves of which only the newest part came by itself are fetched whole, since brightening and fading are reckoned from
what was there before.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from ampel_watch.clock import Clock
from ampel_watch.config import Watch
from ampel_watch.diff import CATALOG_KINDS, PHOTOMETRIC_KINDS
from ampel_watch.model import StockKey
from ampel_watch.pipeline.alerts import NAMES_PER_STREAM
from ampel_watch.pipeline.curves import Wanted
from ampel_watch.pipeline.facts import FactFinder
from ampel_watch.pipeline.watched import watched_stocks
from ampel_watch.storage import Database, light_curves, matches

# So many stocks are matched at a time, and so long altogether, that a long list does not keep the catalogs busy; the
# rest is for the next time.
_MATCHES_AT_A_TIME = 250
_MATCHING_FOR_S = 60.0
# Any light curve will do that is there as a whole, and any matches that are not due.
_LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)

# Of a longer list only stocks that had news are matched: to fetch all light curves, for their positions, is no upkeep.
_LONG_LIST = 5000


class Upkeep:
    """Finds out what nobody has asked for yet, for the watches that want to be told if it changes."""

    def __init__(self, database: Database, clock: Clock, facts: FactFinder, watches: Sequence[Watch]) -> None:
        self._database = database
        self._clock = clock
        self._facts = facts
        self._of_catalogs = [watch for watch in watches if watch.on.keys() & CATALOG_KINDS]
        self._of_brightness = [watch for watch in watches if watch.on.keys() & PHOTOMETRIC_KINDS]
        self._failed: set[StockKey] = set()
        self.has_more = False

    async def work(self) -> int:
        """Find out about stocks that need it; how many changes that showed. `has_more` says whether some are left."""
        found = 0
        if self._of_brightness and self._facts.has_archive:
            wanted = await self._database.run(self._partial_curves)
            found += (await self._facts.find(wanted)).changes if wanted else 0
        if self._of_catalogs and self._facts.has_catalog:
            found += await self._match(await self._database.run(self._due_matches))
        return found

    async def _match(self, wanted: Sequence[Wanted]) -> int:
        """Find out about these stocks, until the time is over or a service fails; how many changes that showed."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + _MATCHING_FOR_S
        found = first = 0
        while first < len(wanted) and (first == 0 or loop.time() < until_s):
            batch = wanted[first : first + _MATCHES_AT_A_TIME]
            first += len(batch)
            troubles = await self._facts.find(batch)
            found += troubles.changes
            failed = (troubles.archive.keys() | troubles.catalog.keys()) & {one.key for one in batch}
            self._failed -= {one.key for one in batch}
            self._failed |= failed
            if troubles.is_down or len(failed) == len(batch):
                self.has_more = False  # a service that is away is asked again after the next look
                return found
        self.has_more = first < len(wanted)
        return found

    def _partial_curves(self, connection: Connection) -> list[Wanted]:
        partial = light_curves.partial(connection)
        if not partial:
            return []
        watched = watched_stocks(connection, self._of_brightness, self._clock.now())
        return [Wanted(key, watched[key], _LONG_AGO) for key in partial if key in watched][:NAMES_PER_STREAM]

    def _due_matches(self, connection: Connection) -> list[Wanted]:
        """Those that nobody asked about yet, then those that are due again; last those that failed the last time."""
        now = self._clock.now()
        watched = watched_stocks(connection, self._of_catalogs, now)
        never = watched.keys() - matches.known(connection)
        if len(watched) > _LONG_LIST:
            never &= light_curves.whole(connection)
        due = matches.due(connection, now, among=watched, recheck=self._facts.recheck)
        keys = sorted((*sorted(never), *due), key=lambda key: key in self._failed)
        return [Wanted(key, watched[key], _LONG_AGO) for key in keys]
