"""What single values of the configuration may be: checks that say in plain words what is wrong.

A check raises `ValueError` with a sentence, or a `PydanticCustomError` that also carries the place within the text.
Values are shown in sentences only between backquotes, so that one that came out of the environment can be withheld.
"""

import difflib
import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from ampel_watch.diff import KINDS
from ampel_watch.ztf import is_name, name_of

NOT_AN_END = "must be a date or time, such as 2027-03-31 or 2027-03-31T12:00Z"
_STATE = re.compile(r"[a-z][a-z0-9]*(?:\+[a-z0-9]+)?://.*")
_HOST_PORT = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?P<port>\d{1,5})")
_INTEGER = re.compile(r"\d{1,18}")


def near(word: str, words: Iterable[str]) -> str:
    """The end of a sentence that suggests what `word` was meant to be; empty if nothing is near."""
    known = {known.lower(): known for known in words}
    found = difflib.get_close_matches(word.lower(), known, n=1)
    return f"; did you mean `{known[found[0]]}`?" if found else ""


def listing(words: Iterable[str]) -> str:
    """Words in a sentence: `a`, `b`, `c`."""
    return ", ".join(f"`{word}`" for word in words)


def label(text: str) -> str:
    """The name of a watch or receiver: printable, and without spaces at its ends."""
    if text != text.strip() or any(unicodedata.category(c).startswith("C") for c in text):
        raise ValueError("a name must not begin or end with a space or hold control characters")
    return text


def web_address(text: str) -> str:
    """An http or https address with a host, and without credentials, query or trailing slash."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("must be an http:// or https:// address; its host or port is wrong") from None
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in text):
        raise ValueError("must be an address that begins with http:// or https:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or password; addresses are shown in logs")
    if parts.query or parts.fragment:
        raise ValueError("must not hold `?` or `#`: it is the base of many addresses")
    return text.rstrip("/")


def route(*placeholders: str) -> AfterValidator:
    """A path relative to a service's base address that holds the given placeholders."""

    def check(text: str) -> str:
        if not text.startswith("/") or any(c in text for c in "?# \t") or not all(p in text for p in placeholders):
            holding = f" and hold {listing(placeholders)}" if placeholders else ""
            raise ValueError(f"must be a path that begins with `/`{holding}, without `?` or `#`")
        return text

    return AfterValidator(check)


def span(shortest: timedelta = timedelta(milliseconds=1), longest: timedelta = timedelta(days=3650)) -> AfterValidator:
    """A duration within bounds; the upper one keeps dates computed with it within the calendar."""

    def check(value: timedelta) -> timedelta:
        if value < shortest:
            raise ValueError(f"must be at least {in_words(shortest)}")
        if value > longest:
            raise ValueError(f"must be at most {in_words(longest)}")
        return value

    return AfterValidator(check)


def in_words(duration: timedelta) -> str:
    """A duration as it is written in the configuration."""
    for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1))):
        if duration and not duration % size:
            return f"{duration // size}{unit}"
    seconds = duration.total_seconds()
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1000:g}ms"


def host_and_port(text: str) -> str:
    """`host:port`, such as 127.0.0.1:8787 or [::1]:8787."""
    match = _HOST_PORT.fullmatch(text)
    if match is None or not 0 <= int(match["port"]) <= 65535:
        raise ValueError("must be an address and a port, such as 127.0.0.1:8787")
    host = match["host"]
    if host.startswith("[") or host.replace(".", "").isdigit():
        try:
            ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            raise ValueError("must be an address and a port, such as 127.0.0.1:8787 or [::1]:8787") from None
    return text


def database_url(text: str) -> str:
    """An SQLAlchemy URL, by its form; the database itself is opened later."""
    if not _STATE.fullmatch(text):
        raise ValueError("must be a database URL, such as sqlite:///ampel-watch.db")
    return text


