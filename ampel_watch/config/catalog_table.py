"""The default catalogs as a section of the reference page. Pure."""

from collections.abc import Iterator

from ampel_watch.hosts import DEFAULT_CATALOGS, CatalogSpec, Condition, RedshiftColumn, Sign

_INTRODUCTION = """## Default catalogs

What is searched around a stock, in one request; a catalog that the service does not have is left out. An entry of
`services.catalog.catalogs` with one of these names changes what it gives, and leaves the rest as it is here.

The redshift is that of the object itself if there is one, else a spectroscopic one, else a photometric one; of each
kind that of the nearest galaxy, and of several catalogs with the same galaxy that with the smallest rank. Distances
are those of Planck 2018's cosmology; magnitudes are corrected neither for extinction nor for the shift of the bands.

| catalog | use | radius | what its columns tell |
|---|---|---|---|
"""


def default_catalogs() -> str:
    """A section with a table of the default catalogs, Markdown."""
    rows = (
        f"| `{spec.name}` | {spec.use} | {spec.radius_arcsec:g}″ | {'; '.join(_meanings(spec))} |"
        for spec in DEFAULT_CATALOGS
    )
    return _INTRODUCTION + "\n".join(rows) + "\n"


def _meanings(spec: CatalogSpec) -> Iterator[str]:
    for column in spec.redshifts:
        yield f"{_redshift(column)}{_rows(column.where)}"
    for what, sign in (("a star", spec.star), ("an active nucleus", spec.agn)):
        if sign is not None:
            yield f"{what}: {_sign(sign)}"
    if spec.tns is not None:
        columns = (*spec.tns.prefix, *spec.tns.name, *spec.tns.type)
        yield f"name and classification: {', '.join(f'`{column}`' for column in columns)}"


def _redshift(column: RedshiftColumn) -> str:
    scale = f" × {column.scale:g}" if column.scale != 1 else ""
    of = " of the object itself" if column.of_object else ""
    error = f" ± `{column.error_column}`" if column.error_column else ""
    return f"{column.kind} redshift{of} `{column.column}`{scale}{error} (rank {column.rank})"


def _sign(sign: Sign) -> str:
    near = "" if sign.within_arcsec is None else f" within {sign.within_arcsec:g}″"
    pairs = ", ".join(f"`{column}`" for column, _ in sign.significant)
    significant = f" of which one of {pairs} exceeds {sign.sigma:g} of its errors" if pairs else ""
    weak = ", where no active nucleus and no redshift are known" if sign.weak else ""
    return f"a row{near}{_rows(sign.where)}{significant}{weak}"


def _rows(condition: Condition | None) -> str:
    if condition is None:
        return ""
    parts = [
        f"{words} {', '.join(f'{value:g}' if isinstance(value, float) else value for value in values)}"
        for words, values in (
            ("is", condition.one_of),
            ("begins with", condition.begins),
            ("does not begin with", condition.begins_not),
        )
        if values
    ]
    return f" where `{condition.column}` {' and '.join(parts)}"
