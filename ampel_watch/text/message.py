"""An event laid out: title, labelled rows, links and notes. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo

from ampel_watch.model import Event
from ampel_watch.text.rows import known_rows, place_row, words_rows
from ampel_watch.text.words import age, clean, local_time, time_of

_LATE_FROM_S = 300.0
_MAX_NOTES = 10
_WEB_ADDRESS = re.compile(r"https?://[!-~]{1,2000}")

LABELS = {
    "fritz": "Fritz",
    "alerce": "ALeRCE",
    "lasair": "Lasair",
    "fink": "Fink",
    "antares": "ANTARES",
    "tns": "TNS",
    "simbad": "SIMBAD",
    "legacysurvey": "Legacy Survey",
    "aladin": "Aladin",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """An event, ready to be laid out.

    Attributes
    ----------
    title: the one line that stands alone.
    rows: (label, value) in the order in which people want them.
    links: (label, address).
    notes: what the reader must know about the message itself: lateness, what is missing, that it is a test.
    """

    title: str
    rows: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def facts(event: Event, late_s: float, timezone: tzinfo) -> Facts:
    """The event laid out in labelled rows, links and notes; `late_s` is the lateness of this delivery."""
    return Facts(
        title=clean(f"Test: {event.summary}" if event.test else event.summary),
        rows=tuple((label, clean(value)) for label, value in _rows(event, timezone) if value),
        links=tuple((LABELS.get(page) or clean(page, 40), address) for page, address in _web_links(event)),
        notes=tuple(_notes(event, late_s)),
    )


def _rows(event: Event, timezone: tzinfo) -> Iterator[tuple[str, str]]:
    """In the order of interest: why, when, what was measured, what it is, where."""
    yield "Why", f"watch {event.watch} · {event.kind.replace('_', ' ')}"
    yield from words_rows(event)
    for label, key in (("Entered", "entered"), ("Observed", "time")):
        if when := time_of(event.after.get(key)):
            yield label, local_time(when, timezone)
    yield "Found", local_time(event.time, timezone)
    yield from known_rows(event)
    yield "Channels", ", ".join(event.stock.channels)
    yield "Position", place_row(event)


def _notes(event: Event, late_s: float) -> list[str]:
    notes = []
    if event.test:
        notes.append("This is a test of the receiver, not a real change.")
    if late := lateness(event, late_s):
        notes.append(late)
    notes += [f"Missing: {clean(text)}" for text in event.missing[:_MAX_NOTES]]
    if (more := len(event.missing) - _MAX_NOTES) > 0:
        notes.append(f"Missing: {more} more, named in the event itself.")
    return notes


def _web_links(event: Event) -> tuple[tuple[str, str], ...]:
    """The (page, address) pairs that are safe to put behind a link: http or https, printable, without spaces."""
    return tuple((page, address) for page, address in event.links.items() if _WEB_ADDRESS.fullmatch(address))


def lateness(event: Event, late_s: float) -> str | None:
    """A sentence that says by how much, and why, a message comes late; None if it does not."""
    parts = []
    if event.late_s >= _LATE_FROM_S:
        parts.append(f"found up to {age(event.late_s)} late (no good look in between)")
    if late_s >= _LATE_FROM_S:
        parts.append(f"delivered {age(late_s)} late")
    return f"Late: {'; '.join(parts)}." if parts else None


def plain_text(event: Event, late_s: float, timezone: tzinfo) -> str:
    """The event as plain text, several lines, as in a mail."""
    told = facts(event, late_s, timezone)
    width = max(len(label) for label, _ in told.rows)
    lines = [told.title, "", *(f"{label + ':':<{width + 2}}{value}" for label, value in told.rows)]
    if told.notes:
        lines += ["", *told.notes]
    if told.links:
        width = max(len(label) for label, _ in told.links)
        lines += ["", *(f"{label + ':':<{width + 2}}{address}" for label, address in told.links)]
    return "\n".join(lines) + "\n"
