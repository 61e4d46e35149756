"""The alerts in the sandbox's archive, and the questions it can answer about them. No HTTP here.

Order is that of ingestion, as in the real database. Alerts of packet schema 1.8 carry no version, and whoever
renders one crashes.
"""

import bisect
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ampel_watch.sandbox.alerts import HISTORY_FIELDS, words
from ampel_watch.sandbox.geometry import healpix_nested, separation_deg
from ampel_watch.sandbox.packets import Document, Packet, stored
from ampel_watch.sandbox.queries import AlertQuery, HEALpixRegionQuery, ObjectQuery, Region, StreamQuery

Programs = frozenset[int] | None
Filter = Mapping[Any, Mapping[Any, Any]]

PHOTOPOINTS_SCHEMA = "3.3"
# Columns of the archive's table beyond those of a history point.
_FURTHER_FIELDS = words(
    "sgmag1 srmag1 simag1 szmag1 sgscore1 distpsnr1 ndethist ncovhist jdstarthist jdendhist tooflag objectidps1",
    "objectidps2 sgmag2 srmag2 simag2 szmag2 sgscore2 distpsnr2 objectidps3 sgmag3 srmag3 simag3 szmag3 sgscore3",
    "distpsnr3 nmtchps rfid jdstartref jdendref nframesref dsnrms ssnrms dsdiff nmatches zpclrcov zpmed clrmed",
    "clrrms neargaia neargaiabright maggaia maggaiabright exptime drb drbversion",
)
CANDIDATE_FIELDS = frozenset((*HISTORY_FIELDS, *_FURTHER_FIELDS))
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": operator.eq,
    "$ne": operator.ne,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
    "$in": lambda value, among: value in among,
    "$nin": lambda value, among: value not in among,
}


class UnversionedError(Exception):
    """An alert of packet schema 1.8 was to be rendered."""


class UnknownFieldError(Exception):
    """A candidate filter names a field that alerts do not have."""


class ArchiveStore:
    """Alerts by candid and by name."""

    def __init__(self) -> None:
        self._all: dict[int, Packet] = {}
        self._of_object: dict[str, list[Packet]] = {}
        self._by_time: list[Packet] = []

    def __len__(self) -> int:
        return len(self._all)

    def add(self, packet: Packet) -> None:
        """Take an alert up; a candid that is there already is left alone."""
        if packet.candid in self._all:
            return
        self._all[packet.candid] = packet
        self._of_object.setdefault(packet.name, []).append(packet)
        bisect.insort(self._by_time, packet, key=lambda known: known.order)

    def get(self, candid: int) -> Packet | None:
        """One alert, whatever its programme."""
        return self._all.get(candid)

    def of_object(self, name: str, programs: Programs, start: float | None, end: float | None) -> list[Packet]:
        """The alerts of an object with start ≤ jd < end, in order of ingestion."""
        return [p for p in self._of_object.get(name, ()) if _within(p, start, end) and _visible(p, programs)]

    def in_time(self, programs: Programs, start: float | None, end: float | None) -> list[Packet]:
        """Alerts with start ≤ jd < end, by jd."""
        begin, stop = 0, len(self._by_time)
        if start is not None:
            begin = bisect.bisect_left(self._by_time, start, key=lambda packet: packet.jd)
        if end is not None:
            stop = bisect.bisect_left(self._by_time, end, key=lambda packet: packet.jd)
        return [packet for packet in self._by_time[begin:stop] if _visible(packet, programs)]

    def matching(self, query: StreamQuery, programs: Programs) -> list[Packet]:
        """The alerts that a stream's query selects, by jd; UnknownFieldError for a field that alerts do not have."""
        tests = query.candidate or {}
        check_fields(tests)
        if isinstance(query, ObjectQuery):
            names = [query.names] if isinstance(query.names, str) else query.names
            found: Iterable[Packet] = self._of_names(names, programs, query.jd.gt, query.jd.lt)
        elif isinstance(query, AlertQuery):
            found = self.in_time(programs, query.jd.gt, query.jd.lt)
            if query.cone is not None:
                found = in_cone(found, query.cone.ra, query.cone.dec, query.cone.radius)
        else:
            assert isinstance(query, HEALpixRegionQuery)
            found = in_regions(self.in_time(programs, query.jd.gt, query.jd.lt), query.regions)
        return sorted((packet for packet in found if passes(packet, tests)), key=lambda packet: packet.order)

    def _of_names(
        self, names: Iterable[str], programs: Programs, start: float | None, end: float | None
    ) -> Iterator[Packet]:
        for name in dict.fromkeys(names):
            yield from self.of_object(name, programs, start, end)


