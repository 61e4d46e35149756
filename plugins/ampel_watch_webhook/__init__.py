"""The `webhook` notifier: posts the event's JSON to an address, signed as the Standard Webhooks specification says.

The body is exactly the documented event, the same bytes at every try. `webhook-id` is the event's id, so that a
receiver can drop what it has already seen; `webhook-timestamp` is the time of the try.
"""

import asyncio
import base64
import json
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx
from pydantic import Field, field_validator
from standardwebhooks import Webhook

from ampel_watch.api import (
    Attempt,
    DeliveryError,
    Duration,
    Event,
    NotifierContext,
    NotifierKind,
    Secret,
    Settings,
    hookimpl,
)

_READ_AT_MOST = 4096
_LONGEST_WAIT_S = 86_400.0
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_OURS = ("content-", "webhook-", "ampel-watch-", "host", "user-agent", "transfer-encoding", "connection")
_HEADER_NAME_SIGNS = frozenset("!#$%&'*+-.^_`|~")


class WebhookSettings(Settings):
    """Where to post, and how to sign. Addresses and headers often hold a token, so they are kept as secrets."""

    url: Secret = Field(description="The address to post to, http or https.")
    secret: Secret | None = Field(
        None, description="The key that signs, `whsec_` followed by base64; unsigned without it."
    )
    timeout: Duration = Field(timedelta(seconds=30), description="How long one try may take in all.", gt=timedelta(0))
    headers: dict[str, Secret] = Field(default_factory=dict, description="Further headers, such as an `Authorization`.")

    @field_validator("url")
    @classmethod
    def _web_address(cls, url: Secret) -> Secret:
        if _is_given(url):
            _host_of(url.reveal())
        return url

    @field_validator("secret")
    @classmethod
    def _signing_key(cls, secret: Secret | None) -> Secret | None:
        if secret is not None and _is_given(secret):
            _signer(secret.reveal())
        return secret

    @field_validator("headers")
    @classmethod
    def _plain_headers(cls, headers: dict[str, Secret]) -> dict[str, Secret]:
        for name, value in headers.items():
            if not name or not all(c.isascii() and (c.isalnum() or c in _HEADER_NAME_SIGNS) for c in name):
                raise ValueError(f"{name!r} is no name of a header")
            if name.lower().startswith(_OURS):
                raise ValueError(f"the header {name} is set by ampel-watch itself")
            if not (text := value.reveal()).isascii() or not text.isprintable():
                raise ValueError(f"the header {name} holds a line break or a sign that is not ASCII")
        return headers


