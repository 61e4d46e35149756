"""Features of curves whose answers are known, and what must change nothing."""

import math
import random
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.features import Features, features_of
from ampel_watch.features.rates import rate_of
from ampel_watch.lightcurve import LightCurve, UpperLimit
from tests.features.curves import CANDID, START, at, curve, curves, limit, shifted

NOW = START + 70
AGES = {"age_d", "limit_age_d"}
DATES = {"jd", "peak_jd"}
LIMITS = {"last_limit_mag", "last_limit_band", "limit_age_d"}
POSITION = {"ra_deg", "dec_deg", "gal_l_deg", "gal_b_deg", "ecl_lon_deg", "ecl_b_deg", "position_scatter_arcsec"}


def measured(*detections, now: float = NOW, **parts) -> Features:
    return features_of(curve(*detections, **parts), now)


def without(features: Features, *names: str) -> dict:
    return {name: value for name, value in asdict(features).items() if name not in names}


def assert_same(one: dict, other: dict, tolerance: float = 1e-6):
    assert one.keys() == other.keys()
    for name, value in one.items():
        if isinstance(value, float):
            assert other[name] == pytest.approx(value, abs=tolerance), name
        else:
            assert other[name] == value, name


class TestExplicitCurves:
    def test_nothing(self):
        features = measured()
        assert without(features, "ndet", "ndet_g", "ndet_r", "ndet_i", "nneg") == without(
            Features(), "ndet", "ndet_g", "ndet_r", "ndet_i", "nneg"
        )
        assert (features.ndet, features.ndet_g, features.ndet_r, features.ndet_i, features.nneg) == (0, 0, 0, 0, 0)

    def test_limits_alone_say_nothing(self):
        assert measured(limits=[limit(0), limit(1)]) == measured()

    def test_negatives_alone_give_a_number_and_a_position_no_brightness(self):
        features = measured(negatives=[at(0, 18.0), at(1, 17.0)])
        assert features.nneg == 2
        assert (features.ra_deg, features.dec_deg) == pytest.approx((150.0, 20.0))
        assert without(features, "nneg", *POSITION) == without(measured(), "nneg", *POSITION)

    def test_one_point_has_no_rate_no_colour_and_no_scatter(self):
        features = measured(at(0, 18.4, "g", err=0.07, drb=0.9, rb=0.8), now=START + 3)
        assert (features.mag, features.mag_err, features.band, features.jd) == (18.4, 0.07, "g", START)
        assert (features.mag_g, features.mag_g_err, features.mag_r) == (18.4, 0.07, None)
        assert (features.peak_mag, features.peak_mag_err, features.peak_mag_g) == (18.4, 0.07, 18.4)
        assert (features.drb, features.rb, features.age_d, features.ndet) == (0.9, 0.8, 3.0, 1)
        assert (features.rise_rate_mag_d, features.decline_rate_mag_d, features.color_gr) == (None, None, None)
        assert features.position_scatter_arcsec is None

    def test_rising(self):
        features = measured(*(at(day, 20 - 0.3 * day) for day in range(8)))
        assert features.rise_rate_mag_d == pytest.approx(0.3)
        assert features.rise_rate_r_mag_d == features.rise_rate_mag_d
        assert features.decline_rate_mag_d is None, "the peak is now"
        assert features.peak_mag == features.mag

    def test_fading(self):
        features = measured(*(at(day, 17 + 0.3 * day) for day in range(8)))
        assert features.rise_rate_mag_d == pytest.approx(-0.3)
        assert features.decline_rate_mag_d == pytest.approx(0.3)
        assert features.decline_rate_err_mag_d == pytest.approx(features.rise_rate_err_mag_d)
        assert (features.peak_mag, features.peak_jd, features.mag) == (17, START, pytest.approx(19.1))

    def test_a_plateau_changes_by_nothing_within_the_errors(self):
        wiggle = [0.02, -0.03, 0.01, 0.03, -0.02, -0.01, 0.0, 0.02]
        features = measured(*(at(2 * day, 18 + wiggle[day]) for day in range(8)))
        assert features.rise_rate_mag_d is not None
        assert features.rise_rate_err_mag_d is not None
        assert abs(features.rise_rate_mag_d) < 2 * features.rise_rate_err_mag_d < 0.05

    def test_rise_and_decline_are_told_apart(self):
        rise = [at(day, 20 - 0.2 * day) for day in range(10)]
        fall = [at(20 + day, 18.2 + 0.05 * day) for day in range(1, 20)]
        features = measured(*rise, at(20, 17.9), *fall)
        assert (features.peak_jd, features.peak_mag) == (START + 20, 17.9)
        assert features.rise_rate_mag_d == pytest.approx(-0.05)
        decline = rate_of([at(20, 17.9), *fall])
        assert decline is not None
        assert features.decline_rate_mag_d == -decline.mag_d > 0

    def test_what_was_before_a_gap_is_not_the_present(self):
        before = [at(day, 20 - 0.2 * day) for day in range(8)]
        features = measured(*before, at(40, 19.0), at(41, 19.1))
        assert features.rise_rate_mag_d == pytest.approx(-0.1)
        assert features.decline_rate_mag_d is None, "nothing is known of the 30 days after the peak"
        alone = measured(*before, at(40, 19.0))
        assert (alone.rise_rate_mag_d, alone.ndet) == (None, 9)

    def test_windows_include_their_ends(self):
        assert measured(at(0, 19.0), at(10, 18.0)).rise_rate_mag_d == pytest.approx(0.1)
        assert measured(at(0, 19.0), at(10.0625, 18.0)).rise_rate_mag_d is None
        assert measured(at(0, 18.0), at(30, 19.5)).decline_rate_mag_d == pytest.approx(0.05)
        assert measured(at(0, 18.0), at(30.0625, 19.5)).decline_rate_mag_d is None


