"""Alert packets of the simulated survey: the fields of a candidate, of its history, and its cutouts."""

import math
from collections.abc import Mapping
from functools import partial
from random import Random

from ampel_watch.sandbox.cutouts import draw_cutouts
from ampel_watch.sandbox.packets import Document, Packet
from ampel_watch.sandbox.physics import mag_of
from ampel_watch.sandbox.population import Body, Neighbour
from ampel_watch.sandbox.survey import Visit

SCHEMA = "3.3"
PUBLISHER = "ZTF (www.ztf.caltech.edu)"
NOTHING = -999.0


def words(*lines: str) -> tuple[str, ...]:
    """The words of some lines: for long lists of field names."""
    return tuple(" ".join(lines).split())


# The archive's history points hold these fields of a detection, and no more: among others `drb` is never there.
HISTORY_FIELDS = words(
    "jd fid pid diffmaglim programid candid isdiffpos tblid nid rcid field xpos ypos ra dec magpsf sigmapsf",
    "chipsf magap sigmagap distnr magnr sigmagnr chinr sharpnr sky magdiff fwhm classtar mindtoedge magfromlim",
    "seeratio aimage bimage aimagerat bimagerat elong nneg nbad rb ssdistnr ssmagnr ssnamenr sumrat magapbig",
    "sigmagapbig ranr decnr scorr magzpsci magzpsciunc magzpscirms clrcoeff clrcounc rbversion",
)


def candid_of(visit: Visit, number: int, *, positive: bool) -> int:
    """The 64-bit candidate id: exposure, sign and running number within the image."""
    return visit.pid * 1_000_000 + 10_000 + (5_000 if positive else 0) + number


def measure(random: Random, visit: Visit, body: Body, flux: float, noise: float, number: int) -> Document:
    """The candidate record of a detection; `flux` (signed) and its 1σ `noise` are those of the difference image."""
    positive = flux > 0
    mag = mag_of(abs(flux))
    error = math.hypot(1.0857 * noise / abs(flux), 0.015)
    candid = candid_of(visit, number, positive=positive)
    ra = body.ra_deg + random.gauss(0, 0.09) / 3600 / math.cos(math.radians(body.dec_deg))
    record = {
        "jd": visit.jd,
        "fid": visit.fid,
        "pid": visit.pid,
        "diffmaglim": visit.limit_mag,
        "programid": 1,
        "candid": candid,
        "isdiffpos": "t" if positive else "f",
        "tblid": number,
        "nid": visit.nid,
        "rcid": visit.field.rcid,
        "field": visit.field.id,
        "ra": round(ra, 7),
        "dec": round(body.dec_deg + random.gauss(0, 0.09) / 3600, 7),
        "magpsf": round(mag, 6),
        "sigmapsf": round(error, 6),
        "magap": round(mag + random.gauss(0, error), 4),
        "sigmagap": round(1.6 * error, 4),
        "scorr": round(abs(flux) / noise, 5),
    }
    return record | _image(random, visit, mag, body.real_bogus) | _reference(body.neighbour)


def _image(random: Random, visit: Visit, mag: float, real_bogus: float) -> Document:
    """Fields that describe the image and the shape of the source in it."""
    bogus = real_bogus < 0.5
    x, y = random.uniform(20, 3050), random.uniform(20, 3060)
    drb = min(0.9999, max(0.0, real_bogus + random.gauss(0, 0.05)))
    return {
        "xpos": round(x, 4),
        "ypos": round(y, 4),
        "chipsf": round(random.lognormvariate(1.5 if bogus else 0.1, 0.4), 5),
        "sky": round(random.gauss(0, 0.4), 6),
        "magdiff": round(random.gauss(0, 0.1), 6),
        "fwhm": round(visit.fwhm_px * random.uniform(*((0.4, 2.5) if bogus else (0.9, 1.15))), 4),
        "classtar": round(random.uniform(0.6, 1.0), 3),
        "mindtoedge": round(min(x, y, 3072 - x, 3080 - y), 4),
        "magfromlim": round(visit.limit_mag - mag, 6),
        "seeratio": round(random.uniform(0.8, 2.0), 6),
        "aimage": 0.78,
        "bimage": 0.7,
        "aimagerat": 0.42,
        "bimagerat": 0.38,
        "elong": round(random.uniform(1.3, 2.6) if bogus else random.uniform(1.0, 1.3), 5),
        "nneg": random.randint(5, 14) if bogus else random.randint(0, 6),
        "nbad": random.randint(0, 4) if bogus else 0,
        "rb": round(min(0.99, max(0.01, real_bogus - 0.1 + random.gauss(0, 0.09))), 6),
        "sumrat": round(random.uniform(0.3, 0.8) if bogus else random.uniform(0.9, 1.0), 6),
        "magapbig": round(mag + random.gauss(0, 0.1), 4),
        "sigmagapbig": 0.1,
        "rbversion": "t17_f5_c3",
        "magzpsci": 26.2,
        "magzpsciunc": 1e-06,
        "magzpscirms": 0.03,
        "clrcoeff": 0.08,
        "clrcounc": 2.6e-06,
        "drb": round(drb, 7),
        "drbversion": "d6_m7",
        "exptime": 30.0,
        "tooflag": 0,
    }


