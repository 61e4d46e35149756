"""The reference page and the JSON Schema of the configuration, both made from the models. Pure.

`docs/reference/configuration.md` and `docs/reference/config.schema.json` hold what these functions return; a test
fails when they do not.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ampel_watch.config.catalog_table import default_catalogs
from ampel_watch.config.models import FileSettings, WatchSettings
from ampel_watch.config.values import change_kinds, in_words
from ampel_watch.config.watchlist_entries import COLUMNS
from ampel_watch.diff import KINDS
from ampel_watch.protocols import NotifierKind
from ampel_watch.rules import Rule
from ampel_watch.settings import Secret, models_in, parse_rate, types_in, written_fields

_INTRODUCTION = """# Configuration

One YAML file: the one named by `-c`, else by `$AMPEL_WATCH_CONFIG`, else `./config.yaml`, else
`$XDG_CONFIG_HOME/ampel-watch/config.yaml`, else `/etc/ampel-watch/config.yaml`. `config.example.yaml` shows every key.
`ampel-watch check` prints every fault at once as `FILE:LINE:COLUMN: message`. For completion in an editor, begin the
file with `# yaml-language-server: $schema=PATH/config.schema.json`.

- `${NAME}` within a value is read from the environment; the text `${` itself is written `$${`.
- Every *secret* `x` may instead be given as `x_file: PATH`. Secrets are never shown.
- A *duration* is written `30s`, `5m`, `2h` or `1d`, a *rate* `10/s`, `30/m` or `100/h`.
- Only `true`, `false`, numbers and null are no text: `on`, `no`, `12:30` and dates stay as they are written.
- Relative paths are relative to the file that names them.

*This page is generated from the models that check the file.*
"""

_WATCHLISTS = """## Watchlists

A YAML file (`*.yaml`, `*.yml`) holds a list; each entry is a ZTF name or a mapping of the keys below. A CSV file
(`*.csv`, `*.txt`) has the same names as its header, or holds ZTF names alone, one on each line; blank lines and lines
that begin with `#` are skipped. An entry has a `name` or a position.

| key | meaning |
|---|---|
"""
_RULES = """## Rules (`when`)

What rules are made of, and every name that they may use: [Rule names](rule-names.md).
"""
_COLUMN_MEANINGS = {
    "name": "ZTF name",
    "ra_deg": "right ascension, degrees (J2000)",
    "dec_deg": "declination, degrees (J2000)",
    "radius_arcsec": "radius, arcseconds",
    "note": "a remark for yourself",
    "label": "a short name to show",
    "until": "when the entry ends: a date (its end, UTC) or a time (UTC unless it names a zone)",
}


def configuration_page(kinds: Iterable[NotifierKind]) -> str:
    """The reference page, Markdown, with the receivers that `kinds` offers."""
    parts = [_INTRODUCTION, "## Top level\n", _table(FileSettings)]
    for path, model in _sections(FileSettings, ""):
        parts += [f"## `{path}`\n", f"{_doc(model)}\n", _table(model)]
    parts += ["## `watches[]`\n", f"{_doc(WatchSettings)}\n", _table(WatchSettings)]
    for path, model in _sections(WatchSettings, "watches[]."):
        parts += [f"## `{path}`\n", f"{_doc(model)}\n", _table(model)]
    parts += [
        default_catalogs(),
        _change_kinds(),
        _WATCHLISTS + "\n".join(f"| `{c}` | {_COLUMN_MEANINGS[c]} |" for c in COLUMNS) + "\n",
    ]
    for kind in sorted(kinds, key=lambda kind: kind.name):
        parts += [f"## `receivers.*` with `notifier: {kind.name}`\n", f"{kind.summary}\n", _table(kind.settings)]
        for path, model in _sections(kind.settings, f"receivers.* ({kind.name})."):
            parts += [f"## `{path}`\n", f"{_doc(model)}\n", _table(model)]
    parts.append(_RULES)
    return "\n".join(parts)


def _sections(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models below a model, each with the path of its key."""
    for key, info in written_fields(model):
        for inner in models_in(info.annotation):
            path = f"{prefix}{key}{'[]' if _is_list(info.annotation) else ''}"
            yield path, inner
            yield from _sections(inner, f"{path}.")


def _table(model: type[BaseModel]) -> str:
    if not model.model_fields:
        return "No keys.\n"
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, info in written_fields(model):
        meaning = (info.description or "").rstrip(".")
        lines.append(f"| `{key}` | {_type(info)} | {_default(info)} | {_cell(meaning)} |")
    return "\n".join(lines) + "\n"


