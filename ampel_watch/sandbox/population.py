"""What lives in the simulated sky: supernovae in their hosts, AGN, variable stars."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from string import ascii_lowercase

from ampel_watch.sandbox.geometry import offset
from ampel_watch.sandbox.physics import (
    SN_IA,
    SN_IBC,
    SN_IIP,
    TDE,
    Explosion,
    LightCurve,
    Template,
    Variable,
    damped_random_walk,
    distance_modulus_mag,
    eclipsing_binary,
    rr_lyrae,
)
from ampel_watch.sandbox.survey import Field

FIELD_SIDE_DEG = 6.8
_FIRST_LETTERS, _LETTERS_DRAWN = "aa", 5  # of the seven letters of a name
_TYPES: tuple[tuple[str, Template, float, float], ...] = (  # type, template, share, largest redshift
    ("SN Ia", SN_IA, 0.62, 0.1),
    ("SN II", SN_IIP, 0.24, 0.045),
    ("SN Ic", SN_IBC, 0.09, 0.05),
    ("TDE", TDE, 0.05, 0.09),
)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The catalogued source nearest to an object: its host galaxy, or, for a variable, the object itself.

    `star_score` is Pan-STARRS's star-galaxy score (1 star, 0 galaxy).
    """

    ra_deg: float
    dec_deg: float
    dist_arcsec: float
    mag_r: float
    star_score: float
    z: float | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """One object of the sky. `kind` is its true type; `real_bogus` the mean score it gets."""

    name: str
    kind: str
    ra_deg: float
    dec_deg: float
    light_curve: LightCurve
    neighbour: Neighbour
    real_bogus: float = 0.92


class Names:
    """Hands out ZTF names, each once, in the random order of the seed."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._used: set[str] = set()

    def fresh(self, year: int) -> str:
        """A name of that year (2017 … 2032) that nothing has yet."""
        while True:
            name = f"ZTF{year % 100}{_FIRST_LETTERS}{self._letters()}"
            if name not in self._used:
                self._used.add(name)
                return name

    def _letters(self) -> str:
        drawn = self._random.randrange(len(ascii_lowercase) ** _LETTERS_DRAWN)
        letters = ""
        for _ in range(_LETTERS_DRAWN):
            drawn, letter = divmod(drawn, len(ascii_lowercase))
            letters = ascii_lowercase[letter] + letters
        return letters


def place(random: Random, where: Field) -> tuple[float, float]:
    """A random position within a field."""
    east, north = (random.uniform(-0.5, 0.5) * FIELD_SIDE_DEG * 3600 for _ in range(2))
    return offset(where.ra_deg, where.dec_deg, east, north)


def supernovae(
    random: Random, names: Names, where: tuple[Field, ...], *, per_night: float, from_jd: float, nights: int, year: int
) -> Iterator[tuple[Field, Body]]:
    """Explosions spread evenly over the nights, and over the two months before them."""
    before = 60
    for _ in range(round(per_night * (nights + before))):
        at = random.choice(where)
        kind, template, _, furthest = random.choices(_TYPES, weights=[share for _, _, share, _ in _TYPES])[0]
        z = max(0.004, furthest * random.random() ** (1 / 3))
        ia = kind == "SN Ia"
        explosion = Explosion(
            template,
            first_light_jd=from_jd + random.uniform(-before, nights),
            z=round(z, 4),
            stretch=random.gauss(1.0, 0.06) if ia else random.uniform(0.92, 1.08),
            extra_mag=random.gauss(0, 0.12 if ia else 0.4) + min(1.5, random.expovariate(8)),
        )
        ra_deg, dec_deg = place(random, at)
        yield at, Body(names.fresh(year), kind, ra_deg, dec_deg, explosion, _host(random, ra_deg, dec_deg, explosion.z))


def _host(random: Random, ra_deg: float, dec_deg: float, z: float) -> Neighbour:
    """The host galaxy: M_r about -20.5, a few kiloparsecs away."""
    kpc_per_arcsec = 20.6 * z  # Hubble's law; good to 10 % below z = 0.1
    dist = min(25.0, random.expovariate(1 / 3.5) / kpc_per_arcsec)
    angle = random.uniform(0, 2 * math.pi)
    ra, dec = offset(ra_deg, dec_deg, dist * math.sin(angle), dist * math.cos(angle))
    mag = distance_modulus_mag(z) - random.gauss(20.5, 0.9)
    return Neighbour(ra, dec, round(dist, 5), round(mag, 4), round(random.uniform(0.0, 0.12), 6), z)


def galactic_nuclei(
    random: Random, names: Names, where: tuple[Field, ...], *, count: int, from_jd: float, nights: int
) -> Iterator[tuple[Field, Body]]:
    """AGN, bluer than their hosts, known to the survey for years."""
    for _ in range(count):
        at = random.choice(where)
        ra_deg, dec_deg = place(random, at)
        mag = random.uniform(16.8, 19.3)
        walk = damped_random_walk(random, from_jd, nights + 1, sigma_mag=random.uniform(0.12, 0.3))
        curve = Variable({1: mag + 0.15, 2: mag, 3: mag - 0.1}, walk)
        self_match = Neighbour(ra_deg, dec_deg, 0.1, mag, 0.5, round(random.uniform(0.03, 1.2), 4))
        yield at, Body(names.fresh(random.randint(2018, 2020)), "AGN", ra_deg, dec_deg, curve, self_match)


def variable_stars(
    random: Random, names: Names, where: tuple[Field, ...], *, count: int, from_jd: float
) -> Iterator[tuple[Field, Body]]:
    """RR Lyrae stars and eclipsing binaries, half and half."""
    for index in range(count):
        at = random.choice(where)
        ra_deg, dec_deg = place(random, at)
        mag = random.uniform(14.5, 18.5)
        epoch = from_jd + random.random()
        if index % 2:
            kind, delta = "RR Lyrae", rr_lyrae(random.uniform(0.45, 0.7), epoch, random.uniform(0.7, 1.2))
        else:
            depth = random.uniform(0.3, 0.9)
            kind, delta = "eclipsing binary", eclipsing_binary(random.uniform(0.3, 4.0), epoch, depth)
        curve = Variable({1: mag + 0.3, 2: mag, 3: mag - 0.1}, delta)
        star = Neighbour(ra_deg, dec_deg, 0.08, mag, round(random.uniform(0.93, 1.0), 6))
        yield at, Body(names.fresh(random.randint(2018, 2019)), kind, ra_deg, dec_deg, curve, star)
