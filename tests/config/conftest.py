"""Notifiers of every shape of settings, and a folder to write configurations into."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from ampel_watch.config import Config, load_config
from ampel_watch.errors import ConfigError
from ampel_watch.protocols import NotifierKind
from ampel_watch.settings import Duration, Secret, Settings


class PostSettings(Settings):
    """Like a webhook."""

    url: str = Field(description="The address.")
    secret: Secret | None = Field(None, description="The key that signs.")
    timeout: Duration | None = Field(None, description="How long a try may take.")


class ServerSettings(Settings):
    """Nested settings with a secret."""

    host: str = Field(description="The server.")
    port: int = Field(25, ge=1, le=65535, description="Its port.")
    tls: Literal["none", "starttls", "tls"] = Field("none", description="How it is encrypted.")
    password: Secret | None = Field(None, description="The password.")
    ca_file: Path | None = Field(None, description="Certificates.")


class LetterSettings(Settings):
    """Like a mail, with a list and a key that is no Python name."""

    smtp: ServerSettings = Field(description="The server.")
    from_: str = Field(alias="from", description="The sender.")
    to: tuple[str, ...] = Field(min_length=1, description="The addresses.")


class NothingSettings(Settings):
    """Takes no settings."""


def _never_built(*_: object) -> None:
    raise AssertionError("checking a configuration builds no notifier")


KINDS: dict[str, NotifierKind] = {
    name: NotifierKind(name, settings, _never_built, f"the kind {name}")
    for name, settings in (("post", PostSettings), ("letter", LetterSettings), ("print", NothingSettings))
}
MINIMAL = """\
services:
  live:
    url: https://live.example.org/api
watches:
  - name: mine
    channels: [BTS]
    notify: [out]
receivers:
  out:
    notifier: print
"""


@dataclass
class Desk:
    """A folder with a configuration: `load` gives it, `faults` gives what `check` would print."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str | bytes) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def load(self, text: str | bytes = MINIMAL, kinds: Mapping[str, NotifierKind] = KINDS) -> Config:
        return load_config(self.write("config.yaml", text), kinds=kinds, environ=self.environ)

    def faults(self, text: str | bytes) -> list[str]:
        """The lines of `check`, with the folder left out."""
        with pytest.raises(ConfigError) as caught:
            self.load(text)
        return str(caught.value).replace(f"{self.folder}/", "").splitlines()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def with_watch() -> Callable[[str], str]:
    """The minimal configuration with further lines in its watch, which begins on line 5."""

    def build(lines: str) -> str:
        return MINIMAL.replace("    channels: [BTS]\n", lines)

    return build
