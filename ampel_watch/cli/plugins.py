"""`plugins` and `test-notify`: what is loaded, and whether a receiver gets what it is sent."""

import asyncio
import logging
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from ampel_watch.cli.logs import log_to_stderr
from ampel_watch.cli.options import Setup, config_option, json_option
from ampel_watch.cli.output import print_json, print_table
from ampel_watch.errors import AmpelWatchError, DeliveryError

if TYPE_CHECKING:
    from ampel_watch.config import Config
    from ampel_watch.plugin_manager import LoadedPlugin, PluginManager


@click.command()
@json_option
def plugins(as_json: bool) -> int:
    """Show the plugins, and which are broken.

    Ends with 1 if one is.
    """
    from ampel_watch.plugin_manager import PluginManager

    manager = PluginManager()
    manager.load()
    loaded = manager.loaded()
    if as_json:
        for plugin in loaded:
            print_json(
                {
                    "name": plugin.name,
                    "state": plugin.state,
                    "source": plugin.source,
                    "version": plugin.version,
                    "notifiers": list(plugin.notifiers),
                    "enrichers": list(plugin.enrichers),
                    "rule_names": list(plugin.rule_names),
                    "error": plugin.error,
                }
            )
    else:
        rows = [(p.name, p.state, _added_by(p), f"{p.source} {p.version or ''}".strip(), p.error or "") for p in loaded]
        print_table("Plugins", ("name", "state", "adds", "from", "error"), rows)
    return 1 if any(plugin.state == "broken" for plugin in loaded) else 0


def _added_by(plugin: "LoadedPlugin") -> str:
    """What a plugin adds, for a person."""
    parts = {"notifier": plugin.notifiers, "enricher": plugin.enrichers, "rule names": plugin.rule_names}
    return "; ".join(f"{what} {', '.join(names)}" for what, names in parts.items() if names)


@click.command("test-notify")
@click.argument("receiver")
@config_option
@click.pass_obj
def test_notify(setup: Setup, receiver: str) -> int:
    """Send a marked sample event to one RECEIVER."""
    from ampel_watch.redaction import redactor

    config, manager = setup.load()
    redact = redactor(config.secrets())
    log_to_stderr(redact, level=logging.WARNING)
    if receiver not in config.receivers:
        known = ", ".join(sorted(config.receivers)) or "none"
        raise click.BadParameter(f"there is no receiver {receiver!r}; configured: {known}", param_hint="RECEIVER")
    try:
        asyncio.run(_send_sample(config, manager, receiver))
    except DeliveryError as error:
        again = "trying again cannot help" if error.permanent else "trying again later may help"
        raise AmpelWatchError(f"{receiver}: {redact(str(error))} ({again})") from None
    click.echo(f"{receiver}: a sample event was sent")
    return 0


async def _send_sample(config: "Config", manager: "PluginManager", receiver: str) -> None:
    from ampel_watch.assembly import Surroundings, build_notifier
    from ampel_watch.clock import SystemClock
    from ampel_watch.protocols import Attempt
    from ampel_watch.testing import sample_event

    around = Surroundings(SystemClock(), manager, click.echo)
    event = sample_event(id=uuid4().hex, test=True, time=around.clock.now())  # receivers deduplicate by id
    notifier = build_notifier(config.receivers[receiver], config, around)
    try:
        await notifier.send(event, Attempt(delivery_id=event.id))
    except DeliveryError:
        raise
    except Exception as error:
        # A notifier is foreign code and may raise anything; the log masks the secrets in its traceback.
        logging.getLogger(__name__).exception("the notifier of %s failed", receiver)
        raise DeliveryError(f"the notifier failed: {type(error).__name__}: {error}") from None
    finally:
        await notifier.close()
