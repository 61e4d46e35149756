"""No secret is ever shown: each is planted where one can be given, everything fails, and all output is searched."""

import asyncio
import base64
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import pytest

from tests.cli.command import CHANNEL, Background, Desk, Ran, closed_port, kept_logging, run_here, stop, wait_for_line
from tests.services.wire import Wire, fault, reply

WEBHOOK_KEY = "whsec_" + base64.b64encode(b"planted-webhook-key-0123").decode()
ARCHIVE = "planted-archive-token"
CATALOG = "planted-catalog-token"
SLACK = "xoxb-planted-slack-token"
SLACK_PATH = "T0PLANTED/B0PLANTED/plantedwebhookaddress"
HOOK_QUERY = "planted-in-the-query"
HEADER = "Bearer planted-in-a-header"
SMTP = "planted smtp pässword"
BROKEN = "planted-in-a-broken-plugin"
PLANTED = (WEBHOOK_KEY, ARCHIVE, CATALOG, SLACK, SLACK_PATH, HOOK_QUERY, HEADER, SMTP, BROKEN)

# A notifier that does with its secret everything that it should not do.
LEAKY = """
import logging
from ampel_watch.api import NotifierKind, Secret, Settings, hookimpl

class LeakySettings(Settings):
    key: Secret

class Leaky:
    def __init__(self, settings, context):
        self.settings = settings
    async def send(self, event, attempt):
        key = self.settings.key.reveal()
        logging.getLogger("leaky").error("sending with %s", key)
        try:
            raise LookupError(f"no door for {key}")
        except LookupError as error:
            raise ValueError({"key": key}) from error
    async def preview(self, event):
        return event.summary
    async def close(self):
        pass

@hookimpl
def register_notifiers():
    return [NotifierKind(name="leaky", settings=LeakySettings, build=Leaky, summary="leaks")]

@hookimpl
def event_created(event):
    raise RuntimeError("an observer that fails")
"""


class Mailbox:
    """An SMTP server that lets nobody in, and quotes what it was told."""

    def __init__(self) -> None:
        self.logins = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).strip():
            if line.startswith(b"EHLO"):
                writer.write(b"250-here\r\n250 AUTH PLAIN\r\n")
            elif line.startswith(b"AUTH"):
                self.logins += 1
                writer.write(b"535 5.7.8 not accepted: " + line + b"\r\n")
            else:
                writer.write(b"221 bye\r\n")
        writer.close()


class Searched(Desk):
    """A desk whose commands are searched for secrets, with everything that they leave behind."""

    secrets: tuple[str, ...] = PLANTED
    run_here: Callable[..., Ran]

    def run(self, *arguments: str) -> Ran:
        ran = self.run_here(*arguments)
        self.search(ran.out, ran.err)
        return ran

    def search(self, *texts: str) -> None:
        for text in texts:
            for secret in self.secrets:
                for written in {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1]}:
                    assert written not in text, f"a secret was shown: {text[max(0, text.index(written) - 300) :][:600]}"

    def search_state(self) -> None:
        """The bytes of the files, and every value in every table, packed bodies aside."""
        for file in self.state.parent.iterdir():
            self.search(file.read_bytes().decode("latin-1"))
            self.search(file.read_bytes().decode("utf-8", "replace"))
        with closing(sqlite3.connect(self.state)) as connection:
            self.search("\n".join(connection.iterdump()))


def config(live: str, receivers: dict[str, str]) -> str:
    receivers = {name: f"  {name}: {{{settings}}}\n" for name, settings in receivers.items()}
    return f"""\
services:
  live: {{url: {live}, token: "${{LIVE_TOKEN}}", rate: 1000/s}}
  archive: {{url: "http://127.0.0.1:{closed_port()}", token_file: archive-token}}
  catalog: {{url: "http://127.0.0.1:{closed_port()}", token: {CATALOG}}}
watches:
  - {{name: mine, channels: [{CHANNEL}], every: 1s, enrich_deadline: 0s, notify: [{", ".join(receivers)}]}}
receivers:
{"".join(receivers.values())}"""


@pytest.fixture
def background() -> Iterator[Background]:
    with Background() as background:
        yield background


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Searched]:
    desk = Searched(tmp_path)
    desk.write(ARCHIVE + "\n", "archive-token")
    desk.write(SMTP + "\n", "smtp-password")
    desk.environ = {"PYTHONPATH": str(tmp_path), "SLACK": SLACK, "HOOK_KEY": WEBHOOK_KEY, "AUTH": HEADER}

    def run_in_folder(*arguments: str) -> Ran:
        for name, value in desk.environment.items():
            monkeypatch.setenv(name, value)
        return run_here(arguments, monkeypatch, capsys)

    desk.run_here = run_in_folder
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AMPEL_WATCH_CONFIG", raising=False)
    with kept_logging():
        yield desk


