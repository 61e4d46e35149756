"""What the catalog client remembers of the service's catalogs, so that a bad one costs others nothing.

A catalog that the service does not have is left out for a day, one that failed for an hour. After that the one is asked
with the others again, and the other alone, since a fault would spoil the answers of all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ampel_watch.model import CatalogQuery

LISTED_FOR = timedelta(days=1)
FAILED_FOR = timedelta(hours=1)
# So long after every catalog failed, a fault of all is not searched for a culprit: it is the service.
HOPELESS_FOR = timedelta(minutes=5)

Key = tuple[str, str]  # (use, name) of a catalog


@dataclass(frozen=True, slots=True)
class CatalogInfo:
    """A catalog that the service has; `units`: column → unit, of those columns that have one."""

    name: str
    use: str
    description: str | None
    columns: tuple[str, ...]
    units: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Remembered:
    message: str
    at: datetime


class CatalogMemory:
    """What is known of the catalogs; `now` gives the date."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._listed: dict[Key, CatalogInfo] = {}
        self._listed_at: datetime | None = None
        self._refused: dict[Key, _Remembered] = {}
        self._failed: dict[Key, _Remembered] = {}
        self._hopeless_at: datetime | None = None

    @property
    def listing_is_old(self) -> bool:
        """Whether the catalogs were not listed within a day."""
        return self._listed_at is None or not self._within(self._listed_at, LISTED_FOR)

    def note_listing(self, infos: tuple[CatalogInfo, ...]) -> None:
        """Keep what the service says that it has; what it refused before is asked for anew."""
        self._listed = {(info.use, info.name): info for info in infos}
        self._refused.clear()
        self.note_no_listing()

    def note_no_listing(self) -> None:
        """Remember that the catalogs could not be listed just now: what is known stands for another day."""
        self._listed_at = self._now()

    def info(self, query: CatalogQuery) -> CatalogInfo | None:
        """What the service says of a catalog; None if it did not."""
        return self._listed.get((query.use, query.name))

    def why_absent(self, name: str, use: str) -> str | None:
        """Why a catalog is not to be asked at all: the service does not have it. None if it has, as far as is known."""
        key = use, name
        if (refused := self._refused.get(key)) is not None:
            if self._within(refused.at, LISTED_FOR):
                return refused.message
            del self._refused[key]
        return f"the service has no {use} catalog {name}" if self._listed and key not in self._listed else None

    def note_refusal(self, query: CatalogQuery, message: str) -> None:
        """Remember that the service refused a catalog."""
        self._refused[query.use, query.name] = _Remembered(message, self._now())

    def why_failing(self, query: CatalogQuery) -> str | None:
        """Why a catalog is not to be asked now: it failed within the hour; None if it did not."""
        failed = self._failed.get((query.use, query.name))
        return failed.message if failed and self._within(failed.at, FAILED_FOR) else None

    def is_suspect(self, query: CatalogQuery) -> bool:
        """Whether a catalog failed when it was asked last."""
        return (query.use, query.name) in self._failed

    def note_failure(self, query: CatalogQuery, message: str) -> None:
        """Remember that a catalog failed while others answered."""
        self._failed[query.use, query.name] = _Remembered(message, self._now())

    def note_answer(self, query: CatalogQuery) -> None:
        """Forget that a catalog failed."""
        self._failed.pop((query.use, query.name), None)

    @property
    def hopeless(self) -> bool:
        """Whether every catalog failed a moment ago."""
        return self._hopeless_at is not None and self._within(self._hopeless_at, HOPELESS_FOR)

    def note_hopeless(self) -> None:
        """Remember that every catalog failed."""
        self._hopeless_at = self._now()

    def _within(self, at: datetime, span: timedelta) -> bool:
        """Whether a date is less than a span ago; one ahead comes from a clock that was wrong."""
        return timedelta() <= self._now() - at < span
