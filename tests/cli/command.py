"""The command as a person runs it: in this process, or as one of its own; and servers for it to talk to."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest

from ampel_watch.cli import main
from ampel_watch.clock import SystemClock
from ampel_watch.sandbox import PacketSky, Sandbox

T = TypeVar("T")

CHANNEL = "SANDBOX_INFANT_SN"
DEADLINE_S = 20
_HEALTH = ("services", "watches")


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()


class Background:
    """An event loop in a thread of its own, where servers run while the command runs in its own loop or process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._open: list[AbstractAsyncContextManager[Any]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in reversed(self._open):
            self.do(server.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_S)

    def call(self, work: Callable[[], T]) -> T:
        async def run() -> T:
            return work()

        return self.do(run())

    def serve(self, server: AbstractAsyncContextManager[T]) -> T:
        entered = self.do(server.__aenter__())
        self._open.append(server)
        return entered

    def sandbox(self, **options: Any) -> Sandbox:
        """The three services over an empty sky: stocks are put into channels by hand."""
        return self.serve(self.call(lambda: Sandbox(PacketSky([]), clock=SystemClock(), **options)))


@dataclass
class Desk:
    """A folder with a configuration and a state; `environ` is what a command finds in its environment."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def state(self) -> Path:
        return self.folder / "state" / "ampel-watch.db"

    @property
    def environment(self) -> dict[str, str]:
        return {"STATE_DIRECTORY": str(self.state.parent), "HOME": str(self.folder), **self.environ}

    def write(self, text: str | bytes, name: str = "config.yaml") -> Path:
        file = self.folder / name
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def watch(self, url: str, *, token: str = "t", receivers: str = "  here: {notifier: console}", **live: str) -> None:
        """Write a configuration of one watch of a channel, `mine`, that tells all its receivers."""
        names = ", ".join(line.strip().split(":")[0] for line in receivers.splitlines() if line.startswith("  "))
        extra = "".join(f", {key}: {value}" for key, value in live.items())
        self.write(
            "services:\n"
            f"  live: {{url: {url}, token: {token}, rate: 1000/s{extra}}}\n"
            "watches:\n"
            f"  - {{name: mine, channels: [{CHANNEL}], every: 1h, notify: [{names}]}}\n"
            f"receivers:\n{receivers}\n"
        )

    def watch_sandbox(self, sandbox: Sandbox, **options: str) -> None:
        token = sandbox.issue_live_token(life=timedelta(days=1))
        self.watch(sandbox.live_url, token=token, **options)

    @contextlib.contextmanager
    def spawn(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """The command as a process of its own, away from the environment of the tests; killed if still there after."""
        inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        with subprocess.Popen(
            [sys.executable, "-X", "utf8", "-m", "ampel_watch", *arguments],
            cwd=self.folder,
            env=inherited | {"PYTHONWARNINGS": "error"} | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *arguments: str) -> Ran:
        with self.spawn(*arguments) as process:
            out, err = process.communicate(timeout=DEADLINE_S)
            return Ran(process.returncode, out, err)

    def dump(self) -> list[str]:
        """The whole state as SQL, but for how the last looks went, which every look writes."""
        with contextlib.closing(sqlite3.connect(self.state)) as connection:
            return [
                line
                for line in connection.iterdump()
                if not line.startswith(tuple(f'INSERT INTO "{t}"' for t in _HEALTH))
            ]


def wait_for_line(process: "subprocess.Popen[str]", text: str) -> str:
    """Read the log of a process up to a line with this text."""
    assert process.stderr is not None
    read = ""
    watchdog = threading.Timer(DEADLINE_S, process.kill)
    watchdog.start()
    try:
        while text not in read:
            line = process.stderr.readline()
            assert line, f"ended, or was too slow, without {text!r}: {read}"
            read += line
    finally:
        watchdog.cancel()
        watchdog.join()
    return read


def stop(process: "subprocess.Popen[str]") -> Ran:
    """End a process as systemd does; how it ended, and what it wrote since."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=DEADLINE_S)
    return Ran(process.returncode, out, err)


@contextlib.contextmanager
def kept_logging() -> Iterator[None]:
    """A command sets up logging for its process; this one goes on afterwards."""
    hook = sys.excepthook
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.Logger.manager.loggerDict))]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    try:
        yield
    finally:
        sys.excepthook = hook
        for logger, level, handlers in before:
            logger.setLevel(level)
            logger.handlers[:] = handlers


def run_here(arguments: tuple[object, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ran:
    """The command in this process."""
    monkeypatch.setattr(sys, "argv", ["ampel-watch", *map(str, arguments)])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return Ran(ended.value.code, out, err)


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
