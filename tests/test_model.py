"""The event document: complete, stable, and the same after a round trip."""

import json
from datetime import UTC, datetime, timedelta, timezone

from ampel_watch.model import Event, EventStock, Snapshot, StockKey, iso

NOW = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
EVENT = Event(
    id="e1",
    kind="channel_match",
    watch="infant-sne",
    time=NOW,
    summary="ZTF21aaqhhfu entered WEIZMANN_INFANTSN",
    stock=EventStock("ztf", 119032484, "ZTF21aaqhhfu", 187.5, -3.25, ("A", "B")),
    before={"channels": ["A"]},
    after={"channels": ["A", "B"], "channel": "B"},
    links={"fritz": "https://fritz.science/source/ZTF21aaqhhfu"},
    missing=("light curve",),
)


def test_the_event_document_has_the_keys_of_the_contract():
    document = EVENT.to_json()
    assert document["schema"] == "ampel-watch/event/1"
    assert document["time"] == "2026-11-22T21:04:05Z"
    assert document["stock"].keys() == {"survey", "id", "name", "ra_deg", "dec_deg", "channels"}
    assert document["change"] == {"before": dict(EVENT.before), "after": dict(EVENT.after)}
    for key in ("id", "kind", "watch", "summary", "features", "catalogs", "links", "missing"):
        assert key in document


def test_an_event_survives_a_round_trip_byte_for_byte():
    again = Event.from_json(json.loads(EVENT.body()))
    assert again == EVENT
    assert again.body() == EVENT.body()


def test_a_snapshot_knows_its_last_time():
    snapshot = Snapshot(
        StockKey("ztf", 0), "ZTF17aaaaaaa", NOW, created={"A": NOW}, updated={"A": NOW.replace(hour=22)}
    )
    assert snapshot.last_change == NOW.replace(hour=22)
    assert Snapshot(StockKey("ztf", 0), "ZTF17aaaaaaa", NOW).last_change is None


def test_a_time_is_written_in_utc_whatever_its_zone():
    assert iso(NOW.astimezone(timezone(timedelta(hours=2)))) == iso(NOW) == "2026-11-22T21:04:05Z"
