from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ampel_watch.sandbox.ampel import CHANNELS, Ampel, Channel, takes_bright, takes_infants
from ampel_watch.sandbox.documents import stock_document, t0_documents, t2_documents
from ampel_watch.sandbox.packets import Packet

AT = datetime(2018, 8, 6, 5, 38, 51, tzinfo=UTC)
NAME = "ZTF18abcecyc"
ALL = {channel.name for channel in CHANNELS} | {"MINE"}


def packet(jd: float = 2458300.0, limit_jd: float | None = 2458299.0, **candidate: Any) -> Packet:
    fields = {
        "jd": jd, "fid": 1, "pid": 100, "candid": 7, "isdiffpos": "t", "magpsf": 18.0, "drb": 0.9, "rb": 0.8, "ra": 1.0,
        "dec": 2.0, "ssdistnr": -999.0, "sgscore1": 0.1, "distpsnr1": 3.0, "ndethist": 1, "programid": 1,
    } | candidate  # fmt: skip
    history = ({"jd": limit_jd, "diffmaglim": 20.5, "pid": 99, "fid": 2},) if limit_jd else ()
    known = {key: value for key, value in fields.items() if value is not None}
    return Packet(known["candid"], NAME, jd, known, history, "3.3", "ZTF")


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({}, True),
        ({"isdiffpos": "1"}, True),
        ({"isdiffpos": "f"}, False),
        ({"drb": 0.2}, False),
        ({"drb": None}, True),
        ({"drb": None, "rb": 0.2}, False),
        ({"drb": 0.2, "rb": 0.9}, False),
        ({"sgscore1": 0.99, "distpsnr1": 0.3}, False),
        ({"sgscore1": 0.99, "distpsnr1": 8.0}, True),
        ({"sgscore1": 0.99, "distpsnr1": -999.0}, True),
        ({"ssdistnr": 1.0}, False),
        ({"ssdistnr": 30.0}, True),
        ({"limit_jd": 2458290.0}, False),
        ({"limit_jd": None}, False),
        ({"jdstarthist": 2458000.0}, False),
    ],
)
def test_infants_are_new_real_and_no_star(change: dict[str, Any], taken: bool) -> None:
    assert takes_infants(packet(**change)) is taken


def test_bright_transients_need_two_positive_detections() -> None:
    once = packet()
    before = {"jd": 2458299.5, "magpsf": 18.2, "isdiffpos": "1"}
    assert not takes_bright(once)
    assert takes_bright(replace(once, history=(before,)))
    assert not takes_bright(replace(once, history=({**before, "isdiffpos": "0"},)))
    assert not takes_bright(replace(packet(magpsf=19.0), history=(before,)))


def one_channel() -> Ampel:
    return Ampel((Channel("MINE", lambda packet: packet.candidate["magpsf"] < 19, "bright ones"),))


def test_a_stock_exists_once_a_channel_took_it_and_stays_when_a_later_alert_is_rejected() -> None:
    ampel = one_channel()
    ampel.ingest(packet(magpsf=19.5), AT)
    assert not ampel.stocks
    ampel.ingest(packet(), AT)
    ampel.ingest(packet(jd=2458301.0, magpsf=19.5, candid=8), AT + timedelta(days=1))
    stock = ampel.named(NAME)
    assert stock.channels == ["MINE"]
    assert stock.updated["MINE"] == AT
    assert [(entry.channel, entry.name, entry.at) for entry in ampel.entries] == [("MINE", NAME, AT)]


def test_leaving_touching_and_removing_by_hand() -> None:
    ampel = one_channel()
    ampel.ingest(packet(), AT)
    later = AT + timedelta(hours=1)
    ampel.touch(NAME, later)
    assert ampel.named(NAME).journal[-1]["tier"] == 3
    ampel.leave(NAME, "MINE", later)
    assert stock_document(ampel.named(NAME), ALL)["channel"] == []
    assert stock_document(ampel.named(NAME), ALL)["created"] == {"any": "2018-08-06T05:38:51"}
    ampel.enter(NAME, "MINE", later)
    assert len(ampel.entries) == 2
    ampel.remove(NAME)
    with pytest.raises(KeyError):
        ampel.named(NAME)


def test_the_three_shapes_of_a_stock() -> None:
    ampel = one_channel()
    ampel.ingest(packet(), AT + timedelta(microseconds=250_000))
    stock = ampel.named(NAME)
    old, new, written = (
        stock_document(stock, ALL, "0.7"),
        stock_document(stock, ALL, "0.8"),
        stock_document(stock, ALL, "ts"),
    )
    assert (old["_id"], old["stock"], old["name"]) == (205881761, 205881761, [NAME])
    assert old["created"] == old["updated"] == {"MINE": "2018-08-06T05:38:51", "any": "2018-08-06T05:38:51"}
    assert new["created"]["any"] == "2018-08-06T05:38:51.250000+00:00"
    assert set(new["_id"]) == set(written["_id"]) == {"$oid"}
    assert written["ts"] == {"MINE": {"tied": 1533533931, "upd": 1533533931}, "any": {"tied": 1533533931}}
    assert not {"created", "updated"} & written.keys()


def test_a_document_holds_only_the_channels_that_may_be_seen() -> None:
    ampel = one_channel()
    ampel.ingest(packet(), AT)
    document = stock_document(ampel.named(NAME), set())
    assert document["channel"] == []
    assert document["created"].keys() == {"any"}
    assert document["journal"] == []


def test_photopoints_and_results() -> None:
    ampel = one_channel()
    ampel.ingest(packet(), AT)
    ampel.ingest(packet(jd=2458301.0, candid=8), AT)
    points = t0_documents(ampel.named(NAME), ALL)
    assert sorted(point["id"] for point in points) == [-992, 7, 8]
    assert len(t2_documents(ampel.named(NAME), ALL)) == 2


def test_runs_begin_hourly() -> None:
    ampel = one_channel()
    for minutes in (0, 10, 59, 61):
        ampel.ingest(packet(candid=minutes + 1), AT + timedelta(minutes=minutes))
    assert [run.tier for run in ampel.runs] == [2, 0, 2, 0]
