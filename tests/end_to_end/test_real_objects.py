"""Real objects, night by night: what events say of them beside a reckoning of its own, straight from the packets.

Nothing of the program is used on the reckoning's side: fastavro reads the packets, astropy knows the sky, and the rest
is written down here from the definitions of the kinds of change and of the rule names.
"""

import io
import math
import re
import tarfile
from collections import Counter
from datetime import UTC, datetime, timedelta

import fastavro
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.cosmology import Planck18

from ampel_watch.sandbox import PacketSky, open_packets
from ampel_watch.sandbox.catalogs import Row
from ampel_watch.sandbox.packets import Packet

JD_OF_1970 = 2440587.5
BANDS = {1: "g", 2: "r", 3: "i"}
CHANNEL = "SANDBOX_ALL"
DIRECTIONS = ("brightening", "fading")
JUMP_MAG = 0.3
KINDS = f"[channel_match, detection, {{brightening: {JUMP_MAG}}}, {{fading: {JUMP_MAG}}}]"
WATCHES = f"""
  - {{name: all, channels: [{CHANNEL}], every: 5m, on: {KINDS}, notify: [memory]}}
  - {{name: keen, channels: [{CHANNEL}], every: 5m, on: {KINDS}, jump: {{min_sigma: 1}}, notify: [memory]}}
"""
SEVERAL_ALERTS = "ZTF18abxhyqv"
# A galaxy beside it that is not there in reality.
HOST_Z, HOST_NORTH_ARCSEC = 0.05, 4.0

# Read off the packets, to three digits: the newest magnitude, its band, the number of positive detections.
BY_EYE = {
    "ZTF18abeclfl": (18.383, "g", 28),
    "ZTF18abfaepq": (15.908, "r", 22),
    "ZTF18abnvuas": (19.085, "g", 1),
    "ZTF18aaxcyzb": (19.267, "r", 5),  # schema 1.8
    "ZTF18aasnghx": (17.798, "g", 5),  # schema 1.8, first fainter, then brighter than the reference image
    "ZTF18abaqwse": (None, None, 0),  # nothing but negative subtractions
}


@pytest.fixture(scope="module")
def records(shared):
    """Every alert that can be read, by the name of its object and in order of time."""
    found = {}
    for archive in sorted((shared / "ztf-alerts").glob("*.tar.gz")):
        with tarfile.open(archive) as files:
            for member in files:
                if member.name.endswith(".avro"):
                    for record in readable(files.extractfile(member).read()):
                        found.setdefault(record["objectId"], {})[record["candid"]] = record
    return {name: sorted(own.values(), key=lambda alert: alert["candidate"]["jd"]) for name, own in found.items()}


def readable(content):
    """The records of an Avro file up to where it is damaged."""
    records = []
    try:
        for record in fastavro.reader(io.BytesIO(content)):
            records.append(record)  # noqa: PERF402 - what comes before the damage is kept
    except (ValueError, IndexError):
        pass
    return records


class Known:
    """What the alerts issued until a time say of an object: all its detections in order, and the positive ones."""

    def __init__(self, alerts, now):
        self.jd_now = now.timestamp() / 86400 + JD_OF_1970
        issued = [alert for alert in alerts if alert["candidate"]["jd"] <= self.jd_now]
        points = [p for alert in issued for p in (*(alert["prv_candidates"] or ()), alert["candidate"])]
        points = [p for p in points if p["candid"] is not None]
        newest = {}
        for point in sorted(points, key=lambda point: point["candid"]):
            newest[point["jd"], point["fid"]] = point  # what was processed again counts once
        self.detections = sorted(newest.values(), key=lambda point: point["jd"])
        self.positive = [point for point in self.detections if point["isdiffpos"] in ("t", "1")]

    @property
    def position(self):
        return tuple(float(np.median([point[axis] for point in self.detections])) for axis in ("ra", "dec"))

    def color_gr(self):
        """g − r of the closest two in the newest night with both."""
        pairs = [
            (max(g["jd"], r["jd"]), abs(g["jd"] - r["jd"]), g["magpsf"] - r["magpsf"])
            for g in self.positive
            for r in self.positive
            if (g["fid"], r["fid"]) == (1, 2) and abs(g["jd"] - r["jd"]) <= 0.5
        ]
        of_newest_night = [pair for pair in pairs if pair[0] >= max(pairs)[0] - 0.5]
        return min(of_newest_night, key=lambda pair: pair[1])[2] if pairs else None

    def features(self):
        values = dict.fromkeys(["mag", "mag_err", "band", "peak_mag", "age_d", "ssdist_arcsec", "color_gr"])
        values["ndet"] = len(self.positive)
        ra_deg, dec_deg = self.position
        values |= {"ra_deg": ra_deg, "dec_deg": dec_deg}
        values["gal_b_deg"] = float(SkyCoord(ra_deg, dec_deg, unit="deg").galactic.b.deg)
        if self.positive:
            newest = self.positive[-1]
            values |= {"mag": newest["magpsf"], "mag_err": newest["sigmapsf"], "band": BANDS[newest["fid"]]}
            values["peak_mag"] = min(point["magpsf"] for point in self.positive)
            values["age_d"] = self.jd_now - self.positive[0]["jd"]
            distance = newest.get("ssdistnr")
            values["ssdist_arcsec"] = None if distance in (None, -999.0) else distance
            values["color_gr"] = self.color_gr()
        return values


