import json
import math
import random
from collections import defaultdict
from dataclasses import fields, replace
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.lightcurve import Detection, LightCurve, UpperLimit, light_curve_of
from ampel_watch.model import Alert
from ampel_watch.sandbox import open_packets
from ampel_watch.sandbox.archive_store import photopoints_document
from ampel_watch.services.alerts import alert_of

NAME = "ZTF18abxhyqv"
JD = 2458340.5
OPTIONAL = ("drb", "rb", "ra", "dec", "diffmaglim", "ssdistnr", "ssnamenr", "sgscore1", "distpsnr1")


def candidate(candid: int, jd: float, **more: Any) -> dict[str, Any]:
    """A detection as the archive writes it."""
    return {
        "jd": jd,
        "fid": 2,
        "candid": candid,
        "isdiffpos": "t",
        "magpsf": 18.5,
        "sigmapsf": 0.1,
        "diffmaglim": 20.0,
        "ra": 150.0,
        "dec": 2.0,
        "rb": 0.8,
        "drb": 0.99,
        "ssdistnr": -999.0,
        "ssnamenr": "null",
        "sgscore1": 0.1,
        "distpsnr1": 1.5,
        **more,
    }


def limit(jd: float, **more: Any) -> dict[str, Any]:
    """An upper limit as the archive writes it: without magpsf and candid."""
    return {"jd": jd, "fid": 2, "pid": 595215533515, "programid": 1, "diffmaglim": 20.5, **more}


def alert(point: dict[str, Any], *history: dict[str, Any], candid: int | None = None) -> Alert:
    return Alert(point["candid"] if candid is None else candid, NAME, point["jd"], point, history)


def curve_of(*history: dict[str, Any]) -> LightCurve:
    """The light curve of one alert of JD + 100, without its own point."""
    return light_curve_of([alert(candidate(1, JD + 100), *history)]).until(JD + 99)


# A survey to draw alerts from: what is measured of a candid is always the same, but the versions in histories lack
# fields, are rounded differently, and say the sign differently.


@st.composite
def surveys(draw: st.DrawFn) -> list[Alert]:
    count = draw(st.integers(1, 6))
    random_ = draw(st.randoms(use_true_random=False))
    own = [_random_candidate(number, random_) for number in range(count)]
    limits = [limit(JD + random_.randrange(8), fid=random_.randint(1, 3)) for _ in range(draw(st.integers(0, 6)))]
    return [_random_alert(own, limits, random_) for _ in range(draw(st.integers(0, 8)))]


def _random_candidate(number: int, random_: random.Random) -> dict[str, Any]:
    point = candidate(
        595147624915010001 + number,
        JD + random_.randrange(8),
        fid=random_.randint(1, 3),
        magpsf=random_.uniform(15, 21),
        isdiffpos=random_.choice("tf"),
        ra=random_.uniform(0, 1e-3) - 5e-4,
    )
    return point | {"ra": point["ra"] % 360} | random_.choice([{}, {"drb": None}, {"ssdistnr": 3.5, "ssnamenr": "433"}])


def _in_history(point: dict[str, Any], random_: random.Random) -> dict[str, Any]:
    rounded = point | {"magpsf": round(point["magpsf"], 4), "isdiffpos": random_.choice(_SAME_SIGN[point["isdiffpos"]])}
    return {key: value for key, value in rounded.items() if key not in OPTIONAL or random_.random() < 0.7}


_SAME_SIGN = {"t": ("t", "1"), "f": ("f", "0")}


def _random_alert(own: list[dict[str, Any]], limits: list[dict[str, Any]], random_: random.Random) -> Alert:
    before = [_in_history(point, random_) for point in own if random_.random() < 0.5]
    history = before + [point for point in limits if random_.random() < 0.5]
    random_.shuffle(history)
    return alert(random_.choice(own), *history)


def exposures(points: Any) -> list[tuple[float, str]]:
    return [(point.jd, point.band) for point in points]


@given(surveys(), st.randoms())
def test_order_and_repetition_of_alerts_change_nothing(alerts, random_):
    again = alerts + [one for one in alerts if random_.random() < 0.5]
    random_.shuffle(again)
    shuffled = [replace(one, history=tuple(random_.sample(one.history, len(one.history)))) for one in again]
    assert light_curve_of(shuffled) == light_curve_of(alerts)


