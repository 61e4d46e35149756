"""A desk with a configuration, the command in this process, and servers in the background."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ampel_watch.sandbox import Sandbox
from tests.cli.command import Background, Desk, Ran, kept_logging, run_here


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("AMPEL_WATCH_CONFIG", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in desk.environment.items():
        monkeypatch.setenv(name, value)
    return desk


@pytest.fixture
def run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ran]]:
    """Runs the command in this process, with the folder of the desk as its working directory."""

    def run(*arguments: object) -> Ran:
        ran = run_here(arguments, monkeypatch, capsys)
        assert "Traceback" not in ran.out + ran.err
        return ran

    with kept_logging():
        yield run


@pytest.fixture
def background() -> Iterator[Background]:
    with Background() as background:
        yield background


@pytest.fixture
def sandbox(background: Background) -> Sandbox:
    return background.sandbox()


@pytest.fixture
def with_events(desk: Desk, run: Callable[..., Ran], sandbox: Sandbox, background: Background) -> list[str]:
    """A state with three events of two stocks, the names of which are returned in order.

    The stock leaves a few seconds after all else, as the record dates it: so its leaving is an update too, always,
    and not only if a second has passed since it entered.
    """
    names = ["ZTF21aaqhhfu", "ZTF19aapreis", "ZTF21aaqhhfu"]
    desk.watch_sandbox(sandbox)
    assert run("once").code == 0
    background.call(lambda: sandbox.enter(names[0], "SANDBOX_INFANT_SN"))
    background.call(lambda: sandbox.enter(names[1], "SANDBOX_INFANT_SN"))
    assert run("once").code == 0
    leaves_at = datetime.now(UTC) + timedelta(seconds=5)
    background.call(lambda: sandbox.ampel.leave(names[2], "SANDBOX_INFANT_SN", leaves_at))
    assert run("once").code == 0
    return names
