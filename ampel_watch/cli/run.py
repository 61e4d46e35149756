"""`run`: the daemon."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ampel_watch.cli.logs import log_to_stderr
from ampel_watch.cli.options import Setup, config_option, verbose_option

if TYPE_CHECKING:
    from ampel_watch.daemon import Daemon


@click.command()
@config_option
@verbose_option
@click.pass_obj
def run(setup: Setup, verbose: bool) -> None:
    """Run the daemon.

    SIGTERM or SIGINT (Ctrl-C) ends it in order; a second one ends it at once.
    """
    from ampel_watch.assembly import Parts, Surroundings
    from ampel_watch.clock import SystemClock
    from ampel_watch.daemon import Daemon
    from ampel_watch.redaction import redactor
    from ampel_watch.storage import Database

    config, plugins = setup.load()
    log_to_stderr(redactor(config.secrets()), level=logging.DEBUG if verbose else logging.INFO)
    log = logging.getLogger("ampel_watch")
    for note in config.notes:
        log.warning("%s", note)
    url = setup.state_url(config)

    async def main() -> None:
        with sole_worker(url), contextlib.closing(Database.open(url)) as database:
            around = Surroundings(SystemClock(), plugins, click.echo)
            async with Parts(config, database, around) as parts:
                daemon = Daemon(parts)
                stop_on_signals(daemon)
                log.info("watching: %s", ", ".join(watch.name for watch in config.watches) or "nothing")
                await daemon.run()
                log.info("stopped")

    asyncio.run(main())


@contextlib.contextmanager
def sole_worker(url: str) -> Iterator[None]:
    """Hold the state's lock, where the state is a file."""
    from ampel_watch.storage import StateLock, file_of

    path = file_of(url)
    if path is None:
        yield
        return
    with StateLock(path):
        yield


def stop_on_signals(daemon: "Daemon") -> None:
    """TERM and INT stop the daemon in order; a second one ends the process."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        logging.getLogger("ampel_watch").info("stopping: finishing what is under way")
        daemon.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(
        signal.SIGHUP, logging.getLogger("ampel_watch").warning, "SIGHUP: restart to read the configuration again"
    )
