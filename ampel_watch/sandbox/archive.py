"""The sandbox's alert archive, as `/api/ztf/archive/v3`: same paths, shapes, statuses and oddities.

Not offered: sky maps with regions of different order (`/alerts/healpix/skymap`), posting alerts.
"""

import base64
import secrets
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter

from ampel_watch.clock import Clock
from ampel_watch.sandbox.archive_store import (
    ArchiveStore,
    Programs,
    UnknownFieldError,
    UnversionedError,
    alert_document,
    in_cone,
    in_regions,
    photopoints_document,
)
from ampel_watch.sandbox.dates import jd_of, zoned
from ampel_watch.sandbox.packets import CUTOUTS, Document, Packet
from ampel_watch.sandbox.queries import (
    STREAM_QUERY,
    ChunkCall,
    Cone,
    ConeRange,
    HealpixRange,
    ObjectAlerts,
    Photopoints,
    Programme,
    Region,
    TimeRange,
    TopicDescription,
    TopicQuery,
)
from ampel_watch.sandbox.serving import Answer, CrashError, RefusedError, Route, Service, body_of, int_in_path, query_of
from ampel_watch.sandbox.streams import Stream, Streams
from ampel_watch.sandbox.tokens import ALLOWED_IDENTITIES, PARTNERSHIP, ArchiveTokens, Identity, LiveTokens

ROOT = "/api/ztf/archive/v3"
PACKETS_KEPT_D = 92
_TOPIC: TypeAdapter[TopicDescription] = TypeAdapter(TopicDescription)
_TOPIC_QUERY: TypeAdapter[TopicQuery] = TypeAdapter(TopicQuery)


