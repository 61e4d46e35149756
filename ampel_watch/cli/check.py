"""`check`: is the configuration good?"""

import click

from ampel_watch.cli.options import Setup, config_option
from ampel_watch.cli.output import counted
from ampel_watch.errors import ConfigError


@click.command()
@config_option
@click.pass_obj
def check(setup: Setup) -> int:
    """Validate the configuration and its watchlists.

    Prints every fault as FILE:LINE:COLUMN: message and ends with 78, or says what was found and ends with 0.
    """
    try:
        config, _ = setup.load()
    except ConfigError as error:
        click.echo(str(error))
        click.echo(f"{counted(len(error.faults), 'fault')} found", err=True)
        return error.exit_code
    for note in config.notes:
        click.echo(f"{note}", err=True)
    stocks = {stock.key for watch in config.watches for stock in watch.stocks}
    channels = {channel for watch in config.watches for channel in watch.channels}
    click.echo(
        f"{config.path} is good: {counted(len(config.watches), 'watch', 'watches')} "
        f"({counted(len(channels), 'channel')}, {counted(len(stocks), 'stock')}), "
        f"{counted(len(config.receivers), 'receiver')}"
    )
    return 0
