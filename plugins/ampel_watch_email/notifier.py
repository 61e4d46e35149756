"""Talks to the mail server, and says what its answers mean.

Each mail has a connection of its own, which lives for a moment: servers close idle ones, and a mail is rare. TLS is
verified, and never given up silently: a server that does not offer STARTTLS when it is asked for gets no mail.
"""

import asyncio
import logging
import ssl
from collections import OrderedDict
from collections.abc import Mapping
from email.message import EmailMessage

import aiosmtplib

from ampel_watch.api import Attempt, DeliveryError, Event, NotifierContext, Secret, facts, plain_text
from ampel_watch_email.message import mail_of
from ampel_watch_email.settings import EmailSettings, parsed_address

_REMEMBERED = 1000
_GOODBYE_S = 5
_FOR_GOOD = 500

Refused = Mapping[str, aiosmtplib.SMTPResponse]
"""Address → the server's answer."""

_LOG = logging.getLogger(__name__)


class EmailNotifier:
    """Sends one mail per event to all addresses of a receiver.

    If a server takes the mail for some addresses and refuses others for now (greylisting), the try fails, and the next
    one goes only to those that are left. That is remembered in memory: after a crash the first get it again, with the
    same Message-ID. Addresses refused for good beside accepted ones are logged and given up.
    """

    def __init__(self, settings: EmailSettings, context: NotifierContext) -> None:
        self._settings = settings
        self._context = context
        self._tls: ssl.SSLContext | None = None
        self._done: OrderedDict[str, set[str]] = OrderedDict()

    async def send(self, event: Event, attempt: Attempt) -> None:
        """Send the mail to every address that has not got it yet."""
        done = self._done.get(attempt.delivery_id, set())
        to = [address for address in map(_plain, self._settings.to) if address not in done]
        refused = await self._deliver(self._mail(event, attempt.late_s), to)
        passing = {address: answer for address, answer in refused.items() if answer.code < _FOR_GOOD}
        if lost := {address: answer for address, answer in refused.items() if address not in passing}:
            count = f"{len(lost)} of {len(self._settings.to)}"
            _LOG.warning("receiver %s: %s addresses refused: %s", self._context.receiver, count, _in_words(lost))
        if passing:
            self._remember(attempt.delivery_id, done | (set(to) - set(passing)))
            raise _recipients_refused(passing)
        self._done.pop(attempt.delivery_id, None)

    async def preview(self, event: Event) -> str:
        """The mail's headers, text and HTML, decoded."""
        mail = self._mail(event, 0.0)
        headers = "\n".join(f"{name}: {value}" for name, value in mail.items())
        parts = [str(part.get_content()).replace("\r\n", "\n") for part in mail.iter_parts()]
        return "\n\n".join([headers, *parts])

    async def close(self) -> None:
        """Nothing is held open."""

    def _mail(self, event: Event, late_s: float) -> EmailMessage:
        timezone = self._context.timezone
        return mail_of(
            event,
            facts(event, late_s, timezone),
            plain_text(event, late_s, timezone),
            self._settings,
            self._context.receiver,
            self._context.clock.now(),
        )

    async def _deliver(self, mail: EmailMessage, to: list[str]) -> Refused:
        """Hand the mail over; returns the addresses that were refused while others were accepted."""
        smtp = self._settings.smtp
        timeout_s = smtp.timeout.total_seconds()
        where = f"{smtp.host}:{smtp.port_or_default}"
        server = aiosmtplib.SMTP(
            hostname=smtp.host,
            port=smtp.port_or_default,
            use_tls=smtp.tls == "tls",
            start_tls=False,  # done in `_open`, where its absence is an error of its own
            tls_context=self._trusted(),
            timeout=timeout_s,
        )
        try:
            async with asyncio.timeout(timeout_s):
                await self._open(server, where)
                refused, _ = await server.sendmail(_plain(self._settings.from_), to, mail.as_bytes())
            await _leave(server)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _recipients_refused({one.recipient: _answer(one) for one in error.recipients}) from None
        except aiosmtplib.SMTPResponseException as error:
            raise _refusal(where, error) from error
        except TimeoutError:
            raise DeliveryError(f"{where} did not take the mail within {timeout_s:g} s") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"{where}: {_cause(error)}") from error
        finally:
            server.close()
        return refused

    async def _open(self, server: aiosmtplib.SMTP, where: str) -> None:
        """Connect, encrypt and log in, as the settings say and never less."""
        smtp = self._settings.smtp
        await server.connect()
        await server.ehlo()
        if smtp.tls == "starttls":
            if not server.supports_extension("starttls"):
                raise DeliveryError(
                    f"{where} offers no STARTTLS: if that is as it should be, set tls to tls or none", permanent=True
                )
            await server.starttls()
            await server.ehlo()
        if smtp.username is None or smtp.password is None:
            return
        if not server.supports_extension("auth"):
            raise DeliveryError(f"{where} offers no login: leave out username and password", permanent=True)
        await server.login(smtp.username, self._password(smtp.password))

    def _password(self, password: Secret) -> str:
        try:
            return password.reveal()
        except OSError as error:
            raise DeliveryError(f"the password's file cannot be read: {error.strerror}: {error.filename}") from error

    def _trusted(self) -> ssl.SSLContext:
        """What certificates are verified against, read once."""
        if self._tls is None:
            ca_file = self._settings.smtp.ca_file
            try:
                self._tls = ssl.create_default_context(cafile=ca_file)
            except (ssl.SSLError, OSError) as error:
                raise DeliveryError(f"ca_file {ca_file} cannot be used: {error.strerror or error}") from error
        return self._tls

    def _remember(self, delivery_id: str, done: set[str]) -> None:
        self._done[delivery_id] = done
        self._done.move_to_end(delivery_id)
        if len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)


