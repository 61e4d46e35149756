"""Which part of a light curve is shown."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.lightcurve import Detection, LightCurve, UpperLimit
from ampel_watch.pictures.scene import AFTERWARDS_D, SHOWN_D, all_of, scene_of
from tests.pictures.curves import ALONE, CURVES, NEGATIVE, NEW_JD, OLD, UNSEEN, YOUNG, any_curve, limit, seen


def test_nothing_is_shown_of_nothing():
    assert scene_of(LightCurve()) is None


def test_of_an_old_object_the_last_months_are_shown_and_it_is_said_what_is_not():
    scene = scene_of(OLD, NEW_JD)
    assert min(point.jd for point in all_of(scene.shown)) >= NEW_JD - SHOWN_D
    assert len(scene.shown.detections) == 41
    assert scene.left_out == "not shown: 460 detections, 461 limits since Oct 2021"


def test_of_a_young_object_the_last_days_are_shown_with_the_limits_before_it():
    scene = scene_of(YOUNG, NEW_JD)
    assert scene.shown.detections == YOUNG.detections
    assert [round(point.jd - NEW_JD) for point in scene.shown.limits] == list(range(-12, -2))
    assert scene.left_out == "not shown: 18 limits since Oct 2025"


def test_the_last_limit_before_the_first_detection_is_always_shown():
    curve = LightCurve((seen(0, 19.0),), limits=(limit(-40, 20.0), limit(-25, 20.5)))
    assert scene_of(curve).shown.limits == (limit(-25, 20.5),)


def test_when_all_is_shown_nothing_is_said():
    assert scene_of(ALONE).left_out == ""


def test_limits_that_are_brighter_than_all_detections_are_left_out_and_counted():
    scene = scene_of(LightCurve((seen(0, 18.0),), limits=(limit(-2, 13.1), limit(-1, 17.8))))
    assert scene.shown.limits == (limit(-1, 17.8),)
    assert scene.left_out == "not shown: 1 limit since Nov 2025"


def test_what_follows_the_marked_point_is_shown_for_a_month():
    curve = LightCurve(tuple(seen(day, 18.0) for day in (-1, 0, 5, 29, 31)))
    scene = scene_of(curve, NEW_JD)
    assert [round(point.jd - NEW_JD) for point in scene.shown.detections] == [-1, 0, 5, 29]
    assert scene.days[1] <= AFTERWARDS_D + 5


@pytest.mark.parametrize("shift_s", [0.0, 0.04, -0.04])
def test_the_marked_point_is_that_of_the_date(shift_s):
    scene = scene_of(YOUNG, NEW_JD + shift_s / 86400)
    assert (scene.marked, scene.zero_jd) == (YOUNG.detections[-1], NEW_JD)


def test_of_several_points_of_one_exposure_the_latest_processed_is_marked():
    again = seen(0, 18.3, candid=2)
    assert scene_of(LightCurve((seen(0, 18.4, candid=1), again)), NEW_JD).marked == again


def test_nothing_is_marked_unless_asked_for_and_found():
    assert scene_of(YOUNG).marked is None
    assert scene_of(YOUNG, NEW_JD + 1).marked is None
    assert scene_of(YOUNG, NEW_JD + 1).zero_jd == NEW_JD


@pytest.mark.parametrize(
    ("curve", "headline"),
    [
        (ALONE, "r 18.42 ± 0.05"),
        (NEGATIVE, "g 17.28 ± 0.05, negative"),
        (UNSEEN, "not detected, r > 20.52"),
        (LightCurve(ALONE.detections, NEGATIVE.negatives), "r 18.42 ± 0.05"),
    ],
)
def test_the_headline_is_the_newest_measurement_a_positive_one_if_there_is(curve, headline):
    assert scene_of(curve).headline == headline


def test_a_marked_negative_point_is_the_headline():
    assert scene_of(LightCurve((seen(-3, 18.0),), NEGATIVE.negatives), NEW_JD).headline == "g 17.28 ± 0.05, negative"


def test_values_that_no_survey_can_measure_are_not_shown():
    absurd = (seen(-1, 1e300), seen(-2, -99.0), replace(seen(-3, 18.0), jd=1e308), replace(seen(-4, 18.0), jd=0.0))
    scene = scene_of(LightCurve((*absurd, seen(0, 18.0))))
    assert scene.shown.detections == (seen(0, 18.0),)
    assert scene.mags[0] > 17


@pytest.mark.parametrize("error", [-1.0, 0.0, 1e300])
def test_an_absurd_error_does_not_stretch_the_axis(error):
    low, high = scene_of(LightCurve((seen(0, 18.0, error=error),))).mags
    assert 17 <= low < 18 < high <= 19


@given(st.sampled_from(sorted(CURVES)))
def test_the_axes_are_never_too_short_to_read(name):
    scene = scene_of(CURVES[name])
    assert scene.days[1] - scene.days[0] >= 4
    assert scene.mags[1] - scene.mags[0] >= 1


@given(any_curve, st.floats(NEW_JD - 200, NEW_JD) | st.none())
def test_every_shown_point_lies_within_the_axes_and_every_other_one_is_counted(curve, mark_jd):
    scene = scene_of(curve, mark_jd)
    if scene is None:
        return
    assert all_of(scene.shown)
    for point in all_of(scene.shown):
        mag = point.mag if isinstance(point, Detection) else point.limit_mag
        assert scene.days[0] < point.jd - scene.zero_jd < scene.days[1]
        assert scene.mags[0] < mag < scene.mags[1]
    parts = ("detections", "negatives", "limits")
    assert all(set(getattr(scene.shown, part)) <= set(getattr(curve, part)) for part in parts)


@given(any_curve)
def test_the_order_of_the_points_does_not_matter_to_the_axes(curve):
    turned = LightCurve(curve.detections[::-1], curve.negatives[::-1], curve.limits[::-1])
    one, other = scene_of(curve), scene_of(turned)
    assert (one is None) == (other is None)
    if one is not None:
        assert (one.zero_jd, one.days, one.mags) == (other.zero_jd, other.days, other.mags)


def test_limits_alone_reach_back_as_far_as_detections():
    curve = LightCurve(limits=(UpperLimit(NEW_JD - 130, "g", 20.0), *UNSEEN.limits))
    assert scene_of(curve).shown.limits == UNSEEN.limits
