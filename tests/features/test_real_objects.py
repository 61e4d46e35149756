"""Features of real objects beside a notebook's: numpy, scipy and astropy on the packets as they came.

Nothing of the product is used on the notebook's side but the reader of Avro files; the numbers in `BY_EYE` were read
off the packets.
"""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import BarycentricMeanEcliptic, SkyCoord

from ampel_watch.features import features_of
from ampel_watch.lightcurve import light_curve_of
from ampel_watch.model import Alert
from ampel_watch.sandbox import open_packets
from tests.features.curves import at, fitted_rate

BANDS = {1: "g", 2: "r", 3: "i"}
HALF_HOUR_D = 0.5 / 24

# Schema 3.0, two bands every few nights; the last night has no r.
ECLFL = {"ndet": 28, "ndet_g": 13, "ndet_r": 15, "nneg": 0, "candid": 595213713515015023, "band": "g", "mag": 18.383}
ECLFL |= {"peak_mag": 15.829, "peak_band": "r", "color_gr": 18.423 - 15.844, "decline_rate_mag_d": None}
ECLFL |= {"last_limit_mag": None, "age_d": 2458349.7137 + 1.5 - 2458319.7728}
# Schemas 3.1 and 3.2, four alerts, the first of them 200 d before the others; `isdiffpos` is 1 in the histories.
XHYQV = {"ndet": 7, "ndet_g": 0, "ndet_r": 6, "ndet_i": 1, "nneg": 0, "candid": 885458643115015010, "mag": 19.187}
XHYQV |= {"peak_mag": 18.883, "peak_band": "i", "mag_i_err": 0.217, "peak_mag_r": 18.992, "color_gr": None}
XHYQV |= {"last_limit_mag": 20.701, "last_limit_band": "g", "limit_age_d": 2458639.9586 + 1.5 - 2458426.8362}
# Schema 1.8, r alone, limits in between.
AXCYZB = {"ndet": 5, "ndet_g": 0, "ndet_r": 5, "nneg": 0, "candid": 516401800615015114, "mag": 19.267, "mag_err": 0.183}
AXCYZB |= {"peak_mag": 18.987, "peak_jd": 2458268.9234, "last_limit_mag": 20.392, "drb": None, "color_gr": None}
# Schema 1.8, in a damaged file; first fainter, then brighter than the reference.
ASNGHX = {"ndet": 5, "ndet_g": 3, "ndet_r": 2, "nneg": 5, "mag": 17.798, "color_gr": 17.798 - 15.557}
ASNGHX |= {
    "rise_rate_r_mag_d": (15.882 - 15.557) / (70.9018 - 68.9234),
    "last_limit_mag": 19.397,
    "age_d": 72.4423 - 68.9234,
}
# Up to three candids in one exposure.
AKYUII = {"ndet": 11, "ndet_g": 6, "ndet_r": 5, "nneg": 1, "mag": 15.177, "peak_mag": 14.832, "peak_band": "g"}
AKYUII |= {"rise_rate_mag_d": (15.984 - 15.177) / (49.7289 - 46.8295), "mag_r": 15.127}
# Nothing but negative subtractions.
ABAQWSE = {"ndet": 0, "nneg": 44, "mag": None, "band": None, "candid": None, "age_d": None, "last_limit_mag": None}
BY_EYE = {
    "ZTF18abeclfl": ECLFL,
    "ZTF18abxhyqv": XHYQV,
    "ZTF18aaxcyzb": AXCYZB,
    "ZTF18aasnghx": ASNGHX,
    "ZTF18aakyuii": AKYUII,
    "ZTF18abaqwse": ABAQWSE,
}
"""Values read off the packets, to three digits after the point."""


@pytest.fixture(scope="module")
def packets(shared):
    _, report = open_packets(shared / "ztf-alerts")
    found = {}
    for packet in report.packets:
        found.setdefault(packet.name, []).append(packet)
    return found


def raw_points(packets):
    """Every detection of an object by candid, that of an alert before that of a history; and every limit."""
    histories = [point for packet in packets for point in packet.history]
    detections = {point["candid"]: point for point in histories if "magpsf" in point}
    detections |= {packet.candid: packet.candidate for packet in packets}
    exposures = {(point["jd"], point["fid"]) for point in detections.values()}
    limits = [p for p in histories if "magpsf" not in p and 10 <= p["diffmaglim"] <= 25]
    return list(detections.values()), [p for p in limits if (p["jd"], p["fid"]) not in exposures]


