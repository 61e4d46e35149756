import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select, text

from ampel_watch.lightcurve import Detection, LightCurve, UpperLimit
from ampel_watch.model import StockKey
from ampel_watch.storage import light_curves, schema
from ampel_watch.storage.light_curves import StoredCurve

NOW = datetime(2026, 11, 22, 21, 4, 5, 123456, tzinfo=UTC)
KEY = StockKey("ztf", 119032484)
JD = 2459293.8432060187

bands = st.sampled_from("gri")
finite = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | finite
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
times = st.datetimes(datetime(2017, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
detections = st.builds(
    Detection,
    jd=finite,
    band=bands,
    candid=st.integers(0, 2**63 - 1),
    mag=finite,
    mag_err=finite,
    ra_deg=maybe,
    dec_deg=maybe,
    limit_mag=maybe,
    drb=maybe,
    rb=maybe,
    alert=st.booleans(),
    ssdist_arcsec=maybe,
    ssname=st.none() | words,
    star_score=maybe,
    star_dist_arcsec=maybe,
)
limits = st.builds(UpperLimit, finite, bands, finite)
curves = st.builds(
    LightCurve,
    *(st.lists(points, max_size=4).map(tuple) for points in (detections, detections, limits)),
)
stored_curves = st.builds(StoredCurve, curves, words, times, st.none() | times, st.booleans())
keys = st.builds(StockKey, st.sampled_from(["ztf", "lsst"]), st.integers(0, 2**63 - 1))

POINT = Detection(JD, "r", 595147624915010001, 18.374500274658203, 0.11492577195167542, alert=True)
CURVE = LightCurve((POINT,), (), (UpperLimit(JD - 1, "g", 20.5),))
STORED = StoredCurve(CURVE, "ZTF21aaqhhfu", NOW, NOW + timedelta(hours=1), whole=True)


@given(key=keys, stored=stored_curves)
def test_a_light_curve_comes_back_as_it_was_stored(trial, key, stored):
    def work(connection):
        light_curves.save(connection, key, stored)
        assert light_curves.load(connection, [key]) == {key: stored}
        assert light_curves.load_one(connection, key) == stored

    trial(work)


@given(first=stored_curves, second=stored_curves)
def test_the_later_of_two_light_curves_stands(trial, first, second):
    def work(connection):
        light_curves.save(connection, KEY, first)
        light_curves.save(connection, KEY, second)
        assert light_curves.load_one(connection, KEY) == second

    trial(work)


@given(found=st.lists(st.integers(0, 2000), unique=True, max_size=900), extra=st.integers(3000, 2**63 - 1))
def test_any_number_of_light_curves_is_loaded_at_once(trial, found, extra):
    wanted = [StockKey(survey, number) for survey in ("ztf", "lsst") for number in found]
    known = wanted[::50]

    def work(connection):
        for key in [*known, StockKey("ztf", extra)]:
            light_curves.save(connection, key, replace(STORED, name=f"stock {key.id}"))
        loaded = light_curves.load(connection, wanted)
        assert loaded == {key: replace(STORED, name=f"stock {key.id}") for key in known}
        assert set(light_curves.load(connection, wanted)) == set(known)

    trial(work)


def test_what_was_never_stored_is_not_there(trial):
    def work(connection):
        light_curves.save(connection, StockKey("lsst", KEY.id), STORED)
        assert light_curves.load(connection, [KEY]) == {}
        assert light_curves.load(connection, []) == {}
        assert light_curves.load_one(connection, KEY) is None
        assert set(light_curves.load(connection, [KEY])) == set()

    trial(work)


def test_a_baseline_is_an_empty_light_curve_of_which_nothing_is_known(trial):
    def work(connection):
        light_curves.note_baselines(connection, {KEY: "ZTF21aaqhhfu"}, NOW)
        expected = StoredCurve(LightCurve(), "ZTF21aaqhhfu", NOW, None, whole=False)
        assert light_curves.load(connection, [KEY]) == {KEY: expected}
        assert set(light_curves.load(connection, [KEY])) == {KEY}
        stored = connection.execute(select(schema.light_curves.c.points)).scalar_one()
        assert stored is None, "no bytes for nothing"

    trial(work)


def test_a_baseline_is_noted_once_and_what_is_stored_stays(trial):
    other = StockKey("ztf", 16)

    def work(connection):
        light_curves.save(connection, KEY, STORED)
        light_curves.note_baselines(connection, {}, NOW)
        light_curves.note_baselines(connection, {other: "ZTF17aaaaaab"}, NOW)
        later = NOW + timedelta(days=1)
        light_curves.note_baselines(connection, {KEY: "x", other: "x", StockKey("ztf", 32): "ZTF17aaaaaac"}, later)
        loaded = light_curves.load(connection, [KEY, other, StockKey("ztf", 32)])
        assert loaded[KEY] == STORED
        assert (loaded[other].name, loaded[other].baseline_at) == ("ZTF17aaaaaab", NOW)
        assert loaded[StockKey("ztf", 32)].baseline_at == later

    trial(work)


def test_a_hundred_thousand_baselines_are_noted_in_one_statement_and_found_in_few(trial):
    names = {StockKey("ztf", number * 7919): f"stock {number}" for number in range(100_000)}

    def work(connection):
        statements = []
        event.listen(connection, "before_cursor_execute", lambda *args: statements.append(args[2]))
        light_curves.note_baselines(connection, names, NOW)
        light_curves.note_baselines(connection, names, NOW)
        assert len(statements) == 2
        assert set(light_curves.load(connection, names)) == set(names)
        assert len(statements) <= 2 + len(names) / 100

    trial(work)


def test_light_curves_are_looked_up_by_their_key(trial):
    """A condition that is not met by the index would read the whole table, points included, at every look."""

    def work(connection):
        query = select(schema.light_curves).where(light_curves._are("ztf", [1, 2]))
        compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}")).all()
        assert [row.detail.split(" ")[0] for row in plan] == ["SEARCH"]

    trial(work)


def test_a_long_light_curve_takes_tens_of_kilobytes(trial):
    curve = LightCurve(
        tuple(point_of_night(night) for night in range(500)),
        (),
        tuple(UpperLimit(JD - 1 - night * 1.0037, "gr"[night % 2], 20.5 + wave(night)) for night in range(1000)),
    )

    def work(connection):
        light_curves.save(connection, KEY, replace(STORED, curve=curve))
        (size,) = connection.execute(select(func.length(schema.light_curves.c.points))).one()
        assert size < 70_000
        assert light_curves.load_one(connection, KEY).curve == curve

    trial(work)


def wave(night: int) -> float:
    """Digits as many, and as irregular, as those of a measurement."""
    return math.sin(night * 1.7) * 0.3


def point_of_night(night: int) -> Detection:
    return replace(
        POINT,
        jd=JD + night * 1.0023,
        candid=POINT.candid + night * 1_002_300_000_000_017,
        mag=18.5 + wave(night),
        mag_err=0.1 + wave(night + 1) / 9,
        ra_deg=round(289.2541583 + wave(night) / 1e4, 7),
        dec_deg=round(26.8354127 + wave(night + 2) / 1e4, 7),
        limit_mag=20.5 + wave(night + 3),
        rb=0.6 + wave(night + 4),
        drb=0.6 + wave(night + 5),
        star_score=0.8944699764251709,
        star_dist_arcsec=0.48 + wave(night + 6),
    )


def test_a_time_without_a_zone_is_refused(trial):
    def work(connection):
        with pytest.raises(Exception, match="without a zone"):
            light_curves.note_baselines(connection, {KEY: "x"}, NOW.replace(tzinfo=None))

    trial(work)
