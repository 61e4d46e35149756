import gzip
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.errors import UnexpectedAnswer
from ampel_watch.services.body import BadBody, CutShort, _Unpacker, parse_json, read_body
from tests.services.recordings import service_http
from tests.services.wire import Wire, reply

MIB = 2**20


async def pieces_of(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for begin in range(0, len(data), size):
        yield data[begin : begin + size]


async def refused(act: Any, **options: Any) -> str:
    async with Wire(act) as wire:
        http = service_http("live", wire.url, **options)
        with pytest.raises(UnexpectedAnswer) as caught:
            await http.get_json("/x")
        await http.aclose()
    assert "\n" not in str(caught.value)
    return str(caught.value)


BAD_BODIES = {
    "nothing": b"",
    "blank": b"  \n",
    "cut short": b'{"a": [1, 2',
    "not json": b"Internal Server Error",
    "nan": b'{"a": NaN}',
    "infinity": b"[-Infinity]",
    "an overflowing number": b"[1e999]",
    "an endless number": b"9" * 10_000,
    "deep nesting": b"[" * 100_000 + b"]" * 100_000,
    "half a surrogate pair": b'["\\ud800"]',
    "not utf-8": b'["\xff\xfe\xfa"]',
    "two documents": b"{}{}",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_what_is_not_strict_json_is_unexpected(body: bytes):
    assert "answered with" in await refused(reply(raw=body))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<!DOCTYPE html><p>Log in", "text/html; charset=utf-8"),
        (b"\n <html>", "application/json"),
        (b"{}", "text/html"),
    ],
)
async def test_a_page_is_told_from_an_answer(body: bytes, content_type: str):
    assert "HTML instead of JSON" in await refused(reply(raw=body, content_type=content_type))


async def test_a_huge_answer_is_given_up_at_the_limit():
    assert "more than 1 MiB" in await refused(reply(raw=b" " * 3 * MIB), max_bytes=MIB)


async def test_a_small_answer_that_unpacks_to_a_huge_one_is_given_up_at_the_limit():
    bomb = gzip.compress(b" " * 40 * MIB)
    assert "more than 1 MiB" in await refused(reply(raw=bomb, content_encoding="gzip"), max_bytes=MIB)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "gzip;q=1"])
async def test_an_encoding_that_was_not_asked_for_is_refused(encoding: str):
    assert "not asked for" in await refused(reply(raw=b"{}", content_encoding=encoding))


async def test_a_body_that_does_not_unpack_is_unexpected():
    assert "cannot be unpacked" in await refused(reply(raw=b"{}", content_encoding="gzip"))


async def test_a_packed_body_that_stops_short_is_asked_for_again():
    packed = gzip.compress(b'{"fine": true}')
    async with Wire(
        reply(raw=packed[:-9], content_encoding="gzip"), reply(raw=packed, content_encoding="gzip")
    ) as wire:
        http = service_http("live", wire.url)
        assert await http.get_json("/x") == {"fine": True}
        await http.aclose()
    assert len(wire.requests) == 2


async def test_a_sequence_of_packed_members_is_one_body():
    packed = gzip.compress(b'{"a"') + gzip.compress(b": 1}")
    assert await read_body(pieces_of(packed, 7), "GZIP", MIB) == b'{"a": 1}'


async def test_zlib_is_unpacked_too():
    assert await read_body(pieces_of(zlib.compress(b"{}")), "deflate", MIB) == b"{}"


async def test_no_more_than_the_limit_is_held():
    with pytest.raises(BadBody, match="MiB"):
        await read_body(pieces_of(b"x" * 101), "", 100)
    assert await read_body(pieces_of(b"x" * 100), "", 100) == b"x" * 100


def test_unpacking_gives_no_more_than_there_is_room_for():
    unpack = _Unpacker()
    assert len(unpack(gzip.compress(b" " * MIB), 1000)) == 1000


@given(st.binary(max_size=5000), st.integers(1, 50), st.sampled_from(["gzip", ""]))
async def test_any_body_arrives_as_it_was_sent(body: bytes, size: int, encoding: str):
    sent = gzip.compress(body) if encoding else body
    assert await read_body(pieces_of(sent, size), encoding, 5000) == body


@given(st.binary(max_size=200), st.data())
async def test_a_packed_body_that_ends_early_never_passes_for_whole(body: bytes, data: st.DataObject):
    sent = gzip.compress(body)
    cut = data.draw(st.integers(1, len(sent) - 1))
    with pytest.raises(CutShort):
        await read_body(pieces_of(sent[:cut]), "gzip", MIB)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_is_read_as_it_was_written(document: Any):
    assert parse_json(json.dumps(document).encode(), "application/json") == document


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_a_bad_body(body: bytes):
    try:
        document = parse_json(body, "")
    except BadBody:
        return
    json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
