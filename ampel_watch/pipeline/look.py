"""One look: what it is to find out, what it found so far, and what kept it from being complete."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ampel_watch import ztf
from ampel_watch.clock import Clock
from ampel_watch.errors import ServiceError
from ampel_watch.model import StockKey
from ampel_watch.pipeline.record import Circumstances
from ampel_watch.pipeline.targets import Targets
from ampel_watch.storage.looks import ChannelLook, FirstLooks

# A gap between good looks is worth telling once it is clearly longer than the watches ask for.
_GAP_AT_LEAST = timedelta(minutes=10)
_GAP_IN_PERIODS = 2


@dataclass(slots=True)
class Report:
    """How a look went.

    Attributes
    ----------
    errors: watch → why its look is not complete; watches without an entry went well.
    warnings: what is worth a line in the log and no failure.
    due: watch → when it is due again.
    read, changes: stocks read, changes recorded.
    more: stocks are left that should have been read: look again at once.
    """

    started: datetime
    errors: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    due: dict[str, datetime] = field(default_factory=dict)
    read: int = 0
    changes: int = 0
    more: bool = False


@dataclass(slots=True)
class Look:
    """What one look knows: its targets, what was stored when it began, and what went wrong.

    Attributes
    ----------
    identity: of the token, when the look began.
    good_answers: calls that the live service answered as it should.
    stocks_seen: stocks that it showed: only a service that knows some can be believed to have lost one.
    archive_unseen_since: end of the last good look at the archive, if it was not seen for unusually long.
    listed, missing: stocks that a listing showed, and watched ones that it says it does not have.
    """

    targets: Targets
    report: Report
    circumstances: Circumstances
    first_looks: FirstLooks
    channel_looks: dict[str, ChannelLook]
    changed: asyncio.Event
    identity: str | None
    archive_unseen_since: datetime | None = None
    watch_errors: dict[str, ServiceError] = field(default_factory=dict)
    channel_errors: dict[str, ServiceError] = field(default_factory=dict)
    stock_errors: dict[StockKey, ServiceError] = field(default_factory=dict)
    members_that_failed: Mapping[StockKey, frozenset[str]] = field(default_factory=dict)
    archive_asked: bool = False
    archive_error: ServiceError | None = None
    live_error: ServiceError | None = None
    good_answers: int = 0
    stocks_seen: int = 0
    listed: set[StockKey] = field(default_factory=set)
    missing: set[StockKey] = field(default_factory=set)

    def count(self, changes: int) -> None:
        """Count changes that were recorded, and wake who evaluates them."""
        self.report.changes += changes
        if changes:
            self.changed.set()


def name_troubles(look: Look) -> None:
    """Say of each watch what kept its look from being complete."""
    targets, errors = look.targets, look.report.errors
    troubles: dict[str, list[str]] = defaultdict(list)
    for watch, error in look.watch_errors.items():
        troubles[watch].append(str(error))
    for channel, error in look.channel_errors.items():
        for watch in targets.channels[channel]:
            troubles[watch].append(str(error))
    for key, error in sorted(look.stock_errors.items()):
        for watch in _watches_of(look, key):
            troubles[watch].append(f"{error}, for {name_of(key)}")
    for watch, found in troubles.items():
        errors[watch] = found[0] + (f" and {len(found) - 1} more" if len(found) > 1 else "")
    if look.live_error is not None:
        errors |= dict.fromkeys(targets.tells, str(look.live_error))


def _watches_of(look: Look, key: StockKey) -> set[str]:
    """Who cannot know what became of a stock that failed: those that name it, and those of its channels."""
    named = look.targets.stocks.get(key)
    watches = set(named.watches) if named else set()
    for channel in look.members_that_failed.get(key, ()):
        watches.update(look.targets.channels.get(channel, ()))
    return watches


def name_of(key: StockKey) -> str:
    """What people call a stock."""
    return ztf.name_of(key.id) if key.survey == "ztf" else f"{key.survey}/{key.id}"


def gap(last_good: datetime | None, clock: Clock, every: timedelta) -> datetime | None:
    """The end of the last good look, if nothing was seen for unusually long since."""
    usual = max(_GAP_AT_LEAST, every * _GAP_IN_PERIODS)
    if last_good is None or clock.real_seconds_since(last_good) <= usual.total_seconds():
        return None
    return last_good
