"""Words for times, angles, magnitudes and what else is measured; "" for what is not known.

Values come out of JSON documents that services, catalogs and plugins had a hand in: whatever is not a number of a
size that the quantity can have, or not a text that says something, is not known.
"""

import unicodedata
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

_MAX_LENGTH = 500
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES = frozenset("\t\n\v\f\r\x85\u2028\u2029")
_SAY_NOTHING = frozenset({"", "-", "nan", "none", "null", "n/a", "inf", "-inf", "infinity", "unknown", "-999"})
_MAGNITUDES = (-40.0, 40.0)
_MOST_DIGITS = 5
_YEAR_D = 365.25


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


def number(values: Mapping[str, Any], name: str, low: float, high: float) -> float | None:
    """A number from `low` to `high`; None for anything else."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return None
    return float(value)


def magnitude(values: Mapping[str, Any], name: str) -> float | None:
    """A magnitude; None for what cannot be one."""
    return number(values, name, *_MAGNITUDES)


def word(values: Mapping[str, Any], name: str, limit: int = 40) -> str:
    """The text that a document has under a name, as `phrase` gives it."""
    return phrase(values.get(name), limit)


def phrase(value: object, limit: int = 40) -> str:
    """A text, cleaned and cut; "" for anything else, and for a text that says that there is nothing."""
    text = " ".join(clean(value, 10 * limit).split()) if isinstance(value, str) else ""
    return "" if text.casefold() in _SAY_NOTHING else clean(text, limit)


def joined(parts: tuple[str, ...] | list[str], separator: str = ", ") -> str:
    """The parts that say something."""
    return separator.join(part for part in parts if part)


def decimal(value: float, digits: int, *, plus: bool = False) -> str:
    """A number with so many decimals and a true minus sign, which a zero never has."""
    text = f"{value:+.{digits}f}" if plus else f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def with_error(value: float, error: float | None, digits: int = 2) -> str:
    """`18.42 ± 0.05`, with more decimals for a small error; one that is 0 or not known is not told."""
    if not error or error < 10**-_MOST_DIGITS:
        return decimal(value, digits)
    while error < 0.5 * 10**-digits:
        digits += 1
    return f"{decimal(value, digits)} ± {decimal(error, digits)}"


def measured(values: Mapping[str, Any], mag: str = "mag", error: str = "mag_err", band: str = "band") -> str:
    """`r 18.42 ± 0.05`."""
    value = magnitude(values, mag)
    return "" if value is None else joined([word(values, band, 8), with_error(value, number(values, error, 0, 9))], " ")


def arcseconds(value: float | None) -> str:
    """`3.2″`, `24″`."""
    return "" if value is None else f"{decimal(value, 1 if value < 9.95 else 0)}″"


def span(value: float | None) -> str:
    """A span of days in the unit that fits: `12 min`, `5.3 h`, `2.1 d`, `312 d`, `4.2 yr`; "" below a minute."""
    if value is None or value * 1440 < 1:
        return ""
    if value < 1 / 24:
        return f"{value * 1440:.0f} min"
    if value < 1:
        return f"{value * 24:.1f} h"
    if value < 2 * _YEAR_D:
        return f"{value:.{1 if value < 99.95 else 0}f} d"
    return f"{value / _YEAR_D:.1f} yr"


def rate(values: Mapping[str, Any], *, error: bool = False) -> str:
    """`rising 0.31 mag/d`, `fading 0.05 mag/d`, `flat`; "" if the points do not tell.

    A rate within 2 σ is none: it is `flat` if the error leaves no room for much, and not told otherwise.
    """
    rising = number(values, "rise_rate_mag_d", -99, 99)
    if rising is None:
        return ""
    sigma = number(values, "rise_rate_err_mag_d", 0, 99)
    if sigma is not None and abs(rising) < 2 * sigma:
        return "flat" if sigma <= 0.05 else ""
    if abs(rising) < 0.005:
        return "flat"
    size = with_error(abs(rising), sigma if error else None)
    return f"{'rising' if rising > 0 else 'fading'} {size} mag/d"


def redshift(values: Mapping[str, Any], *, error: bool = False) -> str:
    """`z 0.031`, or `z ≈ 0.12 ± 0.03` for one from colours; "" if there is none."""
    z = number(values, "z", -0.05, 20)
    if z is None:
        return ""
    sigma = number(values, "z_err", 0, 20)
    if is_photometric(values):
        return f"z ≈ {with_error(z, sigma)}"
    digits = 3 if z >= 0.01 else 4
    told = error and sigma is not None and sigma >= 0.5 * 10**-digits
    return f"z {with_error(z, sigma if told else None, digits)}"


def is_photometric(values: Mapping[str, Any]) -> bool:
    """Whether the redshift was estimated from colours."""
    return word(values, "z_kind").startswith("phot")


def luminosity(values: Mapping[str, Any]) -> str:
    """`M_r −17.3`; `M_r ≈ −17.3` by a redshift from colours; "" if it is not known."""
    value = magnitude(values, "abs_mag")
    if value is None:
        return ""
    band = word(values, "band", 8)
    about = " ≈" if is_photometric(values) else ""
    return f"M{'_' + band if band else ''}{about} {decimal(value, 1)}"


def time_of(value: object) -> datetime | None:
    """The time that a document gives as ISO text with a zone; None if it gives no such thing."""
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return when if when is not None and when.tzinfo is not None else None


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
