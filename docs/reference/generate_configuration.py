"""Write `configuration.md`, `config.schema.json` and `rule-names.md` anew; run it after a change of what they show."""

from pathlib import Path

from ampel_watch.config.reference import configuration_page, json_schema
from ampel_watch.plugin_manager import PluginManager
from ampel_watch.rules.reference import rule_names_page

HERE = Path(__file__).parent

if __name__ == "__main__":
    manager = PluginManager()
    manager.load()
    kinds = list(manager.notifier_kinds().values())
    (HERE / "configuration.md").write_text(configuration_page(kinds), encoding="utf-8")
    (HERE / "config.schema.json").write_text(json_schema(kinds), encoding="utf-8")
    (HERE / "rule-names.md").write_text(rule_names_page(), encoding="utf-8")