class ArchiveService:
    """Answers from an `ArchiveStore`."""

    def __init__(
        self, store: ArchiveStore, tokens: ArchiveTokens, live_tokens: LiveTokens, streams: Streams, clock: Clock
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._live_tokens = live_tokens
        self._streams = streams
        self._clock = clock
        self._topics: dict[str, tuple[str, list[Packet]]] = {}
        self.service = Service("ZTF Alert Archive Service", "3.1.0", ROOT, self._routes(), compressed=True)

    def _routes(self) -> list[Route]:
        stream = "/stream/{resume_token}"
        return [
            Route("GET", "/tokens/", self._list_tokens),
            Route("POST", "/tokens/", self._create_token),
            Route("GET", "/tokens/{token_id}", self._get_token),
            Route("DELETE", "/tokens/{token_id}", self._delete_token),
            Route("GET", "/alert/{candid}", self._alert),
            Route("GET", "/alert/{candid}/cutouts", self._cutouts),
            Route("GET", "/object/{objectId}/alerts", self._object_alerts, ObjectAlerts),
            Route("GET", "/object/{objectId}/photopoints", self._photopoints, Photopoints),
            Route("GET", "/alerts/time_range", self._time_range, TimeRange),
            Route("GET", "/alerts/cone_search", self._cone_search, ConeRange),
            Route("GET", "/alerts/healpix", self._healpix, HealpixRange),
            Route("GET", "/alerts/sample", self._always_broken),
            Route("GET", "/objects/cone_search", self._objects_in_cone, Cone),
            Route("POST", "/topics/", self._create_topic),
            Route("GET", "/topic/{topic}", self._topic),
            Route("POST", "/streams/from_topic", self._from_topic),
            Route("POST", "/streams/from_query", self._from_query, Programme),
            Route("GET", stream, self._stream),
            Route("GET", f"{stream}/chunk", self._chunk, ChunkCall),
            Route("POST", f"{stream}/chunk/{{chunk_id}}/acknowledge", self._acknowledge),
            Route("POST", f"{stream}/chunk/{{chunk_id}}/release", self._always_broken),
        ]

    def _programs(self, request: web.Request) -> Programs:
        """The programmes visible to a request that needs an archive token."""
        text = request.query.get("programid", "")
        return self._tokens.visible_programs(request, int(text) if text.isdecimal() else None)

    def _member(self, request: web.Request) -> Identity:
        """Who manages tokens: the holder of a live token who belongs to one of the allowed groups."""
        identity = self._live_tokens.check(request)
        if not identity.all & ALLOWED_IDENTITIES:
            raise RefusedError(403, "Forbidden")
        return identity

    async def _list_tokens(self, request: web.Request) -> Any:
        return [row.document() for row in self._tokens.of(self._member(request).name)]

    async def _create_token(self, request: web.Request) -> Any:
        identity = self._member(request)
        return Answer(201, self._tokens.create(identity.name, partnership=PARTNERSHIP in identity.all).token)

    async def _get_token(self, request: web.Request) -> Any:
        self._member(request)
        return self._tokens.get(int_in_path(request, "token_id")).document()

    async def _delete_token(self, request: web.Request) -> Any:
        self._member(request)
        self._tokens.delete(int_in_path(request, "token_id"))
        return Answer(204)

    def _known(self, request: web.Request) -> Packet:
        packet = self._store.get(int_in_path(request, "candid"))
        if packet is None:
            raise RefusedError(404, "Not Found")
        return packet

    def _is_kept(self, packet: Packet) -> bool:
        """Whether the packet itself is still there: after some months only the database remembers the alert."""
        return jd_of(self._clock.now()) - packet.jd < PACKETS_KEPT_D

    async def _alert(self, request: web.Request) -> Any:
        """The original packet with its cutouts, or what the database has; needs no token, whatever the programme."""
        packet = self._known(request)
        document = _rendered([packet], with_history=True)[0]
        if not self._is_kept(packet):
            return document
        document |= {"candidate": dict(packet.candidate), "prv_candidates": [dict(p) for p in packet.history]}
        document |= {"publisher": packet.publisher, **packet.extra}
        return document | (_cutouts_of(packet) if packet.cutouts else {})

    async def _cutouts(self, request: web.Request) -> Any:
        packet = self._known(request)
        if not self._is_kept(packet):
            raise RefusedError(404, "Not Found")
        return {"candid": packet.candid, "objectId": packet.name, **dict.fromkeys(CUTOUTS), **_cutouts_of(packet)}

    async def _object_alerts(self, request: web.Request) -> Any:
        programs = self._programs(request)
        query = query_of(request, ObjectAlerts)
        found = self._store.of_object(request.match_info["objectId"], programs, query.jd_start, query.jd_end)
        if query.limit is not None:
            if query.limit < 0:
                raise CrashError
            start = query.start or 0
            found = found[start : start + query.limit]
        return _rendered(found, with_history=query.with_history)

    async def _photopoints(self, request: web.Request) -> Any:
        programs = self._programs(request)
        query = query_of(request, Photopoints)
        found = self._store.of_object(request.match_info["objectId"], programs, query.jd_start, query.jd_end)
        document = photopoints_document(found, upper_limits=query.upper_limits)
        if document is None:
            raise CrashError
        return document

    async def _time_range(self, request: web.Request) -> Any:
        programs = self._programs(request)
        query = query_of(request, TimeRange)
        return self._first_page(self._store.in_time(programs, query.jd_start, query.jd_end), query)

    async def _cone_search(self, request: web.Request) -> Any:
        programs = self._programs(request)
        query = query_of(request, ConeRange)
        if query.latest:
            raise CrashError
        in_time = self._store.in_time(programs, query.jd_start, query.jd_end)
        return self._first_page(in_cone(in_time, query.ra, query.dec, query.radius), query)

    async def _healpix(self, request: web.Request) -> Any:
        programs = self._programs(request)
        query = query_of(request, HealpixRange)
        if query.latest:
            raise CrashError
        region = Region(nside=int(query.nside), pixels=[int(pixel) for pixel in request.query.getall("ipix")])
        in_time = self._store.in_time(programs, query.jd_start, query.jd_end)
        return self._first_page(in_regions(in_time, [region]), query)

    async def _objects_in_cone(self, request: web.Request) -> Any:
        programs = self._programs(request)
        query = query_of(request, Cone)
        in_time = self._store.in_time(programs, query.jd_start, query.jd_end)
        return sorted({packet.name for packet in in_cone(in_time, query.ra, query.dec, query.radius)})

    def _first_page(self, packets: list[Packet], query: TimeRange | ConeRange | HealpixRange) -> Document:
        """The GET searches make a stream at once and answer its first chunk; they cannot go on with one."""
        if query.resume_token is not None:
            raise CrashError
        stream = self._streams.create(packets, query.chunk_size, at_once=True)
        return self._next_page(stream, with_history=query.with_history)

    async def _create_topic(self, request: web.Request) -> Any:
        self._programs(request)
        topic = await body_of(request, _TOPIC)
        known = [packet for packet in map(self._store.get, topic.candids) if packet is not None]
        if not known:
            text = "Topic did not match any alerts. Are you sure these are valid candidate ids?"
            raise RefusedError(400, {"msg": text, "topic": topic.model_dump()})
        name = secrets.token_urlsafe(32)
        self._topics[name] = (topic.description, known)
        return Answer(201, name)

    async def _topic(self, request: web.Request) -> Any:
        name = request.match_info["topic"]
        if name not in self._topics:
            raise CrashError
        description, packets = self._topics[name]
        return {"topic": name, "description": description, "size": len(packets)}

    async def _from_topic(self, request: web.Request) -> Any:
        query = await body_of(request, _TOPIC_QUERY)
        if query.topic not in self._topics:
            raise RefusedError(404, "Topic not found")
        packets = self._topics[query.topic][1][slice(query.start, query.stop, query.step)]
        stream = self._streams.create(packets, query.chunk_size, at_once=True)
        stream.from_topic = True
        return Answer(201, _description(stream))

    async def _from_query(self, request: web.Request) -> Any:
        programs = self._programs(request)
        query = await body_of(request, STREAM_QUERY)
        try:
            packets = self._store.matching(query, programs)
        except UnknownFieldError as error:
            raise RefusedError(422, {"msg": f"unknown candidate field {error}"}) from None
        stream = self._streams.create(packets, query.chunk_size)
        return Answer(202, {"resume_token": stream.resume_token, "chunk_size": stream.chunk_size})

    def _ready(self, request: web.Request) -> Stream:
        return self._streams.ready(request.match_info["resume_token"])

    async def _stream(self, request: web.Request) -> Any:
        return _description(self._ready(request))

    async def _chunk(self, request: web.Request) -> Any:
        query = query_of(request, ChunkCall)
        return self._next_page(self._ready(request), with_history=query.with_history)

    def _next_page(self, stream: Stream, *, with_history: bool) -> Document:
        """Hand out a chunk. It is out even if rendering it crashes."""
        chunk = self._streams.next_chunk(stream)
        page: Document = {"resume_token": stream.resume_token, "alerts": []}
        if chunk is not None:
            page["chunk"] = chunk.number
            page["alerts"] = _rendered(chunk.packets, with_history=with_history)
        return page | stream.counts()

    async def _acknowledge(self, request: web.Request) -> Any:
        number = int_in_path(request, "chunk_id")
        self._streams.acknowledge(self._ready(request), number)
        return None

    async def _always_broken(self, _request: web.Request) -> Any:
        """Calls that fail in the version that was measured."""
        raise CrashError


def _rendered(packets: list[Packet] | tuple[Packet, ...], *, with_history: bool) -> list[Document]:
    try:
        return [alert_document(packet, with_history=with_history) for packet in packets]
    except UnversionedError:
        raise CrashError from None


def _cutouts_of(packet: Packet) -> Document:
    cutouts = packet.cutouts() if packet.cutouts else {}
    return {
        key: {"fileName": name, "stampData": base64.b64encode(data).decode()} for key, (name, data) in cutouts.items()
    }


def _description(stream: Stream) -> Document:
    started = zoned(stream.started, "microseconds").replace("+00:00", "Z")
    finished = None if stream.from_topic else started
    head = {"resume_token": stream.resume_token, "chunk_size": stream.chunk_size}
    return {**head, **stream.counts(), "started_at": started, "finished_at": finished}
