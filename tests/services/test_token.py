import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest

from ampel_watch.errors import CredentialsRefused
from ampel_watch.services.token import TokenSource
from ampel_watch.settings import Secret

KEY = "k" * 32
EXPIRES = datetime(2026, 11, 23, 21, tzinfo=UTC)
UUID = "6a0b5f3e-3b0a-4f0e-9f43-0d3c1f6f5f11"


def token_of(**claims: Any) -> str:
    return jwt.encode({"name": "dora", "orgs": ["A", "B"], "teams": ["T"], **claims}, KEY, algorithm="HS256")


def source(token: str) -> TokenSource:
    return TokenSource(Secret(token))


def test_the_header_holds_the_bare_token():
    assert source(" abc\n").header() == "bearer abc"


def test_expiry_is_read_without_the_key():
    assert source(token_of(exp=int(EXPIRES.timestamp()))).expires_at() == EXPIRES
    past = datetime(2020, 1, 1, tzinfo=UTC)
    assert source(token_of(exp=past.timestamp())).expires_at() == past


@pytest.mark.parametrize("exp", ["soon", None, True, 1e300, [1]])
def test_an_expiry_that_is_no_date_is_unknown(exp: Any):
    assert source(token_of(exp=exp)).expires_at() is None


@pytest.mark.parametrize("token", [UUID, "a.b.c", "...", "e30.e30."])
def test_what_is_no_jwt_is_used_as_it_is(token: str):
    plain = source(token)
    assert plain.header() == f"bearer {token}"
    assert plain.expires_at() is None
    assert plain.identity() is None


def test_the_identity_is_who_and_not_when():
    first = source(token_of(exp=1)).identity()
    assert first is not None
    assert source(token_of(exp=2, orgs=["B", "A"])).identity() == first
    for other in ({"orgs": ["A"]}, {"teams": []}, {"name": "nora"}, {"groups": ["G"]}):
        assert source(token_of(**other)).identity() != first


def test_a_replaced_file_is_noticed(tmp_path: Path):
    file = tmp_path / "token"
    file.write_text("one")
    watched = TokenSource(Secret(file=file))
    mark = watched.fingerprint()
    assert not watched.changed_since(mark)
    file.write_text("one\n")
    assert not watched.changed_since(mark)
    file.write_text("two")
    assert watched.changed_since(mark)
    file.unlink()
    assert watched.fingerprint() is None
    assert not watched.changed_since(mark)


BAD_FILES = {
    "empty": b"",
    "blank": b" \n",
    "two lines": b"psst-one\npsst-two",
    "a whole header": b"Bearer psst-one",
    "not ascii": "psst-ö".encode(),
    "not utf-8": b"psst-\xff\xfe",
    "a control character": b"psst\x00one",
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_an_unusable_file_is_named_and_nothing_of_it_is_told(content: bytes, tmp_path: Path):
    file = tmp_path / "live-token"
    file.write_bytes(content)
    with pytest.raises(CredentialsRefused, match="live-token") as caught:
        TokenSource(Secret(file=file)).header()
    told = "".join(traceback.format_exception(caught.value))
    assert "psst" not in told
    assert caught.value.__context__ is None


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(CredentialsRefused, match=r"nowhere cannot be read \(No such file"):
        TokenSource(Secret(file=tmp_path / "nowhere")).header()


def test_an_echoed_token_is_hidden():
    assert source("abc").redact("no abc here") == "no *** here"
    assert source("").redact("nothing") == "nothing"


def test_it_shows_nothing_of_itself():
    assert "psst" not in repr(source("psst")) + str(vars(source("psst")))
