import contextlib

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text

from ampel_watch.errors import StateTooNew
from ampel_watch.storage import Database, migrate
from ampel_watch.storage.schema import metadata


def shape(connection: Connection) -> dict[str, object]:
    """Everything that SQLite knows of each table and index, its own wording aside."""
    found = inspect(connection)
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(table)],
            found.get_pk_constraint(table),
            sorted(map(str, found.get_foreign_keys(table))),
            sorted(map(str, found.get_unique_constraints(table))),
            sorted((index["name"], index["column_names"], index["unique"]) for index in found.get_indexes(table)),
        )
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def test_the_migrations_make_exactly_the_schema(memory):
    def differences(connection: Connection) -> object:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "render_as_batch": True}
        )
        return compare_metadata(context, metadata)

    assert memory.run_now(differences) == []


def test_the_migrated_tables_have_the_constraints_of_the_schema(memory):
    engine = create_engine("sqlite://")
    with contextlib.ExitStack() as stack:
        stack.callback(engine.dispose)
        connection = stack.enter_context(engine.begin())
        metadata.create_all(connection)
        wanted = shape(connection)
    assert memory.run_now(shape) == wanted


def test_the_head_is_the_newest_script(memory):
    assert memory.run_now(migrate.version) == migrate.HEAD
    assert max(migrate.known_versions()) == migrate.HEAD


def test_opening_a_current_database_does_not_migrate(url, monkeypatch):
    Database.open(url).close()
    monkeypatch.setattr("alembic.command.upgrade", lambda *_: pytest.fail("there is nothing to do"))
    Database.open(url).close()


def test_an_empty_database_has_no_version():
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        assert migrate.version(connection) is None
    engine.dispose()


def test_an_unknown_version_changes_nothing(database):
    database.run_now(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '0002x'")))
    before = database.run_now(shape)
    with pytest.raises(StateTooNew, match="0002x"):
        database.run_now(migrate.migrate)
    assert database.run_now(shape) == before


def test_a_migration_that_fails_leaves_nothing_behind(url, monkeypatch):
    def fail_late(config, revision):
        config.attributes["connection"].execute(text("CREATE TABLE half (done INTEGER)"))
        raise LookupError

    with monkeypatch.context() as patch:
        patch.setattr("alembic.command.upgrade", fail_late)
        with pytest.raises(LookupError):
            Database.open(url)
    with contextlib.closing(Database.open(url)) as database:
        assert "half" not in database.run_now(shape)
