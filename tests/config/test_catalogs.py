from datetime import timedelta
from typing import Any

import pytest

from ampel_watch.config.catalogs import CatalogEntrySettings, specs_of
from ampel_watch.hosts import DEFAULT_CATALOGS, CatalogSpec, Condition, RedshiftColumn, Sign, TnsColumns
from tests.config.conftest import MINIMAL, Desk

DEFAULTS = {spec.name: spec for spec in DEFAULT_CATALOGS}
CATALOG = "  catalog:\n    url: https://catalog.example.org\n"
FURTHER = """\
    catalogs:
      - name: DESI
        use: extcats
        radius_arcsec: 5
        redshift:
          - {column: z, kind: spectroscopic, error_column: zerr, where: {column: zwarn, one_of: [0]}, rank: 1}
          - {column: zphot, kind: photometric, scale: 0.001, error: 0.05, low: 0.01, high: 1.5}
        star: {within_arcsec: 1.5, where: {column: spectype, begins: [STAR]}}
        agn: {significant: {flux: flux_err}, sigma: 4}
        tns: {name: objname, prefix: [name_prefix], type: [object_type.name, type]}
        id_column: targetid
"""


def with_catalog(lines: str = "") -> str:
    return MINIMAL.replace("watches:", f"{CATALOG}{lines}watches:")


def specs(desk: Desk, entry: str) -> dict[str, CatalogSpec]:
    return {spec.name: spec for spec in desk.load(with_catalog(f"    catalogs: [{entry}]\n")).catalogs}


def test_the_default_catalogs_are_searched(desk: Desk) -> None:
    config = desk.load(with_catalog())
    assert config.catalogs == DEFAULT_CATALOGS
    assert config.services.catalog is not None
    assert config.services.catalog.recheck == timedelta(days=1)


def test_without_the_service_no_catalogs_are_searched(desk: Desk) -> None:
    assert desk.load().catalogs == ()


def test_a_further_catalog_says_what_its_columns_mean(desk: Desk) -> None:
    *defaults, further = desk.load(with_catalog(FURTHER)).catalogs
    assert tuple(defaults) == DEFAULT_CATALOGS
    assert further == CatalogSpec(
        "DESI",
        "extcats",
        5.0,
        redshifts=(
            RedshiftColumn("z", "spectroscopic", "zerr", rank=1, where=Condition("zwarn", one_of=(0,))),
            RedshiftColumn("zphot", "photometric", scale=0.001, error=0.05, low=0.01, high=1.5),
        ),
        star=Sign(1.5, Condition("spectype", begins=("STAR",))),
        agn=Sign(significant=(("flux", "flux_err"),), sigma=4.0),
        tns=TnsColumns(("objname",), ("name_prefix",), ("object_type.name", "type")),
        id_column="targetid",
    )


def test_what_an_entry_leaves_out_stays_as_the_default_has_it(desk: Desk) -> None:
    changed = specs(desk, "{name: milliquas, radius_arcsec: 1.5}")["milliquas"]
    assert changed.radius_arcsec == 1.5
    assert (changed.redshifts, changed.agn) == (DEFAULTS["milliquas"].redshifts, DEFAULTS["milliquas"].agn)


def test_one_redshift_column_needs_no_list(desk: Desk) -> None:
    changed = specs(desk, "{name: NEDz, redshift: {column: zz, kind: photometric}}")["NEDz"]
    assert changed.redshifts == (RedshiftColumn("zz", "photometric"),)
    assert (changed.use, changed.radius_arcsec) == ("catsHTM", 10.0)


@pytest.mark.parametrize(
    ("written", "sign"), [("true", Sign()), ("{within_arcsec: 2}", Sign(2.0)), ("false", None), ("null", None)]
)
def test_a_sign_may_be_every_row_or_none(desk: Desk, written: str, sign: Sign | None) -> None:
    assert specs(desk, f"{{name: milliquas, agn: {written}, star: {written}}}")["milliquas"].agn == sign


def test_a_default_catalog_may_be_left_out(desk: Desk) -> None:
    found = specs(desk, "{name: TNS, skip: true}, {name: NEDz, skip: false}")
    assert [*found] == [name for name in DEFAULTS if name != "TNS"]


