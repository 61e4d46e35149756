"""The reference of the notifiers says what their settings models say."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ampel_watch.plugin_manager import PluginManager
from ampel_watch.settings import secret_fields
from ampel_watch.testing import NotifierConformance, notifier_context

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference" / "notifiers.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to" / "write-a-notifier.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([\w.]+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
KEYS = "console", "email", "slack", "webhook"


@pytest.fixture(scope="module")
def manager() -> PluginManager:
    manager = PluginManager()
    manager.load()
    return manager


def section(kind: str) -> str:
    return REFERENCE.split(f"\n## {kind}\n")[1].split("\n## ")[0]


def rows_of(model: type[BaseModel], prefix: str = "") -> dict[str, tuple[str, str]]:
    rows: dict[str, tuple[str, str]] = {}
    for name, info in model.model_fields.items():
        key = prefix + (info.alias or name)
        nested = (
            info.annotation if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel) else None
        )
        secret = (
            ", secret" if (info.alias or name) in secret_fields(model) and "dict" not in str(info.annotation) else ""
        )
        rows[key] = ("as below" if nested else default_of(info) + secret, info.description or "")
        rows |= rows_of(nested, f"{key}.") if nested else {}
    return rows


def default_of(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    if info.default is None or info.default_factory is not None:
        return "none"
    return f"`{info.default.total_seconds():g}s`" if isinstance(info.default, timedelta) else f"`{info.default}`"


@pytest.mark.parametrize("kind", KEYS)
def test_every_setting_is_documented_with_its_default(manager: PluginManager, kind: str) -> None:
    documented = {name: (default, meaning) for name, default, meaning in ROW.findall(section(kind))}
    expected = rows_of(manager.notifier_kinds()[kind].settings)
    without_choices = {
        name: (default, re.sub(r" \(`none`.*?\)", "", meaning)) for name, (default, meaning) in documented.items()
    }
    assert {name: row for name, row in without_choices.items() if name in expected} == expected
    assert not {name for name in documented if name.split(".")[0] not in expected}


@pytest.mark.parametrize("kind", KEYS)
def test_the_examples_are_valid(manager: PluginManager, kind: str) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", section(kind), re.DOTALL)
    for receiver in yaml.safe_load(example.replace("${SLACK_WEBHOOK_URL}", "https://hooks.example"))[
        "receivers"
    ].values():
        assert receiver.pop("notifier") == kind
        manager.notifier_kinds()[kind].settings.model_validate(receiver)


async def test_the_notifier_of_the_how_to_is_a_plugin() -> None:
    code = re.findall(r"```python\n(.*?)```", HOW_TO, re.DOTALL)
    module: dict[str, Any] = {}
    exec(compile(code[0], "write-a-notifier.md", "exec"), module)
    (kind,) = module["register_notifiers"]()
    settings = kind.settings.model_validate({"topic": "https://ntfy.example/topic"})
    notifier = kind.build(settings, notifier_context())
    assert (kind.name, notifier._client) == ("ntfy", None)
    exec(compile(code[1], "write-a-notifier.md", "exec"), module)
    assert issubclass(module["TestNtfy"], NotifierConformance)
