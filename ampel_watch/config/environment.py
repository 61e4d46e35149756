"""`${NAME}` in the values of the configuration: text that comes from the environment and is never shown again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ampel_watch.config.document import Document, Key

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|\$\{")


@dataclass(slots=True)
class Filled:
    """Which values hold text out of the environment, which could not be filled, and what the texts are."""

    keys: set[Key] = field(default_factory=set)
    unset: set[Key] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def covers(self, key: Key) -> bool:
        """Whether a value, or something within it, came out of the environment."""
        return any(filled[: len(key)] == key for filled in self.keys)


def fill(document: Document, environ: Mapping[str, str]) -> Filled:
    """Replace every `${NAME}` in the document's values; `$${` stands for `${`."""
    filled = Filled()
    document.data = _fill(document.data, (), document, environ, filled)
    return filled


def _fill(data: Any, key: Key, document: Document, environ: Mapping[str, str], filled: Filled) -> Any:
    if isinstance(data, dict):
        return {name: _fill(value, (*key, name), document, environ, filled) for name, value in data.items()}
    if isinstance(data, list):
        return [_fill(value, (*key, number), document, environ, filled) for number, value in enumerate(data)]
    if not isinstance(data, str) or "${" not in data:
        return data

    def replace(found: re.Match[str]) -> str:
        name = found["name"]
        if found[0] == "$${":
            return "${"
        if name is not None:
            filled.keys.add(key)
        if name is not None and environ.get(name):
            filled.texts.add(environ[name])
            return environ[name]
        filled.unset.add(key)
        document.fault(document.place_within(key, data, found.start()), _why_not(name, environ))
        return ""

    return _REFERENCE.sub(replace, data)


def _why_not(name: str | None, environ: Mapping[str, str]) -> str:
    if name is None:
        return "`${` begins the name of an environment variable, which ends with `}`; for the text itself write `$${`"
    return f"the environment variable `{name}` is {'empty' if name in environ else 'not set'}"
