"""Rates: right sign and size where the answer is known, as scipy has them elsewhere, and never nonsense."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ampel_watch.features.rates import MIN_SPAN_D, rate_of
from ampel_watch.lightcurve import Detection
from tests.features.curves import CANDID, DAYS, ERRS, START, at, fitted_rate


def constant_rate(rate_mag_d: float, days: int, err: float = 0.05) -> list[Detection]:
    return [at(day, 19.0 - rate_mag_d * day, err=err) for day in range(days)]


@pytest.mark.parametrize("rate_mag_d", [1.0, 0.3, 0.02, 0.0, -0.02, -0.3, -1.0])
def test_a_constant_rate_is_found_with_its_sign(rate_mag_d):
    found = rate_of(constant_rate(rate_mag_d, 9))
    assert found is not None
    assert found.mag_d == pytest.approx(rate_mag_d, abs=1e-9)


def test_two_points_give_their_difference_in_magnitude_per_day():
    found = rate_of([at(0, 20.0, err=0.2), at(4, 18.0, err=0.03)])
    assert found is not None
    assert found.mag_d == pytest.approx(0.5)
    assert found.err_mag_d == pytest.approx(math.hypot(0.2, 0.03) / 4)


def test_an_uncertain_point_counts_little():
    good = constant_rate(0.1, 8, err=0.02)
    found, without = rate_of([*good, at(8, 18.6, err=0.35)]), rate_of(good)
    assert found is not None
    assert without is not None
    assert abs(found.mag_d - without.mag_d) < without.err_mag_d / 4


def test_of_a_source_that_rises_as_a_fireball_the_rate_lies_between_those_of_first_and_last_point():
    days = np.arange(2, 9)
    found = rate_of([at(float(day), 21 - 5 * math.log10(day)) for day in days])
    assert found is not None
    first, last = (5 / math.log(10) / day for day in (days[0], days[-1]))  # |d mag/d t| of flux ∝ t²
    assert last < found.mag_d < first


@st.composite
def noisy_rates(draw) -> list[Detection]:
    """A source that changes at a constant rate for up to 10 days, as it is measured."""
    days = sorted(draw(st.lists(DAYS.filter(lambda day: day <= 10), min_size=2, max_size=12, unique=True)))
    rate = draw(st.integers(-50, 50)) / 100
    errs = [draw(ERRS) for _ in days]
    deviations = [draw(st.integers(-20, 20)) / 10 for _ in days]
    return [at(d, 18.5 - rate * d + err * off, err=err) for d, err, off in zip(days, errs, deviations, strict=True)]


@given(noisy_rates())
def test_rate_and_error_are_those_of_scipy(measured):
    found = rate_of(measured)
    rate, err = fitted_rate(measured)
    assert found is not None
    assert found.mag_d == pytest.approx(rate, rel=1e-5, abs=1e-5)
    assert found.err_mag_d == pytest.approx(err, rel=1e-5)


@given(noisy_rates())
def test_no_other_rate_fits_better(measured):
    found = rate_of(measured)
    assert found is not None
    jd, mag, err = (np.array([getattr(point, name) for point in measured]) for name in ("jd", "mag", "mag_err"))
    flux = 10 ** (-0.4 * (mag - mag.min()))

    def chi2(rate):
        shape = 10 ** (0.4 * rate * (jd - jd.mean()))
        weight = (0.4 * np.log(10) * flux * err) ** -2
        best = (weight * flux * shape).sum() / (weight * shape**2).sum()
        return (weight * (flux - best * shape) ** 2).sum()

    for off in (0.1, 0.5, 1, 3):
        for other in (found.mag_d - off * found.err_mag_d, found.mag_d + off * found.err_mag_d):
            assert chi2(found.mag_d) <= chi2(other) * (1 + 1e-9) + 1e-9


@given(noisy_rates(), st.integers(-400, 400).map(lambda steps: steps / 64))
def test_a_source_brighter_by_a_factor_changes_at_the_same_rate(measured, mag):
    one, other = rate_of(measured), rate_of([replace(point, mag=point.mag + mag) for point in measured])
    assert one is not None
    assert other is not None
    assert other.mag_d == pytest.approx(one.mag_d, abs=1e-7)
    assert other.err_mag_d == pytest.approx(one.err_mag_d, rel=1e-6)


@given(noisy_rates())
def test_the_same_played_backwards_has_the_opposite_sign(measured):
    one, other = rate_of(measured), rate_of([replace(point, jd=2 * START - point.jd) for point in measured])
    assert one is not None
    assert other is not None
    assert other.mag_d == pytest.approx(-one.mag_d, abs=1e-7)


def test_scatter_beyond_the_errors_makes_the_rate_uncertain():
    up_and_down = [at(day, 18.0 + 0.5 * (-1) ** day, err=0.02) for day in range(8)]
    found = rate_of(up_and_down)
    assert found is not None
    assert abs(found.mag_d) < found.err_mag_d
    assert found.err_mag_d > 10 * 0.02 / math.sqrt(8 * 5.25), "the formal error is 20 times smaller than the scatter"


def test_points_that_follow_the_model_better_than_expected_are_no_more_certain():
    found = rate_of(constant_rate(0.0, 8))
    assert found is not None
    assert found.err_mag_d == pytest.approx(0.05 / math.sqrt(8 * 5.25))  # 5.25 d² is the variance of 0…7 d


@pytest.mark.parametrize("days", [(), (0,), (0, 0), (0, MIN_SPAN_D / 2)])
def test_points_of_one_moment_have_no_rate(days):
    assert rate_of([at(day, 19.0 - day) for day in days]) is None


def test_half_an_hour_and_a_little_is_long_enough():
    assert rate_of([at(0, 19.0), at(1 / 32, 18.9)]) is not None


@pytest.mark.parametrize("err", [0.0, -1.0, math.nan, math.inf])
def test_a_point_without_an_error_is_left_out(err):
    assert rate_of([at(0, 19.0), at(1, 18.0, err=err)]) is None
    good = constant_rate(0.2, 4)
    assert rate_of([*good, at(9, 12.0, err=err)]) == rate_of(good)


WILD = st.builds(
    Detection,
    jd=st.floats(0, 1e8),
    band=st.just("r"),
    candid=st.integers(0, CANDID),
    mag=st.floats(-1e6, 1e6),
    mag_err=st.floats(0, allow_infinity=False),
)


@given(st.lists(WILD, max_size=8))
@example([at(0, 14.0, err=0.043), at(0.125, 18.0, err=0.1), at(57, 17.1, err=0.04), at(59, 14.0, err=0.01)])
@example([at(0, 1e6), at(1, -1e6)])
@example([at(0, 19.0, err=1e308), at(1, 19.0, err=1e308)])
@example([at(0, 19.0, err=5e-324), at(1, 18.0, err=5e-324), at(2, 19.0, err=5e-324)])
@example([at(0, 12.0, err=1e-3), at(1, 22.0, err=0.3), at(2, 12.0, err=1e-3), at(3, 22.0, err=0.3)])
def test_whatever_comes_the_rate_is_finite_or_none(wild):
    found = rate_of(wild)
    assert found is None or (math.isfinite(found.mag_d) and math.isfinite(found.err_mag_d))
