"""Opening changes: which watches still have to decide on each, and whether it is news to them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, exc

from ampel_watch.config import Watch
from ampel_watch.model import EventStock
from ampel_watch.pipeline.cones import cones_around, words_for
from ampel_watch.pipeline.known import Known
from ampel_watch.pipeline.select import Judgement, Selector, judge
from ampel_watch.storage import changes, looks, stocks
from ampel_watch.storage.changes import Recorded

_LOG = logging.getLogger(__name__)

_AFTER_FAULT = timedelta(minutes=5)


@dataclass(slots=True)
class OpenChange:
    """A change with the watches that still have to decide on it, and what is known for them.

    Attributes
    ----------
    around: the watched cones in which the stock was found.
    known: None until it is found out, and where that met a fault of ours.
    """

    recorded: Recorded
    stock: EventStock
    undecided: list[tuple[Watch, Judgement]]
    around: frozenset[str]
    known: Known | None = None

    def words(self, watch: Watch) -> dict[str, str]:
        """What the user of this watch wrote beside the stock."""
        label, note = words_for(watch, self.recorded.change, self.around)
        return {name: text for name, text in (("label", label), ("note", note)) if text is not None}

    def deadline(self, watch: Watch) -> datetime:
        """Until when the watch waits for what is not known."""
        return self.recorded.change.seen_at + watch.enrich_deadline


class Opener:
    """Opens recorded changes for the watches that are configured now."""

    def __init__(self, selector: Selector) -> None:
        self._selector = selector

    def open(self, connection: Connection, batch: Sequence[Recorded], now: datetime) -> list[OpenChange]:
        """The changes in their order; one that meets a fault of ours is put off and left out."""
        keys = {recorded.change.key for recorded in batch}
        places = stocks.positions(connection, keys)
        decided = changes.decided(connection, [recorded.seq for recorded in batch])
        around = cones_around(connection, keys)
        opened = []
        for recorded in batch:
            key = recorded.change.key
            cones = around.get(key, frozenset())
            try:
                undecided = self._judged(connection, recorded, decided.get(recorded.seq, set()), cones)
                opened.append(OpenChange(recorded, _event_stock(recorded, places.get(key)), undecided, cones))
            except exc.DBAPIError:
                raise  # of the database, and not of this change
            except Exception:  # noqa: BLE001 - a bug met by one change must not keep back the others
                log_fault(recorded)
                put_off_faulty(connection, recorded, now)
        return opened

    def _judged(
        self, connection: Connection, recorded: Recorded, decided: set[str], around: frozenset[str]
    ) -> list[tuple[Watch, Judgement]]:
        """The watches that still have to decide, and whether the change is news to them."""
        concerned = [found for found in self._selector.concerned(recorded, around) if found[0].name not in decided]
        first_looks = looks.first_looks_at(connection, {target for _, targets in concerned for target in targets})
        return [(watch, judge(watch, recorded, targets, first_looks)) for watch, targets in concerned]


def log_fault(recorded: Recorded) -> None:
    """Log the exception that one change just met."""
    change = recorded.change
    _LOG.exception("%s of %s (change %d): unexpected fault; trying again", change.kind, change.name, recorded.seq)


def put_off_faulty(connection: Connection, recorded: Recorded, now: datetime) -> None:
    """Try a change that met a fault of ours again later, so that the others go on."""
    changes.put_off(connection, recorded.seq, tries=recorded.tries + 1, retry_at=now + _AFTER_FAULT)


def _event_stock(recorded: Recorded, place: tuple[float, float] | None) -> EventStock:
    change = recorded.change
    ra_deg, dec_deg = place or (None, None)
    return EventStock(
        survey=change.key.survey,
        id=change.key.id,
        name=change.name,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        channels=tuple(change.after.get("channels", sorted(recorded.channels))),
    )