async def _leave(server: aiosmtplib.SMTP) -> None:
    """Say goodbye; the mail is accepted by then, so a server that does not answer changes nothing."""
    try:
        async with asyncio.timeout(_GOODBYE_S):
            await server.quit()
    except (aiosmtplib.SMTPException, OSError) as error:
        _LOG.debug("the mail server took the mail, then: %s", error)


def _plain(address: str) -> str:
    return parsed_address(address).addr_spec


def _answer(refused: aiosmtplib.SMTPRecipientRefused) -> aiosmtplib.SMTPResponse:
    return aiosmtplib.SMTPResponse(refused.code, refused.message)


def _recipients_refused(refused: Refused) -> DeliveryError:
    """Permanent only if every one of the addresses is refused for good."""
    codes = sorted(answer.code for answer in refused.values())
    permanent = codes[0] >= _FOR_GOOD
    how = "for good" if permanent else "for now"
    return DeliveryError(f"refused {how}: {_in_words(refused)}", permanent=permanent, status=str(codes[0]))


def _refusal(where: str, error: aiosmtplib.SMTPResponseException) -> DeliveryError:
    """What an answer means that is no success: 4xx passes, 5xx is for good."""
    permanent = error.code >= _FOR_GOOD
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        # The server's own words may repeat what was sent, so they are left out.
        said = f"{where} does not accept the login ({error.code}): check username and password"
    else:
        said = f"{where} answered {error.code} {_one_line(error.message)}"
    return DeliveryError(said, permanent=permanent, status=str(error.code))


def _cause(error: BaseException) -> str:
    """The reason in words; an untrusted certificate, deep in the chain of causes, is what a person must know of."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the server's certificate is not trusted: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return _one_line(str(error))


def _in_words(refused: Refused) -> str:
    shown = [f"{address} ({answer.code} {_one_line(answer.message)})" for address, answer in refused.items()]
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")


def _one_line(text: str) -> str:
    """A server's words, printable and short."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:200]
