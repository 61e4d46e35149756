"""The command `ampel-watch`: its verbs, and how errors end it."""

import sys

import click

from ampel_watch import __version__
from ampel_watch.cli.check import check
from ampel_watch.cli.demo import demo
from ampel_watch.cli.events import events
from ampel_watch.cli.explain import explain
from ampel_watch.cli.once import once
from ampel_watch.cli.options import Setup
from ampel_watch.cli.plugins import plugins, test_notify
from ampel_watch.cli.run import run
from ampel_watch.cli.show import show
from ampel_watch.cli.status import status
from ampel_watch.errors import AmpelWatchError, ConfigError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ampel-watch")
@click.option("-c", "--config", "path", type=click.Path(), metavar="FILE", help="Configuration file.")
@click.pass_context
def cli(context: click.Context, path: str | None) -> None:
    """Watch AMPEL channels and transients, and tell people what changed.

    Without -c the configuration is $AMPEL_WATCH_CONFIG, ./config.yaml, the user's or the system's. Results go to
    standard output, logs to standard error. Exit codes: 0 done, 1 failed, 2 usage, 78 bad configuration.
    """
    context.obj = Setup(path)


for _verb in (run, once, check, demo, status, events, show, explain, plugins, test_notify):
    cli.add_command(_verb)


def main() -> None:
    """Run the command line and exit; known errors become a line on standard error."""
    try:
        code = cli.main(prog_name="ampel-watch", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except AmpelWatchError as error:
        click.echo(f"ampel-watch: {error}", err=True)
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
