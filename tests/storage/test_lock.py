import stat
import subprocess
import sys

import pytest

from ampel_watch.errors import StateInUse, StateUnusable
from ampel_watch.storage import StateLock

HOLDER = """
import sys
from pathlib import Path
from ampel_watch.storage.lock import StateLock
with StateLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path) -> subprocess.Popen[str]:
    """Another process that holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_until_the_first_ends(tmp_path):
    path = tmp_path / "state.db"
    with hold(path) as other:
        with pytest.raises(StateInUse, match=r"another ampel-watch works on this state .*state\.db.lock is locked"):
            StateLock(path).__enter__()
        other.communicate()
    with StateLock(path):
        pass


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path):
    path = tmp_path / "state.db"
    with hold(path) as other:
        other.kill()
        other.wait()
        with StateLock(path):
            pass


def test_a_second_holder_in_the_same_process_is_refused(tmp_path):
    path = tmp_path / "state.db"
    with StateLock(path), pytest.raises(StateInUse):
        StateLock(path).__enter__()


def test_states_beside_each_other_do_not_hinder_each_other(tmp_path):
    with StateLock(tmp_path / "one.db"), StateLock(tmp_path / "two.db"):
        pass


def test_the_lock_is_released_and_its_file_stays(tmp_path):
    lock = StateLock(tmp_path / "state.db")
    for _ in range(2):
        with lock:
            pass
    assert stat.S_IMODE(lock.path.stat().st_mode) == 0o600


def test_a_child_process_does_not_inherit_the_lock(tmp_path):
    """A program that a plugin starts and that outlives us must not hold the state."""
    path = tmp_path / "state.db"
    with StateLock(path):
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    with child:
        with StateLock(path):
            pass
        child.communicate()


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnusable, match=r"cannot create the lock .*state\.db.lock: "):
        StateLock(tmp_path / "file" / "state.db").__enter__()
