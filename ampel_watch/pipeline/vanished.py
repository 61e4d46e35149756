"""Stocks that the live service says it does not have: when that is a change, and when it is only a reading."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ampel_watch.diff import GONE_AFTER_READINGS, counts_as_gone
from ampel_watch.model import Change, StockKey
from ampel_watch.storage import changes, stocks
from ampel_watch.storage.stocks import Stored


def record_misses(
    connection: Connection,
    missing: Mapping[StockKey, timedelta],
    now: datetime,
    unseen_since: datetime | None,
) -> int:
    """Count readings that say "no such stock"; the last one needed makes a `vanished` change.

    Parameters
    ----------
    missing: stock → the `every` of the watch that asks most often.
    """
    found = 0
    for key, stored in stocks.load(connection, missing.keys()).items():
        if stored.gone_at is not None or not counts_as_gone(stored.missed_at, now, missing[key]):
            continue
        misses = stored.misses + 1
        gone = misses >= GONE_AFTER_READINGS
        counter = stored.counter + gone
        stocks.note_miss(connection, key, misses=misses, missed_at=now, counter=counter, gone_at=now if gone else None)
        if gone:
            found += 1
            changes.append(connection, _vanished(stored, counter, now, unseen_since), stored.members_of)
            stocks.leave(connection, key, stored.members_of)
    return found


def _vanished(stored: Stored, counter: int, now: datetime, unseen_since: datetime | None) -> Change:
    return Change(
        key=stored.snapshot.key,
        name=stored.snapshot.name,
        kind="vanished",
        counter=counter,
        before={"channels": sorted(stored.members_of)},
        after={},
        seen_at=now,
        unseen_since=unseen_since,
    )
