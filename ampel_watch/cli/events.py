"""`events`: what was reported."""

import contextlib
import json
import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import click

from ampel_watch.cli.options import Setup, config_option, json_option

if TYPE_CHECKING:
    from ampel_watch.storage import Database
    from ampel_watch.storage.overview import EventFilter

_FOLLOW_EVERY_S = 1.0


@click.command()
@config_option
@click.option("--watch", metavar="NAME", help="Only events of this watch.")
@click.option("--stock", metavar="NAME", help="Only events of this stock, such as ZTF21aaqhhfu.")
@click.option("--since", metavar="WHEN", help="Only events since an ISO time, or for so long back: 2h, 1d.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@click.option("--follow", "-f", is_flag=True, help="Go on with new events as they come.")
@json_option
@click.pass_obj
def events(
    setup: Setup,
    watch: str | None,
    stock: str | None,
    since: str | None,
    limit: int | None,
    follow: bool,
    as_json: bool,
) -> None:
    """List stored events, newest last.

    With --json one event per line, as a webhook receives it.
    """
    from ampel_watch.clock import SystemClock
    from ampel_watch.storage import Database
    from ampel_watch.storage.overview import EventFilter

    config, _ = setup.load()
    wanted = EventFilter(watch, stock, _start(since, SystemClock().now()), limit=limit)
    with contextlib.closing(Database.open_for_reading(setup.state_url(config))) as database:
        last = _print(database, wanted, config.timezone, as_json)
        while follow:
            time.sleep(_FOLLOW_EVERY_S)  # another process writes the events; there is nothing to be woken by
            newer = EventFilter(watch, stock, wanted.since, after=last)
            last = _print(database, newer, config.timezone, as_json) or last


def _print(database: "Database", wanted: "EventFilter", timezone: tzinfo, as_json: bool) -> int:
    from ampel_watch.storage.overview import list_events

    last = wanted.after
    for seq, body in database.run_now(lambda c: list_events(c, wanted)):
        click.echo(body if as_json else _line(json.loads(body), timezone))
        last = seq
    return last


def _line(event: dict[str, str], timezone: tzinfo) -> str:
    from ampel_watch.text import clean, local_time

    when = local_time(datetime.fromisoformat(event["time"]), timezone)
    return f"{when}  {event['watch']}  {clean(event['summary'])}"


def _start(since: str | None, now: datetime) -> datetime | None:
    from ampel_watch.settings import parse_duration

    if since is None:
        return None
    with contextlib.suppress(ValueError):
        back: timedelta = parse_duration(since)
        with contextlib.suppress(OverflowError):
            return now - back
        return None  # further back than dates go: all of them
    try:
        start = datetime.fromisoformat(since)
    except ValueError:
        raise click.BadParameter(
            "give an ISO time such as 2026-11-22T21:00Z, or 2h, 1d", param_hint="--since"
        ) from None
    return start if start.tzinfo else start.replace(tzinfo=UTC)
