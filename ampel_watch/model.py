"""The nouns of ampel-watch, as frozen data: stock, snapshot, alert, match, change, event.

Times are aware UTC datetimes, angles degrees (J2000) unless the name says otherwise. JSON documents that come from
or go to the outside are plain mappings; they are never changed once made.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

JSON = Mapping[str, Any]

EVENT_SCHEMA = "ampel-watch/event/1"


def iso(when: datetime) -> str:
    """An aware time as it is written in documents: UTC, to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True, order=True)
class StockKey:
    """What identifies a stock: the survey (`ztf`) and AMPEL's integer id (up to 64 bits; 0 is valid)."""

    survey: str
    id: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the live service said of one stock at one time, whichever of its document shapes it used.

    A part that the answer did not hold is None (or an empty map), which is not the same as an empty one: a listing
    that leaves the journal out says nothing about the journal.

    Attributes
    ----------
    channels: the channels that the stock is in, as far as the token may see; None if the answer does not say.
    created, updated: channel (or ``any``) → when the stock entered it, and when it was last touched there.
    journal: digests of the journal entries; order is no information. None if the answer holds no journal.
    ra_deg, dec_deg: position, if the record carries one.
    body: the document as it came, canonical JSON, for `show` and for plugins.
    """

    key: StockKey
    name: str
    read_at: datetime
    channels: frozenset[str] | None = None
    created: Mapping[str, datetime] = field(default_factory=dict)
    updated: Mapping[str, datetime] = field(default_factory=dict)
    journal: frozenset[str] | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    body: str = "{}"

    @property
    def last_change(self) -> datetime | None:
        """The newest time that the record carries: of an update, or of its creation."""
        return max((*self.created.values(), *self.updated.values()), default=None)


@dataclass(frozen=True, slots=True)
class Alert:
    """One ZTF alert from the archive. Key by `candid` (64 bits, never a float); order by (`jd`, `candid`).

    Attributes
    ----------
    name: the ZTF name (`objectId`).
    jd: Julian Date, UTC, of the start of the exposure.
    candidate: the fields of the detection itself, as they came.
    history: detections and upper limits of the 30 days before; empty also if history was not asked for.
    """

    candid: int
    name: str
    jd: float
    candidate: JSON
    history: tuple[JSON, ...] = ()


@dataclass(frozen=True, slots=True)
class Cutouts:
    """The three image cutouts of an alert, each a gzipped FITS file, or None where the archive has none."""

    candid: int
    name: str
    science: bytes | None
    template: bytes | None
    difference: bytes | None


@dataclass(frozen=True, slots=True)
class CatalogQuery:
    """One catalog in a cone search.

    Attributes
    ----------
    use: `extcats` or `catsHTM`, the service's two kinds.
    columns: which columns of the row to return; None for all.
    pre_filter, post_filter: MongoDB conditions, honoured for extcats only.
    """

    name: str
    use: str
    radius_arcsec: float
    columns: tuple[str, ...] | None = None
    pre_filter: JSON | None = None
    post_filter: JSON | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """One catalog row near a position; angles in `body` are degrees whatever the catalog uses."""

    catalog: str
    dist_arcsec: float
    body: JSON


@dataclass(frozen=True, slots=True)
class Change:
    """One typed difference between two snapshots of a stock.

    Attributes
    ----------
    kind: one of `diff.KINDS`.
    counter: the stock's own count of changes, from 1: with the content it makes the change unique, so that an
        A→B→A→B flip is four changes and a repetition after a crash is the same one.
    channel: for changes of membership, the channel.
    seen_at: when the poll that found it read the service.
    unseen_since: when that part of the sky was last looked at successfully before, if it was.
    """

    key: StockKey
    name: str
    kind: str
    counter: int
    before: JSON
    after: JSON
    seen_at: datetime
    channel: str | None = None
    unseen_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventStock:
    """The stock of an event, as far as it is known."""

    survey: str
    id: int
    name: str
    ra_deg: float | None = None
    dec_deg: float | None = None
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """A change that a watch's rule let through: what a notifier sends.

    Attributes
    ----------
    id: stable: derived from watch, stock and change, never from the clock or a row number.
    summary: one sentence that stands alone on a phone.
    before, after: what the change says, as JSON documents.
    features, catalogs: what the archive and the catalogs add; empty where nothing was asked.
    links: name of a page → address.
    missing: what could not be found out in time, each as a short text.
    late_s: seconds by which an outage of a service may have delayed the finding; 0 in normal life.
    test: a sample made by `test-notify`, not a real change.
    """

    id: str
    kind: str
    watch: str
    time: datetime
    summary: str
    stock: EventStock
    before: JSON
    after: JSON
    features: JSON = field(default_factory=dict)
    catalogs: JSON = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    late_s: float = 0.0
    test: bool = False

    def to_json(self) -> dict[str, Any]:
        """The event as the documented JSON object, `ampel-watch/event/1`."""
        stock = self.stock
        document: dict[str, Any] = {
            "schema": EVENT_SCHEMA,
            "id": self.id,
            "kind": self.kind,
            "watch": self.watch,
            "time": iso(self.time),
            "summary": self.summary,
            "stock": {
                "survey": stock.survey,
                "id": stock.id,
                "name": stock.name,
                "ra_deg": stock.ra_deg,
                "dec_deg": stock.dec_deg,
                "channels": list(stock.channels),
            },
            "change": {"before": self.before, "after": self.after},
            "features": self.features,
            "catalogs": self.catalogs,
            "links": dict(self.links),
            "missing": list(self.missing),
            "late_s": self.late_s,
        }
        if self.test:
            document["test"] = True
        return document

    def body(self) -> bytes:
        """The bytes that a webhook receives: the same at every try."""
        return json.dumps(self.to_json(), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()

    @classmethod
    def from_json(cls, document: JSON) -> "Event":
        """The event that `to_json` wrote."""
        stock = document["stock"]
        return cls(
            id=document["id"],
            kind=document["kind"],
            watch=document["watch"],
            time=datetime.fromisoformat(document["time"]),
            summary=document["summary"],
            stock=EventStock(
                survey=stock["survey"],
                id=stock["id"],
                name=stock["name"],
                ra_deg=stock["ra_deg"],
                dec_deg=stock["dec_deg"],
                channels=tuple(stock["channels"]),
            ),
            before=document["change"]["before"],
            after=document["change"]["after"],
            features=document["features"],
            catalogs=document["catalogs"],
            links=document["links"],
            missing=tuple(document["missing"]),
            late_s=document.get("late_s", 0.0),
            test=document.get("test", False),
        )
