"""ZTF names and AMPEL's integer stock ids.

A name is `ZTF`, a two-digit year 17…32 and seven lower-case letters. AMPEL's id is
``letters in base 26 (a=0, first letter highest) × 16 + (year − 17)``: 37 bits, so larger than a signed 32-bit
integer, and 0 (ZTF17aaaaaaa) is a valid one.
"""

import re

_NAME = re.compile(r"ZTF(1[7-9]|2\d|3[0-2])([a-z]{7})")
_LETTERS = 7
_FIRST_YEAR = 17
_YEARS = 16
MAX_ID = 26**_LETTERS * _YEARS - 1


def is_name(text: str) -> bool:
    """Whether `text` is a valid ZTF name, in its exact spelling."""
    return _NAME.fullmatch(text) is not None


def id_of(name: str) -> int:
    """The AMPEL stock id of a ZTF name; ValueError if it is none."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not a ZTF name (ZTF, year 17…32, seven lower-case letters)")
    value = 0
    for letter in match[2]:
        value = value * 26 + ord(letter) - ord("a")
    return value * _YEARS + int(match[1]) - _FIRST_YEAR


def name_of(stock_id: int) -> str:
    """The ZTF name of an AMPEL stock id; ValueError if no name has it."""
    if not 0 <= stock_id <= MAX_ID:
        raise ValueError(f"{stock_id} is not the id of a ZTF stock (0…{MAX_ID})")
    value, year = divmod(stock_id, _YEARS)
    letters = []
    for _ in range(_LETTERS):
        value, letter = divmod(value, 26)
        letters.append(chr(ord("a") + letter))
    return f"ZTF{year + _FIRST_YEAR}{''.join(reversed(letters))}"
