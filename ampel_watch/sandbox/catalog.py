"""The sandbox's catalog matching service, as `/api/catalogmatch`.

One bad item fails the whole request, `all` is unsorted and null when empty, angles of catsHTM rows are radians: as
measured.
"""

import math
import operator
from collections.abc import Callable, Mapping
from random import Random
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationInfo

from ampel_watch.clock import Clock
from ampel_watch.sandbox.catalogs import Catalog, Row
from ampel_watch.sandbox.geometry import separation_deg
from ampel_watch.sandbox.packets import Document
from ampel_watch.sandbox.serving import CrashError, RefusedError, Route, Service, body_of

ROOT = "/api/catalogmatch"
_MISSING = object()
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def _known(name: str, info: ValidationInfo) -> str:
    """The name, if the service has such a catalog of this kind (in the validation's context)."""
    use = info.data["use"]
    if (name, use) not in (info.context or ()):
        raise ValueError(f"Unknown {use} catalog {name!r}")
    return name


class _Item(BaseModel):
    rs_arcsec: float
    keys_to_append: list[str] | None = None


class ExtcatsItem(_Item):
    """A catalog in the document store; filters are MongoDB conditions."""

    use: Literal["extcats"]
    name: Annotated[str, AfterValidator(_known)]
    pre_filter: dict[str, Any] | None = None
    post_filter: dict[str, Any] | None = None

    @property
    def conditions(self) -> tuple[dict[str, Any], ...]:
        """Both filters; they are simply ANDed."""
        return tuple(filter(None, (self.pre_filter, self.post_filter)))


class CatsHTMItem(_Item):
    """A catalog in catsHTM files; filters are ignored silently."""

    use: Literal["catsHTM"]
    name: Annotated[str, AfterValidator(_known)]
    conditions: tuple[()] = Field((), exclude=True)


Item = Annotated[ExtcatsItem | CatsHTMItem, Field(discriminator="use")]


class ConeSearch(BaseModel):
    """The body of every cone search; unknown keys are ignored. ra is not checked."""

    ra_deg: float
    dec_deg: float = Field(ge=-90, le=90)
    catalogs: list[Item]


_CONE_SEARCH = TypeAdapter(ConeSearch)
Found = list[tuple[float, Row]]


class CatalogService:
    """Answers from catalogs, whose rows may come and go with the date."""

    def __init__(self, catalogs: tuple[Catalog, ...], clock: Clock) -> None:
        self._catalogs = catalogs
        self._clock = clock
        self._by_key = {(catalog.name, catalog.use): catalog for catalog in catalogs}
        routes = [
            Route("POST", "/cone_search/any", self._any),
            Route("POST", "/cone_search/nearest", self._nearest),
            Route("POST", "/cone_search/all", self._all),
            Route("GET", "/catalogs/", self._list),
            Route("GET", "/catalogs/{catalog}/{name}", self._lookup),
        ]
        self.broken: set[str] = set()  # catalogs that fail at run time, as one without its files does
        self.service = Service("Ampel Catalog Matching Service", "1.0.2", ROOT, routes)

    async def _found(self, request: web.Request) -> list[tuple[Item, Found]]:
        """For each item of the request the rows within its radius, in no order."""
        search: ConeSearch = await body_of(request, _CONE_SEARCH, context=self._by_key)
        return [(item, self._search(search, item)) for item in search.catalogs]

    def add_row(self, catalog: str, use: str, row: Row) -> None:
        """Put one more row into a catalog."""
        self._by_key[catalog, use].rows.append(row)

    def _search(self, search: ConeSearch, item: Item) -> Found:
        if item.name in self.broken:
            raise CrashError
        now = self._clock.now()
        radius_deg = item.rs_arcsec / 3600
        found = []
        for row in self._by_key[item.name, item.use].rows:
            if abs(row.dec_deg - search.dec_deg) > radius_deg or not row.there(now):
                continue
            dist_deg = separation_deg(search.ra_deg, search.dec_deg, row.ra_deg, row.dec_deg)
            if dist_deg <= radius_deg and all(meets(row.body, condition) for condition in item.conditions):
                found.append((dist_deg * 3600, row))
        Random(len(found)).shuffle(found)
        return found

    async def _any(self, request: web.Request) -> Any:
        return [bool(found) for _, found in await self._found(request)]

    async def _nearest(self, request: web.Request) -> Any:
        answers = await self._found(request)
        return [_match(item, *min(found, key=lambda hit: hit[0])) if found else None for item, found in answers]

    async def _all(self, request: web.Request) -> Any:
        answers = await self._found(request)
        return [[_match(item, *hit) for hit in found] or None for item, found in answers]

    async def _list(self, _request: web.Request) -> Any:
        return [
            {
                "name": catalog.name,
                "use": catalog.use,
                "description": catalog.description,
                "reference": catalog.reference,
                "contact": catalog.contact,
                "columns": [{"name": name, "unit": unit} for name, unit in catalog.columns],
            }
            for catalog in self._catalogs
        ]

    async def _lookup(self, request: web.Request) -> Any:
        catalog = self._by_key.get((request.match_info["catalog"], "extcats"))
        if catalog is None or not catalog.name_index:
            raise RefusedError(404, "Not Found")
        now, name = self._clock.now(), request.match_info["name"]
        return next((_plain(r.body) for r in catalog.rows if r.body.get("name") == name and r.there(now)), None)


def _match(item: Item, dist_arcsec: float, row: Row) -> Document:
    body = row.body
    if item.keys_to_append is not None:
        body = {key: body[key] for key in item.keys_to_append if key in body}
    return {"body": _plain(body), "dist_arcsec": dist_arcsec}


def _plain(body: Mapping[str, Any]) -> Document:
    """A row as JSON: NaN is null."""
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in body.items()}


def meets(row: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    """Whether a row meets a MongoDB condition; an operator that is not known crashes, as in the store."""
    for key, wanted in condition.items():
        if key == "$and":
            met = all(meets(row, part) for part in wanted)
        elif key == "$or":
            met = any(meets(row, part) for part in wanted)
        elif key.startswith("$"):
            raise CrashError
        elif isinstance(wanted, dict):
            met = all(_compare(row.get(key, _MISSING), op, operand) for op, operand in wanted.items())
        else:
            met = row.get(key) == wanted
        if not met:
            return False
    return True


def _compare(value: Any, op: str, operand: Any) -> bool:
    if op == "$exists":
        return (value is not _MISSING) == bool(operand)
    value = None if value is _MISSING else value
    if op in ("$eq", "$ne"):
        return bool((value == operand) == (op == "$eq"))
    if op in ("$in", "$nin"):
        return bool((value in operand) == (op == "$in"))
    if op not in _COMPARISONS:
        raise CrashError
    # MongoDB compares within a type only: what is missing or of another type meets no inequality.
    comparable = isinstance(value, int | float) and isinstance(operand, int | float)
    comparable = comparable or (isinstance(value, str) and isinstance(operand, str))
    return comparable and _COMPARISONS[op](value, operand)
