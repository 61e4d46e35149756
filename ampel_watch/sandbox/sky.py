"""Where alerts come from: a seeded simulation of a survey's nights, or real packets from files.

Both are a `Source`: packets in order of (jd, candid), asked for by date. The simulation is a function of its seed
alone: how far it is advanced at a time makes no difference.
"""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Protocol

from ampel_watch.sandbox.alerts import history_point, make_packet, measure
from ampel_watch.sandbox.catalogs import Catalog, empty_catalogs, sky_catalogs
from ampel_watch.sandbox.dates import datetime_of_jd, jd_of
from ampel_watch.sandbox.packets import Document, Packet, PacketReport, read_packets
from ampel_watch.sandbox.physics import flux_of, mag_of
from ampel_watch.sandbox.population import Body, Names, Neighbour, galactic_nuclei, place, supernovae, variable_stars
from ampel_watch.sandbox.survey import Visit, make_fields, night_start, plan_night

HISTORY_D = 30.0
DETECTION_SNR = 5.0
SATURATION_MAG = 12.5


class Source(Protocol):
    """Alerts by date, and the catalogs of the sky that they come from."""

    @property
    def night_dates(self) -> tuple[datetime, ...]:
        """For each night a date after its last exposure and before the next night: steps for a test."""
        ...

    def packets(self, after_jd: float, until_jd: float) -> Sequence[Packet]:
        """Packets with after_jd < jd ≤ until_jd, in order of (jd, candid)."""
        ...

    def catalogs(self) -> tuple[Catalog, ...]:
        """What the catalog service knows of this sky."""
        ...


@dataclass(frozen=True, slots=True)
class SkySettings:
    """How rich the simulated sky is. Numbers are those of the whole survey, rates are per night."""

    fields: int = 6
    supernovae_per_night: float = 4.0
    agn: int = 50
    variable_stars: int = 60
    asteroids_per_night: int = 10
    bogus_per_night: int = 12


@dataclass(slots=True)
class _Track:
    """What the survey has seen of one body so far: jd of a visit → its point for later histories."""

    points: dict[float, Document] = field(default_factory=dict)
    count: int = 0
    first_jd: float = 0.0


class NightSky:
    """A simulated sky of some nights, observed from `first_night` on."""

    def __init__(self, seed: int, first_night: date, nights: int = 60, settings: SkySettings | None = None) -> None:
        self.first_night = first_night
        self.nights = nights
        self._seed = seed
        self._settings = settings or SkySettings()
        self._fields = make_fields(seed, first_night, self._settings.fields)
        self._names = Names(Random(f"{seed}/names"))
        self._bodies = self._populate()
        self._tracks: dict[str, _Track] = {}
        self._visits: dict[int, list[Visit]] = {field.id: [] for field in self._fields}
        self._packets: list[Packet] = []
        self._grown = 0

    @property
    def bodies(self) -> tuple[Body, ...]:
        """Every lasting object, whether the survey has found it yet or not: the truth behind the alerts."""
        return tuple(body for bodies in self._bodies.values() for body in bodies)

    @property
    def night_dates(self) -> tuple[datetime, ...]:
        """18:00 UTC of every night's date: after its last exposure."""
        return tuple(night_start(self.first_night, night) + timedelta(hours=18) for night in range(self.nights))

    def packets(self, after_jd: float, until_jd: float) -> Sequence[Packet]:
        """Packets with after_jd < jd ≤ until_jd, in order of (jd, candid)."""
        while self._grown < self.nights and jd_of(night_start(self.first_night, self._grown)) <= until_jd:
            self._observe(self._grown)
            self._grown += 1
        begin, end = (
            bisect.bisect_right(self._packets, jd, key=lambda packet: packet.jd) for jd in (after_jd, until_jd)
        )
        return self._packets[begin:end]

    def catalogs(self) -> tuple[Catalog, ...]:
        """Catalogs of the hosts, nuclei and stars, and what people will report of the supernovae."""
        return sky_catalogs(self._seed, self.bodies)

    def _populate(self) -> dict[int, list[Body]]:
        random = Random(f"{self._seed}/population")
        start, settings = jd_of(night_start(self.first_night, 0)), self._settings
        placed = [
            *supernovae(
                random, self._names, self._fields, per_night=settings.supernovae_per_night, from_jd=start,
                nights=self.nights, year=self.first_night.year,
            ),
            *galactic_nuclei(
                random, self._names, self._fields, count=settings.agn, from_jd=start, nights=self.nights
            ),
            *variable_stars(random, self._names, self._fields, count=settings.variable_stars, from_jd=start),
        ]  # fmt: skip
        bodies: dict[int, list[Body]] = {field.id: [] for field in self._fields}
        for where, body in placed:
            bodies[where.id].append(body)
        return bodies

    def _observe(self, night: int) -> None:
        found: list[Packet] = []
        for visit in plan_night(self._seed, self.first_night, night, self._fields):
            found += self._expose(visit)
            self._visits[visit.field.id].append(visit)
        self._packets += sorted(found, key=lambda packet: packet.order)

    def _expose(self, visit: Visit) -> list[Packet]:
        """The alerts of one visit. All of its randomness comes from the visit's own seed, in a fixed order."""
        random = Random(visit.seed)
        noise = flux_of(visit.limit_mag) / DETECTION_SNR
        packets: list[Packet] = []
        for body in self._bodies[visit.field.id]:
            flux = body.light_curve.difference_flux(visit.jd, visit.fid) + random.gauss(0, noise)
            if abs(flux) > DETECTION_SNR * noise and mag_of(abs(flux)) > SATURATION_MAG:
                candidate = measure(random, visit, body, flux, noise, len(packets) + 1)
                packets.append(self._alert(random, visit, body.name, candidate))
        for candidate_body, solar_system in self._passers_by(random, visit):
            flux = flux_of(candidate_body.neighbour.mag_r)
            candidate = measure(random, visit, candidate_body, flux, noise, len(packets) + 1) | solar_system
            packets.append(self._alert(random, visit, candidate_body.name, candidate))
        return packets

    def _alert(self, random: Random, visit: Visit, name: str, candidate: Document) -> Packet:
        track = self._tracks.setdefault(name, _Track())
        visits = self._visits[visit.field.id]
        since = bisect.bisect_left(visits, visit.jd - HISTORY_D, key=lambda past: past.jd)
        history = tuple(track.points.get(past.jd) or dict(past.limit_point()) for past in visits[since:])
        track.count += 1
        track.first_jd = track.first_jd or visit.jd
        track.points[visit.jd] = history_point(random, candidate)
        return make_packet(name, candidate, history, (track.count, len(visits) + 1, track.first_jd))

    def _passers_by(self, random: Random, visit: Visit) -> list[tuple[Body, Document]]:
        """Asteroids and artefacts of one visit: each a new name, never seen again."""
        share = 1 / max(1.0, 0.85 * self._settings.fields)  # about that many visits are made per night
        asteroids = _poisson(random, self._settings.asteroids_per_night * share)
        artefacts = _poisson(random, self._settings.bogus_per_night * share)
        passing = [_passer_by(random, self._names, visit, 0.9) for _ in range(asteroids)]
        moving = [(body, _asteroid(random, body.neighbour.mag_r)) for body in passing]
        return moving + [(_passer_by(random, self._names, visit, 0.15), {}) for _ in range(artefacts)]