def _doc(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().split("\n\n")[0]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _is_list(annotation: Any) -> bool:
    return any(get_origin(part) in (tuple, list) for part in types_in(annotation))


def _type(info: FieldInfo) -> str:
    if any(getattr(part, "func", None) is change_kinds for part in info.metadata):
        return "list of kinds of change"
    if any(getattr(part, "func", None) is parse_rate for part in info.metadata):
        return "rate"
    return _type_words(info.annotation)


def _type_words(annotation: Any) -> str:
    if annotation in _WORDS:
        return _WORDS[annotation]
    origin, parts = get_origin(annotation), [part for part in get_args(annotation) if part not in (type(None), ...)]
    if origin is Literal:
        return " \\| ".join(f"`{part}`" for part in parts)
    if origin in (tuple, list):
        return "list of mappings" if parts[0] is Any or models_in(parts[0]) else f"list of {_type_words(parts[0])}"
    if origin in (Union, UnionType, Annotated):
        return _type_words(parts[0])
    return "mapping" if origin in (dict, Mapping) or models_in(annotation) else "anything"


_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    timedelta: "duration",
    datetime: "date or time",
    Secret: "secret",
    Path: "path",
    ZoneInfo: "time zone",
    Rule: "rule",
}


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    default = info.default
    if isinstance(default, timedelta):
        return f"`{in_words(default)}`"
    if isinstance(default, float) and _type(info) == "rate":
        return f"`{default:g}/s`"
    if isinstance(default, bool | str | int | float | ZoneInfo):
        return f"`{str(default).lower() if isinstance(default, bool) else default}`"
    return ""


def _change_kinds() -> str:
    lines = ["## Kinds of change (`on`)\n", "| kind | threshold | by default | when |", "|---|---|---|---|"]
    for kind in KINDS.values():
        threshold = f"{kind.threshold_mag:g} mag" if kind.threshold_mag else ""
        lines.append(f"| `{kind.name}` | {threshold} | {'yes' if kind.by_default else 'no'} | {kind.meaning} |")
    return "\n".join(lines) + "\n"


def json_schema(kinds: Iterable[NotifierKind]) -> str:
    """The JSON Schema for editors, as the text of its file."""
    schema = FileSettings.model_json_schema()
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    schema["properties"]["watches"]["items"] = _adopt(definitions, WatchSettings, "")
    receivers = [_receiver(definitions, kind) for kind in sorted(kinds, key=lambda kind: kind.name)]
    schema["properties"]["receivers"]["additionalProperties"] = {"oneOf": receivers}
    for part in (schema, *definitions.values()):
        _tidy(part)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Configuration of ampel-watch"}
    return json.dumps(head | schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _adopt(definitions: dict[str, Any], model: type[BaseModel], prefix: str) -> dict[str, Any]:
    """Put a model and those within it among the definitions; a reference to it."""
    part = model.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}")
    inner: dict[str, Any] = part.pop("$defs", {})
    definitions.update({f"{prefix}{name}": definition for name, definition in inner.items()})
    definitions[f"{prefix}{model.__name__}"] = part
    return {"$ref": f"#/$defs/{prefix}{model.__name__}"}


def _receiver(definitions: dict[str, Any], kind: NotifierKind) -> dict[str, Any]:
    reference = _adopt(definitions, kind.settings, f"{kind.name}.")
    settings = definitions[f"{kind.name}.{kind.settings.__name__}"]
    settings.setdefault("properties", {})["notifier"] = {"const": kind.name, "description": kind.summary}
    settings["required"] = ["notifier", *settings.get("required", [])]
    return reference


def _tidy(part: dict[str, Any]) -> None:
    """Say what the file takes: `x_file` beside each secret `x`, and no defaults in another form than the file's."""
    part.pop("title", None)
    properties: dict[str, Any] = part.get("properties", {})
    for name, schema in list(properties.items()):
        for word in ("title", "gt"):
            schema.pop(word, None)
        if _holds(schema, "writeOnly"):
            properties[f"{name}_file"] = {"type": "string", "description": f"File that holds `{name}`"}
            part["required"] = [key for key in part.get("required", []) if key != name]
        default = schema.get("default")
        if default is None or (schema.get("type") == "string" and not _is_plain_text(default)):
            schema.pop("default", None)


def _holds(schema: Mapping[str, Any], word: str) -> bool:
    return word in schema or any(word in part for part in schema.get("anyOf", ()))


def _is_plain_text(default: Any) -> bool:
    """Whether a default is text of its own, and not a duration in ISO notation."""
    return isinstance(default, str) and not (default[:1] in ("P", "-") and default[-1:].isupper())
