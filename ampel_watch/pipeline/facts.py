"""Finding out what there is to know of stocks that changed: their light curves, then what lies at their positions.

What was found is in the database; what was not, and why, is what is given back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from ampel_watch.clock import Clock
from ampel_watch.errors import ServiceError
from ampel_watch.model import StockKey
from ampel_watch.pipeline.curves import CurveSources, CurveUpdate, Wanted
from ampel_watch.pipeline.known import Ground
from ampel_watch.pipeline.matching import MatchSources, MatchUpdate, Placed
from ampel_watch.storage import Database, health, light_curves, matches, stocks


@dataclass(frozen=True, slots=True)
class Troubles:
    """What could not be found out, and why, in words.

    Attributes
    ----------
    archive, catalog: stock → why its light curve, its matches, are not up to date.
    changes: how many changes were recorded by the way.
    is_down: whether one of the services failed as a whole.
    """

    archive: dict[StockKey, str] = field(default_factory=dict)
    catalog: dict[StockKey, str] = field(default_factory=dict)
    changes: int = 0
    is_down: bool = False


class FactFinder:
    """Asks archive and catalogs, as far as they are configured, for what is not known yet."""

    def __init__(
        self, database: Database, clock: Clock, curves: CurveSources | None, matching: MatchSources | None
    ) -> None:
        self._database = database
        self._clock = clock
        self._curves = curves
        self._matching = matching

    @property
    def has_archive(self) -> bool:
        """Whether light curves can be known."""
        return self._curves is not None

    @property
    def has_catalog(self) -> bool:
        """Whether matches can be known."""
        return self._matching is not None

    @property
    def recheck(self) -> timedelta | None:
        """For how long matches are taken as known; None if they cannot be known."""
        return None if self._matching is None else self._matching.recheck

    def ground(self) -> Ground:
        """What may be counted on: a catalog that the service does not have counts as not configured."""
        if self._matching is None:
            return Ground(self.has_archive, has_catalog=False, specs=())
        offered = self._matching.offered()
        absent = [spec.name for spec in self._matching.specs if spec not in offered]
        return Ground(self.has_archive, self.has_catalog, offered, absent)

    async def find(self, wanted: Sequence[Wanted]) -> Troubles:
        """Bring light curves and matches of these stocks up to date."""
        troubles = Troubles()
        if self._curves is not None:
            curves = CurveUpdate(self._curves)
            await curves.run(wanted)
            await self._note("archive", curves.fault, asked=curves.asked)
            troubles = Troubles(archive=curves.troubles, changes=curves.found, is_down=curves.fault is not None)
        if self._matching is None:
            return troubles
        matching = MatchUpdate(self._matching)
        placed = await self._database.run(partial(_placed, wanted=wanted))
        # Where the archive failed, the position may come with the next try.
        left = {one.key for one in placed} | troubles.archive.keys()
        await matching.run(placed, {one.key: one.name for one in wanted if one.key not in left})
        await self._note("catalog", matching.fault, asked=matching.answered)
        is_down = troubles.is_down or matching.fault is not None
        return Troubles(troubles.archive, matching.troubles, troubles.changes + matching.found, is_down)

    async def _note(self, service: str, fault: ServiceError | None, *, asked: int) -> None:
        now = self._clock.now()
        if fault is not None:
            await self._database.run(lambda c: health.note_service_failure(c, service, now, str(fault)))
        elif asked and service == "catalog":
            await self._database.run(lambda c: health.note_service_success(c, service, now))
        elif asked:  # when the archive was last in order is noted by the looks, which tell its gaps
            await self._database.run(lambda c: health.note_service_recovered(c, service))


def _placed(connection: Connection, *, wanted: Sequence[Wanted]) -> list[Placed]:
    """The stocks whose position is known: from the light curve, else from the live record, else where it was once."""
    keys = [one.key for one in wanted]
    curves, stored = light_curves.load(connection, keys), stocks.load(connection, keys)
    asked = matches.load(connection, keys)
    found = []
    for one in wanted:
        curve = curves.get(one.key)
        position = curve.curve.position() if curve else None
        if position is None and one.key in stored:
            snapshot = stored[one.key].snapshot
            if snapshot.ra_deg is not None and snapshot.dec_deg is not None:
                position = (snapshot.ra_deg, snapshot.dec_deg)
        if position is None and one.key in asked:
            position = (asked[one.key].ra_deg, asked[one.key].dec_deg)
        if position is not None:
            found.append(Placed(one.key, one.name, *position))
    return found
