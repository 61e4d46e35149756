"""From the errors of a settings model to faults in a file: one plain sentence each, with its place.

No sentence shows a value, but for names that the configuration itself gives (of keys, receivers, stocks, rules); if
such a name came out of the environment, it is withheld.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ampel_watch.config.document import Document, Key
from ampel_watch.config.environment import Filled
from ampel_watch.config.values import listing, near
from ampel_watch.settings import models_in, secret_fields, written_fields

_QUOTED = re.compile(r"`[^`]*`")


def report(
    document: Document, error: ValidationError, data: Any, at: Key, model: type[BaseModel], filled: Filled
) -> None:
    """Add the faults of a validation error to the document.

    Parameters
    ----------
    data: what was validated.
    at: where it is in the document.
    model: what it was validated against, for the keys that are allowed at its top.
    """
    told: set[tuple[Key, str]] = set()
    for details in error.errors(include_url=False, include_input=False):
        path = _path(details, data)
        if _is_shadow(details, path, told) or (*at, *path) in filled.unset:
            continue
        told.add((path, details["type"]))
        if details["type"] == "several":
            for inner, message in details["ctx"]["faults"]:
                _add(document, (*at, *path, *inner), message, filled, of_key=isinstance(inner[-1], str))
        else:
            _one(document, details, data, at, path, model, filled)


def _one(
    document: Document, details: ErrorDetails, data: Any, at: Key, path: Key, model: type[BaseModel], filled: Filled
) -> None:
    name = str(details["loc"][-1]) if details["loc"] else ""
    if details["type"] == "extra_forbidden":
        allowed = allowed_keys(_model_at(model, path[:-1]))
        hint = near(name, allowed) or (
            f"; allowed here: {listing(allowed)}" if allowed else "; nothing further is allowed here"
        )
        document.fault(document.place((*at, *path), of_key=True), f"unknown key `{name}`{hint}")
    elif details["type"] == "missing":
        within = _shown((*at, *path))
        where = f" in {within}" if within else ""
        document.fault(document.place((*at, *path), of_key=True), f"the key `{name}` is missing{where}")
    elif details["type"] == "rule":
        _add_rule_fault(document, details, (*at, *path), filled, _value(data, path))
    else:
        _add(document, (*at, *path), _words(details, _value(data, path)), filled, raw=_value(data, path))


def _add_rule_fault(document: Document, details: ErrorDetails, key: Key, filled: Filled, text: Any) -> None:
    offset, message = details["ctx"]["offset"], details["ctx"]["message"]
    if filled.covers(key):
        message = _QUOTED.sub("`…`", message)
    place = document.place(key) if offset is None else document.place_within(key, text, offset)
    document.fault(place, message)


def _add(document: Document, key: Key, message: str, filled: Filled, *, of_key: bool = False, raw: Any = None) -> None:
    if filled.covers(key):
        message = _QUOTED.sub("`…`", message)
        if isinstance(raw, str):
            message = message.replace(raw, "…")
    if key and message.startswith(("must", "not ", "too ")):
        verb = "" if message.startswith("must") else "is "
        message = f"{_subject(key)} {verb}{message}"
    document.fault(document.place(key, of_key=of_key), message)


def _subject(key: Key) -> str:
    """What a sentence is about: a key, or an entry of the list under a key."""
    name = next((part for part in reversed(key) if isinstance(part, str)), "")
    return f"entry {key[-1] + 1} of `{name}`" if isinstance(key[-1], int) else f"`{name}`"


def _path(details: ErrorDetails, data: Any) -> Key:
    """Where in the data an error is: its location without the names of alternatives, and without a missing key."""
    path: list[str | int] = []
    for part in details["loc"]:
        within = isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)
        if within or (isinstance(data, Mapping) and part in data):
            data = data[part]
            path.append(part)
    return tuple(path)


def _is_shadow(details: ErrorDetails, path: Key, told: set[tuple[Key, str]]) -> bool:
    """Whether this follows from what was told: a second alternative, or a list too short without its faulty items."""
    if details["type"] == "missing":
        return False
    followed = path if details["type"] == "too_short" else None
    return any(where == path or where[: len(path)] == followed for where, _ in told)


def _value(data: Any, path: Key) -> Any:
    for part in path:
        data = data[part]
    return data


def _shown(key: Key) -> str:
    """Where something is, for a sentence: `services.live`, or entry 2 of `watches`."""
    if key and isinstance(key[-1], int):
        return _subject(key)
    names: list[str] = []
    for part in key:
        names = [*names, part] if isinstance(part, str) else []
    return f"`{'.'.join(names)}`" if names else ""


def allowed_keys(model: type[BaseModel] | None) -> list[str]:
    """The keys that a model takes, `x_file` included."""
    if model is None:
        return []
    secrets = secret_fields(model)
    return [
        written for key, _ in written_fields(model) for written in ((key, f"{key}_file") if key in secrets else (key,))
    ]


def _model_at(model: type[BaseModel] | None, path: Key) -> type[BaseModel] | None:
    for part in path:
        if model is None:
            return None
        if isinstance(part, str):
            info = model.model_fields.get(part)
            model = next(iter(models_in(info.annotation)), None) if info else None
    return model


def _words(details: ErrorDetails, value: Any) -> str:
    """An error of a value as a sentence that begins with "must", or as the check itself put it."""
    kind, context = details["type"], details.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if value is None or value == "":
        return "must not be empty"
    if kind in _TYPES:
        return f"must be {_TYPES[kind]}{_quotes_hint(kind, value)}"
    if kind in _BOUNDS:
        sign, words = _BOUNDS[kind]
        limit = context[sign]
        # Of a duration, the limit is told as Python would write it.
        return f"must be {words} {limit:g}" if isinstance(limit, int | float) else f"must be {words} its limit"
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context["expected"]))
        hint = near(value, choices) if isinstance(value, str) else ""
        return f"must be one of {listing(choices)}{hint}"
    if kind in ("too_short", "string_too_short"):
        return (
            "must not be empty" if context["min_length"] == 1 else f"must have at least {context['min_length']} parts"
        )
    if kind in ("too_long", "string_too_long"):
        return f"must not be longer than {context['max_length']}"
    if kind == "string_pattern_mismatch":
        return f"must match the regular expression {context['pattern']}"
    return "must be something else: " + details["msg"][:1].lower() + details["msg"][1:]


def _quotes_hint(kind: str, value: Any) -> str:
    if kind in ("string_type", "is_instance_of") and isinstance(value, int | float):
        return "; put it in quotes"
    if kind == "bool_type" and isinstance(value, str):
        return "; yes, no, on and off are text here"
    if kind in ("list_type", "tuple_type") and not isinstance(value, dict):
        return "; write it as [ … ]"
    return ""


_MAPPING = "a mapping of keys and values"
_TYPES = {
    "string_type": "text",
    "is_instance_of": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "path_type": "the path of a file",
    "time_delta_type": "a duration, such as 30s, 5m, 2h or 1d",
}
_BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