class _NoLightCurve:
    """The light curve of what is there once only; its one detection is made by hand."""

    def difference_flux(self, _jd: float, _fid: int) -> float:
        return 0.0


def _passer_by(random: Random, names: Names, visit: Visit, real_bogus: float) -> Body:
    ra_deg, dec_deg = place(random, visit.field)
    mag = round(visit.limit_mag - 0.1 - random.expovariate(0.9), 4)
    year = datetime_of_jd(visit.jd).year
    far = Neighbour(ra_deg, dec_deg, round(random.uniform(2, 20), 5), mag, round(random.random(), 6))
    kind = "asteroid" if real_bogus > 0.5 else "bogus"
    return Body(names.fresh(year), kind, ra_deg, dec_deg, _NoLightCurve(), far, real_bogus)


def _asteroid(random: Random, mag: float) -> Document:
    return {
        "ssdistnr": round(random.uniform(0, 1.5), 3),
        "ssmagnr": round(mag + random.gauss(0, 0.2), 1),
        "ssnamenr": str(random.randint(1000, 450_000)),
    }


def _poisson(random: Random, mean: float) -> int:
    """How many arrivals within `mean` time constants."""
    count, time = 0, random.expovariate(1)
    while time < mean:
        count += 1
        time += random.expovariate(1)
    return count


class PacketSky:
    """Real alerts, in the order in which they were observed. Its catalogs are those of any sky, but empty."""

    def __init__(self, packets: Sequence[Packet]) -> None:
        self._packets = sorted(packets, key=lambda packet: packet.order)

    @property
    def night_dates(self) -> tuple[datetime, ...]:
        """18:00 UTC of every date with alerts."""
        days = sorted({datetime_of_jd(packet.jd).date() for packet in self._packets})
        return tuple(night_start(day, 0) + timedelta(hours=18) for day in days)

    def packets(self, after_jd: float, until_jd: float) -> Sequence[Packet]:
        """Packets with after_jd < jd ≤ until_jd, in order of (jd, candid)."""
        begin, end = (
            bisect.bisect_right(self._packets, jd, key=lambda packet: packet.jd) for jd in (after_jd, until_jd)
        )
        return self._packets[begin:end]

    def catalogs(self) -> tuple[Catalog, ...]:
        """Nothing is known of what lies behind real alerts, so no catalog invents it."""
        return empty_catalogs()


def open_packets(path: Path) -> tuple[PacketSky, PacketReport]:
    """The sky of a folder (or file) of alert packets, and what was found there."""
    report = read_packets(path)
    return PacketSky(report.packets), report
