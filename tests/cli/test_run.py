"""The daemon as a process: it starts, works, and stops when it is told to."""

import signal
import threading

import pytest

from tests.cli.command import CHANNEL, DEADLINE_S, closed_port, stop, wait_for_line
from tests.services.wire import Wire, reply, silence

STOCK = "ZTF21aaqhhfu"


def test_it_looks_tells_and_stops_in_order(desk, run, sandbox, background):
    desk.watch_sandbox(sandbox)
    desk.write(desk.config.read_text().replace("every: 1h", "every: 1s"))
    with desk.spawn("run") as daemon:
        wait_for_line(daemon, "looked at mine: 0 stocks read, 0 changes")
        background.call(lambda: sandbox.enter(STOCK, CHANNEL))
        wait_for_line(daemon, " delivered to here")
        ended = stop(daemon)
    assert ended.code == 0
    assert f"{STOCK} entered {CHANNEL}" in ended.out
    assert "stopping: finishing what is under way" in ended.err
    assert ended.err.endswith("stopped\n")
    assert "Traceback" not in ended.err
    assert run("events").out.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_seconds_while_a_service_is_silent(desk, background, number):
    wire = background.serve(Wire(silence))
    desk.watch(wire.url)
    with desk.spawn("run") as daemon:
        wait_for_line(daemon, "watching: mine")
        never = threading.Event()
        for _ in range(DEADLINE_S * 100):
            if wire.requests:
                break
            never.wait(0.01)
        assert wire.requests
        daemon.send_signal(number)
        assert daemon.wait(DEADLINE_S) == 0
        assert daemon.stderr is not None
        assert "Traceback" not in daemon.stderr.read()


def test_a_token_that_is_refused_ends_nothing(desk, background):
    wire = background.serve(Wire(reply({"detail": "Could not validate credentials"}, status=401)))
    desk.watch(wire.url)
    with desk.spawn("run") as daemon:
        wait_for_line(daemon, "ERROR   watch mine: live: GET ")
        assert stop(daemon).code == 0


def test_it_stops_while_it_waits_for_a_service_that_is_down(desk):
    desk.watch(f"http://127.0.0.1:{closed_port()}/api/live")
    with desk.spawn("run") as daemon:
        wait_for_line(daemon, "watching: mine")
        assert stop(daemon).code == 0


def test_it_goes_on_after_a_hangup(desk, sandbox):
    desk.watch_sandbox(sandbox)
    with desk.spawn("run") as daemon:
        wait_for_line(daemon, "looked at mine")
        daemon.send_signal(signal.SIGHUP)
        wait_for_line(daemon, "SIGHUP")
        assert stop(daemon).code == 0


def test_what_this_version_does_not_act_on_is_said_at_the_start(desk, sandbox):
    desk.watch_sandbox(sandbox)
    desk.write(desk.config.read_text() + "http: {listen: 127.0.0.1:8787}\n")
    with desk.spawn("run") as daemon:
        wait_for_line(daemon, "`http` is accepted, but this version does not act on it yet")
        stop(daemon)
