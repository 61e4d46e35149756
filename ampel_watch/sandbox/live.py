"""The sandbox's live service, as `/api/live` of AMPEL: stocks, channels, events.

The real program is not public; paths and shapes follow its documentation, and where that is silent ampel-core's
server. What an unknown stock is answered with, the shape of documents, and whether stocks can be listed are settings,
because they are not known.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from ampel_watch import ztf
from ampel_watch.clock import Clock
from ampel_watch.sandbox.ampel import Ampel, Run, Stock
from ampel_watch.sandbox.dates import zoned
from ampel_watch.sandbox.documents import StockShape, stock_document, t0_documents, t2_documents
from ampel_watch.sandbox.packets import Document
from ampel_watch.sandbox.serving import CrashError, RefusedError, Route, Service, int_in_path, query_of
from ampel_watch.sandbox.tokens import LiveTokens

ROOT = "/api/live"
UnknownStock = Literal["404", "500", "null"]
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


class _Listing(BaseModel):
    channel: str
    after: str | None = None
    limit: int = Field(100, ge=1)
    skip: int = Field(0, ge=0)


class _Period(BaseModel):
    process: str | None = None
    tier: int | None = None
    after: str | None = None
    before: str | None = None


class LiveService:
    """Answers from an `Ampel`; `restricted` maps a channel to the identities that may see it (default: everyone)."""

    def __init__(
        self,
        ampel: Ampel,
        tokens: LiveTokens,
        clock: Clock,
        *,
        listing: bool = True,
        listing_cap: int = 100,
        stock_shape: StockShape = "0.7",
        unknown_stock: UnknownStock = "404",
        restricted: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self._ampel = ampel
        self._tokens = tokens
        self._clock = clock
        self._listing_cap = listing_cap
        self._shape: StockShape = stock_shape
        self._unknown = unknown_stock
        self._restricted = restricted or {}
        routes = [
            Route("GET", "/stock/ztf/{name}", self._redirect),
            Route("GET", "/stock/ztf/{name}/t0", self._photopoints),
            Route("GET", "/stock/ztf/{name}/t2", self._results),
            Route("GET", "/stock/{id}", self._stock),
            Route("GET", "/channels", self._channels),
            Route("GET", "/channel/{name}", self._channel),
            Route("GET", "/events", self._events, _Period),
            Route("GET", "/events/{process}", self._events_of, _Period),
            Route("GET", "/event_summary", self._event_summary, _Period),
        ]
        if listing:
            routes.append(Route("GET", "/stocks", self._stocks, _Listing))
        self.service = Service("Ampel live query API", "0.1.0", ROOT, routes)

    def _visible(self, request: web.Request) -> list[str]:
        """The channels that the request's token may see."""
        identity = self._tokens.check(request)
        names = [channel.name for channel in self._ampel.channels]
        return [name for name in names if name not in self._restricted or self._restricted[name] & identity.all]

    async def _redirect(self, request: web.Request) -> Any:
        """The name is only translated here: whether there is such a stock shows at the target."""
        self._tokens.check(request)
        stock_id = _id_of(request.match_info["name"])
        return web.Response(status=307, headers={"Location": f"{request.url.origin()}{ROOT}/stock/{stock_id}"})

    async def _stock(self, request: web.Request) -> Any:
        visible = self._visible(request)
        stock = self._ampel.stocks.get(int_in_path(request, "id"))
        if stock is not None:
            return stock_document(stock, visible, self._shape)
        if self._unknown == "500":
            raise CrashError
        if self._unknown == "404":
            raise RefusedError(404, "Not Found")
        return None

    async def _stocks(self, request: web.Request) -> Any:
        """Stocks of a channel touched there since a date, the longest untouched first; a page of at most the cap."""
        visible = self._visible(request)
        query = query_of(request, _Listing)
        after = _parse_time(query.after, self._clock.now(), "after")
        if query.channel not in visible:
            return []

        def touched(stock: Stock) -> datetime:
            return stock.updated.get(query.channel, stock.created[query.channel])

        stocks = [stock for stock in self._ampel.stocks.values() if query.channel in stock.channels]
        chosen = [stock for stock in stocks if after is None or touched(stock) >= after]
        chosen.sort(key=lambda stock: (touched(stock), stock.id))
        page = chosen[query.skip : query.skip + min(query.limit, self._listing_cap)]
        return [stock_document(stock, visible, self._shape) for stock in page]

    async def _photopoints(self, request: web.Request) -> Any:
        visible = self._visible(request)
        stock = self._ampel.stocks.get(_id_of(request.match_info["name"]))
        return {"matches": t0_documents(stock, visible) if stock else [], "tier": 0}

    async def _results(self, request: web.Request) -> Any:
        visible = self._visible(request)
        stock = self._ampel.stocks.get(_id_of(request.match_info["name"]))
        return {"matches": t2_documents(stock, visible) if stock else [], "tier": 2}

    def _channel_documents(self, request: web.Request) -> list[Document]:
        visible = self._visible(request)
        return [
            {"channel": channel.name, "active": True, "version": 0, "contact": "sandbox@example.org",
             "description": channel.description}
            for channel in self._ampel.channels
            if channel.name in visible
        ]  # fmt: skip

    async def _channels(self, request: web.Request) -> Any:
        return self._channel_documents(request)

    async def _channel(self, request: web.Request) -> Any:
        name = request.match_info["name"]
        for document in self._channel_documents(request):
            if document["channel"] == name:
                return document
        raise RefusedError(404, f"{name} not found")

    def _runs(self, request: web.Request, process: str | None) -> list[Run]:
        self._tokens.check(request)
        query, now = query_of(request, _Period), self._clock.now()
        after, before = _parse_time(query.after, now, "after"), _parse_time(query.before, now, "before")
        return [
            run
            for run in self._ampel.runs
            if process in (None, run.process)
            and query.tier in (None, run.tier)
            and (after is None or run.at >= after)
            and (before is None or run.at < before)
        ]

    async def _events(self, request: web.Request) -> Any:
        return {"events": [_event(run) for run in self._runs(request, request.query.get("process"))]}

    async def _events_of(self, request: web.Request) -> Any:
        return {"events": [_event(run) for run in self._runs(request, request.match_info["process"])]}

    async def _event_summary(self, request: web.Request) -> Any:
        runs = self._runs(request, None)
        processes = sorted({(run.process, run.tier) for run in runs})
        counts = {key: sum((run.process, run.tier) == key for run in runs) for key in processes}
        return {
            "processes": [
                {"process": name, "tier": tier, "count": count, "successes": count, "failures": 0}
                for (name, tier), count in counts.items()
            ]
        }


def _id_of(name: str) -> int:
    """AMPEL's own mapper fails on what is no ZTF name, without mercy."""
    try:
        return ztf.id_of(name)
    except ValueError:
        raise CrashError from None


def _event(run: Run) -> Document:
    return {
        "timestamp": zoned(run.at, "seconds"),
        "run": run.run,
        "process": run.process,
        "tier": run.tier,
        "code": 0,
        "duration": run.duration_s,
        "success": True,
    }


def _parse_time(text: str | None, now: datetime, name: str) -> datetime | None:
    """An ISO time, or an ISO duration back from now; a 422 naming both otherwise."""
    if text is None:
        return None
    match = _DURATION.fullmatch(text)
    if match is not None and any(match.groups()):
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        return now - timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        faults = ("duration", "datetime")
        detail = [
            {"loc": ["query", name], "msg": f"invalid {kind} format", "type": f"value_error.{kind}"} for kind in faults
        ]
        raise RefusedError(422, detail) from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
