"""What the verbs share: finding the configuration, and options that several of them take."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ampel_watch.config import Config
    from ampel_watch.plugin_manager import PluginManager


@dataclass(slots=True)
class Setup:
    """The configuration that was named on the command line, before or after the verb."""

    path: str | None

    def load(self) -> "tuple[Config, PluginManager]":
        """Load the plugins and the configuration; ConfigError with all its faults."""
        from ampel_watch.config import disabled_plugins, find_config, load_config
        from ampel_watch.plugin_manager import PluginManager

        file = find_config(Path(self.path) if self.path else None, os.environ)
        plugins = PluginManager()
        plugins.load(disabled=disabled_plugins(file))
        config = load_config(
            file,
            kinds=plugins.notifier_kinds(),
            environ=os.environ,
            enrichers=plugins.enricher_kinds(),
            rule_names=plugins.rule_names(),
        )
        return config, plugins

    def state_url(self, config: "Config") -> str:
        """Where the state of this configuration is."""
        from ampel_watch.config import state_url

        return state_url(config, os.environ)


def _note_path(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    setup = context.find_object(Setup)
    if value is not None and setup is not None:
        setup.path = value


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Accept -c/--config after the verb too."""
    option = click.option(
        "-c",
        "--config",
        type=click.Path(),
        metavar="FILE",
        expose_value=False,
        callback=_note_path,
        help="Configuration file.",
    )
    return option(function)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Log more.")
