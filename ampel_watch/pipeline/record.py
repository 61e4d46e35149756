"""What a poll writes: snapshots together with the changes that they show, each in one transaction.

Every function here takes an open connection and does its work inside the caller's transaction, so that a crash at any
point leaves either the old snapshot without the change, or the new one with it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ampel_watch.diff import GONE_AFTER_READINGS, Difference, compare, counts_as_gone, merge
from ampel_watch.model import Change, Snapshot, StockKey
from ampel_watch.storage import changes, looks, reads, stocks
from ampel_watch.storage.reads import PendingRead
from ampel_watch.storage.stocks import Stored

# The live record of an alert may come minutes to hours after the alert itself.
READ_AGAIN_AFTER = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer of the live service about one stock.

    Attributes
    ----------
    whole: the stock itself was read; False for a document out of a listing.
    wanted: somebody watches this stock; if not, it is stored only if it is in a watched channel.
    alert: the planned read that this answers, if it is one.
    """

    snapshot: Snapshot
    whole: bool = True
    wanted: bool = True
    alert: PendingRead | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is the same for all readings of one pass.

    Attributes
    ----------
    epoch: of the token's identities.
    unseen_since: end of the last good look before this pass, if the service was not seen for unusually long.
    first_looks: stock → the watches whose first look at it this is, with whether they want to be told.
    """

    epoch: int
    unseen_since: datetime | None
    first_looks: Mapping[StockKey, Mapping[str, bool]]


def record_readings(connection: Connection, readings: Sequence[Reading], circumstances: Circumstances) -> int:
    """Store what was read and append the changes that it shows; how many there were."""
    stored = stocks.load(connection, {reading.snapshot.key for reading in readings})
    looked = looks.channels(connection)
    listed = {channel for channel, look in looked.items() if look.epoch == circumstances.epoch}
    listed_completely = {channel for channel in listed if looked[channel].complete}
    found = 0
    for reading in readings:
        key = reading.snapshot.key
        before = stored.get(key)
        if reading.alert is not None:
            _settle_alert(connection, reading.alert, reading.snapshot)
        if _is_nothing_new(before, reading, circumstances):
            continue
        after = _record_one(connection, before, reading, circumstances, listed, listed_completely)
        if after is not None:
            found += after.changes - (before.changes if before else 0)
            stored[key] = after
    return found


def _is_nothing_new(before: Stored | None, reading: Reading, circumstances: Circumstances) -> bool:
    return (
        before is not None
        and before.digest == stocks.digest_of(reading.snapshot)
        and before.misses == 0
        and before.gone_at is None
        and before.epoch == circumstances.epoch
        and reading.snapshot.key not in circumstances.new_to
    )


def _record_one(
    connection: Connection,
    before: Stored | None,
    reading: Reading,
    circumstances: Circumstances,
    listed: Collection[str],
    listed_completely: Collection[str],
) -> Stored | None:
    seen = reading.snapshot
    if before is None and not reading.wanted and not (seen.channels or frozenset()) & set(listed):
        return None
    members_of = before.members_of if before else frozenset()
    new_eyes = before is not None and before.epoch != circumstances.epoch
    differences = compare(
        before.snapshot if before else None,
        seen,
        members_of=members_of,
        listed=listed,
        whole=reading.whole,
        baseline=new_eyes,
    )
    merged = merge(before.snapshot if before else None, _with_position(seen, reading.alert))
    counter = before.changes if before else 0
    for difference in differences:
        counter += 1
        entered_at = _entered_at(difference, reading, listed_completely) if before is None else None
        changes.append(connection, _change(merged, difference, counter, circumstances), entered_at=entered_at)
    now_in = _update_members(connection, members_of, reading)
    counter = _note_first_looks(connection, merged, counter, now_in, circumstances)
    stocks.save(connection, merged, changes=counter, epoch=circumstances.epoch)
    return Stored(
        snapshot=replace(merged, channels=now_in if merged.channels is not None else None),
        members_of=now_in,
        digest=stocks.digest_of(seen),
        changes=counter,
        misses=0,
        missed_at=None,
        gone_at=None,
        epoch=circumstances.epoch,
    )


def _with_position(seen: Snapshot, alert: PendingRead | None) -> Snapshot:
    """The live record often has no position; the alert that led to it does."""
    if alert is None or seen.ra_deg is not None:
        return seen
    return replace(seen, ra_deg=alert.ra_deg, dec_deg=alert.dec_deg)


def _entered_at(difference: Difference, reading: Reading, listed_completely: Collection[str]) -> datetime | None:
    """When a stock met for the first time entered, where only that tells a new member from one never listed."""
    if difference.kind != "channel_match" or difference.channel in listed_completely:
        return None
    entered = reading.snapshot.created.get(difference.channel or "")
    return entered or (reading.alert.alert_at if reading.alert else None)


def _change(snapshot: Snapshot, difference: Difference, counter: int, circumstances: Circumstances) -> Change:
    return Change(
        key=snapshot.key,
        name=snapshot.name,
        kind=difference.kind,
        counter=counter,
        before=difference.before,
        after=difference.after,
        seen_at=snapshot.read_at,
        channel=difference.channel,
        unseen_since=circumstances.unseen_since,
    )


def _update_members(connection: Connection, members_of: frozenset[str], reading: Reading) -> frozenset[str]:
    channels = reading.snapshot.channels
    if channels is None:
        return members_of
    stocks.enter(connection, reading.snapshot.key, channels - members_of)
    if not reading.whole:
        return members_of | channels
    stocks.leave(connection, reading.snapshot.key, members_of - channels)
    return channels


def _note_first_looks(
    connection: Connection, snapshot: Snapshot, counter: int, channels: frozenset[str], circumstances: Circumstances
) -> int:
    watches = circumstances.new_to.get(snapshot.key)
    if not watches:
        return counter
    target = looks.stock_target(snapshot.key.survey, snapshot.key.id)
    looks.note_first_looks(connection, [(watch, target) for watch in watches], snapshot.read_at)
    for watch in sorted(watch for watch, tell in watches.items() if tell):
        counter = announce(connection, snapshot, channels, counter, watch)
    return counter


def announce(connection: Connection, snapshot: Snapshot, channels: Iterable[str], counter: int, watch: str) -> int:
    """Append, for one watch that asked for it, that the stock is in these channels at the first look."""
    for channel in sorted(channels):
        counter += 1
        after = {"channels": sorted(channels), "channel": channel, "first_look": True}
        change = Change(snapshot.key, snapshot.name, "channel_match", counter, {}, after, snapshot.read_at, channel)
        changes.append(connection, change, only_watch=watch)
    return counter


def _settle_alert(connection: Connection, alert: PendingRead, seen: Snapshot | None) -> None:
    """End the planned read, or put it off as long as the live record is older than the alert."""
    planned = reads.planned(connection, alert.key)
    if planned is None or planned.alert_at > alert.alert_at:
        return  # a newer alert came in meanwhile: its own plan stands
    newest = seen.last_change if seen else None
    if (newest is not None and newest >= alert.alert_at) or alert.step >= len(READ_AGAIN_AFTER):
        reads.settle(connection, alert.key)
    else:
        due_at = alert.found_at + READ_AGAIN_AFTER[alert.step]
        reads.postpone(connection, alert.key, step=alert.step + 1, due_at=due_at)


def record_unreadable_alerts(connection: Connection, alerts: Iterable[PendingRead]) -> None:
    """Put off planned reads that found no stock: most alerts pass no channel, so that is no sign of anything."""
    for alert in alerts:
        _settle_alert(connection, alert, None)


def record_misses(
    connection: Connection,
    missing: Mapping[StockKey, timedelta],
    now: datetime,
    unseen_since: datetime | None,
) -> int:
    """Count readings that say "no such stock"; the last one needed makes a `vanished` change.

    Parameters
    ----------
    missing: stock → the `every` of the watch that asked most often.
    """
    found = 0
    for key, stored in stocks.load(connection, missing.keys()).items():
        if stored.gone_at is not None or not counts_as_gone(stored.missed_at, now, missing[key]):
            continue
        misses = stored.misses + 1
        gone = misses >= GONE_AFTER_READINGS
        counter = stored.changes + gone
        stocks.note_miss(connection, key, misses=misses, missed_at=now, changes=counter, gone_at=now if gone else None)
        if gone:
            found += 1
            change = _vanished(stored, counter, now, unseen_since)
            changes.append(connection, change)
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


def record_channel_look(
    connection: Connection,
    channel: str,
    look: looks.ChannelLook,
    watches: Mapping[str, bool],
) -> None:
    """Record a finished look at a channel: from here on it is listed, also for the watches that are new to it.

    Parameters
    ----------
    watches: the watches whose first look at this channel this is, with whether they want to be told.
    """
    looks.note_channel(connection, channel, look)
    target = looks.channel_target(channel)
    looks.note_first_looks(connection, [(watch, target) for watch in watches], look.looked_at)
    told = sorted(watch for watch, tell in watches.items() if tell)
    if not told:
        return
    for key, stored in stocks.load(connection, stocks.members_in(connection, {channel})).items():
        counter = stored.changes
        for watch in told:
            counter = announce(connection, replace(stored.snapshot, read_at=look.looked_at), {channel}, counter, watch)
        stocks.count_changes(connection, key, counter)
