"""`once` against the sandbox, and against services that are down, slow, or answer rubbish."""

import json
import re

import pytest

from ampel_watch.cli import once
from tests.cli.command import CHANNEL, Desk, Ran, closed_port, stop, wait_for_line
from tests.services.wire import Wire, fault, reply, reset, silence

STOCK = "ZTF21aaqhhfu"


@pytest.fixture
def told(desk, run, sandbox, background) -> Desk:
    """A state that has looked once, and a stock that has entered since."""
    desk.watch_sandbox(sandbox)
    assert run("once").code == 0
    background.call(lambda: sandbox.enter(STOCK, CHANNEL))
    return desk


def test_the_first_look_is_silent_and_the_second_tells(told, run):
    first = run("once")
    assert (first.code, first.err) == (0, "")
    assert f"{STOCK} entered {CHANNEL}" in first.out
    assert first.out.endswith("1 watch looked at · 0 stocks read · 1 change · 1 event · 1 delivered\n")
    again = run("once")
    assert again == Ran(0, "1 watch looked at · 0 stocks read · 0 changes · 0 events\n", "")


def test_for_a_program_the_result_is_one_json_document(told, run):
    found = run("once", "--json")
    document = json.loads(found.out)
    assert (document["changes"], document["events"], document["deliveries"]) == (1, 1, {"delivered": 1})
    assert (document["errors"], document["warnings"]) == ({}, [])
    assert STOCK in found.err  # what the console receiver shows


def test_a_configuration_without_watches_has_nothing_to_do(desk, run):
    desk.write("receivers:\n  here: {notifier: console}\n")
    assert run("once") == Ran(0, "0 watches looked at · 0 stocks read · 0 changes · 0 events\n", "")


def refuse(status: int) -> object:
    return reply({"detail": "Could not validate credentials"}, status=status)


WEATHER = {
    "closed connections": (reset, "live: GET "),
    "silence": (silence, "live: GET .*no complete answer within 0 s"),
    "a page in HTML": (reply(raw=b"<html><body>Welcome!</body></html>", content_type="text/html"), "live: GET "),
    "JSON that breaks off": (reply(raw=b'[{"stock": 1190'), "live: GET "),
    "JSON of another kind": (reply({"hello": ["world"]}), "live: GET "),
    "an object of JSON for a list": (reply("hello"), "live: GET "),
    "a 500": (fault(), "live: GET .*500"),
    "a 502": (reply({"detail": "Bad Gateway"}, status=502), "live: GET .*502"),
    "a 401": (refuse(401), "live: .*401"),
    "a 403": (refuse(403), "live: .*403"),
    "a redirect elsewhere": (reply({}, status=307, location="http://elsewhere.example/"), "redirects elsewhere"),
}


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(once, "PATIENCE_S", 0.3)


def assert_one_line_and_nothing_changed(found: Ran, before: list[str], after: list[str], words: str) -> None:
    assert found.code == 1
    *warnings, line = found.lines
    assert all(warning.startswith("warning: live: GET /stock/ztf/{name}: ") for warning in warnings)
    assert re.search(f"^error: .*{words}", line), line
    assert line.endswith("(watch mine)")
    assert found.out == "1 watch looked at · 0 stocks read · 0 changes · 0 events\n"
    assert after == before


@pytest.mark.parametrize("weather", WEATHER)
def test_a_service_in_trouble_is_one_line_and_no_change(told, run, background, impatient, weather):
    act, words = WEATHER[weather]
    assert run("once").code == 0  # now there is a stock that an empty answer could make vanish
    before = told.dump()
    wire = background.serve(Wire(act))
    told.watch(f"{wire.url}/api/live", timeout="200ms")
    assert_one_line_and_nothing_changed(run("once"), before, told.dump(), words)
    assert wire.requests


def test_a_service_that_is_down_is_one_line_and_no_change(told, run, impatient):
    assert run("once").code == 0
    before = told.dump()
    told.watch(f"http://127.0.0.1:{closed_port()}/api/live")
    assert_one_line_and_nothing_changed(run("once"), before, told.dump(), "live: GET ")


def test_what_happened_during_an_outage_is_told_afterwards(told, run, sandbox, impatient):
    told.watch(f"http://127.0.0.1:{closed_port()}/api/live")
    assert run("once").code == 1
    told.watch_sandbox(sandbox)
    found = run("once")
    assert found.code == 0
    assert f"{STOCK} entered {CHANNEL}" in found.out


