"""What a catalog means: which of its columns hold a redshift, a star, an active nucleus or a classification. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ampel_watch.model import CatalogQuery

Kind = Literal["spectroscopic", "photometric"]

SPECTROSCOPIC: Kind = "spectroscopic"
PHOTOMETRIC: Kind = "photometric"


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether a row is meant, by one of its columns; a row without a value there is not.

    Attributes
    ----------
    column: as it stands in the row; a part of a part is written `object_type.name`.
    one_of: the values that are meant; numbers are compared as numbers.
    begins, begins_not: beginnings of texts, one of which the value must have, and of which it must have none; capitals
        and small letters count.
    """

    column: str
    one_of: tuple[float | str, ...] = ()
    begins: tuple[str, ...] = ()
    begins_not: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RedshiftColumn:
    """A column that holds a redshift.

    Attributes
    ----------
    scale, error_scale: what the columns are multiplied with.
    error: typical 1 σ error, in units of 1 + z, where the row gives none.
    rank: quality within the kind; smaller is better.
    low, high: a value outside of low < z ≤ high is no redshift. Missing-value sentinels (-999, -1, 0) are below `low`,
        and so are velocities under 30 km/s, which tell of no distance.
    where: only for such rows.
    at_host: the row's position is that of the galaxy, so that its distance is the offset from the host.
    of_object: the redshift was measured of the object itself.
    """

    column: str
    kind: Kind
    error_column: str | None = None
    scale: float = 1.0
    error_scale: float = 1.0
    error: float = 0.001
    rank: int = 5
    low: float = 1e-4
    high: float = 10.0
    where: Condition | None = None
    at_host: bool = True
    of_object: bool = False


@dataclass(frozen=True, slots=True)
class Sign:
    """How a row shows what is at the position; without anything below, every row does.

    Attributes
    ----------
    within_arcsec: the row must be as near as this; None: the radius of the search.
    where: only such rows.
    significant: (column, its 1 σ error); one of the values must differ from 0 by more than `sigma` errors.
    weak: says only that the source is point-like, as quasars are too: it counts as a star where no active nucleus and
        no redshift are known.
    """

    within_arcsec: float | None = None
    where: Condition | None = None
    significant: tuple[tuple[str, str], ...] = ()
    sigma: float = 5.0
    weak: bool = False


@dataclass(frozen=True, slots=True)
class TnsColumns:
    """Where a copy of the Transient Name Server has name and classification; of several columns, the first."""

    name: tuple[str, ...]
    prefix: tuple[str, ...] = ()
    type: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogSpec:
    """One catalog, the radius within which its nearest row is asked for, and what its columns mean.

    Attributes
    ----------
    use: `extcats` or `catsHTM`, the service's two kinds of catalog.
    redshifts: columns with a redshift, the better first.
    star, agn: how a row shows a star, or an active nucleus; None: the catalog says nothing of it.
    tns: where name and classification are, if it is a copy of the Transient Name Server.
    id_column: what names a row that carries no position.
    """

    name: str
    use: Literal["extcats", "catsHTM"]
    radius_arcsec: float
    redshifts: tuple[RedshiftColumn, ...] = ()
    star: Sign | None = None
    agn: Sign | None = None
    tns: TnsColumns | None = None
    id_column: str | None = None


def queries_of(specs: Iterable[CatalogSpec]) -> tuple[CatalogQuery, ...]:
    """What to ask the catalog service: whole rows, so that rules can use each of their columns."""
    return tuple(CatalogQuery(spec.name, spec.use, spec.radius_arcsec) for spec in specs)
