"""What of a light curve is shown: which points, how far the axes reach, what is left out. Pure."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ampel_watch.julian import datetime_of_jd
from ampel_watch.lightcurve import Detection, LightCurve, UpperLimit

SHOWN_D = 120.0
AFTERWARDS_D = 30.0
_SHORTEST_D = 4.0
_LEAD_D = 10.0
_LEAD_SHARE = 0.5
_MARGIN = 0.04
_LEAST_SPAN_MAG = 1.0
_LONGEST_BAR_MAG = 0.5
_BRIGHTER_LIMIT_MAG = 0.7
_SAME_JD_D = 1e-6
# Wider than all that any survey can measure; what lies outside is a fault of the data.
_FIRST_JD, _LAST_JD = 2_400_000.5, 2_500_000.5
_BRIGHTEST_MAG, _FAINTEST_MAG = -5.0, 35.0
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """The shown part of a light curve.

    Attributes
    ----------
    shown: the points within the axes, and nothing else.
    marked: the new point; None if there is none to mark.
    zero_jd: day 0 of the axis: the marked point, otherwise the newest detection, otherwise the newest limit.
    days: reach of the axis of time, in days from `zero_jd`.
    mags: reach of the magnitude axis: (brightest, faintest).
    headline: the marked or newest measurement in words, such as ``r 18.42 ± 0.05``.
    left_out: what is not shown, in words; empty if all is.
    """

    shown: LightCurve
    marked: Detection | None
    zero_jd: float
    days: Range
    mags: Range
    headline: str
    left_out: str


def scene_of(curve: LightCurve, mark_jd: float | None = None) -> Scene | None:
    """What to show of a light curve; None if there is nothing.

    The last `SHOWN_D` days up to the marked (or newest) detection, and up to `AFTERWARDS_D` after it. Limits from
    before the first of the shown detections are shown for about half as long as those span, the last of them always:
    an object three days old is not lost at the edge of a month of nothing.
    """
    sane = _kept(curve, lambda point: _drawable(point.jd, _mag(point)))
    both = sorted((*sane.detections, *sane.negatives), key=lambda point: (point.jd, point.candid))
    marked = _at(both, mark_jd)
    newest = marked or _newest(sane)
    if newest is None:
        return None
    begin, end = _window(both, sane.limits, newest.jd)
    shown = _informative(_kept(sane, lambda point: begin <= point.jd <= end))
    return Scene(
        shown=shown,
        marked=marked,
        zero_jd=newest.jd,
        days=_days(shown, newest.jd),
        mags=_mags(shown),
        headline=_headline(newest, negative=newest in sane.negatives),
        left_out=_left_out(sane, shown),
    )


def all_of(curve: LightCurve) -> tuple[Detection | UpperLimit, ...]:
    """Detections, negatives and limits together."""
    return (*curve.detections, *curve.negatives, *curve.limits)


def _kept(curve: LightCurve, keep: Callable[[Detection | UpperLimit], bool]) -> LightCurve:
    return LightCurve(
        tuple(filter(keep, curve.detections)), tuple(filter(keep, curve.negatives)), tuple(filter(keep, curve.limits))
    )


def _mag(point: Detection | UpperLimit) -> float:
    return point.mag if isinstance(point, Detection) else point.limit_mag


def _drawable(jd: float, mag: float) -> bool:
    return _FIRST_JD <= jd <= _LAST_JD and _BRIGHTEST_MAG <= mag <= _FAINTEST_MAG


def _at(points: list[Detection], jd: float | None) -> Detection | None:
    """The point of a date; of several (reprocessed images) the one with the highest candid."""
    if jd is None:
        return None
    return next((point for point in reversed(points) if abs(point.jd - jd) <= _SAME_JD_D), None)


def _newest(curve: LightCurve) -> Detection | UpperLimit | None:
    """The newest positive detection; if there is none the newest negative one; if there is none the newest limit."""
    parts: tuple[tuple[Detection | UpperLimit, ...], ...] = (curve.detections, curve.negatives, curve.limits)
    return next((max(part, key=lambda point: point.jd) for part in parts if part), None)


def _window(both: list[Detection], limits: tuple[UpperLimit, ...], newest_jd: float) -> Range:
    """First and last date that are shown."""
    earliest, latest = newest_jd - SHOWN_D, newest_jd + AFTERWARDS_D
    seen = [point.jd for point in both if earliest <= point.jd <= latest]
    if not seen:
        return earliest, latest
    lead_d = max(_LEAD_D, _LEAD_SHARE * (seen[-1] - seen[0]))
    last_before = max((limit.jd for limit in limits if limit.jd < seen[0]), default=seen[0])
    return max(earliest, min(seen[0] - lead_d, last_before)), latest


def _informative(curve: LightCurve) -> LightCurve:
    """Without limits so bright (clouds, moonlight) that they say nothing beside the detections."""
    brightest = min((point.mag for point in (*curve.detections, *curve.negatives)), default=-math.inf)
    return _kept(curve, lambda point: _mag(point) >= brightest - _BRIGHTER_LIMIT_MAG)


def _days(shown: LightCurve, zero_jd: float) -> Range:
    dates = [point.jd - zero_jd for point in all_of(shown)]
    return _reach(min(dates), max(dates), _SHORTEST_D)


def _mags(shown: LightCurve) -> Range:
    """Around all points; long error bars, which are faint and bad points, may stick out."""
    edges = [limit.limit_mag for limit in shown.limits]
    for point in (*shown.detections, *shown.negatives):
        bar = min(drawn_error(point), _LONGEST_BAR_MAG)
        edges += [point.mag - bar, point.mag + bar]
    return _reach(min(edges), max(edges), _LEAST_SPAN_MAG)


def _reach(low: float, high: float, least: float) -> Range:
    """A range with some margin, never shorter than `least`."""
    margin = max(_MARGIN * (high - low), (least - (high - low)) / 2)
    return low - margin, high + margin


def drawn_error(point: Detection) -> float:
    """The 1 σ error, as far as it can be drawn."""
    return min(point.mag_err, _FAINTEST_MAG) if point.mag_err > 0 else 0.0


def _headline(newest: Detection | UpperLimit, *, negative: bool) -> str:
    if isinstance(newest, UpperLimit):
        return f"not detected, {newest.band} > {newest.limit_mag:.2f}"
    measured = f"{newest.band} {newest.mag:.2f} ± {drawn_error(newest):.2f}"
    return f"{measured}, negative" if negative else measured


def _left_out(whole: LightCurve, shown: LightCurve) -> str:
    """What is not shown, such as ``not shown: 31 detections, 12 limits since Jun 2018``."""
    seen = _numbered(_seen(whole) - _seen(shown), "detection")
    limits = _numbered(len(whole.limits) - len(shown.limits), "limit")
    text = ", ".join(filter(None, (seen, limits)))
    first = min(point.jd for point in all_of(whole))
    return f"not shown: {text} since {_month(first)}" if text else ""


def _seen(curve: LightCurve) -> int:
    return len(curve.detections) + len(curve.negatives)


def _numbered(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}" if count else ""


def _month(jd: float) -> str:
    when = datetime_of_jd(jd)
    return f"{MONTHS[when.month - 1]} {when.year}"
