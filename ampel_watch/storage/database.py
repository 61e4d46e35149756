"""The connection to the state: migrated at opening, written by one thread, never blocking the event loop."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool, StaticPool

from ampel_watch.errors import StateUnusable
from ampel_watch.storage.migrate import check, migrate, no_state

T = TypeVar("T")
D = TypeVar("D", bound="Database")

BUSY_TIMEOUT_S = 10


class Database:
    """The state database.

    All work runs in one thread of its own, one transaction at a time; an exception rolls it back. Foreign errors
    become `StateError`, with a message that holds no parameters.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")

    @classmethod
    def open(cls, url: str) -> Self:
        """Open for work: create the file (mode 0600) and its folder if need be, and bring the schema up to date."""
        parsed = _parse(url)
        engine = _engine(parsed, writing=True)  # first: a URL without a driver shall leave no file behind
        _make_file(parsed)
        return _ready(cls(engine), migrate)

    @classmethod
    def open_for_reading(cls, url: str) -> Self:
        """Open beside a running daemon, for looking only; `StateUnusable` if there is no state yet."""
        parsed = _parse(url)
        path = file_of(url)
        if path is not None and not path.exists():
            raise no_state(str(path))
        return _ready(cls(_engine(parsed, writing=False)), check)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in one transaction, in the database's own thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    def run_now(self, work: Callable[[Connection], T]) -> T:
        """The same for callers without an event loop; waits for the thread."""
        return self._thread.submit(self._transact, work).result()

    def close(self) -> None:
        """Finish what is under way and release the file."""
        self._thread.submit(self._engine.dispose).result()
        self._thread.shutdown()

    def _transact(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except exc.StatementError as error:
            raise StateUnusable(f"the state database: {error.orig}") from error


def _ready(database: D, work: Callable[[Connection], None]) -> D:
    """The database after its first transaction; closed if that fails."""
    try:
        database.run_now(work)
    except BaseException:
        database.close()
        raise
    return database


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except exc.ArgumentError:
        raise StateUnusable("`state` is not a database URL; write for example sqlite:///ampel-watch.db") from None


def file_of(url: str) -> Path | None:
    """The SQLite file behind a URL; None for other databases and for one in memory."""
    parsed = _parse(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


def _make_file(url: URL) -> None:
    path = file_of(url.render_as_string(hide_password=False))
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StateUnusable(f"cannot open the state database {path} for writing: {error.strerror}") from error


def _engine(url: URL, *, writing: bool) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite_engine(url, writing=writing)
        return create_engine(url, hide_parameters=True, pool_size=1, max_overflow=0)
    except (exc.NoSuchModuleError, ImportError) as error:
        raise StateUnusable(f"`state`: {url.drivername} is no database that can be used here: {error}") from None


def _sqlite_engine(url: URL, *, writing: bool) -> Engine:
    in_memory = url.database in (None, "", ":memory:")
    engine = create_engine(
        url,
        hide_parameters=True,
        poolclass=StaticPool if in_memory or writing else NullPool,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: object) -> None:  # noqa: ARG001 - SQLAlchemy's signature
        connection.isolation_level = None  # we begin transactions ourselves, see below
        connection.execute("PRAGMA foreign_keys=ON")
        if writing:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        else:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that first reads and then writes fails at once when another writer came between;
        # taking the write lock at the start waits for it instead.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
