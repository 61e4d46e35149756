import asyncio
import contextlib
import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text

from ampel_watch.errors import StateError, StateTooNew, StateUnusable
from ampel_watch.storage import Database, file_of
from ampel_watch.storage import database as module
from ampel_watch.storage.schema import notices, watches

SECRET = "a value that must not be shown"


def pragma(database: Database, name: str) -> object:
    return database.run_now(lambda c: c.exec_driver_sql(f"PRAGMA {name}").scalar())


def names(connection: Connection) -> list[str]:
    return list(connection.execute(select(watches.c.name).order_by(watches.c.name)).scalars())


def add(name: str):
    return lambda connection: connection.execute(insert(watches).values(name=name))


def test_opening_makes_a_file_and_folders_that_only_the_owner_may_read(tmp_path):
    path = tmp_path / "state" / "ampel-watch" / "state.db"
    previous = os.umask(0)
    try:
        Database.open(f"sqlite:///{path}").close()
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_files_beside_the_database_are_private_too(url, tmp_path):
    with contextlib.closing(Database.open(url)) as database:
        database.run_now(add("mine"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes.keys() >= {"state.db", "state.db-wal"}
    assert set(modes.values()) == {0o600}


def test_writing_uses_wal_full_sync_and_foreign_keys(database):
    assert pragma(database, "journal_mode") == "wal"
    assert pragma(database, "synchronous") == 2
    assert pragma(database, "foreign_keys") == 1


def test_closing_leaves_one_file_that_opens_again(url, tmp_path):
    for name in ("one", "two"):
        with contextlib.closing(Database.open(url)) as database:
            database.run_now(add(name))
    assert [path.name for path in tmp_path.iterdir()] == ["state.db"]
    with contextlib.closing(Database.open_for_reading(url)) as database:
        assert database.run_now(names) == ["one", "two"]


def test_a_database_in_memory_keeps_its_content_between_transactions(memory):
    memory.run_now(add("kept"))
    assert memory.run_now(names) == ["kept"]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////var/lib/a.db", Path("/var/lib/a.db")),
        ("sqlite:///a.db", Path("a.db")),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("postgresql://host/name", None),
    ],
)
def test_the_file_behind_a_url(url, path):
    assert file_of(url) == path