def jumps(points, *, direction, min_sigma, reference=None):
    """Jumps among points of one band: (magnitude before, magnitude after), with the reference that moves along."""
    found = []
    for point in points:
        if reference is None:
            reference = point
            continue
        flux, old_flux = (10 ** (-0.4 * (p["magpsf"] - 23.9)) for p in (point, reference))
        errors = (f * p["sigmapsf"] * math.log(10) / 2.5 for f, p in ((flux, point), (old_flux, reference)))
        if abs(flux - old_flux) < min_sigma * math.hypot(*errors):
            continue
        change = (point["magpsf"] - reference["magpsf"]) * (1 if direction == "fading" else -1)
        if change >= JUMP_MAG:
            found.append((reference, point))
        if change >= JUMP_MAG or change < 0:
            reference = point
    return found


def assert_says_what_the_packets_say(event, known):
    expected = known.features()
    for name, value in expected.items():
        if isinstance(value, float):
            near = 3e-5 if name in ("ra_deg", "dec_deg", "gal_b_deg") else 1e-4  # 0.1″: which versions count
            assert event.features[name] == pytest.approx(value, rel=0, abs=near), (event.stock.name, name)
        else:
            assert event.features[name] == value, (event.stock.name, name)
    at = (event.stock.ra_deg, event.stock.dec_deg)
    assert at == pytest.approx(known.position, rel=0, abs=3e-5)
    assert event.missing == ()


def assert_reads_well(event, mag):
    """The sentence for the phone; `mag` is the magnitude that it tells, if any."""
    assert event.summary.startswith(f"{event.stock.name} ")
    assert not re.search(r"\b(nan|None|null|inf)\b|-999", event.summary, re.IGNORECASE)
    told = re.findall(r"(\d+\.\d+) ± \d", event.summary)
    assert [float(number) for number in told] == ([] if mag is None else [pytest.approx(mag, abs=0.00501)])


async def watch_nights(bench, nights):
    """Look once in the evening after each night, and once more."""
    first = await bench.once()
    assert first.good, first.report
    for night in nights:
        bench.clock.date = night + timedelta(hours=3)
        bench.sandbox.advance(bench.clock.date)
        done = await bench.once()
        assert done.good, done.report
        assert (await bench.once()).events == 0
    return bench.memory.received


def set_up(bench, watches):
    bench.services = ("live", "archive", "catalog")
    bench.enriched = True
    bench.patience_s = 30
    bench.configure(watches)


@pytest.fixture
async def told(shared, workbench, records):
    """All events of the nights of the packets, damaged files among them; the object with several alerts has a host."""
    sky, report = open_packets(shared / "ztf-alerts")
    assert report.damaged
    async with workbench(sky, sky.night_dates[0] - timedelta(days=1)) as bench:
        set_up(bench, WATCHES)
        ra_deg, dec_deg = Known(records[SEVERAL_ALERTS], sky.night_dates[-1]).position
        host = {"ra": ra_deg, "dec": dec_deg + HOST_NORTH_ARCSEC / 3600, "z": HOST_Z, "z_err": 1e-5}
        bench.sandbox.catalogs.add_row("SDSS_spec", "extcats", Row(host["ra"], host["dec"], host))
        yield await watch_nights(bench, sky.night_dates)