@given(surveys(), st.integers(0, 8), st.integers(0, 8))
def test_merging_gives_what_all_alerts_together_give_in_any_order_and_grouping(alerts, cut, other_cut):
    first, last = sorted((cut, other_cut))
    a, b, c = (light_curve_of(part) for part in (alerts[:first], alerts[first:last], alerts[last:]))
    whole = light_curve_of(alerts)
    assert a.merged(b).merged(c) == a.merged(b.merged(c)) == whole
    assert c.merged(b).merged(a) == b.merged(a.merged(c)) == whole
    assert whole.merged(whole) == whole.merged(a) == a.merged(whole) == whole
    assert whole.merged(LightCurve()) == LightCurve().merged(whole) == whole


@given(surveys())
def test_every_point_is_there_once_and_in_order(alerts):
    curve = light_curve_of(alerts)
    for points in (curve.detections, curve.negatives):
        assert list(points) == sorted(points, key=lambda point: (point.jd, point.candid))
    found = [*curve.detections, *curve.negatives]
    assert len({point.candid for point in found}) == len(found)
    assert exposures(curve.limits) == sorted(set(exposures(curve.limits)) - set(exposures(found)))
    assert {point.candid for point in found if point.alert} == {one.candid for one in alerts}


@given(surveys())
def test_a_light_curve_comes_back_from_json_as_it_was(alerts):
    curve = light_curve_of(alerts)
    assert LightCurve.from_json(json.loads(json.dumps(curve.to_json(), allow_nan=False))) == curve


@given(surveys(), st.integers(0, 8), st.floats(JD - 1, JD + 9) | st.integers(0, 8).map(lambda days: JD + days))
def test_until_a_time_is_what_was_measured_up_to_it_however_it_came(alerts, cut, jd):
    curve = light_curve_of(alerts)
    until = curve.until(jd)
    for part in fields(LightCurve):
        assert list(getattr(until, part.name)) == [point for point in getattr(curve, part.name) if point.jd <= jd]
    assert until.until(jd) == until
    assert curve.merged(until) == curve == curve.until(math.inf)
    one, other = light_curve_of(alerts[:cut]), light_curve_of(alerts[cut:])
    assert one.until(jd).merged(other.until(jd)) == until


def test_nothing_is_an_empty_light_curve():
    assert light_curve_of([]) == LightCurve()
    assert LightCurve().is_empty
    assert LightCurve().newest is None
    assert LightCurve().position() is None
    assert LightCurve.from_json(LightCurve().to_json()) == LightCurve()


@pytest.mark.parametrize("part", ["detections", "negatives", "limits"])
def test_a_light_curve_with_anything_in_it_is_not_empty(part):
    point = UpperLimit(JD, "g", 20.0) if part == "limits" else Detection(JD, "g", 1, 18.0, 0.1)
    assert not LightCurve(**{part: (point,)}).is_empty


def test_every_field_is_read_and_cleaned():
    asteroid = candidate(7, JD, fid=3, ssdistnr=2, ssnamenr="433")
    (found,) = light_curve_of([alert(asteroid)]).detections
    assert found == Detection(
        jd=JD,
        band="i",
        candid=7,
        mag=18.5,
        mag_err=0.1,
        ra_deg=150.0,
        dec_deg=2.0,
        limit_mag=20.0,
        drb=0.99,
        rb=0.8,
        alert=True,
        ssdist_arcsec=2.0,
        ssname="433",
        star_score=0.1,
        star_dist_arcsec=1.5,
    )


@pytest.mark.parametrize("nothing", [-999.0, -999, None, "null", math.nan, math.inf, "", [], {}, True, "18"], ids=repr)
def test_what_was_not_measured_is_none_however_the_archive_says_it(nothing):
    (found,) = light_curve_of([alert(candidate(7, JD, **dict.fromkeys(OPTIONAL, nothing)))]).detections
    assert found == Detection(JD, "r", 7, 18.5, 0.1, alert=True, ssname="18" if nothing == "18" else None)
    bare = {key: value for key, value in candidate(7, JD).items() if key not in OPTIONAL}
    assert light_curve_of([alert(bare)]).detections == (replace(found, ssname=None),)


