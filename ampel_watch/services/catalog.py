"""The catalog matching service: what catalogs hold near a position.

One request asks all catalogs; a bad one among them spoils the whole answer (422, or 500), so then the good ones are
asked without it, or each alone. Which one was bad is remembered for a while (`catalog_memory`).
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ampel_watch.errors import OF_THE_SERVICE, RequestRefused, ServerFault, ServiceError, UnexpectedAnswer
from ampel_watch.model import JSON, CatalogQuery, Match
from ampel_watch.services.answers import detail_text, refusal
from ampel_watch.services.catalog_memory import CatalogInfo, CatalogMemory
from ampel_watch.services.http import ServiceHttp
from ampel_watch.services.times import number

_LOG = logging.getLogger(__name__)

_CATALOGS = "/catalogs/"
_CONE = "/cone_search/"
_WRONG = 422
_CATSHTM = "catsHTM"
_RADIANS = "rad"
_RADIAN_COLUMNS = {"RA": _RADIANS, "Dec": _RADIANS}  # of every catsHTM catalog, unless it says otherwise

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class CatalogFault:
    """In place of an answer: this one catalog could not be searched, and why. The others are not affected.

    Attributes
    ----------
    absent: the service does not have it: it will not answer later either.
    """

    catalog: str
    message: str
    absent: bool = field(default=False, compare=False)


class CatalogClient:
    """Asks the catalog service. Every search answers in the order of its queries."""

    def __init__(self, http: ServiceHttp) -> None:
        self.http = http
        self._memory = CatalogMemory(http.clock.now)

    async def catalogs(self) -> tuple[CatalogInfo, ...]:
        """The catalogs that the service has; these and their units are remembered for the searches."""
        document = await self.http.get_json(_CATALOGS)
        if not isinstance(document, list):
            raise self._unexpected(f"GET {_CATALOGS}", "something other than a list of catalogs")
        infos = tuple(self._info(entry) for entry in document)
        self._memory.note_listing(infos)
        return infos

    async def nearest(
        self, ra_deg: float, dec_deg: float, queries: Sequence[CatalogQuery]
    ) -> tuple[Match | CatalogFault | None, ...]:
        """The nearest row of each catalog within its radius; None if there is none."""

        def read(query: CatalogQuery, item: Any) -> Match | None:
            return None if item is None else self._match(query, item)

        return await self._search("nearest", ra_deg, dec_deg, queries, read)

    async def any(
        self, ra_deg: float, dec_deg: float, queries: Sequence[CatalogQuery]
    ) -> tuple[bool | CatalogFault, ...]:
        """Whether each catalog has a row within its radius."""

        def read(query: CatalogQuery, item: Any) -> bool:
            if not isinstance(item, bool):
                raise self._bad_item(query)
            return item

        return await self._search("any", ra_deg, dec_deg, queries, read)

    async def all(
        self, ra_deg: float, dec_deg: float, queries: Sequence[CatalogQuery]
    ) -> tuple[tuple[Match, ...] | CatalogFault, ...]:
        """All rows of each catalog within its radius, the nearest first."""

        def read(query: CatalogQuery, item: Any) -> tuple[Match, ...]:
            if item is None:
                return ()
            if not isinstance(item, list):
                raise self._bad_item(query)
            return tuple(sorted((self._match(query, row) for row in item), key=lambda match: match.dist_arcsec))

        return await self._search("all", ra_deg, dec_deg, queries, read)

    async def know_offer(self) -> None:
        """Make sure that it is known, as of the last day, which catalogs the service has.

        If it cannot say, but is there, the searches find out: what they name and it lacks is refused.
        """
        if not self._memory.listing_is_old:
            return
        try:
            await self.catalogs()
        except OF_THE_SERVICE:
            raise
        except ServiceError as error:
            _LOG.warning("which catalogs there are is not known: %s", error)
            self._memory.note_no_listing()

    def lacks(self, name: str, use: str) -> bool:
        """Whether the service is known not to have a catalog; False as long as nothing was asked."""
        return self._memory.why_absent(name, use) is not None

    async def aclose(self) -> None:
        """Release all connections."""
        await self.http.aclose()

    async def _search(
        self,
        form: str,
        ra_deg: float,
        dec_deg: float,
        queries: Sequence[CatalogQuery],
        read: Callable[[CatalogQuery, Any], _T],
    ) -> tuple[_T | CatalogFault, ...]:
        if not (math.isfinite(ra_deg) and -90 <= dec_deg <= 90):
            raise RequestRefused(self.http.service, f"ra {ra_deg}°, dec {dec_deg}° is no position")
        position = {"ra_deg": ra_deg % 360.0, "dec_deg": dec_deg}
        search = _Search(self.http, self._memory, form, position, queries)
        items = await search.run()
        return tuple(
            item if isinstance(item, CatalogFault) else read(query, item)
            for query, item in zip(queries, items, strict=True)
        )

    def _match(self, query: CatalogQuery, item: Any) -> Match:
        body = item.get("body") if isinstance(item, Mapping) else None
        distance = item.get("dist_arcsec") if isinstance(item, Mapping) else None
        if not isinstance(body, Mapping) or not _is_number(distance):
            raise self._bad_item(query)
        return Match(query.name, number(distance), self._in_degrees(query, body))

    def _in_degrees(self, query: CatalogQuery, body: JSON) -> JSON:
        """The row with its angles in degrees: catsHTM catalogs keep RA and Dec in radians."""
        if query.use != _CATSHTM:
            return body
        info = self._memory.info(query)
        units = _RADIAN_COLUMNS if info is None else info.units
        return {
            column: math.degrees(number(value)) if units.get(column) == _RADIANS and _is_number(value) else value
            for column, value in body.items()
        }

    def _info(self, entry: Any) -> CatalogInfo:
        columns = entry.get("columns") if isinstance(entry, Mapping) else None
        name, use = (entry.get("name"), entry.get("use")) if isinstance(entry, Mapping) else (None, None)
        if not (isinstance(name, str) and isinstance(use, str)):
            raise self._unexpected(f"GET {_CATALOGS}", "a catalog without name or use")
        named = [c for c in columns or () if isinstance(c, Mapping) and isinstance(c.get("name"), str)]
        units: dict[str, str] = {}
        for column in named:
            if isinstance(column.get("unit"), str):
                units.setdefault(column["name"], column["unit"])  # a few catalogs name RA twice; the first is the angle
        description = entry.get("description")
        return CatalogInfo(
            name=name,
            use=use,
            description=description if isinstance(description, str) else None,
            columns=tuple(dict.fromkeys(column["name"] for column in named)),
            units=units,
        )

    def _bad_item(self, query: CatalogQuery) -> UnexpectedAnswer:
        return self._unexpected(f"POST {_CONE}", f"something unknown for the catalog {query.name}")

    def _unexpected(self, call: str, what: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(self.http.service, f"{call}: answered with {what}")


class _Search:
    """One search in several catalogs, in as few requests as the bad ones among them allow."""

    def __init__(
        self,
        http: ServiceHttp,
        memory: CatalogMemory,
        form: str,
        position: Mapping[str, float],
        queries: Sequence[CatalogQuery],
    ) -> None:
        self._http = http
        self._memory = memory
        self._route = _CONE + form
        self._position = position
        self._queries = queries
        self._items: list[Any] = [None] * len(queries)
        self._failed: dict[int, str] = {}
        self._answered = False

    async def run(self) -> list[Any]:
        """For each query the service's item, or a `CatalogFault`."""
        asked = [index for index in range(len(self._queries)) if not self._leave_out(index)]
        suspects = [index for index in asked if self._memory.is_suspect(self._queries[index])]
        await self._ask([index for index in asked if index not in suspects])
        for index in suspects:
            await self._ask([index])
        self._remember_failures()
        return self._items

    def _leave_out(self, index: int) -> bool:
        """Note the fault of a catalog that is known to be bad now; whether it is."""
        query = self._queries[index]
        absent = self._memory.why_absent(query.name, query.use)
        why = absent or self._memory.why_failing(query)
        if why is not None:
            self._items[index] = CatalogFault(query.name, why, absent=absent is not None)
        return why is not None

    def _remember_failures(self) -> None:
        """If none answered, it was the service and not the catalogs."""
        if self._answered:
            for index, why in self._failed.items():
                self._memory.note_failure(self._queries[index], why)
        elif len(self._failed) > 1:
            self._memory.note_hopeless()

    async def _ask(self, indices: Sequence[int]) -> None:
        if not indices:
            return
        try:
            refused = await self._ask_together(indices)
        except ServerFault as error:
            await self._ask_alone(indices, str(error))
            return
        if refused:
            # What the service knows to be wrong is left out; the others are asked together again.
            await self._ask([index for index in indices if index not in refused])

    async def _ask_together(self, indices: Sequence[int]) -> set[int]:
        """Ask in one request; the indices that the service says are wrong, none if it answered."""
        catalogs = [_item_of(self._queries[index]) for index in indices]
        answer = await self._http.request(
            "POST",
            self._route,
            json={**self._position, "catalogs": catalogs},
            accept=(_WRONG,),
        )
        if answer.status == _WRONG:
            return self._note_refusals(indices, answer.document)
        if not isinstance(answer.document, list) or len(answer.document) != len(indices):
            raise UnexpectedAnswer(self._http.service, f"POST {self._route}: answered with another number of catalogs")
        for index, item in zip(indices, answer.document, strict=True):
            self._items[index] = item
            self._memory.note_answer(self._queries[index])
        self._answered = True
        return set()

    async def _ask_alone(self, indices: Sequence[int], why: str) -> None:
        """After a 500 nobody says which one it was."""
        if len(indices) > 1 and not self._memory.hopeless:
            for index in indices:
                await self._ask([index])
            return
        for index in indices:
            self._failed[index] = why
            self._items[index] = CatalogFault(self._queries[index].name, why)

    def _note_refusals(self, indices: Sequence[int], document: Any) -> set[int]:
        refused: set[int] = set()
        for entry in document.get("detail") or () if isinstance(document, Mapping) else ():
            match entry:
                case {"loc": ["body", "catalogs", int(place), *_]} if 0 <= place < len(indices):
                    refused.add(indices[place])
                    self._note_refusal(indices[place], detail_text({"detail": [entry]}))
        if not refused:
            raise refusal(self._http.service, f"POST {self._route}", _WRONG, detail_text(document))
        return refused

    def _note_refusal(self, index: int, why: str) -> None:
        self._memory.note_refusal(self._queries[index], why)
        self._items[index] = CatalogFault(self._queries[index].name, why, absent=True)


def _item_of(query: CatalogQuery) -> dict[str, Any]:
    item: dict[str, Any] = {"name": query.name, "use": query.use, "rs_arcsec": query.radius_arcsec}
    optional = {
        "keys_to_append": None if query.columns is None else list(query.columns),
        "pre_filter": query.pre_filter,
        "post_filter": query.post_filter,
    }
    return item | {key: value for key, value in optional.items() if value is not None}


def _is_number(value: Any) -> bool:
    try:
        number(value)
    except ValueError:
        return False
    return True
