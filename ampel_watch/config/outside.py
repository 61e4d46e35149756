"""What a settings model takes from outside its own text: secret files, and paths relative to the file that names them.

The data is walked along the model, so that a plugin's settings are treated as those of the core.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from ampel_watch.config.document import Document, Key, why_unreadable
from ampel_watch.config.environment import Filled
from ampel_watch.config.yaml_positions import typed
from ampel_watch.settings import Secret, alternatives, models_in, secret_fields, written_fields

_MAX_SECRET_BYTES = 2**20


class Outside:
    """Resolves what one configuration file refers to; collects the secrets that it meets."""

    def __init__(self, document: Document, filled: Filled) -> None:
        self._document = document
        self._filled = filled
        self._base = document.file.absolute().parent
        self.secrets: list[Secret] = []

    def resolve(self, model: type[BaseModel], data: Any, at: Key) -> Any:
        """`data` with `x_file` as a `Secret`, paths absolute, and numbers out of the environment as numbers."""
        if not isinstance(data, dict):
            return data
        resolved = dict(data)
        for name in secret_fields(model):
            self._secret(resolved, name, at)
        for name, info in written_fields(model):
            if name in resolved:
                resolved[name] = self._value(info.annotation, resolved[name], (*at, name))
        return resolved

    def path(self, text: str) -> Path:
        """A path as the configuration file means it."""
        return self._base / text

    def _value(self, annotation: Any, value: Any, key: Key) -> Any:
        if models := models_in(annotation):
            if isinstance(value, list):
                return [self.resolve(models[0], item, (*key, number)) for number, item in enumerate(value)]
            return self.resolve(models[0], value, key)
        if isinstance(value, dict) and Secret in get_args(annotation):
            self.secrets += [Secret(text) for text in value.values() if isinstance(text, str) and text]
        if not isinstance(value, str):
            return value
        types = alternatives(annotation)
        if Path in types:
            return self.path(value)
        if key in self._filled.keys and str not in types and {int, float, bool}.intersection(types):
            return typed(value)
        return value

    def _secret(self, data: dict[str, Any], name: str, at: Key) -> None:
        inline = data.get(name)
        if isinstance(inline, str) and inline:
            data[name] = Secret(inline)
            self.secrets.append(data[name])
        if f"{name}_file" not in data:
            return
        written = data.pop(f"{name}_file")
        key = (*at, f"{name}_file")
        if name in data:
            self._fault(key, f"give either `{name}` or `{name}_file`, not both", of_key=True)
            return
        data[name] = Secret("")
        if key in self._filled.unset:
            return
        if not isinstance(written, str) or not written:
            self._fault(key, f"`{name}_file` must be the path of a file")
        elif reason := self._why_no_secret(self.path(written)):
            shown = "" if self._filled.covers(key) else f" `{written}`"
            self._fault(key, f"the file{shown} of `{name}_file` cannot be used: {reason}")
        else:
            data[name] = Secret(file=self.path(written))
            self.secrets.append(data[name])

    def _why_no_secret(self, file: Path) -> str | None:
        try:
            if file.is_file() and file.stat().st_size > _MAX_SECRET_BYTES:
                return "it is too large for a secret"
            return None if file.read_text(encoding="utf-8").strip() else "it is empty"
        except OSError as error:
            return why_unreadable(error)
        except ValueError:
            return "it is not UTF-8 text"

    def _fault(self, key: Key, message: str, *, of_key: bool = False) -> None:
        self._document.fault(self._document.place(key, of_key=of_key), message)


def secrets_in(value: Any) -> list[Secret]:
    """Every secret in a settings model, at any depth."""
    if isinstance(value, Secret):
        return [value]
    if isinstance(value, BaseModel):
        return [secret for name in type(value).model_fields for secret in secrets_in(getattr(value, name))]
    if isinstance(value, Mapping):
        return [secret for item in value.values() for secret in secrets_in(item)]
    if isinstance(value, list | tuple):
        return [secret for item in value for secret in secrets_in(item)]
    return []
