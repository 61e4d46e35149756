"""Archive streams: one query for many objects, drained chunk by chunk.

Every chunk call hands out the next chunk, whether or not its answer arrives: it is never repeated, and one that fails
leaves a gap, which the end of the stream reports. A chunk that is not acknowledged comes again later, so alerts are
taken once by candid. The resume token is all that protects a stream: it appears in no message.
"""

import math
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ampel_watch.errors import ServerFault, ServiceUnavailable, StreamFailed, StreamGone, UnexpectedAnswer
from ampel_watch.model import Alert
from ampel_watch.services.alerts import BadAlert
from ampel_watch.services.answers import Answer, detail_text, refusal
from ampel_watch.services.http import ServiceHttp
from ampel_watch.services.stream_pages import Gaps, Page, page_of, remaining_of

_FROM_QUERY = "/streams/from_query"
_INFO = "/stream/{resume_token}"
_CHUNK = "/stream/{resume_token}/chunk"
_ACKNOWLEDGE = "/stream/{resume_token}/chunk/{chunk}/acknowledge"
_GONE, _WRONG, _PENDING, _QUERY_FAILED = 404, 422, 423, 424
_LARGEST_CHUNK = 10_000
_GRIDS = tuple(1 << order for order in range(14))
_MOST_FAULTS, _MOST_TROUBLES = 25, 4
_MOST_REPEATS = 3


@dataclass(frozen=True, slots=True)
class Cone:
    """A circle on the sky, J2000; a stream takes a radius of less than 10 degrees."""

    ra_deg: float
    dec_deg: float
    radius_deg: float


@dataclass(frozen=True, slots=True)
class HealpixRegion:
    """Pixels of a HEALPix grid, in nested order. There must be some: the archive takes none for the whole sky."""

    nside: int
    pixels: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.nside not in _GRIDS:
            raise ValueError(f"nside is a power of two up to {_GRIDS[-1]}")
        if not self.pixels:
            raise ValueError("a region without pixels would be the whole sky")


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """What a stream shall hold: alerts of `names`, in `cone`, in `regions` or, with none, of the whole sky in a time.

    Attributes
    ----------
    jd_from, jd_to: Julian Dates (UTC) of the alerts, the first inclusive, the second exclusive.
    candidate: conditions on fields of the detection: ``{field: value}`` or ``{field: {"$gt": value}}``, with the
        operators ``$eq $ne $gt $gte $lt $lte $in $nin``.
    chunk_size: alerts per chunk, up to 10,000; about 2.6 kB each.
    """

    names: tuple[str, ...] | None = None
    jd_from: float | None = None
    jd_to: float | None = None
    candidate: Mapping[str, Any] | None = None
    cone: Cone | None = None
    regions: tuple[HealpixRegion, ...] = ()
    chunk_size: int = 1000

    def __post_init__(self) -> None:
        if self.names is None and self.cone is None and self.jd_from is None and self.jd_to is None:
            raise ValueError("a stream needs names, a cone or a time range: without any it would be the whole archive")
        if (self.names is not None) + (self.cone is not None) + bool(self.regions) > 1:
            raise ValueError("a stream is of names, of a cone or of regions, not of two of them")
        if self.regions and (self.jd_from is None or self.jd_to is None):
            raise ValueError("a stream of regions needs both ends of a time range")
        if not 1 <= self.chunk_size <= _LARGEST_CHUNK:
            raise ValueError(f"chunk_size is 1…{_LARGEST_CHUNK}")  # with 0 the query fails, only later
        if any(jd is not None and not math.isfinite(jd) for jd in (self.jd_from, self.jd_to)):
            raise ValueError("a Julian Date of a stream is not finite")  # which would silently find nothing

    @property
    def variant(self) -> str:
        """The archive's name for this form of the body."""
        if self.regions:
            return "HEALpixRegionQuery"
        return "AlertQuery" if self.names is None else "ObjectQuery"

    def body(self) -> dict[str, Any]:
        """The body of the request. The archive's `$gt` is really ≥."""
        jd = {"$gt": self.jd_from, "$lt": self.jd_to}
        cone = self.cone
        parts: dict[str, Any] = {
            "objectId": None if self.names is None else list(self.names),
            "regions": [{"nside": r.nside, "pixels": list(r.pixels)} for r in self.regions] or None,
            "cone": cone and {"ra": cone.ra_deg, "dec": cone.dec_deg, "radius": cone.radius_deg},
            "jd": {operator: value for operator, value in jd.items() if value is not None} or None,
            "candidate": dict(self.candidate) if self.candidate else None,
            "chunk_size": self.chunk_size,
        }
        return {key: value for key, value in parts.items() if value is not None}


