"""Light curves of what an optical transient survey finds, as pure functions of time.

They are meant to be plausible, not to fit anything: rise times, peak magnitudes, colours and decline rates follow
the literature named below; K corrections are neglected (redshifts stay below 0.1).

- distances: flat ΛCDM, H0 = 70 km/s/Mpc, Ωm = 0.3 (Hogg 1999, astro-ph/9905116);
- SN Ia: rise 18.5 ± 1.6 d (Miller et al. 2020, ApJ 902, 47), flux ∝ t² at first light (Riess et al. 1999),
  decline and second maximum in i (Phillips 1993; Hamuy et al. 1996), brighter is slower;
- SN II-P: rise of about a week, plateau of about 100 d, then the tail of ⁵⁶Co, 0.0098 mag/d (Anderson et al. 2014);
- SN Ib/c: Drout et al. 2011; peak magnitudes of all types: Richardson et al. 2014;
- tidal disruptions: blue, rise of about 25 d, fading as t^(-5/3) (van Velzen et al. 2021);
- AGN: damped random walk with SF∞ ≈ 0.2 mag and τ ≈ 200 d (MacLeod et al. 2010);
- RR Lyrae: periods 0.45 … 0.7 d, sawtooth of about 1 mag in g (Sesar et al. 2010).

Bands are numbered as in ZTF: 1 g, 2 r, 3 i. Fluxes are in units of magnitude 25 (AB).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol

LIGHT_KM_S = 299792.458
HUBBLE_KM_S_MPC = 70.0
OMEGA_MATTER = 0.3
ZERO_POINT_MAG = 25.0

Anchors = tuple[tuple[float, float], ...]


def flux_of(mag: float) -> float:
    """Flux of a magnitude."""
    return float(10 ** (-0.4 * (mag - ZERO_POINT_MAG)))


def mag_of(flux: float) -> float:
    """Magnitude of a positive flux."""
    return ZERO_POINT_MAG - 2.5 * math.log10(flux)


def luminosity_distance_mpc(z: float) -> float:
    """Luminosity distance by Simpson's rule over 1/E(z)."""
    steps = 32

    def inverse_e(at: float) -> float:
        return 1 / math.sqrt(OMEGA_MATTER * (1 + at) ** 3 + 1 - OMEGA_MATTER)

    weights = [1] + [4 if i % 2 else 2 for i in range(1, steps)] + [1]
    integral = sum(w * inverse_e(z * i / steps) for i, w in enumerate(weights)) * z / steps / 3
    return (1 + z) * LIGHT_KM_S / HUBBLE_KM_S_MPC * integral


def distance_modulus_mag(z: float) -> float:
    """Apparent minus absolute magnitude at a redshift."""
    return 5 * math.log10(luminosity_distance_mpc(z)) + 25


def interpolate(anchors: Anchors, x: float) -> float:
    """Linear interpolation between anchors; beyond the last one its slope goes on."""
    right = next((i for i, (at, _) in enumerate(anchors) if i and x <= at), len(anchors) - 1)
    (x0, y0), (x1, y1) = anchors[right - 1 : right + 1]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


class LightCurve(Protocol):
    """What the survey measures of something in the sky: its difference flux, now minus the reference image."""

    def difference_flux(self, jd: float, fid: int) -> float:
        """Flux above (or, negative, below) that of the reference image."""
        ...


@dataclass(frozen=True, slots=True)
class BandCurve:
    """One band of an explosion: peak absolute magnitude, rest-frame rise, and days after peak → mag below it."""

    peak_mag: float
    rise_d: float
    decline: Anchors

    def fainter_by_mag(self, age_d: float) -> float:
        """Magnitudes below the peak at a rest-frame age since first light (> 0).

        The rise is 3x² - 2x³ in flux: quadratic at first light, as of an expanding fireball, and flat at maximum.
        """
        x = age_d / self.rise_d
        if x < 1:
            return -2.5 * math.log10(x * x * (3 - 2 * x))
        return interpolate(self.decline, age_d - self.rise_d)


Template = Mapping[int, BandCurve]