def date_of(jd):
    return datetime.fromtimestamp((jd - JD_OF_1970) * 86400, UTC)


def night_of(event):
    return event.time.date().isoformat()


def accepted(alert):
    """Whether the channel takes an alert: everything that is no artefact."""
    drb = alert["candidate"].get("drb")
    return drb > 0.5 if drb is not None else alert["candidate"]["rb"] > 0.5


async def test_each_object_enters_once_with_the_features_of_its_packets_and_its_history_is_no_news(told, records):
    entries = [event for event in told if (event.watch, event.kind) == ("all", "channel_match")]
    entered = {event.stock.name: event for event in entries}
    firsts = {name: next(filter(accepted, alerts), None) for name, alerts in records.items()}
    jd_of_entry = {name: alert["candidate"]["jd"] for name, alert in firsts.items() if alert is not None}
    assert Counter(event.stock.name for event in entries) == Counter(jd_of_entry.keys())
    for name, event in entered.items():
        assert night_of(event) == date_of(jd_of_entry[name]).date().isoformat()
        known = Known(records[name], event.time)
        assert_says_what_the_packets_say(event, known)
        assert_reads_well(event, known.features()["mag"])
    later = {event.stock.name for event in told if event.kind != "channel_match"}
    assert later == {SEVERAL_ALERTS}, "all others have one alert, whatever its history holds"
    schemas = Counter(records[name][0].get("schemavsn") for name in entered)
    assert schemas[None] > 5, "the archive cannot show alerts of schema 1.8, but their points"
    for name, (mag, band, ndet) in BY_EYE.items():
        features = entered[name].features
        assert (features["band"], features["ndet"]) == (band, ndet)
        assert features["mag"] == (None if mag is None else pytest.approx(mag, abs=6e-4))


async def test_the_later_alerts_of_an_object_are_detections_and_jumps_beyond_the_error(told, records):
    alerts = records[SEVERAL_ALERTS]
    mine = [event for event in told if event.stock.name == SEVERAL_ALERTS]
    detections = [event for event in mine if (event.watch, event.kind) == ("all", "detection")]
    assert [night_of(event) for event in detections] == ["2019-05-30", "2019-06-02", "2019-06-05"]
    for event, alert in zip(detections, alerts[1:], strict=True):
        assert (event.after["candid"], event.after["detections"]) == (alert["candid"], 1)
        assert_reads_well(event, alert["candidate"]["magpsf"])
    for event in mine:
        assert_says_what_the_packets_say(event, Known(alerts, event.time))
    red = [point for point in Known(alerts, mine[-1].time).positive if point["fid"] == 2]
    for watch, min_sigma in (("all", 3), ("keen", 1)):
        expected = {kind: jumps(red, direction=kind, min_sigma=min_sigma) for kind in DIRECTIONS}
        assert_jumps([event for event in mine if event.watch == watch], expected)
    assert Counter(event.watch for event in mine if event.kind == "fading") == {"keen": 1}, "the errors are large"


def assert_jumps(events, expected):
    for kind, pairs in expected.items():
        found = [event for event in events if event.kind == kind]
        assert [(event.before["mag"], event.after["mag"]) for event in found] == [
            (pytest.approx(before["magpsf"], abs=1e-3), pytest.approx(after["magpsf"], abs=1e-3))
            for before, after in pairs
        ]
        for event, (before, after) in zip(found, pairs, strict=True):
            assert event.after["delta_mag"] == pytest.approx(abs(after["magpsf"] - before["magpsf"]), abs=1e-3)
            assert_reads_well(event, after["magpsf"])


