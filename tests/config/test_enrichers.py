"""`enrichers:`: those that are switched on, their settings and secrets, and rules that use their names."""

from typing import Any

import pytest
from pydantic import Field

from ampel_watch.config import Config, load_config
from ampel_watch.errors import ConfigError
from ampel_watch.protocols import EnricherKind
from ampel_watch.rules import RULE_NAMES, RuleName
from ampel_watch.settings import Duration, Secret, Settings
from tests.config.conftest import KINDS, MINIMAL, Desk


class ForecastSettings(Settings):
    """Settings of every sort."""

    site: str = Field("palomar", description="Where.")
    key: Secret | None = Field(None, description="Who asks.")
    ahead: Duration | None = Field(None, description="How far ahead.")
    limit_deg: float = Field(3.0, gt=0, description="How low.")


class NoSettings(Settings):
    """None."""


def _never_built(*_: object) -> Any:
    raise AssertionError("checking a configuration builds no enricher")


ENRICHERS = {
    "forecast": EnricherKind("forecast", ForecastSettings, _never_built, "the weather"),
    "moon": EnricherKind("moon", NoSettings, _never_built, "the Moon"),
}
NAMES = {
    **RULE_NAMES,
    "seeing_arcsec": RuleName("seeing_arcsec", "a number", "arcsec", "seeing", "seeing_arcsec < 2", "forecast"),
    "moon_sep_deg": RuleName("moon_sep_deg", "a number", "deg", "angle", "moon_sep_deg > 30", "moon"),
}


def load(desk: Desk, further: str, rule: str = "") -> Config:
    when = f"    when: {rule}\n" if rule else ""
    text = MINIMAL.replace("    channels: [BTS]\n", f"    channels: [BTS]\n{when}")
    file = desk.write("config.yaml", text + further)
    return load_config(file, kinds=KINDS, environ=desk.environ, enrichers=ENRICHERS, rule_names=NAMES)


def faults(desk: Desk, further: str, rule: str = "") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(desk, further, rule)
    return str(caught.value).replace(f"{desk.folder}/", "").splitlines()


def test_without_the_key_none_is_on(desk: Desk) -> None:
    assert load(desk, "").enrichers == {}
    assert load(desk, "enrichers: {}\n").enrichers == {}


def test_those_that_are_named_are_on_with_their_settings(desk: Desk) -> None:
    config = load(desk, "enrichers:\n  forecast: {site: mauna-kea, limit_deg: 2.5}\n  moon:\n")
    assert config.enrichers.keys() == {"forecast", "moon"}
    assert config.enrichers["forecast"].kind is ENRICHERS["forecast"]
    assert config.enrichers["forecast"].settings == ForecastSettings(
        site="mauna-kea", limit_deg=2.5, key=None, ahead=None
    )
    assert config.enrichers["moon"].settings == NoSettings()


def test_their_secrets_are_known_and_shown_nowhere(desk: Desk) -> None:
    desk.environ["FORECAST_KEY"] = "s3cr3t-key"
    config = load(desk, "enrichers:\n  forecast: {key: '${FORECAST_KEY}'}\n")
    assert [secret.reveal() for secret in config.secrets()] == ["s3cr3t-key"]
    assert "s3cr3t" not in repr(config) + repr(config.enrichers)


def test_a_secret_may_be_in_a_file(desk: Desk) -> None:
    desk.write("key", "s3cr3t-key\n")
    config = load(desk, "enrichers:\n  forecast: {key_file: key}\n")
    assert [secret.reveal() for secret in config.secrets()] == ["s3cr3t-key"]
    assert faults(desk, "enrichers:\n  forecast: {key_file: none}\n")[0].startswith(
        "config.yaml:12:24: the file `none`"
    )


@pytest.mark.parametrize(
    ("further", "fault"),
    [
        ("  forcast: {}", "12:3: unknown enricher `forcast`; did you mean `forecast`?"),
        ("  weather: {}", "12:3: unknown enricher `weather`; there are `forecast`, `moon`"),
        ("  forecast: {sight: here}", "12:14: unknown key `sight`; did you mean `site`?"),
        ("  forecast: {limit_deg: low}", "12:25: `limit_deg` must be a number"),
        ("  forecast: {limit_deg: 0.0}", "12:25: `limit_deg` must be greater than 0"),
        ("  forecast: {ahead: long}", "12:21: `ahead` is not a duration; write for example 30s, 5m, 2h or 1d"),
        ("  forecast: soon", "12:13: `forecast` must be a mapping of keys and values"),
        ("  moon: {phase: full}", "12:10: unknown key `phase`; nothing further is allowed here"),
        ("  - moon", "12:3: `enrichers` must be a mapping of keys and values"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(desk: Desk, further: str, fault: str) -> None:
    assert faults(desk, f"enrichers:\n{further}\n") == [f"config.yaml:{fault}"]


def test_without_plugins_there_is_none_to_switch_on(desk: Desk) -> None:
    (fault,) = desk.faults(MINIMAL + "enrichers: {moon: {}}\n")
    assert fault == "config.yaml:11:13: unknown enricher `moon`; no plugin adds one"


def test_a_rule_may_use_the_names_of_those_that_are_on(desk: Desk) -> None:
    (watch,) = load(desk, "enrichers: {moon: {}}\n", "moon_sep_deg > 30 and mag < 19").watches
    assert watch.when is not None
    assert watch.when.sources == {"moon", "archive"}


def test_a_rule_that_uses_a_name_of_one_that_is_off_is_a_fault(desk: Desk) -> None:
    (fault,) = faults(desk, "enrichers: {moon: {}}\n", "moon_sep_deg > 30 and seeing_arcsec < 2")
    assert fault == (
        "config.yaml:7:33: `seeing_arcsec` comes from the enricher `forecast`, which is not switched on; "
        "add `forecast: {}` under `enrichers`"
    )


def test_a_rule_is_not_blamed_for_the_faulty_settings_of_an_enricher(desk: Desk) -> None:
    (fault,) = faults(desk, "enrichers: {moon: {phase: full}}\n", "moon_sep_deg > 30")
    assert "unknown key `phase`" in fault


def test_the_names_of_plugins_are_suggested_as_our_own_are(desk: Desk) -> None:
    (fault,) = faults(desk, "enrichers: {moon: {}}\n", "mag < 19 and moon_sep > 30")
    assert fault == "config.yaml:7:24: unknown name `moon_sep`; did you mean `moon_sep_deg`?"
