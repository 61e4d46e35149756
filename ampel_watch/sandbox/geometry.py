"""Small spherical geometry: distances, offsets and HEALPix pixels. Angles are degrees unless named otherwise."""

import math


def separation_deg(ra1_deg: float, dec1_deg: float, ra2_deg: float, dec2_deg: float) -> float:
    """Angle between two directions (haversine formula, exact for small angles)."""
    dec1, dec2 = math.radians(dec1_deg), math.radians(dec2_deg)
    half_ra = math.radians(ra2_deg - ra1_deg) / 2
    root = math.sin((dec2 - dec1) / 2) ** 2 + math.cos(dec1) * math.cos(dec2) * math.sin(half_ra) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(root))))


def offset(ra_deg: float, dec_deg: float, east_arcsec: float, north_arcsec: float) -> tuple[float, float]:
    """The position a few arcseconds from another one (tangent plane; not for use at the poles)."""
    ra = ra_deg + east_arcsec / 3600 / math.cos(math.radians(dec_deg))
    return round(ra % 360, 7), round(dec_deg + north_arcsec / 3600, 7)


def healpix_nested(nside: int, ra_deg: float, dec_deg: float) -> int:
    """The nested-order HEALPix pixel of a direction (Górski et al. 2005, ApJ 622, 759); `nside` a power of two."""
    z = math.sin(math.radians(dec_deg))
    turns = (ra_deg % 360) / 90
    if abs(z) <= 2 / 3:
        face, x, y = _equatorial(nside, z, turns)
    else:
        face, x, y = _polar(nside, z, turns)
    return face * nside * nside + _interleave(x, y)


def _equatorial(nside: int, z: float, turns: float) -> tuple[int, int, int]:
    """Base face and the pixel within it for |z| ≤ 2/3."""
    ascending = int(nside * (0.5 + turns - 0.75 * z))
    descending = int(nside * (0.5 + turns + 0.75 * z))
    up, down = ascending // nside, descending // nside
    faces = ((up % 4, up < down), (down % 4 + 8, up > down), (up % 4 + 4, True))
    face = next(face for face, holds in faces if holds)
    return face, descending % nside, nside - 1 - ascending % nside


def _polar(nside: int, z: float, turns: float) -> tuple[int, int, int]:
    """Base face and the pixel within it for the polar caps."""
    quarter = min(3, int(turns))
    along = turns - quarter
    width = nside * math.sqrt(3 * (1 - abs(z)))
    first = min(nside - 1, int(along * width))
    second = min(nside - 1, int((1 - along) * width))
    if z > 0:
        return quarter, nside - 1 - second, nside - 1 - first
    return quarter + 8, first, second


def _interleave(x: int, y: int) -> int:
    """The bits of x in the even places and those of y in the odd ones."""
    return sum(((x >> bit & 1) << 2 * bit) | ((y >> bit & 1) << 2 * bit + 1) for bit in range(14))
