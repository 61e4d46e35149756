"""Light curves of the tests, and what a physicist's notebook would make of them with numpy and scipy."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from ampel_watch.lightcurve import Detection, LightCurve, UpperLimit

START = 2459300.5
"""A midnight; whole days and simple fractions from it are exact in binary."""

CANDID = 1_546_147_624_915_010_001
"""Candids of these tests are of real size: beyond 2⁵³, where floats are no longer exact."""


def at(day: float, mag: float, band: str = "r", *, candid: int | None = None, err: float = 0.05, **more) -> Detection:
    """A detection `day` days after `START`, by default with a candid in the order of time."""
    number = CANDID + round(day * 1e6) * 10 if candid is None else candid
    values = {"ra_deg": 150.0, "dec_deg": 20.0} | more
    return Detection(jd=START + day, band=band, candid=number, mag=mag, mag_err=err, **values)


def limit(day: float, mag: float = 20.5, band: str = "r") -> UpperLimit:
    return UpperLimit(START + day, band, mag)


def curve(*detections: Detection, negatives: Sequence[Detection] = (), limits: Sequence[UpperLimit] = ()) -> LightCurve:
    return LightCurve(tuple(detections), tuple(negatives), tuple(limits))


def shifted(whole: LightCurve, *, days: float = 0.0, mag: float = 0.0) -> LightCurve:
    """The same curve at another time, or of a source brighter or fainter by a constant factor."""

    def moved(point: Detection) -> Detection:
        return replace(point, jd=point.jd + days, mag=point.mag + mag)

    return LightCurve(
        tuple(map(moved, whole.detections)),
        tuple(map(moved, whole.negatives)),
        tuple(replace(limit, jd=limit.jd + days) for limit in whole.limits),
    )


def fitted_rate(points: Sequence[Detection]) -> tuple[float, float]:
    """(rate of brightening, error), mag/d, by scipy's Levenberg-Marquardt over fluxes in µJy.

    The error is larger by √(χ²/(n − 2)) where the points scatter by more than theirs.
    """
    jd, mag, err = (np.array([getattr(point, name) for point in points]) for name in ("jd", "mag", "mag_err"))
    flux = 10 ** (-0.4 * (mag - 23.9))
    flux_err = 0.4 * np.log(10) * flux * err
    span_d = np.ptp(jd)
    spans = (jd - jd.mean()) / span_d

    def model(spans, log_flux, e_foldings):
        return np.exp(log_flux + e_foldings * spans)

    def derivatives(spans, *parameters):
        return model(spans, *parameters)[:, None] * np.stack([np.ones_like(spans), spans], axis=1)

    slope, constant = np.polyfit(spans, mag, 1, w=1 / err)
    guess = (np.log(10 ** (-0.4 * (constant - 23.9))), -0.4 * np.log(10) * slope)
    exactly = {"jac": derivatives, "ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14}
    best, covariance = curve_fit(model, spans, flux, p0=guess, sigma=flux_err, absolute_sigma=True, **exactly)
    chi2 = (((flux - model(spans, *best)) / flux_err) ** 2).sum()
    scatter = max(1.0, chi2 / (len(points) - 2)) if len(points) > 2 else 1.0
    mag_d = 2.5 / np.log(10) / span_d
    return float(best[1] * mag_d), float(np.sqrt(covariance[1, 1] * scatter) * mag_d)


# Sixteenths of a day are exact in binary beside a Julian date: a shift by whole days changes no difference.
DAYS = st.integers(0, 16 * 60).map(lambda sixteenths: sixteenths / 16)
MAGS = st.integers(17_400, 18_600).map(lambda millimag: millimag / 1000)
ERRS = st.integers(20, 300).map(lambda millimag: millimag / 1000)


@st.composite
def points(draw, min_size: int = 0, bands: str = "gri") -> tuple[Detection, ...]:
    """Detections in order of (jd, candid), at most one per jd, as a survey with one camera has them."""
    days = sorted(draw(st.lists(DAYS, min_size=min_size, max_size=12, unique=True)))
    made = []
    for day in days:
        place = {"ra_deg": 150 + draw(st.integers(-9, 9)) / 36e4, "dec_deg": 20 + draw(st.integers(-9, 9)) / 36e4}
        scores = {"rb": draw(st.sampled_from([None, 0.4, 0.9])), "star_score": draw(st.sampled_from([None, 0.0, 1.0]))}
        made.append(at(day, draw(MAGS), draw(st.sampled_from(bands)), err=draw(ERRS), **place, **scores))
    return tuple(made)


@st.composite
def curves(draw) -> LightCurve:
    """Detections, negatives and limits of up to 60 days."""
    negatives = [replace(point, candid=point.candid + 5) for point in draw(points())]
    limits = [limit(day, 20.25, "g") for day in sorted(draw(st.lists(DAYS, max_size=5, unique=True)))]
    return curve(*draw(points()), negatives=negatives, limits=limits)
