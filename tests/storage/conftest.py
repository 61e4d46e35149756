"""Databases to try the queries on: a real file, and one in memory on which property tests leave no trace."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from ampel_watch.storage import Database


class _Undone(Exception):
    pass


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with contextlib.closing(Database.open(url)) as database:
        yield database


@pytest.fixture(scope="module")
def memory() -> Iterator[Database]:
    with contextlib.closing(Database.open("sqlite://")) as database:
        yield database


@pytest.fixture(scope="module")
def trial(memory: Database) -> Callable[[Callable[[Connection], None]], None]:
    """Does work in a transaction that is rolled back afterwards."""

    def run(work: Callable[[Connection], None]) -> None:
        def work_and_undo(connection: Connection) -> None:
            work(connection)
            raise _Undone

        with contextlib.suppress(_Undone):
            memory.run_now(work_and_undo)

    return run
