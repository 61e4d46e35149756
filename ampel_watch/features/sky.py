"""Where a position is in the sky. Pure; loads erfa. All angles are degrees unless named otherwise."""

import math
from collections.abc import Sequence

import erfa

J2000_JD = 2451545.0


def galactic_deg(ra_deg: float, dec_deg: float) -> tuple[float, float]:
    """Galactic (l, b) of an ICRS position (ESA 1997, SP-1200, vol. 1, sect. 1.5.3; `eraIcrs2g`)."""
    longitude, latitude = erfa.icrs2g(math.radians(ra_deg), math.radians(dec_deg))
    return math.degrees(longitude), math.degrees(latitude)


def ecliptic_deg(ra_deg: float, dec_deg: float) -> tuple[float, float]:
    """Ecliptic (longitude, latitude), mean ecliptic and equinox of J2000.0, IAU 2006 (`eraEqec06`)."""
    longitude, latitude = erfa.eqec06(J2000_JD, 0.0, math.radians(ra_deg), math.radians(dec_deg))
    return math.degrees(longitude), math.degrees(latitude)


def scatter_arcsec(center: tuple[float, float], positions: Sequence[tuple[float, float]]) -> float | None:
    """The rms angle of positions from a center, each (ra, dec); None of fewer than two.

    The rms, not a robust measure: a source that moves, or a wrong association, is what it is asked for.
    """
    if len(positions) < 2:
        return None
    ra, dec = math.radians(center[0]), math.radians(center[1])
    angles = [erfa.seps(ra, dec, math.radians(a), math.radians(d)) for a, d in positions]
    return math.degrees(math.sqrt(math.fsum(angle * angle for angle in angles) / len(angles))) * 3600
