"""The configuration: YAML with positions, strict models, watchlists, secrets. Every fault is found at once."""

from collections.abc import Mapping

from ampel_watch.config.disabled import disabled_plugins
from ampel_watch.config.enrichers import EnricherSetting
from ampel_watch.config.loading import load_config
from ampel_watch.config.locate import absolute_state_url, find_config, state_directory
from ampel_watch.config.models import LiveSettings, ServiceSettings
from ampel_watch.config.types import Config, Receiver, Watch
from ampel_watch.config.watchlist_entries import WatchedPosition, WatchedStock

__all__ = [
    "Config",
    "EnricherSetting",
    "LiveSettings",
    "Receiver",
    "ServiceSettings",
    "Watch",
    "WatchedPosition",
    "WatchedStock",
    "disabled_plugins",
    "find_config",
    "load_config",
    "state_directory",
    "state_url",
]


def state_url(config: Config, environ: Mapping[str, str]) -> str:
    """The SQLAlchemy URL of the state database, absolute."""
    return absolute_state_url(config.state, environ)
