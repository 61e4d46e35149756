import json
from typing import Any

import httpx
import pytest

from ampel_watch.errors import (
    CredentialsRefused,
    ServerFault,
    ServiceUnavailable,
    StreamFailed,
    StreamGone,
    UnexpectedAnswer,
)
from ampel_watch.services.streams import Chunk, Cone, StreamQuery
from tests.services.archive_answers import (
    END,
    FAILED,
    HUSH,
    NAME,
    OVERLOADED,
    PENDING,
    UNKNOWN,
    Answer,
    Service,
    breaks,
    candids,
    document,
    drain,
    ok,
    page,
    told,
)


async def test_alerts_come_by_jd_and_candid():
    service = Service(alerts=[ok([document(3, 5.0), document(2**62, 4.0), document(1, 5.0)])])
    assert [alert.candid for alert in await service.client.alerts(NAME)] == [2**62, 1, 3]
    assert dict(service.requests[0].url.params) == {}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        [None],
        [{}],
        [{**document(1, 5.0), "candid": 1.5}],
        [{**document(1, 5.0), "candid": True}],
        [{**document(1, 5.0), "candid": 2**63}],
        [{**document(1, 5.0), "candidate": {"jd": None}}],
        [{**document(1, 5.0), "candidate": {"jd": 10**400}}],
        [{**document(1, 5.0), "prv_candidates": [5]}],
        [{**document(1, 5.0), "prv_candidates": {"a": 1}}],
        [document(1, 5.0), document(2, 5.0, "ZTF18aaaaaaa")],
    ],
)
async def test_what_are_no_alerts_of_this_object_is_unexpected(answer: Any):
    with pytest.raises(UnexpectedAnswer):
        await Service(alerts=[ok(answer)]).client.alerts(NAME)


async def test_photopoints_without_data_are_none_however_the_archive_says_it():
    assert await Service(photopoints=[ok(None)]).client.photopoints(NAME) is None
    service = Service(photopoints=[FAILED], alerts=[ok([])])
    assert await service.client.photopoints(NAME) is None
    assert dict(service.asked("alerts")[0].url.params) == {"limit": "1"}


async def test_photopoints_that_fail_for_an_object_with_alerts_are_a_fault():
    service = Service(photopoints=[FAILED], alerts=[ok([document(1, 5.0)])])
    with pytest.raises(ServerFault):
        await service.client.photopoints(NAME)


@pytest.mark.parametrize("answer", [ok(document(2, 5.0)), ok([]), ok("x")])
async def test_another_alert_than_asked_for_is_unexpected(answer: httpx.Response):
    with pytest.raises(UnexpectedAnswer):
        await Service(**{"1": [answer]}).client.alert(1)


@pytest.mark.parametrize("stamp", ["%%%", "é", 5, {"stampData": 5}, {"stampData": ["x"]}])
async def test_a_cutout_that_is_no_image_is_unexpected(stamp: Any):
    answer = {"candid": 1, "objectId": NAME, "cutoutScience": stamp}
    with pytest.raises(UnexpectedAnswer):
        await Service(cutouts=[ok(answer)]).client.cutouts(1)


@pytest.mark.parametrize("answer", [None, {}, [1], "x"])
async def test_what_is_no_list_of_names_is_unexpected(answer: Any):
    with pytest.raises(UnexpectedAnswer):
        await Service(cone=[ok(answer)]).client.objects_in_cone(1, 2, 0.1, 3, 4)


