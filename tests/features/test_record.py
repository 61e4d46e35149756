import json
import math
from dataclasses import fields

from hypothesis import given

from ampel_watch.features import Features, features_of
from tests.features.curves import CANDID, START, at, curve, curves, limit


def test_nothing_known_is_null_under_every_name():
    assert Features().to_json() == {field.name: None for field in fields(Features)}


@given(curves())
def test_the_document_is_strict_json_and_read_back_the_same(whole):
    document = features_of(whole, START + 70).to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document


@given(curves())
def test_rounding_loses_less_than_any_error(whole):
    features = features_of(whole, START + 70)
    for name, value in features.to_json().items():
        exact = getattr(features, name)
        if isinstance(exact, float):
            assert math.isclose(value, exact, rel_tol=0, abs_tol=5.1e-5), name
        else:
            assert value == exact
            assert type(value) is type(exact)


def test_numbers_are_rounded_by_their_meaning():
    measured = curve(
        at(0.123456789, 18.123456789, ra_deg=150.123456789, err=0.0123456789),
        at(1.0, 18.0, ra_deg=150.123456789, ssdist_arcsec=3.123456789),
        limits=[limit(-1.0, 20.123456789)],
    )
    document = features_of(measured, START + 2.123456789).to_json()
    assert document["peak_mag"] == 18.0
    assert document["last_limit_mag"] == 20.1235
    assert document["ssdist_arcsec"] == 3.1235
    assert document["age_d"] == 2.0
    assert document["limit_age_d"] == 3.1235
    assert document["ra_deg"] == 150.123457
    assert document["rise_rate_mag_d"] == round(0.123456789 / (1 - 0.123456789), 5)


def test_a_candid_keeps_all_its_digits():
    assert features_of(curve(at(0, 18.0, candid=CANDID)), START).to_json()["candid"] == CANDID == 1546147624915010001
