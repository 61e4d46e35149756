"""`plugins` and `test-notify`."""

import json
from pathlib import Path

from tests.cli.command import Desk, Ran, closed_port
from tests.services.wire import Wire, fault, reply

MOON = """
from pydantic import Field
from ampel_watch.api import EnricherKind, RuleName, Secret, Settings, hookimpl


class MoonSettings(Settings):
    limit_deg: float = Field(5.0, description="how near")
    key: Secret | None = Field(None, description="a secret")


@hookimpl
def register_enrichers():
    return [EnricherKind("moon", MoonSettings, print, "the Moon")]


@hookimpl
def register_rule_names():
    return [
        RuleName("moon_up", "a condition", "", "whether the Moon is up", "not moon_up", "moon"),
        RuleName("moon_sep_deg", "a number", "deg", "angle to the Moon", "moon_sep_deg > 30", "moon"),
    ]
"""
BROKEN = "raise LookupError('it has lost its way')\n"


def install(folder: Path, name: str, code: str) -> None:
    """A package as an installer leaves it: a module, and a note of its entry point."""
    (folder / f"{name}.py").write_text(code)
    notes = folder / f"{name}-1.5.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    (notes / "entry_points.txt").write_text(f"[ampel_watch]\n{name} = {name}\n")


def test_our_own_plugins_are_loaded(run):
    found = run("plugins", "--json")
    assert (found.code, found.err) == (0, "")
    plugins = [json.loads(line) for line in found.out.splitlines()]
    assert [(p["name"], p["state"], p["notifiers"]) for p in plugins] == [
        (name, "loaded", [name]) for name in ("console", "email", "slack", "webhook")
    ]


def test_for_a_person_there_is_a_table(run):
    lines = run("plugins").out.splitlines()
    assert lines[0] == "name\tstate\tadds\tfrom\terror"
    assert lines[1].startswith("console\tloaded\tnotifier console\tampel_watch_console ")


def test_a_broken_plugin_is_named_and_stops_nothing(desk: Desk):
    install(desk.folder, "lost", BROKEN)
    desk.environ["PYTHONPATH"] = str(desk.folder)
    found = desk.run("plugins", "--json")
    assert found.code == 1
    *ours, lost = (json.loads(line) for line in found.out.splitlines())
    assert [plugin["state"] for plugin in ours] == ["loaded"] * 4
    assert (lost["name"], lost["state"], lost["version"]) == ("lost", "broken", "1.5")
    assert lost["error"] == "LookupError: it has lost its way"
    desk.write("receivers:\n  here: {notifier: console}\n")
    assert desk.run("check").code == 0


def test_the_enrichers_and_rule_names_of_a_plugin_are_shown(desk: Desk):
    install(desk.folder, "moon", MOON)
    desk.environ["PYTHONPATH"] = str(desk.folder)
    *_, moon = (json.loads(line) for line in desk.run("plugins", "--json").out.splitlines())
    assert (moon["name"], moon["notifiers"], moon["enrichers"], moon["rule_names"]) == (
        "moon",
        [],
        ["moon"],
        ["moon_up", "moon_sep_deg"],
    )
    *_, line = desk.run("plugins").out.splitlines()
    assert line == "moon\tloaded\tenricher moon; rule names moon_up, moon_sep_deg\tmoon 1.5\t"


def check_rule(desk: Desk, rule: str, enrichers: str) -> Ran:
    install(desk.folder, "moon", MOON)
    desk.environ["PYTHONPATH"] = str(desk.folder)
    desk.write(
        "services: {live: {url: 'https://live.example.org'}}\n"
        "receivers:\n  here: {notifier: console}\n"
        "watches:\n  - name: dark\n    channels: [BTS]\n    notify: [here]\n"
        f"    when: mag < 19 and {rule}\n{enrichers}"
    )
    return desk.run("check")


def test_a_rule_with_a_name_of_an_enricher_that_is_switched_on_is_good(desk: Desk):
    assert check_rule(desk, "moon_sep_deg > 30", "enrichers:\n  moon: {limit_deg: 3.0}\n").code == 0


def test_a_rule_with_a_name_of_an_enricher_that_is_switched_off_is_a_fault(desk: Desk):
    found = check_rule(desk, "moon_sep_deg > 30", "")
    assert found.code == 78
    assert "config.yaml:8:24: " in found.out
    assert "`moon_sep_deg` comes from the enricher `moon`, which is not switched on; add `moon: {}`" in found.out


def test_a_misspelt_name_of_a_plugin_is_a_fault_with_a_suggestion(desk: Desk):
    found = check_rule(desk, "moon_sepp_deg > 30", "enrichers: {moon: {}}\n")
    assert found.code == 78
    assert "config.yaml:8:24: unknown name `moon_sepp_deg`; did you mean `moon_sep_deg`?" in found.out


def test_a_sample_is_marked_as_a_test(desk, run, background):
    wire = background.serve(Wire(reply({})))
    desk.write(f"receivers:\n  hook: {{notifier: webhook, url: '{wire.url}'}}\n")
    assert run("test-notify", "hook") == Ran(0, "hook: a sample event was sent\n", "")
    (received,) = wire.requests
    assert json.loads(received.body)["test"] is True
    assert not desk.state.exists()


def test_a_sample_on_the_console_is_marked_as_a_test(desk, run):
    desk.write("receivers:\n  here: {notifier: console}\n")
    found = run("test-notify", "here")
    assert found.code == 0
    assert "test" in found.out.lower()


def test_a_receiver_that_does_not_exist_is_wrong_usage(desk, run):
    desk.write("receivers:\n  here: {notifier: console}\n")
    found = run("test-notify", "there")
    assert (found.code, found.out) == (2, "")
    assert "there is no receiver 'there'; configured: here" in found.err


def test_a_sample_that_may_come_through_later_is_one_line(desk, run, background):
    wire = background.serve(Wire(fault()))
    desk.write(f"receivers:\n  hook: {{notifier: webhook, url: '{wire.url}'}}\n")
    found = run("test-notify", "hook")
    (line,) = found.lines
    assert (found.code, found.out) == (1, "")
    assert line.startswith("ampel-watch: hook: ")
    assert line.endswith("500 Internal Server Error (trying again later may help)")


def test_a_sample_that_is_refused_is_one_line(desk, run, background):
    wire = background.serve(Wire(reply({}, status=404)))
    desk.write(f"receivers:\n  hook: {{notifier: webhook, url: '{wire.url}'}}\n")
    (line,) = run("test-notify", "hook").lines
    assert line.endswith("404 Not Found (trying again cannot help)")


def test_a_receiver_that_cannot_be_reached_is_one_line(desk, run):
    desk.write(f"receivers:\n  hook: {{notifier: webhook, url: 'http://127.0.0.1:{closed_port()}/'}}\n")
    found = run("test-notify", "hook")
    (line,) = found.lines
    assert found.code == 1
    assert "cannot be reached" in line