def newest_versions(points):
    ordered = sorted(points, key=lambda point: (point["jd"], point["candid"]))
    return list({(point["jd"], point["fid"]): point for point in ordered}.values())


def rate(points):
    """(rate, error) of raw points of one band; (None, None) if they span too little."""
    if not points or np.ptp([point["jd"] for point in points]) <= HALF_HOUR_D:
        return None, None
    start = points[0]["jd"]
    measured = [at(p["jd"] - start, p["magpsf"], err=p["sigmapsf"]) for p in points]
    return fitted_rate(measured)


def of_band(points, band, suffix):
    """The values of one band under the names of features; `suffix` is empty for the band of the newest detection."""
    recent = [point for point in points if point["jd"] >= points[-1]["jd"] - 10]
    peak = min(points, key=lambda point: point["magpsf"])
    later = [point for point in points if peak["jd"] <= point["jd"] <= peak["jd"] + 30]
    (rise, rise_err), (brightening, decline_err) = rate(recent), rate(later)
    return {
        f"rise_rate{suffix}_mag_d": rise,
        f"rise_rate{suffix}_err_mag_d": rise_err,
        f"decline_rate{suffix}_mag_d": None if brightening is None else -brightening,
        f"decline_rate{suffix}_err_mag_d": decline_err,
        f"mag_{band}": points[-1]["magpsf"],
        f"mag_{band}_err": points[-1]["sigmapsf"],
        f"peak_mag_{band}": peak["magpsf"],
        f"peak_mag_{band}_err": peak["sigmapsf"],
        f"ndet_{band}": len(points),
    }


def colour(points):
    """g − r and its error from matrices of all time differences."""
    green, red = ([p for p in points if p["fid"] == fid] for fid in (1, 2))
    if not (green and red):
        return {}
    jd_g, jd_r = np.array([p["jd"] for p in green])[:, None], np.array([p["jd"] for p in red])[None, :]
    apart, end = np.abs(jd_g - jd_r), np.maximum(jd_g, jd_r)
    if apart.min() > 0.5:
        return {}
    of_newest_night = (apart <= 0.5) & (end >= end[apart <= 0.5].max() - 0.5)
    g, r = np.unravel_index(np.where(of_newest_night, apart, np.inf).argmin(), apart.shape)
    return {
        "color_gr": green[g]["magpsf"] - red[r]["magpsf"],
        "color_gr_err": math.sqrt(green[g]["sigmapsf"] ** 2 + red[r]["sigmapsf"] ** 2),
    }


def place(everything, positive):
    ra, dec = (np.median([point[name] for point in everything]) for name in ("ra", "dec"))
    center = SkyCoord(ra, dec, unit="deg")
    offsets = center.separation(SkyCoord([p["ra"] for p in positive], [p["dec"] for p in positive], unit="deg"))
    ecliptic = center.transform_to(BarycentricMeanEcliptic(equinox="J2000"))
    rms = float(np.sqrt(np.mean(offsets.to_value(u.arcsec) ** 2))) if len(positive) > 1 else None
    return {
        "ra_deg": float(ra),
        "dec_deg": float(dec),
        "position_scatter_arcsec": rms,
        "gal_l_deg": float(center.galactic.l.deg),
        "gal_b_deg": float(center.galactic.b.deg),
        "ecl_lon_deg": float(ecliptic.lon.deg),
        "ecl_b_deg": float(ecliptic.lat.deg),
    }


def or_none(value):
    """A value of a packet; -999 and the text `null` say that there is none."""
    return None if value in (None, -999.0, "null") else value


