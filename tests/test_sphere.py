import math
from statistics import median

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ampel_watch.sphere import median_position

ARCSEC = 1 / 3600
directions = st.tuples(st.floats(0, 360), st.floats(-90, 90))


def separation_deg(one, other):
    """Haversines: exact for small angles, and another way than the one that is tested."""
    (ra, dec), (ra_2, dec_2) = ((math.radians(a), math.radians(b)) for a, b in (one, other))
    h = math.sin((dec_2 - dec) / 2) ** 2 + math.cos(dec) * math.cos(dec_2) * math.sin((ra_2 - ra) / 2) ** 2
    return math.degrees(2 * math.asin(math.sqrt(min(h, 1))))


@given(directions)
def test_the_median_of_one_position_is_itself(position):
    found = median_position([position])
    assert separation_deg(found, position) < 1e-12
    assert 0 <= found[0] < 360


@given(
    st.floats(1, 359),
    st.floats(-80, 80),
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=30),
)
def test_far_from_the_poles_it_is_the_median_of_each_coordinate(ra, dec, offsets):
    positions = [(ra + x * ARCSEC, dec + y * ARCSEC) for x, y in offsets]
    plain = median(a for a, _ in positions), median(b for _, b in positions)
    assert separation_deg(median_position(positions), plain) < 0.001 * ARCSEC


@given(st.floats(-80, 80), st.lists(st.floats(-3, 3), min_size=1, max_size=30))
def test_right_ascension_zero_is_a_place_like_any_other(dec, offsets):
    across = median_position([(x * ARCSEC % 360, dec) for x in offsets])
    elsewhere = median_position([(180 + x * ARCSEC, dec) for x in offsets])
    assert separation_deg(across, ((elsewhere[0] + 180) % 360, elsewhere[1])) < 1e-9
    assert 0 <= across[0] < 360


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_positions_around_a_pole_have_their_median_at_the_pole(pole):
    ring = [(ra, math.copysign(90 - 0.2 * ARCSEC, pole)) for ra in (10, 100, 190, 280)]
    assert separation_deg(median_position(ring), (0, pole)) < 1e-9
    one_far = [*ring, ring[0], (33.0, math.copysign(89.9, pole))]
    assert separation_deg(median_position(one_far), (0, pole)) < 0.3 * ARCSEC, "one bad point moves a median little"


@given(st.lists(directions, min_size=1, max_size=12), st.randoms())
def test_the_order_of_positions_is_no_matter(positions, random):
    found = median_position(positions)
    random.shuffle(positions)
    assert median_position(positions) == found


@given(directions, st.lists(st.tuples(st.floats(0, 2 * math.pi), st.floats(0, 0.5)), min_size=1, max_size=15))
def test_the_median_lies_among_the_positions_wherever_they_are(center, offsets):
    ra, dec = center
    assume(abs(dec) < 90 - 2 * ARCSEC)
    positions = [
        ((ra + r * math.sin(angle) * ARCSEC / math.cos(math.radians(dec))) % 360, dec + r * math.cos(angle) * ARCSEC)
        for angle, r in offsets
    ]
    assert separation_deg(median_position(positions), center) < 1.5 * ARCSEC


@pytest.mark.parametrize("positions", [[(0.0, 0.0), (180.0, 0.0)], [(0.0, 90.0), (0.0, -90.0)]])
def test_positions_without_a_middle_are_no_error(positions):
    ra_deg, dec_deg = median_position(positions)
    assert 0 <= ra_deg < 360
    assert -90 <= dec_deg <= 90
