from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from ampel_watch.storage import health
from ampel_watch.storage.health import ServiceHealth
from ampel_watch.storage.overview import watch_rows
from ampel_watch.storage.schema import notices

NOW = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
LATEST = NOW + timedelta(minutes=10)


def notes(connection) -> list[str]:
    return list(connection.execute(select(notices.c.what).order_by(notices.c.seq)).scalars())


def test_of_a_service_that_was_never_called_nothing_is_known(trial):
    def work(connection):
        assert health.service(connection, "live") == ServiceHealth()

    trial(work)


def test_a_run_of_failures_keeps_its_beginning(trial):
    def work(connection):
        health.note_service_success(connection, "live", NOW - timedelta(hours=1))
        health.note_service_failure(connection, "live", NOW, "down")
        health.note_service_failure(connection, "live", LATER, "still down")
        assert health.service(connection, "live") == ServiceHealth(
            succeeded_at=NOW - timedelta(hours=1), failing_since=NOW, error="still down"
        )
        assert health.service(connection, "archive") == ServiceHealth()

    trial(work)


def test_a_success_ends_the_run_of_failures(trial):
    def work(connection):
        health.note_service_failure(connection, "live", NOW, "down")
        health.note_service_success(connection, "live", LATER)
        assert health.service(connection, "live") == ServiceHealth(succeeded_at=LATER)
        health.note_service_failure(connection, "live", LATEST, "down")
        assert health.service(connection, "live").failing_since == LATEST

    trial(work)


def test_the_way_of_listing_is_remembered_beside_the_health(trial):
    def work(connection):
        health.note_service_success(connection, "live", NOW)
        health.note_listing(connection, "archive")
        assert health.service(connection, "live") == ServiceHealth(succeeded_at=NOW, listing="archive")

    trial(work)


def test_the_first_identity_begins_no_new_epoch(trial):
    def work(connection):
        assert health.note_identity(connection, "one", NOW) == 0
        assert notes(connection) == []

    trial(work)


def test_another_identity_begins_an_epoch_and_leaves_a_notice(trial):
    def work(connection):
        found = [health.note_identity(connection, who, NOW) for who in ("one", "one", "two", "two", "one")]
        assert found == [0, 0, 1, 1, 2]
        assert notes(connection) == ["identity", "identity"]

    trial(work)


def test_a_token_that_does_not_say_whose_it_is_changes_nothing(trial):
    def work(connection):
        found = [health.note_identity(connection, who, NOW) for who in (None, "one", "two", None, "two")]
        assert found == [0, 0, 1, 1, 1]

    trial(work)


def test_an_epoch_survives_successes_and_failures(trial):
    def work(connection):
        health.note_identity(connection, "one", NOW)
        health.note_identity(connection, "two", NOW)
        health.note_service_failure(connection, "live", NOW, "down")
        health.note_service_success(connection, "live", LATER)
        assert health.note_identity(connection, "two", LATER) == 1

    trial(work)


def test_a_failed_look_of_a_watch_keeps_the_time_of_the_last_good_one(trial):
    def work(connection):
        health.note_watch(connection, "mine", looked_at=NOW, error=None, next_due_at=LATER)
        health.note_watch(connection, "mine", looked_at=LATER, error="live: down", next_due_at=LATEST)
        row = watch_rows(connection)["mine"]
        assert (row["looked_at"], row["succeeded_at"], row["error"]) == (LATER, NOW, "live: down")
        health.note_watch(connection, "mine", looked_at=LATEST, error=None, next_due_at=LATEST)
        assert watch_rows(connection)["mine"]["error"] is None

    trial(work)


def test_due_dates_are_remembered_by_watch(trial):
    def work(connection):
        health.note_watch(connection, "mine", looked_at=NOW, error=None, next_due_at=LATER)
        health.note_watch(connection, "yours", looked_at=NOW, error=None, next_due_at=None)
        assert health.due_dates(connection) == {"mine": LATER}

    trial(work)
