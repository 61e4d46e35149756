"""Which plugins are not to be loaded: known before the rest of the configuration, whose kinds come from plugins."""

from pathlib import Path

from ampel_watch.config.yaml_positions import read_yaml


def disabled_plugins(path: Path) -> tuple[str, ...]:
    """What `plugins.disable` names; nothing if the file has faults, which `load_config` reports."""
    data = read_yaml(path).data
    plugins = data.get("plugins") if isinstance(data, dict) else None
    names = plugins.get("disable") if isinstance(plugins, dict) else None
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()
