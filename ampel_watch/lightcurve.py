"""Light curves: what the survey measured of one stock, cleaned, typed and ordered. Pure.

Three kinds of measurement are kept apart: detections in which the source is brighter than in the reference image,
`negatives` in which it is fainter (negative subtractions, no rising source), and upper limits.

What the archive writes for "nothing" (-999, the text `null`, a missing key) and what cannot be true is None here; a
point whose time, band, sign, magnitude or error is not to be had is left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ampel_watch.alertvalues import (
    ANGLE_ARCSEC,
    CANDID,
    DEC_DEG,
    FID,
    JD,
    LIMIT_MAG,
    MAG,
    MAG_ERR,
    RA_DEG,
    SCORE,
    integer,
    is_nothing,
    number,
    sign_of,
    word,
)
from ampel_watch.model import JSON, Alert
from ampel_watch.sphere import median_position

BANDS: Mapping[int, str] = {1: "g", 2: "r", 3: "i"}


@dataclass(frozen=True, slots=True)
class Detection:
    """One detection in the difference image, positive or negative. What was not measured is None, never a sentinel.

    Attributes
    ----------
    jd: Julian Date, UTC, of the start of the exposure.
    band: `g`, `r` or `i`.
    candid: what identifies it (64 bits).
    mag, mag_err: PSF magnitude (AB) of the difference and its 1 σ error.
    limit_mag: 5 σ limit of the image.
    drb, rb: real/bogus scores, 0…1, by deep learning and by the older classifier.
    alert: True if it came as an alert of its own; False if only within the history of another.
    ssdist_arcsec, ssname: angle to, and name of, the nearest known solar-system object.
    star_score, star_dist_arcsec: of the nearest Pan-STARRS source: 1 is like a star, 0 like a galaxy; its angle.
    """

    jd: float
    band: str
    candid: int
    mag: float
    mag_err: float
    ra_deg: float | None = None
    dec_deg: float | None = None
    limit_mag: float | None = None
    drb: float | None = None
    rb: float | None = None
    alert: bool = False
    ssdist_arcsec: float | None = None
    ssname: str | None = None
    star_score: float | None = None
    star_dist_arcsec: float | None = None


_DETECTION_DEFAULTS = tuple((part.name, part.default) for part in fields(Detection))
_MAY_LACK = tuple(name for name, default in _DETECTION_DEFAULTS if default is None)


@dataclass(frozen=True, slots=True)
class UpperLimit:
    """An exposure in which nothing was seen: fainter than `limit_mag` (5 σ, AB)."""

    jd: float
    band: str
    limit_mag: float


_LIMIT_DEFAULTS = tuple((part.name, part.default) for part in fields(UpperLimit))


@dataclass(frozen=True, slots=True)
class LightCurve:
    """All that is known of one stock; each part ordered by (jd, candid) or (jd, band), each point once.

    Images that were processed again give several detections of one exposure, each with a candid of its own; all are
    kept. `light_curve_of`, `merged` and `until` keep the order.
    """

    detections: tuple[Detection, ...] = ()
    negatives: tuple[Detection, ...] = ()
    limits: tuple[UpperLimit, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is known."""
        return not (self.detections or self.negatives or self.limits)

    @property
    def newest(self) -> Detection | None:
        """The last detection in which the source is brighter than in the reference image."""
        return self.detections[-1] if self.detections else None

    def merged(self, other: "LightCurve") -> "LightCurve":
        """What both know together, the same in any order and grouping.

        Of a detection that both hold the version from an alert of its own stands (the values in histories are rounded
        differently), its gaps filled from the other. Of two limits of one exposure the brighter stands, which claims
        less; a limit of an exposure that holds a detection is dropped.
        """
        if other.is_empty:
            return self
        points = _Points()
        for curve in (self, other):
            points.add(curve)
        return points.curve()

    def until(self, jd: float) -> "LightCurve":
        """What was measured up to a Julian Date (UTC), that included."""
        return LightCurve(
            tuple(point for point in self.detections if point.jd <= jd),
            tuple(point for point in self.negatives if point.jd <= jd),
            tuple(limit for limit in self.limits if limit.jd <= jd),
        )

    def position(self) -> tuple[float, float] | None:
        """Median (ra_deg, dec_deg) of all detections and negatives, 0 ≤ ra_deg < 360; None if none has a position."""
        found = [
            (point.ra_deg, point.dec_deg)
            for point in (*self.detections, *self.negatives)
            if point.ra_deg is not None and point.dec_deg is not None
        ]
        return median_position(found) if found else None

    def to_json(self) -> dict[str, Any]:
        """The light curve as a JSON object: three lists of points, without what was not measured."""
        return {part.name: [_document_of(point) for point in getattr(self, part.name)] for part in fields(self)}

    @classmethod
    def from_json(cls, document: JSON) -> "LightCurve":
        """The light curve that `to_json` wrote."""
        return cls(
            tuple(Detection(**point) for point in document["detections"]),
            tuple(Detection(**point) for point in document["negatives"]),
            tuple(UpperLimit(**point) for point in document["limits"]),
        )


