"""Directions on the sky, J2000, in degrees. Pure, and without the heavy libraries."""

import math
from collections.abc import Sequence
from statistics import median

_Vector = tuple[float, float, float]


def median_position(positions: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Median of one or more (ra_deg, dec_deg), right across RA 0 and at the poles; 0 ≤ ra_deg < 360.

    The medians are those of longitude and latitude in a frame whose equator runs through the middle of the
    positions: beside a pole or RA 0 the right ascensions themselves have no middle. For points within an arcminute
    the result is that of the plain medians to better than 0.01 arcsec.
    """
    vectors = [_vector(math.radians(ra_deg), math.radians(dec_deg)) for ra_deg, dec_deg in positions]
    x, y, z = (median(axis) for axis in zip(*vectors, strict=True))
    ra, dec = math.atan2(y, x), math.atan2(z, math.hypot(x, y))
    middle, east, north = _vector(ra, dec), _vector(ra + math.pi / 2, 0.0), _vector(ra, dec + math.pi / 2)
    turned = [(_dot(vector, middle), _dot(vector, east), _dot(vector, north)) for vector in vectors]
    lon = median(math.atan2(v, u) for u, v, _ in turned)
    lat = median(math.atan2(w, math.hypot(u, v)) for u, v, w in turned)
    u, v, w = _vector(lon, lat)
    x, y, z = (u * a + v * b + w * c for a, b, c in zip(middle, east, north, strict=True))
    ra_deg = math.degrees(math.atan2(y, x)) % 360.0
    # The remainder of a tiny negative angle is rounded to 360.
    return ra_deg if ra_deg < 360.0 else 0.0, math.degrees(math.atan2(z, math.hypot(x, y)))


def _vector(lon: float, lat: float) -> _Vector:
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


def _dot(one: _Vector, other: _Vector) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
