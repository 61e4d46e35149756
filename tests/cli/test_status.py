import json
from datetime import UTC, datetime, timedelta

import pytest

from ampel_watch.cli import once
from tests.cli.command import closed_port
from tests.services.wire import Wire, fault


@pytest.fixture
def status(run):
    def status() -> dict:
        found = run("status", "--json")
        assert (found.code, found.err) == (0, "")
        return json.loads(found.out)

    return status


def test_status_tells_how_it_goes(status, with_events):
    found = status()
    now = datetime.now(UTC)
    (watch,) = found["watches"]
    assert (watch["name"], watch["every_s"], watch["late"], watch["error"]) == ("mine", 3600.0, False, None)
    assert now - datetime.fromisoformat(watch["succeeded_at"]) < timedelta(minutes=1)
    assert datetime.fromisoformat(watch["next_due_at"]) > now + timedelta(minutes=50)
    (service,) = found["services"]
    assert (service["name"], service["listing"], service["error"]) == ("live", "rest", None)
    left = datetime.fromisoformat(service["token_expires_at"]) - now
    assert timedelta(hours=23) < left < timedelta(hours=25)
    assert found["receivers"] == [
        {"name": "here", "notifier": "console", "deliveries": {"delivered": 3}, "last_error": None}
    ]
    assert found["state"] == {"stocks": 2, "changes": 4, "changes_waiting": 0, "events": 3, "reads_planned": 0}


def test_status_tells_what_is_wrong(desk, run, status, sandbox, background, monkeypatch, with_events):
    monkeypatch.setattr(once, "PATIENCE_S", 0.3)
    wire = background.serve(Wire(fault()))
    desk.watch_sandbox(sandbox, receivers=f"  hook: {{notifier: webhook, url: '{wire.url}'}}")
    background.call(lambda: sandbox.enter("ZTF17aaaaaaa", "SANDBOX_INFANT_SN"))
    assert run("once").code == 1
    hook = f"  hook: {{notifier: webhook, url: '{wire.url}'}}"
    desk.watch(f"http://127.0.0.1:{closed_port()}", receivers=hook)
    assert run("once").code == 1
    found = status()
    assert found["watches"][0]["error"].startswith("live: GET /stocks: ")
    assert found["watches"][0]["succeeded_at"] is not None
    (service,) = found["services"]
    assert service["failing_since"] is not None
    assert service["error"] == found["watches"][0]["error"]
    assert service["token_expires_at"] is None
    (receiver,) = found["receivers"]
    assert receiver["deliveries"] == {"waiting": 1}
    assert "500" in receiver["last_error"]
    (waiting,) = (row for row in found["queue"] if row["state"] == "waiting")
    assert (waiting["receiver"], waiting["count"]) == ("hook", 1)


def test_a_watch_that_was_never_looked_at_is_late(desk, run, status, with_events):
    more = "  - {name: new, channels: [ANOTHER], notify: [here]}\nreceivers:"
    desk.write(desk.config.read_text().replace("receivers:", more))
    assert [(watch["name"], watch["late"]) for watch in status()["watches"]] == [("mine", False), ("new", True)]


def test_for_a_person_there_are_tables(run, with_events):
    found = run("status")
    assert found.code == 0
    lines = found.out.splitlines()
    assert lines[0] == "watch\tlast good look\t\ttrouble"
    assert lines[1].startswith("mine\t")
    assert "here (console)\t3\t0\t0\t" in lines
    assert lines[-1] == "2 stocks known, 4 changes seen, 3 events made"


def test_status_beside_a_running_daemon(desk, run, status, with_events):
    from tests.cli.command import stop, wait_for_line

    with desk.spawn("run") as daemon:
        wait_for_line(daemon, "watching: mine")
        assert status()["state"]["events"] == 3
        assert stop(daemon).code == 0
