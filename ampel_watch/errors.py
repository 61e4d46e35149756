"""Every error that ampel-watch raises on purpose.

::

    AmpelWatchError                 exit 1
    ├── ConfigError                 exit 78: all faults of a configuration, each with its position
    ├── StateError                  the state database
    │   ├── StateTooNew             written by a later version
    │   ├── StateInUse              another process holds it
    │   └── StateUnusable           cannot be opened, read or written
    ├── ServiceError                one of the three services
    │   ├── ServiceUnavailable      down, slow or overloaded: try again later
    │   ├── CredentialsRefused      401 or 403: a person must act
    │   ├── RequestRefused          any other 4xx: our request is wrong
    │   │   └── NotOffered          404 or 405 on a route: the service does not have it
    │   ├── ServerFault             a 500: may concern this one object only
    │   ├── UnexpectedAnswer        not what the service documents: no JSON, wrong shape, too large, …
    │   └── StreamError             an archive stream
    │       ├── StreamGone          expired or deleted (404)
    │       └── StreamFailed        its query failed (424), stayed pending, or a chunk was lost
    ├── PluginError                 a plugin could not be loaded or used
    └── DeliveryError               a notifier could not deliver; knows whether trying again can help

Messages are for people: they name what was wrong and what to do, and never hold a secret. Foreign exceptions
(httpx, SQLAlchemy, pydantic, …) are mapped once, where they enter, and do not travel further.
"""

from dataclasses import dataclass
from pathlib import Path


class AmpelWatchError(Exception):
    """Root of the tree. `exit_code` is what a command ends with if nobody handles it."""

    exit_code = 1


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault in a configuration or watchlist file; `line` and `column` count from 1."""

    file: Path
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class ConfigError(AmpelWatchError):
    """A configuration that cannot be used; holds every fault that was found."""

    exit_code = 78

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class StateError(AmpelWatchError):
    """The state database cannot do what was asked."""


class StateTooNew(StateError):
    """The database was written by a later version of ampel-watch."""


class StateInUse(StateError):
    """Another process works on the same state."""


class StateUnusable(StateError):
    """The database cannot be opened, read or written."""


class ServiceError(AmpelWatchError):
    """A call to a service did not give what it should; `service` is live, archive or catalog."""

    def __init__(self, service: str, message: str) -> None:
        super().__init__(f"{service}: {message}")
        self.service = service


class ServiceUnavailable(ServiceError):
    """The service is down, too slow or overloaded; trying again later may help."""

    def __init__(self, service: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(service, message)
        self.retry_after_s = retry_after_s


class CredentialsRefused(ServiceError):
    """The service answered 401 or 403; a person must give another token."""


# Faults of a service as a whole, and not of one call: whatever else was to be asked would fail as well.
OF_THE_SERVICE = (ServiceUnavailable, CredentialsRefused)


class RequestRefused(ServiceError):
    """The service says that our request is wrong (4xx)."""


class NotOffered(RequestRefused):
    """The service does not have this route (404 or 405 on the route itself)."""


class ServerFault(ServiceError):
    """The service answered 500; the fault may lie in this one object."""


class UnexpectedAnswer(ServiceError):
    """The answer is not what the service documents: no JSON, wrong shape, too large, a redirect elsewhere."""


class StreamError(ServiceError):
    """An archive stream did not come through completely."""


class StreamGone(StreamError):
    """The stream expired or was deleted; start a new one from the last known position."""


class StreamFailed(StreamError):
    """The stream's query failed, stayed pending past its deadline, or one of its chunks was lost.

    lost:
        For each lost run of chunks the last Julian Date before and the first after it; None where nothing came.
        Empty if the stream failed as a whole.
    """

    def __init__(self, service: str, message: str, *, lost: tuple[tuple[float | None, float | None], ...] = ()) -> None:
        super().__init__(service, message)
        self.lost = lost


class PluginError(AmpelWatchError):
    """A plugin could not be loaded or used."""


class DeliveryError(AmpelWatchError):
    """A notifier could not deliver an event.

    permanent:
        True if trying again cannot help (a refused address, a bad token): the delivery becomes a dead letter.
    retry_after_s:
        Seconds after which the receiver asked to be tried again; replaces our own backoff.
    status:
        The receiver's own code, if it gave one (an HTTP or SMTP status, a Slack error word).
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        retry_after_s: float | None = None,
        status: str | None = None,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after_s = retry_after_s
        self.status = status
