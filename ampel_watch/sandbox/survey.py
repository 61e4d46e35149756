"""When the simulated survey looks where, and how deep: cadence, weather, seeing and moon.

Every field is visited in g and r every second night, in i every fourth; a good sixth of the nights is lost to weather
and others are hazy. Limits are 5σ in the difference image, around 20.6 mag in g and r in dark time, as of ZTF
(Bellm et al. 2019).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from ampel_watch.sandbox.dates import jd_of

NIGHT_ZERO_JD = 2457754.5
FIRST_EXPOSURE_H = 3.2
NIGHT_LENGTH_H = 9.0
WEATHER_LOSS = 0.16
_DARK_LIMIT_MAG = {1: 20.7, 2: 20.6, 3: 20.0}
_MOON_LOSS_MAG = {1: 1.0, 2: 0.7, 3: 0.4}
_NEW_MOON_JD = 2451550.1
_SYNODIC_MONTH_D = 29.530588


@dataclass(frozen=True, slots=True)
class Field:
    """One pointing of the survey and the readout channel that is simulated in it."""

    id: int
    rcid: int
    ra_deg: float
    dec_deg: float


@dataclass(frozen=True, slots=True)
class Visit:
    """One exposure of one field. `limit_mag` is the 5σ limit, `pid` ZTF's number of the processed image."""

    field: Field
    jd: float
    fid: int
    limit_mag: float
    fwhm_px: float
    seed: str

    @property
    def nid(self) -> int:
        """ZTF's number of the night."""
        return int(self.jd - NIGHT_ZERO_JD)

    @property
    def pid(self) -> int:
        """Night, fraction of the day in five digits, readout channel, and the constant 15."""
        fraction = int((self.jd - NIGHT_ZERO_JD) % 1 * 100_000)
        return ((self.nid * 100_000 + fraction) * 100 + self.field.rcid) * 100 + 15

    def limit_point(self) -> Mapping[str, object]:
        """The upper limit that this visit is in the history of an object it did not detect."""
        return {
            "jd": self.jd,
            "fid": self.fid,
            "pid": self.pid,
            "diffmaglim": self.limit_mag,
            "programid": 1,
            "nid": self.nid,
            "rcid": self.field.rcid,
            "field": self.field.id,
            "rbversion": "t17_f5_c3",
        }


def night_start(first_night: date, night: int) -> datetime:
    """Midnight UTC of a night; at Palomar all of it falls on that UTC date."""
    return datetime.combine(first_night + timedelta(days=night), time(), UTC)


def make_fields(seed: int, first_night: date, count: int) -> tuple[Field, ...]:
    """Fields about the meridian at midnight, so that they are up all night."""
    random = Random(f"{seed}/fields")
    midnight_ra = 360 * ((first_night.timetuple().tm_yday - 80) / 365.25) + 180
    return tuple(
        Field(
            id=random.randrange(300, 800),
            rcid=random.randrange(64),
            ra_deg=(midnight_ra + (i - (count - 1) / 2) * 100 / count) % 360,
            dec_deg=random.uniform(-5, 60),
        )
        for i in range(count)
    )


def moon_illumination(jd: float) -> float:
    """Illuminated fraction of the moon, 0 … 1."""
    return (1 - math.cos(2 * math.pi * (jd - _NEW_MOON_JD) / _SYNODIC_MONTH_D)) / 2


def plan_night(seed: int, first_night: date, night: int, fields: tuple[Field, ...]) -> list[Visit]:
    """The visits of one night in order of time; none if it is lost. Depends on nothing but its arguments."""
    random = Random(f"{seed}/night/{night}")
    if random.random() < WEATHER_LOSS:
        return []
    haze_mag = random.choice((0.0, 0.0, 0.0, 0.3, 0.8))
    start_jd = jd_of(night_start(first_night, night))
    visits = []
    for index, field in enumerate(fields):
        hour = FIRST_EXPOSURE_H + NIGHT_LENGTH_H * (index + random.uniform(0, 0.3)) / len(fields)
        for fid, delay_h in _filters(night + index):
            jd = round(start_jd + (hour + delay_h) / 24, 7)
            visits.append(_expose(random, field, jd, fid, haze_mag, f"{seed}/{night}/{index}/{fid}"))
    return sorted(visits, key=lambda visit: visit.jd)


def _filters(turn: int) -> tuple[tuple[int, float], ...]:
    """The bands of one visit of a field, each with its delay in hours."""
    if turn % 2:
        return ()
    return ((1, 0.0), (2, 0.55), (3, 0.75)) if turn % 4 == 0 else ((2, 0.0), (1, 0.6))


def _expose(random: Random, field: Field, jd: float, fid: int, haze_mag: float, seed: str) -> Visit:
    moonlight = _MOON_LOSS_MAG[fid] * moon_illumination(jd) ** 2
    limit = _DARK_LIMIT_MAG[fid] - haze_mag - moonlight + random.gauss(0, 0.15)
    return Visit(field, jd, fid, round(limit, 6), round(random.uniform(1.5, 3.2), 4), seed)
