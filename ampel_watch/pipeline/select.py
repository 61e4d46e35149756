"""Which watch a change concerns, and whether it is news to it. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ampel_watch.config import Watch
from ampel_watch.model import Change, StockKey
from ampel_watch.storage.changes import Recorded
from ampel_watch.storage.looks import FirstLooks, channel_target, stock_target

_OF_A_CHANNEL = frozenset({"channel_match", "channel_left"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a watch makes of a change before its rule is asked: `news`, and otherwise the reason for silence."""

    news: bool
    reason: str


class Selector:
    """Finds the watches that a change concerns, over all configured ones."""

    def __init__(self, watches: Iterable[Watch]) -> None:
        self._watches = {watch.name: watch for watch in watches}
        self._by_stock: dict[StockKey, set[str]] = {}
        self._by_channel: dict[str, set[str]] = {}
        for watch in self._watches.values():
            for stock in watch.stocks:
                self._by_stock.setdefault(stock.key, set()).add(watch.name)
            for channel in watch.channels:
                self._by_channel.setdefault(channel, set()).add(watch.name)

    def concerned(self, recorded: Recorded, members_of: Collection[str]) -> list[Watch]:
        """The watches that look at this stock or channel, in the order of the configuration."""
        change = recorded.change
        if recorded.only_watch is not None:
            return [w for w in self._watches.values() if w.name == recorded.only_watch]
        names = set(self._by_stock.get(change.key, ()))
        for channel in channels_of(change, members_of):
            names |= self._by_channel.get(channel, set())
        return [watch for watch in self._watches.values() if watch.name in names and _is_of(watch, change)]


def channels_of(change: Change, members_of: Collection[str]) -> set[str]:
    """The channels through which a change reaches watches."""
    if change.kind in _OF_A_CHANNEL:
        return {change.channel} if change.channel else set()
    return {*members_of, *change.before.get("channels", ())}


def _is_of(watch: Watch, change: Change) -> bool:
    """A watch with `channels` hears of entering and leaving those only, whatever stocks it names beside them."""
    return change.kind not in _OF_A_CHANNEL or not watch.channels or change.channel in watch.channels


def targets_in(watch: Watch, change: Change, members_of: Collection[str]) -> list[str]:
    """The targets through which this watch sees the change."""
    targets = [channel_target(c) for c in sorted(channels_of(change, members_of)) if c in watch.channels]
    if any(stock.key == change.key for stock in watch.stocks):
        targets.append(stock_target(change.key.survey, change.key.id))
    return targets


def judge(watch: Watch, recorded: Recorded, targets: Collection[str], first_looks: FirstLooks) -> Judgement:
    """Whether the change is news to the watch: after its first look, and of a kind that it asked for."""
    if recorded.only_watch is not None:
        return Judgement(True, "the first look, and the watch asked to be told of it")
    looked = [first_looks[watch.name, target] for target in targets if (watch.name, target) in first_looks]
    if not any(look.after_change < recorded.seq for look in looked):
        return Judgement(False, "older than the watch's first look")
    entered = recorded.entered_at
    if entered is not None and all(entered <= look.looked_at for look in looked):
        return Judgement(False, f"it was in {recorded.change.channel} before the watch's first look")
    if recorded.change.kind not in watch.on:
        return Judgement(False, f"the watch does not ask for {recorded.change.kind}")
    return Judgement(True, "the watch asked for it")
