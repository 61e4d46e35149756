"""The `console` notifier: shows events on standard output, for `demo`, for trying a configuration, and for pipes."""

import textwrap
from collections.abc import Iterable

from ampel_watch.api import (
    Attempt,
    DeliveryError,
    Event,
    NotifierContext,
    NotifierKind,
    Settings,
    facts,
    hookimpl,
    sexagesimal,
)

_WIDTH = 80
_INDENT = "  "
_OWN_WORDS = ("Cone", "Note")


class ConsoleSettings(Settings):
    """The console needs none."""


class ConsoleNotifier:
    """Writes a compact block of lines for each event."""

    def __init__(self, context: NotifierContext) -> None:
        self._context = context

    async def send(self, event: Event, attempt: Attempt) -> None:
        """Write the event; a closed or full standard output is a passing fault."""
        try:
            for line in self._lines(event, attempt.late_s):
                self._context.write(line)
        except OSError as error:
            raise DeliveryError(f"standard output cannot be written: {error.strerror}") from error

    async def preview(self, event: Event) -> str:
        """The lines that `send` would write."""
        return "\n".join(self._lines(event, 0.0))

    async def close(self) -> None:
        """Nothing is held open."""

    def _lines(self, event: Event, late_s: float) -> Iterable[str]:
        """Time and title, why and where, the user's own words, what to know, one link; 80 columns but for the link."""
        told = facts(event, late_s, self._context.timezone)
        stock, rows = event.stock, dict(told.rows)
        yield from _wrapped(f"{rows['Found']}  {told.title}", indent="")
        where = ""
        if stock.ra_deg is not None and stock.dec_deg is not None:
            where = f" · {sexagesimal(stock.ra_deg, stock.dec_deg)}"
        yield from _wrapped(rows["Why"] + where)
        yield from (line for label in _OWN_WORDS if label in rows for line in _wrapped(f"{label}: {rows[label]}"))
        for note in told.notes:
            yield from _wrapped(note)
        for _, address in told.links[:1]:
            yield _INDENT + address


def _wrapped(text: str, indent: str = _INDENT) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=_INDENT * 2, break_on_hyphens=False)


@hookimpl
def register_notifiers() -> list[NotifierKind]:
    """Add the kind `console`."""
    return [
        NotifierKind(
            name="console",
            settings=ConsoleSettings,
            build=lambda _, context: ConsoleNotifier(context),
            summary="shows events on standard output",
            concurrency=1,
        )
    ]