def of_newest(points):
    newest, peak = points[-1], min(points, key=lambda point: point["magpsf"])
    scored = [point for point in points if or_none(point.get("sgscore1")) is not None]
    return {
        "mag": newest["magpsf"],
        "mag_err": newest["sigmapsf"],
        "band": BANDS[newest["fid"]],
        "jd": newest["jd"],
        "candid": newest["candid"],
        "drb": or_none(newest.get("drb")),
        "rb": or_none(newest.get("rb")),
        "ssdist_arcsec": or_none(newest.get("ssdistnr")),
        "ssname": or_none(newest.get("ssnamenr")),
        "star_score": scored[-1]["sgscore1"] if scored else None,
        "star_score_dist_arcsec": scored[-1]["distpsnr1"] if scored else None,
        "peak_mag": peak["magpsf"],
        "peak_mag_err": peak["sigmapsf"],
        "peak_band": BANDS[peak["fid"]],
        "peak_jd": peak["jd"],
    }


def notebook(packets, jd_now):
    """All features of an object, from its packets."""
    detections, limits = raw_points(packets)
    signs = {point["candid"]: point["isdiffpos"] in ("t", "1") for point in detections}
    positive = newest_versions([point for point in detections if signs[point["candid"]]])
    values = {"ndet": len(positive), "ndet_g": 0, "ndet_r": 0, "ndet_i": 0}
    values["nneg"] = len(newest_versions([point for point in detections if not signs[point["candid"]]]))
    values |= place(detections, positive)
    if not positive:
        return values
    values |= of_newest(positive) | colour(positive)
    for fid, band in BANDS.items():
        points = [point for point in positive if point["fid"] == fid]
        values |= of_band(points, band, f"_{band}") if points else {}
        values |= of_band(points, band, "") if fid == positive[-1]["fid"] else {}
    values["age_d"] = jd_now - positive[0]["jd"]
    before = [limit for limit in limits if limit["jd"] < positive[0]["jd"]]
    if before:
        last = max(before, key=lambda limit: limit["jd"])
        values |= {"last_limit_mag": last["diffmaglim"], "last_limit_band": BANDS[last["fid"]]}
        values["limit_age_d"] = jd_now - last["jd"]
    return values


def tolerance(name, expected):
    """How far the two may differ: coordinates by the frame bias of astropy (0.02″) and by the median of right
    ascensions instead of directions; fits by where they stop."""
    if name.endswith("_mag_d"):
        return 1e-6
    if name in ("gal_l_deg", "ecl_lon_deg"):
        return 1e-5 / math.cos(math.radians(expected["gal_b_deg" if name == "gal_l_deg" else "ecl_b_deg"]))
    return 1e-5 if name.endswith(("_deg", "_arcsec")) else 1e-9


def product(packets, jd_now):
    alerts = [Alert(p.candid, p.name, p.jd, p.candidate, p.history) for p in packets]
    return features_of(light_curve_of(alerts), jd_now)


def assert_as_in_the_notebook(packets):
    jd_now = packets[-1].jd + 1.5
    expected = notebook(packets, jd_now)
    for name, value in asdict(product(packets, jd_now)).items():
        known = expected.get(name)
        if isinstance(known, float):
            assert value == pytest.approx(known, rel=0, abs=tolerance(name, expected)), name
        else:
            assert value == known, name


@pytest.mark.parametrize("name", BY_EYE)
def test_every_feature_is_that_of_the_notebook(packets, name):
    assert_as_in_the_notebook(packets[name])


@pytest.mark.parametrize(("name", "read"), BY_EYE.items())
def test_features_are_what_is_read_off_the_packets(packets, name, read):
    features = asdict(product(packets[name], packets[name][-1].jd + 1.5))
    for feature, value in read.items():
        near = pytest.approx(value, rel=0, abs=1.5e-3) if isinstance(value, float) else value
        assert features[feature] == near, feature


def test_so_it_is_for_all_other_objects(packets):
    others = packets.keys() - BY_EYE
    assert len(others) == 38
    for name in sorted(others):
        assert_as_in_the_notebook(packets[name])


def test_the_order_in_which_alerts_come_changes_nothing(packets):
    alerts = packets["ZTF18abxhyqv"]
    assert product(alerts[::-1], alerts[-1].jd) == product(alerts, alerts[-1].jd)


def test_a_packets_own_score_is_the_newest_ones_and_histories_have_none(packets):
    newest = max(packets["ZTF18abxhyqv"], key=lambda packet: packet.order)
    assert "drb" not in newest.candidate
    scored = [replace(newest, candidate={**newest.candidate, "drb": 0.75})]
    assert product(scored, newest.jd).drb == 0.75