@dataclass(frozen=True, slots=True)
class StreamPatience:
    """How long to wait for a stream's query.

    Attributes
    ----------
    ready_s: after which a query that is still running is given up; one cut off by a restart would run for ever.
    unknown_s: for how long after its creation a stream may still be unknown (404).
    first_delay_s, longest_delay_s: between two looks; it grows by half each time.
    """

    ready_s: float = 600.0
    unknown_s: float = 30.0
    first_delay_s: float = 0.25
    longest_delay_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some alerts of a stream, by (jd, candid), none that an earlier chunk held. May be empty.

    Attributes
    ----------
    remaining: how many alerts the archive has not handed out yet; None if it does not say.
    with_history: whether the alerts were asked for with their history: one that has none shows it by nothing else.
    """

    alerts: tuple[Alert, ...]
    remaining: int | None = None
    _acknowledge: Callable[[], Awaitable[None]] | None = field(default=None, repr=False)
    with_history: bool = False

    async def acknowledge(self) -> None:
        """Tell the archive that the alerts are stored. Within ten minutes, or they come again."""
        if self._acknowledge is not None:
            await self._acknowledge()


class Stream:
    """One stream of the archive, from its creation to its end. `history_of_last`: see `ArchiveClient.stream`."""

    def __init__(
        self, http: ServiceHttp, resume_token: str, patience: StreamPatience, *, history_of_last: int = 0
    ) -> None:
        self._http = http
        self._path = {"resume_token": resume_token}
        self._patience = patience
        self._history_of_last = history_of_last
        self._remaining: int | None = None

    @classmethod
    async def create(
        cls,
        http: ServiceHttp,
        query: StreamQuery,
        programid: int | None,
        patience: StreamPatience,
        *,
        history_of_last: int = 0,
    ) -> "Stream":
        """Start the query; its stream is not ready yet."""
        answer = await http.request(
            "POST", _FROM_QUERY, params={"programid": programid}, json=query.body(), accept=(_WRONG,)
        )
        if answer.status == _WRONG:
            reason = detail_text(answer.document, body_variant=query.variant)
            raise refusal(http.service, f"POST {_FROM_QUERY}", _WRONG, reason, http.token)
        token = answer.document.get("resume_token") if isinstance(answer.document, Mapping) else None
        if not isinstance(token, str) or not token:
            raise UnexpectedAnswer(http.service, f"POST {_FROM_QUERY}: answered without a stream")
        return cls(http, token, patience, history_of_last=history_of_last)

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        """Wait for the query, then give the chunks; StreamFailed at the end if any was lost."""
        await self._ready()
        gaps = Gaps()
        seen: set[int] = set()
        times_given: Counter[int] = Counter()
        while (page := await self._next_that_comes(gaps)) is not None and page.number is not None:
            times_given[page.number] += 1
            if times_given[page.number] > _MOST_REPEATS:
                raise self._failed("the same chunk comes again and again")
            gaps.close(page.alerts)
            fresh = tuple(alert for alert in page.alerts if alert.candid not in seen)
            seen.update(alert.candid for alert in fresh)
            yield Chunk(fresh, page.remaining, partial(self._acknowledge, page.number), page.with_history)
        if lost := gaps.all():
            raise self._failed(f"{len(lost)} gap(s) where a chunk was handed out and did not arrive", lost)

    async def _next_that_comes(self, gaps: Gaps) -> "Page | None":
        """The next page that arrives, noting the gap if one before it did not; None if nothing comes any more.

        A 500 is an answer: one broken row spoils its chunk, and the next chunk may be asked for at once. Anything else
        means that the archive is in trouble, and is given time.
        """
        faults = troubles = 0
        while faults < _MOST_FAULTS and troubles < _MOST_TROUBLES:
            try:
                return await self._next()
            except ServerFault:
                gaps.open()
                faults += 1
            except (ServiceUnavailable, UnexpectedAnswer) as error:
                gaps.open()
                troubles += 1
                asked_s = error.retry_after_s if isinstance(error, ServiceUnavailable) else None
                if troubles < _MOST_TROUBLES:
                    await self._http.sleep(max(self._patience.first_delay_s * 4.0**troubles, asked_s or 0.0))
        return None

    async def _ready(self) -> None:
        """Wait until the query has run."""
        patience, began_s = self._patience, self._http.time()
        delay_s = patience.first_delay_s
        while True:
            answer = await self._get(_INFO)
            if answer.status == _QUERY_FAILED:
                raise self._failed("the archive could not run the query; a smaller one may do")
            waited_s = self._http.time() - began_s
            if answer.status == _GONE and waited_s >= patience.unknown_s:
                raise self._gone()
            if answer.status not in (_GONE, _PENDING):
                self._remaining = remaining_of(answer.document)
                return
            if waited_s + delay_s > patience.ready_s:
                raise self._failed(f"the query is still running after {waited_s:.0f} s")
            await self._http.sleep(delay_s)
            delay_s = min(delay_s * 1.5, patience.longest_delay_s)

    async def _next(self) -> Page:
        """The next page, asked for once: whatever the archive has handed out, it will not give to a second call."""
        answer = await self._ask_chunk(with_history := self._shall_have_history())
        if answer.status == _PENDING:
            await self._ready()
            answer = await self._ask_chunk(with_history := self._shall_have_history())
        if answer.status == _GONE:
            raise self._gone()
        if answer.status in (_PENDING, _QUERY_FAILED):
            raise self._failed("the archive could not run the query; a smaller one may do")
        try:
            page = page_of(answer.document, with_history=with_history)
        except BadAlert as error:
            raise UnexpectedAnswer(self._http.service, f"GET {_CHUNK}: answered with {error}") from None
        self._remaining = page.remaining
        return page

    def _shall_have_history(self) -> bool:
        """Whether few enough alerts remain. After a lost chunk the last count stands: there are no more than that."""
        return self._remaining is not None and 0 < self._remaining <= self._history_of_last

    async def _ask_chunk(self, with_history: bool) -> Answer:
        # History is on by default here, and multiplies the size.
        return await self._get(_CHUNK, params={"with_history": with_history}, idempotent=False)

    async def _get(self, route: str, *, params: Mapping[str, Any] | None = None, idempotent: bool = True) -> Answer:
        return await self._http.request(
            "GET",
            route,
            path=self._path,
            params=params,
            idempotent=idempotent,
            authorized=False,  # the resume token is the key
            accept=(_GONE, _PENDING, _QUERY_FAILED),
        )

    async def _acknowledge(self, number: int) -> None:
        path: dict[str, str | int] = {**self._path, "chunk": number}
        answer = await self._http.request(
            "POST", _ACKNOWLEDGE, path=path, authorized=False, accept=(_GONE,), may_be_empty=True
        )
        if answer.status == _GONE:
            raise self._gone()

    def _gone(self) -> StreamGone:
        return StreamGone(self._http.service, "the stream is unknown or expired; start a new one")

    def _failed(self, why: str, lost: tuple[tuple[float | None, float | None], ...] = ()) -> StreamFailed:
        return StreamFailed(self._http.service, f"stream: {why}", lost=lost)
