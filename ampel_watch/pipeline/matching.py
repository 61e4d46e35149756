"""Asking the catalogs what lies at the positions of stocks; what has changed there since last time is a change."""

import asyncio
import hashlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from weakref import WeakValueDictionary

from sqlalchemy import Connection

from ampel_watch.clock import Clock
from ampel_watch.errors import OF_THE_SERVICE, ServerFault, ServiceError
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
_DIGITS = 12  # of a digest: enough to tell one question from another


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
    locks: held while a stock is asked about, so that evaluation and upkeep do not both ask.
    """

    catalog: CatalogClient
    database: Database
    clock: Clock
    specs: tuple[CatalogSpec, ...]
    recheck: timedelta
    live: LiveClient
    classifiers: Mapping[str, str]
    locks: WeakValueDictionary[StockKey, asyncio.Lock] = field(default_factory=WeakValueDictionary)

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
    answered: for how many stocks the service gave an answer.
    """

    def __init__(self, sources: MatchSources) -> None:
        self._sources = sources
        self._queries = queries_of(sources.specs)
        self._questions = {query.name: _digest(query) for query in self._queries}
        self._questions |= {_of_unit(unit): _digest(path) for unit, path in sources.classifiers.items()}
        self._has_live = True
        self.troubles: dict[StockKey, str] = {}
        self.found = 0
        self.fault: ServiceError | None = None
        self.answered = 0

    async def run(self, placed: Sequence[Placed], unplaced: Mapping[StockKey, str] | None = None) -> None:
        """Ask for those whose matches are not stored, or due to be asked for again.

        Parameters
        ----------
        unplaced: key → name of stocks whose position is not known: noted, so that not every upkeep takes them up.
        """
        now, recheck = self._sources.clock.now(), self._sources.recheck
        if unplaced:
            note = partial(matches.note_unplaced, names=unplaced, now=now, due_at=now + recheck)
            await self._sources.database.run(note)
        stored = await self._sources.database.run(lambda c: matches.load(c, [one.key for one in placed]))
        due = [one for one in placed if one.key not in stored or stored[one.key].is_due(now, recheck)]
        done: set[StockKey] = set()

        async def ask(one: Placed) -> None:
            try:
                await self._ask_once(one)
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

    async def _ask_once(self, one: Placed) -> None:
        """Ask, unless somebody else did while it waited for its turn."""
        database, now = self._sources.database, self._sources.clock.now
        async with self._sources.locks.setdefault(one.key, asyncio.Lock()):
            stored = await database.run(partial(matches.load_one, key=one.key))
            if stored is None or stored.is_due(now(), self._sources.recheck):
                answer = await self._ask(one)
                self.answered += 1
                self.found += await database.run(
                    partial(_record, key=one.key, answer=answer, specs=self._sources.specs, questions=self._questions)
                )

    async def _ask(self, one: Placed) -> StoredMatches:
        """What the catalogs say now, of those that answered; `ServerFault` if none did."""
        answers = await self._sources.catalog.nearest(one.ra_deg, one.dec_deg, self._queries)
        found: dict[str, Match | None] = {}
        failed: list[CatalogFault] = []
        for query, answer in zip(self._queries, answers, strict=True):
            if not isinstance(answer, CatalogFault):
                found[query.name] = answer
            elif not self._sources.catalog.lacks(query.name, query.use):
                failed.append(answer)
        if failed and not found:
            service = self._sources.catalog.http.service
            raise ServerFault(service, f"no catalog answered: {failed[0].message.removeprefix(f'{service}: ')}")
        classes = await self._classes(one)
        now = self._sources.clock.now()
        wait = min(self._sources.recheck, _FAULTY_AGAIN_AFTER) if failed else self._sources.recheck
        questions = {name: self._questions[name] for name in (*found, *map(_of_unit, classes))}
        return StoredMatches(one.name, one.ra_deg, one.dec_deg, now, now + wait, found, classes, questions)

    async def _classes(self, one: Placed) -> dict[str, str | None]:
        """What AMPEL's own classifiers say, of those that answer; while the live service is away nobody is asked."""
        if not (self._sources.classifiers and self._has_live):
            return {}
        try:
            return await self._sources.live.classes(one.name, self._sources.classifiers)
        except ServiceError as error:
            if isinstance(error, OF_THE_SERVICE):
                self._has_live = False
            _LOG.warning("%s: its T2 results are not known: %s", one.name, error)
            return {}


def _digest(question: object) -> str:
    return hashlib.sha256(repr(question).encode()).hexdigest()[:_DIGITS]


def _of_unit(unit: str) -> str:
    """What a T2 unit is called among the questions: a catalog may have the same name."""
    return f"T2 {unit}"


def _record(
    connection: Connection,
    *,
    key: StockKey,
    answer: StoredMatches,
    specs: Sequence[CatalogSpec],
    questions: Mapping[str, str],
) -> int:
    """Store an answer with the changes that it shows; how many. The first one is no change."""
    before = matches.load_one(connection, key)
    if before is None:
        matches.save(connection, key, answer)
        return 0
    after = _merged(before, answer, questions)
    matches.save(connection, key, after)
    # Who was not asked before, or something else, or has not answered, has nothing to compare with.
    same = {name for name, asked in after.questions.items() if before.questions.get(name) == asked}
    both = before.found.keys() & after.found.keys() & same
    units = {unit for unit in before.classes.keys() & after.classes.keys() if _of_unit(unit) in same}
    differences = compare_matches(
        {name: before.found[name] for name in both},
        {name: after.found[name] for name in both},
        specs,
        classes_before=_named(before.classes, units),
        classes_after=_named(after.classes, units),
    )
    for difference in differences:
        append_change(connection, key, after.name, difference, after.looked_at)
    return len(differences)


def _merged(before: StoredMatches, answer: StoredMatches, questions: Mapping[str, str]) -> StoredMatches:
    """An answer with what those say who did not give one: it stands until they say otherwise.

    Parameters
    ----------
    questions: what is asked now, of everybody; who is asked no more is left out.
    """
    found = {name: match for name, match in before.found.items() if name in questions} | dict(answer.found)
    # A unit without a result has said nothing new. A class from another place in a result is none of its class.
    same = {unit for unit in before.classes if questions.get(_of_unit(unit)) == before.questions.get(_of_unit(unit))}
    said = {unit: name for unit, name in before.classes.items() if unit in same}
    classes = said | {unit: name for unit, name in answer.classes.items() if name is not None or unit not in said}
    asked = {**before.questions, **answer.questions}
    names = [name for name in (*found, *map(_of_unit, classes)) if name in asked]
    return replace(answer, found=found, classes=classes, questions={name: asked[name] for name in names})


def _named(classes: Mapping[str, str | None], units: Collection[str]) -> dict[str, str]:
    return {unit: name for unit, name in classes.items() if unit in units and name is not None}
