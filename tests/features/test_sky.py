"""Coordinates and angles: those of astropy, everywhere."""

import math

import pytest
from astropy import units as u
from astropy.coordinates import BarycentricMeanEcliptic, SkyCoord
from hypothesis import example, given
from hypothesis import strategies as st

from ampel_watch.features.sky import ecliptic_deg, galactic_deg, scatter_arcsec

RA = st.floats(0, 360, exclude_max=True)
DEC = st.floats(-90, 90)
FRAME_BIAS_DEG = 0.025 / 3600
"""astropy defines the galactic pole in FK5, erfa in the ICRS."""


def apart_deg(one, other):
    return SkyCoord(*one, unit="deg").separation(SkyCoord(*other, unit="deg")).deg


@given(RA, DEC)
@example(192.85948, 27.12825)  # the galactic pole
@example(266.4051, -28.936175)  # the galactic centre
@example(0.0, 90.0)
@example(359.99999999, -90.0)
def test_galactic_coordinates_are_those_of_astropy(ra_deg, dec_deg):
    expected = SkyCoord(ra_deg, dec_deg, unit="deg").galactic
    assert apart_deg(galactic_deg(ra_deg, dec_deg), (expected.l.deg, expected.b.deg)) < FRAME_BIAS_DEG


@given(RA, DEC)
@example(0.0, 0.0)
@example(270.0, 66.56)
def test_ecliptic_coordinates_are_those_of_astropy(ra_deg, dec_deg):
    expected = SkyCoord(ra_deg, dec_deg, unit="deg").transform_to(BarycentricMeanEcliptic(equinox="J2000"))
    assert apart_deg(ecliptic_deg(ra_deg, dec_deg), (expected.lon.deg, expected.lat.deg)) < 0.001 / 3600


@given(RA, DEC)
def test_longitudes_are_of_0_to_360_and_latitudes_of_90(ra_deg, dec_deg):
    for longitude, latitude in (galactic_deg(ra_deg, dec_deg), ecliptic_deg(ra_deg, dec_deg)):
        assert 0 <= longitude <= 360
        assert -90 <= latitude <= 90


PLACES = st.lists(st.tuples(RA, DEC), min_size=2, max_size=5)


@given(RA, DEC, PLACES)
@example(0.0, 0.0, [(359.9999, 0.0), (0.0001, 0.0)])
@example(10.0, 90.0, [(190.0, 89.9999), (10.0, 89.9999)])
def test_the_scatter_is_the_rms_of_astropys_separations(ra_deg, dec_deg, places):
    center = SkyCoord(ra_deg, dec_deg, unit="deg")
    angles = center.separation(SkyCoord([p[0] for p in places], [p[1] for p in places], unit="deg")).to(u.arcsec)
    expected = math.sqrt(sum(float(angle.value) ** 2 for angle in angles) / len(places))
    assert scatter_arcsec((ra_deg, dec_deg), places) == pytest.approx(expected, rel=1e-9, abs=1e-7)


def test_a_tenth_of_an_arcsecond_is_resolved():
    tenth = 0.1 / 3600
    assert scatter_arcsec((150.0, 0.0), [(150.0, tenth), (150.0, -tenth)]) == pytest.approx(0.1)
    assert scatter_arcsec((150.0, 60.0), [(150 + 2 * tenth, 60.0), (150 - 2 * tenth, 60.0)]) == pytest.approx(0.1)


@pytest.mark.parametrize("places", [[], [(1.0, 2.0)]])
def test_one_position_does_not_scatter(places):
    assert scatter_arcsec((1.0, 2.0), places) is None
