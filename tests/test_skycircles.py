import math
import subprocess
import sys

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import angular_separation
from astropy_healpix import HEALPix
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ampel_watch.sandbox.geometry import healpix_nested
from ampel_watch.skycircles import (
    FINEST_NSIDE,
    Circle,
    Cover,
    covers_of,
    nside_for,
    pixels_of,
    separation_arcsec,
)

ras = st.floats(0, 360, exclude_max=True) | st.sampled_from([0.0, 45.0, 90.0, 270.0, 359.9999999])
# Pixels change their shape at |sin dec| = 2/3, and meet at the poles.
decs = st.floats(-90, 90) | st.sampled_from([-90.0, 90.0, 0.0, 41.8103149, -41.8103149, 89.9999])
radii = st.floats(-1, math.log10(36000)).map(lambda power: 10**power)
circles = st.builds(Circle, ras, decs, radii)


def point_in(circle: Circle, part: float, angle: float) -> tuple[float, float]:
    """The direction at a part of the circle's radius, at a position angle (radians)."""
    away, dec0 = math.radians(circle.radius_arcsec * part / 3600), math.radians(circle.dec_deg)
    sin_dec = math.sin(dec0) * math.cos(away) + math.cos(dec0) * math.sin(away) * math.cos(angle)
    y, x = math.sin(angle) * math.sin(away) * math.cos(dec0), math.cos(away) - math.sin(dec0) * sin_dec
    dec_deg = math.degrees(math.asin(max(-1.0, min(1.0, sin_dec))))
    return (circle.ra_deg + math.degrees(math.atan2(y, x))) % 360, dec_deg


@given(circles, st.floats(0, 1), st.floats(0, 2 * math.pi))
@example(Circle(82.815758, -69.825513, 1.0), 1.0, 0.0)
def test_every_point_of_a_circle_is_in_its_pixels(circle, part, angle):
    ra_deg, dec_deg = point_in(circle, part, angle)
    nside = nside_for(circle.radius_arcsec)
    pixel = HEALPix(nside, order="nested").lonlat_to_healpix(ra_deg * units.deg, dec_deg * units.deg)
    assert int(pixel) in pixels_of(circle)
    assert healpix_nested(nside, ra_deg, dec_deg) in pixels_of(circle)


@given(circles)
def test_a_circle_takes_few_pixels_of_a_grid_that_the_archive_knows(circle):
    nside = nside_for(circle.radius_arcsec)
    pixels = pixels_of(circle)
    assert nside <= FINEST_NSIDE
    assert nside & (nside - 1) == 0
    assert 1 <= len(pixels) <= 350
    assert len(set(pixels)) == len(pixels)
    assert all(0 <= pixel < 12 * nside**2 for pixel in pixels)


@pytest.mark.parametrize(("radius_arcsec", "at_most"), [(1, 7), (3, 8), (10, 12), (60, 40)])
def test_a_source_takes_a_handful_of_pixels(radius_arcsec, at_most):
    assert all(len(pixels_of(Circle(ra, 0.7 * ra - 80, radius_arcsec))) <= at_most for ra in range(0, 230, 7))


@given(ras, decs, ras, decs)
def test_separations_are_those_of_astropy(ra1, dec1, ra2, dec2):
    known = angular_separation(*np.radians([ra1, dec1, ra2, dec2]))
    # The haversine formula has no more digits than this at the antipodes.
    assert separation_arcsec(ra1, dec1, ra2, dec2) == pytest.approx(np.degrees(known) * 3600, abs=1e-2, rel=1e-9)


@given(circles)
def test_the_key_of_a_circle_is_its_geometry(circle):
    ra, dec, radius = map(float, circle.key.split())
    assert separation_arcsec(ra, dec, circle.ra_deg, circle.dec_deg) < 0.01
    assert radius == pytest.approx(circle.radius_arcsec, rel=1e-5)
    assert len(circle.key) <= 64
    assert Circle(ra, dec, radius).key == circle.key


def test_a_circle_has_one_key_however_its_numbers_are_written():
    assert (
        Circle(0, 0, 3).key
        == Circle(360.0, -0.0, 3.0).key
        == Circle(359.99999999, -1e-9, 3).key
        == "0.000000 +0.000000 3"
    )


@given(st.lists(circles, min_size=1, max_size=6), st.integers(0, 5), st.floats(0, 2), st.floats(0, 2 * math.pi))
def test_a_direction_is_held_by_the_circles_that_it_is_in(some, number, part, angle):
    circle = some[number % len(some)]
    ra_deg, dec_deg = point_in(circle, part, angle)
    assume(abs(part - 1) > 1e-6)
    [found] = Cover(some).holding([(ra_deg, dec_deg)])
    expected = [(c, arcsec) for c in some if (arcsec := c.distance_arcsec(ra_deg, dec_deg)) <= c.radius_arcsec]
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert (circle in [held for held, _ in found]) == (part < 1)


@given(st.lists(circles, max_size=20), st.integers(1, 100))
def test_covers_hold_every_circle_once_and_few_pixels(some, most):
    covers = list(covers_of(some, most))
    assert [circle for cover in covers for circle in cover.circles] == some
    for cover in covers:
        assert cover.regions
        assert all(cover.regions.values())
        count = sum(map(len, cover.regions.values()))
        assert count <= most or len(cover.circles) == 1


def test_nothing_is_held_where_nothing_is():
    cover = Cover([Circle(10, 10, 5)])
    assert cover.holding([]) == []
    assert cover.holding([(200.0, -40.0)]) == [[]]


def test_the_heavy_libraries_are_loaded_only_when_pixels_are_reckoned():
    program = (
        "import sys, ampel_watch.pipeline.cone_search; print([m for m in ('astropy', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
