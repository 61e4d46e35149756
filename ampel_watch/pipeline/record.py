"""What a poll writes: snapshots together with the changes that they show, each in one transaction.

Every function here takes an open connection and does its work inside the caller's transaction, so that a crash at any
point leaves either the old snapshot without the change, or the new one with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from ampel_watch.diff import Difference, compare, merge
from ampel_watch.model import Change, Snapshot, StockKey
from ampel_watch.pipeline.alerts import settle_alert
from ampel_watch.storage import changes, looks, stocks
from ampel_watch.storage.reads import PendingRead
from ampel_watch.storage.stocks import Expected, Stored


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer of the live service about one stock.

    Attributes
    ----------
    whole: the stock itself was read; False for a document out of a listing.
    watched: somebody watches this stock; if not, it is stored only if it is in a watched channel.
    alert: the planned read that this answers, if it is one.
    """

    snapshot: Snapshot
    whole: bool = True
    watched: bool = True
    alert: PendingRead | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is the same for all readings of one look.

    Attributes
    ----------
    epoch: of the token's identities.
    unseen_since: end of the last good look before this one, if the service was not seen for unusually long.
    new_to: stock → the watches that never looked at it, with whether they want to be told.
    """

    epoch: int
    unseen_since: datetime | None
    new_to: Mapping[StockKey, Mapping[str, bool]]


@dataclass(frozen=True, slots=True)
class Listed:
    """The channels that had their first look, and those of them whose member set was listed completely."""

    channels: frozenset[str]
    complete: frozenset[str]

    @classmethod
    def now(cls, connection: Connection, epoch: int) -> "Listed":
        """As stored; a channel listed with other identities of the token counts as never listed."""
        looked = {channel: look for channel, look in looks.channels(connection).items() if look.epoch == epoch}
        return cls(frozenset(looked), frozenset(channel for channel, look in looked.items() if look.complete))


def record_readings(connection: Connection, readings: Sequence[Reading], circumstances: Circumstances) -> int:
    """Store what was read and append the changes that it shows; how many there were."""
    keys = {reading.snapshot.key for reading in readings}
    stored, expected = stocks.load(connection, keys), stocks.expected(connection, keys)
    listed = Listed.now(connection, circumstances.epoch)
    found = 0
    for reading in readings:
        key = reading.snapshot.key
        before = stored.get(key)
        if reading.alert is not None:
            settle_alert(connection, reading.alert, reading.snapshot)
        if _is_nothing_new(before, reading, circumstances) or _is_nobodys(before, reading, listed):
            continue
        waited_for = expected.pop(key, None)
        stored[key] = _record_one(connection, before, reading, circumstances, listed, waited_for)
        known = before or waited_for
        found += stored[key].counter - (known.counter if known else 0)
    return found


def _is_nothing_new(before: Stored | None, reading: Reading, circumstances: Circumstances) -> bool:
    return (
        before is not None
        and before.digest == stocks.digest_of(reading.snapshot)
        and _is_as_stored(reading, before.members_of)
        and before.misses == 0
        and before.gone_at is None
        and before.epoch == circumstances.epoch
        and reading.snapshot.key not in circumstances.new_to
    )


def _is_as_stored(reading: Reading, members_of: frozenset[str]) -> bool:
    """The same document may have come in a listing, which adds members but takes none away."""
    channels = reading.snapshot.channels
    return channels is None or channels == members_of or (not reading.whole and channels <= members_of)


def _is_nobodys(before: Stored | None, reading: Reading, listed: Listed) -> bool:
    """A stock that nobody watches and that is in no watched channel: most alerts lead to such."""
    channels = reading.snapshot.channels or frozenset()
    return before is None and not reading.watched and not channels & listed.channels


def _record_one(
    connection: Connection,
    before: Stored | None,
    reading: Reading,
    circumstances: Circumstances,
    listed: Listed,
    waited_for: Expected | None,
) -> Stored:
    seen = reading.snapshot
    members_of = before.members_of if before else frozenset()
    now_in = _update_members(connection, members_of, reading)
    if waited_for is not None and seen.channels is not None:
        # It was watched before the live service showed it: whatever it is in, it has entered.
        listed = replace(listed, channels=listed.channels | seen.channels)
    known = before or waited_for
    counter = known.counter if known else 0
    counter = _append_changes(connection, before, reading, circumstances, listed, members_of | now_in, counter)
    merged = merge(before.snapshot if before else None, _with_position(seen, reading.alert, waited_for))
    counter = _note_first_looks(connection, merged, counter, now_in, circumstances)
    # A document out of a listing cannot take a membership away, so it is no new baseline for other eyes either.
    epoch = circumstances.epoch if before is None or reading.whole else before.epoch
    stocks.save(connection, merged, counter=counter, epoch=epoch)
    return Stored(
        snapshot=replace(merged, channels=now_in if merged.channels is not None else None),
        members_of=now_in,
        digest=stocks.digest_of(seen),
        counter=counter,
        misses=0,
        missed_at=None,
        gone_at=None,
        epoch=epoch,
    )


def _append_changes(
    connection: Connection,
    before: Stored | None,
    reading: Reading,
    circumstances: Circumstances,
    listed: Listed,
    channels: frozenset[str],
    counter: int,
) -> int:
    """Append what differs from what is stored; the stock's count of changes after that, `counter` being that before.

    `channels` are those that the stock was or is in: through them the change reaches watches, whatever becomes of the
    stock until they are asked.
    """
    new_eyes = before is not None and before.epoch != circumstances.epoch
    differences = compare(
        before.snapshot if before else None,
        reading.snapshot,
        members_of=before.members_of if before else frozenset(),
        listed=listed.complete if new_eyes else listed.channels,
        whole=reading.whole,
        baseline=new_eyes,
    )
    for number, difference in enumerate(differences, counter + 1):
        entered_at = _entered_at(difference, reading, listed) if before is None else None
        change = change_of(reading.snapshot, difference, number, circumstances.unseen_since)
        changes.append(connection, change, channels, entered_at=entered_at)
    return counter + len(differences)


def _with_position(seen: Snapshot, *others: PendingRead | Expected | None) -> Snapshot:
    """The live record often has no position; the alert that led to it does, now or when the stock was first found."""
    for other in others:
        if seen.ra_deg is None and other is not None:
            seen = replace(seen, ra_deg=other.ra_deg, dec_deg=other.dec_deg)
    return seen


def _entered_at(difference: Difference, reading: Reading, listed: Listed) -> datetime | None:
    """When a stock met for the first time entered, where only that tells a new member from one never listed."""
    if difference.kind != "channel_match" or difference.channel in listed.complete:
        return None
    created = reading.snapshot.created
    entered = created.get(difference.channel or "")
    return entered or (reading.alert.alert_at if reading.alert else created.get("any"))


def change_of(snapshot: Snapshot, difference: Difference, counter: int, unseen_since: datetime | None) -> Change:
    """A difference as the n-th change of a stock, seen when the snapshot was read."""
    return Change(
        key=snapshot.key,
        name=snapshot.name,
        kind=difference.kind,
        counter=counter,
        before=difference.before,
        after=difference.after,
        seen_at=snapshot.read_at,
        channel=difference.channel,
        unseen_since=unseen_since,
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
        difference = Difference("channel_match", {}, after, channel)
        change = change_of(snapshot, difference, counter, None)
        changes.append(connection, change, frozenset(channels), only_watch=watch)
    return counter


def record_channel_look(
    connection: Connection,
    channel: str,
    look: looks.ChannelLook,
    new_to: Mapping[str, bool],
) -> None:
    """Record a finished look at a channel: from here on it is listed, also for the watches that are new to it.

    Parameters
    ----------
    new_to: the watches that never looked at this channel, with whether they want to be told.
    """
    looks.note_channel(connection, channel, look)
    target = looks.channel_target(channel)
    looks.note_first_looks(connection, [(watch, target) for watch in new_to], look.looked_at)
    told = sorted(watch for watch, tell in new_to.items() if tell)
    if not told:
        return
    for key, stored in stocks.load(connection, stocks.members_in(connection, {channel})).items():
        counter = stored.counter
        for watch in told:
            counter = announce(connection, replace(stored.snapshot, read_at=look.looked_at), {channel}, counter, watch)
        stocks.set_counter(connection, key, counter)