@pytest.mark.parametrize("half", ["ra", "dec"])
def test_half_a_position_is_none(half):
    (found,) = light_curve_of([alert(candidate(7, JD, **{half: None}))]).detections
    assert (found.ra_deg, found.dec_deg) == (None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"jd": math.nan},
        {"jd": None},
        {"jd": 10**400},
        {"fid": 0},
        {"fid": 4},
        {"fid": "2"},
        {"fid": 2.0},
        {"fid": True},
        {"fid": None},
        {"magpsf": -0.1},
        {"magpsf": 40.1},
        {"magpsf": None},
        {"magpsf": -999.0},
        {"magpsf": math.nan},
        {"magpsf": "18.5"},
        {"sigmapsf": 0.0},
        {"sigmapsf": -0.1},
        {"sigmapsf": None},
        {"sigmapsf": math.inf},
        {"isdiffpos": None},
        {"isdiffpos": "x"},
        {"isdiffpos": 1},
        {"isdiffpos": ["t"]},
    ],
    ids=repr,
)
def test_a_point_without_time_band_magnitude_or_sign_is_left_out(wrong):
    assert curve_of(candidate(7, JD) | wrong).is_empty
    own = alert(candidate(7, JD) | wrong, limit(JD - 1))
    assert light_curve_of([own]) == LightCurve(limits=(UpperLimit(JD - 1, "r", 20.5),)), "the others stay"


@pytest.mark.parametrize("candid", ["595147624915010001", 5.0, True, -1, 2**63, [], -999.5], ids=repr)
def test_a_point_whose_candid_is_no_whole_number_is_neither_detection_nor_limit(candid):
    assert curve_of(candidate(7, JD) | {"candid": candid}).is_empty


def test_a_magnitude_without_a_candid_is_neither_detection_nor_limit():
    assert curve_of(candidate(7, JD) | {"candid": None}).is_empty


def test_a_candidate_is_known_by_the_candid_of_its_alert():
    bare = candidate(7, JD)
    del bare["candid"]
    assert light_curve_of([alert(bare, candid=2**62 + 1)]).detections[0].candid == 2**62 + 1


@pytest.mark.parametrize("nothing", [{}, {"magpsf": None, "candid": None}, {"magpsf": -999.0, "candid": -999}])
def test_a_point_without_magnitude_and_candid_is_an_upper_limit(nothing):
    assert curve_of(limit(JD, **nothing)) == LightCurve(limits=(UpperLimit(JD, "r", 20.5),))


@pytest.mark.parametrize("wrong", [-1006.9, -999.0, 9.9, 25.1, None, math.nan, "20.5"])
def test_an_upper_limit_that_cannot_be_true_is_left_out(wrong):
    assert curve_of(limit(JD, diffmaglim=wrong)).is_empty


@pytest.mark.parametrize("wrong", [{"jd": None}, {"jd": math.inf}, {"fid": None}, {"fid": 4}])
def test_an_upper_limit_without_time_or_band_is_left_out(wrong):
    assert curve_of(limit(JD) | wrong).is_empty


def test_letters_and_digits_tell_brighter_from_fainter_within_one_history():
    signs = ("t", "f", "1", "0", True, False)
    curve = curve_of(*(candidate(10 + n, JD + n, isdiffpos=sign) for n, sign in enumerate(signs)))
    assert [point.candid for point in curve.detections] == [10, 12, 14]
    assert [point.candid for point in curve.negatives] == [11, 13, 15]


def test_the_newest_detection_is_no_negative_one():
    curve = curve_of(candidate(2, JD), candidate(3, JD + 1), candidate(4, JD + 2, isdiffpos="f"), limit(JD + 3))
    assert curve.newest is not None
    assert curve.newest.candid == 3


def test_images_processed_again_give_points_of_their_own():
    thrice = [alert(candidate(candid, JD, magpsf=18 + candid / 100)) for candid in (9, 8, 10)]
    assert [point.candid for point in light_curve_of(thrice).detections] == [8, 9, 10]


