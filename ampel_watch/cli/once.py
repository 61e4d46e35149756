"""`once`: one round of the daemon, for cron, for trying out, and for a dry run."""

import asyncio
import contextlib
import json
import logging
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ampel_watch.cli.logs import log_to_stderr
from ampel_watch.cli.options import Setup, config_option, json_option, verbose_option
from ampel_watch.cli.output import counted, print_json
from ampel_watch.cli.run import sole_worker
from ampel_watch.errors import StateUnusable

if TYPE_CHECKING:
    from ampel_watch.config import Config
    from ampel_watch.pipeline.look import Report
    from ampel_watch.plugin_manager import PluginManager
    from ampel_watch.protocols import Notifier
    from ampel_watch.rounds import Round

PATIENCE_S = 30.0


@click.command()
@config_option
@click.option("--dry-run", is_flag=True, help="Show what would be sent; send nothing, change nothing.")
@json_option
@verbose_option
@click.pass_obj
def once(setup: Setup, dry_run: bool, as_json: bool, verbose: bool) -> int:
    """Look at every watch now, and deliver what is due.

    Ends with 1 if a watch could not be looked at completely or a delivery failed for now. A service gets 30 s.
    """
    from ampel_watch.redaction import redactor

    config, plugins = setup.load()
    log_to_stderr(redactor(config.secrets()), level=logging.INFO if verbose else logging.WARNING)
    for note in config.notes:
        click.echo(f"{note}", err=True)
    url = setup.state_url(config)
    with contextlib.nullcontext() if dry_run and not _exists(url) else sole_worker(url):
        work = _dry_round(config, url, as_json) if dry_run else _round(config, plugins, url, as_json)
        return asyncio.run(work)


def _exists(url: str) -> bool:
    """Whether there is a state to be locked: a dry run leaves not even an empty folder behind."""
    from ampel_watch.storage import file_of

    path = file_of(url)
    return path is not None and path.exists()


async def _round(config: "Config", plugins: "PluginManager", url: str, as_json: bool) -> int:
    from ampel_watch.assembly import Parts, Surroundings
    from ampel_watch.clock import SystemClock
    from ampel_watch.rounds import one_round
    from ampel_watch.storage import Database

    # What a receiver shows goes to standard error if standard output is for a program.
    around = Surroundings(SystemClock(), plugins, lambda line: click.echo(line, err=as_json), PATIENCE_S, PATIENCE_S)
    with contextlib.closing(Database.open(url)) as database:
        async with Parts(config, database, around) as parts:
            done = await one_round(parts)
    _tell_errors(done.report)
    if as_json:
        print_json(_as_json(done))
    else:
        click.echo(_in_words(config, done))
    return 0 if done.good else 1


async def _dry_round(config: "Config", url: str, as_json: bool) -> int:
    """One round on a copy of the state, up to the sending, which is only shown."""
    from ampel_watch.assembly import Parts, Surroundings
    from ampel_watch.clock import SystemClock
    from ampel_watch.plugin_manager import PluginManager
    from ampel_watch.rounds import look, take_over
    from ampel_watch.storage import Database, file_of, outbox

    path = file_of(url)
    if path is None:
        raise click.UsageError("--dry-run needs a state in a SQLite file")
    nobody = PluginManager(lambda: ())  # observers shall not hear of events that never were
    around = Surroundings(SystemClock(), nobody, click.echo, PATIENCE_S, PATIENCE_S)
    with tempfile.TemporaryDirectory(prefix="ampel-watch-") as folder:
        copy = Path(folder) / "state.db"
        _copy_state(path, copy)
        with contextlib.closing(Database.open(f"sqlite:///{copy}")) as database:
            async with Parts(config, database, around) as parts:
                await take_over(parts)
                report = await look(parts, config.watches, at_most=None)
                await parts.evaluator.evaluate()
                claimed = await database.run(lambda c: list(outbox.pending(c)))
                for delivery in claimed:
                    await _show(parts.notifiers, delivery.receiver, delivery.body, as_json)
    _tell_errors(report)
    if not as_json:
        click.echo(f"dry run: {counted(len(claimed), 'delivery', 'deliveries')} would be sent; nothing was changed")
    return 1 if report.errors else 0


def _copy_state(source: Path, copy: Path) -> None:
    if not source.exists() or source.stat().st_size == 0:
        return
    try:
        with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(copy)) as new:
            old.backup(new)
    except sqlite3.Error as error:
        raise StateUnusable(f"the state database: {error}") from error


async def _show(notifiers: Mapping[str, "Notifier"], receiver: str, body: str, as_json: bool) -> None:
    from ampel_watch.model import Event

    if as_json:
        print_json({"receiver": receiver, "event": json.loads(body)})
    elif receiver in notifiers:
        click.echo(f"── to {receiver} " + "─" * max(0, 70 - len(receiver)))
        click.echo(await notifiers[receiver].preview(Event.from_json(json.loads(body))))


def _tell_errors(report: "Report") -> None:
    """Each trouble once, in one line, with the watches that it concerns."""
    for warning in report.warnings:
        click.echo(f"warning: {warning}", err=True)
    by_error: dict[str, list[str]] = defaultdict(list)
    for watch, error in report.errors.items():
        by_error[error].append(watch)
    for error, watches in by_error.items():
        word = "watch" if len(watches) == 1 else "watches"
        click.echo(f"error: {error} ({word} {', '.join(watches)})", err=True)


def _in_words(config: "Config", done: "Round") -> str:
    parts = [
        f"{counted(len(config.watches), 'watch', 'watches')} looked at",
        counted(done.report.read, "stock") + " read",
        counted(done.report.changes, "change"),
        counted(done.events, "event"),
    ]
    sent = done.deliveries
    if sent.total():
        states = (("delivered", "delivered"), ("waiting", "to be tried again"), ("dead", "dead"))
        parts.append(", ".join(f"{sent[state]} {word}" for state, word in states if sent[state]))
    return " · ".join(parts)


def _as_json(done: "Round") -> dict[str, Any]:
    return {
        "started": done.report.started.isoformat(),
        "stocks_read": done.report.read,
        "changes": done.report.changes,
        "events": done.events,
        "deliveries": dict(done.deliveries),
        "errors": done.report.errors,
        "warnings": done.report.warnings,
    }
