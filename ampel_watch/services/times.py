"""Times as the services write them, turned into aware UTC datetimes."""

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# `fromisoformat` also takes compact and week dates, which no service writes and which plain digits could imitate.
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:.*)?", re.ASCII)


def parse_time(value: Any) -> datetime:
    """A time in any form that the services use, as aware UTC; ValueError if it is none.

    ISO 8601 with or without a zone (none means UTC) and with or without a fraction; a number of UNIX seconds; MongoDB's
    extended JSON (``{"$date": …}`` holds milliseconds or ISO, ``{"$numberLong": …}`` and its like a number).
    """
    if isinstance(value, str):
        return _parse_iso(value)
    if isinstance(value, Mapping) and len(value) == 1:
        (form, inner), *_ = value.items()
        if form == "$date":
            return _parse_mongo_date(inner)
    return _after_epoch(number(value), value)


def number(value: Any) -> float:
    """A finite number, plain or as ``{"$numberDouble": "…"}`` and its like; ValueError otherwise."""
    if isinstance(value, Mapping) and len(value) == 1:
        (form, inner), *_ = value.items()
        if form in ("$numberDouble", "$numberLong", "$numberInt", "$numberDecimal") and isinstance(inner, str):
            value = float(inner)
    converted = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(OverflowError):
            converted = float(value)
    if not math.isfinite(converted):
        raise ValueError(f"{str(value)[:40]!r} is not a finite number")
    return converted


def _parse_iso(text: str) -> datetime:
    if not _ISO.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not an ISO time")
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        return when.replace(tzinfo=UTC)
    try:
        return when.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text[:40]!r} is outside the years 1…9999 in UTC") from error


def _parse_mongo_date(value: Any) -> datetime:
    if isinstance(value, str):
        return _parse_iso(value)
    return _after_epoch(number(value) / 1000, value)


def _after_epoch(seconds: float, source: Any) -> datetime:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{str(source)[:40]!r} is not a time in the years 1…9999") from error
