"""Dates as the sandbox reckons them.

The sandbox converts dates itself and does not use the clients' own conversions, so that an error in those is not
cancelled by the same error here.
"""

from datetime import UTC, datetime, timedelta

from ampel_watch.clock import Clock

UNIX_EPOCH_JD = 2440587.5
_SPAN = timedelta(days=1)


def jd_of(when: datetime) -> float:
    """Julian Date (UTC) of an aware datetime."""
    return when.timestamp() / 86400 + UNIX_EPOCH_JD


def datetime_of_jd(jd: float) -> datetime:
    """The aware UTC datetime of a Julian Date, to the microsecond."""
    return datetime.fromtimestamp((jd - UNIX_EPOCH_JD) * 86400, UTC)


def zoneless(when: datetime, timespec: str = "auto") -> str:
    """ISO time in UTC without a zone; with a fraction only if there is one, as in AMPEL's live record."""
    return when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=timespec)


def zoned(when: datetime, timespec: str = "auto") -> str:
    """ISO time in UTC with its zone, `+00:00`."""
    return when.astimezone(UTC).isoformat(timespec=timespec)


def real_span(clock: Clock, seconds: float) -> timedelta:
    """By how much the clock's date moves in so many real seconds.

    Leases and token lifetimes are promises to a client that waits in real time. A clock that lets a night pass in
    seconds must not let them lapse in milliseconds; a manual clock, whose seconds are its own, ends them as usual.
    """
    day_s = clock.real_seconds_until(clock.now() + _SPAN)
    return timedelta(seconds=min(seconds * _SPAN.total_seconds() / day_s, timedelta(days=36500).total_seconds()))
