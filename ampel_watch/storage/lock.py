"""One worker per state: an advisory lock on a file beside the database, released by the kernel whatever happens."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from ampel_watch.errors import StateInUse, StateUnusable


class StateLock:
    """Holds the lock while in use; `StateInUse` at once if another process has it.

    The file stays: removing it would let two processes hold two different files of the same name.
    """

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateUnusable(f"cannot create the lock {self.path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StateInUse(
                f"another ampel-watch works on this state ({self.path} is locked); stop it first, or use another state"
            ) from None
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
