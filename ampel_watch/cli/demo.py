"""`demo`: the program at work on a sky of its own, for someone who has just met it."""

import asyncio
import contextlib
import json
import logging
import tempfile
import textwrap
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ampel_watch.cli.logs import log_to_stderr
from ampel_watch.cli.output import counted
from ampel_watch.cli.run import stop_on_signals
from ampel_watch.settings import parse_duration

if TYPE_CHECKING:
    from ampel_watch.sandbox import Sandbox
    from ampel_watch.sandbox.pace import NightClock
    from ampel_watch.sandbox.sky import Source

_SEED = 11
_FIRST_NIGHT = date(2026, 10, 1)  # fixed, so that everybody sees the same sky
_QUIET_NIGHTS = 11  # pass before the demo begins, so that there is something for the first look to be silent about
_SERVICES = """\
services:
  live: {{url: {live}, token_file: {token}, rate: 500/s}}
  archive: {{url: {archive}, token: {archive_token}, rate: 500/s}}
  catalog: {{url: {catalog}, rate: 500/s}}
state: sqlite:///{folder}/demo.db
"""
_SIMULATED = """\
watches:
  - name: young-supernovae
    channels: [SANDBOX_INFANT_SN]
    every: 6h
    on: [channel_match, classification]
    when: z < 0.1 and not agn
    notify: [here]
  - name: bright-transients
    channels: [SANDBOX_BRIGHT_TRANSIENTS]
    every: 12h
    on: [channel_match, {brightening: 0.7}, {fading: 0.5}]
    when: mag < 19 and not star
    notify: [here]
receivers:
  here: {notifier: console}
"""
_REAL = """\
watches:
  - name: all-that-is-real
    channels: [SANDBOX_ALL]
    every: 3h
    notify: [here]
receivers:
  here: {notifier: console}
"""


@dataclass(slots=True)
class Shown:
    """What the demo has shown: how many nights, and how many events of each watch."""

    nights: int = 0
    events: Counter[str] = field(default_factory=Counter)