async def test_distance_and_luminosity_are_those_of_the_host(told, records):
    mine = [event for event in told if event.stock.name == SEVERAL_ALERTS]
    assert len(mine) >= 5
    ra_deg, dec_deg = Known(records[SEVERAL_ALERTS], mine[-1].time).position
    host = SkyCoord(ra_deg, dec_deg + HOST_NORTH_ARCSEC / 3600, unit="deg")
    for event in mine:
        known = Known(records[SEVERAL_ALERTS], event.time)
        offset_arcsec = SkyCoord(*known.position, unit="deg").separation(host).arcsec
        features = event.features
        assert (features["z"], features["z_source"]) == (HOST_Z, "SDSS_spec")
        assert features["host_offset_arcsec"] == pytest.approx(offset_arcsec, abs=0.01)
        kpc = offset_arcsec / 60 * Planck18.kpc_proper_per_arcmin(HOST_Z).value
        assert features["host_offset_kpc"] == pytest.approx(kpc, rel=5e-3)
        assert features["dist_mpc"] == pytest.approx(Planck18.luminosity_distance(HOST_Z).value, rel=1e-3)
        modulus_mag = Planck18.distmod(HOST_Z).value
        assert features["abs_mag"] == pytest.approx(known.positive[-1]["magpsf"] - modulus_mag, abs=2e-3)
        assert "z 0.05" in event.summary


REPLAYED = ("ZTF18abfaepq", "ZTF18abeclfl", "ZTF18aaxkqbx")
FIRST_LOOK_JD = 2458331.25  # 18:00 UTC


@pytest.fixture
def replay(records):
    """Every real measurement of some objects as an alert of its own, as it was issued in its night."""
    points = {name: Known(records[name], datetime(2019, 1, 1, tzinfo=UTC)).detections for name in REPLAYED}
    assert all(point["rb"] >= 0.3 for own in points.values() for point in own), "none is doubtful"
    return {
        name: [{"objectId": name, "candid": p["candid"], "candidate": p, "prv_candidates": []} for p in own]
        for name, own in points.items()
    }


def packet_of(alert):
    point = {key: value for key, value in alert["candidate"].items() if value is not None}
    return Packet(alert["candid"], alert["objectId"], point["jd"], point, (), "3.0", "ZTF (www.ztf.caltech.edu)")


async def test_real_measurements_one_night_after_the_other_jump_where_the_reckoning_jumps(workbench, replay):
    sky = PacketSky([packet_of(alert) for alerts in replay.values() for alert in alerts])
    start = date_of(FIRST_LOOK_JD)
    async with workbench(sky, start) as bench:
        on = KINDS.replace("channel_match, ", "")
        set_up(bench, f"  - {{name: mine, stocks: [{', '.join(REPLAYED)}], every: 5m, on: {on}, notify: [memory]}}\n")
        for name in REPLAYED:
            bench.sandbox.enter(name, CHANNEL)
        events = await watch_nights(bench, [night for night in sky.night_dates if night > start])
    kinds = Counter((event.kind, event.stock.name) for event in events)
    assert kinds["brightening", "ZTF18abfaepq"] >= 2
    assert kinds["fading", "ZTF18aaxkqbx"] + kinds["brightening", "ZTF18aaxkqbx"] >= 2
    for name, alerts in replay.items():
        assert_told_as_observed([event for event in events if event.stock.name == name], alerts)


def assert_told_as_observed(events, alerts):
    later = [a["candidate"] for a in alerts if a["candidate"]["jd"] > FIRST_LOOK_JD]
    positive = [point for point in later if point["isdiffpos"] in ("t", "1")]
    per_night = Counter(date_of(point["jd"]).date().isoformat() for point in positive)
    detections = [event for event in events if event.kind == "detection"]
    assert {night_of(event): event.after["detections"] for event in detections} == dict(per_night)
    assert len(detections) == len(per_night)
    for event in events:
        known = Known(alerts, event.time)
        assert_says_what_the_packets_say(event, known)
        if event.kind == "detection":
            assert_reads_well(event, known.positive[-1]["magpsf"])
    known = Known(alerts, events[-1].time)
    for fid, band in BANDS.items():
        points = [point for point in known.positive if point["fid"] == fid]
        before = [point for point in points if point["jd"] <= FIRST_LOOK_JD]
        after = [point for point in points if point["jd"] > FIRST_LOOK_JD]
        reference = before[-1] if before else None
        expected = {kind: jumps(after, direction=kind, min_sigma=3, reference=reference) for kind in DIRECTIONS}
        assert_jumps([event for event in events if event.after["band"] == band], expected)
