import time
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampel_watch import ztf
from ampel_watch.sandbox import NightSky, PacketSky, SkySettings
from ampel_watch.sandbox.alerts import HISTORY_FIELDS
from ampel_watch.sandbox.archive_store import CANDIDATE_FIELDS
from ampel_watch.sandbox.dates import jd_of
from ampel_watch.sandbox.geometry import separation_deg
from ampel_watch.sandbox.packets import Packet
from ampel_watch.sandbox.physics import Explosion, distance_modulus_mag
from ampel_watch.sandbox.population import Body

FIRST = date(2026, 10, 1)
TINY = SkySettings(fields=2, supernovae_per_night=1, agn=4, variable_stars=4, asteroids_per_night=2, bogus_per_night=2)
FOREVER = 1e9


@pytest.fixture(scope="module")
def packets(small_sky: NightSky) -> tuple[Packet, ...]:
    return tuple(small_sky.packets(0, FOREVER))


@pytest.fixture(scope="module")
def bodies(small_sky: NightSky) -> dict[str, Body]:
    return {body.name: body for body in small_sky.bodies}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 14), max_size=6))
def test_the_sky_does_not_depend_on_the_steps_in_which_it_is_advanced(steps: list[float]) -> None:
    at_once = NightSky(5, FIRST, 14, TINY).packets(0, FOREVER)
    sky = NightSky(5, FIRST, 14, TINY)
    start = jd_of(sky.night_dates[0]) - 0.75
    marks = [0.0, *(start + step for step in sorted(steps)), FOREVER]
    in_steps = [packet for a, b in pairwise(marks) for packet in sky.packets(a, b)]
    assert [(p.candid, p.candidate, p.history) for p in in_steps] == [
        (p.candid, p.candidate, p.history) for p in at_once
    ]


def test_another_seed_is_another_sky() -> None:
    one, other = (NightSky(seed, FIRST, 10, TINY).packets(0, FOREVER) for seed in (1, 2))
    assert {p.name for p in one}.isdisjoint(p.name for p in other)


def test_thirty_nights_of_the_full_sky_are_thousands_of_alerts_and_cheap() -> None:
    began = time.process_time()
    packets = NightSky(7, FIRST, 30).packets(0, FOREVER)
    assert 3000 < len(packets) < 20_000
    assert time.process_time() - began < 5  # a third of a second on a quiet computer


