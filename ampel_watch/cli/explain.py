"""`explain`: why a stock did, or did not, notify."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ampel_watch.cli.options import Setup, config_option, json_option
from ampel_watch.cli.output import print_json
from ampel_watch.cli.status import is_late
from ampel_watch.cli.stock import Looking, Looks, Stock, ended_entries, not_met, stock_argument
from ampel_watch.model import iso

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ampel_watch.config import Config, Watch
    from ampel_watch.model import JSON
    from ampel_watch.pipeline.select import Selector
    from ampel_watch.rules import Rule
    from ampel_watch.storage.history import ChangeTrace, DecisionTrace, DeliveryTrace
    from ampel_watch.storage.looks import FirstLooks


@click.command()
@stock_argument
@config_option
@click.option("--watch", metavar="NAME", help="Only what this watch made of it.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N changes.")
@json_option
@click.pass_obj
def explain(setup: Setup, stock: Stock, watch: str | None, limit: int | None, as_json: bool) -> None:
    """Tell why a stock did, or did not, notify.

    STOCK is a ZTF name or an AMPEL id. Shows its changes, what each watch made of them and why, and each delivery.

    The last part says what stands in the way of a message, if anything does.
    """
    from ampel_watch.clock import SystemClock
    from ampel_watch.storage import Database

    config, _ = setup.load()
    now = SystemClock().now()
    with contextlib.closing(Database.open_for_reading(setup.state_url(config))) as database:
        found = database.run_now(lambda c: gather(c, config, stock, now, watch=watch, limit=limit))
    if as_json:
        print_json(found)
    else:
        from ampel_watch.cli.explain_words import tell

        tell(found, config.timezone)


def gather(
    connection: "Connection", config: "Config", stock: Stock, now: datetime, *, watch: str | None, limit: int | None
) -> dict[str, Any]:
    """All that `explain` shows, as one JSON document; AmpelWatchError if no look ever met the stock."""
    from ampel_watch.storage import history, reads, stocks

    _refuse_unknown_watch(connection, config, watch)
    if not history.is_known(connection, stock.key):
        raise not_met(config, stock, now)
    stored = stocks.load(connection, [stock.key]).get(stock.key)
    planned = reads.planned(connection, stock.key)
    traces = history.changes_of(connection, stock.key, limit=limit, watch=watch)
    on_it = Looks(connection, stock, now)
    lacks = _Lacks.of(connection, config, stock)
    return {
        "time": iso(now),
        "stock": {
            "survey": stock.key.survey,
            "id": stock.key.id,
            "name": stock.name,
            "channels": sorted(stored.members_of) if stored else [],
            "gone_at": _iso(stored.gone_at) if stored else None,
        },
        "changes_recorded": history.count_changes(connection, stock.key),
        "changes": list(_changes(traces, config, watch, on_it, lacks)),
        "watches": _watches(connection, config, stock, on_it, now, watch),
        "read_planned_at": _iso(planned.due_at) if planned else None,
        "services": _services(connection, config),
        "notices": [
            {"time": iso(notice.at), "what": notice.what, "text": notice.text}
            for notice in history.notices_about(connection, stock.name)
        ],
    }


def _refuse_unknown_watch(connection: "Connection", config: "Config", watch: str | None) -> None:
    from ampel_watch.config.values import near
    from ampel_watch.storage.history import watches_that_decided

    known = {w.name for w in config.watches} | watches_that_decided(connection)
    if watch is not None and watch not in known:
        hint = near(watch, known) or f"; there are {', '.join(sorted(known)) or 'none'}"
        raise click.BadParameter(f"there is no watch {watch!r}{hint}", param_hint="--watch")


@dataclass(frozen=True, slots=True)
class _Lacks:
    """What archive and catalogs have not told of the stock.

    Attributes
    ----------
    curve_at: as of when the light curve is known; None: it is not. `wants_curve`: whether there is an archive to ask.
    catalogs: what the catalogs have not told, in words.
    """

    wants_curve: bool
    curve_at: datetime | None
    catalogs: tuple[str, ...]

    @classmethod
    def of(cls, connection: "Connection", config: "Config", stock: Stock) -> "_Lacks":
        from ampel_watch.storage import light_curves, matches

        curve, found = light_curves.load_one(connection, stock.key), matches.load_one(connection, stock.key)
        curve_at = curve.looked_at if curve is not None and not curve.curve.is_empty else None
        silent = [spec.name for spec in config.catalogs if found is not None and spec.name not in found.found]
        catalogs = ["its catalog matches"] if found is None and config.catalogs else []
        if silent:
            more = f" and {len(silent) - 3} more catalogs" if len(silent) > 3 else ""
            catalogs.append(f"{', '.join(silent[:3])}{more}")
        return cls(config.services.archive is not None, curve_at, tuple(catalogs))

    def for_change(self, seen_at: datetime) -> list[str]:
        """What is still to be found out for a change that was seen then."""
        from ampel_watch.pipeline.curves import FRESH_FOR

        stale = self.curve_at is None or self.curve_at < seen_at - FRESH_FOR
        return [*(["its light curve"] if self.wants_curve and stale else []), *self.catalogs]


def _changes(
    traces: "Sequence[ChangeTrace]", config: "Config", only: str | None, on_it: Looks, lacks: _Lacks
) -> Iterator[dict[str, Any]]:
    from ampel_watch.pipeline.select import Selector
    from ampel_watch.text import summarize

    selector = Selector(config.watches)
    configured = {watch.name: watch for watch in config.watches}
    for trace in traces:
        change = trace.recorded.change
        undecided = _undecided(selector, trace, on_it, only)
        if only is not None and not trace.decisions and not undecided:
            continue
        yield {
            "seq": trace.recorded.seq,
            "time": iso(change.seen_at),
            "kind": change.kind,
            "counter": change.counter,
            "channel": change.channel,
            "only_watch": trace.recorded.only_watch,
            "summary": summarize(change),
            "before": change.before,
            "after": change.after,
            "evaluated_at": _iso(trace.evaluated_at),
            "waiting": _waiting(trace, undecided, lacks),
            "decisions": [_decision(decision, configured.get(decision.watch)) for decision in trace.decisions],
        }


def _undecided(selector: "Selector", trace: "ChangeTrace", on_it: Looks, only: str | None) -> "list[Watch]":
    """The watches that are still to decide about a change that waits, and ask for its kind."""
    if trace.evaluated_at is not None:
        return []
    decided = {decision.watch for decision in trace.decisions}
    concerned = (watch for watch, _ in selector.concerned(trace.recorded, on_it.cones))
    return [
        watch
        for watch in concerned
        if watch.name not in decided and trace.recorded.change.kind in watch.on and only in (None, watch.name)
    ]


def _waiting(trace: "ChangeTrace", undecided: "Sequence[Watch]", lacks: _Lacks) -> dict[str, Any] | None:
    if trace.evaluated_at is not None:
        return None
    seen_at = trace.recorded.change.seen_at
    return {
        "for": lacks.for_change(seen_at),
        "tries": trace.tries,
        "retry_at": _iso(trace.retry_at),
        "watches": [{"name": w.name, "goes_on_at": iso(seen_at + w.enrich_deadline)} for w in undecided],
    }


def _decision(decision: "DecisionTrace", watch: "Watch | None") -> dict[str, Any]:
    rule = watch.when if watch is not None else None
    not_known = _not_known(rule, decision.values) if rule is not None and decision.values is not None else None
    return {
        "watch": decision.watch,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "rule": rule.text if rule is not None and not_known is not None else None,
        "values": decision.values,
        "not_known": not_known or [],
        "event_id": decision.event_id,
        "decided_at": iso(decision.decided_at),
        "deliveries": [_delivery(delivery) for delivery in decision.deliveries],
    }


def _not_known(rule: "Rule", values: "JSON") -> list[str] | None:
    """The names of the rule that had no value; None if the values are of another rule than is configured now."""
    catalogs = {
        f'catalog("{name}")': any(label.startswith(f'catalog("{name}")') for label in values) for name in rule.catalogs
    }
    names = set(rule.names) - {"catalog"}
    if any(label not in names and not label.startswith(tuple(catalogs)) for label in values):
        return None
    return sorted(names - values.keys()) + sorted(label for label, seen in catalogs.items() if not seen)


def _delivery(delivery: "DeliveryTrace") -> dict[str, Any]:
    return {
        "receiver": delivery.receiver,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "first_try_at": _iso(delivery.first_try_at),
        "next_try_at": iso(delivery.next_try_at) if delivery.state == "waiting" else None,
        "finished_at": _iso(delivery.finished_at),
        "error": delivery.error,
        "status": delivery.status,
    }


def _watches(
    connection: "Connection", config: "Config", stock: Stock, on_it: Looks, now: datetime, only: str | None
) -> list[dict[str, Any]]:
    """The configured watches: how each looks at the stock (`through` is empty if it does not), and how that goes."""
    from ampel_watch.storage import history, looks, overview

    looking = {found.watch.name: found for found in on_it.of(config.watches)}
    first_looks = looks.first_looks_at(connection, {target for found in looking.values() for target in found.targets})
    rows, outcomes = overview.watch_rows(connection), history.outcomes_of(connection, stock.key)
    ended = dict(ended_entries(config, stock, now))
    return [
        {
            **_watch(watch, looking.get(watch.name), first_looks, rows.get(watch.name, {})),
            "late": is_late(watch, rows.get(watch.name, {}).get("succeeded_at"), now),
            "ended_at": _iso(ended.get(watch.name)),
            "decisions": outcomes.get(watch.name, {}),
        }
        for watch in config.watches
        if only in (None, watch.name)
    ]


def _watch(watch: "Watch", found: Looking | None, first_looks: "FirstLooks", row: dict[str, Any]) -> dict[str, Any]:
    targets = found.targets if found is not None else ()
    looked = [first_looks[watch.name, target].looked_at for target in targets if (watch.name, target) in first_looks]
    return {
        "name": watch.name,
        "through": list(found.through) if found is not None else [],
        "note": found.note if found is not None else None,
        "channels": list(watch.channels),
        "cones": len(watch.positions),
        "every_s": watch.every.total_seconds(),
        "since": _iso(min(looked, default=None)),
        "looked_at": _iso(row.get("looked_at")),
        "succeeded_at": _iso(row.get("succeeded_at")),
        "next_due_at": _iso(row.get("next_due_at")),
        "error": row.get("error"),
        "on": sorted(watch.on),
        "when": watch.when.text if watch.when is not None else None,
    }


def _services(connection: "Connection", config: "Config") -> list[dict[str, Any]]:
    """How the configured services were found last."""
    from ampel_watch.storage.overview import service_rows

    rows = service_rows(connection)
    names = [name for name, settings in config.services if settings is not None]
    return [
        {
            "name": name,
            "succeeded_at": _iso(rows.get(name, {}).get("succeeded_at")),
            "failing_since": _iso(rows.get(name, {}).get("failing_since")),
            "error": rows.get(name, {}).get("error"),
        }
        for name in names
    ]


def _iso(when: datetime | None) -> str | None:
    return None if when is None else iso(when)
