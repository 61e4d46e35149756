"""A service's token: read fresh at every use, never shown, its expiry read from it but never trusted for access.

A live token is a JWT with `name`, `orgs`, `teams` (before April 2021 `groups`) and `exp`; an archive token is a UUID.
Anything that is no JWT is used as it is, with expiry and identity unknown.
"""

import json
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import jwt

from ampel_watch.errors import CredentialsRefused
from ampel_watch.settings import Secret

_IDENTITY_CLAIMS = ("name", "orgs", "teams", "groups")
_DIGEST_BYTES = 16


class TokenSource:
    """The token in a `Secret`, for one service; `service` only serves the messages."""

    def __init__(self, secret: Secret, *, service: str = "live") -> None:
        self._secret = secret
        self._service = service

    @property
    def where(self) -> str:
        """Where the token comes from, for messages: its file, or the key of the configuration."""
        file = self._secret.file
        return f"the token in {file}" if file else f"the token under services.{self._service}"

    def header(self) -> str:
        """The value of the `Authorization` header; CredentialsRefused if there is no usable token."""
        return f"bearer {self._read()}"

    def redact(self, text: str) -> str:
        """`text` without the token, should a service have echoed it."""
        try:
            return text.replace(self._read(), "***")
        except CredentialsRefused:
            return text  # no token, so none in the text

    def identity(self) -> str | None:
        """A digest of whom the token speaks for (name, organizations, teams); None if it does not say.

        When it changes, channels may seem to vanish or to appear.
        """
        claims = self._claims()
        if claims is None:
            return None
        who = {key: _sorted_words(claims[key]) for key in _IDENTITY_CLAIMS if claims.get(key)}
        return _digest(json.dumps(who, sort_keys=True)) if who else None

    def expires_at(self) -> datetime | None:
        """When the token ends, by its own unverified word; None if it does not say."""
        claims = self._claims() or {}
        seconds = claims.get("exp")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            return None
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (OverflowError, ValueError, OSError):
            return None  # a number that is no date

    def fingerprint(self) -> str | None:
        """Changes when the token does; None while there is no usable one. For `changed_since`."""
        try:
            return _digest(self._read())
        except CredentialsRefused:
            return None

    def changed_since(self, mark: str | None) -> bool:
        """Whether there is now a usable token other than the one whose `fingerprint` was `mark`."""
        return self.fingerprint() not in (None, mark)

    def _claims(self) -> dict[str, Any] | None:
        try:
            claims: Any = jwt.decode(self._read(), options={"verify_signature": False})
        except (CredentialsRefused, jwt.InvalidTokenError):
            return None
        return claims if isinstance(claims, dict) else None

    def _read(self) -> str:
        token: str | None = None
        try:
            token = self._secret.reveal().strip()
        except UnicodeDecodeError:
            pass  # not chained to what is raised below: the error holds the bytes that were read
        except OSError as error:
            raise self._refused(f"cannot be read ({error.strerror}); put a new one there") from None
        if token == "":
            raise self._refused("is empty; put a new one there")
        if token is None or not (token.isascii() and token.isprintable() and " " not in token):
            raise self._refused("holds more than a token; it must be the bare token, on one line")
        return token

    def _refused(self, what: str) -> CredentialsRefused:
        return CredentialsRefused(self._service, f"{self.where} {what}")


def _sorted_words(value: Any) -> list[str]:
    return sorted(map(str, value)) if isinstance(value, list) else [str(value)]


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()
