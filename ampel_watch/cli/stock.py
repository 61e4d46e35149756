"""What `show` and `explain` share: which stock is meant, and which watches look at it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ampel_watch import ztf
from ampel_watch.errors import AmpelWatchError
from ampel_watch.model import StockKey

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ampel_watch.config import Config, Watch, WatchedPosition, WatchedStock

_NEARLY = re.compile(r"(?i)\s*(ztf)?\s*[ _-]?(\d\d)\s*([a-z]{7})\s*")
_NUMBER = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Stock:
    """The stock that the command line names."""

    key: StockKey
    name: str


class _StockType(click.ParamType[Stock]):
    name = "STOCK"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Stock:
        """The stock of a ZTF name or of an AMPEL id."""
        if isinstance(value, Stock):
            return value
        text = str(value)
        try:
            stock_id = int(text) if _NUMBER.fullmatch(text) else ztf.id_of(text)
            return Stock(StockKey("ztf", stock_id), ztf.name_of(stock_id))
        except ValueError as error:
            self.fail(f"{error}{_suggestion(text)}", param, ctx)


def _suggestion(text: str) -> str:
    nearly = _NEARLY.fullmatch(text)
    if nearly and ztf.is_name(name := f"ZTF{nearly[2]}{nearly[3].lower()}"):
        return f"; did you mean {name}?"
    return "; give a name such as ZTF21aaqhhfu, or an AMPEL id such as 119032484"


stock_argument = click.argument("stock", type=_StockType())


@dataclass(frozen=True, slots=True)
class Looking:
    """A watch that looks at a stock.

    Attributes
    ----------
    targets: through what, as first looks name it.
    through: the same in words.
    note: the user's own words about the stock, from the configuration or a watchlist.
    """

    watch: "Watch"
    targets: tuple[str, ...]
    through: tuple[str, ...]
    note: str | None


class Looks:
    """Who looks at one stock now, and through what."""

    def __init__(self, connection: "Connection", stock: Stock, now: datetime) -> None:
        from ampel_watch.storage import cones, looks, stocks

        self._stock = stock
        self._now = now
        self.channels = stocks.members_of(connection, [stock.key]).get(stock.key, frozenset())
        self._cones = {member.cone: member for member in cones.holding(connection, [stock.key])}
        self._first_looks = looks.first_looks_at(connection, {looks.cone_target(cone) for cone in self._cones})

    @property
    def cones(self) -> frozenset[str]:
        """The watched cones in which the stock was found."""
        return frozenset(self._cones)

    def of(self, watches: "Iterable[Watch]") -> list[Looking]:
        """Those of the watches that look at the stock: by its name, through its channels, or where it was found."""
        found = (self._looking(watch) for watch in watches)
        return [looking for looking in found if looking.through]

    def _looking(self, watch: "Watch") -> Looking:
        from ampel_watch.storage.looks import channel_target, cone_target, stock_target

        named = [*_entries(watch, self._stock, self._now)]
        placed = dict(self._positions(watch))
        channels = [channel for channel in watch.channels if channel in self.channels]
        targets = [stock_target(self._stock.key.survey, self._stock.key.id)] if named else []
        targets += [channel_target(channel) for channel in channels] + [cone_target(cone) for cone in placed]
        through = ["its name"] if named else []
        through += channels + [f"the position {cone}″" for cone in placed]
        entries: list[WatchedStock | WatchedPosition] = [*named, *placed.values()]
        words = [text for entry in entries for text in (entry.label, entry.note) if text]
        return Looking(watch, tuple(targets), tuple(through), " · ".join(words) or None)

    def _positions(self, watch: "Watch") -> "Iterator[tuple[str, WatchedPosition]]":
        """The watch's positions through which it follows the stock, by their cones."""
        from ampel_watch.pipeline.cones import circle_of, is_active, is_followed

        for position in watch.positions:
            circle = circle_of(position)
            member = self._cones.get(circle.key)
            if member is None or not is_active(position, self._now):
                continue
            if is_followed(member, watch.name, circle, self._first_looks):
                yield circle.key, position


def _entries(watch: "Watch", stock: Stock, now: datetime) -> "Iterator[WatchedStock]":
    """The entries by which the watch names the stock, but those that have ended."""
    for entry in watch.stocks:
        if entry.key == stock.key and (entry.until is None or entry.until > now):
            yield entry


def not_met(config: "Config", stock: Stock, now: datetime) -> AmpelWatchError:
    """The error for a stock that is not in the state: no look ever met it."""
    named_by = [watch.name for watch in config.watches if any(_entries(watch, stock, now))]
    if not named_by:
        advice = "no watch names it, and it was in no channel or cone that one looks at"
    elif len(named_by) == 1:
        advice = f"{named_by[0]} names it, and meets it at its next look"
    else:
        advice = f"{', '.join(named_by)} name it, and meet it at their next looks"
    return AmpelWatchError(f"no watch has met {stock.name} yet; {advice}")


def ended_entries(config: "Config", stock: Stock, now: datetime) -> Iterator[tuple[str, datetime]]:
    """(watch, `until`) of the entries of this stock that have ended."""
    for watch in config.watches:
        for entry in watch.stocks:
            if entry.key == stock.key and entry.until is not None and entry.until <= now:
                yield watch.name, entry.until
