"""From a light curve to its features.

Only positive detections count as the source; negative subtractions and upper limits tell nothing but `nneg`, the last
limit before the first detection, and (negatives) the position. An exposure may hold several candids of one object: it
was processed again, or the source was found twice in it. Of each (jd, band) only the newest candid counts, in every
feature but the position.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ampel_watch.alertvalues import JD, LIMIT_MAG, MAG, MAG_ERR, number
from ampel_watch.features.record import Features
from ampel_watch.lightcurve import BANDS, Detection, LightCurve, UpperLimit

NIGHT_D = 0.5
RECENT_D = 10.0
"""Window of the present rate: a few visits of the survey's two or three days' cadence, less than a supernova's rise."""

DECLINE_D = 30.0
"""Window of the decline: the first fall from the peak, before a plateau, a tail or another outburst."""

_Values = dict[str, Any]
_Pair = tuple[Detection, Detection]


def features_of(curve: LightCurve, jd_now: float) -> Features:
    """All features of a light curve at a time (JD, UTC). Only the ages depend on the time.

    The order of the points does not matter, nor do points that are no measurement (a magnitude or date that is not
    finite, or absurd). Rates: see `features.rates`.
    """
    detections = _one_per_exposure(curve.detections)
    values: _Values = {"nneg": len(_one_per_exposure(curve.negatives))}
    values |= _brightness(detections)
    values |= _colour(detections)
    values |= _rates(detections)
    values |= _ages(detections, curve.limits, jd_now)
    values |= _newest(detections)
    values |= _place(curve, detections)
    return Features(**values)


def _one_per_exposure(points: Iterable[Detection]) -> tuple[Detection, ...]:
    """The measurements in order of (jd, candid): of each (jd, band) the one with the largest candid."""
    newest: dict[tuple[float, str], Detection] = {}
    for point in sorted(filter(_is_measured, points), key=_order):
        newest[point.jd, point.band] = point
    return tuple(sorted(newest.values(), key=_order))


def _order(point: Detection) -> tuple[float, int]:
    return point.jd, point.candid


def _is_measured(point: Detection) -> bool:
    return number(point.jd, JD) is not None and number(point.mag, MAG) is not None


def _error(point: Detection) -> float | None:
    """The error of a magnitude; None if it is none."""
    return number(point.mag_err, MAG_ERR)


def _brightness(detections: Sequence[Detection]) -> _Values:
    """Newest and brightest magnitudes and numbers, overall and per band."""
    values: _Values = {"ndet": len(detections)}
    if detections:
        newest, peak = detections[-1], _peak(detections)
        values |= {"mag": newest.mag, "mag_err": _error(newest), "band": newest.band, "jd": newest.jd}
        values |= {"peak_mag": peak.mag, "peak_mag_err": _error(peak), "peak_band": peak.band, "peak_jd": peak.jd}
    for band in BANDS.values():
        points = _in_band(detections, band)
        values[f"ndet_{band}"] = len(points)
        if points:
            newest, peak = points[-1], _peak(points)
            values |= {f"mag_{band}": newest.mag, f"mag_{band}_err": _error(newest)}
            values |= {f"peak_mag_{band}": peak.mag, f"peak_mag_{band}_err": _error(peak)}
    return values


def _in_band(detections: Iterable[Detection], band: str) -> tuple[Detection, ...]:
    return tuple(point for point in detections if point.band == band)


def _peak(detections: Sequence[Detection]) -> Detection:
    return min(detections, key=lambda point: (point.mag, point.jd, point.candid))


def color_of(detections: Sequence[Detection]) -> _Pair | None:
    """The detections in g and in r that give the colour: the closest in time of the newest night that has both.

    Two are of one night if at most `NIGHT_D` apart. The newest pair is the one whose later member is the newest; of all
    pairs that end within a night of it, the closest counts, of equals the later.
    """
    pairs = list(_pairs_of_a_night(_in_band(detections, "g"), _in_band(detections, "r")))
    if not pairs:
        return None
    newest = max(_end(pair) for pair in pairs)
    of_night = (pair for pair in pairs if newest - _end(pair) <= NIGHT_D)
    return min(of_night, key=lambda pair: (abs(pair[0].jd - pair[1].jd), -_end(pair)))