def test_packets_are_in_order_with_unique_candids_that_encode_the_exposure(packets: tuple[Packet, ...]) -> None:
    assert [p.order for p in packets] == sorted(p.order for p in packets)
    assert len({p.candid for p in packets}) == len(packets)
    for packet in packets:
        assert abs(packet.candid // 10**9 / 1e6 - (packet.jd - 2457754.5)) < 1e-5
        assert ztf.is_name(packet.name)
        assert packet.candid == packet.candidate["candid"]
        assert packet.candidate["pid"] == packet.candid // 10**6


def test_candidates_have_every_field_of_schema_3_3_and_no_other(packets: tuple[Packet, ...]) -> None:
    assert all(packet.candidate.keys() == CANDIDATE_FIELDS for packet in packets)
    assert all(None not in packet.candidate.values() for packet in packets)


def test_history_is_the_last_thirty_days_of_detections_and_limits(packets: tuple[Packet, ...]) -> None:
    points = [(packet, point) for packet in packets for point in packet.history]
    assert all(packet.jd - 30 <= point["jd"] < packet.jd for packet, point in points)
    limits = [point for _, point in points if "magpsf" not in point]
    detections = [point for _, point in points if "magpsf" in point]
    assert limits
    assert not any({"candid", "ra", "dec"} & limit.keys() for limit in limits)
    assert all(point.keys() <= set(HISTORY_FIELDS) for point in detections)


def test_the_sign_is_spelt_with_letters_in_alerts_and_now_and_then_with_digits_in_histories(
    packets: tuple[Packet, ...],
) -> None:
    assert {packet.candidate["isdiffpos"] for packet in packets} == {"t", "f"}
    spelt = Counter(point["isdiffpos"] for p in packets for point in p.history if "magpsf" in point)
    digits = spelt["1"] + spelt["0"]
    assert 0 < digits < 0.15 * spelt.total()


def test_detections_are_five_sigma_and_positions_scatter_by_a_tenth_of_an_arcsecond(
    packets: tuple[Packet, ...], bodies: dict[str, Body]
) -> None:
    for packet in packets:
        candidate = packet.candidate
        assert candidate["magpsf"] < candidate["diffmaglim"] + 1e-5
        if packet.name in bodies:
            body = bodies[packet.name]
            assert separation_deg(body.ra_deg, body.dec_deg, candidate["ra"], candidate["dec"]) * 3600 < 0.8


def test_supernovae_are_seen_near_the_brightness_that_their_redshift_gives(
    packets: tuple[Packet, ...], bodies: dict[str, Body]
) -> None:
    seen = [(bodies[p.name], p) for p in packets if p.name in bodies and bodies[p.name].kind == "SN Ia"]
    assert len({body.name for body, _ in seen}) > 20
    for body, packet in seen:
        assert isinstance(body.light_curve, Explosion)
        assert packet.candidate["magpsf"] > distance_modulus_mag(body.light_curve.z) - 20.2
        assert packet.jd > body.light_curve.first_light_jd


def test_every_kind_of_object_is_there_and_stars_and_nuclei_go_both_ways(
    packets: tuple[Packet, ...], bodies: dict[str, Body]
) -> None:
    kinds = Counter(bodies[p.name].kind if p.name in bodies else "once" for p in packets)
    assert kinds.keys() >= {"SN Ia", "SN II", "AGN", "RR Lyrae", "eclipsing binary", "once"}
    signs = {(bodies[p.name].kind, p.candidate["isdiffpos"]) for p in packets if p.name in bodies}
    assert {("AGN", "t"), ("AGN", "f"), ("RR Lyrae", "t"), ("RR Lyrae", "f"), ("eclipsing binary", "f")} <= signs
    assert ("SN Ia", "f") not in signs


def test_what_passes_by_is_a_known_asteroid_or_scores_low_and_is_seen_once(
    packets: tuple[Packet, ...], bodies: dict[str, Body]
) -> None:
    passing = [packet for packet in packets if packet.name not in bodies]
    assert max(Counter(packet.name for packet in passing).values()) == 1
    for packet in passing:
        candidate = packet.candidate
        moving = 0 <= candidate["ssdistnr"] < 2 and candidate["ssnamenr"] != "null"
        assert moving or (candidate["drb"] < 0.5 and candidate["ssdistnr"] == -999.0)


def test_the_dates_to_step_to_lie_after_each_night(small_sky: NightSky, packets: tuple[Packet, ...]) -> None:
    assert len(small_sky.night_dates) == small_sky.nights
    last = {int(p.jd - 0.5): p.jd for p in packets}
    ends = {int(jd_of(when) - 0.5): jd_of(when) for when in small_sky.night_dates}
    assert all(jd < ends[night] for night, jd in last.items())
    assert {b - a for a, b in pairwise(small_sky.night_dates)} == {timedelta(days=1)}


def test_real_packets_come_by_date_and_their_catalogs_are_empty(packets: tuple[Packet, ...]) -> None:
    sky = PacketSky(packets[100:0:-1])
    middle = packets[50].jd
    assert [p.order for p in sky.packets(0, FOREVER)] == sorted(p.order for p in packets[1:101])
    assert all(p.jd <= middle for p in sky.packets(0, middle))
    assert all(p.jd > middle for p in sky.packets(middle, FOREVER))
    assert sky.night_dates
    assert all(not catalog.rows for catalog in sky.catalogs())


def test_catalogs_know_the_hosts_and_what_people_reported_later(small_sky: NightSky) -> None:
    catalogs = {catalog.name: catalog for catalog in small_sky.catalogs()}
    assert all(catalog.rows for catalog in catalogs.values())
    for row in catalogs["NEDz"].rows:
        assert row.body["RA"] == pytest.approx(row.ra_deg * 0.017453292519943295)
    types = {row.body["type"] for row in catalogs["TNS"].rows}
    assert {None, "SN Ia"} <= types
    columns = {name for catalog in catalogs.values() for name, _ in catalog.columns}
    assert all(row.body.keys() <= columns | {"source_group"} for c in catalogs.values() for row in c.rows)
