"""The `email` notifier against a real SMTP server, with TLS from an authority made for the test."""

import asyncio
import contextlib
import email.policy
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from ampel_watch.api import Attempt, DeliveryError
from ampel_watch.testing import Answer, Bench, NotifierConformance, notifier_context, sample_event
from ampel_watch_email import EmailNotifier, EmailSettings, register_notifiers

ATTEMPT = Attempt("delivery-1")
PASSWORD = "secret-pass-word"
ANSWERS = {
    Answer.ACCEPT: "250 OK",
    Answer.REFUSE: "550 5.7.1 not here",
    Answer.FAIL: "451 4.3.0 come back later",
}


@dataclass
class MailServer:
    """An SMTP server that keeps what it accepts; `rcpt` holds its answers to single addresses."""

    data: str = "250 OK"
    rcpt: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    mails: list[tuple[tuple[str, ...], EmailMessage]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.rcpt.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.hang:
            self.hanging.set()
            await asyncio.Event().wait()
        if self.data.startswith("250"):
            mail = email.message_from_bytes(envelope.content or b"", policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append((tuple(envelope.rcpt_tos), mail))
            self.encrypted.append(session.ssl is not None)
        return self.data

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, how: str, login: Any) -> AuthResult:
        assert isinstance(login, LoginPassword)
        self.logins.append(login.login.decode())
        return AuthResult(success=login.password == PASSWORD.encode(), handled=False)


@dataclass(frozen=True)
class Authority:
    """A certificate authority, its file, and a server's context with a certificate for 127.0.0.1."""

    file: Path
    server: ssl.SSLContext


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ca, file = trustme.CA(), tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(file)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    return Authority(file, context)


@asynccontextmanager
async def serving(server: MailServer, implicit_tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    """The port of the server; the options are those of aiosmtpd."""
    connections: list[SMTP] = []

    def connected() -> SMTP:
        connections.append(SMTP(server, hostname="mail.test", loop=asyncio.get_running_loop(), **options))
        return connections[-1]

    listener = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", 0, ssl=implicit_tls)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for connection in connections:
            if connection.transport is not None:
                connection.transport.close()
        await listener.wait_closed()


def settings_for(port: int, to: tuple[str, ...] = ("pi@example.org",), **smtp: Any) -> EmailSettings:
    return EmailSettings.model_validate(
        {
            "smtp": {"host": "127.0.0.1", "port": port, "tls": "none"} | smtp,
            "from": "Watch <watch@example.org>",
            "to": list(to),
        }
    )


def notifier_for(port: int, to: tuple[str, ...] = ("pi@example.org",), **smtp: Any) -> EmailNotifier:
    return EmailNotifier(settings_for(port, to, **smtp), notifier_context())


async def refusal(notifier: EmailNotifier) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await notifier.send(sample_event(), ATTEMPT)
    return caught.value


class TestEmail(NotifierConformance):
    answers = frozenset(Answer) - {Answer.WAIT}

    def bench(self) -> AbstractAsyncContextManager[Bench]:
        return email_bench()


@asynccontextmanager
async def email_bench() -> AsyncIterator[Bench]:
    server = MailServer()

    def answer(how: Answer) -> None:
        server.hang, server.data = how is Answer.HANG, ANSWERS.get(how, "250 OK")

    def received() -> list[Any]:
        return [(str(mail["Message-ID"]), mail.as_bytes()) for _, mail in server.mails]

    async with serving(server, authenticator=server.authenticate, auth_require_tls=False) as port:
        notifier = notifier_for(port, username="watch", password=PASSWORD)
        yield Bench(notifier, answer, received, server.hanging, (PASSWORD,))


async def test_a_mail_is_text_and_html_from_and_to_whom_it_should() -> None:
    server = MailServer()
    async with serving(server) as port:
        await notifier_for(port, ("pi@example.org", "Jo <jo@example.org>")).send(sample_event(), ATTEMPT)
    ((to, mail),) = server.mails
    assert to == ("pi@example.org", "jo@example.org")
    assert mail["From"] == "Watch <watch@example.org>"
    assert mail["To"] == "pi@example.org, Jo <jo@example.org>"
    assert mail["Subject"] == sample_event().summary
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


async def test_starttls_encrypts_before_anything_is_said(authority: Authority) -> None:
    server = MailServer()
    async with serving(server, tls_context=authority.server, require_starttls=True) as port:
        await notifier_for(port, tls="starttls", ca_file=authority.file).send(sample_event(), ATTEMPT)
    assert server.encrypted == [True]


async def test_tls_from_the_first_byte(authority: Authority) -> None:
    server = MailServer()
    async with serving(server, authority.server) as port:
        await notifier_for(port, tls="tls", ca_file=authority.file).send(sample_event(), ATTEMPT)
    assert len(server.mails) == 1


async def test_a_server_without_starttls_gets_no_mail() -> None:
    server = MailServer()
    async with serving(server) as port:
        error = await refusal(notifier_for(port, tls="starttls"))
    assert error.permanent
    assert "offers no STARTTLS" in str(error)
    assert not server.mails


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_an_unknown_certificate_gets_no_mail_and_is_named(authority: Authority, tls: str) -> None:
    server = MailServer()
    wrapped, offered = (authority.server, None) if tls == "tls" else (None, authority.server)
    async with serving(server, wrapped, tls_context=offered) as port:
        error = await refusal(notifier_for(port, tls=tls))
    assert not error.permanent
    assert "certificate is not trusted: " in str(error)
    assert not server.mails


async def test_a_certificate_for_another_host_gets_no_mail(authority: Authority) -> None:
    server = MailServer()
    async with serving(server, tls_context=authority.server) as port:
        notifier = notifier_for(port, host="localhost", tls="starttls", ca_file=authority.file)
        error = await refusal(notifier)
    assert "certificate is not trusted: " in str(error)
    assert not server.mails


async def test_an_unusable_ca_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("absent.pem", "empty.pem"):
        error = await refusal(notifier_for(1, tls="tls", ca_file=tmp_path / name))
        assert name in str(error)
        assert not error.permanent


async def test_login_and_password_are_sent_over_tls(authority: Authority, tmp_path: Path) -> None:
    server, file = MailServer(), tmp_path / "password"
    options = {"tls_context": authority.server, "authenticator": server.authenticate, "auth_required": True}
    async with serving(server, **options) as port:
        notifier = notifier_for(port, tls="starttls", ca_file=authority.file, username="watch", password_file=str(file))
        assert "password's file cannot be read" in str(await refusal(notifier))
        file.write_text("wrong\n")
        error = await refusal(notifier)
        assert (error.permanent, error.status) == (True, "535")
        assert "check username and password" in str(error)
        file.write_text(PASSWORD + "\n")
        await notifier.send(sample_event(), ATTEMPT)
    assert len(server.mails) == 1
    assert set(server.logins) == {"watch"}


async def test_a_server_without_login_says_so() -> None:
    async with serving(MailServer()) as port:
        error = await refusal(notifier_for(port, username="watch", password=PASSWORD))
    assert error.permanent
    assert "offers no login" in str(error)


@pytest.mark.parametrize(
    ("answer", "permanent"), [("451 later", False), ("452 full", False), ("550 no", True), ("554 spam", True)]
)
async def test_4xx_passes_and_5xx_is_for_good(answer: str, permanent: bool) -> None:
    async with serving(MailServer(answer)) as port:
        error = await refusal(notifier_for(port))
    assert error.permanent is permanent
    assert error.status == answer[:3]
    assert answer in str(error)


@pytest.mark.parametrize(
    ("answers", "permanent"),
    [
        (("550 unknown", "550 unknown"), True),
        (("450 greylisted", "450 greylisted"), False),
        (("550 a", "450 b"), False),
    ],
)
async def test_all_addresses_refused_is_an_error_that_names_them(answers: tuple[str, str], permanent: bool) -> None:
    server = MailServer(rcpt=dict(zip(("a@example.org", "b@example.org"), answers, strict=True)))
    async with serving(server) as port:
        error = await refusal(notifier_for(port, ("a@example.org", "b@example.org")))
    assert error.permanent is permanent
    assert "a@example.org (" in str(error)
    assert "b@example.org (" in str(error)


async def test_an_address_refused_for_good_beside_an_accepted_one_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    server = MailServer(rcpt={"b@example.org": "550 5.1.1 unknown"})
    async with serving(server) as port:
        await notifier_for(port, ("a@example.org", "b@example.org")).send(sample_event(), ATTEMPT)
    assert [to for to, _ in server.mails] == [("a@example.org",)]
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.getMessage() == "receiver sample: 1 of 2 addresses refused: b@example.org (550 5.1.1 unknown)"


async def test_a_greylisted_address_is_tried_again_alone() -> None:
    server = MailServer(rcpt={"b@example.org": "450 4.2.0 greylisted"})
    async with serving(server) as port:
        notifier = notifier_for(port, ("a@example.org", "b@example.org"))
        error = await refusal(notifier)
        assert not error.permanent
        assert "b@example.org" in str(error)
        assert "a@example.org" not in str(error)
        server.rcpt.clear()
        await notifier.send(sample_event(), ATTEMPT)
    assert [to for to, _ in server.mails] == [("a@example.org",), ("b@example.org",)]
    assert len({str(mail["Message-ID"]) for _, mail in server.mails}) == 1


async def test_what_is_remembered_of_one_delivery_is_not_applied_to_another() -> None:
    server = MailServer(rcpt={"b@example.org": "450 4.2.0 greylisted"})
    async with serving(server) as port:
        notifier = notifier_for(port, ("a@example.org", "b@example.org"))
        await refusal(notifier)
        server.rcpt.clear()
        await notifier.send(sample_event("updated"), Attempt("delivery-2"))
    assert [to for to, _ in server.mails] == [("a@example.org",), ("a@example.org", "b@example.org")]


async def test_nobody_listening_is_a_passing_fault(closed_port: int) -> None:
    error = await refusal(notifier_for(closed_port))
    assert not error.permanent
    assert str(error).startswith(f"127.0.0.1:{closed_port}: ")


async def test_a_silent_server_ends_at_the_deadline() -> None:
    async with serving(MailServer(hang=True)) as port:
        error = await refusal(notifier_for(port, timeout="500ms"))
    assert not error.permanent
    assert "within 0.5 s" in str(error)


@pytest.mark.parametrize(
    ("greeting", "permanent"),
    [(b"421 too busy\r\n", False), (b"554 go away\r\n", True), (b"", False), (b"?\r\n", False)],
)
async def test_a_server_that_does_not_greet(greeting: bytes, permanent: bool) -> None:
    ended = asyncio.Event()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        error = await refusal(notifier_for(server.sockets[0].getsockname()[1]))
        await ended.wait()
    assert error.permanent is permanent


async def test_a_server_that_hangs_up_after_taking_the_mail_is_a_success() -> None:
    class Abrupt(MailServer):
        async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
            server.transport.abort()
            return "221 Bye"

    server = Abrupt()
    async with serving(server) as port:
        await notifier_for(port).send(sample_event(), ATTEMPT)
    assert len(server.mails) == 1


async def test_a_server_that_never_says_goodbye_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clinging(MailServer):
        async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
            await asyncio.Event().wait()
            return "221 Bye"

    monkeypatch.setattr("ampel_watch_email.notifier._GOODBYE_S", 0.02)
    server = Clinging()
    async with serving(server) as port:
        await notifier_for(port).send(sample_event(), ATTEMPT)
    assert len(server.mails) == 1


def test_the_kind_is_named_email() -> None:
    (kind,) = register_notifiers()
    assert (kind.name, kind.settings) == ("email", EmailSettings)