def test_watches_with_the_same_trouble_share_a_line(desk, run, impatient):
    desk.watch(f"http://127.0.0.1:{closed_port()}/api/live")
    more = f"  - {{name: yours, channels: [{CHANNEL}], notify: [here]}}\nreceivers:"
    desk.write(desk.config.read_text().replace("receivers:", more))
    (line,) = run("once").lines
    assert line.endswith("(watches mine, yours)")


def hook(url: str) -> str:
    return f"  hook: {{notifier: webhook, url: '{url}'}}"


def test_a_delivery_that_failed_for_now_ends_with_1(told, run, sandbox, background):
    wire = background.serve(Wire(fault(), reply({})))
    told.watch_sandbox(sandbox, receivers=hook(wire.url))
    found = run("once")
    assert found.code == 1
    assert found.out.endswith("1 event · 1 to be tried again\n")
    assert "will be tried again: hook: " in found.err


def test_a_dead_letter_is_no_failure_of_the_round(told, run, sandbox, background):
    wire = background.serve(Wire(reply({}, status=410)))
    told.watch_sandbox(sandbox, receivers=hook(wire.url))
    found = run("once")
    assert found.code == 0
    assert found.out.endswith("1 event · 1 dead\n")
    assert "dead letter: hook: " in found.err


def test_one_broken_receiver_delays_no_other(told, run, sandbox, background):
    wire = background.serve(Wire(fault()))
    told.watch_sandbox(sandbox, receivers=f"{hook(wire.url)}\n  here: {{notifier: console}}")
    found = run("once")
    assert f"{STOCK} entered {CHANNEL}" in found.out
    assert found.out.endswith("1 delivered, 1 to be tried again\n")


def test_a_dry_run_shows_what_would_be_sent_and_changes_nothing(told, run, sandbox, background):
    wire = background.serve(Wire(reply({})))
    told.watch_sandbox(sandbox, receivers=hook(wire.url))
    before = told.state.read_bytes(), sorted(told.state.parent.iterdir())
    found = run("once", "--dry-run")
    assert (found.code, found.err) == (0, "")
    assert "── to hook ──" in found.out
    assert f"POST {wire.url.removeprefix('http://')} (unsigned)" in found.out
    assert found.out.endswith("dry run: 1 delivery would be sent; nothing was changed\n")
    assert (told.state.read_bytes(), sorted(told.state.parent.iterdir())) == before
    assert not wire.requests
    assert run("once").out.endswith("1 event · 1 delivered\n")


def test_a_dry_run_for_a_program_gives_the_events(told, run):
    (line,) = run("once", "--dry-run", "--json").out.splitlines()
    document = json.loads(line)
    assert document["receiver"] == "here"
    assert document["event"]["stock"]["name"] == STOCK
    shown = document["event"]
    run("once")
    (stored,) = run("events", "--json").out.splitlines()
    assert {**json.loads(stored), "time": ""} == {**shown, "time": ""}


def test_a_dry_run_without_a_state_makes_none(desk, run, sandbox):
    desk.watch_sandbox(sandbox)
    assert run("once", "--dry-run") == Ran(0, "dry run: 0 deliveries would be sent; nothing was changed\n", "")
    assert not desk.state.exists()


def test_a_dry_run_leaves_out_receivers_that_were_removed(told, run, sandbox, background):
    wire = background.serve(Wire(fault()))
    told.watch_sandbox(sandbox, receivers=hook(wire.url))
    assert run("once").code == 1
    told.watch_sandbox(sandbox)
    found = run("once", "--dry-run")
    assert found.out == "dry run: 0 deliveries would be sent; nothing was changed\n"


def test_a_dry_run_fails_like_a_real_one(told, run, impatient):
    before = told.dump()
    told.watch(f"http://127.0.0.1:{closed_port()}/api/live")
    found = run("once", "--dry-run")
    assert (found.code, len(found.lines)) == (1, 1)
    assert told.dump() == before


@pytest.mark.parametrize("arguments", [["once"], ["once", "--dry-run"], ["run"]])
def test_beside_a_running_daemon_it_refuses(told, run, arguments):
    with told.spawn("run") as daemon:
        wait_for_line(daemon, "watching: mine")
        found = run(*arguments)
        assert stop(daemon).code == 0
    assert (found.code, found.out) == (1, "")
    (line,) = found.lines
    assert line.startswith("ampel-watch: another ampel-watch works on this state (")
    assert run("once").code == 0
