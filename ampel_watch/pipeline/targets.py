"""What the due watches look at, put together so that each thing is fetched once for all of them. Pure."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ampel_watch.config import Watch
from ampel_watch.model import StockKey
from ampel_watch.storage.looks import FirstLooks, channel_target, stock_target


@dataclass(frozen=True, slots=True)
class Named:
    """A stock that watches name: how often it is wanted, and by whom."""

    name: str
    every: timedelta
    watches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Targets:
    """All that one look is at.

    Attributes
    ----------
    stocks: the named stocks.
    channels: channel → the watches that select it.
    every: channel → the shortest `every` of those.
    tells: watch → whether it wants to be told of its first look.
    with_channels: the watches that select channels.
    searches: archive searches: filter (as canonical JSON) → channels found by it.
    """

    stocks: Mapping[StockKey, Named]
    channels: Mapping[str, tuple[str, ...]]
    every: Mapping[str, timedelta]
    tells: Mapping[str, bool]
    searches: Mapping[str, tuple[str, ...]]
    with_channels: frozenset[str]

    def targets(self) -> list[str]:
        """The targets as first looks name them."""
        named = [stock_target(key.survey, key.id) for key in self.stocks]
        return named + [channel_target(channel) for channel in self.channels]

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


def targets_of(watches: Iterable[Watch], now: datetime) -> Targets:
    """Put together what these watches look at; entries whose `until` has passed are left out."""
    stocks: dict[StockKey, Named] = {}
    channels: dict[str, list[str]] = defaultdict(list)
    every: dict[str, timedelta] = {}
    searches: dict[str, set[str]] = defaultdict(set)
    tells: dict[str, bool] = {}
    for watch in watches:
        tells[watch.name] = watch.initial == "notify"
        for stock in watch.stocks:
            if stock.until is None or stock.until > now:
                stocks[stock.key] = _with_watch(stocks.get(stock.key), stock.name, watch)
        for channel in watch.channels:
            channels[channel].append(watch.name)
            every[channel] = min(watch.every, every.get(channel, watch.every))
            searches[filter_text(watch.candidates)].add(channel)
    return Targets(
        stocks=stocks,
        channels={channel: tuple(names) for channel, names in channels.items()},
        every=every,
        tells=tells,
        searches={text: tuple(sorted(found)) for text, found in searches.items()},
        with_channels=frozenset(name for names in channels.values() for name in names),
    )


def _with_watch(named: Named | None, name: str, watch: Watch) -> Named:
    if named is None:
        return Named(name, watch.every, (watch.name,))
    return Named(name, min(named.every, watch.every), (*named.watches, watch.name))


def filter_text(candidates: Mapping[str, Any] | None) -> str:
    """An archive filter as canonical JSON; `{}` for none."""
    return json.dumps(dict(candidates or {}), sort_keys=True, separators=(",", ":"))
