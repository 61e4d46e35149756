"""Light curves: what the survey measured of one stock, cleaned, typed and ordered. Pure.

Three kinds of measurement are kept apart: detections in which the source is brighter than in the reference image,
`negatives` in which it is fainter (negative subtractions, no rising source), and upper limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class UpperLimit:
    """An exposure in which nothing was seen: fainter than `limit_mag` (5 σ, AB)."""

    jd: float
    band: str
    limit_mag: float


@dataclass(frozen=True, slots=True)
class LightCurve:
    """All that is known of one stock; each part ordered by (jd, candid) or (jd, band), each point once."""

    detections: tuple[Detection, ...] = ()
    negatives: tuple[Detection, ...] = ()
    limits: tuple[UpperLimit, ...] = ()
