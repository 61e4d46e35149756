"""The reference says what the program does: commands, settings, hooks, kinds of change, events, exit codes."""

import inspect
import json
import re
import runpy

import pluggy
import pytest

from ampel_watch import errors, hookspecs
from ampel_watch.cli import cli
from ampel_watch.config.models import FileSettings, WatchSettings
from ampel_watch.config.reference import configuration_page, json_schema
from ampel_watch.diff import KINDS
from ampel_watch.model import Event
from ampel_watch.plugin_manager import PluginManager
from ampel_watch.rules import FUNCTIONS, RULE_NAMES
from ampel_watch.rules.reference import rule_names_page
from ampel_watch.settings import models_in, written_fields
from ampel_watch.testing import sample_event, sample_events
from tests.docs.pages import ROOT, text_of

REFERENCE = "docs/reference"
CONTRACTS = text_of("pyproject.toml").split("layers = [")[1].split("]")[0]


@pytest.fixture(scope="module")
def kinds():
    manager = PluginManager()
    manager.load()
    return list(manager.notifier_kinds().values())


def section(page, heading):
    return text_of(page).split(f"\n## {heading}\n")[1].split("\n## ")[0]


def first_cells(text):
    """The names in the first column of the tables, without those in their heads."""
    return {name for cell in re.findall(r"^\| (`.+?) \|", text, re.MULTILINE) for name in re.findall(r"`(.+?)`", cell)}


def test_the_page_of_the_commands_is_what_its_generator_makes():
    generator = runpy.run_path(str(ROOT / REFERENCE / "generate_commands.py"))
    assert text_of(f"{REFERENCE}/commands.md") == generator["commands_page"](cli)


def test_the_page_of_the_configuration_is_what_its_generator_makes(kinds):
    assert text_of(f"{REFERENCE}/configuration.md") == configuration_page(kinds)
    assert text_of(f"{REFERENCE}/config.schema.json") == json_schema(kinds)


def test_the_page_of_the_rule_names_is_what_its_generator_makes():
    assert text_of(f"{REFERENCE}/rule-names.md") == rule_names_page()


def test_every_rule_name_is_documented_once_with_its_example():
    rows = re.findall(r"^\| `(\w+)` \|.*\|$", text_of(f"{REFERENCE}/rule-names.md"), re.MULTILINE)
    assert sorted(rows) == sorted([*RULE_NAMES, *FUNCTIONS])
    page = text_of(f"{REFERENCE}/rule-names.md")
    assert not [name.name for name in RULE_NAMES.values() if f"| {name.meaning} | `{name.example}` |" not in page]


@pytest.mark.parametrize("verb", sorted(cli.commands))
def test_every_verb_is_documented_with_its_options(verb):
    documented = section(f"{REFERENCE}/commands.md", verb)
    names = {name for parameter in cli.commands[verb].params for name in parameter.opts}
    assert all(name in documented.lower() for name in names)


def test_every_verb_says_what_it_does():
    assert not [verb for verb, command in cli.commands.items() if not (command.help or "").strip()]


def settings_of(model):
    for key, info in written_fields(model):
        yield key, info.description
        for nested in models_in(info.annotation):
            yield from settings_of(nested)


@pytest.mark.parametrize("model", [FileSettings, WatchSettings])
def test_every_setting_is_documented_with_its_meaning(model):
    page = text_of(f"{REFERENCE}/configuration.md")
    found = list(settings_of(model))
    assert found
    assert not [(name, meaning) for name, meaning in found if f"| `{name}` |" not in page or not meaning]
    assert not [name for name, meaning in found if f"| {meaning} |" not in page]


def test_every_setting_of_a_notifier_is_documented(kinds):
    page = f"{REFERENCE}/notifiers.md"
    for kind in kinds:
        names = {name.rsplit(".", 1)[-1] for name in first_cells(section(page, kind.name))}
        assert {name for name, _ in settings_of(kind.settings)} <= names


def test_every_hook_is_documented_with_what_it_gets():
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    page = text_of(f"{REFERENCE}/hooks.md")
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \| (.+?) \|", page, re.MULTILINE)}
    specified = {name for name in vars(manager.hook) if not name.startswith("_")}
    assert rows.keys() == specified
    for name in specified:
        gets = inspect.signature(getattr(hookspecs, name)).parameters
        assert all(f"`{parameter}`" in rows[name] for parameter in gets)


def test_every_kind_of_change_is_documented():
    assert first_cells(section(f"{REFERENCE}/configuration.md", "Kinds of change (`on`)")) == set(KINDS)


def test_what_a_change_holds_is_documented_for_every_kind():
    page = text_of(f"{REFERENCE}/events.md").split("### Change, by kind")[1].split("\n### ")[0]
    assert first_cells(page) == set(KINDS)
    for event in sample_events():
        (row,) = re.findall(rf"^\| [^|]*`{event.kind}`.*$", page, re.MULTILINE)
        documented = row if event.kind not in ("brightening", "fading") else page
        assert not [name for name in (*event.before, *event.after) if f"`{name}" not in documented]


def event_fields(document):
    for name, value in document.items():
        if name in ("stock", "change"):
            yield from (f"{name}.{part}" for part in value)
        else:
            yield name


def test_every_field_of_an_event_is_documented():
    documented = first_cells(section(f"{REFERENCE}/events.md", "The event").split("### ")[0])
    assert documented == set(event_fields(sample_event(test=True).to_json()))


def test_the_example_of_an_event_is_one():
    (example,) = re.findall(r"```json\n(.*?)```", text_of(f"{REFERENCE}/events.md"), re.DOTALL)
    document = json.loads(example)
    assert Event.from_json(document).to_json() == document == sample_event(document["kind"]).to_json()


def test_every_exit_code_is_documented():
    of_errors = {error.exit_code for error in vars(errors).values() if hasattr(error, "exit_code")}
    documented = re.findall(r"^\| (\d+) \|", section(f"{REFERENCE}/events.md", "Exit codes"), re.MULTILINE)
    assert {str(code) for code in of_errors | {0, 2, 130}} == set(documented)


def test_the_page_of_the_architecture_names_the_floors_in_their_order():
    floors = [set(floor.split(" | ")) for floor in re.findall(r'"([^"]+)"', CONTRACTS)]
    page = section("docs/architecture.md", "The floors")
    rows = [set(re.findall(r"`(\w+)`", cell)) for cell in re.findall(r"^\| (`.+?) \|", page, re.MULTILINE)]
    assert rows == floors
