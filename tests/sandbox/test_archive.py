import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from ampel_watch.clock import ManualClock
from ampel_watch.sandbox import Sandbox
from ampel_watch.sandbox.packets import Packet

Get = Callable[..., Any]
Post = Callable[..., Any]


def richest(sandbox: Sandbox) -> list[Packet]:
    """The alerts of the object that has most."""
    return max(sandbox.archive._of_object.values(), key=len)


async def test_the_alerts_of_an_object_have_empty_histories_unless_asked_for(sandbox: Sandbox, get: Get) -> None:
    packets = richest(sandbox)
    url = f"{sandbox.archive_url}/object/{packets[0].name}/alerts"
    plain = await get(url, sandbox.archive_token)
    assert [alert["candid"] for alert in plain.json] == [packet.candid for packet in packets]
    assert all(alert["prv_candidates"] == [] for alert in plain.json)
    full = await get(url, sandbox.archive_token, with_history="true")
    assert any(alert["prv_candidates"] for alert in full.json)


async def test_jd_start_is_inclusive_and_jd_end_exclusive(sandbox: Sandbox, get: Get) -> None:
    packets = richest(sandbox)
    url, token = f"{sandbox.archive_url}/object/{packets[0].name}/alerts", sandbox.archive_token
    jds = [packet.jd for packet in packets]
    within = (await get(url, token, jd_start=jds[1], jd_end=jds[4])).json
    assert [alert["candidate"]["jd"] for alert in within] == jds[1:4]
    assert (await get(url, token, jd_start="nan")).json == []
    assert len((await get(url, token, limit=2, start=1)).json) == 2
    assert len((await get(url, token, start=1)).json) == len(packets)


async def test_photopoints_are_one_alert_newest_first_and_one_per_jd(sandbox: Sandbox, get: Get) -> None:
    packets = richest(sandbox)
    url = f"{sandbox.archive_url}/object/{packets[0].name}/photopoints"
    document = (await get(url, sandbox.archive_token)).json
    assert document["candid"] == document["candidate"]["candid"] == packets[-1].candid
    jds = [document["candidate"]["jd"], *(point["jd"] for point in document["prv_candidates"])]
    assert jds == sorted(set(jds), reverse=True)
    detected = (await get(url, sandbox.archive_token, upper_limits="false")).json["prv_candidates"]
    assert len(detected) == len(packets) - 1
    assert all("magpsf" in point for point in detected)


async def test_photopoints_of_an_unknown_object_are_a_500_and_its_alerts_none(sandbox: Sandbox, get: Get) -> None:
    url = f"{sandbox.archive_url}/object/ZTF24zzzzzzz"
    reply = await get(f"{url}/photopoints", sandbox.archive_token)
    assert (reply.status, reply.text) == (500, "Internal Server Error")
    assert (await get(f"{url}/alerts", sandbox.archive_token)).json == []


async def test_tokens_are_checked(sandbox: Sandbox, get: Get) -> None:
    url = f"{sandbox.archive_url}/object/ZTF24zzzzzzz/alerts"
    assert (await get(url)).status == 403
    assert (await get(url, sandbox.live_token)).status == 401
    assert (await get(url, "00000000-0000-4000-8000-000000000000")).status == 500
    assert (await get(url, sandbox.archive_token, programid=2)).status == 401
    assert (await get(url, sandbox.partnership_token, programid=2)).status == 200
    sandbox.revoke_archive_token(sandbox.archive_token)
    assert (await get(url, sandbox.archive_token)).status == 500


async def test_an_archive_token_is_made_with_a_live_one(sandbox: Sandbox, get: Get, post: Post) -> None:
    made = await post(f"{sandbox.archive_url}/tokens/", token=sandbox.live_token)
    assert made.status == 201
    assert (await get(f"{sandbox.archive_url}/object/x/alerts", made.json)).status == 200
    member = sandbox.issue_live_token("m", orgs=("ZwickyTransientFacility",))
    partner = (await post(f"{sandbox.archive_url}/tokens/", token=member)).json
    assert (await get(f"{sandbox.archive_url}/object/x/alerts", partner, programid=2)).status == 200
    assert (await post(f"{sandbox.archive_url}/tokens/", token=sandbox.archive_token)).status == 401


