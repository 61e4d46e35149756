"""What a search of watched positions writes: the stocks found, and the changes that this is to the watches.

Every function here takes an open connection and does its work inside the caller's transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ampel_watch import ztf
from ampel_watch.config import Watch
from ampel_watch.diff import Difference
from ampel_watch.julian import datetime_of_jd
from ampel_watch.model import Alert, StockKey, iso
from ampel_watch.pipeline.alerts import place_of, plan_read
from ampel_watch.pipeline.cones import WatchedCone, circle_of, cones_of, is_active, is_source
from ampel_watch.pipeline.photometry import append_change
from ampel_watch.skycircles import Cover
from ampel_watch.storage import cones, looks, stocks
from ampel_watch.storage.cones import ConeLook, ConeMember
from ampel_watch.storage.looks import FirstLooks, cone_target, stock_target


@dataclass(frozen=True, slots=True)
class Sighting:
    """A stock that the archive has in a cone. What is None is not known: the archive gave the name alone."""

    cone: str
    name: str
    seen_at: datetime | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    dist_arcsec: float | None = None

    @property
    def key(self) -> StockKey:
        """The key of the stock."""
        return StockKey("ztf", ztf.id_of(self.name))


def sightings_in(cover: Cover, alerts: Iterable[Alert]) -> list[Sighting]:
    """The alerts that lie in circles of the cover, in their order; one for each circle that holds it."""
    placed = [(alert, place) for alert in alerts if ztf.is_name(alert.name) and (place := place_of(alert)) is not None]
    found = []
    for (alert, place), holding in zip(placed, cover.holding([place for _, place in placed]), strict=True):
        for circle, dist_arcsec in holding:
            found.append(Sighting(circle.key, alert.name, _time_of(alert), *place, round(dist_arcsec, 2)))
    return found


def _time_of(alert: Alert) -> datetime | None:
    try:
        return datetime_of_jd(alert.jd)
    except ValueError:
        return None


class ConeRecorder:
    """Writes what one look finds in the cones of some watches.

    A stock is found in a cone once, whichever watch was due: every watch that has had its first look there is told.

    Parameters
    ----------
    watches: all that are configured.
    watched: the cones that are searched, with the watches that are due.
    first_looks: those at the cones, as stored when the look began.
    """

    def __init__(
        self, watches: Sequence[Watch], watched: Mapping[str, WatchedCone], first_looks: FirstLooks, now: datetime
    ) -> None:
        self._watches = {watch.name: watch for watch in watches}
        self._watched = watched
        self._audience = {key: cone.watches for key, cone in cones_of(watches, now).items()}
        self._first_looks = first_looks
        self._now = now

    def record(
        self,
        connection: Connection,
        *,
        sightings: Sequence[Sighting],
        unseen_since: Mapping[str, datetime | None],
    ) -> int:
        """Store what is new in cones that were looked at before, with a change for each watch; how many changes."""
        valid = [sighting for sighting in sightings if ztf.is_name(sighting.name)]
        members = cones.holding(connection, {sighting.key for sighting in valid})
        known = {(member.cone, member.key) for member in members}
        changes = 0
        for sighting in valid:
            if (sighting.cone, sighting.key) not in known:
                known.add((sighting.cone, sighting.key))
                changes += self._record_new(connection, sighting, unseen_since[sighting.cone])
        return changes

    def _record_new(self, connection: Connection, sighting: Sighting, unseen_since: datetime | None) -> int:
        key, name, now = sighting.key, sighting.name, self._now
        cones.add(connection, [ConeMember(sighting.cone, key, name, now, at_first_look=False)])
        told = [watch for watch in self._audience[sighting.cone] if not self._is_new(watch, sighting.cone)]
        if not told:
            return 0
        stocks.expect(connection, key, name, now, ra_deg=sighting.ra_deg, dec_deg=sighting.dec_deg)
        for watch in told:
            after = self._after(watch, sighting)
            self._append(connection, watch, sighting, after, unseen_since)
        self._watch_from_now_on(connection, told, {key: name})
        # AMPEL may already have it, or take it up later: as with any new alert, its live record is read some times.
        plan_read(connection, name, sighting.seen_at or now, now, sighting.ra_deg, sighting.dec_deg)
        return len(told)

    def look_first(self, connection: Connection, *, key: str, names: Iterable[str]) -> int:
        """Store what is in a cone that was never looked at; how many changes were told of."""
        members = [
            ConeMember(key, StockKey("ztf", ztf.id_of(name)), name, self._now, at_first_look=True)
            for name in names
            if ztf.is_name(name)
        ]
        cones.add(connection, members)
        return self.finish(connection, finished={key: ConeLook(self._now, self._now)})

    def finish(self, connection: Connection, *, finished: Mapping[str, ConeLook]) -> int:
        """Note that cones were searched, and the first looks of watches that are new to them."""
        changes = 0
        for key, look in finished.items():
            cones.note_look(connection, key, look)
            new = [watch for watch in self._watched[key].watches if self._is_new(watch, key)]
            if new:
                changes += self._begin_to_watch(connection, key, new)
        return changes

    def _begin_to_watch(self, connection: Connection, key: str, new: Sequence[str]) -> int:
        """The first look of watches at a cone: silent, unless a watch asked to be told what is there."""
        told = [watch for watch in new if self._watches[watch].initial == "notify"]
        source = is_source(self._watched[key].circle)
        members = cones.members_of(connection, [key]) if told or source else []
        for member in members:
            stocks.expect(connection, member.key, member.name, self._now)
            for watch in told:
                sighting = Sighting(key, member.name)
                after = {**self._after(watch, sighting), "first_look": True}
                self._append(connection, watch, sighting, after, None)
        looks.note_first_looks(connection, [(watch, cone_target(key)) for watch in new], self._now)
        if source:
            self._watch_from_now_on(connection, new, {member.key: member.name for member in members})
        return len(members) * len(told)

    def _watch_from_now_on(self, connection: Connection, watches: Iterable[str], found: Mapping[StockKey, str]) -> None:
        """What the archive knows is there has its first look now, whether or not AMPEL knows it: what follows is news.

        Were it noted with the first live record, entering the first channel would never be told.
        """
        pairs = [(watch, stock_target(key.survey, key.id)) for watch in watches for key in found]
        looks.note_first_looks(connection, pairs, self._now)

    def _is_new(self, watch: str, key: str) -> bool:
        return (watch, cone_target(key)) not in self._first_looks

    def _after(self, watch: str, sighting: Sighting) -> dict[str, Any]:
        """What a `cone_match` says: the cone in the watch's own words, and what is known of the alert."""
        entries = [p for p in self._watches[watch].positions if circle_of(p).key == sighting.cone]
        active = [entry for entry in entries if is_active(entry, self._now)]
        circle = self._watched[sighting.cone].circle
        after: dict[str, Any] = {
            "cone": {
                "ra_deg": circle.ra_deg,
                "dec_deg": circle.dec_deg,
                "radius_arcsec": circle.radius_arcsec,
                "label": next((entry.label for entry in active if entry.label is not None), None),
                "note": next((entry.note for entry in active if entry.note is not None), None),
            }
        }
        if sighting.dist_arcsec is not None:
            after["dist_arcsec"] = sighting.dist_arcsec
        if sighting.seen_at is not None:
            after["time"] = iso(sighting.seen_at)
        return after

    def _append(
        self,
        connection: Connection,
        watch: str,
        sighting: Sighting,
        after: Mapping[str, Any],
        unseen_since: datetime | None,
    ) -> None:
        append_change(
            connection,
            sighting.key,
            sighting.name,
            Difference("cone_match", {}, after),
            self._now,
            only_watch=watch,
            unseen_since=unseen_since,
        )
