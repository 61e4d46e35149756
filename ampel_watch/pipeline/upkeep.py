"""Keeping what is known of watched stocks up to date, without a change that asks for it.

Catalogs are asked again on a schedule: a redshift or a classification may appear long after the last alert. Light
curves of which only the newest part came by itself are fetched whole, since brightening and fading are reckoned from
what was there before.
"""

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

# So many stocks at a time are matched, that a long list does not keep the catalogs busy.
_MATCHES_AT_MOST = 100
# Any light curve will do that is there as a whole, and any matches that are not due.
_LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


class Upkeep:
    """Finds out what nobody has asked for yet, for the watches that want to be told if it changes."""

    def __init__(self, database: Database, clock: Clock, facts: FactFinder, watches: Sequence[Watch]) -> None:
        self._database = database
        self._clock = clock
        self._facts = facts
        self._of_catalogs = [watch for watch in watches if watch.on.keys() & CATALOG_KINDS]
        self._of_brightness = [watch for watch in watches if watch.on.keys() & PHOTOMETRIC_KINDS]
        self._asked: set[StockKey] = set()

    async def work(self) -> int:
        """Find out about some of the stocks that need it; how many changes that showed."""
        found = 0
        if self._of_brightness and self._facts.has_archive:
            found += await self._find_out(await self._database.run(self._partial_curves))
        if self._of_catalogs and self._facts.has_catalog:
            found += await self._find_out(await self._database.run(self._due_matches))
        return found

    async def _find_out(self, wanted: Sequence[Wanted]) -> int:
        if not wanted:
            return 0
        troubles = await self._facts.find(wanted)
        failed = troubles.archive.keys() | troubles.catalog.keys()
        self._asked.update(one.key for one in wanted if one.key not in failed)
        return troubles.changes

    def _partial_curves(self, connection: Connection) -> list[Wanted]:
        partial = light_curves.partial(connection)
        if not partial:
            return []
        watched = watched_stocks(connection, self._of_brightness, self._clock.now())
        return [Wanted(key, watched[key], _LONG_AGO) for key in partial if key in watched][:NAMES_PER_STREAM]

    def _due_matches(self, connection: Connection) -> list[Wanted]:
        now = self._clock.now()
        watched = watched_stocks(connection, self._of_catalogs, now)
        due = list(matches.due(connection, now, _MATCHES_AT_MOST, among=watched))
        unmatched: list[StockKey] = []
        if len(due) < _MATCHES_AT_MOST:
            never = watched.keys() - self._asked - matches.known(connection)
            unmatched = sorted(never)[: _MATCHES_AT_MOST - len(due)]
        return [Wanted(key, watched[key], _LONG_AGO) for key in (*due, *unmatched)]
