"""The table of catalogs against what the services, recorded and embedded, really have."""

from collections.abc import Iterator

import pytest

from ampel_watch.hosts import DEFAULT_CATALOGS, CatalogSpec, host_facts, queries_of
from ampel_watch.model import Match
from ampel_watch.sandbox.catalogs import empty_catalogs
from tests.hosts.samples import SPECS
from tests.services.recordings import load, needs_recordings


def columns_of(spec: CatalogSpec) -> Iterator[str]:
    """Every column that is read, `a.b` as `a`; of several that serve one purpose, the first."""
    for column in spec.redshifts:
        yield column.column
        if column.error_column:
            yield column.error_column
        if column.where:
            yield column.where.column
    for sign in filter(None, (spec.star, spec.agn)):
        yield from (column for pair in sign.significant for column in pair)
        if sign.where:
            yield sign.where.column
    if spec.tns:
        yield from (names[0] for names in (spec.tns.name, spec.tns.prefix, spec.tns.type))
    if spec.id_column:
        yield spec.id_column


LISTED = {catalog.name: (catalog.use, {name for name, _ in catalog.columns}) for catalog in empty_catalogs()}


@pytest.mark.parametrize("name", sorted(set(LISTED) & set(SPECS)))
def test_the_embedded_service_has_the_columns_that_are_read(name: str) -> None:
    use, columns = LISTED[name]
    spec = SPECS[name]
    assert spec.use == use
    assert {column.partition(".")[0] for column in columns_of(spec)} <= columns


def test_all_catalogs_of_the_embedded_service_are_known() -> None:
    assert set(LISTED) <= set(SPECS)


@needs_recordings
def test_the_recorded_service_has_the_columns_that_are_read() -> None:
    listed = {entry["name"]: entry for entry in load("catalog", "catalogs")["response"]["json"]}
    common = set(listed) & set(SPECS)
    assert {"TNS", "milliquas"} <= common
    for name in common:
        assert SPECS[name].use == listed[name]["use"]
        columns = {column["name"] for column in listed[name]["columns"]}
        assert {column.partition(".")[0] for column in columns_of(SPECS[name])} <= columns


@needs_recordings
@pytest.mark.parametrize(
    ("recording", "name", "expected"),
    [
        (
            "nearest_extcats_2dsphere",
            "TNS",
            {"tns_name": "AT 2019nho", "tns_type": None, "z": None, "agn": None},
        ),
        (
            "nearest_extcats_match",
            "milliquas",
            {"z": 0.7, "z_kind": "photometric", "agn": True, "tns_name": None},
        ),
    ],
)
def test_recorded_rows_are_understood(recording: str, name: str, expected: dict[str, object]) -> None:
    (row, *_) = load("catalog", recording)["response"]["json"]
    facts = host_facts(DEFAULT_CATALOGS, {name: Match(name, 0.1, row["body"])}, mag=None)
    assert {key: facts[key] for key in expected} == expected


def test_each_catalog_is_asked_once_for_whole_rows() -> None:
    queries = queries_of(DEFAULT_CATALOGS)
    assert len({query.name for query in queries}) == len(queries) == len(SPECS)
    assert all(query.columns is None for query in queries)


def test_every_catalog_tells_something() -> None:
    assert all(spec.redshifts or spec.star or spec.agn or spec.tns for spec in DEFAULT_CATALOGS)


@pytest.mark.parametrize("spec", DEFAULT_CATALOGS, ids=lambda spec: spec.name)
def test_signs_reach_no_farther_than_the_search(spec: CatalogSpec) -> None:
    for sign in filter(None, (spec.star, spec.agn)):
        assert sign.within_arcsec is None or sign.within_arcsec <= spec.radius_arcsec
