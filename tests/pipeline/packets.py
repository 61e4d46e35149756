"""Alerts made by hand, for tests that need a certain light curve."""

from itertools import count

from ampel_watch.sandbox.packets import Packet

RA_DEG, DEC_DEG = 150.0, 20.0
FIDS = {"g": 1, "r": 2, "i": 3}
_numbers = count(1)


def point(jd, mag, band="r", *, candid=None, mag_err=0.05, positive=True, drb=0.95, **more):
    """The fields of a detection; `drb` None leaves it out, as histories do."""
    candid = candid or 2_000_000_000_000_000 + next(_numbers)
    fields = {"jd": jd, "fid": FIDS[band], "pid": candid // 1000, "programid": 1, "candid": candid}
    fields |= {"isdiffpos": "t" if positive else "f", "magpsf": mag, "sigmapsf": mag_err, "diffmaglim": 20.5}
    fields |= {"ra": RA_DEG, "dec": DEC_DEG, "rb": 0.8, "drb": drb, "ssdistnr": -999.0, "ssnamenr": "null"}
    fields |= {"sgscore1": 0.1, "distpsnr1": 2.0, "field": 500, "rcid": 1, "nid": 1}
    return {name: value for name, value in (fields | more).items() if value is not None}


def limit(jd, mag, band="r"):
    """The fields of an upper limit."""
    return {"jd": jd, "fid": FIDS[band], "pid": 1, "programid": 1, "diffmaglim": mag, "field": 500, "rcid": 1, "nid": 1}


def alert(name, jd, mag, band="r", *, history=(), schema="3.3", **more):
    """One alert of a stock, with the points of its history."""
    candidate = point(jd, mag, band, **more)
    return Packet(candidate["candid"], name, jd, candidate, tuple(history), schema, "ZTF (www.ztf.caltech.edu)")
