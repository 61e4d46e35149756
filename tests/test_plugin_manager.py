"""Loading plugins, calling their hooks, and surviving what is wrong with them."""

import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ampel_watch.api import DeliveryReport, Event, NotifierKind, Settings, hookimpl
from ampel_watch.plugin_manager import LoadedPlugin, PluginManager
from ampel_watch.rules import RULE_NAMES
from ampel_watch.testing import sample_event

REPORT = DeliveryReport("e1", "w", "r", "delivered", 1)
HEAD = "from ampel_watch.api import *\nfrom ampel_watch.api import hookimpl\n"
KIND = "NotifierKind('{name}', Settings, print, 'summary')"
ENRICHER = "@hookimpl\ndef register_enrichers():\n    return [EnricherKind('moon', Settings, print, 'summary')]\n"
NAMED = (
    "@hookimpl\ndef register_rule_names():\n"
    "    return [RuleName('moon_sep_deg', 'a number', 'deg', 'an angle', 'moon_sep_deg > 30', 'moon')]\n"
)
MOON = HEAD + ENRICHER + NAMED
GOOD = HEAD + "@hookimpl\ndef register_notifiers():\n    return [" + KIND.format(name="good") + "]\n"


class Installed:
    """A stand-in for the installed plugins: modules written to a folder, and objects."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._monkeypatch = folder, monkeypatch
        self.entries: list[EntryPoint] = []
        monkeypatch.syspath_prepend(str(folder))

    def module(self, name: str, code: str) -> None:
        module = f"{self._folder.name.replace('-', '_')}_{name.replace('-', '_')}"
        (self._folder / f"{module}.py").write_text(code)
        self.entries.append(EntryPoint(name, module, "ampel_watch"))

    def object(self, name: str, plugin: object) -> None:
        module = ModuleType(f"in_memory_{name}")
        module.plugin = plugin  # type: ignore[attr-defined]
        self._monkeypatch.setitem(sys.modules, module.__name__, module)
        self.entries.append(EntryPoint(name, f"{module.__name__}:plugin", "ampel_watch"))

    def loaded(self, disabled: Iterable[str] = ()) -> PluginManager:
        manager = PluginManager(lambda: self.entries)
        manager.load(tuple(disabled))
        return manager


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    return Installed(tmp_path, monkeypatch)


def found(manager: PluginManager, name: str) -> LoadedPlugin:
    (plugin,) = [plugin for plugin in manager.loaded() if plugin.name == name]
    return plugin


def test_our_own_notifiers_are_found_as_a_strangers_would_be() -> None:
    manager = PluginManager()
    manager.load()
    assert manager.notifier_kinds().keys() >= {"console", "email", "slack", "webhook"}
    plugin = found(manager, "slack")
    assert (plugin.state, plugin.distribution, plugin.notifiers) == ("loaded", "ampel-watch", ("slack",))
    assert plugin.version


def test_a_sound_plugin_is_loaded(installed: Installed) -> None:
    installed.module("good", GOOD)
    manager = installed.loaded()
    assert found(manager, "good").state == "loaded"
    assert found(manager, "good").notifiers == ("good",)
    assert manager.notifier_kinds()["good"].settings is Settings


BROKEN = {
    "no-such-import": ("import no_such_module_anywhere", "ModuleNotFoundError"),
    "no-syntax": ("def", "SyntaxError"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3"),
    "misspelt": (HEAD + "@hookimpl\ndef register_notifers():\n    return []", "register_notifers"),
    "odd-argument": (HEAD + "@hookimpl\ndef event_created(happening): ...", "happening"),
    "asynchronous": (HEAD + "@hookimpl\nasync def event_created(event): ...", "event_created is async"),
    "wrapping": (HEAD + "@hookimpl(wrapper=True)\ndef event_created(event):\n    yield", "wrappers are not supported"),
    "raising": (HEAD + "@hookimpl\ndef register_notifiers():\n    return [1 / 0]", "ZeroDivisionError"),
    "late-raising": (HEAD + "@hookimpl\ndef register_notifiers():\n    yield 1 / 0", "ZeroDivisionError"),
    "returns-none": (HEAD + "@hookimpl\ndef register_notifiers(): ...", "returned NoneType"),
    "returns-text": (HEAD + "@hookimpl\ndef register_notifiers():\n    return 'slack'", "returned str"),
    "returns-names": (HEAD + "@hookimpl\ndef register_notifiers():\n    return ['slack']", "returned a str"),
    "bad-name": (GOOD.replace("'good'", "'My Kind'"), "'My Kind' is no name"),
    "bad-settings": (GOOD.replace("Settings, print", "dict, print"), "do not derive"),
    "bad-build": (GOOD.replace("print", "5"), "cannot be called"),
    "bad-concurrency": (GOOD.replace("'summary'", "'summary', concurrency=0"), "concurrency"),
    "taken": (GOOD, "'good' is already taken"),
    "twice": (
        GOOD.replace("]\n", ", " + KIND.format(name="good") + "]\n").replace("good", "two"),
        "'two' is already taken",
    ),
}

BROKEN_ENRICHERS = {
    "e-raising": (MOON.replace("[EnricherKind", "[1 / 0, EnricherKind"), "ZeroDivisionError"),
    "e-text": (MOON.replace("[EnricherKind", "['moon', EnricherKind"), "returned a str in place of EnricherKind"),
    "e-name": (MOON.replace("EnricherKind('moon'", "EnricherKind('The Moon'"), "'The Moon' is no name for an enricher"),
    "e-service": (MOON.replace("EnricherKind('moon'", "EnricherKind('archive'"), "'archive' is the name of a service"),
    "e-timeout": (MOON.replace("'summary'", "'summary', timeout_s=0"), "`timeout_s` of moon is 0"),
    "e-build": (MOON.replace("print", "5"), "`build` of moon cannot be called"),
    "e-taken": (MOON + NAMED.replace("moon_sep_deg", "other"), "'moon' is already taken"),
    "n-taken": (
        MOON.replace("'moon'", "'sun'"),
        "the rule name 'moon_sep_deg' is already taken",
    ),
    "n-ours": (MOON.replace("moon_sep_deg", "mag").replace("'moon'", "'sun'"), "the rule name 'mag' is already taken"),
    "n-function": (
        MOON.replace("moon_sep_deg", "catalog").replace("'moon'", "'sun'"),
        "the rule name 'catalog' is already taken",
    ),
    "n-upper": (MOON.replace("moon_sep_deg", "Moon").replace("'moon'", "'sun'"), "'Moon' is no name for rules"),
    "n-dotted": (
        MOON.replace("moon_sep_deg", "moon.sep").replace("'moon'", "'sun'"),
        "'moon.sep' is no name for rules",
    ),
    "n-keyword": (MOON.replace("moon_sep_deg", "not").replace("'moon'", "'sun'"), "'not' is no name for rules"),
    "n-word": (MOON.replace("moon_sep_deg", "while").replace("'moon'", "'sun'"), "'while' is no name for rules"),
    "n-null": (MOON.replace("moon_sep_deg", "null").replace("'moon'", "'sun'"), "'null' is no name for rules"),
    "n-type": (
        HEAD + ENRICHER.replace("moon", "sun") + NAMED.replace("a number", "float").replace("moon", "sun"),
        "the type of sun_sep_deg is 'float'",
    ),
    "n-unit": (
        HEAD + ENRICHER.replace("moon", "sun") + NAMED.replace("'deg'", "None").replace("moon", "sun"),
        "the parts of the rule name 'sun_sep_deg' are not all text",
    ),
    "n-source": (
        HEAD + ENRICHER.replace("moon", "sun") + NAMED.replace("moon_", "sun_"),
        "the source of sun_sep_deg is 'moon', no enricher of this plugin",
    ),
    "n-example": (
        MOON.replace("moon", "sun").replace("> 30", "> band"),
        "the example of sun_sep_deg is no rule: `sun_sep_deg` is a number and cannot be compared with `band`",
    ),
    "n-other-example": (
        MOON.replace("moon", "sun").replace("sun_sep_deg > 30", "mag > 30"),
        "the example of sun_sep_deg does not use it",
    ),
}


@pytest.mark.parametrize("name", BROKEN_ENRICHERS)
def test_a_plugin_with_an_unsound_enricher_or_rule_name_is_named_and_skipped(installed: Installed, name: str) -> None:
    code, reason = BROKEN_ENRICHERS[name]
    taken = name in ("e-taken", "n-taken")
    if taken:
        installed.module("a-moon", MOON)
    installed.module(name, code)
    manager = installed.loaded()
    broken = found(manager, name)
    assert (broken.state, broken.enrichers, broken.rule_names) == ("broken", (), ())
    assert reason in (broken.error or "")
    assert manager.enricher_kinds().keys() == ({"moon"} if taken else set())
    assert manager.rule_names().keys() - RULE_NAMES.keys() == ({"moon_sep_deg"} if taken else set())


def test_enrichers_and_rule_names_of_plugins_are_found(installed: Installed) -> None:
    installed.module("moon", MOON)
    manager = installed.loaded()
    plugin = found(manager, "moon")
    assert (plugin.notifiers, plugin.enrichers, plugin.rule_names) == ((), ("moon",), ("moon_sep_deg",))
    assert manager.enricher_kinds()["moon"].settings is Settings
    assert manager.rule_names()["moon_sep_deg"].source == "moon"
    assert manager.rule_names().items() >= RULE_NAMES.items()


def test_without_plugins_the_rule_names_are_our_own(installed: Installed) -> None:
    manager = installed.loaded()
    assert manager.rule_names() == RULE_NAMES
    assert manager.enricher_kinds() == {}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_named_and_skipped(
    installed: Installed, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    code, reason = BROKEN[name]
    installed.module("a-good", GOOD)
    installed.module(name, code)
    installed.module("z-good", GOOD.replace("'good'", "'other'"))
    manager = installed.loaded()
    broken = found(manager, name)
    assert broken.state == "broken"
    assert reason in (broken.error or "")
    assert "\n" not in (broken.error or "")
    assert broken.notifiers == ()
    assert manager.notifier_kinds().keys() == {"good", "other"}
    assert [plugin.state for plugin in manager.loaded()].count("loaded") == 2
    assert f"plugin {name} " in caplog.text


def test_a_broken_plugin_observes_nothing(installed: Installed) -> None:
    class Half:
        seen: list[Event] = []  # noqa: RUF012

        @hookimpl
        def register_notifiers(self) -> None:
            return None

        @hookimpl
        def event_created(self, event: Event) -> None:
            self.seen.append(event)

    installed.object("half", Half())
    manager = installed.loaded()
    manager.event_created(sample_event())
    assert found(manager, "half").state == "broken"
    assert not Half.seen


def test_a_class_in_place_of_an_object_is_explained(installed: Installed) -> None:
    installed.object("class", type("Plugin", (), {}))
    assert "must be a module or an object" in (found(installed.loaded(), "class").error or "")


def test_two_plugins_of_one_name_are_not_mixed_up(installed: Installed) -> None:
    installed.module("good", GOOD)
    installed.module("good", GOOD.replace("'good'", "'better'"))
    manager = installed.loaded()
    assert [plugin.state for plugin in manager.loaded()] == ["loaded", "broken"]
    assert "same name" in (manager.loaded()[1].error or "")


def test_a_disabled_plugin_is_not_even_imported(installed: Installed, caplog: pytest.LogCaptureFixture) -> None:
    installed.module("exits", "raise SystemExit(3)")
    manager = installed.loaded(disabled=["exits", "absent"])
    assert found(manager, "exits").state == "disabled"
    assert not manager.notifier_kinds()
    assert "absent is disabled, but no such plugin is installed" in caplog.text


class Observer:
    def __init__(self, fails: bool = False) -> None:
        self.seen: list[Any] = []
        self._fails = fails

    @hookimpl
    def event_created(self, event: Event) -> None:
        self._note(event)

    @hookimpl
    def delivery_finished(self, report: DeliveryReport) -> None:
        self._note(report)

    def _note(self, what: object) -> None:
        self.seen.append(what)
        if self._fails:
            raise RuntimeError("no room left")


@pytest.mark.parametrize("order", ["abc", "bca", "cab"])
def test_an_observer_that_raises_is_named_and_stops_no_other(
    installed: Installed, order: str, caplog: pytest.LogCaptureFixture
) -> None:
    observers = {name: Observer(fails=name == "b") for name in order}
    for name, observer in observers.items():
        installed.object(name, observer)
    manager = installed.loaded()
    manager.event_created(sample_event())
    manager.delivery_finished(REPORT)
    assert [observer.seen for observer in observers.values()] == [[sample_event(), REPORT]] * 3
    assert "plugin b failed in event_created" in caplog.text
    assert "no room left" in caplog.text


def test_an_observer_need_not_take_the_argument(installed: Installed) -> None:
    class Counter:
        count = 0

        @hookimpl
        def event_created(self) -> None:
            self.count += 1

    counter = Counter()
    installed.object("counter", counter)
    installed.loaded().event_created(sample_event())
    assert counter.count == 1


def test_the_table_of_kinds_cannot_be_changed_from_outside(installed: Installed) -> None:
    manager = installed.loaded()
    manager.notifier_kinds()["x"] = NotifierKind("x", Settings, print, "")  # type: ignore[arg-type]
    assert manager.notifier_kinds() == {}
