"""Every recorded answer of the archive: what our methods make of it, or why none of them can meet it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from ampel_watch.errors import (
    CredentialsRefused,
    RequestRefused,
    ServerFault,
    ServiceUnavailable,
    StreamFailed,
    StreamGone,
)
from ampel_watch.services.archive import ArchiveClient
from ampel_watch.services.streams import Chunk, Cone, Stream, StreamPatience, StreamQuery
from tests.services.recordings import Replay, load, names_of, needs_recordings

Ask = Callable[[ArchiveClient], Awaitable[Any]]

A, B, C, D = "ZTF18abcecyc", "ZTF20abyfpze", "ZTF18abxhyqv", "ZTF24zzzzzzz"
OBJECTS = "UXUFs5KstSHRejBOuGEgP3F5SnHAO9RTnFBJ4eLQcqA"
SLOW = "5eHq95ogfdQpIAi1SZw_ZwJ0G4Z23bFK8xzT_zIf-UM"


@dataclass(frozen=True)
class Case:
    """`replayed` recordings, what is asked, and what comes: an error class, or a check of the result."""

    replayed: tuple[str, ...]
    ask: Ask
    expect: type[Exception] | Callable[[Any], bool]
    strict: bool = True
    programid: int | None = None


def one(name: str, ask: Ask, expect: Any, **options: Any) -> Case:
    return Case((name,), ask, expect, **options)


def alerts(name: str = A, **options: Any) -> Ask:
    return lambda client: client.alerts(name, **options)


def photopoints(name: str) -> Ask:
    return lambda client: client.photopoints(name)


def alert(candid: int) -> Ask:
    return lambda client: client.alert(candid)


def cutouts(candid: int) -> Ask:
    return lambda client: client.cutouts(candid)


def cone(ra_deg: float) -> Ask:
    return lambda client: client.objects_in_cone(ra_deg, 45.03046, 0.01, 2459100, 2459140)


def drain(query: StreamQuery, *, acknowledge: bool = False) -> Ask:
    async def ask(client: ArchiveClient) -> list[Chunk]:
        chunks = []
        async for chunk in client.stream(query):
            chunks.append(chunk)
            if acknowledge:
                await chunk.acknowledge()
        return chunks

    return ask


def stream(resume_token: str, method: str, *args: Any) -> Ask:
    """Call a step of a stream that exists already."""
    return lambda client: getattr(Stream(client.http, resume_token, StreamPatience()), method)(*args)


def create(query: StreamQuery) -> Ask:
    return lambda client: Stream.create(client.http, query, client._programid, StreamPatience())


def in_order(found: Any) -> bool:
    keys = [(alert.jd, alert.candid) for alert in found]
    return len(found) > 0 and keys == sorted(keys) and all(isinstance(alert.candid, int) for alert in found)


def empty(found: Any) -> bool:
    return found == ()


def nothing(found: Any) -> bool:
    return found is None


def with_history(found: Any) -> bool:
    return in_order(found) and any(alert.history for alert in found)


def points_of(name: str, *, at_least: int = 1) -> Callable[[Any], bool]:
    return lambda found: found.name == name and len(found.history) >= at_least and "jd" in found.history[0]


def is_alert(name: str) -> Callable[[Any], bool]:
    return lambda found: found.name == name and found.candidate["candid"] == found.candid


def is_stream(found: Any) -> bool:
    return isinstance(found, Stream)


def stamps(found: Any) -> bool:
    return all(stamp.startswith(b"\x1f\x8b") for stamp in (found.science, found.template, found.difference))


def no_stamps(found: Any) -> bool:
    return (found.science, found.template, found.difference) == (None, None, None)


BY_NAMES = StreamQuery(names=(B, "ZTF18abeclfl", D), jd_from=2458340, jd_to=2459200, chunk_size=20)
A_THOUSAND = StreamQuery(names=("ZTF20lohswbx", "ZTF19ugzzihz", B, "ZTF18abeclfl"))
FILTERED = StreamQuery(
    jd_from=2459130, jd_to=2459140, candidate={"drb": {"$gt": 0.9}, "fid": 1, "isdiffpos": {"$in": ["t", "1"]}}
)

CASES = (
    one("alert", alert(595147624915010001), is_alert(A)),
    one("alert_database_only", alert(1341402070115015009), is_alert(B)),
    one("alert_partnership_no_token", alert(879461413115015009), is_alert(C)),
    one("alert_schema_1_8_500", alert(522193343615015003), ServerFault),
    one("alert_schema_4_02", alert(2480088313915010007), is_alert("ZTF21aapuacc")),
    one("alert_unknown", alert(1), nothing),
    one("cone_search_objects", cone(15.95263), lambda found: found == (B,)),
    one("cone_search_objects_none", cone(200), empty),
    one("cutouts", cutouts(595211876015015031), stamps),
    one("cutouts_not_stored", cutouts(1341402070115015009), nothing),
    one("cutouts_null", cutouts(879461413115015009), no_stamps),
    one("cutouts_unknown", cutouts(1), nothing),
    one("error_bad_jd", alerts(jd_start="2018-08-19"), RequestRefused),
    one("error_bad_scheme", alerts(), CredentialsRefused),
    one("error_malformed_token", alerts(), CredentialsRefused),
    one("error_negative_limit_500", alerts(limit=-1), ServerFault),
    one("error_no_token", alerts(), CredentialsRefused),
    one("error_pool_exhausted_503", alerts(), ServiceUnavailable),
    one("error_statement_timeout_504", alerts(), ServiceUnavailable),
    one("error_unknown_token_500", alerts(), ServerFault),
    one("error_wrong_programid", alerts(C), CredentialsRefused, programid=2),
    one("object_alerts", alerts(), in_order),
    one("object_alerts_identity_encoding", alerts(), in_order),
    one("object_alerts_jd_end_exclusive", alerts(B, jd_start=2459136, jd_end=2459136.8027315), empty),
    one("object_alerts_jd_start", alerts(B, jd_start=2459134.0), in_order),
    one("object_alerts_jd_start_inclusive", alerts(B, jd_start=2459136.8027315), in_order),
    one("object_alerts_lowercase_name", alerts("ztf18abcecyc"), empty),
    one("object_alerts_many", alerts(B), in_order),
    one("object_alerts_partnership_public_token", alerts(C), empty),
    one("object_alerts_partnership_token", alerts(C, with_history=True), with_history),
    one("object_alerts_same_jd", alerts("ZTF18acruwxq"), in_order),
    one("object_alerts_schema_1_8_500", alerts("ZTF18aayhxzx"), ServerFault),
    one("object_alerts_schema_4_02", alerts("ZTF21aapuacc", with_history=True), with_history),
    one("object_alerts_unknown_object", alerts(D), empty),
    one("object_alerts_with_history", alerts(with_history=True), with_history),
    one("photopoints", photopoints(A), points_of(A)),
    one("photopoints_many", photopoints(B), points_of(B)),
    one("photopoints_partnership_token", photopoints(C), points_of(C)),
    one("photopoints_same_jd", photopoints("ZTF18acruwxq"), points_of("ZTF18acruwxq")),
    one("photopoints_schema_1_8", photopoints("ZTF18aaxlzgi"), points_of("ZTF18aaxlzgi")),
    Case(("photopoints_unknown_object_500", "object_alerts_unknown_object"), photopoints(D), nothing, strict=False),
    Case(
        ("photopoints_partnership_public_token_500", "object_alerts_partnership_public_token"),
        photopoints(C),
        nothing,
        strict=False,
    ),
    Case(
        ("stream_from_query_objects", "stream_info", "stream_chunk", "stream_chunk_drained", "stream_acknowledge"),
        drain(BY_NAMES, acknowledge=True),
        lambda chunks: len(chunks) == 1 and in_order(chunks[0].alerts) and chunks[0].remaining == 33,
        strict=False,
    ),
    Case(
        ("stream_info_one_pending", "stream_chunk_with_history", "stream_chunk_drained"),
        lambda client: anext(Stream(client.http, OBJECTS, StreamPatience()).chunks()),
        lambda chunk: in_order(chunk.alerts),
        strict=False,
    ),
    Case(("stream_from_query_no_match", "stream_info_no_match"), create(StreamQuery(names=(D,))), is_stream),
    Case(("stream_from_query_1000_names",), create(A_THOUSAND), is_stream),
    one("stream_info_1000_names", stream("JtKegcFWdTd4n4StihxeINwC9sTHbXrqrVq63vnbEdM", "_ready"), nothing),
    one("stream_info_no_match", stream("eNNpjNsvp-mwTqJ5bSUyb4Q_my3AAbtwi2Tp2q6CW4s", "_ready"), nothing),
    Case(("stream_from_query_slow",), create(StreamQuery(names=(B,), candidate={"fid": 1})), is_stream),
    Case(("stream_pending_423", "stream_ready_after_423"), stream(SLOW, "_ready"), nothing),
    Case(("stream_ready_after_423", "stream_chunk_pending_423"), stream(SLOW, "_next"), StreamFailed, strict=False),
    one("stream_from_query_cone", create(StreamQuery(cone=Cone(15.95263, 45.03046, 0.01), jd_from=2459130)), is_stream),
    one("stream_from_query_filter", create(FILTERED), is_stream),
    one("stream_from_query_no_token", create(StreamQuery(names=(B,))), CredentialsRefused),
    one(
        "stream_from_query_unknown_candidate_field",
        create(StreamQuery(names=(B,), candidate={"nope": {"$gt": 1}})),
        RequestRefused,
    ),
    one(
        "stream_from_query_unknown_operator",
        create(StreamQuery(names=(B,), candidate={"drb": {"$foo": 1}})),
        RequestRefused,
    ),
    one("stream_from_query_wrong_programid", create(StreamQuery(names=(B,))), CredentialsRefused, programid=2),
    one("stream_acknowledge_pending_423", stream(SLOW, "_acknowledge", 1), RequestRefused),
    one("stream_acknowledge_unknown", stream("nonesuch", "_acknowledge", 1), StreamGone),
    one("stream_acknowledge_unknown_chunk", stream(OBJECTS, "_acknowledge", 999999), nothing),
    one("stream_chunk_unknown", stream("nonesuch", "_next"), StreamGone, strict=False),
    one("stream_unknown", stream("nonesuch", "_ready"), StreamGone),
    one("stream_failed_424", stream("J7v1-6zwND9WefsWE2LZr6ILmbIPGm-sfqyvypPqYCk", "_ready"), StreamFailed),
)

EXACT_PATH = "the path is always written exactly"
NO_PAGES = "searches that page are left alone: streams do the same and can be acknowledged"
NO_REGIONS = "regions and sky maps are not watched yet"
NO_TOPICS = "topics are not used"
NO_TOKENS = "tokens are made by a person"
BY_TYPE = "the method's parameters cannot express it"
REFUSED_FIRST = "StreamQuery refuses it before anything is sent"

UNMET = {
    "alert_bad_candid": BY_TYPE,
    "alerts_sample_500": "a sample is of no use to a watch",
    "cone_search_alerts": NO_PAGES,
    "cone_search_latest_500": NO_PAGES,
    "cone_search_missing_params": BY_TYPE,
    "healpix": NO_PAGES,
    "healpix_bad_nside": NO_PAGES,
    "object_alerts_limit_start": "`start` follows the order of the database and is of no use",
    "object_alerts_trailing_slash": EXACT_PATH,
    "photopoints_jd_start": "it selects alerts, not points, and saves little",
    "photopoints_no_upper_limits": "limits are wanted",
    "skymap": NO_REGIONS,
    "skymap_count": NO_REGIONS,
    "skymap_missing_jd": NO_REGIONS,
    "skymap_regions": NO_REGIONS,
    "skymap_resume": NO_REGIONS,
    "skymap_unknown_candidate_field_500": NO_REGIONS,
    "skymap_unknown_resume_token_500": NO_REGIONS,
    "stream_from_query_chunk_size_0": REFUSED_FIRST,
    "stream_from_query_chunk_size_too_big": REFUSED_FIRST,
    "stream_from_query_extra_key": BY_TYPE,
    "stream_from_query_no_constraint": REFUSED_FIRST,
    "stream_from_query_regions": NO_REGIONS,
    "stream_from_topic": NO_TOPICS,
    "stream_from_topic_chunk": NO_TOPICS,
    "stream_from_topic_small_chunk": NO_TOPICS,
    "stream_from_topic_unknown": NO_TOPICS,
    "stream_release_500": "a chunk is given back by leaving it",
    "time_range": NO_PAGES,
    "time_range_chunk_size_0": NO_PAGES,
    "time_range_continue": NO_PAGES,
    "time_range_empty": NO_PAGES,
    "time_range_missing_param": NO_PAGES,
    "time_range_resume_token_500": NO_PAGES,
    "time_range_with_bad_row_500": NO_PAGES,
    "tokens_archive_token": NO_TOKENS,
    "tokens_create": NO_TOKENS,
    "tokens_delete": NO_TOKENS,
    "tokens_delete_again": NO_TOKENS,
    "tokens_expired_jwt": NO_TOKENS,
    "tokens_get": NO_TOKENS,
    "tokens_list": NO_TOKENS,
    "tokens_no_slash": NO_TOKENS,
    "tokens_no_token": NO_TOKENS,
    "tokens_not_member": NO_TOKENS,
    "topic": NO_TOPICS,
    "topic_create": NO_TOPICS,
    "topic_create_no_match": NO_TOPICS,
    "topic_create_no_slash": EXACT_PATH,
    "topic_unknown_500": NO_TOPICS,
}

pytestmark = needs_recordings


async def outcome(case: Case) -> Any:
    """What the case's method gives, or the error that it raises."""
    replay = Replay("archive", *case.replayed, strict=case.strict)
    client = ArchiveClient(replay.http(), programid=case.programid)
    try:
        return await case.ask(client)
    finally:
        await client.aclose()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.replayed[0])
