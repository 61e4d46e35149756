"""What is new in a light curve: detections, and jumps in brightness against a reference that moves along. Pure.

A jump is looked for in one band at a time, among the positive detections. It counts if the magnitude differs from the
reference by at least the threshold, and the flux by at least `min_sigma` times the combined error: a difference within
its error is none, however large it is in magnitudes. The reference then moves to the point that jumped, so that a
plateau is told once. Between jumps it follows the opposite extreme: for brightening it sinks with the source, to every
point that is fainter beyond the same error, and for fading the other way round. (Were it to follow within the error, it
would go to the worst of many points: at 0.15 mag of noise and a threshold of 0.5 mag, 300 points make 2 false jumps if
it follows at 1 σ, 0.2 at 3 σ.)

A doubtful point (one with a low real/bogus score) tells nothing alone and moves no reference; if the next point of the
band jumps as well, whatever its score, that one is believed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from math import hypot, log
from typing import Any, Literal

from ampel_watch.julian import datetime_of_jd
from ampel_watch.lightcurve import Detection, LightCurve
from ampel_watch.model import JSON, iso

Direction = Literal["brightening", "fading"]
DIRECTIONS: tuple[Direction, ...] = ("brightening", "fading")

# Reprocessing gives an exposure's detection a new candid; exposures are further apart than this (0.9 s).
_SAME_EXPOSURE_D = 1e-5
# Magnitudes come as 4-byte floats; a difference of 0.5 must not become 0.499999.
_ROUNDING_MAG = 1e-5
_LEAST_ERROR_MAG = 1e-3
_MIN_RB = 0.3
_MAG_PER_LN_FLUX = 2.5 / log(10)


@dataclass(frozen=True, slots=True)
class Terms:
    """What counts as a jump.

    Attributes
    ----------
    direction: the kind of change that it makes.
    min_sigma: least difference of the fluxes, in units of their combined 1 σ error, that is one at all.
    min_drb: below this deep-learning score a point is doubtful; one that has none is so with an `rb` below 0.3.
        0: no point is doubtful.
    """

    direction: Direction
    threshold_mag: float
    min_sigma: float = 3.0
    min_drb: float = 0.5

    def doubts(self, point: Detection) -> bool:
        """Whether a point needs another one to be believed."""
        if self.min_drb <= 0:
            return False
        if point.drb is not None:
            return point.drb < self.min_drb
        return point.rb is not None and point.rb < _MIN_RB


@dataclass(frozen=True, slots=True)
class Point:
    """A magnitude (AB) with its 1 σ error, and the Julian Date (UTC) at which it was measured."""

    mag: float
    mag_err: float
    jd: float


@dataclass(frozen=True, slots=True)
class Reference:
    """From where the next jump of a band is reckoned.

    Attributes
    ----------
    mag, mag_err, jd: the point itself.
    seen_jd: the newest exposure that was looked at; what comes later but is older changes nothing.
    doubtful: the last point, if it jumped but is doubtful: the next one confirms or refutes it.
    """

    mag: float
    mag_err: float
    jd: float
    seen_jd: float
    doubtful: Point | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object that gives the same reference back, to the last bit."""
        document: dict[str, Any] = {"mag": self.mag, "mag_err": self.mag_err, "jd": self.jd, "seen_jd": self.seen_jd}
        if (point := self.doubtful) is not None:
            document["doubtful"] = {"mag": point.mag, "mag_err": point.mag_err, "jd": point.jd}
        return document

    @classmethod
    def from_json(cls, document: JSON) -> "Reference":
        """The reference that `to_json` wrote."""
        doubtful = document.get("doubtful")
        return cls(
            mag=document["mag"],
            mag_err=document["mag_err"],
            jd=document["jd"],
            seen_jd=document["seen_jd"],
            doubtful=Point(**doubtful) if doubtful else None,
        )


@dataclass(frozen=True, slots=True)
class Jump:
    """One jump: `after` is brighter or fainter than the reference `before`.

    Attributes
    ----------
    delta_mag: by how much, > 0 in either direction.
    sigma: the difference of the fluxes in units of their combined 1 σ error.
    """

    band: str
    before: Point
    after: Detection
    delta_mag: float
    sigma: float


def follow(
    reference: Reference | None, points: Sequence[Detection], terms: Terms
) -> tuple[Reference | None, tuple[Jump, ...]]:
    """Go on from a reference through the points of one band; the reference afterwards, and the jumps in between.

    Points that were looked at before are passed over, so the whole band may be given each time, in any order. Without
    a reference, the first point that is not doubtful becomes it.
    """
    jumps: list[Jump] = []
    for point in _exposures(points, after_jd=None if reference is None else reference.seen_jd):
        if reference is None:
            reference = None if terms.doubts(point) else _reference_at(point)
            continue
        reference, jump = _step(reference, point, terms)
        if jump is not None:
            jumps.append(jump)
    return reference, tuple(jumps)


def begin(points: Sequence[Detection], terms: Terms) -> Reference | None:
    """The reference after a first look, which tells nothing: the newest point that is not doubtful; None if all are."""
    exposures = list(_exposures(points))
    doubtful = list(takewhile(terms.doubts, reversed(exposures)))
    if len(doubtful) == len(exposures):
        return None
    newest = exposures[len(exposures) - len(doubtful) - 1]
    return follow(_reference_at(newest), doubtful, terms)[0]


