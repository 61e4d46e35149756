"""Circles on the sky: what identifies one, angular distances, and the HEALPix pixels that cover many of them. Pure.

Pixels are in nested order. A circle is covered by every pixel whose centre is within its radius and the largest
distance from a pixel's centre to its corner: that is a few pixels too many, and never one too few.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

FINEST_NSIDE = 8192  # the archive knows no finer grid; its pixels are 26″ wide
_PIXEL_WIDTH_ARCSEC = math.degrees(math.sqrt(math.pi / 3)) * 3600  # times 1/nside: the root of a pixel's area
_WIDE_ARCSEC = 600.0
# The width of a pixel, in radii of the circle, is at least this: few pixels for each of many small circles, and not
# much sky around a wide one.
_COARSE, _FINE = 1 / 2, 1 / 8
_MARGIN_ARCSEC = 0.5  # a point at the edge of a pixel may be rounded into the next one


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle on the sky, J2000."""

    ra_deg: float
    dec_deg: float
    radius_arcsec: float

    @property
    def key(self) -> str:
        """What identifies the circle: its geometry, to 4 mas."""
        ra_deg, dec_deg = round(self.ra_deg % 360, 6) % 360, round(self.dec_deg, 6) + 0.0  # never -0
        return f"{ra_deg:.6f} {dec_deg:+.6f} {self.radius_arcsec:g}"

    def distance_arcsec(self, ra_deg: float, dec_deg: float) -> float:
        """The angle between a direction and the centre."""
        return separation_arcsec(self.ra_deg, self.dec_deg, ra_deg, dec_deg)


def separation_arcsec(ra1_deg: float, dec1_deg: float, ra2_deg: float, dec2_deg: float) -> float:
    """The angle between two directions (haversine formula, exact for small angles)."""
    dec1, dec2 = math.radians(dec1_deg), math.radians(dec2_deg)
    half_ra = math.radians(ra2_deg - ra1_deg) / 2
    square = math.sin((dec2 - dec1) / 2) ** 2 + math.cos(dec1) * math.cos(dec2) * math.sin(half_ra) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(square)))) * 3600


def nside_for(radius_arcsec: float) -> int:
    """The grid that suits a circle: its pixels are not much smaller than the circle."""
    least_arcsec = radius_arcsec * (_COARSE if radius_arcsec <= _WIDE_ARCSEC else _FINE)
    most = _PIXEL_WIDTH_ARCSEC / least_arcsec
    return min(FINEST_NSIDE, 1 << max(0, math.floor(math.log2(most))))


@lru_cache(maxsize=50_000)
def pixels_of(circle: Circle) -> tuple[int, ...]:
    """The pixels, of the grid `nside_for` its radius, that cover a circle."""
    from astropy import units
    from astropy_healpix import HEALPix

    nside = nside_for(circle.radius_arcsec)
    grid = HEALPix(nside, order="nested")
    corner_arcsec = _most_to_corner_arcsec(nside)
    # The library's own search misses pixels that a small circle just touches, so it is asked for a larger one.
    around = grid.cone_search_lonlat(
        circle.ra_deg * units.deg,
        circle.dec_deg * units.deg,
        (circle.radius_arcsec + 2 * corner_arcsec) * units.arcsec,
    )
    ra, dec = grid.healpix_to_lonlat(around)
    reach_arcsec = circle.radius_arcsec + corner_arcsec + _MARGIN_ARCSEC
    centres = zip(around.tolist(), ra.deg.tolist(), dec.deg.tolist(), strict=True)
    return tuple(sorted(pixel for pixel, *centre in centres if circle.distance_arcsec(*centre) <= reach_arcsec))


def _most_to_corner_arcsec(nside: int) -> float:
    """The largest distance from a pixel's centre to its corner: that of the pixels at the edge of a polar cap.

    The centre is taken for z = 2/3, as in the HEALPix library (`max_pixrad`): Górski et al. 2005, ApJ 622, 759.
    """
    dec_centre = math.degrees(math.asin(2 / 3))
    dec_corner = math.degrees(math.asin(1 - (1 - 1 / nside) ** 2 / 3))
    return separation_arcsec(45 / nside, dec_centre, 0.0, dec_corner)


class Cover:
    """Some circles, and the pixels that cover them.

    Attributes
    ----------
    regions: nside → pixels, sorted; never empty.
    """

    def __init__(self, circles: Sequence[Circle]) -> None:
        self.circles = tuple(circles)
        self._circles_at: dict[int, dict[int, list[Circle]]] = defaultdict(lambda: defaultdict(list))
        for circle in circles:
            for pixel in pixels_of(circle):
                self._circles_at[nside_for(circle.radius_arcsec)][pixel].append(circle)

    @property
    def regions(self) -> Mapping[int, tuple[int, ...]]:
        """The pixels to ask for."""
        return {nside: tuple(sorted(pixels)) for nside, pixels in self._circles_at.items()}

    def holding(self, directions: Sequence[tuple[float, float]]) -> list[list[tuple[Circle, float]]]:
        """For each direction (ra, dec in degrees) the circles that hold it, with its distance in arcsec."""
        if not directions:
            return []
        found: list[list[tuple[Circle, float]]] = [[] for _ in directions]
        for nside, circles_at in self._circles_at.items():
            for here, direction, pixel in zip(found, directions, _pixels_at(nside, directions), strict=True):
                distances = ((circle, circle.distance_arcsec(*direction)) for circle in circles_at.get(pixel, ()))
                here += [(circle, arcsec) for circle, arcsec in distances if arcsec <= circle.radius_arcsec]
        return found


def covers_of(circles: Iterable[Circle], most_pixels: int) -> Iterator[Cover]:
    """The circles in lists whose pixels are at most so many together, each with those pixels."""
    batch: list[Circle] = []
    count = 0
    for circle in circles:
        pixels = len(pixels_of(circle))
        if batch and count + pixels > most_pixels:
            yield Cover(batch)
            batch, count = [], 0
        batch.append(circle)
        count += pixels
    if batch:
        yield Cover(batch)


def _pixels_at(nside: int, directions: Sequence[tuple[float, float]]) -> list[int]:
    """The pixel of each direction."""
    import numpy as np
    from astropy import units
    from astropy_healpix import HEALPix

    ra_deg, dec_deg = np.array(directions).T
    pixels = HEALPix(nside, order="nested").lonlat_to_healpix(ra_deg * units.deg, dec_deg * units.deg)
    return list(map(int, pixels))