async def test_a_stream_is_created_waited_for_drained_and_acknowledged():
    service = Service(
        info=[UNKNOWN, PENDING, PENDING, ok({})],
        chunk=[page(5, document(3, 2.0), document(1, 1.0)), page(6, document(4, 3.0)), END],
        acknowledge=[httpx.Response(200), ok(None)],
    )
    chunks = await drain(service, StreamQuery(names=(NAME,), jd_from=1.0, jd_to=9.0, candidate={"fid": 1}))
    assert candids(chunks) == [[1, 3], [4]]
    assert chunks[0].remaining == 7
    assert json.loads(service.requests[0].content) == {
        "objectId": [NAME],
        "jd": {"$gt": 1.0, "$lt": 9.0},
        "candidate": {"fid": 1},
        "chunk_size": 1000,
    }
    assert service.waiting.slept_s == [0.25, 0.375, 0.5625]
    assert [request.url.params["with_history"] for request in service.asked("chunk")] == ["false"] * 3
    assert [request.url.path for request in service.asked("acknowledge")] == [
        f"/v3/stream/{HUSH}/chunk/{number}/acknowledge" for number in (5, 6)
    ]
    assert ["authorization" in request.headers for request in service.requests[:2]] == [True, False]


async def test_a_chunk_that_is_not_acknowledged_stays_with_the_archive():
    service = Service(chunk=[page(5, document(1, 1.0)), END])
    assert candids(await drain(service, acknowledge=False)) == [[1]]
    assert service.asked("acknowledge") == []


async def test_alerts_that_come_again_are_given_once():
    again = page(5, document(1, 1.0), document(2, 2.0))
    service = Service(chunk=[again, page(6, document(2, 2.0), document(3, 3.0)), again, END], acknowledge=[ok(None)])
    assert candids(await drain(service)) == [[1, 2], [3], []]
    assert len(service.asked("acknowledge")) == 3


async def test_an_archive_that_gives_the_same_chunk_for_ever_is_stopped():
    service = Service(chunk=[page(5, document(1, 1.0))], acknowledge=[ok(None)])
    with pytest.raises(StreamFailed, match="again and again"):
        await drain(service)