class TestBands:
    def test_the_overall_rate_is_that_of_the_newest_band(self):
        green = [at(day, 19 - 0.1 * day, "g") for day in range(5)]
        red = [at(day + 0.25, 18 + 0.2 * day, "r") for day in range(5)]
        features = measured(*green, *red)
        assert features.band == "r"
        assert features.rise_rate_g_mag_d == pytest.approx(0.1)
        assert features.rise_rate_mag_d == features.rise_rate_r_mag_d == pytest.approx(-0.2)
        assert features.rise_rate_err_mag_d == features.rise_rate_r_err_mag_d
        assert features.rise_rate_i_mag_d is None
        assert (features.peak_mag, features.peak_band, features.peak_mag_g) == (18, "r", pytest.approx(18.6))

    def test_a_newest_band_of_one_point_has_no_overall_rate(self):
        features = measured(*(at(day, 19.0 - day / 10, "g") for day in range(5)), at(5, 18.0, "i"))
        assert features.rise_rate_mag_d is None
        assert features.rise_rate_g_mag_d == pytest.approx(0.1)

    def test_detections_are_counted_per_band(self):
        features = measured(at(0, 19.0, "g"), at(1, 19.0, "r"), at(2, 19.0, "r"), negatives=[at(3, 19.0, "i")])
        assert (features.ndet, features.ndet_g, features.ndet_r, features.ndet_i, features.nneg) == (3, 1, 2, 0, 1)

    def test_of_equally_bright_points_the_first_is_the_peak(self):
        assert measured(at(0, 19.0), at(1, 18.0), at(2, 18.0)).peak_jd == START + 1


