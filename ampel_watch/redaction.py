"""Taking secrets out of text, as a last line of defence: no message is built from one in the first place."""

import logging
from collections.abc import Callable, Iterable

from ampel_watch.settings import Secret

_MASK = "***"
_SHORTEST = 4  # a shorter text would be found in innocent words


def redactor(secrets: Iterable[Secret]) -> Callable[[str], str]:
    """A function that masks these secrets in a text; secrets kept in files are read anew each time."""
    known = tuple(secrets)

    def redact(text: str) -> str:
        for value in sorted(_values(known), key=len, reverse=True):
            text = text.replace(value, _MASK)
        return text

    return redact


def _values(secrets: Iterable[Secret]) -> set[str]:
    values = set()
    for secret in secrets:
        try:
            value = secret.reveal()
        except (OSError, UnicodeDecodeError):
            continue  # what cannot be read cannot be shown either
        if len(value) >= _SHORTEST:
            values.add(value)
    return values


class RedactingFormatter(logging.Formatter):
    """Formats a log record, traceback and all, and masks secrets in the result."""

    def __init__(self, inner: logging.Formatter, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._inner = inner
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """The formatted record without secrets."""
        return self._redact(self._inner.format(record))