def _visible(packet: Packet, programs: Programs) -> bool:
    return programs is None or packet.candidate["programid"] in programs


def _within(packet: Packet, start: float | None, end: float | None) -> bool:
    # Written so that a NaN selects nothing, as it does in the database.
    return (start is None or packet.jd >= start) and (end is None or packet.jd < end)


def in_cone(packets: Iterable[Packet], ra_deg: float, dec_deg: float, radius_deg: float) -> list[Packet]:
    """Alerts within a cone; none for a radius that is not positive."""
    return [
        packet
        for packet in packets
        if abs(packet.candidate["dec"] - dec_deg) <= radius_deg
        and separation_deg(ra_deg, dec_deg, packet.candidate["ra"], packet.candidate["dec"]) < radius_deg
    ]


def in_regions(packets: Iterable[Packet], regions: Iterable[Region]) -> list[Packet]:
    """Alerts in HEALPix pixels. No pixels at all drop the constraint, as in the real service."""
    wanted = [(region.nside, set(region.pixels)) for region in regions]
    if not any(pixels for _, pixels in wanted):
        return list(packets)
    return [
        packet
        for packet in packets
        if any(
            healpix_nested(nside, packet.candidate["ra"], packet.candidate["dec"]) in pixels for nside, pixels in wanted
        )
    ]


def check_fields(tests: Filter) -> None:
    """Refuse a filter on what is no field of a candidate."""
    for name in tests:
        if name not in CANDIDATE_FIELDS:
            raise UnknownFieldError(name)


def passes(packet: Packet, tests: Filter) -> bool:
    """Whether a candidate meets a filter; a missing field meets none, as NULL in SQL."""
    return all(
        name in packet.candidate and _OPERATORS[op](packet.candidate[name], wanted)
        for name, test in tests.items()
        for op, wanted in test.items()
    )


def alert_document(packet: Packet, *, with_history: bool) -> Document:
    """An alert as the database renders it; without history the list is empty, not absent."""
    if packet.schema is None:
        raise UnversionedError
    return {
        "candid": packet.candid,
        "objectId": packet.name,
        "publisher": "Ampel",
        "candidate": stored(packet.candidate),
        "prv_candidates": [stored(point) for point in packet.history] if with_history else [],
        "schemavsn": packet.schema,
    }


def photopoints_document(packets: list[Packet], *, upper_limits: bool) -> Document | None:
    """One alert-shaped object of all points of some alerts, newest first; None if there are no alerts.

    There is one point per jd: an alert's own beats one of a history, which beats an upper limit.
    """
    if not packets:
        return None
    points: dict[float, tuple[int, Document]] = {}
    for packet in packets:
        ranked = [(2, packet.candidate), *((1 if "candid" in point else 0, point) for point in packet.history)]
        for rank, point in ranked:
            if point["jd"] not in points or rank > points[point["jd"]][0]:
                points[point["jd"]] = (rank, stored(point))
    newest_first = [points[jd] for jd in sorted(points, reverse=True)]
    candidate = next(point for rank, point in newest_first if rank == 2)
    others = [p for rank, p in newest_first if p is not candidate and (rank > 0 or upper_limits)]
    return {
        "candid": candidate["candid"],
        "objectId": packets[0].name,
        "publisher": "Ampel",
        "candidate": candidate,
        "prv_candidates": others,
        "schemavsn": PHOTOPOINTS_SCHEMA,
    }