LOSSES = {
    "500": FAILED,
    "503": httpx.Response(503),
    "broken connection": breaks,
    "truncated": httpx.Response(200, text='{"chunk": 6, "aler'),
    "no number": page(None, document(2, 2.0)),
    "bad alert": page(6, {"candid": 2}),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
async def test_a_lost_chunk_is_asked_for_once_and_reported_at_the_end(loss: Answer):
    service = Service(
        chunk=[page(5, document(1, 1.0), document(2, 2.0)), loss, page(7, document(9, 4.0), document(8, 3.0)), END],
        acknowledge=[ok(None)],
    )
    chunks: list[Chunk] = []
    with pytest.raises(StreamFailed) as caught:
        await drain(service, into=chunks)
    assert candids(chunks) == [[1, 2], [8, 9]]
    assert caught.value.lost == ((2.0, 3.0),)
    assert len(service.asked("chunk")) == 4
    assert HUSH not in str(caught.value)


@pytest.mark.parametrize(
    ("answers", "lost"),
    [
        ([FAILED, page(1, document(1, 1.0)), END], ((None, 1.0),)),
        ([page(1, document(1, 1.0)), FAILED, END], ((1.0, None),)),
        ([FAILED, END], ((None, None),)),
        (
            [FAILED, page(1, document(1, 1.0)), FAILED, FAILED, page(2, document(2, 2.0)), END],
            ((None, 1.0), (1.0, 2.0)),
        ),
        ([page(1, document(1, 1.0)), FAILED, page(2), page(3, document(2, 2.0)), END], ((1.0, 2.0),)),
        ([page(1, document(1, 1.0)), FAILED], ((1.0, None),)),
    ],
)
async def test_gaps_reach_from_the_last_alert_before_to_the_first_after(
    answers: list[Answer], lost: tuple[tuple[float | None, float | None], ...]
):
    service = Service(chunk=answers, acknowledge=[ok(None)])
    with pytest.raises(StreamFailed) as caught:
        await drain(service)
    assert caught.value.lost == lost


async def test_an_archive_that_fails_on_every_chunk_ends_the_stream_after_a_while():
    service = Service(chunk=[FAILED])
    with pytest.raises(StreamFailed):
        await drain(service)
    assert len(service.asked("chunk")) == 25
    assert service.waiting.slept_s == [], "a 500 is an answer: the next chunk may be asked for at once"


async def test_an_archive_that_does_not_come_back_ends_the_stream():
    service = Service(chunk=[OVERLOADED])
    with pytest.raises(StreamFailed):
        await drain(service)
    assert len(service.asked("chunk")) == 4
    assert service.waiting.slept_s == [1.0, 4.0, 16.0]


async def test_a_query_that_never_ends_is_given_up():
    service = Service(info=[PENDING])
    with pytest.raises(StreamFailed, match="still running") as caught:
        await drain(service)
    assert caught.value.lost == ()
    assert 80 <= sum(service.waiting.slept_s) <= 100


async def test_a_stream_that_stays_unknown_is_gone():
    service = Service(info=[UNKNOWN])
    with pytest.raises(StreamGone):
        await drain(service)
    assert 10 <= sum(service.waiting.slept_s) <= 20


async def test_a_stream_may_expire_on_the_way():
    with pytest.raises(StreamGone):
        await drain(Service(chunk=[UNKNOWN]))
    with pytest.raises(StreamGone):
        await drain(Service(chunk=[page(5, document(1, 1.0))], acknowledge=[UNKNOWN]))


@pytest.mark.parametrize("answers", [{"info": [told(424, {"msg": "SELECT secret"})]}, {"chunk": [told(424, "SELECT")]}])
async def test_a_failed_query_does_not_show_its_statement(answers: dict[str, list[Answer]]):
    with pytest.raises(StreamFailed) as caught:
        await drain(Service(**answers))
    assert "SELECT" not in str(caught.value)


async def test_an_acknowledgement_is_repeated_until_it_arrives():
    service = Service(chunk=[page(5, document(1, 1.0)), END], acknowledge=[FAILED, httpx.Response(503), ok(None)])
    await drain(service)
    assert len(service.asked("acknowledge")) == 3


async def test_no_names_are_no_stream():
    service = Service()
    assert await drain(service, StreamQuery(names=(), jd_from=1.0)) == []
    assert service.requests == []


@pytest.mark.parametrize("answer", [ok({}), ok([]), ok({"resume_token": ""}), ok({"resume_token": 5})])
async def test_what_is_no_stream_is_unexpected(answer: httpx.Response):
    with pytest.raises(UnexpectedAnswer):
        await drain(Service(create=[answer]))


async def test_a_revoked_token_is_told_from_a_broken_archive():
    revoked = Service(create=[FAILED], alerts=[FAILED], **{"1": [told(404)]})
    with pytest.raises(CredentialsRefused, match="revoked"):
        await drain(revoked)
    assert not await Service(alerts=[ok([])]).client.token_looks_revoked()
    broken = Service(create=[FAILED], alerts=[FAILED], **{"1": [FAILED]})
    with pytest.raises(ServerFault):
        await drain(broken)


async def test_a_wait_asked_for_by_the_archive_is_kept_between_chunks():
    busy = httpx.Response(503, headers={"retry-after": "40"})
    service = Service(chunk=[busy, END])
    with pytest.raises(StreamFailed):
        await drain(service)
    assert service.waiting.slept_s == [40.0]


async def test_an_archive_that_is_down_is_unavailable():
    with pytest.raises(ServiceUnavailable):
        await drain(Service(create=[breaks]))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"candidate": {"drb": {"$gt": 0.5}}},
        {"names": (NAME,), "cone": Cone(1, 2, 0.1)},
        {"names": (NAME,), "chunk_size": 0},
        {"names": (NAME,), "chunk_size": 10_001},
        {"jd_from": float("nan")},
        {"jd_to": float("inf")},
    ],
)
def test_a_query_without_bounds_cannot_be_made(options: dict[str, Any]):
    with pytest.raises(ValueError, match=r"stream|chunk_size"):
        StreamQuery(**options)


def test_secrets_do_not_show_in_chunks():
    assert "acknowledge" not in repr(Chunk((), 1, None))