def _reference(neighbour: Neighbour) -> Document:
    """Fields that describe the reference image and the catalogued neighbours; no solar-system object is near."""
    star = neighbour.star_score > 0.5
    return {
        "distnr": round(neighbour.dist_arcsec, 6),
        "magnr": neighbour.mag_r,
        "sigmagnr": 0.03,
        "chinr": 0.6 if star else 3.1,
        "sharpnr": 0.01 if star else 0.4,
        "ranr": neighbour.ra_deg,
        "decnr": neighbour.dec_deg,
        "ssdistnr": NOTHING,
        "ssmagnr": NOTHING,
        "ssnamenr": "null",
        "sgmag1": round(neighbour.mag_r + 0.5, 4),
        "srmag1": neighbour.mag_r,
        "simag1": round(neighbour.mag_r - 0.3, 4),
        "szmag1": round(neighbour.mag_r - 0.4, 4),
        "sgscore1": neighbour.star_score,
        "distpsnr1": round(neighbour.dist_arcsec, 6),
        "objectidps1": 10**17 + int(neighbour.ra_deg * 1e9),
        "neargaia": 0.1 if star else NOTHING,
        "neargaiabright": NOTHING,
        "maggaia": neighbour.mag_r if star else NOTHING,
        "maggaiabright": NOTHING,
        **_FAR_NEIGHBOURS,
        **_IMAGE_CONSTANTS,
    }


_FAR_NEIGHBOURS: Document = {
    f"{key}{rank}": value
    for rank in (2, 3)
    for key, value in {
        "sgmag": NOTHING, "srmag": NOTHING, "simag": NOTHING, "szmag": NOTHING,
        "sgscore": NOTHING, "distpsnr": NOTHING, "objectidps": 0,
    }.items()
}  # fmt: skip
_IMAGE_CONSTANTS: Document = {
    "nmtchps": 6, "rfid": 737120201, "jdstartref": 2458274.976238, "jdendref": 2458345.886192, "nframesref": 15,
    "dsnrms": 5.5, "ssnrms": 8.5, "dsdiff": -3.0, "nmatches": 2089, "zpclrcov": -1.57e-06,
    "zpmed": 26.2, "clrmed": 0.54, "clrrms": 0.22,
}  # fmt: skip


def history_point(random: Random, candidate: Mapping[str, object]) -> Document:
    """A detection as later packets' histories repeat it: fewer fields, and now and then a digit for the sign."""
    point = {key: candidate[key] for key in HISTORY_FIELDS}
    if random.random() < 0.06:
        point["isdiffpos"] = {"t": "1", "f": "0"}[str(point["isdiffpos"])]
    if random.random() < 0.3:
        for key in ("ssdistnr", "ssmagnr", "ssnamenr"):
            del point[key]
    return point


def make_packet(name: str, candidate: Document, history: tuple[Document, ...], cover: tuple[int, int, float]) -> Packet:
    """The packet of a candidate; `cover` is (detections so far, visits so far, jd of the first detection)."""
    detections, visits, first_jd = cover
    candidate |= {"ndethist": detections, "ncovhist": visits, "jdstarthist": first_jd, "jdendhist": candidate["jd"]}
    candid = candidate["candid"]
    return Packet(
        candid=candid,
        name=name,
        jd=candidate["jd"],
        candidate=candidate,
        history=history,
        schema=SCHEMA,
        publisher=PUBLISHER,
        cutouts=partial(
            draw_cutouts,
            candid,
            difference_mag=candidate["magpsf"] * (1 if candidate["isdiffpos"] == "t" else -1),
            reference=(candidate["distnr"], candidate["magnr"]),
            limit_mag=candidate["diffmaglim"],
        ),
    )
