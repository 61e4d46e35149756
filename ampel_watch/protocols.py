"""What a plugin implements: a notifier, and the kind that makes it from a receiver's settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Protocol

from ampel_watch.clock import Clock
from ampel_watch.model import Event
from ampel_watch.settings import Settings


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one delivery.

    Attributes
    ----------
    delivery_id: stable over all tries of one event to one receiver: what a receiver may deduplicate by.
    number: 1 for the first try.
    late_s: seconds since the event was made; more than a few minutes only after an outage.
    """

    delivery_id: str
    number: int = 1
    late_s: float = 0.0


@dataclass(frozen=True, slots=True)
class NotifierContext:
    """What the program gives a notifier beside its own settings.

    Attributes
    ----------
    receiver: the name of the receiver in the configuration.
    timezone: in which times are shown to people.
    write: prints one line to standard output, for notifiers that show rather than send.
    """

    receiver: str
    clock: Clock
    timezone: tzinfo
    write: Callable[[str], None]
    user_agent: str


class Notifier(Protocol):
    """Sends events to one receiver. Made once, used for many events, possibly several at a time."""

    async def send(self, event: Event, attempt: Attempt) -> None:
        """Send one event; returning is success.

        Raise `DeliveryError`, `permanent` or not. Anything else that is raised counts as a passing fault and is
        retried. The call may be cancelled (shutdown, deadline) and then repeated.
        """
        ...

    async def preview(self, event: Event) -> str:
        """What `send` would send, as text for a person; sends nothing and never holds a secret."""
        ...

    async def close(self) -> None:
        """Release connections; the notifier is not used afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class NotifierKind:
    """One way to reach people or programs, as named under `notifier:` in the configuration.

    Attributes
    ----------
    name: the word in the configuration, such as ``slack``.
    settings: the model of the receiver's further keys; its secrets are fields of type `Secret`.
    build: makes the notifier; it opens no connection and raises nothing for a merely unreachable service.
    summary: one line for `ampel-watch plugins`.
    concurrency: how many sends may run at the same time for one receiver.
    """

    name: str
    settings: type[Settings]
    build: Callable[[Any, NotifierContext], Notifier]
    summary: str
    concurrency: int = 4


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """How a try at a delivery ended, for observers.

    Attributes
    ----------
    state: `delivered`, `waiting` (another try will follow) or `dead`.
    error: the last error in words, without secrets; None after success.
    """

    event_id: str
    watch: str
    receiver: str
    state: str
    attempts: int
    error: str | None = None


NotifierKinds = Mapping[str, NotifierKind]
