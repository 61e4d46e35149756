"""What the archive measured of watched stocks: stored, together with the changes that it shows.

Every function here works inside the caller's transaction: a crash leaves either the old light curve without the
change, or the new one with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from ampel_watch.config import Watch
from ampel_watch.diff import Difference
from ampel_watch.julian import jd_of
from ampel_watch.lightcurve import BANDS, Detection, LightCurve
from ampel_watch.model import JSON, Change, StockKey
from ampel_watch.pipeline.cones import cones_around
from ampel_watch.pipeline.select import Selector
from ampel_watch.storage import changes, light_curves, references, stocks
from ampel_watch.storage.light_curves import StoredCurve
from ampel_watch.variability import (
    DIRECTIONS,
    Reference,
    Terms,
    begin,
    detection_documents,
    follow,
    jump_documents,
    new_detections,
)

# What was observed shortly before the first look may have come to the archive after it. Where all that the archive had
# then is known, it can be told from what is new.
_ARCHIVE_LATE_D = 1.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What the archive said of one stock.

    Attributes
    ----------
    curve: what came: all that there is, or what is new.
    whole: with this, all that the archive has of the stock is known.
    joins: it is only what is new, and makes whole what was whole before.
    """

    key: StockKey
    name: str
    curve: LightCurve
    whole: bool = False
    joins: bool = False


class Photometry:
    """Stores light curves, and appends what is new in them as changes for the watches that are configured now."""

    def __init__(self, watches: Iterable[Watch]) -> None:
        self._selector = Selector(watches)

    def record(
        self,
        connection: Connection,
        measured: Sequence[Measured],
        now: datetime,
        *,
        looked: bool = True,
        unseen_since: datetime | None = None,
    ) -> int:
        """Merge what was measured, each stock once, into what is stored; how many changes that showed.

        Parameters
        ----------
        looked: whether this is all that the archive has to say now, and not one chunk of many.
        unseen_since: end of the last good look at the archive, if it was not seen for unusually long.
        """
        stored = light_curves.load(connection, [one.key for one in measured])
        channels = stocks.members_of(connection, [one.key for one in measured])
        around = cones_around(connection, [one.key for one in measured])
        known = references.load(connection, [one.key for one in measured])
        found = 0
        for one in measured:
            step = _Step(connection, one, stored.get(one.key), now, unseen_since)
            found += step.detections()
            if step.whole:
                nowhere: frozenset[str] = frozenset()
                watches = self._selector.watching(
                    one.key, channels.get(one.key, nowhere), now, around.get(one.key, nowhere)
                )
                found += step.jumps(watches, known.get(one.key, {}))
            step.save(looked=looked)
        return found


class _Step:
    """One stock's light curve going from what was stored to what is known now."""

    def __init__(
        self,
        connection: Connection,
        one: Measured,
        before: StoredCurve | None,
        now: datetime,
        unseen_since: datetime | None,
    ) -> None:
        self._connection = connection
        self._one = one
        self._now = now
        self._unseen_since = unseen_since
        self._before = before
        self._was = before.curve if before else LightCurve()
        self._is = self._was.merged(one.curve)
        self._baseline_at = min(before.baseline_at, now) if before else now
        was_whole = before is not None and before.whole
        self.whole = was_whole or (one.whole and not one.joins)

    def detections(self) -> int:
        """Append one change for all new detections; what is known at the first look is none."""
        if self._before is None:
            return 0
        since_jd = jd_of(self._baseline_at) - (_ARCHIVE_LATE_D if self._before.whole else 0.0)
        new = new_detections(self._was, self._is, since_jd)
        if not new:
            return 0
        self._append("detection", *detection_documents(self._was, new))
        return 1

    def jumps(self, watches: Iterable[Watch], known: references.References) -> int:
        """Append brightenings and fadings, for each watch by its own threshold."""
        found = 0
        for watch in watches:
            for kind in DIRECTIONS:
                threshold_mag = watch.on.get(kind)
                if threshold_mag is None:
                    continue
                terms = Terms(kind, threshold_mag, watch.jump.min_sigma, watch.jump.min_drb)
                for band in BANDS.values():
                    found += self._jumps_in(watch, terms, band, known.get((watch.name, kind, band)))
        return found

    def _jumps_in(self, watch: Watch, terms: Terms, band: str, known: JSON | None) -> int:
        points = [point for point in self._is.detections if point.band == band]
        if not points:
            return 0
        reference = Reference.from_json(known) if known else self._first_reference(points, terms)
        after, jumps = follow(reference, points, terms)
        for jump in jumps:
            self._append(terms.direction, *jump_documents(jump), only_watch=watch.name)
        if after is not None and (state := after.to_json()) != known:
            references.save(self._connection, self._one.key, watch.name, terms.direction, band, state)
        return len(jumps)

    def _first_reference(self, points: Sequence[Detection], terms: Terms) -> Reference | None:
        """For a watch that is new to the stock: what was known, or observed, before is no news.

        The archive may be late: what it had not yet when the stock was first looked at is not newer for that.
        """
        complete = self._before is not None and self._before.whole
        known = {point.candid for point in self._was.detections} if complete else set()
        baseline_jd = jd_of(self._baseline_at)
        return begin([point for point in points if point.jd <= baseline_jd or point.candid in known], terms)

    def _append(self, kind: str, before: JSON, after: JSON, *, only_watch: str | None = None) -> None:
        one = self._one
        append_change(
            self._connection,
            one.key,
            one.name,
            Difference(kind, before, after),
            self._now,
            only_watch=only_watch,
            unseen_since=self._unseen_since,
        )

    def save(self, *, looked: bool) -> None:
        """Store the light curve."""
        before = self._before
        if before is not None and self._is == before.curve and self.whole == before.whole and not self._one.whole:
            return  # met again in the overlap of two looks
        looked_at = self._now if looked else (before.looked_at if before else None)
        stored = StoredCurve(self._is, self._one.name, self._baseline_at, looked_at, self.whole)
        if stored != before:
            light_curves.save(self._connection, self._one.key, stored)


def append_change(
    connection: Connection,
    key: StockKey,
    name: str,
    difference: Difference,
    now: datetime,
    *,
    only_watch: str | None = None,
    unseen_since: datetime | None = None,
) -> None:
    """Append what archive or catalogs showed as the stock's next change."""
    channels = stocks.members_of(connection, [key]).get(key, frozenset())
    change = Change(
        key=key,
        name=name,
        kind=difference.kind,
        counter=stocks.take_counter(connection, key, name, now),
        before=difference.before,
        after=difference.after,
        seen_at=now,
        unseen_since=unseen_since,
    )
    changes.append(connection, change, channels, only_watch=only_watch)