@pytest.fixture
def leaky(desk: Searched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs a plugin that leaks."""
    desk.write(LEAKY, "leaky.py")
    notes = desk.folder / "leaky-1.0.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text("Metadata-Version: 2.1\nName: leaky\nVersion: 1.0\n")
    (notes / "entry_points.txt").write_text("[ampel_watch]\nleaky = leaky\n")
    monkeypatch.syspath_prepend(str(desk.folder))
    monkeypatch.delitem(sys.modules, "leaky", raising=False)


def receivers(wire: Wire, mailbox: Mailbox) -> dict[str, str]:
    return {
        "slack-bot": f"notifier: slack, token: '${{SLACK}}', channel: '#sn', base_url: '{wire.url}/api/'",
        "slack-hook": f"notifier: slack, webhook_url: 'http://127.0.0.1:{closed_port()}/services/{SLACK_PATH}'",
        "hook": (
            f"notifier: webhook, url: '{wire.url}/hook?key={HOOK_QUERY}', secret: '${{HOOK_KEY}}', "
            "headers: {Authorization: '${AUTH}'}"
        ),
        "closed-hook": f"notifier: webhook, url: 'http://127.0.0.1:{closed_port()}/?key={HOOK_QUERY}'",
        "mail": (
            f"notifier: email, smtp: {{host: 127.0.0.1, port: {mailbox.port}, tls: none, username: me, "
            "password_file: smtp-password}, from: a@example.org, to: [b@example.org]"
        ),
        "leaky": f"notifier: leaky, key: {BROKEN}",
    }


def test_no_secret_is_shown_while_everything_fails(desk, leaky, background):
    sandbox = background.sandbox()
    wire = background.serve(Wire(fault()))
    mailbox = background.serve(Mailbox())
    token = sandbox.issue_live_token(life=timedelta(days=1))
    desk.secrets = (*PLANTED, token, token.split(".")[1], token.split(".")[2])
    desk.environ["LIVE_TOKEN"] = token
    everywhere = receivers(wire, mailbox)
    desk.write(config(sandbox.live_url, everywhere))

    assert desk.run("check").code == 0
    assert desk.run("once", "-v").code == 0
    background.call(lambda: sandbox.enter("ZTF21aaqhhfu", CHANNEL))
    shown = desk.run("once", "--dry-run", "-v")
    assert "would be sent" in shown.out
    failed = desk.run("once", "-v")
    assert failed.code == 1
    assert wire.requests
    assert mailbox.logins
    assert "Traceback" in failed.err  # that of the leaky notifier, masked
    assert "sending with ***" in failed.err
    for name in everywhere:
        assert f" {name}: " in failed.err
        assert desk.run("test-notify", name).code == 1
    desk.search_state()

    found = json.loads(desk.run("status", "--json").out)
    assert sum(bool(receiver["last_error"]) for receiver in found["receivers"]) >= 4
    desk.run("status")
    assert desk.run("events", "--json").out
    desk.run("events")
    desk.run("plugins")

    with desk.spawn("run", "-v") as daemon:
        read = wait_for_line(daemon, "looked at mine")
        background.call(lambda: sandbox.enter("ZTF19aapreis", CHANNEL))
        read += wait_for_line(daemon, "the notifier of leaky failed")
        ended = stop(daemon)
    desk.search(read, ended.out, ended.err)
    desk.search_state()


@pytest.mark.parametrize("status", [401, 403, 500, 302])
def test_a_service_that_repeats_the_token_shows_it_to_nobody(desk, background, status):
    token = "planted-live-token"
    desk.secrets = (*PLANTED, token)
    desk.environ["LIVE_TOKEN"] = token
    said = {"detail": f"bearer {token} is not welcome"}
    wire = background.serve(Wire(reply(said, status=status, location=f"http://elsewhere.example/{token}")))
    desk.write(config(wire.url, {"here": "notifier: console"}))
    assert desk.run("once", "-v").code == 1
    assert any(token in request.headers["authorization"] for request in wire.requests)
    desk.run("status", "--json")
    desk.search_state()


BAD = {
    "a misspelt key beside it": "receivers:\n  a: {notifier: slack, tokn: '${SLACK}', channel: x}\n",
    "a secret of the wrong type": f"receivers:\n  a: {{notifier: slack, token: [{SLACK}], channel: x}}\n",
    "a signing key that is none": f"receivers:\n  a: {{notifier: webhook, url: 'https://e.org', secret: {BROKEN}}}\n",
    "an address that is none": f"receivers:\n  a: {{notifier: slack, webhook_url: 'ftp://e.org/{SLACK_PATH}'}}\n",
    "a secret in place of a name": "receivers:\n  a: {notifier: '${SLACK}'}\n",
    "a password in a webhook's address": f"receivers:\n  a: {{notifier: webhook, url: 'https://me:{HOOK_QUERY}@e.org'}}\n",
    "a password in a service's address": f"services:\n  live: {{url: 'https://me:{HOOK_QUERY}@e.org/api'}}\n",
    "a password in a proxy's address": (
        f"services:\n  live: {{url: 'https://e.org', proxy: 'http://me:{HOOK_QUERY}@e.org'}}\n"
    ),
    "a header that is none": (
        f"receivers:\n  a: {{notifier: webhook, url: 'https://e.org', headers: {{A: \"{HOOK_QUERY}\\n\"}}}}\n"
    ),
    "a token given in both ways": (
        f"services:\n  live: {{url: 'https://e.org', token: {CATALOG}, token_file: archive-token}}\n"
    ),
    "a secret where a duration belongs": "watches:\n  - {name: a, channels: [A], every: '${SLACK}', notify: []}\n",
}


@pytest.mark.parametrize("fault_of", BAD)
def test_a_fault_of_the_configuration_does_not_show_what_stands_there(desk, fault_of):
    desk.write(BAD[fault_of])
    for verb in ("check", "run", "status"):
        assert desk.run(verb).code == 78


@pytest.mark.parametrize("verb", ["once", "run", "status"])
def test_the_password_of_the_database_is_not_shown(desk, verb):
    desk.write(f"state: postgresql://me:{HOOK_QUERY}@127.0.0.1:{closed_port()}/state\n")
    assert desk.run("check").code == 0
    ran = desk.run(verb)
    assert ran.code == 1
    assert len(ran.lines) == 1
