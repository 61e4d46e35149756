from pathlib import Path

import pytest

from ampel_watch.config import find_config, state_directory
from ampel_watch.config.locate import absolute_state_url
from ampel_watch.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def put(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    return file


def test_a_named_configuration_is_taken_as_it_is(home: Path) -> None:
    put(home / "work/config.yaml")
    environ = {"AMPEL_WATCH_CONFIG": "/not/there.yaml", "HOME": str(home)}
    assert find_config(Path("/nor/there.yaml"), environ) == Path("/nor/there.yaml")
    assert find_config(None, environ) == Path("/not/there.yaml")


def test_configurations_are_found_in_order(home: Path) -> None:
    of_user = put(home / ".config/ampel-watch/config.yaml")
    of_xdg = put(home / "xdg/ampel-watch/config.yaml")
    assert find_config(None, {"HOME": str(home)}) == of_user
    assert find_config(None, {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "xdg")}) == of_xdg
    assert find_config(None, {"HOME": str(home), "XDG_CONFIG_HOME": "relative"}) == of_user
    put(home / "work/config.yaml")
    assert find_config(None, {"HOME": str(home)}) == Path("config.yaml")


def test_none_at_all_says_where_was_looked(home: Path) -> None:
    if Path("/etc/ampel-watch/config.yaml").exists():
        pytest.skip("this machine has a configuration of its own")
    with pytest.raises(ConfigError) as caught:
        find_config(None, {"HOME": str(home)})
    assert str(caught.value) == (
        f"config.yaml:1:1: there is no configuration; looked for config.yaml, {home}/.config/ampel-watch/config.yaml, "
        "/etc/ampel-watch/config.yaml; name one with -c or in $AMPEL_WATCH_CONFIG"
    )


@pytest.mark.parametrize(
    ("environ", "directory"),
    [
        ({"STATE_DIRECTORY": "/var/lib/aw:/var/lib/other", "HOME": "/h"}, "/var/lib/aw"),
        ({"STATE_DIRECTORY": "", "XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/ampel-watch"),
        ({"HOME": "/h"}, "/h/.local/state/ampel-watch"),
    ],
)
def test_where_the_state_is(environ: dict[str, str], directory: str) -> None:
    assert state_directory(environ) == Path(directory)


@pytest.mark.parametrize(
    ("written", "absolute"),
    [
        ("sqlite:///ampel-watch.db", "sqlite:////s/ampel-watch.db"),
        ("sqlite:///sub/a.db?timeout=3", "sqlite:////s/sub/a.db?timeout=3"),
        ("sqlite+pysqlite:///a.db", "sqlite+pysqlite:////s/a.db"),
        ("sqlite:////abs/a.db", "sqlite:////abs/a.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("postgresql://u:p@h/db", "postgresql://u:p@h/db"),
    ],
)
def test_only_a_relative_sqlite_path_is_moved(written: str, absolute: str) -> None:
    assert absolute_state_url(written, {"STATE_DIRECTORY": "/s"}) == absolute
