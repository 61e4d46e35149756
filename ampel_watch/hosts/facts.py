"""What the catalogs' rows tell of a stock: the values that rules, events and summaries use. Pure.

Assumed, and not corrected for: distances are those of `hosts.distance`; the absolute magnitude is the apparent one less
the distance modulus, without K correction and without extinction, Galactic or in the host; and the nearest row with a
redshift is taken for the host. A foreground star does not take the redshift away: its name is `star`.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ampel_watch.hosts.distance import distance_modulus_mag, luminosity_distance_mpc, transverse_kpc
from ampel_watch.hosts.redshift import Redshift, best_redshift, could_offer_better, host_of
from ampel_watch.hosts.rows import row_of, shows, text_of
from ampel_watch.hosts.spec import CatalogSpec, TnsColumns
from ampel_watch.model import JSON, Match

Matches = Mapping[str, Match | None]

HOST_NAMES = ("host_source", "host_offset_arcsec", "host_offset_kpc")
REDSHIFT_NAMES = (
    "z",
    "z_err",
    "z_source",
    "z_kind",
    "dist_mpc",
    "dist_mod_mag",
    "abs_mag",
    *HOST_NAMES,
)
_SUPERNOVAE = ("SN", "SLSN")
_WITH_PREFIX = re.compile(r"([A-Za-z]*) *([0-9].*)")  # `2021abc`, `AT2021abc`, `SN 2021abc`

FACT_NAMES = (*REDSHIFT_NAMES, "star", "agn", "tns_name", "tns_type")


def host_facts(specs: Collection[CatalogSpec], matches: Matches, *, mag: float | None) -> dict[str, Any]:
    """Each of `FACT_NAMES` with its value, None where there is none.

    ``z`` with its 1 σ error, the catalog that it is from (`z_source`) and how it was measured (`z_kind`); luminosity
    distance, distance modulus and absolute magnitude; the angular and projected distance of the host: of the galaxy
    that the redshift is of, or of one whose own redshift agrees with that of the object itself (`host_source` is its
    catalog). `star` and `agn`: True, False if catalogs that tell were asked and none has one, None if none that tells
    was asked. Name in the TNS ("SN 2021abc", "AT 2021abc") and classification.

    Parameters
    ----------
    matches: catalog → its nearest row, None if it has none; a catalog that did not answer is not in it.
    mag: apparent magnitude for `abs_mag`.
    """
    found = best_redshift(specs, matches)
    agn = _shown(specs, matches, "agn")
    return {
        **_distances(found, host_of(specs, matches, found) if found else None, mag),
        # What is only point-like is taken for a star where catalogs know of no active nucleus and of no redshift.
        "star": _shown(specs, matches, "star", weak=agn is False and found is None),
        "agn": agn,
        **tns_of(specs, matches),
    }


def hidden_by(specs: Iterable[CatalogSpec], faults: Collection[str], facts: JSON) -> frozenset[str]:
    """The names whose value might be another one if these catalogs had answered.

    Parameters
    ----------
    faults: names of catalogs that failed. One that the service does not have hides nothing: it will not answer later
        either, and is as one that is not configured.
    facts: what `host_facts` made of the other catalogs.
    """
    specs = tuple(specs)
    hidden: set[str] = set()
    for spec in (spec for spec in specs if spec.name in faults):
        if could_offer_better(spec, facts["z_kind"]):
            hidden.update(REDSHIFT_NAMES)
        if facts["host_source"] is None and any(column.at_host for column in spec.redshifts):
            hidden.update(HOST_NAMES)
        for name, sign in (("star", spec.star), ("agn", spec.agn)):
            if sign is not None and facts[name] is not True:
                hidden.add(name)
        if spec.agn is not None and any(other.star is not None and other.star.weak for other in specs):
            hidden.add("star")  # what is point-like may be a quasar of the catalog that failed
        if spec.tns is not None:
            hidden.update(name for name in ("tns_name", "tns_type") if facts[name] is None)
    return frozenset(hidden)


def _distances(found: Redshift | None, host: Redshift | None, mag: float | None) -> dict[str, Any]:
    if found is None:
        return dict.fromkeys(REDSHIFT_NAMES)
    modulus_mag = distance_modulus_mag(found.z)
    offset_arcsec = host.dist_arcsec if host is not None else None
    return {
        "z": found.z,
        "z_err": round(found.err, 6),
        "z_source": found.catalog,
        "z_kind": found.kind,
        "dist_mpc": round(luminosity_distance_mpc(found.z), 4),
        "dist_mod_mag": round(modulus_mag, 4),
        "abs_mag": None if mag is None else round(mag - modulus_mag, 4),
        "host_source": host.catalog if host is not None else None,
        "host_offset_arcsec": None if offset_arcsec is None else round(offset_arcsec, 4),
        "host_offset_kpc": None if offset_arcsec is None else round(transverse_kpc(found.z, offset_arcsec), 4),
    }


def _shown(specs: Iterable[CatalogSpec], matches: Matches, what: str, *, weak: bool = True) -> bool | None:
    """Whether one of the catalogs that tell of it shows it; None if none that tells has answered."""
    asked = False
    for spec in specs:
        sign = getattr(spec, what)
        if sign is None or spec.name not in matches:
            continue
        asked = True
        match = row_of(spec, matches)
        if match is not None and shows(match, sign) and (weak or not sign.weak):
            return True
    return False if asked else None


def tns_of(specs: Iterable[CatalogSpec], matches: Matches) -> dict[str, str | None]:
    """Name and classification in the TNS, as `tns_name` and `tns_type`."""
    for spec in specs:
        match = row_of(spec, matches)
        if spec.tns is not None and match is not None and (name := _tns_name(match.body, spec.tns)):
            return {"tns_name": name, "tns_type": text_of(match.body, spec.tns.type)}
    return {"tns_name": None, "tns_type": None}


def _tns_name(body: JSON, columns: TnsColumns) -> str | None:
    """The name as the TNS writes it; where no prefix is given, SN for what is classified as a supernova, else AT."""
    text = text_of(body, columns.name)
    if text is None:
        return None
    written = _WITH_PREFIX.fullmatch(text)
    own, name = written.groups() if written else ("", text)
    is_supernova = (text_of(body, columns.type) or "").startswith(_SUPERNOVAE)
    prefix = text_of(body, columns.prefix) or own or ("SN" if is_supernova else "AT")
    return f"{prefix} {name}"