def test_the_version_of_an_own_alert_stands_and_is_filled_from_a_history():
    own = alert(candidate(7, JD, magpsf=18.12345678, rb=0.5000001, dec=2.0000001, drb=None))
    rounded = candidate(7, JD, magpsf=18.1235, rb=0.5, drb=0.9, isdiffpos="1")
    for alerts in ([own, alert(candidate(8, JD + 1), rounded)], [alert(candidate(8, JD + 1), rounded), own]):
        found = light_curve_of(alerts).detections[0]
        assert (found.alert, found.mag, found.rb, found.dec_deg) == (True, 18.12345678, 0.5000001, 2.0000001)
        assert found.drb == 0.9


def test_a_sign_that_two_versions_dispute_is_that_of_the_own_alert():
    own, claim = alert(candidate(7, JD, isdiffpos="f")), alert(candidate(8, JD + 1), candidate(7, JD))
    for alerts in ([own, claim], [claim, own]):
        assert [point.candid for point in light_curve_of(alerts).negatives] == [7]


def test_versions_that_differ_without_a_reason_are_chosen_between_whatever_came_first():
    one, other = (light_curve_of([alert(candidate(7, JD, magpsf=mag, isdiffpos=sign))]) for mag, sign in MAGS_AND_SIGNS)
    assert one.merged(other) == other.merged(one)
    assert len(one.merged(other).detections) == 1


MAGS_AND_SIGNS = ((18.0, "f"), (19.0, "t"))


def test_photopoints_do_not_prove_an_alert_and_lose_nothing_to_it():
    point = candidate(7, JD, drb=0.7)
    photopoints = light_curve_of([alert(point, limit(JD - 1))], own=False)
    assert not photopoints.detections[0].alert
    assert photopoints.detections[0].drb == 0.7
    merged = photopoints.merged(light_curve_of([alert(point)]))
    assert merged.detections[0].alert
    assert merged.limits == photopoints.limits


def test_a_limit_gives_way_to_a_detection_of_the_same_exposure_and_band():
    before = light_curve_of([alert(candidate(9, JD + 9), limit(JD), limit(JD, fid=1))])
    for sign in "tf":
        after = light_curve_of([alert(candidate(8, JD, isdiffpos=sign))])
        assert exposures(before.merged(after).limits) == exposures(after.merged(before).limits) == [(JD, "g")]


def test_of_two_limits_of_one_exposure_the_one_that_claims_less_stands():
    assert curve_of(limit(JD, diffmaglim=20.5), limit(JD, diffmaglim=19.5)).limits[0].limit_mag == 19.5
    assert curve_of(limit(JD, diffmaglim=19.5), limit(JD, diffmaglim=20.5)).limits[0].limit_mag == 19.5


def test_the_position_is_the_median_of_all_that_was_detected():
    places = [(359.9999, 2.0), (0.0001, 2.0002), (0.0003, 2.0001), (None, None)]
    curve = curve_of(
        *(candidate(10 + n, JD + n, ra=ra, dec=dec, isdiffpos="tf"[n % 2]) for n, (ra, dec) in enumerate(places)),
        limit(JD + 9),
    )
    assert curve.position() == pytest.approx((0.0001, 2.0001), abs=1e-9)


def test_the_position_at_a_pole_is_at_the_pole():
    curve = curve_of(*(candidate(10 + n, JD + n, ra=90.0 * n, dec=89.9999) for n in range(4)))
    assert curve.position() is not None
    assert curve.position()[1] == pytest.approx(90.0, abs=1e-9)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([-999.0, -999, "null", "t", "f", "1", "0", JD, 18.5, 0.1, 10**400, -(10**400)])
    | st.text(max_size=5)
    | st.binary(max_size=3)
)
garbage = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2)
)
keys = st.sampled_from([*candidate(1, JD)]) | st.text(max_size=5)
mappings = st.builds(
    lambda base, wrong: base | wrong, st.just({}) | st.just(candidate(5, JD)), st.dictionaries(keys, garbage)
)