async def test_the_method_gives_what_the_recording_means(case: Case):
    if isinstance(case.expect, type):
        with pytest.raises(case.expect) as caught:
            await outcome(case)
        assert "\n" not in str(caught.value)
        assert "Internal Server Error" not in str(caught.value)
    else:
        assert case.expect(await outcome(case))


def test_every_recording_is_a_case_or_has_a_reason():
    met = {name for case in CASES for name in case.replayed}
    assert met | set(UNMET) == names_of("archive")
    assert not met & set(UNMET)


async def test_an_unknown_operator_is_explained_for_the_form_of_body_that_was_meant():
    query = StreamQuery(names=(B,), candidate={"drb": {"$foo": 1}})
    with pytest.raises(RequestRefused, match=r"\$foo") as caught:
        await outcome(one("stream_from_query_unknown_operator", create(query), RequestRefused))
    assert "At least one constraint" not in str(caught.value)


async def test_the_database_error_of_a_failed_query_is_not_shown():
    case = next(case for case in CASES if case.replayed == ("stream_failed_424",))
    with pytest.raises(StreamFailed) as caught:
        await outcome(case)
    assert "psycopg2" not in str(caught.value)


async def test_a_statement_timeout_says_when_to_come_back():
    with pytest.raises(ServiceUnavailable) as caught:
        await outcome(one("error_statement_timeout_504", alerts(), ServiceUnavailable))
    assert caught.value.retry_after_s == 120.0


async def test_alerts_of_one_exposure_are_all_kept():
    found = await outcome(one("object_alerts_same_jd", alerts("ZTF18acruwxq"), in_order))
    recorded = load("archive", "object_alerts_same_jd")["response"]["json"]
    assert {alert.candid for alert in found} == {document["candid"] for document in recorded}
    assert len({alert.jd for alert in found}) == 1
