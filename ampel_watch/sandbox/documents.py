"""Stock and tier documents in the shapes that AMPEL's servers have given over the years."""

import hashlib
from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

from ampel_watch.sandbox.ampel import ANY, Stock
from ampel_watch.sandbox.dates import zoned, zoneless
from ampel_watch.sandbox.packets import Document, stored

StockShape = Literal["0.7", "0.8", "ts"]
_DETECTION = ("ZTF", "ZTF_PUB", "ZTF_DET")
_UPPER_LIMIT = ("ZTF", "ZTF_PUB", "ZTF_UL")


def stock_document(stock: Stock, visible: Collection[str], shape: StockShape = "0.7") -> Document:
    """A stock as the live service gives it, holding only the channels that the token may see.

    Shapes: ``0.7`` has an integer `_id`, `created` and `updated` maps; ``0.8`` the same with an object id, fractions
    of a second and zones; ``ts`` is what the 0.8 ingester writes, an object id and `ts` in UNIX seconds.
    """
    channels = [channel for channel in stock.channels if channel in visible]
    document: Document = {"_id": stock.id, "stock": stock.id, "tag": ["ZTF"], "channel": channels, "name": [stock.name]}
    if shape != "0.7":
        document["_id"] = {"$oid": object_id("stock", stock.id)}
    if shape == "ts":
        document["ts"] = _ts_map(stock, channels)
    else:
        keys = (*channels, ANY)
        for name, times in (("created", stock.created), ("updated", stock.updated)):
            document[name] = {key: _time(times[key], shape) for key in keys if key in times}
    document["journal"] = [_journal_entry(entry, shape) for entry in stock.journal if _concerns(entry, visible)]
    document["body"] = _position(stock)
    return document


def _ts_map(stock: Stock, channels: list[str]) -> Document:
    per_channel = {
        channel: {
            "tied": int(stock.created[channel].timestamp()),
            "upd": int(stock.updated.get(channel, stock.created[channel]).timestamp()),
        }
        for channel in channels
    }
    return {**per_channel, ANY: {"tied": int(stock.created[ANY].timestamp())}}


def _time(when: datetime, shape: StockShape) -> Any:
    if shape == "ts":
        return int(when.timestamp())
    return zoneless(when, "seconds") if shape == "0.7" else zoned(when)


def _concerns(entry: Document, visible: Collection[str]) -> bool:
    """Whether a journal entry belongs to a channel that may be seen; `channel` is a word or a list."""
    channels = [entry["channel"]] if isinstance(entry["channel"], str) else entry["channel"]
    return any(channel in visible for channel in channels)


def _journal_entry(entry: Document, shape: StockShape) -> Document:
    return entry | {"ts": _time(entry["ts"], shape)}


def _position(stock: Stock) -> Document:
    if not stock.packets:
        return {}
    candidate = stock.packets[-1].candidate
    return {"ra": candidate["ra"], "dec": candidate["dec"]}


def object_id(*parts: object) -> str:
    """A stable MongoDB object id (24 hexadecimal digits) for something."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:24]


def t0_documents(stock: Stock, visible: Collection[str]) -> list[Document]:
    """The photopoints of a stock: detections by their candid, upper limits by a negative id."""
    points: dict[int, Document] = {}
    for packet in stock.packets:
        for point in (*packet.history, packet.candidate):
            # One visit gives one limit: its exposure (`pid`) and band identify it.
            point_id = point.get("candid") or -(point["pid"] * 10 + point["fid"])
            points.setdefault(point_id, point)
    channels = [channel for channel in stock.channels if channel in visible]
    meta = {
        "run": 1,
        "ts": int(stock.created[ANY].timestamp()),
        "tier": 0,
        "traceid": {"alertconsumer": 1234567},
        "activity": [{"action": 17}],
    }
    return [
        {
            "id": point_id,
            "tag": [*(_DETECTION if point_id > 0 else _UPPER_LIMIT)],
            "channel": channels,
            "stock": stock.id,
            "meta": [meta],
            "body": stored(point),
            "_id": {"$oid": object_id("t0", point_id)},
        }
        for point_id, point in points.items()
    ]


def t2_documents(stock: Stock, visible: Collection[str]) -> list[Document]:
    """One catalog match per accepted alert, as tier 2 leaves it."""
    channels = [channel for channel in stock.channels if channel in visible]
    runs = [entry for entry in stock.journal if entry["tier"] == 2]
    return [
        {
            "stock": stock.id,
            "link": entry["run"],
            "unit": entry["unit"],
            "config": 1073267834,
            "channel": channels,
            "code": "OK",
            "col": "t1",
            "tag": ["ZTF"],
            "meta": [{"run": entry["run"], "ts": int(entry["ts"].timestamp()), "tier": 2}],
            "journal": [{"tier": 2, "dt": zoneless(entry["ts"]), "run": entry["run"], "code": 0, "channel": channels}],
            "body": [stock.results.get(entry["run"], {"result": {}})],
            "_id": {"$oid": object_id("t2", stock.id, index)},
        }
        for index, entry in enumerate(runs)
    ]
