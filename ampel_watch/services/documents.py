"""Stock documents of the live service, in every shape that AMPEL has given them, as `Snapshot`s. Pure.

Known shapes (all may mix):

- 0.7 era and the public answer: `_id` is the integer stock id; `name` (list), `channel` (list), and the time maps
  `created` and `modified` (later `updated`), channel → time, with ``any`` beside the channels.
- what the 0.8 ingester writes: `_id` is an ObjectId, `stock` the integer, and times are
  ``ts: {channel: {tied, upd}, any: {tied}}`` in UNIX seconds.

Times are ISO with or without zone and fraction, or UNIX seconds. Unknown fields stay in `Snapshot.body`.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

from ampel_watch import ztf
from ampel_watch.model import JSON, Snapshot, StockKey
from ampel_watch.services.times import number, parse_time

_SURVEY = "ztf"
_ANY = "any"
_MAX_ID = 2**63 - 1
_DIGEST_BYTES = 12
_POSITIONS = (("ra", "dec"), ("ra_deg", "dec_deg"))


class BadDocument(ValueError):
    """No stock document; the message says what it is instead, in words for a person."""


def snapshot_of(document: Any, read_at: datetime) -> Snapshot:
    """The snapshot that a stock document makes; ValueError if it is none, or holds a time that is none."""
    if not isinstance(document, Mapping):
        raise BadDocument(f"a {_json_word(document)} instead of a stock document")
    stock_id = _id_of(document)
    journal = _list(document, "journal")
    ra_deg, dec_deg = _position(document)
    created, updated = _times(document)
    return Snapshot(
        key=StockKey(_SURVEY, stock_id),
        name=_name_of(document, stock_id),
        read_at=read_at,
        channels=_channels(document),
        created=created,
        updated=updated or _newest_entry(journal),
        journal=None if journal is None else frozenset(map(digest, journal)),
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        body=canonical(document),
    )


def canonical(document: Any) -> str:
    """JSON text in which the order of keys is no information."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def digest(entry: Any) -> str:
    """A short name for a journal entry, whatever the order of its keys and channels and the spelling of its time."""
    if isinstance(entry, Mapping):
        entry = dict(entry)
        if "channel" in entry:
            names = entry["channel"] if isinstance(entry["channel"], list) else [entry["channel"]]
            entry["channel"] = sorted(map(str, names))
        if (when := _time_or_none(entry.get("ts"))) is not None:
            entry["ts"] = when.isoformat()
    return blake2b(canonical(entry).encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _id_of(document: JSON) -> int:
    for field in ("stock", "_id"):
        value = document.get(field)
        if isinstance(value, Mapping) and isinstance(value.get("$numberLong"), str):
            value = int(value["$numberLong"])
        if isinstance(value, int) and not isinstance(value, bool):
            if not 0 <= value <= _MAX_ID:
                raise BadDocument("a stock document whose id is out of range")
            return value
    for name in _names(document):
        if ztf.is_name(name):
            return ztf.id_of(name)
    raise BadDocument("a document without stock id and without name")


def _name_of(document: JSON, stock_id: int) -> str:
    """The ZTF name among the names; made from the id if there is none. Other names (of TNS, say) are left."""
    names = [name for name in _names(document) if ztf.is_name(name)]
    if not names:
        return ztf.name_of(stock_id)
    for name in names:
        if ztf.id_of(name) == stock_id:
            return name
    raise BadDocument(f"a stock document that calls stock {stock_id} {names[0]}, which is another one")


def _names(document: JSON) -> list[str]:
    value = document.get("name")
    return [name for name in (value if isinstance(value, list) else [value]) if isinstance(name, str)]


def _channels(document: JSON) -> frozenset[str] | None:
    value = document.get("channel")
    if value is None:
        return None
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str | int) and not isinstance(name, bool) for name in names):
        raise BadDocument("a stock document whose channels are not names")
    return frozenset(map(str, names))


def _times(document: JSON) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """When each channel took the stock up, and when it last touched it."""
    created = _time_map(document, "created")
    updated = _time_map(document, "modified")
    for channel, when in _time_map(document, "updated").items():
        updated[channel] = max(when, updated.get(channel, when))
    for channel, entry in _map(document, "ts").items():
        if not isinstance(entry, Mapping):
            raise BadDocument("a stock document whose times are in an unknown shape")
        if entry.get("tied") is not None:
            created.setdefault(channel, parse_time(entry["tied"]))
        if entry.get("upd") is not None:
            when = parse_time(entry["upd"])
            updated[channel] = max(when, updated.get(channel, when))
    return created, updated


def _time_map(document: JSON, field: str) -> dict[str, datetime]:
    value = document.get(field)
    if value is not None and not isinstance(value, Mapping):
        return {_ANY: parse_time(value)}
    return {channel: parse_time(when) for channel, when in _map(document, field).items() if when is not None}


def _map(document: JSON, field: str) -> JSON:
    value = document.get(field)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadDocument(f"a stock document whose `{field}` is a {_json_word(value)}")
    return value


def _list(document: JSON, field: str) -> list[Any] | None:
    value = document.get(field)
    if value is not None and not isinstance(value, list):
        raise BadDocument(f"a stock document whose `{field}` is a {_json_word(value)}")
    return value


def _newest_entry(journal: list[Any] | None) -> dict[str, datetime]:
    """The last change by the journal, for documents without any map of last changes."""
    times = [_time_or_none(entry.get("ts")) for entry in journal or () if isinstance(entry, Mapping)]
    newest = max((when for when in times if when is not None), default=None)
    return {} if newest is None else {_ANY: newest}


def _time_or_none(value: Any) -> datetime | None:
    """The time of a journal entry; its form is up to the unit that wrote it."""
    try:
        return parse_time(value)
    except ValueError:
        return None


def _position(document: JSON) -> tuple[float | None, float | None]:
    for place in (document.get("body"), document):
        if not isinstance(place, Mapping):
            continue
        for ra_field, dec_field in _POSITIONS:
            try:
                ra_deg, dec_deg = number(place.get(ra_field)), number(place.get(dec_field))
            except ValueError:
                continue  # absent, or NaN: no position here
            if 0 <= ra_deg <= 360 and -90 <= dec_deg <= 90:
                return ra_deg, dec_deg
    return None, None


def _json_word(value: Any) -> str:
    words = {list: "list", str: "text", bool: "truth value", type(None): "null"}
    return words.get(type(value), "map" if isinstance(value, Mapping) else "number")
