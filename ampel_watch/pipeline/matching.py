"""Asking the catalogs what lies at the positions of stocks; what has changed there since last time is a change."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from ampel_watch.clock import Clock
from ampel_watch.errors import OF_THE_SERVICE, ServiceError
from ampel_watch.hosts import CatalogSpec, compare_matches, queries_of
from ampel_watch.model import Match, StockKey
from ampel_watch.pipeline.crew import work_off
from ampel_watch.pipeline.photometry import append_change
from ampel_watch.services.catalog import CatalogClient, CatalogFault
from ampel_watch.services.live import LiveClient
from ampel_watch.storage import Database, matches
from ampel_watch.storage.matches import StoredMatches

_LOG = logging.getLogger(__name__)

# A catalog that failed is asked again earlier than the schedule says.
_FAULTY_AGAIN_AFTER = timedelta(hours=1)
_AT_A_TIME = 3


@dataclass(frozen=True, slots=True)
class Placed:
    """A stock with its position, degrees (J2000)."""

    key: StockKey
    name: str
    ra_deg: float
    dec_deg: float


@dataclass(frozen=True, slots=True)
class MatchSources:
    """What it takes to know matches.

    Attributes
    ----------
    recheck: for how long the matches of a stock are taken as known.
    classifiers: T2 units of AMPEL that classify, and where in their results the class is.
    """

    catalog: CatalogClient
    database: Database
    clock: Clock
    specs: tuple[CatalogSpec, ...]
    recheck: timedelta
    live: LiveClient
    classifiers: Mapping[str, str]

    def offered(self) -> tuple[CatalogSpec, ...]:
        """Those of the catalogs that the service has, as far as it was asked."""
        return tuple(spec for spec in self.specs if not self.catalog.lacks(spec.name, spec.use))


class MatchUpdate:
    """One asking of the catalogs for some stocks, one request each.

    Attributes
    ----------
    troubles: why those that could not be asked for could not.
    found: how many changes were recorded.
    fault: of the service as a whole, if that ended it.
    asked: how many stocks the service was asked for.
    """

    def __init__(self, sources: MatchSources) -> None:
        self._sources = sources
        self._queries = queries_of(sources.specs)
        self.troubles: dict[StockKey, str] = {}
        self.found = 0
        self.fault: ServiceError | None = None
        self.asked = 0

    async def run(self, placed: Sequence[Placed]) -> None:
        """Ask for those whose matches are not stored, or due to be asked for again."""
        now = self._sources.clock.now()
        stored = await self._sources.database.run(lambda c: matches.load(c, [one.key for one in placed]))
        due = [one for one in placed if one.key not in stored or stored[one.key].due_at <= now]
        self.asked = len(due)
        done: set[StockKey] = set()

        async def ask(one: Placed) -> None:
            try:
                await self._ask(one, stored.get(one.key))
            except OF_THE_SERVICE:
                raise
            except ServiceError as error:
                _LOG.warning("%s: %s", one.name, error)
                self.troubles[one.key] = str(error)
            done.add(one.key)

        try:
            if placed:
                await self._sources.catalog.know_offer()
            await work_off(due, ask, _AT_A_TIME)
        except ServiceError as error:
            self.fault = error
            left = [one.key for one in due if one.key not in done]
            _LOG.warning("the catalog matches of %d stocks are not known: %s", len(left), error)
            self.troubles |= dict.fromkeys(left, str(error))

    async def _ask(self, one: Placed, before: StoredMatches | None) -> None:
        answers = await self._sources.catalog.nearest(one.ra_deg, one.dec_deg, self._queries)
        found: dict[str, Match | None] = {}
        failed: list[CatalogFault] = []
        for query, answer in zip(self._queries, answers, strict=True):
            if not isinstance(answer, CatalogFault):
                found[query.name] = answer
            elif not self._sources.catalog.lacks(query.name, query.use):
                failed.append(answer)
        if before is not None:  # what a catalog said before stands until it says otherwise
            asked = {query.name for query in self._queries}
            found = {name: match for name, match in before.found.items() if name in asked} | found
        now = self._sources.clock.now()
        wait = min(self._sources.recheck, _FAULTY_AGAIN_AFTER) if failed else self._sources.recheck
        classes = await self._classes(one, before)
        after = StoredMatches(one.name, one.ra_deg, one.dec_deg, now, now + wait, found, classes)
        self.found += await self._sources.database.run(
            partial(_record, key=one.key, before=before, after=after, specs=self._sources.specs, now=now)
        )

    async def _classes(self, one: Placed, before: StoredMatches | None) -> Mapping[str, str]:
        """What AMPEL's own classifiers say; as before where they cannot be asked."""
        known: Mapping[str, str] = before.classes if before else {}
        if not self._sources.classifiers:
            return known
        try:
            return await self._sources.live.classes(one.name, self._sources.classifiers)
        except ServiceError as error:
            _LOG.warning("%s: its T2 results are not known: %s", one.name, error)
            return known


def _record(
    connection: Connection,
    *,
    key: StockKey,
    before: StoredMatches | None,
    after: StoredMatches,
    specs: Sequence[CatalogSpec],
    now: datetime,
) -> int:
    """Store matches with the changes that they show; how many. The first ones are no change."""
    matches.save(connection, key, after)
    if before is None:
        return 0
    # A catalog that was not asked before, or failed, has nothing to compare with.
    both = before.found.keys() & after.found.keys()
    differences = compare_matches(
        {name: before.found[name] for name in both},
        {name: after.found[name] for name in both},
        specs,
        classes_before=before.classes,
        classes_after=after.classes,
    )
    for difference in differences:
        append_change(connection, key, after.name, difference, now)
    return len(differences)