class TestColour:
    def test_it_is_green_minus_red_with_both_errors(self):
        features = measured(at(0, 18.9, "g", err=0.03), at(0.0625, 18.5, "r", err=0.04))
        assert features.color_gr == pytest.approx(0.4)
        assert features.color_gr_err == pytest.approx(0.05)

    @pytest.mark.parametrize(("apart", "known"), [(0.5, True), (-0.5, True), (0.5625, False), (-0.5625, False)])
    def test_the_two_are_of_one_night(self, apart, known):
        assert (measured(at(0, 18.9, "g"), at(apart, 18.5, "r")).color_gr is not None) is known

    def test_the_newest_night_counts(self):
        old = at(0, 19.0, "g"), at(0.125, 19.0, "r")
        new = at(3, 18.6, "g"), at(3.25, 18.5, "r")
        assert measured(*old, *new, at(9, 18.0, "r")).color_gr == pytest.approx(0.1)

    def test_of_one_night_the_nearest_two_count(self):
        night = at(0, 19.0, "g"), at(0.0625, 18.9, "r"), at(0.25, 18.0, "r"), at(0.3125, 18.5, "i")
        assert measured(*night).color_gr == pytest.approx(0.1)

    def test_of_equally_near_ones_the_newer_count(self):
        assert measured(at(0, 19.0, "r"), at(0.125, 19.0, "g"), at(0.25, 18.0, "r")).color_gr == pytest.approx(1.0)

    def test_without_an_error_of_one_there_is_none_of_both(self):
        features = measured(at(0, 18.9, "g", err=0.0), at(0.0625, 18.5, "r"))
        assert (features.color_gr, features.color_gr_err) == (pytest.approx(0.4), None)

    @given(curves())
    def test_it_is_that_of_a_search_through_all_pairs(self, whole):
        reds = [point for point in whole.detections if point.band == "r"]
        greens = [point for point in whole.detections if point.band == "g"]
        pairs = [(max(g.jd, r.jd), abs(g.jd - r.jd), g.mag - r.mag) for g in greens for r in reds]
        pairs = [pair for pair in pairs if pair[1] <= 0.5]
        last = max(pairs, default=(0,))[0]
        best = sorted((apart, -end, color) for end, apart, color in pairs if end >= last - 0.5)
        assert features_of(whole, NOW).color_gr == (best[0][2] if best else None)


class TestLimits:
    def test_the_last_limit_before_the_first_detection_counts(self):
        limits = [limit(-9, 21.0), limit(-2, 20.0, "g"), limit(1, 19.0)]
        features = measured(at(0, 18.0), at(2, 17.0), limits=limits, now=START + 5)
        assert (features.last_limit_mag, features.last_limit_band) == (20.0, "g")
        assert (features.limit_age_d, features.age_d) == (7.0, 5.0)

    def test_of_two_at_one_time_the_deeper_counts(self):
        limits = [limit(-1, 20.5, "g"), limit(-1, 20.0, "r")]
        assert measured(at(0, 18.0), limits=limits).last_limit_mag == 20.5

    def test_a_limit_after_or_with_the_first_detection_does_not(self):
        features = measured(at(0, 18.0), limits=[limit(0, 20.0, "g"), limit(3)])
        assert (features.last_limit_mag, features.last_limit_band, features.limit_age_d) == (None, None, None)

    @pytest.mark.parametrize("absurd", [-1006.9, -999.0, 9.9, 25.1, math.nan, math.inf])
    def test_an_absurd_limit_is_none(self, absurd):
        features = measured(at(0, 18.0), limits=[limit(-2, 20.0), limit(-1, absurd)])
        assert features.last_limit_mag == 20.0


class TestNewest:
    def test_scores_and_neighbours_are_those_of_the_newest(self):
        old = at(0, 18.0, drb=0.9, rb=0.8, ssdist_arcsec=2.0, ssname="433")
        features = measured(old, at(1, 18.0, rb=0.5))
        assert (features.drb, features.rb, features.ssdist_arcsec, features.ssname) == (None, 0.5, None, None)
        assert measured(at(-1, 18.0), old).ssname == "433"

    def test_the_star_score_is_the_newest_there_is(self):
        scored = at(0, 18.0, star_score=0.9, star_dist_arcsec=1.0), at(1, 18.0, star_score=0.0, star_dist_arcsec=3.5)
        features = measured(*scored, at(2, 18.0))
        assert (features.star_score, features.star_score_dist_arcsec) == (0.0, 3.5)

    def test_of_two_at_one_time_the_larger_candid_is_the_newer(self):
        pair = at(0, 18.0, "g", candid=CANDID + 1), at(0, 17.0, "r", candid=CANDID)
        assert measured(*pair).candid == measured(*reversed(pair)).candid == CANDID + 1


