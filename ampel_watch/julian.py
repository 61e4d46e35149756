"""Julian Dates (UTC), which the survey reckons in, and aware datetimes, which the program reckons in. Pure."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_JD = 2440587.5
_DAY_S = 86400.0


def jd_of(when: datetime) -> float:
    """The Julian Date (UTC) of an aware datetime. As a double it resolves about 40 µs."""
    return _EPOCH_JD + (when - _EPOCH).total_seconds() / _DAY_S


def datetime_of_jd(jd: float) -> datetime:
    """The aware UTC datetime of a Julian Date (UTC); ValueError outside the years 1…9999."""
    try:
        return _EPOCH + timedelta(seconds=(jd - _EPOCH_JD) * _DAY_S)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{jd!r} is not a Julian Date in the years 1…9999") from error
