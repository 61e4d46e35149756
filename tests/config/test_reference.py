import json
from pathlib import Path
from typing import Any

import pytest

from ampel_watch.config import Config, load_config
from ampel_watch.config.models import FileSettings, WatchSettings
from ampel_watch.config.reference import configuration_page, json_schema
from ampel_watch.config.yaml_positions import read_yaml
from ampel_watch.diff import KINDS as CHANGES
from ampel_watch.plugin_manager import PluginManager
from ampel_watch.protocols import NotifierKind
from tests.config.conftest import KINDS

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.yaml"
REFERENCE = ROOT / "docs" / "reference"
ENVIRON = {
    "AMPEL_LIVE_TOKEN": "live-token",
    "AMPEL_ARCHIVE_TOKEN": "archive-token",
    "SLACK_BOT_TOKEN": "xoxb-token",
    "HOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "HEARTBEAT_URL": "https://ping.example.org/1234",
}


@pytest.fixture(scope="module")
def kinds() -> dict[str, NotifierKind]:
    manager = PluginManager()
    manager.load()
    return dict(manager.notifier_kinds())


@pytest.fixture
def example(tmp_path: Path, kinds: dict[str, NotifierKind]) -> Config:
    file = tmp_path / "config.yaml"
    file.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "watchlists").mkdir()
    (tmp_path / "watchlists/tde.yaml").write_text("- ZTF21aaqhhfu\n")
    (tmp_path / "watchlists/sn.csv").write_text("name,note\nZTF20abcdefg,x\n")
    return load_config(file, kinds=kinds, environ=ENVIRON)


def test_the_example_is_a_configuration(example: Config) -> None:
    assert [watch.name for watch in example.watches] == ["infant-sne", "my-sources"]
    assert [stock.name for stock in example.watches[1].stocks] == ["ZTF21aaqhhfu", "ZTF19aapreis", "ZTF20abcdefg"]
    assert {receiver.kind.name for receiver in example.receivers.values()} == {"slack", "email", "webhook", "console"}


def test_the_example_shows_no_secret(example: Config) -> None:
    shown = f"{example!r}{example.receivers!r}{example.services!r}{example.notes!r}"
    assert not [value for value in ENVIRON.values() if value in shown]


def test_the_example_has_every_key() -> None:
    text, data = EXAMPLE.read_text(encoding="utf-8"), read_yaml(EXAMPLE).data
    written = set(keys(data))
    for model in (FileSettings, WatchSettings):
        assert set(model.model_fields) <= written
    for service in ("live", "archive", "catalog"):
        model = type_of(FileSettings, "services", service)
        assert set(model.model_fields) - set(data["services"][service]) <= {"token", "proxy"}
    assert all(key in text for key in ("proxy:", "token_file:", "webhook_url:", "password_file:"))


def keys(data: Any) -> list[str]:
    if isinstance(data, dict):
        return [found for key, value in data.items() for found in (key, *keys(value))]
    return [found for item in data for found in keys(item)] if isinstance(data, list) else []


def type_of(model: Any, *path: str) -> Any:
    for part in path:
        annotation = model.model_fields[part].annotation
        model = next((a for a in getattr(annotation, "__args__", ()) if hasattr(a, "model_fields")), annotation)
    return model


def test_the_committed_reference_is_the_generated_one(kinds: dict[str, NotifierKind]) -> None:
    advice = "run: python docs/reference/generate_configuration.py"
    page = (REFERENCE / "configuration.md").read_text(encoding="utf-8")
    schema = (REFERENCE / "config.schema.json").read_text(encoding="utf-8")
    assert page == configuration_page(kinds.values()), advice
    assert schema == json_schema(kinds.values()), advice


def test_every_key_has_a_meaning() -> None:
    page = configuration_page(KINDS.values())
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert not [row for row in rows if row.endswith("|  |")]
    assert "anything" not in page


def test_the_page_has_every_kind_of_change_and_leads_to_the_rule_names() -> None:
    page = configuration_page(())
    assert all(f"| `{name}` |" in page for name in CHANGES)
    assert "(rule-names.md)" in page


def test_the_schema_takes_what_the_loader_takes() -> None:
    schema = json.loads(json_schema(KINDS.values()))
    definitions = schema["$defs"]
    assert set(schema["properties"]) == set(FileSettings.model_fields)
    assert set(definitions["WatchSettings"]["properties"]) == set(WatchSettings.model_fields)
    assert definitions["WatchSettings"]["required"] == ["name", "notify"]
    assert {"token", "token_file"} <= set(definitions["LiveSettings"]["properties"])
    assert definitions["HeartbeatSettings"]["required"] == []
    receivers = [part["$ref"] for part in schema["properties"]["receivers"]["additionalProperties"]["oneOf"]]
    assert receivers == [
        f"#/$defs/{name}" for name in ("letter.LetterSettings", "post.PostSettings", "print.NothingSettings")
    ]
    post = definitions["post.PostSettings"]
    assert post["properties"]["notifier"]["const"] == "post"
    assert post["required"] == ["notifier", "url"]
    assert references(schema) <= {f"#/$defs/{name}" for name in definitions}


def references(part: Any) -> set[str]:
    if isinstance(part, dict):
        return {found for key, value in part.items() for found in ({value} if key == "$ref" else references(value))}
    return {found for item in part for found in references(item)} if isinstance(part, list) else set()