SN_IA: Template = {
    1: BandCurve(
        -19.25, 18.0, ((0, 0), (5, 0.12), (10, 0.45), (15, 0.95), (20, 1.5), (30, 2.3), (40, 2.65), (99, 3.6))
    ),
    2: BandCurve(-19.15, 19.5, ((0, 0), (5, 0.08), (10, 0.3), (15, 0.6), (25, 0.8), (30, 1.0), (40, 1.6), (99, 3.6))),
    3: BandCurve(-18.6, 16.5, ((0, 0), (5, 0.15), (10, 0.45), (17, 0.7), (26, 0.5), (33, 0.7), (40, 1.2), (99, 3.4))),
}
SN_IIP: Template = {
    1: BandCurve(-17.0, 7.0, ((0, 0), (20, 0.4), (50, 1.0), (95, 1.6), (115, 3.6), (215, 4.6))),
    2: BandCurve(-17.0, 10.0, ((0, 0), (20, 0.05), (85, 0.2), (100, 0.6), (115, 2.2), (215, 3.2))),
    3: BandCurve(-17.0, 12.0, ((0, 0), (20, 0.0), (85, 0.05), (100, 0.4), (115, 1.8), (215, 2.8))),
}
SN_IBC: Template = {
    1: BandCurve(-17.1, 14.0, ((0, 0), (15, 1.3), (30, 2.2), (100, 3.6))),
    2: BandCurve(-17.5, 16.0, ((0, 0), (15, 0.75), (30, 1.4), (100, 2.8))),
    3: BandCurve(-17.4, 17.0, ((0, 0), (15, 0.6), (30, 1.2), (100, 2.5))),
}
TDE: Template = {
    fid: BandCurve(peak, 25.0, ((0, 0), (20, 0.73), (40, 1.25), (80, 1.99), (160, 2.9)))
    for fid, peak in ((1, -19.2), (2, -19.0), (3, -18.85))
}


@dataclass(frozen=True, slots=True)
class Explosion:
    """A template at a redshift, from a date on.

    Attributes
    ----------
    stretch: scales the template's time axis (SN Ia: brighter by 1.5 mag per unit).
    extra_mag: scatter and host extinction, added to every band.
    """

    template: Template
    first_light_jd: float
    z: float
    stretch: float = 1.0
    extra_mag: float = 0.0

    def magnitude(self, jd: float, fid: int) -> float:
        """Apparent magnitude; infinite before first light."""
        age_d = (jd - self.first_light_jd) / (1 + self.z) / self.stretch
        if age_d <= 0:
            return math.inf
        curve = self.template[fid]
        brighter = 1.5 * (self.stretch - 1)
        shift = distance_modulus_mag(self.z) + self.extra_mag - brighter
        return curve.peak_mag + shift + curve.fainter_by_mag(age_d)

    def difference_flux(self, jd: float, fid: int) -> float:
        """All of its flux: the reference image is older."""
        return flux_of(self.magnitude(jd, fid))


@dataclass(frozen=True, slots=True)
class Variable:
    """A source of known mean magnitudes that varies by `delta_mag(jd, fid)` about them."""

    mean_mag: Mapping[int, float]
    delta_mag: Callable[[float, int], float]

    def difference_flux(self, jd: float, fid: int) -> float:
        """Flux above or below that of the mean, which the reference image shows."""
        mean = self.mean_mag[fid]
        return flux_of(mean + self.delta_mag(jd, fid)) - flux_of(mean)


def damped_random_walk(
    random: Random, start_jd: float, days: int, *, sigma_mag: float = 0.2, tau_d: float = 200.0
) -> Callable[[float, int], float]:
    """Variability of an AGN: a walk on a daily grid, linear in between; bluer when brighter."""
    keep = math.exp(-1 / tau_d)
    kick = sigma_mag * math.sqrt(1 - keep * keep)
    walk = [random.gauss(0, sigma_mag)]
    for _ in range(days + 1):
        walk.append(walk[-1] * keep + random.gauss(0, kick))
    amplitude = {1: 1.0, 2: 0.85, 3: 0.75}

    def delta_mag(jd: float, fid: int) -> float:
        day = min(max(jd - start_jd, 0.0), days)
        index = int(day)
        return amplitude[fid] * (walk[index] + (walk[index + 1] - walk[index]) * (day - index))

    return delta_mag


def rr_lyrae(period_d: float, epoch_jd: float, amplitude_mag: float) -> Callable[[float, int], float]:
    """A sawtooth of zero mean: 15 % of the period to rise, the rest to fade; smaller amplitude in the red."""
    scale = {1: 1.0, 2: 0.7, 3: 0.55}

    def delta_mag(jd: float, fid: int) -> float:
        phase = (jd - epoch_jd) / period_d % 1.0
        level = 1 - phase / 0.15 if phase < 0.15 else (phase - 0.15) / 0.85
        return amplitude_mag * scale[fid] * (level - 0.5)

    return delta_mag


def eclipsing_binary(period_d: float, epoch_jd: float, depth_mag: float) -> Callable[[float, int], float]:
    """Two eclipses per period, each a tenth of it long, the second shallower; the same in all bands."""

    def delta_mag(jd: float, _fid: int) -> float:
        phase = (jd - epoch_jd) / period_d % 1.0
        from_primary = min(phase, 1 - phase)
        from_secondary = abs(phase - 0.5)
        if from_primary < 0.05:
            return depth_mag * (1 - from_primary / 0.05)
        return 0.4 * depth_mag * max(0.0, 1 - from_secondary / 0.05)

    return delta_mag
