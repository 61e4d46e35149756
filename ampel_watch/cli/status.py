"""`status`: is it working, what is late, what waits?"""

import contextlib
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ampel_watch.cli.options import Setup, config_option, json_option
from ampel_watch.cli.output import print_json, print_table
from ampel_watch.model import iso

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ampel_watch.config import Config, ServiceSettings, Watch

_LATE_AFTER_PERIODS = 3


@click.command()
@config_option
@json_option
@click.pass_obj
def status(setup: Setup, as_json: bool) -> None:
    """Show how things go: watches, services, receivers."""
    from ampel_watch.clock import SystemClock
    from ampel_watch.storage import Database

    config, _ = setup.load()
    now = SystemClock().now()
    with contextlib.closing(Database.open_for_reading(setup.state_url(config))) as database:
        found = database.run_now(lambda c: gather(c, config, now))
    if as_json:
        print_json(found)
    else:
        _print(found, now)


def gather(connection: "Connection", config: "Config", now: datetime) -> dict[str, Any]:
    """All that `status` shows, as one JSON document."""
    from ampel_watch.storage import overview

    seen = overview.watch_rows(connection)
    services = overview.service_rows(connection)
    configured = {name: s for name, s in config.services if s is not None}
    queue = [
        {**row, "oldest": _iso(row["oldest"]), "next_try_at": _iso(row["next_try_at"])}
        for row in overview.queue(connection)
    ]
    return {
        "time": _iso(now),
        "watches": [_watch(watch, seen.get(watch.name, {}), now) for watch in config.watches],
        "services": [_service(name, s, services.get(name, {})) for name, s in configured.items()],
        "receivers": [
            {
                "name": name,
                "notifier": receiver.kind.name,
                "deliveries": {row["state"]: row["count"] for row in queue if row["receiver"] == name},
                "last_error": overview.last_error(connection, name),
            }
            for name, receiver in config.receivers.items()
        ],
        "queue": queue,
        "state": overview.counts(connection),
    }


def _watch(watch: "Watch", row: dict[str, Any], now: datetime) -> dict[str, Any]:
    succeeded = row.get("succeeded_at")
    return {
        "name": watch.name,
        "every_s": watch.every.total_seconds(),
        "looked_at": _iso(row.get("looked_at")),
        "succeeded_at": _iso(succeeded),
        "next_due_at": _iso(row.get("next_due_at")),
        "late": is_late(watch, succeeded, now),
        "error": row.get("error"),
    }


def is_late(watch: "Watch", succeeded_at: datetime | None, now: datetime) -> bool:
    """Whether the last good look of the watch is too long ago."""
    return succeeded_at is None or now - succeeded_at > watch.every * _LATE_AFTER_PERIODS


def _service(name: str, settings: "ServiceSettings", row: dict[str, Any]) -> dict[str, Any]:
    from ampel_watch.errors import CredentialsRefused
    from ampel_watch.services.token import TokenSource

    expires, token_error = None, None
    if settings.token is not None:
        try:
            expires = TokenSource(settings.token, service=name).expires_at()
        except CredentialsRefused as error:
            token_error = str(error)
    return {
        "name": name,
        "succeeded_at": _iso(row.get("succeeded_at")),
        "failing_since": _iso(row.get("failing_since")),
        "error": token_error or row.get("error"),
        "listing": row.get("listing"),
        "token_expires_at": _iso(expires),
    }


def _iso(when: datetime | None) -> str | None:
    return None if when is None else iso(when)


def _print(found: dict[str, Any], now: datetime) -> None:
    watches = (
        (w["name"], _since(w["succeeded_at"], now), "late" if w["late"] else "", w["error"] or "")
        for w in found["watches"]
    )
    print_table("Watches", ("watch", "last good look", "", "trouble"), watches)
    services = (
        (s["name"], _since(s["succeeded_at"], now), _until(s["token_expires_at"], now), s["error"] or "")
        for s in found["services"]
    )
    print_table("Services", ("service", "last good look", "token expires", "trouble"), services)
    print_table("Receivers", ("receiver", "delivered", "waiting", "dead", "trouble"), _receivers(found["receivers"]))
    counts = found["state"]
    waiting = f" ({counts['changes_waiting']} waiting to be told)" if counts["changes_waiting"] else ""
    click.echo(
        f"{counts['stocks']} stocks known, {counts['changes']} changes seen{waiting}, {counts['events']} events made"
    )


def _receivers(receivers: Iterable[dict[str, Any]]) -> Iterable[tuple[str, ...]]:
    for receiver in receivers:
        states = receiver["deliveries"]
        waiting = states.get("waiting", 0) + states.get("sending", 0)
        yield (
            f"{receiver['name']} ({receiver['notifier']})",
            str(states.get("delivered", 0)),
            str(waiting),
            str(states.get("dead", 0)),
            receiver["last_error"] or "",
        )


def _since(when: str | None, now: datetime) -> str:
    from ampel_watch.text import age

    if when is None:
        return "never"
    return age((now - datetime.fromisoformat(when)).total_seconds()) + " ago"


def _until(when: str | None, now: datetime) -> str:
    from ampel_watch.text import age

    if when is None:
        return ""
    left_s = (datetime.fromisoformat(when) - now).total_seconds()
    return f"in {age(left_s)}" if left_s > 0 else "EXPIRED"
