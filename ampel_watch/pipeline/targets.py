"""What the due watches look at, put together so that each thing is fetched once for all of them. Pure."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ampel_watch.config import Watch
from ampel_watch.diff import PHOTOMETRIC_KINDS
from ampel_watch.model import StockKey
from ampel_watch.pipeline.cones import Found, WatchedCone, cones_of, is_active
from ampel_watch.storage.looks import FirstLooks, channel_target, cone_target, stock_target


@dataclass(frozen=True, slots=True)
class Named:
    """A stock that watches name: how often it is wanted, and by whom.

    Attributes
    ----------
    by_name: False if positions lead to it and no watch names it: AMPEL need not know such a stock.
    """

    name: str
    every: timedelta
    watches: tuple[str, ...]
    by_name: bool = True


@dataclass(frozen=True, slots=True)
class Targets:
    """All that one look is at.

    Attributes
    ----------
    stocks: the named stocks, and those that were found in a cone and are watched since.
    cones: the circles on the sky, by their keys.
    channels: channel → the watches that select it.
    every: channel → the shortest `every` of those.
    tells: watch → whether it wants to be told of its first look.
    with_channels: the watches that select channels.
    follows: the watches that ask for what the archive shows: detections, and changes of brightness.
    searches: archive searches: filter (as canonical JSON) → channels found by it.
    """

    stocks: Mapping[StockKey, Named]
    cones: Mapping[str, WatchedCone]
    channels: Mapping[str, tuple[str, ...]]
    every: Mapping[str, timedelta]
    tells: Mapping[str, bool]
    searches: Mapping[str, tuple[str, ...]]
    with_channels: frozenset[str]
    follows: frozenset[str]

    def targets(self) -> list[str]:
        """The targets as first looks name them."""
        named = [stock_target(key.survey, key.id) for key in self.stocks]
        return named + [channel_target(channel) for channel in self.channels] + [cone_target(key) for key in self.cones]

    def new_to_stock(self, key: StockKey, looked: FirstLooks) -> dict[str, bool]:
        """The watches that never looked at this named stock, with whether they want to be told.

        A watch that has channels is told of entering those only, and by their own first look.
        """
        target = stock_target(key.survey, key.id)
        new = [watch for watch in self.stocks[key].watches if (watch, target) not in looked]
        return {watch: self.tells[watch] and watch not in self.with_channels for watch in new}

    def new_to_channel(self, channel: str, looked: FirstLooks) -> dict[str, bool]:
        """The watches that never looked at this channel, with whether they want to be told."""
        target = channel_target(channel)
        return {w: self.tells[w] for w in self.channels[channel] if (w, target) not in looked}


def targets_of(watches: Sequence[Watch], now: datetime, found: Found) -> Targets:
    """Put together what these watches look at; entries whose `until` has passed are left out."""
    channels: dict[str, list[str]] = defaultdict(list)
    every: dict[str, timedelta] = {}
    searches: dict[str, set[str]] = defaultdict(set)
    tells: dict[str, bool] = {}
    follows: set[str] = set()
    for watch in watches:
        tells[watch.name] = watch.initial == "notify"
        if watch.on.keys() & PHOTOMETRIC_KINDS:
            follows.add(watch.name)
        for channel in watch.channels:
            channels[channel].append(watch.name)
            every[channel] = min(watch.every, every.get(channel, watch.every))
            searches[filter_text(watch.candidates)].add(channel)
    return Targets(
        stocks=_stocks_of(watches, now, found),
        cones=cones_of(watches, now),
        channels={channel: tuple(names) for channel, names in channels.items()},
        every=every,
        tells=tells,
        searches={text: tuple(sorted(found)) for text, found in searches.items()},
        with_channels=frozenset(name for names in channels.values() for name in names),
        follows=frozenset(follows),
    )


def _stocks_of(watches: Iterable[Watch], now: datetime, found: Found) -> dict[StockKey, Named]:
    stocks: dict[StockKey, Named] = {}
    for watch in watches:
        for stock in watch.stocks:
            if is_active(stock, now):
                stocks[stock.key] = _with_watch(stocks.get(stock.key), stock.name, watch)
        for key, name in found.get(watch.name, {}).items():
            stocks[key] = _with_watch(stocks.get(key), name, watch, by_name=False)
    return stocks


def _with_watch(named: Named | None, name: str, watch: Watch, *, by_name: bool = True) -> Named:
    if named is None:
        return Named(name, watch.every, (watch.name,), by_name)
    watches = named.watches if watch.name in named.watches else (*named.watches, watch.name)
    return Named(name, min(named.every, watch.every), watches, by_name or named.by_name)


def filter_text(candidates: Mapping[str, Any] | None) -> str:
    """An archive filter as canonical JSON; `{}` for none."""
    return json.dumps(dict(candidates or {}), sort_keys=True, separators=(",", ":"))
