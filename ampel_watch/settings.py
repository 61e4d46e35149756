"""The building blocks of every settings model, of the core and of plugins alike.

A model derives from `Settings`: unknown keys and wrong types are errors, never ignored or converted silently.
A field of type `Secret` named ``x`` may instead be given as ``x_file: PATH``.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|m|h)")


class Secret:
    """A secret value, or the file that holds it. It shows itself nowhere; `reveal` is the only way to it.

    A file is read at every `reveal`, so that a replaced token is used at once.
    """

    __slots__ = ("_file", "_value")

    def __init__(self, value: str | None = None, *, file: Path | None = None) -> None:
        if (value is None) == (file is None):
            raise ValueError("a secret is either a value or a file")
        self._value = value
        self._file = file

    @property
    def file(self) -> Path | None:
        """Where the secret is kept, if in a file."""
        return self._file

    def reveal(self) -> str:
        """The secret itself; OSError if its file cannot be read. Never log, store or raise what this returns."""
        if self._file is not None:
            return self._file.read_text(encoding="utf-8").strip()
        assert self._value is not None
        return self._value

    def __repr__(self) -> str:
        return f"Secret(file={str(self._file)!r})" if self._file else "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self._value, self._file) == (other._value, other._file)

    def __hash__(self) -> int:
        return hash((self._value, self._file))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Accept a Secret, or a non-empty string."""
        from_text = core_schema.no_info_after_validator_function(cls, core_schema.str_schema(min_length=1))
        return core_schema.union_schema([core_schema.is_instance_schema(cls), from_text])

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """For editors, a secret is a string, best written ``${NAME}``."""
        return {"type": "string", "writeOnly": True}


def parse_duration(value: Any) -> Any:
    """``30s``, ``5m``, ``2h``, ``1d`` (or a timedelta) as a timedelta; ValueError otherwise."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a duration; write for example 30s, 5m, 2h or 1d")
    try:
        return timedelta(seconds=float(match[1]) * _UNITS_S[match[2]])
    except OverflowError:
        raise ValueError("too long a duration") from None


def parse_rate(value: Any) -> Any:
    """``10/s``, ``30/m``, ``100/h`` as a number per second; ValueError otherwise."""
    if isinstance(value, float):
        return value
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None or float(match[1]) <= 0:
        raise ValueError("not a rate; write for example 10/s, 30/m or 100/h")
    return float(match[1]) / _UNITS_S[match[2]]


Duration = Annotated[timedelta, BeforeValidator(parse_duration, json_schema_input_type=str)]
RatePerSecond = Annotated[float, BeforeValidator(parse_rate, json_schema_input_type=str)]


class Settings(BaseModel):
    """Base of every settings model: strict, frozen, and no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _secret_files(cls, data: Any) -> Any:
        """Take ``x_file: PATH`` for a field ``x: Secret``.

        This serves models that are built without a configuration file; in one, `config.outside` has done it before,
        with the path relative to the file and with the place of every fault.
        """
        if not isinstance(data, dict):
            return data
        data = dict(data)
        for name in secret_fields(cls):
            path = data.pop(f"{name}_file", None)
            if path is None:
                continue
            if name in data:
                raise ValueError(f"give either {name} or {name}_file, not both")
            data[name] = Secret(file=Path(path))
        return data

    @model_validator(mode="before")
    @classmethod
    def _lists_as_tuples(cls, data: Any) -> Any:
        """Take a list, which is what a file holds, for a field that is a tuple."""
        if not isinstance(data, dict):
            return data
        tuples = {key for key, info in written_fields(cls) if _is_tuple(info.annotation)}
        return {k: tuple(v) if k in tuples and isinstance(v, list) else v for k, v in data.items()}


def written_fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """The fields of a model, each with the key under which it is written in the configuration."""
    for name, info in model.model_fields.items():
        yield info.alias or name, info


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types of a union; of any other annotation, itself."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def types_in(annotation: Any) -> Iterator[Any]:
    """An annotation and all that it is made of, at any depth."""
    yield annotation
    for part in get_args(annotation):
        yield from types_in(part)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The settings models in an annotation such as ``tuple[X, ...] | None``."""
    return [part for part in types_in(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]


def _is_tuple(annotation: Any) -> bool:
    return any(get_origin(part) is tuple for part in alternatives(annotation))


def secret_fields(model: type[BaseModel]) -> tuple[str, ...]:
    """The names under which secrets are written in the configuration of a model."""
    return tuple(key for key, info in written_fields(model) if Secret in alternatives(info.annotation))
