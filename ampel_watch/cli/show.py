"""`show`: everything known of one stock."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ampel_watch.cli.options import Setup, config_option, json_option
from ampel_watch.cli.output import print_json
from ampel_watch.cli.stock import Looking, Looks, Stock, not_met, stock_argument
from ampel_watch.errors import AmpelWatchError
from ampel_watch.model import EventStock, iso

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ampel_watch.config import Config
    from ampel_watch.lightcurve import LightCurve
    from ampel_watch.storage.light_curves import StoredCurve
    from ampel_watch.storage.matches import StoredMatches
    from ampel_watch.storage.stocks import Stored

_EVENTS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Known:
    """What the state holds of a stock; None for each part that no look has brought yet."""

    stock: Stock
    live: "Stored | None"
    body: str | None
    curve: "StoredCurve | None"
    matches: "StoredMatches | None"
    looking: list[Looking]
    events: list[dict[str, Any]]

    @property
    def light_curve(self) -> "LightCurve | None":
        """The measurements, if there is any."""
        return None if self.curve is None or self.curve.curve.is_empty else self.curve.curve

    @property
    def position(self) -> tuple[float, float] | None:
        """RA and Dec, degrees: of the measurements, else where the catalogs were asked, else of the live record."""
        measured = self.light_curve.position() if self.light_curve is not None else None
        if measured is not None:
            return measured
        if self.matches is not None:
            return self.matches.ra_deg, self.matches.dec_deg
        live = self.live.snapshot if self.live is not None else None
        if live is None or live.ra_deg is None or live.dec_deg is None:
            return None
        return live.ra_deg, live.dec_deg


@click.command()
@stock_argument
@config_option
@json_option
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.png",
    help="Draw the light curve into this file too.",
)
@click.pass_obj
def show(setup: Setup, stock: Stock, as_json: bool, plot: Path | None) -> None:
    """Show everything known of one stock.

    STOCK is a ZTF name or an AMPEL id. What is shown comes from the state; no service is asked, and a running daemon is
    not disturbed.
    """
    from ampel_watch.clock import SystemClock
    from ampel_watch.storage import Database

    config, _ = setup.load()
    now = SystemClock().now()
    with contextlib.closing(Database.open_for_reading(setup.state_url(config))) as database:
        known = database.run_now(lambda c: look_up(c, config, stock, now))
    document = describe(known, config, now)
    if plot is not None:
        _draw(known, document["host"], config, plot)
    if as_json:
        print_json(document)
    else:
        from ampel_watch.cli.show_words import tell

        tell(document, known.light_curve, config)


def look_up(connection: "Connection", config: "Config", stock: Stock, now: datetime) -> Known:
    """What the state holds of the stock; AmpelWatchError if no look ever met it."""
    from ampel_watch.storage import history, light_curves, matches, stocks
    from ampel_watch.storage.overview import EventFilter, list_events

    if not history.is_known(connection, stock.key):
        raise not_met(config, stock, now)
    live = stocks.load(connection, [stock.key]).get(stock.key)
    events = list_events(connection, EventFilter(stock=stock.name, limit=_EVENTS_SHOWN))
    return Known(
        stock=stock,
        live=live,
        body=stocks.body(connection, stock.key),
        curve=light_curves.load_one(connection, stock.key),
        matches=matches.load_one(connection, stock.key),
        looking=Looks(connection, stock, now).of(config.watches),
        events=[json.loads(body) for _, body in events],
    )


def describe(known: Known, config: "Config", now: datetime) -> dict[str, Any]:
    """All that `show` shows, as one JSON document."""
    from ampel_watch.links import links_for

    stock, position = known.stock, known.position
    channels = sorted(known.live.members_of) if known.live is not None else []
    ra_deg, dec_deg = position or (None, None)
    features = _features(known, now)
    host = _host(known, config, features)
    found = known.matches.found if known.matches is not None else {}
    return {
        "time": iso(now),
        "stock": {
            "survey": stock.key.survey,
            "id": stock.key.id,
            "name": stock.name,
            "ra_deg": ra_deg,
            "dec_deg": dec_deg,
            "channels": channels,
        },
        "record": _record(known.live, channels),
        "snapshot": None if known.body is None else json.loads(known.body),
        "features": features,
        "light_curve": _light_curve(known.curve),
        "host": host,
        "catalogs": {
            name: None if match is None else {"dist_arcsec": match.dist_arcsec, "body": match.body}
            for name, match in found.items()
        },
        "classes": dict(known.matches.classes) if known.matches is not None else {},
        "matched_at": None if known.matches is None else iso(known.matches.looked_at),
        "watches": [{"name": one.watch.name, "through": list(one.through), "note": one.note} for one in known.looking],
        "events": known.events,
        "links": links_for(
            EventStock(stock.key.survey, stock.key.id, stock.name, ra_deg, dec_deg, tuple(channels)),
            host["tns_name"] if host is not None else None,
        ),
    }


def _record(live: "Stored | None", channels: list[str]) -> dict[str, Any] | None:
    """The live record: since when the stock is in its channels, first and last touch, and whether it is gone."""
    if live is None:
        return None
    snapshot = live.snapshot
    created, last = min(snapshot.created.values(), default=None), snapshot.last_change
    return {
        "channels": {name: _iso(snapshot.created.get(name)) for name in channels},
        "created": _iso(created),
        "last_changed": _iso(last),
        "unchanged_since": iso(snapshot.read_at),
        "gone_at": _iso(live.gone_at),
        "changes": live.counter,
    }


def _features(known: Known, now: datetime) -> dict[str, Any] | None:
    if known.light_curve is None:
        return None
    from ampel_watch.features import features_of
    from ampel_watch.julian import jd_of

    return features_of(known.light_curve, jd_of(now)).to_json()


def _light_curve(stored: "StoredCurve | None") -> dict[str, Any] | None:
    if stored is None:
        return None
    return {
        "watched_since": iso(stored.baseline_at),
        "looked_at": _iso(stored.looked_at),
        "whole": stored.whole,
        **stored.curve.to_json(),
    }


def _host(known: Known, config: "Config", features: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the matches say of the host; None if the catalogs have not been asked."""
    if known.matches is None:
        return None
    from ampel_watch.hosts import host_facts

    return host_facts(config.catalogs, known.matches.found, mag=features["mag"] if features is not None else None)


def _draw(known: Known, host: Mapping[str, Any] | None, config: "Config", path: Path) -> None:
    """Write the picture of the light curve; AmpelWatchError if there is none, or no way to write it."""
    from ampel_watch.pictures import draw_light_curve

    curve, facts = known.light_curve, host or {}
    picture = None
    if curve is not None:
        picture = draw_light_curve(
            curve,
            name=known.stock.name,
            dist_mod_mag=facts.get("dist_mod_mag"),
            z=facts.get("z"),
            timezone=config.timezone,
        )
    if picture is None:
        raise AmpelWatchError(f"no light curve of {known.stock.name} is stored, so there is nothing to draw")
    try:
        path.write_bytes(picture)
    except OSError as error:
        raise AmpelWatchError(f"cannot write the picture to {path}: {error.strerror}") from None


def _iso(when: datetime | None) -> str | None:
    return None if when is None else iso(when)
