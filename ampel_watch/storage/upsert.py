"""Insert-or-replace, in the dialect of the database at hand."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Write `values` to the row of `key`, making the row if it does not exist."""
    if connection.dialect.name == "postgresql":
        written = postgresql.insert(table).values(**key, **values)
        connection.execute(written.on_conflict_do_update(index_elements=list(key), set_=dict(values)))
    else:
        stored = sqlite.insert(table).values(**key, **values)
        connection.execute(stored.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


def insert_missing(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert those rows whose key does not exist yet."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(postgresql.insert(table).on_conflict_do_nothing(), rows)
    else:
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)
