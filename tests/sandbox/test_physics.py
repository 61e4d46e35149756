import math
import statistics
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.sandbox import physics
from ampel_watch.sandbox.physics import SN_IA, SN_IBC, SN_IIP, TDE, Explosion, Variable

FIRST_LIGHT = 2461000.0


def at(template: physics.Template, z: float = 0.03) -> Explosion:
    return Explosion(template, FIRST_LIGHT, z)


def peak_day(explosion: Explosion, fid: int) -> float:
    days = [day / 4 for day in range(1, 400)]
    return min(days, key=lambda day: explosion.magnitude(FIRST_LIGHT + day, fid)) / (1 + explosion.z)


def test_distances_agree_with_the_standard_calculator() -> None:
    # Wright's cosmology calculator: H0 = 70, Ωm = 0.3, flat
    assert physics.luminosity_distance_mpc(0.05) == pytest.approx(222.3, rel=0.002)
    assert physics.luminosity_distance_mpc(0.5) == pytest.approx(2832.9, rel=0.002)


@pytest.mark.parametrize(
    ("template", "fid", "rise_d", "peak_mag"),
    [(SN_IA, 1, 18.0, -19.25), (SN_IA, 2, 19.5, -19.15), (SN_IIP, 1, 7.0, -17.0), (SN_IBC, 2, 16.0, -17.5),
     (TDE, 2, 25, -19)],
)  # fmt: skip
def test_types_rise_and_peak_as_in_the_literature(
    template: physics.Template, fid: int, rise_d: float, peak_mag: float
) -> None:
    explosion = at(template)
    assert peak_day(explosion, fid) == pytest.approx(rise_d, abs=0.5)
    brightest = explosion.magnitude(FIRST_LIGHT + rise_d * 1.03, fid)
    assert brightest - physics.distance_modulus_mag(0.03) == pytest.approx(peak_mag, abs=0.02)


def test_a_type_ia_reddens_and_has_a_second_maximum_in_i() -> None:
    explosion = at(SN_IA)

    def colour(day: float) -> float:
        return explosion.magnitude(FIRST_LIGHT + day, 1) - explosion.magnitude(FIRST_LIGHT + day, 2)

    assert colour(18) < 0.1 < 0.8 < colour(45)
    i = [explosion.magnitude(FIRST_LIGHT + 16.5 * 1.03 + day, 3) for day in (0, 17, 27, 45)]
    assert i[0] < i[2] < i[1] < i[3]


def test_a_type_iip_stays_on_its_plateau_and_then_falls() -> None:
    r = [at(SN_IIP).magnitude(FIRST_LIGHT + day, 2) for day in (15, 80, 135)]
    assert r[1] - r[0] < 0.3
    assert r[2] - r[1] > 1.5


def test_a_broader_type_ia_is_brighter() -> None:
    broad, narrow = (Explosion(SN_IA, FIRST_LIGHT, 0.03, stretch=s) for s in (1.1, 0.9))
    assert narrow.magnitude(FIRST_LIGHT + 17, 1) > broad.magnitude(FIRST_LIGHT + 20.5, 1) + 0.25


@given(st.sampled_from([SN_IA, SN_IIP, SN_IBC, TDE]), st.sampled_from([1, 2, 3]), st.floats(0.01, 300))
def test_light_curves_are_continuous_and_dark_before_first_light(
    template: physics.Template, fid: int, day: float
) -> None:
    explosion = at(template)
    assert explosion.difference_flux(FIRST_LIGHT, fid) == 0
    now, then = (explosion.difference_flux(FIRST_LIGHT + day + d, fid) for d in (0, 0.01))
    peak = physics.flux_of(physics.distance_modulus_mag(0.03) - 19.4)
    assert 0 < now <= peak
    assert abs(then - now) < 0.01 * peak


def test_early_light_grows_with_the_square_of_time() -> None:
    early, twice = (at(SN_IA).difference_flux(FIRST_LIGHT + day, 2) for day in (0.25, 0.5))
    assert twice / early == pytest.approx(4, rel=0.05)


@given(st.floats(14, 22))
def test_magnitude_and_flux_are_inverse(mag: float) -> None:
    assert physics.mag_of(physics.flux_of(mag)) == pytest.approx(mag)


def test_a_damped_random_walk_has_the_variance_asked_for_and_is_correlated() -> None:
    delta = physics.damped_random_walk(Random(1), 0, 20_000, sigma_mag=0.2, tau_d=50)
    values = [delta(day, 1) for day in range(0, 20_000, 5)]
    assert statistics.pstdev(values) == pytest.approx(0.2, rel=0.25)
    assert statistics.correlation(values[:-1], values[1:]) == pytest.approx(math.exp(-5 / 50), abs=0.1)
    assert delta(-10, 1) == delta(0, 1)
    assert delta(1e9, 1) == delta(20_000, 1)


def test_rr_lyrae_repeat_rise_fast_and_vary_less_in_the_red() -> None:
    delta = physics.rr_lyrae(0.6, FIRST_LIGHT, 1.0)
    assert delta(FIRST_LIGHT + 0.2, 1) == pytest.approx(delta(FIRST_LIGHT + 60.2, 1))
    assert delta(FIRST_LIGHT, 1) - delta(FIRST_LIGHT + 0.09, 1) == pytest.approx(1.0, abs=0.01)
    assert abs(delta(FIRST_LIGHT, 3)) < abs(delta(FIRST_LIGHT, 1))


def test_eclipses_only_dim_and_the_second_is_shallower() -> None:
    delta = physics.eclipsing_binary(2.0, FIRST_LIGHT, 0.6)
    assert delta(FIRST_LIGHT, 1) == pytest.approx(0.6)
    assert delta(FIRST_LIGHT + 1.0, 1) == pytest.approx(0.24)
    assert delta(FIRST_LIGHT + 0.5, 1) == 0


def test_a_variable_below_its_mean_gives_a_negative_difference() -> None:
    source = Variable({1: 17.0}, lambda jd, fid: 0.5 if jd else -0.5)
    assert source.difference_flux(1, 1) < 0 < source.difference_flux(0, 1)
