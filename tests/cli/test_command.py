"""The command line itself: options, exit codes, and what is printed where."""

import pytest

from ampel_watch import __version__
from ampel_watch.cli import cli
from tests.cli.command import Desk, Ran

GOOD = "receivers:\n  here: {notifier: console}\n"
VERBS = sorted(cli.commands)


def test_the_version_is_that_of_the_package(desk):
    assert desk.run("--version") == Ran(0, f"ampel-watch, version {__version__}\n", "")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(run, verb):
    found = run(verb, "--help")
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith(f"Usage: ampel-watch {verb}")


def test_help_lists_every_verb(run):
    found = run("-h")
    assert found.code == 0
    assert all(f"\n  {verb} " in found.out for verb in VERBS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuchverb"], "No such command 'nosuchverb'"),
        (["check", "--nosuchoption"], "--nosuchoption"),
        (["check", "-c"], "Option '-c' requires an argument"),
        (["events", "--limit", "0"], "0 is not in the range x>=1"),
        (["test-notify"], "Missing argument 'RECEIVER'"),
    ],
)
def test_wrong_usage_ends_with_2_and_one_error(run, arguments, message):
    found = run(*arguments)
    assert (found.code, found.out) == (2, "")
    assert message in found.err


def test_the_configuration_is_taken_before_and_after_the_verb(desk, run):
    desk.write(GOOD, "other.yaml")
    after, before = run("check", "-c", "other.yaml"), run("--config", "other.yaml", "check")
    assert after == before == Ran(0, "other.yaml is good: 0 watches (0 channels, 0 stocks), 1 receiver\n", "")


def test_the_configuration_after_the_verb_wins(desk, run):
    desk.write(GOOD, "other.yaml")
    assert run("-c", "nowhere.yaml", "check", "-c", "other.yaml").code == 0
    assert run("-c", "other.yaml", "check", "-c", "nowhere.yaml").code == 78


def test_the_environment_names_the_configuration(desk, run, monkeypatch):
    monkeypatch.setenv("AMPEL_WATCH_CONFIG", str(desk.write(GOOD, "other.yaml")))
    assert run("check").out.startswith(f"{desk.folder / 'other.yaml'} is good")


def test_a_state_that_cannot_be_written_is_one_line(desk, run):
    (desk.folder / "file").write_text("")
    desk.write(GOOD + f"state: sqlite:///{desk.folder}/file/state.db\n")
    for verb in ("once", "run"):
        found = run(verb)
        assert (found.code, found.out) == (1, "")
        (line,) = found.lines
        assert line.startswith("ampel-watch: cannot ")
        assert f"{desk.folder}/file/state.db" in line


@pytest.mark.parametrize("verb", ["status", "events"])
def test_looking_at_a_state_that_was_never_made_is_one_line(desk, run, verb):
    desk.write(GOOD)
    found = run(verb)
    assert (found.code, found.out) == (1, "")
    (line,) = found.lines
    assert line.startswith("ampel-watch: there is no state yet at ")


@pytest.mark.parametrize("verb", ["once", "once --dry-run", "run", "status", "events"])
def test_a_state_that_is_no_database_is_one_line(desk, run, verb):
    desk.write(GOOD)
    desk.state.parent.mkdir()
    desk.state.write_text("These are my notes.\n" * 100)
    found = run(*verb.split())
    assert (found.code, found.out) == (1, "")
    assert found.lines == ["ampel-watch: the state database: file is not a database"]


@pytest.mark.parametrize("verb", ["once", "run", "status", "events"])
def test_a_database_that_has_no_driver_here_is_one_line(desk, run, verb):
    desk.write(GOOD + "state: nosuchdatabase://me:geheim@127.0.0.1/state\n")
    found = run(verb)
    assert (found.code, found.out) == (1, "")
    (line,) = found.lines
    assert "geheim" not in line


def test_a_reader_that_stops_reading_ends_the_command_quietly(desk: Desk, with_events):
    """`ampel-watch events | head -1` with more events than fit into a pipe."""
    with desk.spawn("events", "--json") as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(timeout=20)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