def test_the_order_of_the_defaults_is_kept(desk: Desk) -> None:
    assert [*specs(desk, "{name: AAVSOVSX, use: catsHTM}, {name: TNS, radius_arcsec: 2}")] == [*DEFAULTS]


FAULTS: list[tuple[str, str]] = [
    (
        "{name: milliqas}",
        "`milliqas` is none of the default catalogs and so needs `use` and `radius_arcsec`; did you mean `milliquas`?",
    ),
    ("{name: X, use: extcats}", "`X` is none of the default catalogs and so needs `radius_arcsec`"),
    (
        "{name: NEDzz, skip: true}",
        "`NEDzz` is none of the default catalogs, of which `skip` leaves one out; did you mean `NEDz`?",
    ),
    ("{name: NEDz}, {name: NEDz, skip: true}", "the catalog `NEDz` is given twice"),
    ("{name: NEDz, use: extcat}", "`use` must be one of `extcats`, `catsHTM`; did you mean `extcats`?"),
    ("{name: NEDz, radius_arcsec: 0}", "`radius_arcsec` must be greater than 0"),
    ("{name: NEDz, radius: 3}", "unknown key `radius`; did you mean `radius_arcsec`?"),
    ("{name: NEDz, redshift: {column: z}}", "the key `kind` is missing in `redshift`"),
    (
        "{name: NEDz, redshift: [{column: z, kind: spectral}]}",
        "`kind` must be one of `spectroscopic`, `photometric`",
    ),
    ("{name: NEDz, redshift: z}", "`redshift` must be a mapping of keys and values"),
    ("{name: NEDz, star: yes}", "`star` must be a mapping of keys and values"),
    ("{name: NEDz, star: {within: 3}}", "unknown key `within`; did you mean `within_arcsec`?"),
    ("{name: NEDz, star: {where: {one_of: [1]}}}", "the key `column` is missing in `star.where`"),
    ("{name: NEDz, tns: {type: t}}", "the key `name` is missing in `tns`"),
    ("{name: NEDz, tns: {name: []}}", "`name` must not be empty"),
    ("{radius_arcsec: 3}", "the key `name` is missing in entry 1 of `catalogs`"),
]


@pytest.mark.parametrize(("entries", "message"), FAULTS)
def test_faults_of_catalogs(desk: Desk, entries: str, message: str) -> None:
    (fault,) = desk.faults(with_catalog(f"    catalogs: [{entries}]\n"))
    place, found = fault.split(": ", 1)
    assert found == message
    assert place.startswith("config.yaml:6:")


def test_recheck_is_a_duration(desk: Desk) -> None:
    assert desk.faults(with_catalog("    recheck: 10s\n")) == ["config.yaml:6:14: `recheck` must be at least 1m"]


RULE = """    channels: [BTS]
    when: catalog("NEDz").z < 0.1 and catalog("milliqas") == null
"""


def test_a_rule_that_asks_a_catalog_that_is_not_searched_is_a_fault(desk: Desk) -> None:
    text = with_catalog().replace("    channels: [BTS]\n", RULE)
    message = "the catalog `milliqas` is not searched; did you mean `milliquas`?"
    assert desk.faults(text) == [f"config.yaml:9:48: {message}"]
    assert desk.load(text.replace("milliqas", "milliquas")).notes == ()


def test_every_key_of_an_entry_becomes_part_of_the_catalog() -> None:
    """What is written as the defaults are is the default."""

    def written(value: Any) -> Any:
        if isinstance(value, tuple):
            return [written(part) for part in value]
        if not hasattr(value, "__slots__") or isinstance(value, str):
            return value
        return {name: written(part) for name, part in fields(value) if part is not None}

    def fields(value: Any) -> list[tuple[str, Any]]:
        names = {"redshifts": "redshift"}
        pairs = [(names.get(name, name), getattr(value, name)) for name in value.__slots__]
        return [(name, dict(part) if name == "significant" else part) for name, part in pairs]

    entries = [CatalogEntrySettings.model_validate(written(spec)) for spec in DEFAULT_CATALOGS]
    assert specs_of(entries) == DEFAULT_CATALOGS
