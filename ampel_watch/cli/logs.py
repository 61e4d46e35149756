"""Where log lines go: standard error, with secrets masked."""

import logging
import sys
from collections.abc import Callable
from types import TracebackType

from ampel_watch.redaction import RedactingFormatter

_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"
# These write addresses or headers, which may hold secrets, into their own logs.
_TALKATIVE = ("httpx", "httpcore", "aiohttp", "slack_sdk", "aiosmtplib", "apscheduler", "alembic")


def log_to_stderr(redact: Callable[[str], str], *, level: int) -> None:
    """Log our own lines from `level` on, and only warnings of the libraries; an unexpected fault is logged too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(logging.Formatter(_FORMAT, "%Y-%m-%d %H:%M:%S"), redact))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    sys.excepthook = _log_unexpected


def _log_unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """In place of Python's own traceback, which would show the secrets that an exception holds."""
    logging.getLogger("ampel_watch").critical("unexpected fault", exc_info=(kind, error, trace))