def test_what_is_no_url_is_named_without_showing_it():
    with pytest.raises(StateUnusable, match="not a database URL") as caught:
        Database.open(f"//{SECRET}")
    assert SECRET not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnusable, match=r"cannot open the state database .*file/state\.db for writing: "):
        Database.open(f"sqlite:///{tmp_path / 'file' / 'state.db'}")


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    with pytest.raises(StateUnusable, match="for writing: Is a directory"):
        Database.open(f"sqlite:///{tmp_path}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StateUnusable, match="for writing: Permission denied"):
        Database.open(f"sqlite:///{tmp_path / 'state.db'}")


def test_a_file_that_is_no_database_is_refused_and_stays(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes.\n" * 100)
    with pytest.raises(StateUnusable, match="file is not a database"):
        Database.open(f"sqlite:///{path}")
    assert path.read_text() == "These are my notes.\n" * 100


@pytest.mark.parametrize("url", ["nosuchdatabase://somewhere/state", f"sqlite+nosuchdriver:///{SECRET}.db"])
def test_a_database_without_a_driver_is_unusable(url):
    with pytest.raises(StateUnusable) as caught:
        Database.open(url)
    assert SECRET not in str(caught.value)


def made_by_a_later_version(url: str) -> Path:
    with contextlib.closing(Database.open(url)) as database:
        database.run_now(add("mine"))
        database.run_now(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    path = file_of(url)
    assert path is not None
    return path


def test_a_database_of_a_later_version_is_refused_and_stays_as_it_is(url, tmp_path):
    path = made_by_a_later_version(url)
    before = path.read_bytes()
    with pytest.raises(
        StateTooNew, match=r"schema 9999, which a later version of ampel-watch wrote.*nothing was changed"
    ):
        Database.open(url)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["state.db"]


def test_a_database_of_a_later_version_is_not_read_either(url):
    made_by_a_later_version(url)
    with pytest.raises(StateTooNew, match="schema 9999"):
        Database.open_for_reading(url)


def test_an_exception_rolls_everything_back(database):
    def fail(connection: Connection) -> None:
        add("mine")(connection)
        raise LookupError

    with pytest.raises(LookupError):
        database.run_now(fail)
    assert database.run_now(names) == []


def test_errors_of_the_database_hold_no_parameters(database):
    database.run_now(add(SECRET))
    with pytest.raises(StateUnusable, match=r"UNIQUE constraint failed: watches\.name") as caught:
        database.run_now(add(SECRET))
    assert SECRET not in str(caught.value)
    assert SECRET not in str(caught.value.__cause__)


def test_the_write_lock_is_taken_before_the_first_read(url, database):
    """Else two that read and then write would fail with BUSY, at once and whatever the time-out."""
    path = file_of(url)
    with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)) as other:

        def only_read(connection: Connection) -> str:
            names(connection)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
            return "held"

        assert database.run_now(only_read) == "held"
        other.execute("BEGIN IMMEDIATE")  # and it is free again
        other.execute("ROLLBACK")


def test_a_second_writer_waits_for_the_first(url, database):
    """The second begins while the first is at work, and both read before they write."""
    second = Database.open(url)
    begun, finish = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        names(connection)
        begun.set()
        assert finish.wait(10)
        add("first")(connection)

    def quick(connection: Connection) -> list[str]:
        found = names(connection)
        add("second")(connection)
        return found

    with contextlib.closing(second):
        first = threading.Thread(target=database.run_now, args=(slow,))
        first.start()
        assert begun.wait(10)
        threading.Timer(0.2, finish.set).start()
        assert second.run_now(quick) == ["first"]
        first.join()
    assert database.run_now(names) == ["first", "second"]


def test_a_writer_that_never_ends_is_a_state_error(url, database, monkeypatch):
    monkeypatch.setattr(module, "BUSY_TIMEOUT_S", 0.1)
    second = Database.open(url)
    with contextlib.closing(second), contextlib.closing(sqlite3.connect(file_of(url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateUnusable, match="database is locked"):
            second.run_now(names)
        other.execute("ROLLBACK")
        assert second.run_now(names) == []


def test_a_naive_time_is_refused(database):
    from datetime import datetime

    naive = datetime(2026, 11, 22)  # noqa: DTZ001 - that is the point
    with pytest.raises(Exception, match="a time without a zone"):
        database.run_now(lambda c: c.execute(insert(notices).values(at=naive, what="x", text="y")))


async def test_a_slow_transaction_leaves_the_loop_running(database):
    finish = threading.Event()
    slow = asyncio.create_task(database.run(lambda _: finish.wait(10)))
    for _ in range(1000):
        await asyncio.sleep(0)
    assert not slow.done()
    finish.set()  # only a loop that runs comes here
    assert await slow is True


async def test_transactions_run_one_after_the_other_in_order(database):
    working: list[int] = []

    def work(number: int) -> int:
        assert not working
        working.append(number)
        working.pop()
        return number

    tasks = [database.run(lambda _, n=n: work(n)) for n in range(50)]
    assert await asyncio.gather(*tasks) == list(range(50))


async def test_a_cancelled_caller_does_not_break_the_transaction(database):
    begun, finish = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        begun.set()
        assert finish.wait(10)
        add("mine")(connection)

    caller = asyncio.create_task(database.run(slow))
    await asyncio.to_thread(begun.wait, 10)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    finish.set()
    assert await database.run(names) == ["mine"]


def test_a_reader_sees_what_is_committed_and_stops_no_writer(url, database):
    database.run_now(add("one"))
    with contextlib.closing(Database.open_for_reading(url)) as reader:

        def read(connection: Connection) -> tuple[list[str], list[str]]:
            before = names(connection)
            database.run_now(add("two"))
            return before, names(connection)

        assert reader.run_now(read) == (["one"], ["one"])
        assert reader.run_now(names) == ["one", "two"]


def test_a_reader_is_not_stopped_by_a_writer_at_work(url, database):
    with contextlib.closing(Database.open_for_reading(url)) as reader:

        def write(connection: Connection) -> list[str]:
            add("mine")(connection)
            return reader.run_now(names)

        assert database.run_now(write) == []


def test_a_reader_cannot_write(url, database):
    with (
        contextlib.closing(Database.open_for_reading(url)) as reader,
        pytest.raises(StateUnusable, match="attempt to write a readonly database"),
    ):
        reader.run_now(add("mine"))


def test_where_there_is_no_state_reading_says_so_and_makes_none(url, tmp_path):
    with pytest.raises(StateUnusable, match=r"there is no state yet at .*state\.db; `ampel-watch once`"):
        Database.open_for_reading(url)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_state_yet(url, tmp_path):
    (tmp_path / "state.db").touch()
    with pytest.raises(StateUnusable, match="there is no state yet"):
        Database.open_for_reading(url)


def test_all_state_errors_end_a_command_with_1():
    assert {error.exit_code for error in (StateError, *StateError.__subclasses__())} == {1}
