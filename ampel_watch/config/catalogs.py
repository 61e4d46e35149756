"""The keys of `services.catalog.catalogs`, and the catalogs that they make together with the defaults.

The names of the keys are those of `ampel_watch.hosts`, whose types they become.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from ampel_watch.config.values import near
from ampel_watch.hosts import DEFAULT_CATALOGS, CatalogSpec, Condition, RedshiftColumn, Sign, TnsColumns
from ampel_watch.settings import Settings

_DEFAULTS = {spec.name: spec for spec in DEFAULT_CATALOGS}
_MEANINGS = ("redshift", "star", "agn", "tns")
_NEEDED = ("use", "radius_arcsec")

Text = Annotated[str, Field(min_length=1)]


def _every_row(value: Any) -> Any:
    """`star: true` is a sign that every row gives, `star: false` none."""
    if isinstance(value, bool):
        return {} if value else None
    return value


def _as_list(value: Any) -> Any:
    """One text, or one mapping, where a list may be given."""
    return (value,) if isinstance(value, str | dict) else value


class ConditionSettings(Settings):
    """Which rows are meant, by one of their columns."""

    column: Text = Field(description="Column of the row; a part of a part is written `object_type.name`")
    one_of: tuple[float | str, ...] = Field((), description="Values that are meant")
    begins: tuple[Text, ...] = Field((), description="Beginnings of a text, of which the value must have one")
    begins_not: tuple[Text, ...] = Field((), description="Beginnings of a text, of which the value must have none")

    def condition(self) -> Condition:
        """The condition that this describes."""
        return Condition(self.column, self.one_of, self.begins, self.begins_not)


class RedshiftSettings(Settings):
    """A column with a redshift."""

    column: Text = Field(description="Column with the redshift")
    kind: Literal["spectroscopic", "photometric"] = Field(
        description="How it was measured; spectroscopic ones are preferred"
    )
    error_column: Text | None = Field(None, description="Column with its 1 σ error")
    scale: float = Field(1.0, description="What the column is multiplied with")
    error_scale: float = Field(1.0, description="What the error column is multiplied with")
    error: Annotated[float, Field(gt=0, le=1)] = Field(
        0.001, description="Typical 1 σ error where a row gives none, in units of 1 + z"
    )
    rank: Annotated[int, Field(ge=0, le=100)] = Field(
        5, description="Quality among those of one kind and one galaxy; smaller is better"
    )
    low: Annotated[float, Field(ge=0)] = Field(1e-4, description="What is not above this is no redshift")
    high: Annotated[float, Field(gt=0)] = Field(10.0, description="What is above this is no redshift")
    where: ConditionSettings | None = Field(None, description="Only such rows have it")
    at_host: bool = Field(True, description="Whether the row's position is that of the galaxy")
    of_object: bool = Field(False, description="Whether it was measured of the object itself")

    def redshift(self) -> RedshiftColumn:
        """The column that this describes."""
        given = self.model_dump() | {"where": None if self.where is None else self.where.condition()}
        return RedshiftColumn(**given)


class SignSettings(Settings):
    """How a row shows what is at the position; without keys, every row does."""

    within_arcsec: Annotated[float, Field(gt=0)] | None = Field(
        None, description="How near the row must be; the radius of the search if absent"
    )
    where: ConditionSettings | None = Field(None, description="Only such rows")
    significant: dict[str, Text] | None = Field(
        None, description="Column → column of its 1 σ error; one of the columns must differ from 0"
    )
    sigma: Annotated[float, Field(gt=0)] = Field(5.0, description="By how many errors it must differ from 0")
    weak: bool = Field(
        False, description="A star only where no active nucleus and no redshift are known: point-like sources"
    )

    def sign(self) -> Sign:
        """The sign that this describes."""
        where = None if self.where is None else self.where.condition()
        return Sign(self.within_arcsec, where, tuple((self.significant or {}).items()), self.sigma, self.weak)


Columns = Annotated[
    tuple[Text, ...], BeforeValidator(_as_list, json_schema_input_type=str | list[str]), Field(min_length=1)
]


class TnsSettings(Settings):
    """Where a copy of the Transient Name Server has names and classifications; of a list, the first with a value."""

    name: Columns = Field(description="Column with the name, such as 2021abc")
    prefix: Columns = Field((), description="Column with the prefix: AT or SN")
    type: Columns = Field((), description="Column with the classification, such as SN Ia")

    def columns(self) -> TnsColumns:
        """The columns that this describes."""
        return TnsColumns(self.name, self.prefix, self.type)


SignKey = Annotated[SignSettings | None, BeforeValidator(_every_row, json_schema_input_type=bool | SignSettings)]


class CatalogEntrySettings(Settings):
    """One catalog that is searched around a stock: a further one, or changes of a default one."""

    name: Text = Field(description="Name of the catalog as the service knows it")
    skip: bool = Field(False, description="Whether this default catalog is left out")
    use: Literal["extcats", "catsHTM"] | None = Field(
        None, description="Which of the service's two kinds of catalog it is; a further catalog needs it"
    )
    radius_arcsec: Annotated[float, Field(gt=0, le=3600)] | None = Field(
        None, description="Search radius in arcseconds; a further catalog needs it"
    )
    redshift: Annotated[
        tuple[RedshiftSettings, ...] | None,
        BeforeValidator(_as_list, json_schema_input_type=RedshiftSettings | list[RedshiftSettings]),
    ] = Field(None, description="Column with a redshift, or a list of such columns")
    star: SignKey = Field(None, description="How a row shows a star; `true`: every row does")
    agn: SignKey = Field(None, description="How a row shows an active nucleus; `true`: every row does")
    tns: TnsSettings | None = Field(None, description="Columns of a copy of the Transient Name Server")
    id_column: Text | None = Field(None, description="Column that names a row, for rows that carry no position")

    def spec(self) -> CatalogSpec:
        """The catalog: the default of that name with what is given here in place of its own."""
        base = _DEFAULTS.get(self.name)
        given: dict[str, Any] = {key: getattr(self, key) for key in (*_NEEDED, "id_column") if getattr(self, key)}
        given |= {
            _FIELDS.get(key, key): convert(getattr(self, key))
            for key, convert in _CONVERSIONS.items()
            if key in self.model_fields_set
        }
        return CatalogSpec(self.name, **given) if base is None else replace(base, **given)


_FIELDS = {"redshift": "redshifts"}
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "redshift": lambda columns: tuple(column.redshift() for column in columns or ()),
    "star": lambda sign: sign and sign.sign(),
    "agn": lambda sign: sign and sign.sign(),
    "tns": lambda tns: tns and tns.columns(),
}


def sound_entries(entries: tuple[CatalogEntrySettings, ...]) -> tuple[CatalogEntrySettings, ...]:
    """The entries, if they fit each other and the defaults; every fault in one error, each with its place."""
    faults: list[tuple[tuple[str | int, ...], str]] = []
    for number, entry in enumerate(entries):
        if entry.name in {earlier.name for earlier in entries[:number]}:
            faults.append(((number, "name"), f"the catalog `{entry.name}` is given twice"))
        elif entry.name not in _DEFAULTS:
            faults += [((number, *where), message) for where, message in _faults_of_new(entry)]
    if faults:
        raise PydanticCustomError("several", "{faults}", {"faults": faults})
    return entries


def _faults_of_new(entry: CatalogEntrySettings) -> Iterable[tuple[tuple[str, ...], str]]:
    hint = near(entry.name, _DEFAULTS)
    if entry.skip:
        yield ("name",), f"`{entry.name}` is none of the default catalogs, of which `skip` leaves one out{hint}"
        return
    missing = [key for key in _NEEDED if getattr(entry, key) is None]
    if missing:
        keys = " and ".join(f"`{key}`" for key in missing)
        yield ("name",), f"`{entry.name}` is none of the default catalogs and so needs {keys}{hint}"


def specs_of(entries: Iterable[CatalogEntrySettings]) -> tuple[CatalogSpec, ...]:
    """All catalogs that are searched: the defaults as changed by the entries, then the further ones."""
    found = dict(_DEFAULTS)
    for entry in entries:
        if entry.skip:
            found.pop(entry.name, None)
        else:
            found[entry.name] = entry.spec()
    return tuple(found.values())
