"""Tokens of the sandbox: live ones are real JWTs (HS256), archive ones UUIDs in a table. Both are checked.

Statuses and texts are the archive's; the live service is taken to do the same.
"""

import itertools
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import jwt
from aiohttp import web

from ampel_watch.clock import Clock
from ampel_watch.sandbox.dates import zoneless
from ampel_watch.sandbox.serving import CrashError, RefusedError

ALGORITHM = "HS256"
PARTNERSHIP = "ZwickyTransientFacility"
ALLOWED_IDENTITIES = frozenset({"AmpelProject", PARTNERSHIP})
_CREDENTIALS = RefusedError(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a live token stands for."""

    name: str
    orgs: frozenset[str]
    teams: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Everything that access can be granted to."""
        return self.orgs | self.teams | {self.name}


@dataclass(frozen=True, slots=True)
class ArchiveToken:
    """A row of the archive's token table."""

    token_id: int
    owner: str
    created: datetime
    token: str
    partnership: bool

    def document(self) -> dict[str, Any]:
        """As `/tokens/` lists it; `created` has no zone."""
        return {
            "token_id": self.token_id,
            "owner": self.owner,
            "created": zoneless(self.created, "microseconds"),
            "token": self.token,
            "role": "reader",
            "partnership": self.partnership,
        }


def bearer(request: web.Request) -> str:
    """The bearer credentials of a request; 403 without any."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if not scheme or not credentials:
        raise RefusedError(403, "Not authenticated")
    if scheme.lower() != "bearer":
        raise RefusedError(403, "Invalid authentication credentials")
    return credentials


class LiveTokens:
    """Makes and checks live tokens. They expire by the sandbox's own date."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._key = random.randbytes(32).hex()

    def issue(self, name: str, orgs: Iterable[str], teams: Iterable[str], life: timedelta) -> str:
        """A signed token."""
        expires = self._clock.now() + life
        claims = {"name": name, "orgs": sorted(orgs), "teams": sorted(teams), "exp": int(expires.timestamp())}
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def check(self, request: web.Request) -> Identity:
        """Who asks; 401 for a token that is forged, incomplete or expired, 403 for none."""
        token = bearer(request)
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM], options={"verify_exp": False})
            identity = Identity(claims["name"], frozenset(claims["orgs"]), frozenset(claims["teams"]))
        except (jwt.InvalidTokenError, KeyError):
            raise _CREDENTIALS from None
        if claims.get("exp", float("inf")) <= self._clock.now().timestamp():
            raise _CREDENTIALS
        return identity


class ArchiveTokens:
    """The archive's table of tokens, which do not expire."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._numbers = itertools.count(1)
        self._rows: dict[int, ArchiveToken] = {}

    def create(self, owner: str, *, partnership: bool) -> ArchiveToken:
        """A new token of an owner."""
        token = str(uuid.UUID(bytes=self._random.randbytes(16), version=4))
        row = ArchiveToken(next(self._numbers), owner, self._clock.now(), token, partnership)
        self._rows[row.token_id] = row
        return row

    def of(self, owner: str) -> list[ArchiveToken]:
        """The tokens of an owner."""
        return [row for row in self._rows.values() if row.owner == owner]

    def get(self, token_id: int) -> ArchiveToken:
        """One token, whoever asks (the real service does not check either); 404 if there is none."""
        if token_id not in self._rows:
            raise RefusedError(404, "Not Found")
        return self._rows[token_id]

    def delete(self, token_id: int) -> None:
        """Revoke a token."""
        del self._rows[self.get(token_id).token_id]

    def revoke(self, token: str) -> None:
        """Make a token unknown; one that is unknown already stays so."""
        self._rows = {token_id: row for token_id, row in self._rows.items() if row.token != token}

    def visible_programs(self, request: web.Request, programid: int | None) -> frozenset[int] | None:
        """Which programmes' alerts a request may see; None for all.

        Malformed tokens are a 401, unknown or revoked ones a crash (500) as in the real service.
        """
        token = bearer(request)
        try:
            uuid.UUID(token)
        except ValueError:
            raise _CREDENTIALS from None
        row = next((row for row in self._rows.values() if row.token == token), None)
        if row is None:
            raise CrashError
        if row.partnership:
            return None if programid is None else frozenset({programid})
        if programid not in (None, 1):
            text = f"Not authorized for programid {programid}"
            raise RefusedError(401, text, {"WWW-Authenticate": "Bearer"})
        return frozenset({1})
