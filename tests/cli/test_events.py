"""`events`: what a program and what a person gets."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ampel_watch.api import Event
from tests.services.wire import Wire, reply


def stocks_of(out: str) -> list[str]:
    return [json.loads(line)["stock"]["name"] for line in out.splitlines()]


def test_events_come_newest_last(run, with_events):
    found = run("events", "--json")
    assert (found.code, found.err) == (0, "")
    assert stocks_of(found.out) == with_events
    assert [json.loads(line)["kind"] for line in found.out.splitlines()] == [
        "channel_match",
        "channel_match",
        "channel_left",
    ]


def test_a_line_of_json_is_what_a_webhook_receives(desk, run, sandbox, background):
    wire = background.serve(Wire(reply({})))
    desk.watch_sandbox(sandbox, receivers=f"  hook: {{notifier: webhook, url: '{wire.url}'}}")
    run("once")
    background.call(lambda: sandbox.enter("ZTF21aaqhhfu", "SANDBOX_INFANT_SN"))
    run("once")
    (received,) = wire.requests
    assert run("events", "--json").out.encode() == received.body + b"\n"
    assert Event.from_json(json.loads(received.body)).watch == "mine"


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (["--stock", "ZTF19aapreis"], [1]),
        (["--stock", "ZTF21aaqhhfu"], [0, 2]),
        (["--stock", "ZTF21aaqhhfu", "--limit", "1"], [2]),
        (["--stock", "ZTF17aaaaaaa"], []),
        (["--watch", "mine"], [0, 1, 2]),
        (["--watch", "yours"], []),
        (["--limit", "2"], [1, 2]),
        (["--since", "1h"], [0, 1, 2]),
        (["--since", "2099-01-01T00:00Z"], []),
        (["--since", "2020-01-01"], [0, 1, 2]),
        (["--since", "1d", "--watch", "mine", "--limit", "1"], [2]),
    ],
)
def test_events_are_selected(run, with_events, options, numbers):
    found = run("events", "--json", *options)
    assert found.code == 0
    assert stocks_of(found.out) == [with_events[number] for number in numbers]


def test_since_takes_the_time_of_an_event_itself(run, with_events):
    last = json.loads(run("events", "--json").out.splitlines()[-1])["time"]
    later = datetime.fromisoformat(last) + timedelta(minutes=1)
    assert run("events", "--json", "--since", last).out
    assert not run("events", "--json", "--since", later.isoformat()).out
    assert not run("events", "--json", "--since", later.astimezone(UTC).replace(tzinfo=None).isoformat()).out


@pytest.mark.parametrize("since", ["yesterday", "", "2026-13-01", "-1h"])
def test_a_since_that_is_no_time_is_wrong_usage(run, with_events, since):
    found = run("events", f"--since={since}")
    assert (found.code, found.out) == (2, "")
    assert "give an ISO time such as" in found.err


def test_for_a_person_an_event_is_a_line(run, with_events):
    lines = run("events").out.splitlines()
    assert len(lines) == 3
    assert "mine  ZTF21aaqhhfu entered SANDBOX_INFANT_SN" in lines[0]
    assert "mine  ZTF21aaqhhfu left SANDBOX_INFANT_SN" in lines[2]


def test_following_tells_what_is_there_and_what_comes(desk, run, sandbox, background, with_events):
    with desk.spawn("events", "--json", "--follow") as follower:
        assert follower.stdout is not None
        seen = [json.loads(follower.stdout.readline())["stock"]["name"] for _ in with_events]
        background.call(lambda: sandbox.enter("ZTF17aaaaaaa", "SANDBOX_INFANT_SN"))
        assert run("once").code == 0
        new = json.loads(follower.stdout.readline())["stock"]["name"]
    assert [*seen, new] == [*with_events, "ZTF17aaaaaaa"]