class TestPosition:
    def test_the_scatter_is_of_the_detections_about_the_median(self):
        places = [(0.0, 0.1), (0.0, -0.1), (0.2, 0.0), (-0.2, 0.0), (0.0, 0.0)]
        points = [at(i, 18.0, ra_deg=150 + x / 3600, dec_deg=y / 3600) for i, (x, y) in enumerate(places)]
        features = measured(*points, at(9, 18.0, ra_deg=None, dec_deg=None))
        assert (features.ra_deg, features.dec_deg) == pytest.approx((150.0, 0.0), abs=1e-9)
        assert features.position_scatter_arcsec == pytest.approx(math.sqrt(0.1 / 5), rel=1e-6)

    def test_without_positions_there_are_no_coordinates(self):
        features = measured(at(0, 18.0, ra_deg=None, dec_deg=None))
        assert all(getattr(features, name) is None for name in POSITION)

    def test_of_andromeda(self):
        features = measured(at(0, 18.0, ra_deg=10.684708, dec_deg=41.26875))
        assert (features.gal_l_deg, features.gal_b_deg) == pytest.approx((121.174, -21.573), abs=1e-3)
        assert features.ecl_b_deg == pytest.approx(33.349, abs=1e-3)


class TestReprocessing:
    def test_of_one_exposure_only_the_newest_version_counts_anywhere(self):
        old = at(1, 15.0, candid=CANDID + 1, drb=0.1), at(1, 16.0, candid=CANDID + 2)
        new = at(1, 18.4, candid=CANDID + 3)
        features = measured(at(0, 18.9), *old, new, at(2, 17.9))
        assert features == measured(at(0, 18.9), new, at(2, 17.9))
        assert (features.ndet, features.peak_mag) == (3, 17.9)

    def test_negatives_too_are_counted_once_per_exposure(self):
        features = measured(negatives=[at(0, 18.0, candid=CANDID + 1), at(0, 18.1, candid=CANDID + 2)])
        assert features.nneg == 1


class TestWhatChangesNothing:
    @given(curves(), st.randoms(use_true_random=False))
    def test_the_order_of_the_points(self, whole, dice: random.Random):
        def mixed(part):
            return tuple(dice.sample(part, len(part)))

        assert_same(
            asdict(features_of(whole, NOW)),
            asdict(features_of(LightCurve(*map(mixed, (whole.detections, whole.negatives, whole.limits))), NOW)),
            1e-12,
        )

    @given(curves())
    def test_the_same_points_twice(self, whole):
        twice = LightCurve(whole.detections * 2, whole.negatives * 2, whole.limits * 2)
        assert_same(asdict(features_of(whole, NOW)), asdict(features_of(twice, NOW)), 1e-9)

    @given(curves(), st.integers(-5, -1))
    def test_older_versions_of_each_detection(self, whole, older):
        versions = tuple(replace(point, candid=point.candid + older, mag=12.0) for point in whole.detections)
        more = replace(whole, detections=versions + whole.detections)
        assert_same(without(features_of(whole, NOW), *POSITION), without(features_of(more, NOW), *POSITION), 1e-12)

    @given(curves(), st.lists(st.tuples(st.integers(0, 70), st.sampled_from("gri")), max_size=9))
    def test_limits_but_for_the_last_before_the_first_detection(self, whole, more):
        extended = replace(whole, limits=whole.limits + tuple(limit(day, 20.0, band) for day, band in more))
        one, other = features_of(whole, NOW), features_of(extended, NOW)
        assert without(one, *LIMITS) == without(other, *LIMITS)

    @given(curves(), curves())
    def test_negatives_but_for_their_number_and_the_position(self, whole, other):
        extended = replace(whole, negatives=other.negatives)
        one, two = features_of(whole, NOW), features_of(extended, NOW)
        assert without(one, "nneg", *POSITION) == without(two, "nneg", *POSITION)

    @given(curves(), st.sampled_from([-999.0, 999.0, 1e300, math.nan, math.inf, -math.inf]))
    def test_points_that_are_no_measurement(self, whole, mag):
        absurd = at(61, mag, ra_deg=None, dec_deg=None)
        undated = replace(at(61, 18.0, ra_deg=None, dec_deg=None), jd=math.nan)
        more = LightCurve(
            (absurd, *whole.detections, undated),
            (absurd, *whole.negatives),
            (UpperLimit(math.nan, "r", 20.0), *whole.limits, limit(-1, -999.0)),
        )
        assert features_of(more, NOW) == features_of(whole, NOW)

    @given(curves(), st.integers(-700, 900))
    def test_the_date_but_for_the_dates(self, whole, days):
        one, other = features_of(whole, NOW), features_of(shifted(whole, days=days), NOW + days)
        assert_same(without(one, *DATES), without(other, *DATES))
        assert (one.jd is None) == (other.jd is None)
        assert one.jd is None or other.jd == one.jd + days

    @given(curves(), st.floats(0, 1e4))
    def test_the_time_that_passes_but_for_the_ages(self, whole, days):
        one, other = features_of(whole, NOW), features_of(whole, NOW + days)
        assert without(one, *AGES) == without(other, *AGES)
        for name in AGES:
            was, now = getattr(one, name), getattr(other, name)
            assert (now is None) == (was is None)
            assert now is None or now == pytest.approx(was + days)

    @given(curves(), st.integers(-64, 64).map(lambda steps: steps / 32))
    def test_a_constant_factor_of_brightness_but_for_the_magnitudes(self, whole, mag):
        one, other = asdict(features_of(whole, NOW)), asdict(features_of(shifted(whole, mag=mag), NOW))
        moved = {"mag", "mag_g", "mag_r", "mag_i"}
        moved |= {f"peak_{name}" for name in moved}
        for name in moved:
            assert (one[name] is None) == (other[name] is None)
            assert one[name] is None or other[name] == pytest.approx(one[name] + mag)
        assert_same(*({name: value for name, value in each.items() if name not in moved} for each in (one, other)))