def new_detections(before: LightCurve, after: LightCurve, since_jd: float) -> tuple[Detection, ...]:
    """The positive detections later than `since_jd` that came as alerts of their own since `before` was stored.

    What was known from another alert's history only is new when its own alert comes. A reprocessed alert (same exposure
    and band, another candid) of a detection that is known is not.
    """
    told = {point.candid for point in before.detections if point.alert}
    known = {point.candid for point in before.detections}
    other = [point for point in before.detections if point.jd > since_jd - _SAME_EXPOSURE_D]
    new: dict[int, Detection] = {}
    for point in after.detections:
        if not point.alert or point.candid in told or point.jd <= since_jd:
            continue
        if point.candid not in known and any(_same_exposure(point, one) for one in other):
            continue
        new[point.candid] = point
    return tuple(_latest_versions(new.values()))


def detection_documents(before: LightCurve, new: Sequence[Detection]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a change `detection` says: the newest detection that was known before, and the newest of the `new` ones."""
    newest = max(new, key=_by_time)
    known = {point.candid for point in new}
    old = max((point for point in before.detections if point.candid not in known), key=_by_time, default=None)
    after = {"detections": len(new), **_document(newest)}
    return (_document(old, brief=True) if old else {}), after


def jump_documents(jump: Jump) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a change `brightening` or `fading` says: the reference, and the point that jumped."""
    before = {
        "mag": round(jump.before.mag, 4),
        "mag_err": round(jump.before.mag_err, 4),
        "band": jump.band,
        "jd": round(jump.before.jd, 6),
    }
    size = {"delta_mag": round(jump.delta_mag, 4), "sigma": round(jump.sigma, 1)}
    return before, _document(jump.after) | size


def _step(reference: Reference, point: Detection, terms: Terms) -> tuple[Reference, Jump | None]:
    """One further point: it jumps, awaits confirmation, moves the reference, or changes nothing."""
    seen = replace(reference, seen_jd=point.jd, doubtful=None)
    faded_mag = point.mag - reference.mag
    changed_mag = faded_mag if terms.direction == "fading" else -faded_mag
    sigma = _sigma(reference, point)
    doubtful = terms.doubts(point)
    if sigma < terms.min_sigma:
        return seen, None
    if changed_mag >= terms.threshold_mag - _ROUNDING_MAG:
        if doubtful and reference.doubtful is None:
            return replace(seen, doubtful=Point(point.mag, point.mag_err, point.jd)), None
        before = Point(reference.mag, reference.mag_err, reference.jd)
        return _reference_at(point), Jump(point.band, before, point, changed_mag, sigma)
    if changed_mag < 0 and not doubtful:
        return _reference_at(point), None
    return seen, None


def _sigma(reference: Reference, point: Detection) -> float:
    """By how many combined 1 σ errors the fluxes differ.

    In units of the brighter flux F, the fainter one is q = 10^(-0.4 Δm), the difference 1 - q, and the error of a
    flux f with magnitude error e is f·e / 1.0857.
    """
    brighter, fainter = (reference, point) if reference.mag <= point.mag else (point, reference)
    ratio = 10 ** (-0.4 * (fainter.mag - brighter.mag))
    error = hypot(max(brighter.mag_err, _LEAST_ERROR_MAG), ratio * max(fainter.mag_err, _LEAST_ERROR_MAG))
    return (1 - ratio) * _MAG_PER_LN_FLUX / error


def _reference_at(point: Detection) -> Reference:
    return Reference(point.mag, point.mag_err, point.jd, seen_jd=point.jd)


def _exposures(points: Iterable[Detection], after_jd: float | None = None) -> Iterator[Detection]:
    """The points later than `after_jd` in order of time; of one exposure's reprocessed versions the newest.

    It is dated by the first version, so that a batch that ends within an exposure makes no difference.
    """
    newest: Detection | None = None
    for point in sorted(points, key=_by_time):
        if after_jd is not None and point.jd <= after_jd + _SAME_EXPOSURE_D:
            continue
        if newest is None or point.jd > newest.jd + _SAME_EXPOSURE_D:
            if newest is not None:
                yield newest
            newest = point
        elif point.candid > newest.candid:
            newest = replace(point, jd=newest.jd)
    if newest is not None:
        yield newest


def _latest_versions(points: Iterable[Detection]) -> list[Detection]:
    """Of points with the same exposure and band, the one with the highest candid; in order of time."""
    kept: list[Detection] = []
    for point in sorted(points, key=lambda point: -point.candid):
        if not any(_same_exposure(point, one) for one in kept):
            kept.append(point)
    return sorted(kept, key=_by_time)


def _same_exposure(one: Detection, other: Detection) -> bool:
    return one.band == other.band and abs(one.jd - other.jd) <= _SAME_EXPOSURE_D


def _by_time(point: Detection) -> tuple[float, int]:
    return point.jd, point.candid


def _document(point: Detection, *, brief: bool = False) -> dict[str, Any]:
    """A detection as JSON; what it does not have is left out."""
    document: dict[str, Any] = {
        "mag": round(point.mag, 4),
        "mag_err": round(point.mag_err, 4),
        "band": point.band,
        "jd": round(point.jd, 6),
        "candid": point.candid,
    }
    if not brief:
        if point.drb is not None:
            document["drb"] = round(point.drb, 3)
        if (time := _time_of(point.jd)) is not None:
            document["time"] = time
    return document


def _time_of(jd: float) -> str | None:
    """The ISO time of a Julian Date; None for one that is in no calendar, which the archive may have sent."""
    try:
        return iso(datetime_of_jd(jd))
    except ValueError:
        return None