def _pairs_of_a_night(first: Sequence[Detection], second: Sequence[Detection]) -> Iterator[_Pair]:
    for point in first:
        begin = bisect_left(second, point.jd - NIGHT_D, key=_jd)
        end = bisect_right(second, point.jd + NIGHT_D, key=_jd)
        yield from ((point, other) for other in second[begin:end])


def _jd(point: Detection) -> float:
    return point.jd


def _end(pair: _Pair) -> float:
    return max(pair[0].jd, pair[1].jd)


def _colour(detections: Sequence[Detection]) -> _Values:
    """g − r, its error the root of the sum of the squares; None if one of the two has none."""
    pair = color_of(detections)
    if pair is None:
        return {}
    green, red = pair
    errors = _error(green), _error(red)
    error = None if errors[0] is None or errors[1] is None else math.hypot(errors[0], errors[1])
    return {"color_gr": green.mag - red.mag, "color_gr_err": error}


def _rates(detections: Sequence[Detection]) -> _Values:
    """Present rates and declines of each band; those of the newest detection's band also without a suffix."""
    from ampel_watch.features.rates import rate_of

    values: _Values = {}
    for band in BANDS.values():
        points = _in_band(detections, band)
        if not points:
            continue
        rise, fall = rate_of(_recent(points)), rate_of(_after_peak(points))
        for suffix in ("", f"_{band}") if points[-1] is detections[-1] else (f"_{band}",):
            if rise:
                values |= {f"rise_rate{suffix}_mag_d": rise.mag_d, f"rise_rate{suffix}_err_mag_d": rise.err_mag_d}
            if fall:
                values |= {
                    f"decline_rate{suffix}_mag_d": -fall.mag_d,
                    f"decline_rate{suffix}_err_mag_d": fall.err_mag_d,
                }
    return values


def _recent(points: Sequence[Detection]) -> list[Detection]:
    return [point for point in points if points[-1].jd - point.jd <= RECENT_D]


def _after_peak(points: Sequence[Detection]) -> list[Detection]:
    peak = _peak(points)
    return [point for point in points if 0 <= point.jd - peak.jd <= DECLINE_D]


def _ages(detections: Sequence[Detection], limits: Iterable[UpperLimit], jd_now: float) -> _Values:
    """Days since the first detection, and since the last limit before it: of several at one time the deepest."""
    if not detections:
        return {}
    first = detections[0]
    now = number(jd_now, JD)
    values: _Values = {"age_d": None if now is None else now - first.jd}
    before = [limit for limit in limits if limit.jd < first.jd and _is_measured_limit(limit)]
    if before:
        last = max(before, key=lambda limit: (limit.jd, limit.limit_mag))
        values |= {"last_limit_mag": last.limit_mag, "last_limit_band": last.band}
        values["limit_age_d"] = None if now is None else now - last.jd
    return values


def _is_measured_limit(limit: UpperLimit) -> bool:
    return number(limit.jd, JD) is not None and number(limit.limit_mag, LIMIT_MAG) is not None


def _newest(detections: Sequence[Detection]) -> _Values:
    """What the newest detection says of itself, and the newest star-like score."""
    if not detections:
        return {}
    newest = detections[-1]
    values: _Values = {"candid": newest.candid, "drb": newest.drb, "rb": newest.rb}
    values |= {"ssdist_arcsec": newest.ssdist_arcsec, "ssname": newest.ssname}
    scored = next((point for point in reversed(detections) if point.star_score is not None), None)
    if scored:
        values |= {"star_score": scored.star_score, "star_score_dist_arcsec": scored.star_dist_arcsec}
    return values


def _place(curve: LightCurve, detections: Sequence[Detection]) -> _Values:
    """Where it is: median position, its scatter, galactic and ecliptic coordinates."""
    position = curve.position()
    if position is None:
        return {}
    from ampel_watch.features.sky import ecliptic_deg, galactic_deg, scatter_arcsec

    l_deg, b_deg = galactic_deg(*position)
    longitude_deg, latitude_deg = ecliptic_deg(*position)
    measured = [(p.ra_deg, p.dec_deg) for p in detections if p.ra_deg is not None and p.dec_deg is not None]
    return {
        "ra_deg": position[0],
        "dec_deg": position[1],
        "position_scatter_arcsec": scatter_arcsec(position, measured),
        "gal_l_deg": l_deg,
        "gal_b_deg": b_deg,
        "ecl_lon_deg": longitude_deg,
        "ecl_b_deg": latitude_deg,
    }
