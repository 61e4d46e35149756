"""Every recorded answer of the server that is nearest to the live service, or why no method can meet it."""

import json
from typing import Any

import pytest

from ampel_watch import ztf
from ampel_watch.errors import NotOffered, RequestRefused, ServerFault
from ampel_watch.services.live import LiveClient
from ampel_watch.services.times import parse_time
from tests.services.recordings import LIVE_PATHS, NOW, Replay, load, names_of, needs_recordings

pytestmark = needs_recordings

MET = {
    "not_found_channels",
    "not_found_stock_ztf",
    "stock",
    "stock_0_8_shape_500",
    "stock_by_name_422",
    "stock_fractional_times_and_nan",
    "stock_trailing_slash_307",
    "stock_unknown_500",
    "summary_channels",
}
RUNS = "what AMPEL's processes do is not watched"
TIERS = "the documents of the tiers are not read: photometry comes from the archive"
UNMET = {
    "events": RUNS,
    "events_after_duration": RUNS,
    "events_bad_after_422": RUNS,
    "events_none": RUNS,
    "events_process": RUNS,
    "logs": RUNS,
    "logs_flag": RUNS,
    "metrics": RUNS,
    "process_unknown_404": RUNS,
    "processes": RUNS,
    "processes_status": RUNS,
    "stock_t0": TIERS,
    "stock_t1_single_missing": TIERS,
    "stock_t2": TIERS,
    "stock_t2_0_8_shape_500": TIERS,
    "stock_t3_422": TIERS,
    "stock_unknown_t0": TIERS,
    "t2_summary": RUNS,
    "troubles": RUNS,
    "troubles_none": RUNS,
}


def client_for(*names: str, **paths: str) -> tuple[LiveClient, Replay]:
    replay = Replay("ampel-core-server", *names)
    return LiveClient(replay.http(), **(LIVE_PATHS | paths)), replay


async def test_a_stock_document_becomes_a_snapshot():
    client, _ = client_for("stock")
    found = await client.stock_by_id(205881761)
    assert found is not None
    assert (found.key.survey, found.key.id, found.name) == ("ztf", 205881761, "ZTF18abcecyc")
    assert found.channels == {"HU_TNS_MSIP", "RCF_2020B"}
    assert found.created["any"] == parse_time("2018-08-06T05:38:51Z")
    assert found.updated["RCF_2020B"] == found.last_change == parse_time("2018-08-19T04:32:34Z")
    assert len(found.journal or ()) == 2
    assert (found.ra_deg, found.dec_deg) == (222.9871951, 0.2746431)
    assert found.read_at == NOW
    assert json.loads(found.body) == load("ampel-core-server", "stock")["response"]["json"]


async def test_fractions_of_seconds_and_nan_are_understood():
    client, _ = client_for("stock_fractional_times_and_nan")
    found = await client.stock_by_id(49361473)
    assert found is not None
    assert found.name == ztf.name_of(49361473)
    assert found.created["any"].microsecond == 250000
    assert found.journal == frozenset()
    assert found.ra_deg is None


async def test_a_redirect_to_the_other_slash_is_followed_with_the_token():
    client, replay = client_for("stock_trailing_slash_307", "stock", stock_id_path="/stock/{id}/")
    found = await client.stock_by_id(205881761)
    assert found is not None
    assert [request.headers["authorization"] for request in replay.requests] == ["bearer TOKEN"] * 2
    assert {request.url.scheme for request in replay.requests} == {"https"}


@pytest.mark.parametrize(("name", "stock_id"), [("stock_0_8_shape_500", 119032484), ("stock_unknown_500", 1)])
async def test_a_500_is_a_fault_and_never_an_absence(name: str, stock_id: int):
    client, replay = client_for(name)
    with pytest.raises(ServerFault):
        await client.stock_by_id(stock_id)
    assert len(replay.requests) == 2


async def test_a_404_for_a_name_is_an_absence():
    client, _ = client_for("not_found_stock_ztf")
    assert await client.stock("ZTF18abcecyc") is None


async def test_a_service_that_knows_no_names_refuses_one():
    client, _ = client_for("stock_by_name_422", stock_path="/stock/{name}")
    with pytest.raises(RequestRefused, match="not a valid integer"):
        await client.stock("ZTF18abcecyc")


async def test_a_missing_list_of_channels_is_not_offered():
    client, _ = client_for("not_found_channels")
    with pytest.raises(NotOffered):
        await client.channels()


async def test_a_summary_of_channels_serves_as_their_list():
    client, _ = client_for("summary_channels", channels_path="/summary/channels")
    assert await client.channels() == ("HU_TNS_MSIP", "HU_TNS_PARTNER", "RCF_2020B", "WEIZMANN_INFANTSN")


def test_every_recording_is_a_case_or_has_a_reason() -> Any:
    assert names_of("ampel-core-server") == MET | set(UNMET)
    assert not MET & set(UNMET)
