"""Which watch a change concerns, and whether it is news to it. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ampel_watch.config import Watch, WatchedPosition, WatchedStock
from ampel_watch.model import Change, StockKey
from ampel_watch.pipeline.cones import circle_of, cone_of, is_active
from ampel_watch.storage.changes import Recorded
from ampel_watch.storage.looks import FirstLook, FirstLooks, channel_target, cone_target, stock_target

_FIRST_LOOK_LASTS = timedelta(days=1)
_OF_A_CHANNEL = frozenset({"channel_match", "channel_left"})
_OF_A_CONE = "cone_match"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a watch makes of a change before its rule is asked: `news`, and otherwise the reason for silence."""

    news: bool
    reason: str


class Selector:
    """Finds the watches that a change concerns, over all configured ones."""

    def __init__(self, watches: Iterable[Watch]) -> None:
        self._watches = {watch.name: watch for watch in watches}
        self._by_stock: dict[StockKey, dict[str, list[WatchedStock]]] = {}
        self._by_cone: dict[str, dict[str, list[WatchedPosition]]] = {}
        self._by_channel: dict[str, set[str]] = {}
        for watch in self._watches.values():
            for stock in watch.stocks:
                self._by_stock.setdefault(stock.key, {}).setdefault(watch.name, []).append(stock)
            for position in watch.positions:
                by_watch = self._by_cone.setdefault(circle_of(position).key, {})
                by_watch.setdefault(watch.name, []).append(position)
            for channel in watch.channels:
                self._by_channel.setdefault(channel, set()).add(watch.name)

    def concerned(self, recorded: Recorded, around: Collection[str] = ()) -> list[tuple[Watch, list[str]]]:
        """The watches that look at this stock or channel, and the targets through which each sees the change.

        Parameters
        ----------
        around: the cones in which the stock was found.
        """
        change = recorded.change
        if recorded.only_watch is not None and _is_first_look(change):
            return [(watch, []) for watch in self._watches.values() if watch.name == recorded.only_watch]
        if change.kind == _OF_A_CONE:
            targets = {name: [cone_target(cone_of(change))] for name in self._by_cone.get(cone_of(change), ())}
        else:
            targets = self._targets(change.key, channels_of(recorded), around, change.seen_at)
        return [
            (watch, targets[watch.name])
            for watch in self._watches.values()
            if watch.name in targets and recorded.only_watch in (None, watch.name) and _is_of(watch, change)
        ]

    def watching(
        self, key: StockKey, channels: Collection[str], at: datetime, around: Collection[str] = ()
    ) -> list[Watch]:
        """The watches that look at a stock: by its name, through these channels, or where it was found (`around`)."""
        targets = self._targets(key, channels, around, at)
        return [watch for watch in self._watches.values() if watch.name in targets]

    def _targets(
        self, key: StockKey, channels: Collection[str], around: Collection[str], at: datetime
    ) -> dict[str, list[str]]:
        """Watch → the targets through which it sees a stock."""
        targets: dict[str, list[str]] = {}
        for channel in sorted(channels):
            for name in self._by_channel.get(channel, ()):
                targets.setdefault(name, []).append(channel_target(channel))
        entries: list[Mapping[str, Sequence[WatchedStock | WatchedPosition]]] = [self._by_stock.get(key, {})]
        entries += [self._by_cone.get(cone, {}) for cone in sorted(around)]
        for name in {name for by_watch in entries for name, of_watch in by_watch.items() if _any_active(of_watch, at)}:
            targets.setdefault(name, []).append(stock_target(key.survey, key.id))
        return targets


def _any_active(entries: Iterable[WatchedStock | WatchedPosition], at: datetime) -> bool:
    return any(is_active(entry, at) for entry in entries)


def _is_first_look(change: Change) -> bool:
    """Whether it is what a watch saw at its first look, and asked to be told of."""
    return bool(change.after.get("first_look"))


def channels_of(recorded: Recorded) -> frozenset[str]:
    """The channels through which a change reaches watches."""
    change = recorded.change
    if change.kind in _OF_A_CHANNEL:
        return frozenset({change.channel} if change.channel else ())
    return recorded.channels


def _is_of(watch: Watch, change: Change) -> bool:
    """A watch with `channels` hears of entering and leaving those only, whatever stocks it names beside them."""
    return change.kind not in _OF_A_CHANNEL or not watch.channels or change.channel in watch.channels


def judge(watch: Watch, recorded: Recorded, targets: Collection[str], first_looks: FirstLooks) -> Judgement:
    """Whether the change is news to the watch: after its first look, and of a kind that it asked for."""
    if recorded.only_watch is not None and _is_first_look(recorded.change):
        return Judgement(True, "the first look, and the watch asked to be told of it")
    looked = [first_looks[watch.name, target] for target in targets if (watch.name, target) in first_looks]
    if not any(look.after_change < recorded.seq for look in looked):
        return Judgement(False, "older than the watch's first look")
    if _was_there_before(watch, recorded, looked):
        return Judgement(False, f"it was in {recorded.change.channel} before the watch's first look")
    if recorded.change.kind not in watch.on:
        return Judgement(False, f"the watch does not ask for {recorded.change.kind}")
    return Judgement(True, "the watch asked for it")


def _was_there_before(watch: Watch, recorded: Recorded, looked: Collection[FirstLook]) -> bool:
    """Whether the stock had entered before the watch began to look, and the watch does not ask to be told of such.

    What the first search of the archive leads to is read within a day of it, and is the first look.
    """
    entered, seen = recorded.entered_at, recorded.change.seen_at
    if entered is None or any(entered > look.looked_at for look in looked):
        return False
    return watch.initial != "notify" or all(seen - look.looked_at > _FIRST_LOOK_LASTS for look in looked)
