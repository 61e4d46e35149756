"""What an answer means: the one place where statuses become documents or errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ampel_watch.errors import (
    CredentialsRefused,
    NotOffered,
    RequestRefused,
    ServerFault,
    ServiceUnavailable,
    UnexpectedAnswer,
)
from ampel_watch.services.body import BadBody, is_html, parse_json
from ampel_watch.services.retry import Faulted, Overloaded, retry_after_s
from ampel_watch.services.token import TokenSource
from ampel_watch.text import clean

_NO_CONTENT = 204
_CREDENTIALS = (401, 403)
_NO_ROUTE = (404, 405, 501)
_WAIT = (408, 425, 429)
_FAULT = 500
_DETAIL_CHARS = 300
_DETAIL_ENTRIES = 3
_HOW_TO_GET = {
    "live": "log in on the AMPEL dashboard and put the new one in its place",
    "archive": "look on the AMPEL dashboard whether it is still there, or make a new one there",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it is to be sent; as text, its method and route for messages."""

    service: str
    method: str
    route: str
    url: str
    content: bytes | None
    idempotent: bool
    accept: frozenset[int]
    token: TokenSource | None
    may_be_empty: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.route}"

    def headers(self) -> dict[str, str]:
        """The headers of this call, with the token as it is now; CredentialsRefused if that cannot be read."""
        headers = {"Authorization": self.token.header()} if self.token else {}
        if self.content is not None:
            headers["Content-Type"] = "application/json"
        return headers


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as it was read."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of use.

    Attributes
    ----------
    status: a 2xx, or one that the call accepts.
    document: its JSON document; None too if there was no content.
    moved_to: the path and query where redirects led, if there were any.
    """

    status: int
    document: Any
    moved_to: str | None = None


def judge(call: Call, raw: Raw, *, now: datetime, moved_to: str | None = None) -> Answer:
    """The answer if it is of use; otherwise a `ServiceError`, or a `Setback` if another try may help."""
    if 200 <= raw.status < 300:
        return Answer(raw.status, _document(call, raw), moved_to)
    if raw.status in call.accept and not is_html(raw.body, raw.headers.get("content-type", "")):
        return Answer(raw.status, _service_document(raw), moved_to)  # HTML is a proxy's word, not the service's
    raise _error_5xx(call, raw, now) if raw.status >= _FAULT else _error_4xx(call, raw, now)


def detail_text(document: Any, *, body_variant: str | None = None) -> str:
    """What a FastAPI error document says, in one clean line.

    `body_variant`: where a body may have one of several shapes, a 422 lists what each of them lacks; the name of the
    one that was meant.
    """
    detail = document.get("detail") if isinstance(document, Mapping) else None
    if isinstance(detail, Mapping):
        detail = detail.get("msg")
    if isinstance(detail, list):
        entries = [entry for entry in detail if isinstance(entry, Mapping)]
        meant = [entry for entry in entries if body_variant in (None, *_where(entry))]
        detail = "; ".join(map(_entry_text, (meant or entries)[:_DETAIL_ENTRIES]))
    return clean(detail, _DETAIL_CHARS) if isinstance(detail, str) else ""


def _error_5xx(call: Call, raw: Raw, now: datetime) -> Exception:
    if raw.status == _FAULT:
        # Its text is never shown: it is not JSON, and not meant for people.
        return Faulted(ServerFault(call.service, f"{call}: the service failed (500)"))
    return _not_offered(call, raw) if raw.status in _NO_ROUTE else _overloaded(call, raw, now)


def _error_4xx(call: Call, raw: Raw, now: datetime) -> Exception:
    if raw.status in _CREDENTIALS:
        return CredentialsRefused(call.service, _credentials_text(call, raw.status))
    if raw.status in _NO_ROUTE:
        return _not_offered(call, raw)
    if raw.status in _WAIT:
        return _overloaded(call, raw, now)
    if raw.status < 400:
        return UnexpectedAnswer(call.service, f"{call}: answered {raw.status}")
    return refusal(call.service, str(call), raw.status, detail_text(_service_document(raw)), call.token)


def refusal(service: str, what: str, status: int, detail: str, token: TokenSource | None = None) -> RequestRefused:
    """The error for a request that the service finds wrong, with its own reason."""
    reason = token.redact(detail) if token else detail
    return RequestRefused(service, f"{what}: refused ({status})" + (f": {reason}" if reason else ""))


def _not_offered(call: Call, raw: Raw) -> NotOffered:
    return NotOffered(call.service, f"{call}: the service does not offer this ({raw.status})")


def _overloaded(call: Call, raw: Raw, now: datetime) -> Overloaded:
    wait_s = retry_after_s(raw.headers.get("retry-after"), now=now)
    error = ServiceUnavailable(call.service, f"{call}: overloaded or down ({raw.status})")
    return Overloaded(error, retry_after_s=wait_s)


def _credentials_text(call: Call, status: int) -> str:
    if call.token is None:
        key = f"services.{call.service}"
        return f"{call}: wants a token ({status}); set {key}.token or {key}.token_file"
    advice = _HOW_TO_GET.get(call.service, "give another one")
    return f"{call}: {call.token.where} was refused ({status}); {advice}"


def _document(call: Call, raw: Raw) -> Any:
    if raw.status == _NO_CONTENT or (call.may_be_empty and not raw.body.strip()):
        return None
    try:
        return parse_json(raw.body, raw.headers.get("content-type", ""))
    except BadBody as error:
        raise UnexpectedAnswer(call.service, f"{call}: answered {error}") from None


def _service_document(raw: Raw) -> Any:
    """The error document; None if there is none."""
    try:
        return parse_json(raw.body, raw.headers.get("content-type", ""))
    except BadBody:
        return None


def _where(entry: Mapping[str, Any]) -> list[Any]:
    where = entry.get("loc")
    return where if isinstance(where, list) else []


def _entry_text(entry: Mapping[str, Any]) -> str:
    return f"{'.'.join(map(str, _where(entry)))}: {entry.get('msg', '')}"