@given(curves(), st.floats())
def test_no_number_is_ever_nan_or_infinite(whole, now):
    numbers = [value for value in asdict(features_of(whole, now)).values() if isinstance(value, float)]
    assert all(map(math.isfinite, numbers))


@given(curves())
def test_every_band_has_the_rate_of_its_last_ten_days(whole):
    features = asdict(features_of(whole, NOW))
    for band in "gri":
        points = [point for point in whole.detections if point.band == band]
        newest = max((point.jd for point in points), default=0)
        expected = rate_of([point for point in points if point.jd >= newest - 10])
        assert features[f"rise_rate_{band}_mag_d"] == (expected.mag_d if expected else None)
        peak = min(points, key=lambda point: (point.mag, point.jd), default=None)
        after = [point for point in points if peak and peak.jd <= point.jd <= peak.jd + 30]
        expected = rate_of(after)
        assert features[f"decline_rate_{band}_mag_d"] == (-expected.mag_d if expected else None)


def test_the_errors_tell_how_far_the_rate_is_off():
    generator = np.random.default_rng(20261122)
    offs = []
    for _ in range(300):
        flux = 40 * 10 ** (0.4 * 0.15 * np.arange(8.0))  # µJy, rising 0.15 mag/d
        seen = flux + generator.normal(0, 4, flux.size)
        points = [
            at(day, 23.9 - 2.5 * math.log10(value), err=4 / value * 2.5 / math.log(10))
            for day, value in enumerate(map(float, seen))
        ]
        features = measured(*points)
        assert features.rise_rate_mag_d is not None
        assert features.rise_rate_err_mag_d is not None
        offs.append((features.rise_rate_mag_d - 0.15) / features.rise_rate_err_mag_d)
    assert abs(np.mean(offs)) < 0.25
    assert 0.75 < np.std(offs) < 1.15, "a little below 1: the scatter only ever adds to the error"


def test_the_heavy_libraries_wait_for_the_first_measurement():
    code = "import sys, ampel_watch.features; print({'numpy', 'erfa', 'astropy', 'scipy'} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
