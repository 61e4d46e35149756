"""What a person sees of a configuration that is not good: the place, the fault, nothing else."""

import pytest

from tests.cli.command import Desk, Ran

GOOD = """\
services:
  live: {url: http://127.0.0.1:9/api/live}
watches:
  - name: mine
    stocks_from: [list.csv]
    on: [channel_match]
    notify: [here]
receivers:
  here: {notifier: console}
"""
LIST = "name,note\nZTF21aaqhhfu,the first\n"
NAMES = [
    f"ZTF21aaa{a}{b}{c}{d}" for a in "abcd" for b in "abcdefghijklm" for c in "abcdefghijklm" for d in "abcdefghijklm"
]


@pytest.fixture
def faulty(desk: Desk, run):
    """Checks a configuration and gives its faults, as they stand on standard output, without the folder."""

    def check(text: str | bytes, watchlist: str | bytes = LIST) -> list[str]:
        desk.write(text)
        desk.write(watchlist, "list.csv")
        found: Ran = run("check", "-c", desk.config)
        assert found.code == 78
        faults = found.out.replace(f"{desk.folder}/", "").splitlines()
        assert found.err == f"{len(faults)} fault{'s' if len(faults) > 1 else ''} found\n"
        return faults

    return check


def test_a_good_configuration_is_counted(desk, run):
    desk.write(GOOD)
    desk.write(LIST, "list.csv")
    assert run("check", "-c", desk.config) == Ran(
        0, f"{desk.config} is good: 1 watch (0 channels, 1 stock), 1 receiver\n", ""
    )


def test_a_configuration_that_is_not_there(desk, run):
    found = run("check", "-c", "nowhere.yaml")
    assert (found.code, found.out) == (78, "nowhere.yaml:1:1: cannot be read: there is no such file\n")


def test_no_configuration_at_all_says_where_it_was_looked_for(desk, run):
    found = run("check")
    assert found.code == 78
    assert "there is no configuration; looked for config.yaml, " in found.out


def test_a_folder_in_place_of_the_configuration(desk, run):
    found = run("check", "-c", desk.folder)
    assert (found.code, found.out) == (78, f"{desk.folder}:1:1: cannot be read: it is a directory, not a file\n")


def test_a_file_that_is_no_yaml(faulty):
    (fault,) = faulty("watches: [\n  - name: {\n")
    assert fault.startswith("config.yaml:")


def test_a_file_that_is_no_text(faulty):
    (fault,) = faulty(b"watches: \xff\xfe\n")
    assert fault.startswith("config.yaml:1:")


def test_a_key_that_is_given_twice(faulty):
    (fault,) = faulty(GOOD + "watches: []\n")
    assert fault.startswith("config.yaml:10:1: ")
    assert "watches" in fault


def test_a_boolean_where_a_name_was_meant(faulty):
    """YAML 1.1 would take `no` and `yes` for booleans; here they are what they look like."""
    (fault,) = faulty(GOOD.replace("notify: [here]", "notify: [no]"))
    assert fault.startswith("config.yaml:7:14: ")
    assert "`no`" in fault
    (fault,) = faulty(GOOD.replace("on: [channel_match]", "on: [yes]"))
    assert fault.startswith("config.yaml:6:10: ")
    assert "`yes`" in fault


def test_a_receiver_that_does_not_exist_and_one_that_is_near(faulty):
    (fault,) = faulty(GOOD.replace("[here]", "[heer]"))
    assert fault.startswith("config.yaml:7:")
    assert "`heer`; did you mean `here`?" in fault


def test_a_bad_name_deep_in_a_watchlist(faulty):
    names = NAMES[:8000]
    names[7429] = "ZTF21aaqhhfU"  # line 1 holds the columns
    (fault,) = faulty(GOOD, "name\n" + "\n".join(names) + "\n")
    assert fault.startswith("list.csv:7431:1: ")
    assert "ZTF21aaqhhfU" in fault


def test_a_watchlist_that_cannot_be_read(faulty):
    (fault,) = faulty(GOOD.replace("list.csv", "nowhere.csv"))
    assert fault == "config.yaml:5:19: the watchlist `nowhere.csv` cannot be read: there is no such file"


@pytest.mark.parametrize("watchlist", ["", "\n\n", "name,note\n"])
def test_an_empty_watchlist(faulty, watchlist):
    (fault,) = faulty(GOOD, watchlist)
    assert fault.startswith("list.csv:1:1: ")
    assert "empty" in fault or "no entries" in fault or "holds no" in fault


def test_every_fault_is_printed_at_once(faulty):
    text = GOOD.replace("console", "consol").replace("[here]", "[heer, no]").replace("channel_match", "chanel_match")
    faults = faulty(text + "colour: blue\n", "name\nZTF99aaaaaaa\nnothing\n")
    assert [fault.split(" ")[0] for fault in faults] == [
        "config.yaml:6:10:",
        "config.yaml:7:14:",
        "config.yaml:7:20:",
        "config.yaml:9:20:",
        "config.yaml:10:1:",
        "list.csv:2:1:",
        "list.csv:3:1:",
    ]


@pytest.mark.parametrize("verb", ["run", "once", "status", "events", "test-notify here"])
def test_every_verb_refuses_a_bad_configuration_with_the_same_words(desk, run, verb):
    desk.write("colour: blue\n")
    found = run(*verb.split(), "-c", desk.config)
    assert (found.code, found.out) == (78, "")
    assert found.err.splitlines() == run("check", "-c", desk.config).out.splitlines()
    assert not desk.state.parent.exists()


def test_what_would_need_a_service_that_is_not_configured_is_said(desk, run):
    desk.write(GOOD.replace("[channel_match]", "[detection]"))
    desk.write(LIST, "list.csv")
    found = run("check", "-c", desk.config)
    assert found.code == 0
    message = "the kind of change `detection` needs the service `archive`, which is not configured"
    assert f"config.yaml:6:10: {message}" in found.err