def _duration_s(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else parse_duration(value).total_seconds()
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option("--for", "for_s", metavar="TIME", callback=_duration_s, help="End by itself after so long: 30s, 2m.")
@click.option(
    "--alerts",
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR",
    help="Replay real ZTF alert packets (Avro files or tar.gz) instead of a simulated sky.",
)
@click.option("--seed", default=_SEED, show_default=True, help="Which simulated sky.")
@click.option(
    "--night",
    "night_s",
    metavar="TIME",
    default="5s",
    show_default=True,
    callback=_duration_s,
    help="How long a night takes.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show the daemon's log too.")
def demo(for_s: float | None, alerts: Path | None, seed: int, night_s: float, verbose: bool) -> None:
    """Show ampel-watch at work on an embedded sky. Needs no account and no network."""
    log_to_stderr(str, level=logging.INFO if verbose else logging.ERROR)
    source = _real_sky(alerts) if alerts else _simulated_sky(seed)
    with tempfile.TemporaryDirectory(prefix="ampel-watch-demo-") as folder:
        asyncio.run(_run(source, Path(folder), for_s, night_s, simulated=alerts is None))


def _simulated_sky(seed: int) -> "Source":
    from ampel_watch.sandbox import NightSky, SkySettings

    # A sparse sky, so that the events can be read as they come: two to four a night.
    sparse = SkySettings(supernovae_per_night=1.1, agn=30, variable_stars=30, asteroids_per_night=6, bogus_per_night=6)
    return NightSky(seed, _FIRST_NIGHT, nights=400, settings=sparse)


def _real_sky(alerts: Path) -> "Source":
    from ampel_watch.sandbox import open_packets

    sky, report = open_packets(alerts)
    click.echo(str(report))
    if not report.packets:
        raise click.BadParameter(f"no readable alert packets in {alerts}", param_hint="--alerts")
    return sky


async def _run(source: "Source", folder: Path, for_s: float | None, night_s: float, *, simulated: bool) -> None:
    from ampel_watch.sandbox import Sandbox
    from ampel_watch.sandbox.pace import NightClock

    nights = source.night_dates[_QUIET_NIGHTS:] if simulated else source.night_dates
    clock = NightClock(nights, night_s)
    watches = _SIMULATED if simulated else _REAL
    async with Sandbox(source, clock=clock) as sandbox:
        sandbox.advance(clock.now())
        config = _write_config(sandbox, folder, watches)
        click.echo(_introduction(watches, night_s, simulated=simulated))
        shown = await _watch(config, sandbox, clock, nights, for_s)
    click.echo(_farewell(shown))


def _write_config(sandbox: "Sandbox", folder: Path, watches: str) -> Path:
    token, config = folder / "live-token", folder / "config.yaml"
    token.write_text(sandbox.live_token)
    services = _SERVICES.format(
        live=sandbox.live_url,
        archive=sandbox.archive_url,
        catalog=sandbox.catalog_url,
        token=token,
        archive_token=sandbox.partnership_token,
        folder=folder,
    )
    config.write_text(services + watches)
    return config


def _introduction(watches: str, night_s: float, *, simulated: bool) -> str:
    sky = (
        "a simulated sky of supernovae, active galaxies,\n  variable stars, asteroids and artefacts"
        if simulated
        else "the nights of real ZTF alerts that you gave"
    )
    shown = textwrap.indent(watches.rstrip(), "    ")
    return (
        "ampel-watch demo: an AMPEL of its own, on this computer only. Ctrl-C ends it.\n\n"
        f"  Live, archive and catalog service answer on 127.0.0.1, over {sky}.\n"
        f"  A night passes in {night_s:g} seconds. The daemon polls the services for these watches:\n\n"
        f"{shown}\n\n"
        "  Its first look is silent: it learns what is already there. From then on it tells what is new.\n"
    )


async def _announce_nights(clock: "NightClock", nights: Sequence[datetime], shown: Shown) -> None:
    for night in nights:
        await asyncio.sleep(clock.real_seconds_until(night.replace(hour=0, minute=0)))
        shown.nights += 1
        title = f"── night of {night:%Y-%m-%d} "
        click.secho(title + "─" * (78 - len(title)), dim=True)


async def _watch(
    path: Path, sandbox: "Sandbox", clock: "NightClock", nights: Sequence[datetime], for_s: float | None
) -> Shown:
    """Run the daemon against the sandbox, from the moment that all is set up."""
    from ampel_watch.assembly import Parts, Surroundings
    from ampel_watch.config import load_config
    from ampel_watch.daemon import Daemon
    from ampel_watch.plugin_manager import PluginManager
    from ampel_watch.storage import Database
    from ampel_watch.storage.overview import EventFilter, list_events

    plugins, shown = PluginManager(), Shown()
    plugins.load()
    config = load_config(
        path,
        kinds=plugins.notifier_kinds(),
        environ={},
        enrichers=plugins.enricher_kinds(),
        rule_names=plugins.rule_names(),
    )
    with contextlib.closing(Database.open(config.state)) as database:
        async with Parts(config, database, Surroundings(clock, plugins, click.echo)) as parts:
            daemon = Daemon(parts)
            stop_on_signals(daemon)
            if for_s is not None:
                asyncio.get_running_loop().call_later(for_s, daemon.stop)
            clock.begin()
            async with _background(sandbox.follow()), _background(_announce_nights(clock, nights, shown)):
                await daemon.run()
        events = await database.run(lambda c: list_events(c, EventFilter()))
    shown.events.update(json.loads(body)["watch"] for _, body in events)
    return shown


@contextlib.asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run a coroutine beside the block, and end it with the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _farewell(shown: Shown) -> str:
    told = ", ".join(f"{number} by {watch}" for watch, number in sorted(shown.events.items()))
    return (
        f"\n{counted(shown.nights, 'night')}, {counted(shown.events.total(), 'event')}{f' ({told})' if told else ''}; "
        "each told once, and silence means that nothing happened.\n"
        "To watch your own channels, copy config.example.yaml and run `ampel-watch check`, then `ampel-watch once`."
    )
