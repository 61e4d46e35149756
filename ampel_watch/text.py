"""What an event says, in words: the one place where facts become sentences. Pure.

A notifier lays these out in its own markup. Every text here may hold what a service or a catalog sent: it is cleaned
of control characters, and each notifier escapes it for its own medium.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from ampel_watch.model import Change, Event

_LATE_FROM_S = 300.0
_MAX_LENGTH = 500
_MAX_NOTES = 10
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_WEB_ADDRESS = re.compile(r"https?://[!-~]{1,2000}")
_SPACES = frozenset("\t\n\v\f\r\x85\u2028\u2029")

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


def clean(text: str, limit: int = _MAX_LENGTH) -> str:
    """`text` in one line, without control and direction characters, cut to `limit` characters."""
    kept: list[str] = []
    for character in text:
        if character in _SPACES:
            kept.append(" ")
        elif unicodedata.category(character) not in _DROPPED:
            kept.append(character)
        if len(kept) > limit:
            return "".join(kept[: limit - 1]) + "…"
    return "".join(kept)


def summarize(change: Change) -> str:
    """One sentence that says what changed, the stock first."""
    sentence = _SENTENCES.get(change.kind, _other)
    return clean(f"{change.name} {sentence(change)}")


def _updated(change: Change) -> str:
    entries = change.after.get("new_journal_entries", 0)
    what = f"has {entries} new journal {'entry' if entries == 1 else 'entries'}" if entries else "was updated"
    when = _time_of(change.after.get("updated"))
    return f"{what} · record of {local_time(when, UTC)}" if when else what


def _entered(change: Change) -> str:
    before = change.before.get("channels") or ()
    also = f" · already in {', '.join(before[:3])}{' …' if len(before) > 3 else ''}" if before else ""
    return f"entered {change.channel}{also}"


def _left(change: Change) -> str:
    left = change.after.get("channels") or ()
    rest = f" · still in {', '.join(left[:3])}{' …' if len(left) > 3 else ''}" if left else " · in no channel now"
    return f"left {change.channel}{rest}"


def _other(change: Change) -> str:
    return f"changed ({change.kind.replace('_', ' ')})"


_SENTENCES: Mapping[str, Callable[[Change], str]] = {
    "channel_match": _entered,
    "channel_left": _left,
    "updated": _updated,
    "vanished": lambda _: "is gone: the live service no longer knows it",
}


def facts(event: Event, late_s: float, timezone: tzinfo) -> Facts:
    """The event laid out in labelled rows, links and notes; `late_s` is the lateness of this delivery."""
    return Facts(
        title=clean(f"Test: {event.summary}" if event.test else event.summary),
        rows=tuple(_rows(event, timezone)),
        links=tuple((LABELS.get(page) or clean(page, 40), address) for page, address in _web_links(event)),
        notes=tuple(_notes(event, late_s)),
    )


def _rows(event: Event, timezone: tzinfo) -> list[tuple[str, str]]:
    stock = event.stock
    rows = [("Why", f"watch {event.watch} · {event.kind.replace('_', ' ')}")]
    if entered := _time_of(event.after.get("entered")):
        rows.append(("Entered", local_time(entered, timezone)))
    rows.append(("Found", local_time(event.time, timezone)))
    if stock.channels:
        rows.append(("Channels", ", ".join(stock.channels)))
    if stock.ra_deg is not None and stock.dec_deg is not None:
        degrees = f"{stock.ra_deg:.5f} {stock.dec_deg:+.5f}"
        rows.append(("Position", f"{sexagesimal(stock.ra_deg, stock.dec_deg)} ({degrees})"))
    return [(label, clean(value)) for label, value in rows]


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


def _time_of(value: object) -> datetime | None:
    """The time that a document gives as ISO text with a zone; None if it gives no such thing."""
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return when if when is not None and when.tzinfo is not None else None


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


def local_time(when: datetime, timezone: tzinfo) -> str:
    """A time for people: date, minute and zone."""
    try:
        there = when.astimezone(timezone)
    except OverflowError:  # at the ends of the calendar
        there = when
    return there.strftime("%Y-%m-%d %H:%M %Z")


def age(seconds: float) -> str:
    """A span of time in one or two units: `40 s`, `12 min`, `2 h 5 min`, `3 d 4 h`."""
    if round(seconds) < 60:
        return f"{max(0, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def sexagesimal(ra_deg: float, dec_deg: float) -> str:
    """`RA Dec` as ``hh:mm:ss.ss ±dd:mm:ss.s``."""
    ra_cs = round(ra_deg % 360 / 15 * 360000) % (24 * 360000)
    dec_ds = round(abs(dec_deg) * 36000)
    ra_m, ra_s = divmod(ra_cs, 6000)
    dec_m, dec_s = divmod(dec_ds, 600)
    sign = "-" if dec_deg < 0 else "+"
    return (
        f"{ra_m // 60:02d}:{ra_m % 60:02d}:{ra_s / 100:05.2f} "
        f"{sign}{dec_m // 60:02d}:{dec_m % 60:02d}:{dec_s / 10:04.1f}"
    )
