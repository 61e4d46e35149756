"""The pages of an archive stream, and the gaps where pages were lost. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ampel_watch.model import Alert
from ampel_watch.services.alerts import BadAlert, alerts_of


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to a chunk call; `number` is None at the end of the stream."""

    number: int | None
    alerts: tuple[Alert, ...]
    remaining: int | None
    with_history: bool


def page_of(document: Any, *, with_history: bool) -> Page:
    """The page in an answer; BadAlert if it is none. `with_history`: how it was asked for."""
    if not isinstance(document, Mapping):
        raise BadAlert("something other than a chunk")
    number = document.get("chunk")
    alerts = alerts_of(document.get("alerts"))
    if not isinstance(number, int | None) or isinstance(number, bool) or (number is None and alerts):
        raise BadAlert("a chunk without its number")
    return Page(number, alerts, remaining_of(document), with_history)


def remaining_of(document: Any) -> int | None:
    """How many alerts are not handed out yet, if the description of a stream or a page of it says so."""
    count = document.get("remaining") if isinstance(document, Mapping) else None
    items = count.get("items") if isinstance(count, Mapping) else None
    return items if isinstance(items, int) else None


class Gaps:
    """Where chunks were lost: (last jd before, first jd after), None where there was none. Chunks go up in jd."""

    def __init__(self) -> None:
        self._last_jd: float | None = None
        self._is_open = False
        self._found: list[tuple[float | None, float | None]] = []

    def open(self) -> None:
        """A chunk did not arrive."""
        self._is_open = True

    def close(self, alerts: tuple[Alert, ...]) -> None:
        """Alerts came: a gap, if one is open, ends where they begin."""
        if not alerts:
            return
        if self._is_open:
            self._found.append((self._last_jd, alerts[0].jd))
            self._is_open = False
        self._last_jd = max(alerts[-1].jd, self._last_jd or alerts[-1].jd)

    def all(self) -> tuple[tuple[float | None, float | None], ...]:
        """All gaps; one that is still open has no end."""
        return (*self._found, (self._last_jd, None)) if self._is_open else tuple(self._found)
