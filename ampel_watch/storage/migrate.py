"""Bringing a database to the schema of this version. Alembic is loaded only when there is something to do."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from ampel_watch.errors import StateTooNew, StateUnusable

HEAD = "0002"
SCRIPTS = Path(__file__).with_name("migrations")


def version(connection: Connection) -> str | None:
    """The schema version of the database; None if it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def known_versions() -> frozenset[str]:
    """The schema versions that this program can read and migrate from."""
    return frozenset(path.name.split("_")[0] for path in (SCRIPTS / "versions").glob("[0-9]*.py"))


def no_state(where: str) -> StateUnusable:
    """The error for looking at a state that was never made."""
    return StateUnusable(f"there is no state yet at {where}; `ampel-watch once` or `ampel-watch run` makes it")


def check(connection: Connection) -> None:
    """See whether the database can be read as it is; `StateError`, in words, if not."""
    current = version(connection)
    if current == HEAD:
        return
    if current is None:
        raise no_state(connection.engine.url.render_as_string())
    _refuse_later(current)
    raise StateUnusable(
        f"the state database has schema {current} of an earlier version of ampel-watch; `ampel-watch once` or "
        "`ampel-watch run` brings it up to date"
    )


def _refuse_later(current: str | None) -> None:
    if current is not None and current not in known_versions():
        raise StateTooNew(
            f"the state database has schema {current}, which a later version of ampel-watch wrote (this one knows up "
            f"to {HEAD}); nothing was changed. Install that version again, or give another `state`"
        )


def migrate(connection: Connection) -> None:
    """Bring the schema up to date, in the caller's transaction; `StateTooNew` if it is from a later version."""
    current = version(connection)
    if current == HEAD:
        return
    _refuse_later(current)
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
