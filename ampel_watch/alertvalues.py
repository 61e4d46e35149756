"""Single values of ZTF alerts, cleaned: what was not measured is None, however the archive says it. Pure.

The archive says "nothing" by a missing key, by -999, by the text `null` and by values that cannot be true.
"""

import math

_POSITIVE, _NEGATIVE = ("t", "1"), ("f", "0")
_NO_WORD = ("", "null", "none", "nan", "-999", "-999.0")
_SENTINEL = -999.0

# What a value may be, both bounds included.
CANDID = (0, 2**63 - 1)
FID = (1, 3)
JD = (1721425.5, 5373484.0)  # the years 1…9999, which datetimes can hold
RA_DEG = (0.0, 360.0)
DEC_DEG = (-90.0, 90.0)
MAG = (0.0, 40.0)
MAG_ERR = (1e-6, 10.0)
LIMIT_MAG = (10.0, 25.0)  # -1006.9 has been seen
SCORE = (0.0, 1.0)
ANGLE_ARCSEC = (0.0, 180.0 * 3600.0)


def number(value: object, bounds: tuple[float, float]) -> float | None:
    """A number between two bounds, both included; None for anything else, NaN and sentinels among it."""
    if isinstance(value, int | float) and not isinstance(value, bool) and bounds[0] <= value <= bounds[1]:
        return float(value)
    return None


def integer(value: object, bounds: tuple[int, int]) -> int | None:
    """A whole number between two bounds, both included; None for anything else: a float has lost digits."""
    if isinstance(value, int) and not isinstance(value, bool) and bounds[0] <= value <= bounds[1]:
        return value
    return None


def word(value: object) -> str | None:
    """A text without the blanks around it; None for the words that say "nothing", and for what is no text."""
    if isinstance(value, str) and (text := value.strip()).lower() not in _NO_WORD:
        return text
    return None


def is_nothing(value: object) -> bool:
    """Whether there is no value, however the archive says so."""
    if isinstance(value, float):
        return math.isnan(value) or value == _SENTINEL
    return value is None or value == int(_SENTINEL) or (isinstance(value, str) and word(value) is None)


def sign_of(isdiffpos: object) -> bool | None:
    """True for brighter than the reference image, False for fainter, None if it is not said."""
    if isdiffpos is True or (isinstance(isdiffpos, str) and isdiffpos in _POSITIVE):
        return True
    if isdiffpos is False or (isinstance(isdiffpos, str) and isdiffpos in _NEGATIVE):
        return False
    return None