async def test_partnership_alerts_are_hidden_from_a_public_token_except_by_candid(sandbox: Sandbox, get: Get) -> None:
    packet = richest(sandbox)[0]
    candidate = packet.candidate | {"candid": 1, "programid": 2}
    secret = replace(packet, candid=1, name="ZTF18abxhyqv", candidate=candidate)
    sandbox.add_alert(secret)
    url = f"{sandbox.archive_url}/object/ZTF18abxhyqv"
    assert (await get(f"{url}/alerts", sandbox.archive_token)).json == []
    assert (await get(f"{url}/photopoints", sandbox.archive_token)).status == 500
    assert len((await get(f"{url}/alerts", sandbox.partnership_token)).json) == 1
    assert (await get(f"{sandbox.archive_url}/alert/1")).json["objectId"] == "ZTF18abxhyqv"


async def test_alerts_of_schema_1_8_break_whatever_holds_them_but_photopoints_and_cutouts(
    sandbox: Sandbox, get: Get, post: Post
) -> None:
    packet = richest(sandbox)[0]
    old = replace(packet, candid=1, name="ZTF18aaxlzgi", candidate=packet.candidate | {"candid": 1}, schema=None)
    sandbox.add_alert(old)
    url, token = sandbox.archive_url, sandbox.archive_token
    assert (await get(f"{url}/object/ZTF18aaxlzgi/alerts", token)).status == 500
    assert (await get(f"{url}/alert/1")).status == 500
    assert (await get(f"{url}/alerts/time_range", token, jd_start=old.jd, jd_end=old.jd + 1)).status == 500
    assert (await get(f"{url}/object/ZTF18aaxlzgi/photopoints", token)).json["schemavsn"] == "3.3"
    assert (await get(f"{url}/alert/1/cutouts")).status == 200


async def test_an_alert_comes_with_its_cutouts_until_the_packet_is_dropped(
    sandbox: Sandbox, clock: ManualClock, get: Get
) -> None:
    packet = richest(sandbox)[0]
    url = f"{sandbox.archive_url}/alert/{packet.candid}"
    cutouts = (await get(f"{url}/cutouts")).json
    science = gzip.decompress(base64.b64decode(cutouts["cutoutScience"]["stampData"]))
    assert len(science) == 20160
    assert (await get(url)).json["cutoutScience"] == cutouts["cutoutScience"]
    clock.advance(timedelta(days=120))
    assert (await get(f"{url}/cutouts")).status == 404
    remembered = (await get(url)).json
    assert remembered["publisher"] == "Ampel"
    assert "cutoutScience" not in remembered


async def test_a_cone_finds_the_object_and_only_it(sandbox: Sandbox, get: Get) -> None:
    packet = richest(sandbox)[0]
    where = {"ra": packet.candidate["ra"], "dec": packet.candidate["dec"], "jd_start": 0, "jd_end": 1e9}
    url, token = sandbox.archive_url, sandbox.archive_token
    assert (await get(f"{url}/objects/cone_search", token, radius=2 / 3600, **where)).json == [packet.name]
    assert (await get(f"{url}/objects/cone_search", token, radius=0, **where)).json == []
    page = (await get(f"{url}/alerts/cone_search", token, radius=2 / 3600, chunk_size=2, **where)).json
    assert len(page["alerts"]) == 2
    rest = (await get(f"{url}/stream/{page['resume_token']}/chunk")).json
    assert {a["objectId"] for a in rest["alerts"]} == {packet.name}


