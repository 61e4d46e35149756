"""What changed between two snapshots of a stock. Pure: no clock, no database, no network.

`compare` finds what the live record itself shows (`channel_match`, `channel_left`, `updated`); `vanished` is found by
counting readings that say the stock is gone (`counts_as_gone`). The table `KINDS` names every kind there is.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ampel_watch.model import JSON, Snapshot, iso

GONE_AFTER_READINGS = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of change. `source` is the service that shows it; `threshold_mag` the default of those that take one."""

    name: str
    source: str
    meaning: str
    threshold_mag: float | None = None
    by_default: bool = True


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("channel_match", "live", "the stock entered a channel"),
        Kind("channel_left", "live", "the stock left a channel"),
        Kind(
            "updated",
            "live",
            "the live record moved on: a newer time or new journal entries",
            by_default=False,
        ),
        Kind("detection", "archive", "the archive has new detections since the last look"),
        Kind("brightening", "archive", "brighter than the reference of a band by this many mag", 0.5),
        Kind("fading", "archive", "fainter than the reference of a band by this many mag", 0.5),
        Kind("crossmatch", "catalog", "a catalog match or a redshift appeared or changed"),
        Kind("classification", "catalog", "a classification appeared or changed"),
        Kind("cone_match", "archive", "a stock appeared in a watched cone where it was not seen before"),
        Kind("vanished", "live", "a known stock is gone"),
    )
}
PHOTOMETRIC_KINDS = frozenset({"detection", "brightening", "fading"})
CATALOG_KINDS = frozenset(kind.name for kind in KINDS.values() if kind.source == "catalog")


@dataclass(frozen=True, slots=True)
class Difference:
    """One change without its identity: the kind, what was and what is, and the channel if membership changed."""

    kind: str
    before: JSON
    after: JSON
    channel: str | None = None


def merge(stored: Snapshot | None, seen: Snapshot) -> Snapshot:
    """The new stored snapshot: `seen`, with the parts that it does not hold kept from `stored`."""
    if stored is None:
        return seen
    return replace(
        seen,
        channels=stored.channels if seen.channels is None else seen.channels,
        created={**stored.created, **seen.created},
        updated={**stored.updated, **seen.updated},
        journal=stored.journal if seen.journal is None else seen.journal,
        ra_deg=stored.ra_deg if seen.ra_deg is None else seen.ra_deg,
        dec_deg=stored.dec_deg if seen.dec_deg is None else seen.dec_deg,
    )


def compare(
    stored: Snapshot | None,
    seen: Snapshot,
    *,
    members_of: Collection[str],
    listed: Collection[str],
    whole: bool = True,
    baseline: bool = False,
) -> tuple[Difference, ...]:
    """All differences between what is stored and what was seen, in a fixed order.

    Parameters
    ----------
    stored: the last snapshot; None at the first sight of the stock.
    members_of: the channels of which the stock is a stored member.
    listed: the channels that have had their first look, where a stock not known as a member is a new one.
    whole: False for a document out of a listing, whose silence about a channel is no evidence of leaving.
    baseline: True if the token sees with other eyes than at the last reading: membership is taken over and not
        compared, but for channels that were listed with the new eyes already.
    """
    found: list[Difference] = []
    if seen.channels is not None:
        known = stored is not None and stored.channels is not None and not baseline
        entered = seen.channels - set(members_of)
        found += [_entered(c, members_of, seen) for c in sorted(entered) if known or c in listed]
        if whole and not baseline:
            found += [_left(c, members_of, seen) for c in sorted(set(members_of) - seen.channels)]
    if stored is not None and (updated := _updated(stored, seen)):
        found.append(updated)
    return tuple(found)


def _entered(channel: str, members_of: Collection[str], seen: Snapshot) -> Difference:
    after: dict[str, Any] = {"channels": sorted(seen.channels or ()), "channel": channel}
    if channel in seen.created:
        after["entered"] = iso(seen.created[channel])
    return Difference("channel_match", {"channels": sorted(members_of)}, after, channel)


def _left(channel: str, members_of: Collection[str], seen: Snapshot) -> Difference:
    after = {"channels": sorted(seen.channels or ()), "channel": channel}
    return Difference("channel_left", {"channels": sorted(members_of)}, after, channel)


def _updated(stored: Snapshot, seen: Snapshot) -> Difference | None:
    was, now = stored.last_change, seen.last_change
    newer = now is not None and (was is None or now > was)
    new_entries = 0
    if seen.journal is not None and stored.journal is not None:
        new_entries = len(seen.journal - stored.journal)
    if not newer and not new_entries:
        return None
    before = {"updated": iso(was) if was else None}
    after: dict[str, Any] = {"updated": iso(max(filter(None, (was, now)))) if was or now else None}
    if new_entries:
        after["new_journal_entries"] = new_entries
    return Difference("updated", before, after)


def counts_as_gone(last_miss: datetime | None, now: datetime, every: timedelta) -> bool:
    """Whether a reading that says "no such stock" counts: those at least one `every` apart do.

    One dated ahead comes from a clock that was wrong, and holds nothing up.
    """
    return last_miss is None or not timedelta() <= now - last_miss < every
