import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.sandbox.geometry import healpix_nested, offset, separation_deg

RA = st.floats(0, 359.999)
DEC = st.floats(-89, 89)


def test_one_degree_along_the_equator_is_one_degree() -> None:
    assert separation_deg(359.5, 0, 0.5, 0) == pytest.approx(1)
    assert separation_deg(10, -90, 200, -90) == pytest.approx(0, abs=1e-9)


@given(RA, st.floats(-80, 80), st.floats(-20, 20), st.floats(-20, 20))
def test_an_offset_is_as_far_away_as_it_says(ra: float, dec: float, east: float, north: float) -> None:
    there = offset(ra, dec, east, north)
    assert separation_deg(ra, dec, *there) * 3600 == pytest.approx(math.hypot(east, north), abs=0.02)


def test_the_pixel_of_a_recorded_alert_is_the_one_that_the_archive_found_it_in() -> None:
    assert healpix_nested(64, 15.95263, 45.03046) == 2678


@given(RA, DEC, st.sampled_from([1, 2, 64, 4096]))
def test_pixels_lie_within_the_sphere_and_nest(ra: float, dec: float, nside: int) -> None:
    pixel = healpix_nested(nside, ra, dec)
    assert 0 <= pixel < 12 * nside * nside
    assert healpix_nested(2 * nside, ra, dec) // 4 == pixel


def test_every_base_pixel_has_its_share_of_the_sky() -> None:
    counts = [0] * 12
    for i in range(3000):  # a spiral that covers the sphere evenly
        dec = math.degrees(math.asin(2 * (i + 0.5) / 3000 - 1))
        counts[healpix_nested(1, i * 137.50776405 % 360, dec)] += 1
    assert all(abs(count - 250) < 12 for count in counts)
