"""Where the configuration and the state are on this machine."""

import re
from collections.abc import Mapping
from pathlib import Path

from ampel_watch.errors import ConfigError, Fault

_SQLITE_FILE = re.compile(r"(?P<driver>sqlite(?:\+[a-z0-9]+)?:///)(?P<path>[^?]*)(?P<options>\?.*)?")
_SYSTEM_WIDE = Path("/etc/ampel-watch/config.yaml")


def find_config(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """The configuration file to use.

    One that is named, by `explicit` or by `$AMPEL_WATCH_CONFIG`, is taken whether it exists or not, so that a misspelt
    one is never replaced by another. ConfigError if none is named and none is found.
    """
    if explicit is not None:
        return explicit
    if named := environ.get("AMPEL_WATCH_CONFIG"):
        return Path(named)
    here = Path("config.yaml")
    candidates = (here, _xdg(environ, "XDG_CONFIG_HOME", ".config") / "config.yaml", _SYSTEM_WIDE)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    places = ", ".join(map(str, candidates))
    message = f"there is no configuration; looked for {places}; name one with -c or in $AMPEL_WATCH_CONFIG"
    raise ConfigError((Fault(here, 1, 1, message),))


def state_directory(environ: Mapping[str, str]) -> Path:
    """The directory of the state: systemd's `$STATE_DIRECTORY` (the first, if several), else that of the user."""
    first = environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(first) if first else _xdg(environ, "XDG_STATE_HOME", ".local/state")


def absolute_state_url(url: str, environ: Mapping[str, str]) -> str:
    """`url` with a relative SQLite path made absolute; databases in memory and elsewhere are left alone."""
    match = _SQLITE_FILE.fullmatch(url)
    if match is None or match["path"] in ("", ":memory:") or match["path"].startswith("file:"):
        return url
    path = (state_directory(environ) / match["path"]).absolute()
    return f"{match['driver']}{path}{match['options'] or ''}"


def _xdg(environ: Mapping[str, str], variable: str, default: str) -> Path:
    """Our folder under an XDG base directory; a relative one is ignored, as the standard says."""
    base = Path(environ.get(variable, ""))
    if not base.is_absolute():
        base = (Path(environ["HOME"]) if environ.get("HOME") else Path.home()) / default
    return base / "ampel-watch"
