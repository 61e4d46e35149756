"""The catalogs of the sandbox's sky: names, kinds, columns and units as of the real ones, rows from the simulation.

catsHTM catalogs give `RA` and `Dec` in radians, extcats ones `ra` and `dec` in degrees; missing values are NaN, null
or -999, each as its model has it.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from ampel_watch.sandbox.dates import datetime_of_jd, zoneless
from ampel_watch.sandbox.geometry import offset
from ampel_watch.sandbox.physics import Explosion
from ampel_watch.sandbox.population import Body


@dataclass(frozen=True, slots=True)
class Row:
    """One row; it is in the catalog from `since` until `until` (always, if None)."""

    ra_deg: float
    dec_deg: float
    body: dict[str, Any]
    since: datetime | None = None
    until: datetime | None = None

    def there(self, now: datetime) -> bool:
        """Whether the row is in the catalog at a date."""
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class Catalog:
    """A catalog as the service lists it. `name_index`: its rows can be looked up by their `name`."""

    name: str
    use: str
    columns: tuple[tuple[str, str | None], ...]
    description: str | None = None
    reference: str | None = None
    contact: str | None = None
    name_index: bool = False
    rows: list[Row] = field(default_factory=list)


def _columns(names: str) -> tuple[tuple[str, str | None], ...]:
    """Columns written as `name` or `name:unit`."""
    split = (column.partition(":") for column in names.split())
    return tuple((name, unit or None) for name, _, unit in split)


_RADIANS = "RA:rad Dec:rad"
_TNS_COLUMNS = _columns(
    "discmagfilter discoverer discovererid discovery_data_source discoverydate discoverymag end_prop_period "
    "host_redshift hostname internal_name internal_names isTNS_AT name name_prefix object_type objname public "
    "redshift reporting_group sourceid type"
)
_MILLIQUAS_COLUMNS = _columns(
    "name ra dec lii bii broad_type rmag bmag optical_flag red_psf_flag blue_psf_flag redshift ref_name ref_redshift "
    "qso_prob radio_name xray_name alt_name_1 alt_name_2 _19"
)
_GAIA_COLUMNS = _columns(
    f"{_RADIANS} Epoch:yr ErrRA:mas ErrDec:mas Plx:mas ErrPlx:mas PMRA:mas/yr ErrPMRA:mas/yr PMDec:mas/yr "
    "ErrPMDec:mas/yr ExcessNoise:mas Mag_G:mag ErrMag_G:mag Mag_BP:mag ErrMag_BP:mag Mag_RP:mag ErrMag_RP:mag "
    "RV:km/s ErrRV:km/s"
)


def empty_catalogs() -> tuple[Catalog, ...]:
    """Every catalog that the sandbox lists, without rows."""
    return (
        Catalog("TNS", "extcats", _TNS_COLUMNS, name_index=True),
        Catalog("milliquas", "extcats", _MILLIQUAS_COLUMNS, description="compilation of AGN and Quasar"),
        Catalog("SDSS_spec", "extcats", _columns("ra dec z z_err bptclass subclass")),
        Catalog("LSPhotoZZou", "extcats", _columns("ra dec photoz e_photoz specz logMassBest _6")),
        Catalog("NEDz_extcats", "extcats", _columns("ra dec ObjType Velocity z")),
        Catalog("NEDz", "catsHTM", _columns(f"{_RADIANS} z"), description="NEDz"),
        Catalog("GAIADR2", "catsHTM", _GAIA_COLUMNS, description="GAIADR2"),
    )


def sky_catalogs(seed: int, bodies: Iterable[Body]) -> tuple[Catalog, ...]:
    """The catalogs filled from what is truly there, each as incomplete as surveys are."""
    catalogs = empty_catalogs()
    rows = {catalog.name: catalog.rows for catalog in catalogs}
    for body in bodies:
        random = Random(f"{seed}/catalogs/{body.name}")
        for name, row in _rows_of(random, body):
            rows[name].append(row)
    return catalogs


def _rows_of(random: Random, body: Body) -> Iterator[tuple[str, Row]]:
    if isinstance(body.light_curve, Explosion):
        yield from _host_rows(random, body)
        for row in _tns_rows(random, body, body.light_curve):
            yield "TNS", row
    elif body.neighbour.z is not None:
        yield from _quasar_rows(random, body, body.neighbour.z)
    else:
        yield "GAIADR2", _gaia_row(random, body)
    if random.random() < 0.5:  # a foreground star some arcseconds away
        ra, dec = offset(body.ra_deg, body.dec_deg, random.uniform(6, 18), random.uniform(6, 18))
        yield "GAIADR2", _gaia_row(random, body, ra, dec, random.uniform(15, 20.5))


def _host_rows(random: Random, body: Body) -> Iterator[tuple[str, Row]]:
    host = body.neighbour
    assert host.z is not None
    where = {"ra": host.ra_deg, "dec": host.dec_deg}
    if random.random() < 0.7:
        radians = {"RA": math.radians(host.ra_deg), "Dec": math.radians(host.dec_deg)}
        yield "NEDz", Row(host.ra_deg, host.dec_deg, {**radians, "z": host.z})
        ned = {"ObjType": "G", "Velocity": round(host.z * 299792.458), "z": host.z}
        yield "NEDz_extcats", Row(host.ra_deg, host.dec_deg, where | ned)
    if random.random() < 0.4:
        spectrum = {"z": host.z, "z_err": 2e-5, "bptclass": random.randint(1, 4), "subclass": "STARFORMING"}
        yield "SDSS_spec", Row(host.ra_deg, host.dec_deg, where | spectrum)
    if random.random() < 0.9:
        photoz = {"photoz": round(max(0.005, random.gauss(host.z, 0.02)), 4), "e_photoz": 0.02}
        mass = {"specz": math.nan, "logMassBest": round(random.gauss(10.3, 0.5), 3), "_6": random.randrange(10**9)}
        yield "LSPhotoZZou", Row(host.ra_deg, host.dec_deg, where | photoz | mass)


def _quasar_rows(random: Random, body: Body, z: float) -> Iterator[tuple[str, Row]]:
    here = body.neighbour
    name = f"SDSS J{here.ra_deg:08.4f}{here.dec_deg:+08.4f}"
    if random.random() < 0.8:
        known = {
            "name": name, "ra": here.ra_deg, "dec": here.dec_deg, "lii": None, "bii": None,
            "broad_type": "Q" if z > 0.3 else "A", "rmag": round(here.mag_r, 2),
            "bmag": round(here.mag_r + 0.4, 2), "optical_flag": "pv",
            "red_psf_flag": "-", "blue_psf_flag": "-", "redshift": z, "ref_name": "DR16Q", "ref_redshift": "DR16Q",
            "qso_prob": None, "radio_name": None, "xray_name": None, "alt_name_1": None, "alt_name_2": None,
            "_19": random.randrange(10**6),
        }  # fmt: skip
        yield "milliquas", Row(here.ra_deg, here.dec_deg, known)
    if random.random() < 0.6:
        radians = {"RA": math.radians(here.ra_deg), "Dec": math.radians(here.dec_deg)}
        yield "NEDz", Row(here.ra_deg, here.dec_deg, {**radians, "z": z})


def _gaia_row(
    random: Random, body: Body, ra_deg: float | None = None, dec_deg: float | None = None, mag: float | None = None
) -> Row:
    ra = body.ra_deg if ra_deg is None else ra_deg
    dec = body.dec_deg if dec_deg is None else dec_deg
    g = round(body.neighbour.mag_r if mag is None else mag, 4)
    values = {
        "RA": math.radians(ra), "Dec": math.radians(dec), "Epoch": 2015.5, "ErrRA": 0.1, "ErrDec": 0.1,
        "Plx": round(random.uniform(0.3, 2.5), 4), "ErrPlx": 0.05, "PMRA": round(random.gauss(0, 8), 4), "ErrPMRA": 0.1,
        "PMDec": round(random.gauss(0, 8), 4), "ErrPMDec": 0.1, "ExcessNoise": 0.0, "Mag_G": g, "ErrMag_G": 0.002,
        "Mag_BP": round(g + 0.4, 4), "ErrMag_BP": 0.01, "Mag_RP": round(g - 0.5, 4), "ErrMag_RP": 0.01,
        "RV": math.nan, "ErrRV": math.nan,
    }  # fmt: skip
    return Row(ra, dec, values)


def _tns_rows(random: Random, body: Body, explosion: Explosion) -> Iterator[Row]:
    """What observers report: the discovery near 19th magnitude, and later, of the brighter ones, the type.

    The row of a classified object replaces that of its discovery.
    """
    rise_d = next((day for day in range(1, 40) if explosion.magnitude(explosion.first_light_jd + day, 2) < 19.2), None)
    if rise_d is None:
        return
    found = datetime_of_jd(explosion.first_light_jd + rise_d + random.uniform(0.6, 2.0)).replace(microsecond=0)
    named = f"{found.year}{''.join(random.choice('abcdefghijklmnopqrstuvwxyz') for _ in range(3))}"
    report = _tns_report(
        random, body, named, found, round(explosion.magnitude(explosion.first_light_jd + rise_d, 2), 2)
    )
    if random.random() < 0.55:
        typed = found + timedelta(days=random.uniform(3, 12))
        kind = {"id": 3, "name": body.kind}
        yield Row(body.ra_deg, body.dec_deg, report, since=found, until=typed)
        classified = {
            "name_prefix": "SN",
            "object_type": kind,
            "type": body.kind,
            "redshift": explosion.z,
            "isTNS_AT": 0,
        }
        yield Row(body.ra_deg, body.dec_deg, report | classified, since=typed)
    else:
        yield Row(body.ra_deg, body.dec_deg, report, since=found)


def _tns_report(random: Random, body: Body, named: str, found: datetime, mag: float) -> dict[str, Any]:
    return {
        "objname": named, "name": named, "redshift": None, "hostname": None, "host_redshift": None, "isTNS_AT": 1,
        "discoverydate": zoneless(found), "discoverymag": mag,
        "discmagfilter": {"id": 111, "name": "r", "family": "ZTF"}, "public": 1, "end_prop_period": None,
        "sourceid": 48, "discovererid": random.randint(1000, 99999), "name_prefix": "AT", "type": None,
        "discoverer": None, "internal_name": body.name, "internal_names": body.name,
        "object_type": {"name": None, "id": None},
        "source_group": {"groupid": 48, "group_name": "ZTF"},
    }  # fmt: skip
