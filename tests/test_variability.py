"""New detections, and jumps in brightness against a reference that moves along."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import floor, hypot, inf, log10, nan
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.features import features_of
from ampel_watch.lightcurve import Detection, LightCurve, UpperLimit
from ampel_watch.variability import (
    DIRECTIONS,
    Direction,
    Jump,
    Point,
    Reference,
    Terms,
    begin,
    detection_documents,
    follow,
    jump_documents,
    new_detections,
)

JD = 2459000.5
GOOD, POOR = 0.9, 0.1


def point(day: float, mag: float, **parts: Any) -> Detection:
    known = {"band": "r", "candid": 1_000 + round(day * 100), "mag_err": 0.05, "drb": GOOD} | parts
    return Detection(jd=JD + day, mag=mag, **known)


def curve(*mags: float, **parts: Any) -> list[Detection]:
    """One good point a day."""
    return [point(day, mag, **parts) for day, mag in enumerate(mags)]


def terms(direction: Direction, threshold_mag: float = 1.0, **parts: float) -> Terms:
    return Terms(direction, threshold_mag, **parts)


def jumps_of(direction: Direction, points: Sequence[Detection], **parts: float) -> list[tuple[float, float]]:
    """(day, delta_mag) of each jump, from the first point on."""
    _, jumps = follow(None, points, terms(direction, **parts))
    return [(jump.after.jd - JD, round(jump.delta_mag, 6)) for jump in jumps]


# --- signs: what the curves of the sky do ---


@pytest.mark.parametrize(
    ("mags", "brightening", "fading"),
    [
        ((20, 19.5, 19, 18.5, 18), [(2, 1), (4, 1)], []),
        ((18, 18.5, 19, 19.5, 20), [], [(2, 1), (4, 1)]),
        ((19, 19.02, 18.98, 19.01, 19), [], []),
        ((20, 17, 17.05, 16.98, 17.1), [(1, 3)], []),
        ((20, 17, 19), [(1, 3)], [(2, 2)]),
        ((17, 20, 18.5), [(2, 1.5)], [(1, 3)]),
        ((20, 17, 20, 17), [(1, 3), (3, 3)], [(2, 3)]),
        ((20,), [], []),
        ((), [], []),
    ],
    ids=["rising", "fading", "plateau", "step up", "peak", "dip", "flicker", "one point", "nothing"],
)
def test_what_rises_brightens_and_what_sinks_fades(
    mags: tuple[float, ...], brightening: list[tuple[int, int]], fading: list[tuple[int, int]]
) -> None:
    assert jumps_of("brightening", curve(*mags)) == brightening
    assert jumps_of("fading", curve(*mags)) == fading


@pytest.mark.parametrize("gap_d", [1, 300])
def test_a_gap_makes_no_difference(gap_d: float) -> None:
    points = [point(0, 20), point(gap_d, 18.5), point(gap_d + 1, 18.5)]
    assert jumps_of("brightening", points) == [(gap_d, 1.5)]
    assert jumps_of("fading", points) == []


def test_a_jump_tells_the_reference_and_the_point() -> None:
    points = curve(20, 18.5)
    _, (jump,) = follow(None, points, terms("brightening"))
    assert jump == Jump("r", Point(20, 0.05, JD), points[1], pytest.approx(1.5), jump.sigma)  # type: ignore[arg-type]


def test_the_threshold_itself_counts_though_magnitudes_are_four_byte_floats() -> None:
    assert jumps_of("brightening", curve(18.420000076293945, 17.920000381469727), threshold_mag=0.5)
    assert not jumps_of("brightening", curve(18.42, 17.9201), threshold_mag=0.5)


# --- errors ---


def flux_and_error(mag: float, mag_err: float) -> tuple[float, float]:
    """In microjansky (AB), by the definition of the magnitude."""
    flux = 10 ** ((23.9 - mag) / 2.5)
    return flux, flux * mag_err / (2.5 * log10(2.718281828459045))


@given(st.floats(14, 22), st.floats(14, 22), st.floats(0.01, 0.5), st.floats(0.01, 0.5))
def test_the_significance_is_that_of_the_fluxes(one: float, other: float, one_err: float, other_err: float) -> None:
    points = [point(0, one, mag_err=one_err), point(1, other, mag_err=other_err)]
    (f1, e1), (f2, e2) = flux_and_error(one, one_err), flux_and_error(other, other_err)
    sigma = abs(f1 - f2) / hypot(e1, e2)
    found = [follow(None, points, Terms(direction, 1e-3, min_sigma=0))[1] for direction in DIRECTIONS]
    told = [jump.sigma for jumps in found for jump in jumps]
    assert len(told) == (abs(one - other) >= 1e-3 - 1e-5)
    assert told == [pytest.approx(sigma, rel=1e-9)] * len(told)


def test_a_difference_within_its_error_is_no_jump_however_many_magnitudes_it_has() -> None:
    faint, poor = point(0, 20.5, mag_err=0.4), point(1, 19.4, mag_err=0.35)
    assert jumps_of("brightening", [faint, poor]) == []
    assert jumps_of("brightening", [faint, replace(poor, mag_err=0.05)]) == [(1, 1.1)]
    assert jumps_of("brightening", [faint, poor], min_sigma=1.5) == [(1, 1.1)]


def test_errors_of_zero_are_taken_as_small_ones() -> None:
    _, (jump,) = follow(None, curve(20, 18, mag_err=0.0), terms("brightening"))
    assert 0 < jump.sigma < inf


@given(st.lists(st.floats(-0.49, 0.49), max_size=30))
def test_noise_below_the_threshold_never_fires(noise: list[float]) -> None:
    points = curve(*(19 + offset for offset in noise))
    for direction in DIRECTIONS:
        assert jumps_of(direction, points) == []


def test_the_reference_does_not_sink_with_noise_within_its_error() -> None:
    wanted = terms("brightening")
    reference, _ = follow(None, curve(19, 19.06, 19.15, 19.1), wanted)
    assert reference is not None
    assert (reference.mag, reference.jd, reference.seen_jd) == (19, JD, JD + 3)
    reference, _ = follow(reference, [point(4, 19.3)], wanted)
    assert reference is not None
    assert (reference.mag, reference.jd) == (19.3, JD + 4)


def test_a_noisy_plateau_rarely_fires() -> None:
    random = Random(1)
    plateaus = [curve(*(random.gauss(20, 0.15) for _ in range(300)), mag_err=0.15) for _ in range(100)]
    found = [jumps_of(direction, points, threshold_mag=0.5) for points in plateaus for direction in DIRECTIONS]
    assert sum(map(len, found)) < 0.4 * len(found)


def test_a_rise_out_of_a_slow_decline_is_reckoned_from_its_end() -> None:
    points = curve(18, 18.1, 18.2, 18.3, 18.4, 18.5, 18.6, 18.7, 17.9)
    assert jumps_of("brightening", points, threshold_mag=0.5) == [(8, pytest.approx(0.7, abs=0.11))]


# --- hysteresis ---


@given(st.lists(st.floats(0, 0.9), min_size=1, max_size=30), st.floats(0.2, 2))
def test_a_steady_rise_fires_at_most_once_per_threshold(steps: list[float], threshold_mag: float) -> None:
    mags = [22 - sum(steps[:n]) for n in range(len(steps) + 1)]
    found = jumps_of("brightening", curve(*mags, mag_err=0.01), threshold_mag=threshold_mag)
    assert len(found) <= floor(sum(steps) / threshold_mag + 1e-3)
    assert jumps_of("fading", curve(*mags, mag_err=0.01), threshold_mag=threshold_mag) == []


def test_the_reference_after_a_jump_is_the_point_that_jumped() -> None:
    reference, jumps = follow(None, curve(20, 18.9, 18.2), terms("brightening"))
    assert [jump.after.mag for jump in jumps] == [18.9]
    assert reference == Reference(18.9, 0.05, JD + 1, JD + 2)


# --- doubtful points ---


@pytest.mark.parametrize("scores", [{"drb": POOR}, {"drb": None, "rb": 0.29}, {"drb": POOR, "rb": 0.9}])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_doubtful_point_alone_tells_nothing_and_moves_no_reference(direction: Direction, scores: dict) -> None:
    before, bad = (20, 17) if direction == "brightening" else (17, 20)
    points = [point(0, before), point(1, bad, **scores), point(2, before), point(3, before)]
    reference, jumps = follow(None, points, terms(direction))
    assert not jumps
    assert reference == Reference(before, 0.05, JD, JD + 3)
    opposite = DIRECTIONS[1 - DIRECTIONS.index(direction)]
    assert jumps_of(opposite, points) == []


@pytest.mark.parametrize("scores", [{"drb": None, "rb": None}, {"drb": None, "rb": 0.3}, {"drb": 0.5, "rb": 0.0}])
def test_a_point_with_good_scores_or_none_suffices(scores: dict) -> None:
    assert jumps_of("brightening", [point(0, 20), point(1, 17, **scores)]) == [(1, 3)]


@pytest.mark.parametrize("drb", [GOOD, POOR])
def test_a_second_point_confirms_a_doubtful_one(drb: float) -> None:
    points = [point(0, 20), point(1, 17, drb=POOR), point(2, 17.2, drb=drb)]
    assert jumps_of("brightening", points) == [(2, 2.8)]


@pytest.mark.parametrize("drb", [GOOD, POOR])
def test_a_second_point_that_does_not_jump_refutes_a_doubtful_one(drb: float) -> None:
    points = [point(0, 20), point(1, 17, drb=POOR), point(2, 19.98, drb=drb), point(3, 17, drb=POOR)]
    assert jumps_of("brightening", points) == []


def test_a_doubtful_point_waits_for_the_next_look() -> None:
    wanted = terms("brightening")
    reference, jumps = follow(None, [point(0, 20), point(1, 17, drb=POOR)], wanted)
    assert not jumps
    assert reference is not None
    assert reference.doubtful == Point(17, 0.05, JD + 1)
    stored = Reference.from_json(json.loads(json.dumps(reference.to_json())))
    assert stored == reference
    assert len(follow(stored, [point(1, 17, drb=POOR), point(2, 17, drb=POOR)], wanted)[1]) == 1


def test_doubtful_points_that_differ_by_their_errors_only_tell_nothing() -> None:
    points = [point(0, 20), *(point(day, 19.5, drb=POOR) for day in (1, 2, 3))]
    assert jumps_of("brightening", points) == []


def test_no_point_is_doubtful_where_a_setting_says_so() -> None:
    assert jumps_of("brightening", [point(0, 20), point(1, 17, drb=0.0)], min_drb=0.0) == [(1, 3)]
    assert jumps_of("brightening", [point(0, 20), point(1, 17, drb=None, rb=0.0)], min_drb=0.0) == [(1, 3)]


def test_the_first_good_point_sets_the_reference() -> None:
    points = [point(0, 15, drb=POOR), point(1, 15, drb=POOR), point(2, 20), point(3, 20)]
    assert follow(None, points[:2], terms("fading")) == (None, ())
    assert follow(None, points, terms("fading")) == (Reference(20, 0.05, JD + 2, JD + 3), ())


# --- looks: batches, repetitions, late and reprocessed points ---

scores = st.sampled_from([GOOD, POOR, None])
magnitudes = st.floats(15, 21).map(lambda mag: round(mag, 3))
light_curves = st.lists(st.tuples(magnitudes, scores, st.floats(0.02, 0.4)), max_size=25).map(
    lambda rows: [point(day, mag, drb=drb, mag_err=err) for day, (mag, drb, err) in enumerate(rows)]
)


@given(light_curves, st.lists(st.integers(0, 25)), st.sampled_from(DIRECTIONS), st.floats(0.3, 2))
def test_splitting_the_points_into_batches_changes_nothing(
    points: list[Detection], cuts: list[int], direction: Direction, threshold_mag: float
) -> None:
    wanted = Terms(direction, threshold_mag)
    whole = follow(None, points, wanted)
    reference: Reference | None = None
    jumps: list[Jump] = []
    for start, end in pairwise(sorted({0, *cuts, len(points)})):
        reference, found = follow(reference, points[start:end], wanted)
        jumps += found
    assert (reference, tuple(jumps)) == whole


@given(light_curves, st.sampled_from(DIRECTIONS), st.randoms(use_true_random=False))
def test_the_order_and_the_repetition_of_points_change_nothing(
    points: list[Detection], direction: Direction, random: Any
) -> None:
    wanted = Terms(direction, 0.5)
    whole = follow(None, points, wanted)
    shuffled = points * 2
    random.shuffle(shuffled)
    assert follow(None, shuffled, wanted) == whole
    assert follow(whole[0], points, wanted)[1] == (() if whole[0] else whole[1])
    if whole[0] is not None:
        assert follow(whole[0], points, wanted)[0] == whole[0]
        assert Reference.from_json(json.loads(json.dumps(whole[0].to_json()))) == whole[0]


@given(st.lists(st.tuples(magnitudes, scores), max_size=25), st.floats(0.02, 0.4), st.floats(0.3, 2))
def test_brightening_and_fading_are_mirror_images(
    rows: list[tuple[float, float | None]], mag_err: float, threshold_mag: float
) -> None:
    points = [point(day, mag, drb=drb, mag_err=mag_err) for day, (mag, drb) in enumerate(rows)]
    mirrored = [replace(one, mag=36 - one.mag) for one in points]
    faded = jumps_of("fading", points, threshold_mag=threshold_mag)
    assert jumps_of("brightening", mirrored, threshold_mag=threshold_mag) == faded


@given(light_curves, st.sampled_from(DIRECTIONS))
def test_every_jump_is_as_large_as_it_says(points: list[Detection], direction: Direction) -> None:
    sign = 1 if direction == "fading" else -1
    for jump in follow(None, points, Terms(direction, 0.7))[1]:
        assert jump.delta_mag == pytest.approx(sign * (jump.after.mag - jump.before.mag))
        assert jump.delta_mag >= 0.7 - 1e-5
        assert jump.sigma >= 3
        assert jump.before.jd < jump.after.jd


def test_a_late_point_changes_nothing() -> None:
    wanted = terms("brightening")
    reference, _ = follow(None, curve(20, 19.9, 20), wanted)
    assert follow(reference, [point(1.5, 15)], wanted) == (reference, ())


def test_of_a_reprocessed_exposure_the_newest_version_counts() -> None:
    bad, mended = point(1, 17, candid=7), point(1, 19.9, candid=8)
    assert jumps_of("brightening", [point(0, 20), bad, mended]) == []
    assert jumps_of("brightening", [point(0, 20), mended, bad]) == []
    shifted = replace(mended, jd=mended.jd + 5e-6)
    assert jumps_of("brightening", [point(0, 20), bad, shifted]) == []


# --- first looks ---


def test_a_first_look_begins_at_the_newest_good_point_and_tells_nothing() -> None:
    wanted = terms("brightening")
    reference = begin(curve(20, 17, 18), wanted)
    assert reference == Reference(18, 0.05, JD + 2, JD + 2)
    assert begin([], wanted) is None
    assert begin([point(0, 20, drb=POOR)], wanted) is None
    assert begin([point(0, 20, drb=POOR)], terms("brightening", min_drb=0)) == Reference(20, 0.05, JD, JD)


def test_a_first_look_remembers_a_doubtful_point_after_the_good_one() -> None:
    wanted = terms("brightening")
    points = [point(0, 20), point(1, 17, drb=POOR)]
    reference = begin(points, wanted)
    assert reference == Reference(20, 0.05, JD, JD + 1, Point(17, 0.05, JD + 1))
    confirmed = begin([*points, point(2, 17.1, drb=POOR)], wanted)
    assert confirmed == Reference(17.1, 0.05, JD + 2, JD + 2)


@given(light_curves, st.sampled_from(DIRECTIONS))
def test_what_a_first_look_saw_is_never_told(points: list[Detection], direction: Direction) -> None:
    wanted = Terms(direction, 0.5)
    if (reference := begin(points, wanted)) is not None:
        assert follow(reference, points, wanted) == (reference, ())


# --- new detections ---


def test_new_detections_are_positive_alerts_of_their_own_later_than_the_baseline() -> None:
    old = point(0, 19, alert=True)
    before = LightCurve(detections=(old,))
    fresh = point(2, 18, alert=True)
    after = LightCurve(
        detections=(old, point(1, 18.5), fresh),
        negatives=(point(3, 18, alert=True),),
        limits=(UpperLimit(JD + 4, "r", 20.5),),
    )
    assert new_detections(before, after, JD) == (fresh,)
    assert new_detections(before, after, JD + 2) == ()
    assert new_detections(after, after, JD - 10) == ()


def test_limits_and_negative_subtractions_alone_are_no_detections() -> None:
    after = LightCurve(negatives=(point(3, 18, alert=True),), limits=(UpperLimit(JD + 4, "r", 20.5),))
    assert new_detections(LightCurve(), after, JD) == ()


def test_what_was_known_from_a_history_is_new_when_its_own_alert_comes() -> None:
    known = point(1, 18)
    own = replace(known, alert=True)
    assert new_detections(LightCurve((known,)), LightCurve((own,)), JD) == (own,)


@pytest.mark.parametrize("shift_d", [0, 5e-6, -5e-6])
def test_a_reprocessed_alert_is_not_new(shift_d: float) -> None:
    known = point(1, 18, alert=True)
    again = replace(known, candid=known.candid + 5, jd=known.jd + shift_d)
    assert new_detections(LightCurve((known,)), LightCurve((known, again)), JD) == ()
    other_band = replace(again, band="g")
    assert new_detections(LightCurve((known,)), LightCurve((known, other_band)), JD) == (other_band,)
    assert new_detections(LightCurve(), LightCurve((known, again)), JD) == (again,)


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("gr"), st.booleans()), max_size=20), st.integers(0, 20))
def test_each_exposure_is_told_once_whatever_the_order_of_looks(rows: list[tuple[int, str, bool]], cut: int) -> None:
    points = tuple(
        point(day, 18, band=band, alert=alert, candid=candid) for candid, (day, band, alert) in enumerate(rows)
    )
    first = new_detections(LightCurve(), LightCurve(points[:cut]), JD)
    second = new_detections(LightCurve(points[:cut]), LightCurve(points), JD)
    told = [(one.jd, one.band) for one in (*first, *second)]
    assert len(told) == len(set(told))
    assert list(second) == sorted(second, key=lambda one: one.jd)
    assert all(one.alert and one.jd > JD for one in (*first, *second))


# --- documents ---


def test_a_detection_tells_the_newest_point_and_how_many_there_are() -> None:
    old, fresh = point(0, 19.12345), (point(1, 18.5), point(2.5, 18.41999, mag_err=0.04999, drb=0.98765))
    before, after = detection_documents(LightCurve((old,)), fresh)
    assert before == {"mag": 19.1234, "mag_err": 0.05, "band": "r", "jd": JD, "candid": 1000}
    assert after == {
        "detections": 2,
        "mag": 18.42,
        "mag_err": 0.05,
        "band": "r",
        "jd": JD + 2.5,
        "candid": 1250,
        "drb": 0.988,
        "time": "2020-06-02T12:00:00Z",
    }


def test_a_first_detection_has_nothing_before_it() -> None:
    before, after = detection_documents(LightCurve(), [point(1, 18.5, drb=None)])
    assert before == {}
    assert "drb" not in after


def test_a_detection_known_from_a_history_is_not_what_was_before() -> None:
    known = point(1, 18.5)
    assert detection_documents(LightCurve((known,)), [replace(known, alert=True)])[0] == {}


def test_a_jump_tells_from_where_and_by_how_much() -> None:
    _, (jump,) = follow(None, [point(0, 18.4216), point(1.25, 17.8, mag_err=0.03)], terms("brightening", 0.5))
    before, after = jump_documents(jump)
    assert before == {"mag": 18.4216, "mag_err": 0.05, "band": "r", "jd": JD}
    assert after == {
        "mag": 17.8,
        "mag_err": 0.03,
        "band": "r",
        "jd": JD + 1.25,
        "candid": 1125,
        "drb": 0.9,
        "delta_mag": 0.6216,
        "sigma": 11.5,
        "time": "2020-06-01T06:00:00Z",
    }


def test_a_document_has_the_digits_of_the_features_so_that_both_are_told_alike() -> None:
    newest = point(0, 18.58649, mag_err=0.06493)
    features = features_of(LightCurve((newest,)), JD + 1).to_json()
    _, after = detection_documents(LightCurve(), [newest])
    assert (after["mag"], after["mag_err"]) == (features["mag"], features["mag_err"])
    assert f"{after['mag_err']:.2f}" == "0.06"


@pytest.mark.parametrize("jd", [1e12, -1e12, nan])
def test_a_date_beyond_the_calendar_is_left_out_in_words(jd: float) -> None:
    assert "time" not in detection_documents(LightCurve(), [replace(point(0, 18), jd=jd)])[1]


@given(light_curves, st.sampled_from(DIRECTIONS))
def test_documents_are_strict_json(points: list[Detection], direction: Direction) -> None:
    for jump in follow(None, points, Terms(direction, 0.5))[1]:
        for document in jump_documents(jump):
            assert json.loads(json.dumps(document, allow_nan=False)) == document
