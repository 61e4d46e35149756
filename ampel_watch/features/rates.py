"""How fast a source brightens: a weighted fit in flux space. Pure; loads numpy.

Model and formula
-----------------
A source that changes at a constant rate r, in mag/d, has the flux

    F(t) = F₀ · 10^(0.4 r (t − t₀)),    r = 2.5/ln 10 · (dF/dt)/F,

and r > 0 is brightening. (F₀, r) minimize χ² = Σ (Fᵢ − F(tᵢ))²/σᵢ², with the AB fluxes Fᵢ = 10^(−0.4 (mᵢ − 23.9)) µJy
(Oke & Gunn 1983, ApJ 266, 713) and their errors σᵢ = 0.4 ln 10 · Fᵢ · σ(mᵢ). The fit is made in flux because errors
are Gaussian there, which the magnitudes of faint points are not. A straight line in flux is no alternative: within 10 d
a supernova changes by a factor, so that the line's slope divided by the flux at its end is too small for a rise, too
large for a decline, and has the wrong sign where the line crosses zero.

Solution
--------
For a given r the best F₀ is linear (Golub & Pereyra 1973, SIAM J. Numer. Anal. 10, 413), so that one number is left.
With b = 0.4 ln 10 · r, g = exp(b x), P = Σ F g/σ² and Q = Σ g²/σ², χ² is smallest where ln(P²/Q) is largest. Its slope
is 2 (mean_P − mean_Q) and its curvature 2 (var_P − 2 var_Q), mean and variance of x with the terms of P or of Q as
weights: Newton's method with sums of positive terms only, in which nothing cancels. They are taken from logarithms, so
that no magnitude, however large, over- or underflows; the zero point cancels.

The error of r is that of the covariance matrix: σ_b² = (JᵀWJ)⁻¹_bb = Q/(P² var_Q). Where n > 2 points scatter about the
model by more than their errors it is larger by √(χ²/(n − 2)) (Particle Data Group, Review of Particle Physics,
sect. 5.2.2), so that a variable that goes up and down shows no significant rate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ampel_watch.alertvalues import MAG_ERR, number
from ampel_watch.lightcurve import Detection

MIN_SPAN_D = 0.5 / 24
"""Points must span more than half an hour: within it the errors of two exposures outweigh any real change."""

MAG_PER_E_FOLDING = 2.5 / math.log(10)
_STEPS = 100
_LARGEST_STEP = 1.0
_TOLERANCE = 1e-10

_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rate:
    """Speed of brightening and its 1 σ error, mag/d."""

    mag_d: float
    err_mag_d: float


class _Height(NamedTuple):
    """ln(P²/Q) at one b, its slope and its curvature there, and var_Q. χ² is Σ F²/σ² − P²/Q."""

    value: float
    slope: float
    curvature: float
    var_q: float


def rate_of(points: Sequence[Detection]) -> Rate | None:
    """The speed of brightening of points of one band; None unless two with errors span more than `MIN_SPAN_D`."""
    usable = [point for point in points if number(point.mag_err, MAG_ERR) is not None]
    if not usable:
        return None
    jd = np.array([point.jd for point in usable])
    span_d = float(jd.max() - jd.min())
    if not span_d > MIN_SPAN_D:
        return None
    x = (jd - jd.mean()) / span_d
    mag = np.array([point.mag for point in usable])
    log_flux = (mag.mean() - mag) / MAG_PER_E_FOLDING
    log_relative_err = np.log([point.mag_err / MAG_PER_E_FOLDING for point in usable])
    found = _Fit(x, log_flux, log_relative_err).solve()
    if found is None:
        return None
    b, err = found
    rate = Rate(b * MAG_PER_E_FOLDING / span_d, err * MAG_PER_E_FOLDING / span_d)
    return rate if math.isfinite(rate.mag_d) and math.isfinite(rate.err_mag_d) else None


class _Fit:
    """The sums P and Q as functions of b."""

    def __init__(self, x: _Array, log_flux: _Array, log_relative_err: _Array) -> None:
        self._x = x
        self._log_flux = log_flux
        self._log_relative_err = log_relative_err
        self._log_p = -log_flux - 2 * log_relative_err
        self._log_q = -2 * (log_flux + log_relative_err)

    def solve(self) -> tuple[float, float] | None:
        """(b, its error); None if the points do not determine it."""
        b = self._start()
        here = self._height(b)
        for _ in range(_STEPS):
            step = _newton_step(here)
            while abs(step) > _TOLERANCE and (there := self._height(b + step)).value < here.value:
                step /= 2
            if abs(step) <= _TOLERANCE:
                return (b, self._error(here)) if here.var_q > 0 else None
            b, here = b + step, there
        return None

    def _error(self, top: _Height) -> float:
        formal = math.exp(-(top.value + math.log(top.var_q)) / 2)
        free = len(self._x) - 2
        chi2 = float(np.exp(-2 * self._log_relative_err).sum()) - math.exp(top.value)
        return formal * math.sqrt(max(1.0, chi2 / free)) if free else formal

    def _start(self) -> float:
        """The slope of the straight line in magnitudes, weighted by their errors."""
        _, mean, variance = _moments(-2 * self._log_relative_err, self._x)
        if not variance > 0:
            return 0.0
        weights = np.exp(-2 * (self._log_relative_err - self._log_relative_err.min()))
        return float(weights @ ((self._x - mean) * self._log_flux) / weights.sum() / variance)

    def _height(self, b: float) -> _Height:
        log_p, mean_p, var_p = _moments(self._log_p + b * self._x, self._x)
        log_q, mean_q, var_q = _moments(self._log_q + 2 * b * self._x, self._x)
        return _Height(2 * log_p - log_q, 2 * (mean_p - mean_q), 2 * (var_p - 2 * var_q), var_q)


def _newton_step(here: _Height) -> float:
    """Uphill by Newton's method, or simply uphill where the hill is hollow; never by more than a factor e in flux."""
    step = -here.slope / here.curvature if here.curvature < 0 else math.copysign(_LARGEST_STEP, here.slope)
    return max(-_LARGEST_STEP, min(step, _LARGEST_STEP))


def _moments(log_weights: _Array, x: _Array) -> tuple[float, float, float]:
    """(ln of the sum of the weights, mean of x, variance of x)."""
    top = log_weights.max()
    weights = np.exp(log_weights - top)
    total = weights.sum()
    mean = weights @ x / total
    return float(top + np.log(total)), float(mean), float(weights @ (x - mean) ** 2 / total)
