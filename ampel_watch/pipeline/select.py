"""Which watch a change concerns, and whether it is news to it. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ampel_watch.config import Watch
from ampel_watch.model import Change, StockKey
from ampel_watch.storage.changes import Recorded
from ampel_watch.storage.looks import FirstLook, FirstLooks, channel_target, stock_target

_FIRST_LOOK_LASTS = timedelta(days=1)
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
        self._by_stock: dict[StockKey, dict[str, datetime | None]] = {}
        self._by_channel: dict[str, set[str]] = {}
        for watch in self._watches.values():
            for stock in watch.stocks:
                self._by_stock.setdefault(stock.key, {})[watch.name] = stock.until
            for channel in watch.channels:
                self._by_channel.setdefault(channel, set()).add(watch.name)

    def concerned(self, recorded: Recorded) -> list[tuple[Watch, list[str]]]:
        """The watches that look at this stock or channel, and the targets through which each sees the change."""
        change = recorded.change
        if recorded.only_watch is not None:
            return [(watch, []) for watch in self._watches.values() if watch.name == recorded.only_watch]
        targets: dict[str, list[str]] = {}
        for channel in sorted(channels_of(recorded)):
            for name in self._by_channel.get(channel, ()):
                targets.setdefault(name, []).append(channel_target(channel))
        for name, until in self._by_stock.get(change.key, {}).items():
            if until is None or until > change.seen_at:
                targets.setdefault(name, []).append(stock_target(change.key.survey, change.key.id))
        return [(w, targets[w.name]) for w in self._watches.values() if w.name in targets and _is_of(w, change)]


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
    if recorded.only_watch is not None:
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