class WebhookNotifier:
    """Posts events to one address over a small pool of connections."""

    def __init__(self, settings: WebhookSettings, context: NotifierContext) -> None:
        self._settings = settings
        self._context = context
        self._client: httpx.AsyncClient | None = None

    async def send(self, event: Event, attempt: Attempt) -> None:
        """Post the event; any 2xx is success, redirects are not followed."""
        url, headers, body = self._prepare(event, attempt)
        host = _host_of(url)
        try:
            async with asyncio.timeout(self._settings.timeout.total_seconds()):
                status, retry_after = await self._post(url, headers, body)
        except TimeoutError:
            seconds = self._settings.timeout.total_seconds()
            raise DeliveryError(f"{host} did not answer within {seconds:g} s") from None
        except httpx.HTTPError as error:
            # The exception holds the whole request, secrets included: only its words go on.
            raise DeliveryError(f"{host} cannot be reached: {_in_words(error)}") from None
        if not 200 <= status < 300:
            raise self._refusal(host, status, retry_after)

    async def preview(self, event: Event) -> str:
        """The request without its secrets, the body indented for reading."""
        host = "(an address kept in a file)" if self._settings.url.file else _host_of(self._settings.url.reveal())
        signed = "signed" if self._settings.secret else "unsigned"
        body = json.dumps(event.to_json(), ensure_ascii=False, indent=2)
        return f"POST {host} ({signed})\nwebhook-id: {event.id}\n\n{_printable(body)}"

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _prepare(self, event: Event, attempt: Attempt) -> tuple[str, dict[str, str], bytes]:
        """(address, headers, body) of one try; DeliveryError if a secret's file cannot be read or used."""
        body = event.body()
        try:
            url = self._settings.url.reveal()
            _host_of(url)
            headers = {name: value.reveal() for name, value in self._settings.headers.items()}
            headers |= {
                "content-type": "application/json",
                "user-agent": self._context.user_agent,
                "ampel-watch-delivery": attempt.delivery_id,
                "ampel-watch-late-s": f"{attempt.late_s:.0f}",
            }
            return url, headers | self._signature(event.id, body), body
        except OSError as error:
            raise DeliveryError(f"the secret's file cannot be read: {error.strerror}: {error.filename}") from error
        except ValueError as error:
            raise DeliveryError(str(error)) from None

    def _signature(self, event_id: str, body: bytes) -> dict[str, str]:
        """The headers of the Standard Webhooks specification; without a secret, those that need none."""
        now = self._context.clock.now()
        headers = {"webhook-id": event_id, "webhook-timestamp": str(int(now.timestamp()))}
        if self._settings.secret is not None:
            signer = _signer(self._settings.secret.reveal())
            headers["webhook-signature"] = signer.sign(event_id, now, body.decode())
        return headers

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, str | None]:
        """(status, Retry-After). A little of the answer is read, so that the connection can be used again."""
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=ssl.create_default_context(),
                timeout=self._settings.timeout.total_seconds(),
                trust_env=False,
                follow_redirects=False,
            )
        async with self._client.stream("POST", url, headers=headers, content=body) as answer:
            read = 0
            async for chunk in answer.aiter_raw():
                read += len(chunk)
                if read > _READ_AT_MOST:
                    break
            return answer.status_code, answer.headers.get("retry-after")

    def _refusal(self, host: str, status: int, retry_after: str | None) -> DeliveryError:
        passing = status in _PASSING or status >= 500
        what = f"{host} answered {_status_in_words(status)}"
        if 300 <= status < 400:
            what += "; redirects are not followed, so give the final address"
        return DeliveryError(
            what,
            permanent=not passing,
            retry_after_s=_seconds_of(retry_after, self._context.clock.now()) if passing else None,
            status=str(status),
        )


def _printable(text: str) -> str:
    """JSON text with what a terminal would obey written as escapes."""
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def _is_given(secret: Secret) -> bool:
    """Whether there is a value to check; a file is checked when it is used, an empty value stands for an unset one."""
    return secret.file is None and bool(secret.reveal())


def _host_of(url: str) -> str:
    """The part of an address that may be shown; ValueError, without the address, if it cannot be posted to."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("the url is no valid address") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("the url must begin with http:// or https:// and name a host")
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise ValueError("the url holds a space or a sign that is not ASCII; write it percent-encoded")
    if parts.username or parts.password:
        raise ValueError("the url holds a user name or password; give them under headers, as Authorization")
    return f"{host}:{port}" if port else host


def _signer(secret: str) -> Webhook:
    """What signs with this secret; ValueError, without the secret, if it is none."""
    prefix, _, key = secret.partition("_")
    try:
        decoded = base64.b64decode(key + "=" * (-len(key) % 4), validate=True)
    except ValueError:
        decoded = b""
    if prefix != "whsec" or not decoded:
        raise ValueError("the secret must be `whsec_` followed by base64")
    return Webhook(decoded)


def _in_words(error: httpx.HTTPError) -> str:
    return str(error)[:200] or type(error).__name__


def _status_in_words(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _seconds_of(retry_after: str | None, now: datetime) -> float | None:
    """Seconds to wait, from a Retry-After in seconds or as a date; None without a usable one; a day at most."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        seconds = float(retry_after)
    else:
        try:
            when = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(0.0, seconds), _LONGEST_WAIT_S)


@hookimpl
def register_notifiers() -> list[NotifierKind]:
    """Add the kind `webhook`."""
    return [
        NotifierKind(
            name="webhook",
            settings=WebhookSettings,
            build=WebhookNotifier,
            summary="posts the event's JSON, signed by the Standard Webhooks scheme",
        )
    ]