def time_zone(value: Any) -> Any:
    """A time zone of the IANA database."""
    if not isinstance(value, str):
        raise ValueError("must be the name of a time zone, such as Europe/Berlin")  # noqa: TRY004
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone `{value}`{near(value, available_timezones())}") from None


def ztf_name(text: str) -> str:
    """A ZTF name in its exact spelling."""
    if is_name(text):
        return text
    raise ValueError(not_a_name(text))


def not_a_name(text: str) -> str:
    """Why a text is no ZTF name, with the name that it may have been meant to be."""
    bare = text.strip()
    respelt = f"ZTF{bare[3:5]}{bare[5:].lower()}"
    if bare[:3].upper() == "ZTF" and is_name(respelt):
        return f"`{text}` is not a ZTF name; did you mean `{respelt}`?"
    if _INTEGER.fullmatch(bare):
        try:
            return f"`{text}` is an AMPEL id, not a ZTF name; write `{name_of(int(bare))}`"
        except ValueError:
            pass
    shown = text if len(text) <= 40 else text[:39] + "…"
    return f"`{shown}` is not a ZTF name: ZTF, a year from 17 to 32, seven lower-case letters (ZTF21aaqhhfu)"


def known_receiver(name: str, info: ValidationInfo) -> str:
    """The name of a receiver of this configuration."""
    receivers: Iterable[str] = (info.context or {}).get("receivers", (name,))
    if name not in receivers:
        there_are = f"; there are {listing(receivers)}" if receivers else "; there are none under `receivers`"
        raise ValueError(f"unknown receiver `{name}`{near(name, receivers) or there_are}")
    return name


def change_kinds(value: Any) -> Mapping[str, float | None]:
    """The kinds of `on:` with their thresholds; every fault of the list in one error, each with its place."""
    if value is None:
        return {kind.name: kind.threshold_mag for kind in KINDS.values() if kind.by_default}
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("must be a list of kinds of change, such as [channel_match, {brightening: 0.5}]")
    kinds: dict[str, float | None] = {}
    faults: list[tuple[tuple[str | int, ...], str]] = []
    for number, entry in enumerate(value):
        for name, given in _kinds_in(entry):
            where = (number, name) if isinstance(entry, dict) else (number,)
            if message := _why_no_kind(name, given, kinds):
                faults.append((where, message))
            else:
                kinds[name] = KINDS[name].threshold_mag if given is _NOT_GIVEN else float(given)
    if faults:
        raise PydanticCustomError("several", "{faults}", {"faults": faults})
    return kinds


_NOT_GIVEN = object()


def _kinds_in(entry: Any) -> Iterable[tuple[Any, Any]]:
    """The kinds that an entry of `on` names, each with its threshold."""
    return entry.items() if isinstance(entry, dict) and entry else [(entry, _NOT_GIVEN)]


def _why_no_kind(name: Any, given: Any, known: Mapping[str, Any]) -> str | None:
    if not isinstance(name, str):
        return "must be a kind of change, such as channel_match or {brightening: 0.5}"
    if name not in KINDS:
        return f"unknown kind of change `{name}`{near(name, KINDS) or '; there are ' + listing(KINDS)}"
    if name in known:
        return f"the kind `{name}` is given twice"
    if given is _NOT_GIVEN:
        return None
    if KINDS[name].threshold_mag is None:
        return f"`{name}` takes no threshold; write it without one"
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not is_number or not 0 < given <= 30:
        return f"the threshold of `{name}` must be a number of magnitudes above 0 and at most 30"
    return None


def end_of(value: Any) -> datetime | None:
    """When an entry ends: a date ends with its day, a time without zone is UTC; None if `value` is neither."""
    if not isinstance(value, str):
        return None
    try:
        if len(value) <= len("2027-03-31"):
            day = date.fromisoformat(value)
            return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def entry_end(value: Any) -> Any:
    """When an entry ends; ValueError if that is no date."""
    until = value if value is None or isinstance(value, datetime) else end_of(value)
    if until is None and value is not None:
        raise ValueError(NOT_AN_END)
    return until
