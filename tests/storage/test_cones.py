from datetime import UTC, datetime, timedelta

from ampel_watch.model import StockKey
from ampel_watch.storage import cones
from ampel_watch.storage.cones import ConeLook, ConeMember

NOW = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
HERE, THERE = "150.000000 +20.000000 10", "10.000000 -5.000000 3600"
A, B = StockKey("ztf", 1), StockKey("ztf", 2)


def member(cone=HERE, key=A, *, found_at=NOW, at_first_look=False) -> ConeMember:
    return ConeMember(cone, key, f"stock {key.id}", found_at, at_first_look)


def test_the_last_look_at_a_cone_stands(trial):
    def work(connection):
        assert cones.looks_at(connection, [HERE]) == {}
        cones.note_look(connection, HERE, ConeLook(NOW, NOW))
        cones.note_look(connection, THERE, ConeLook(NOW, NOW))
        cones.note_look(connection, HERE, ConeLook(LATER, NOW))
        assert cones.looks_at(connection, [HERE, THERE]) == {HERE: ConeLook(LATER, NOW), THERE: ConeLook(NOW, NOW)}
        assert cones.looks_at(connection, [THERE]) == {THERE: ConeLook(NOW, NOW)}

    trial(work)


def test_a_stock_that_is_known_in_a_cone_stays_as_it_was_found(trial):
    def work(connection):
        first = member(at_first_look=True)
        cones.add(connection, [first])
        cones.add(connection, [member(found_at=LATER), member(key=B, found_at=LATER)])
        assert cones.members_of(connection, [HERE]) == [first, member(key=B, found_at=LATER)]
        assert cones.found_later(connection, [HERE]) == [member(key=B, found_at=LATER)]
        assert cones.members_of(connection, [THERE]) == []

    trial(work)


def test_a_stock_may_be_in_several_cones(trial):
    def work(connection):
        both = [member(), member(THERE)]
        other = member(key=StockKey("lsst", A.id))
        cones.add(connection, [*both, other, member(key=B)])
        found = cones.holding(connection, [A, StockKey("ztf", 99)])
        assert sorted(found, key=lambda one: one.cone, reverse=True) == both
        assert cones.holding(connection, []) == []

    trial(work)


def test_a_cone_that_nobody_watches_is_forgotten_with_what_was_found_there(trial):
    def work(connection):
        for cone in (HERE, THERE):
            cones.note_look(connection, cone, ConeLook(NOW, NOW))
        cones.add(connection, [member(), member(THERE)])
        assert cones.forget(connection, [HERE, "never looked at"]) == 1
        assert cones.looks_at(connection, [HERE, THERE]) == {HERE: ConeLook(NOW, NOW)}
        assert cones.members_of(connection, [HERE, THERE]) == [member()]

    trial(work)


def test_more_cones_than_one_statement_takes_are_found(trial):
    def work(connection):
        many = [f"{number}.000000 +0.000000 3" for number in range(1000)]
        cones.add(connection, [member(cone) for cone in many])
        assert {one.cone for one in cones.members_of(connection, many)} == set(many)

    trial(work)
