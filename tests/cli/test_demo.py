"""The demo, as a newcomer types it, in little time."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


def demo(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ampel_watch", "demo", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_shows_events_and_ends_by_itself() -> None:
    ran = demo("--for", "5s", "--night", "1s")
    assert (ran.returncode, ran.stderr) == (0, "")
    told = re.findall(r"(ZTF\w{9}) entered (\S+)", ran.stdout)
    assert told
    assert len(told) == len(set(told)), "each is told once"
    assert re.search(r"\d nights, \d+ events", ran.stdout)
    assert "Late:" not in ran.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--for", "soon"], "write for example 30s"), (["--alerts", "/nonexistent"], "does not exist")],
)
def test_what_it_cannot_do_it_says(words: list[str], message: str) -> None:
    ran = demo(*words)
    assert ran.returncode == 2
    assert message in ran.stderr


def test_a_folder_without_packets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.avro").write_text("no Avro at all")
    ran = demo("--alerts", str(tmp_path))
    assert ran.returncode == 2
    assert "no readable alert packets" in ran.stderr
    assert "notes.avro" in ran.stdout
