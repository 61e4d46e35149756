"""The enricher that a page shows is loaded, asked and used in a rule as the page says, and asks nobody itself."""

import importlib
import socket
import sys
from datetime import UTC, datetime
from importlib.metadata import EntryPoint

import pytest

from ampel_watch import plugin_manager
from ampel_watch.api import EnricherContext, EventStock, LightCurve, Subject
from ampel_watch.clock import ManualClock
from ampel_watch.config import load_config
from ampel_watch.errors import ConfigError
from ampel_watch.pipeline.enrichers import build_enrichers
from ampel_watch.rules import Verdict
from tests.docs.pages import blocks
from tests.docs.test_examples import completed

PAGE = "docs/how-to/write-an-enricher.md"
PLUGIN, ITS_TEST = (block for block in blocks("python") if block.page == PAGE)
(SETTING,) = (block for block in blocks("yaml") if block.page == PAGE)
AT = datetime(2024, 12, 24, 20, 24, tzinfo=UTC)
SPICA = EventStock("ztf", 119032484, "ZTF21aaqhhfu", 201.298, -11.161)
OF_THE_MOON = {"moon_sep_deg", "moon_illumination"}


@pytest.fixture
def moon(tmp_path, monkeypatch):
    """The module of the page, as a package that can be imported."""
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "moon.py").write_text(PLUGIN.text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("my_package.moon")
    for name in ("my_package", "my_package.moon"):
        sys.modules.pop(name, None)


@pytest.fixture
def plugins(moon):
    entry = EntryPoint("moon", "my_package.moon", "ampel_watch")
    manager = plugin_manager.PluginManager(lambda: [*plugin_manager.installed_plugins(), entry])
    manager.load()
    return manager


@pytest.fixture
def network(monkeypatch):
    """What was tried to reach; empty if nothing was."""
    tried = []

    def refuse(*arguments, **_):
        tried.append(arguments)
        raise OSError("there is no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tried


def load(text, folder, plugins):
    file = folder / "config.yaml"
    file.write_text(completed(text))
    return load_config(
        file,
        kinds=plugins.notifier_kinds(),
        environ={},
        enrichers=plugins.enricher_kinds(),
        rule_names=plugins.rule_names(),
    )


def test_it_is_loaded_as_a_plugin(plugins):
    (plugin,) = [plugin for plugin in plugins.loaded() if plugin.name == "moon"]
    assert (plugin.state, plugin.error, plugin.enrichers) == ("loaded", None, ("moon",))
    assert set(plugin.rule_names) == OF_THE_MOON


def test_its_own_tests_pass(moon, network):
    shown = {}
    exec(compile(ITS_TEST.text, str(ITS_TEST), "exec"), shown)
    tests = [shown[name] for name in shown if name.startswith("test_")]
    assert len(tests) == 3
    for test in tests:
        test()
    assert not network


def test_the_configuration_switches_it_on(plugins, tmp_path):
    config = load(SETTING.text, tmp_path, plugins)
    assert config.enrichers.keys() == {"moon"}
    assert set(config.watches[0].when.names) == {"mag"} | OF_THE_MOON


def test_the_rule_of_the_page_without_the_enricher_is_a_fault(plugins, tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(SETTING.text.replace("  moon: {}\n", "  {}\n"), tmp_path, plugins)
    (fault,) = caught.value.faults
    assert "comes from the enricher `moon`, which is not switched on; add `moon: {}` under `enrichers`" in fault.message


async def test_its_values_decide_a_rule_and_it_asks_nobody(plugins, tmp_path, network, monkeypatch):
    from astropy.utils import iers

    def tables(*_, **__):
        raise AssertionError("tables were asked for, which may be downloaded")

    monkeypatch.setattr(iers.LeapSeconds, "auto_open", tables)
    monkeypatch.setattr(iers.IERS_Auto, "open", tables)
    config = load(SETTING.text, tmp_path, plugins)
    context = EnricherContext(ManualClock(AT), "test")
    enrichers = build_enrichers(config.enrichers, context, plugins.rule_names(), str)
    values, failures = await enrichers.ask(Subject(SPICA, AT, LightCurve(), {}, {}))
    assert failures == {}
    assert not network
    assert values.keys() == OF_THE_MOON == enrichers.names_of("moon")
    assert values["moon_sep_deg"] < 0.6
    rule = config.watches[0].when
    assert rule.decide({"mag": 18.0}) == Verdict(None, ("moon_illumination", "moon_sep_deg"))
    assert rule.decide({"mag": 18.0} | values) == Verdict(False)
    assert rule.decide({"mag": 18.0} | values | {"moon_illumination": 0.1}) == Verdict(True)
    await enrichers.close()


async def test_without_a_position_it_cannot_say(plugins, tmp_path):
    config = load(SETTING.text, tmp_path, plugins)
    enrichers = build_enrichers(config.enrichers, EnricherContext(ManualClock(AT), "test"), plugins.rule_names(), str)
    nowhere = Subject(EventStock("ztf", 1, "ZTF18aaaaaab"), AT, LightCurve(), {}, {})
    assert await enrichers.ask(nowhere) == ({}, {"moon": "LookupError: the position is not known yet"})


def test_it_agrees_with_meeus(moon):
    # Astronomical Algorithms, examples 47.a and 48.a: 1992 April 12, 0h; apparent place of date, taken to the GCRS
    # with the precession tables of the same book.
    angle_deg, lit = moon.moon_at(datetime(1992, 4, 12, tzinfo=UTC), 134.7949, 13.7381)
    assert angle_deg < 0.02
    assert lit == pytest.approx(0.6786, abs=5e-4)
