"""The body of an answer: read up to a limit, unpacked, and taken as strict JSON."""

import json
import math
import zlib
from collections.abc import AsyncIterable
from typing import Any

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_UNPACKED = ("", "identity")
_PACKED = ("gzip", "x-gzip", "deflate")


class BadBody(Exception):
    """The body cannot be used; the message is the end of a sentence that begins with "the service answered"."""


class CutShort(Exception):
    """The body ended before its end: a fault of the connection."""


async def read_body(stream: AsyncIterable[bytes], encoding: str, max_bytes: int) -> bytes:
    """The unpacked body. `max_bytes` is what it may be when unpacked: no more than that is ever held."""
    coding = encoding.strip().lower()
    if coding not in _UNPACKED + _PACKED:
        # Stacked codings too: each multiplies what a small answer can unpack to.
        raise BadBody("in an encoding that was not asked for")
    body = bytearray()
    unpack = _Unpacker() if coding in _PACKED else None
    async for piece in stream:
        room = max_bytes - len(body) + 1
        body += piece if unpack is None else unpack(piece, room)
        if len(body) > max_bytes:
            raise BadBody(f"with more than {max_bytes / 2**20:.3g} MiB")
    if unpack is not None and not unpack.complete:
        raise CutShort
    return bytes(body)


class _Unpacker:
    """gzip or zlib, several members in a row too, never giving more than asked for."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._begun = False

    def __call__(self, piece: bytes, room: int) -> bytes:
        out = bytearray()
        while piece and len(out) < room:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
            self._begun = True
            try:
                out += self._member.decompress(piece, room - len(out))
            except zlib.error as error:
                raise BadBody("with a body that cannot be unpacked") from error
            piece = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        return bytes(out)

    @property
    def complete(self) -> bool:
        return self._member.eof or not self._begun


def parse_json(body: bytes, content_type: str) -> Any:
    """The JSON document in `body`: strict, finite, and safe to store; BadBody otherwise."""
    if is_html(body, content_type):
        raise BadBody("with HTML instead of JSON; is the address right, is there a log-in page before it?")
    if not body.strip():
        raise BadBody("with nothing")
    try:
        # As text: from bytes, json would take lone surrogates, which can be stored nowhere.
        document = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_float=_finite)
        if b"\\u" in body:
            json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair cannot be stored anywhere
    except (ValueError, RecursionError) as error:
        raise BadBody("with something that is not valid JSON") from error
    return document


def is_html(body: bytes, content_type: str) -> bool:
    """Whether an answer is a page for people."""
    return "html" in content_type.lower() or body.lstrip()[:1] == b"<"


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