@given(st.lists(st.tuples(mappings, st.lists(mappings, max_size=4)), max_size=3), st.booleans())
def test_whatever_a_mapping_holds_what_is_read_is_clean(content, own):
    alerts = [Alert(n, NAME, JD, point, tuple(history)) for n, (point, history) in enumerate(content)]
    curve = light_curve_of(alerts, own=own)
    for point in (*curve.detections, *curve.negatives):
        assert point.band in "gri"
        assert 0 <= point.mag <= 40
        assert 0 < point.mag_err <= 10
        assert 0 <= point.candid < 2**63
        assert point.limit_mag is None or 10 <= point.limit_mag <= 25
        assert (point.ra_deg is None) == (point.dec_deg is None)
    assert all(10 <= point.limit_mag <= 25 for point in curve.limits)
    assert LightCurve.from_json(json.loads(json.dumps(curve.to_json(), allow_nan=False))) == curve
    assert curve.merged(curve) == curve
    position = curve.position()
    assert position is None or (0 <= position[0] < 360 and -90 <= position[1] <= 90)


@pytest.fixture(scope="session")
def by_object(shared):
    """The real packets, by the name of their object."""
    _, report = open_packets(shared / "ztf-alerts")
    assert report.damaged
    assert {packet.schema for packet in report.packets} >= {None, "3.0", "3.1", "3.2"}, "None is 1.8"
    objects = defaultdict(list)
    for packet in report.packets:
        objects[packet.name].append(packet)
    return objects


def as_alert(packet) -> Alert:
    return Alert(packet.candid, packet.name, packet.jd, packet.candidate, packet.history)


def test_real_packets_are_counted_right(by_object):
    digits = 0
    for packets in by_object.values():
        raw = [point for packet in packets for point in (packet.candidate, *packet.history)]
        detected = [point for point in raw if "magpsf" in point]
        rising = {point["candid"] for point in detected if str(point["isdiffpos"]) in "t1"}
        sinking = {point["candid"] for point in detected if str(point["isdiffpos"]) in "f0"}
        seen = {(point["jd"], point["fid"]) for point in detected}
        dark = {(p["jd"], p["fid"]) for p in raw if "magpsf" not in p and 10 <= p["diffmaglim"] <= 25} - seen
        curve = light_curve_of(map(as_alert, packets))
        assert {point.candid for point in curve.detections} == rising
        assert {point.candid for point in curve.negatives} == sinking
        assert (len(curve.detections), len(curve.negatives)) == (len(rising), len(sinking))
        assert exposures(curve.limits) == sorted((jd, " gri"[fid]) for jd, fid in dark)
        assert {p.candid for p in (*curve.detections, *curve.negatives) if p.alert} == {p.candid for p in packets}
        digits += sum(point["isdiffpos"] in ("0", "1") for point in detected)
    assert digits > 10, "digits stand for signs beside letters"
    assert len(by_object) > 40


def test_real_packets_hold_the_magnitudes_and_positions_that_the_light_curve_says(by_object):
    for packets in by_object.values():
        curve = light_curve_of(map(as_alert, packets))
        own = {packet.candid: packet.candidate for packet in packets}
        points = [*curve.detections, *curve.negatives]
        for point in points:
            if point.alert:
                raw = own[point.candid]
                assert (point.mag, point.mag_err, point.rb) == (raw["magpsf"], raw["sigmapsf"], raw["rb"])
                assert (point.ssname is None) == (raw["ssnamenr"] == "null")
                assert (point.ssdist_arcsec or -999.0) == raw["ssdistnr"]
        assert curve.position() == pytest.approx(
            (median(point.ra_deg for point in points), median(point.dec_deg for point in points)), abs=1e-7
        )


def test_photopoints_of_real_objects_hold_one_point_for_each_time_of_their_alerts(by_object):
    for packets in by_object.values():
        alerts = light_curve_of(map(as_alert, packets))
        photopoints = light_curve_of([alert_of(photopoints_document(packets, upper_limits=True))], own=False)
        found, held = ([*curve.detections, *curve.negatives] for curve in (photopoints, alerts))
        assert sorted(exposures(found)) == sorted(set(exposures(held)))
        assert {point.candid for point in found} <= {point.candid for point in held}
        assert not any(point.alert for point in found)
        assert photopoints.limits == alerts.limits
        assert photopoints.merged(alerts) == alerts.merged(photopoints)
        assert [point.alert for point in photopoints.merged(alerts).detections] == [
            point.alert for point in alerts.detections
        ]
