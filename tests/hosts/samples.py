"""Rows as the catalogs give them, for the tests of what is made of them."""

from typing import Any

from hypothesis import strategies as st

from ampel_watch.hosts import DEFAULT_CATALOGS, CatalogSpec
from ampel_watch.model import Match

SPECS = {spec.name: spec for spec in DEFAULT_CATALOGS}
TNS_REPORT: dict[str, Any] = {
    "objname": "2021abc",
    "name": "2021abc",
    "redshift": None,
    "host_redshift": None,
    "name_prefix": "AT",
    "type": None,
    "object_type": {"name": None, "id": None},
}
TNS_CLASSIFIED = TNS_REPORT | {
    "name_prefix": "SN",
    "redshift": 0.031,
    "object_type": {"name": "SN Ia", "id": 3},
    "type": "SN Ia",
}
STAR: dict[str, Any] = {"Plx": 1.2, "ErrPlx": 0.05, "PMRA": 0.1, "ErrPMRA": 0.1, "PMDec": None, "ErrPMDec": None}

# What catalogs may answer, sound or not: a few of their rows at any distance, with values of any kind.
ROWS = st.fixed_dictionaries(
    {},
    optional={
        column: st.none() | st.floats() | st.integers() | st.text(max_size=4) | st.just({"name": "SN Ia"})
        for column in (
            "z", "z_err", "redshift", "broad_type", "photoz", "specz", "e_photoz", "zPhoto", "zSpec", "z_phot", "Plx",
            "ErrPlx", "type", "TYPE", "objname", "name", "name_prefix", "object_type", "bptclass",
        )
    },
)  # fmt: skip
ANSWERS = st.dictionaries(
    st.sampled_from(sorted(SPECS)), st.none() | st.tuples(st.floats(0, 12), ROWS), max_size=8
).map(lambda rows: {name: row and Match(name, *row) for name, row in rows.items()})


def specs(*names: str) -> tuple[CatalogSpec, ...]:
    return tuple(SPECS[name] for name in names)


def match(catalog: str, dist_arcsec: float = 0.5, /, **body: Any) -> Match:
    return Match(catalog, dist_arcsec, body)


def found(*matches: Match, none: tuple[str, ...] = ()) -> dict[str, Match | None]:
    """What the catalogs answered: these rows, and no row in those of `none`."""
    return {**dict.fromkeys(none), **{one.catalog: one for one in matches}}