def light_curve_of(alerts: Iterable[Alert], *, own: bool = True) -> LightCurve:
    """What the alerts of one stock say, with their histories, whatever order they come in.

    Parameters
    ----------
    own: False for an answer of photopoints, whose candidate does not prove that there was an alert of its own.
    """
    points = _Points()
    for alert in alerts:
        points.read(alert.candidate, candid=alert.candid, alert=own)
        for point in alert.history:
            points.read(point, candid=point.get("candid"), alert=False)
    return points.curve()


@dataclass(slots=True)
class _Points:
    """A light curve in the making: detections by candid, each with its sign, and limits by exposure."""

    found: dict[int, tuple[bool, Detection]] = field(default_factory=dict)
    limits: dict[tuple[float, str], UpperLimit] = field(default_factory=dict)

    def add(self, curve: LightCurve) -> None:
        """Take over what a light curve holds."""
        for positive, points in ((True, curve.detections), (False, curve.negatives)):
            for point in points:
                self._put(positive, point)
        for limit in curve.limits:
            self._put_limit(limit)

    def read(self, point: JSON, *, candid: object, alert: bool) -> None:
        """Take over a point as the archive writes it, if it is a measurement."""
        if is_nothing(candid) and is_nothing(point.get("magpsf")):
            limit = _limit_of(point)
            if limit is not None:
                self._put_limit(limit)
        elif (positive := sign_of(point.get("isdiffpos"))) is not None:
            detection = _detection_of(point, candid, alert=alert)
            if detection is not None:
                self._put(positive, detection)

    def curve(self) -> LightCurve:
        """All of it, in order."""
        points = sorted(self.found.values(), key=lambda version: (version[1].jd, version[1].candid))
        seen = {(point.jd, point.band) for _, point in points}
        return LightCurve(
            tuple(point for positive, point in points if positive),
            tuple(point for positive, point in points if not positive),
            tuple(limit for exposure, limit in sorted(self.limits.items()) if exposure not in seen),
        )

    def _put(self, positive: bool, point: Detection) -> None:
        version = (positive, point)
        known = self.found.setdefault(point.candid, version)
        if known != version:
            self.found[point.candid] = _better(known, version)

    def _put_limit(self, limit: UpperLimit) -> None:
        known = self.limits.setdefault((limit.jd, limit.band), limit)
        if limit.limit_mag < known.limit_mag:
            self.limits[limit.jd, limit.band] = limit


def _better(one: tuple[bool, Detection], other: tuple[bool, Detection]) -> tuple[bool, Detection]:
    """The better of two versions of a detection, with what only the other knows."""
    if one[1].alert != other[1].alert:
        better, worse = (one, other) if one[1].alert else (other, one)
    else:
        # Two that differ without a reason: any choice will do that does not depend on which came first.
        worse, better = sorted((one, other), key=repr)
    gaps = [name for name in _MAY_LACK if getattr(better[1], name) is None]
    filling = {name: value for name in gaps if (value := getattr(worse[1], name)) is not None}
    return (better[0], replace(better[1], **filling)) if filling else better


def _limit_of(point: JSON) -> UpperLimit | None:
    jd, band = number(point.get("jd"), JD), _band_of(point)
    limit_mag = number(point.get("diffmaglim"), LIMIT_MAG)
    if jd is None or band is None or limit_mag is None:
        return None
    return UpperLimit(jd, band, limit_mag)


def _detection_of(point: JSON, candid: object, *, alert: bool) -> Detection | None:
    jd, band, key = number(point.get("jd"), JD), _band_of(point), integer(candid, CANDID)
    mag, mag_err = number(point.get("magpsf"), MAG), number(point.get("sigmapsf"), MAG_ERR)
    if jd is None or band is None or key is None or mag is None or mag_err is None:
        return None
    ra_deg, dec_deg = number(point.get("ra"), RA_DEG), number(point.get("dec"), DEC_DEG)
    has_position = ra_deg is not None and dec_deg is not None
    return Detection(
        jd=jd,
        band=band,
        candid=key,
        mag=mag,
        mag_err=mag_err,
        ra_deg=ra_deg if has_position else None,
        dec_deg=dec_deg if has_position else None,
        limit_mag=number(point.get("diffmaglim"), LIMIT_MAG),
        drb=number(point.get("drb"), SCORE),
        rb=number(point.get("rb"), SCORE),
        alert=alert,
        ssdist_arcsec=number(point.get("ssdistnr"), ANGLE_ARCSEC),
        ssname=word(point.get("ssnamenr")),
        star_score=number(point.get("sgscore1"), SCORE),
        star_dist_arcsec=number(point.get("distpsnr1"), ANGLE_ARCSEC),
    )


def _band_of(point: JSON) -> str | None:
    fid = integer(point.get("fid"), FID)
    return None if fid is None else BANDS[fid]


def _document_of(point: Detection | UpperLimit) -> dict[str, Any]:
    defaults = _DETECTION_DEFAULTS if isinstance(point, Detection) else _LIMIT_DEFAULTS
    return {name: value for name, default in defaults if (value := getattr(point, name)) != default}
