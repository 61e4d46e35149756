"""The redshift of a stock: which of those that the catalogs offer is taken. Pure.

The order: one that was measured of the object itself, then spectroscopic ones, then photometric ones. Among those of
one kind the nearest galaxy is taken for the host; rows within 1.5″ of it in distance are taken for the same galaxy, and
of them that of the best catalog (`rank`) counts, then the nearer.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ampel_watch.hosts.rows import meets, number_of, row_of
from ampel_watch.hosts.spec import SPECTROSCOPIC, CatalogSpec, RedshiftColumn
from ampel_watch.model import JSON, Match

# Centres of one galaxy differ by about so much from catalog to catalog.
_SAME_GALAXY_ARCSEC = 1.5
# 300 km/s: that of a supernova includes its motion within its galaxy.
_WITHIN_A_GALAXY = 0.001
_OF_OBJECT, _BY_SPECTRUM, _BY_PHOTOMETRY = range(3)


@dataclass(frozen=True, slots=True)
class Redshift:
    """A redshift with its 1 σ error and where it is from.

    Attributes
    ----------
    grade: the smaller, the better: 0 of the object itself, 1 spectroscopic, 2 photometric.
    rank: quality of the catalog within that.
    dist_arcsec: from the position to the row.
    at_host: whether the row's position is that of the galaxy.
    """

    z: float
    err: float
    catalog: str
    kind: str
    grade: int
    rank: int
    dist_arcsec: float
    at_host: bool

    def agrees_with(self, other: "Redshift") -> bool:
        """Whether both may be of one galaxy: within 3 σ of their errors, and of the motions within a galaxy."""
        allowed = 3 * math.hypot(self.err, other.err, _WITHIN_A_GALAXY * (1 + self.z))
        return abs(self.z - other.z) <= allowed

    def differs_from(self, other: "Redshift") -> bool:
        """Whether the two differ by more than their errors together allow (3 σ), or one is by spectrum at last."""
        allowed = 3 * math.hypot(self.err, other.err)
        return abs(self.z - other.z) > allowed or (self.kind == SPECTROSCOPIC) != (other.kind == SPECTROSCOPIC)


def best_redshift(specs: Iterable[CatalogSpec], matches: Mapping[str, Match | None]) -> Redshift | None:
    """The redshift that is taken; None if no catalog offers one."""
    return _best(list(_offered(specs, matches)))


def _best(offered: list[Redshift]) -> Redshift | None:
    if not offered:
        return None
    grade = min(one.grade for one in offered)
    offered = [one for one in offered if one.grade == grade]
    nearest_arcsec = min(one.dist_arcsec for one in offered)
    same = [one for one in offered if one.dist_arcsec <= nearest_arcsec + _SAME_GALAXY_ARCSEC]
    return min(same, key=lambda one: (one.rank, one.dist_arcsec, one.catalog))


def host_of(specs: Iterable[CatalogSpec], matches: Mapping[str, Match | None], found: Redshift) -> Redshift | None:
    """The galaxy that a redshift is of, or agrees with: its row is where the galaxy is. None if none is known."""
    if found.at_host:
        return found
    galaxies = [one for one in _offered(specs, matches) if one.at_host and one.agrees_with(found)]
    return _best(galaxies)


def could_offer_better(spec: CatalogSpec, than: str | None) -> bool:
    """Whether a catalog that did not answer could have changed the redshift.

    Parameters
    ----------
    than: the kind of the redshift that was found without it. One spectrum is as good as another, be it of the host or
        of the object itself: a second one gives the same redshift within the errors of either.
    """
    if than is None:
        return bool(spec.redshifts)
    return than != SPECTROSCOPIC and any(column.kind == SPECTROSCOPIC for column in spec.redshifts)


def _offered(specs: Iterable[CatalogSpec], matches: Mapping[str, Match | None]) -> Iterator[Redshift]:
    for spec in specs:
        match = row_of(spec, matches)
        for column in spec.redshifts if match is not None else ():
            assert match is not None
            z = _redshift_in(match.body, column)
            if z is not None:
                yield Redshift(
                    z,
                    _error_in(match.body, column, z),
                    spec.name,
                    column.kind,
                    _grade(column),
                    column.rank,
                    match.dist_arcsec,
                    column.at_host,
                )


def _grade(column: RedshiftColumn) -> int:
    if column.of_object:
        return _OF_OBJECT
    return _BY_SPECTRUM if column.kind == SPECTROSCOPIC else _BY_PHOTOMETRY


def _redshift_in(body: JSON, column: RedshiftColumn) -> float | None:
    value = number_of(body, column.column)
    if value is None or not meets(body, column.where):
        return None
    z = value * column.scale
    return z if column.low < z <= column.high else None


def _error_in(body: JSON, column: RedshiftColumn, z: float) -> float:
    given = number_of(body, column.error_column)
    error = 0.0 if given is None else given * column.error_scale
    # An error of several units, as of -999 with its sign lost, is none; one of 0 was not measured.
    return error if 0 < error < 1 + z else column.error * (1 + z)