async def test_a_search_cannot_go_on_with_its_resume_token_nor_ask_for_the_latest(sandbox: Sandbox, get: Get) -> None:
    url, token = sandbox.archive_url, sandbox.archive_token
    where = {"jd_start": 0, "jd_end": 1e9}
    page = (await get(f"{url}/alerts/time_range", token, **where)).json
    again = await get(f"{url}/alerts/time_range", token, resume_token=page["resume_token"], **where)
    assert again.status == 500
    latest = await get(f"{url}/alerts/cone_search", token, ra=0, dec=0, radius=1, latest="true", **where)
    assert latest.status == 500


@pytest.mark.parametrize(
    ("tests", "holds"),
    [
        ({"fid": 1}, lambda c: c["fid"] == 1),
        ({"magpsf": {"$lt": 18.5, "$gte": 17}}, lambda c: 17 <= c["magpsf"] < 18.5),
        ({"isdiffpos": {"$in": ["t", "1"]}}, lambda c: c["isdiffpos"] in "t1"),
        ({"isdiffpos": {"$nin": ["t"]}, "fid": {"$ne": 1}}, lambda c: c["isdiffpos"] != "t" and c["fid"] != 1),
        ({"drb": {"$gt": 0.5}, "rb": {"$lte": 0.8}}, lambda c: c["drb"] > 0.5 and c["rb"] <= 0.8),
    ],
)
async def test_candidate_filters(
    sandbox: Sandbox, get: Get, post: Post, tests: Any, holds: Callable[[Any], bool]
) -> None:
    found = await read_stream(sandbox, get, post, {"jd": {"$gt": 0}, "candidate": tests, "chunk_size": 5000})
    wanted = [packet.candid for packet in sandbox.archive._by_time if holds(packet.candidate)]
    assert wanted
    assert sorted(alert["candid"] for alert in found) == sorted(wanted)


async def read_stream(sandbox: Sandbox, get: Get, post: Post, body: Any) -> list[Any]:
    made = await post(f"{sandbox.archive_url}/streams/from_query", body, sandbox.archive_token)
    assert made.status == 202, made.text
    url = f"{sandbox.archive_url}/stream/{made.json['resume_token']}/chunk"
    alerts: list[Any] = []
    while page := (await get(url, with_history="false")).json["alerts"]:
        alerts += page
    return alerts


async def test_a_stream_of_names_ignores_unknown_ones(sandbox: Sandbox, get: Get, post: Post) -> None:
    name = richest(sandbox)[0].name
    found = await read_stream(sandbox, get, post, {"objectId": [name, "ZTF24zzzzzzz"]})
    assert {alert["objectId"] for alert in found} == {name}
    assert await read_stream(sandbox, get, post, {"objectId": []}) == []


async def test_large_answers_are_gzipped_if_that_is_offered_and_small_ones_never(
    sandbox: Sandbox, web: aiohttp.ClientSession
) -> None:
    url = f"{sandbox.archive_url}/object/{richest(sandbox)[0].name}/alerts"
    headers = {"Authorization": f"Bearer {sandbox.archive_token}"}
    async with web.get(url, headers=headers) as reply:
        assert reply.headers["Content-Encoding"] == "gzip"
        assert json.loads(await reply.text())
    async with web.get(url, headers=headers | {"Accept-Encoding": "identity"}) as reply:
        assert "Content-Encoding" not in reply.headers
        assert reply.headers["Vary"] == "Accept-Encoding"
    async with web.get(f"{sandbox.archive_url}/object/x/alerts", headers=headers) as reply:
        assert "Vary" not in reply.headers


async def test_the_openapi_document_lists_the_paths_with_their_parameters(sandbox: Sandbox, get: Get) -> None:
    document = (await get(f"{sandbox.archive_url}/openapi.json")).json
    call = document["paths"]["/alerts/time_range"]["get"]
    assert {p["name"]: p["required"] for p in call["parameters"]}["jd_start"] is True
    assert document["info"] == {"title": "ZTF Alert Archive Service", "version": "3.1.0"}
