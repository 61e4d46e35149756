"""An event as a mail, and the settings that shape it."""

import email.policy
import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html import escape
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampel_watch.api import Event, facts, plain_text
from ampel_watch.testing import hostile_events, sample_event
from ampel_watch_email import EmailSettings, SmtpSettings
from ampel_watch_email.message import html_of, mail_of
from ampel_watch_email.settings import parsed_address

NOW = datetime(2026, 11, 22, 21, 5, tzinfo=UTC)
SETTINGS = EmailSettings.model_validate({"from": "watch@example.org", "to": ["pi@example.org"]})


def mail(event: Event, settings: EmailSettings = SETTINGS, receiver: str = "pi-mail", date: datetime = NOW) -> bytes:
    told, text = facts(event, 0.0, UTC), plain_text(event, 0.0, UTC)
    return mail_of(event, told, text, settings, receiver, date).as_bytes()


def parsed(event: Event, settings: EmailSettings = SETTINGS, **changes: Any) -> EmailMessage:
    message = email.message_from_bytes(mail(event, settings, **changes), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_the_headers_say_what_a_mail_reader_wants_to_know() -> None:
    headers = {name: str(value) for name, value in parsed(sample_event()).items()}
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["List-Id"] == "<infant-sne.ampel-watch.example.org>"
    assert headers["X-Ampel-Watch-Event"] == sample_event().id
    assert "Reply-To" not in headers
    assert not parsed(sample_event()).defects


def test_answers_go_where_the_settings_say() -> None:
    settings = SETTINGS.model_copy(update={"reply_to": "Group <group@example.org>"})
    assert parsed(sample_event(), settings)["Reply-To"] == "Group <group@example.org>"


def test_the_same_event_and_date_give_the_same_bytes() -> None:
    assert mail(sample_event()) == mail(sample_event())


def test_a_later_try_keeps_the_message_id_and_tells_its_own_date() -> None:
    first, second = parsed(sample_event()), parsed(sample_event(), date=NOW + timedelta(days=2))
    assert first["Message-ID"] == second["Message-ID"]
    assert second["Date"].datetime - first["Date"].datetime == timedelta(days=2)


def test_another_event_or_receiver_gives_another_message_id() -> None:
    ids = {
        str(parsed(sample_event(kind), receiver=receiver)["Message-ID"])
        for kind in ("updated", "vanished")
        for receiver in ("a", "b")
    }
    assert len(ids) == 4
    assert all(re.fullmatch(r"<[\w.-]+@example\.org>", one) for one in ids)


@pytest.mark.parametrize("event", hostile_events(), ids=lambda event: event.id)
def test_hostile_text_adds_no_header_and_no_markup(event: Event) -> None:
    message = parsed(event)
    assert not message.defects
    assert set(message.keys()) == set(parsed(sample_event()).keys())
    assert len(str(message["Subject"])) <= 200
    text, page = (part.get_content() for part in message.iter_parts())
    assert "javascript:" not in page
    assert tags_of(page) <= EXPECTED_TAGS
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text.replace("\r", ""))


EXPECTED_TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "div",
    "h1",
    "table",
    "tr",
    "th",
    "td",
    "p",
    "br",
    "a",
}


def tags_of(page: str) -> set[str]:
    tags: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.add(tag)  # type: ignore[method-assign]
    parser.feed(page)
    return tags


@given(st.text(max_size=300), st.text(max_size=60))
@settings(deadline=None)
def test_any_summary_and_watch_name_make_a_sound_mail(summary: str, watch: str) -> None:
    message = parsed(sample_event(summary=summary, watch=watch))
    assert not message.defects
    assert max(map(len, mail(sample_event(summary=summary, watch=watch)).split(b"\r\n"))) <= 998


def test_the_page_follows_the_readers_scheme_and_loads_nothing() -> None:
    page = html_of(facts(sample_event(), 0.0, UTC), sample_event())
    assert "prefers-color-scheme: dark" in page
    assert "viewport" in page
    assert not re.search(r"src=|@import|url\(|<script", page)


def test_the_page_tells_what_the_text_tells() -> None:
    told = facts(sample_event(missing=("the light curve",), late_s=7200.0), 0.0, UTC)
    page = html_of(told, sample_event())
    for _, value in told.rows:
        assert escape(value) in page
    assert all(note in page for note in told.notes)
    assert page.count("<a href=") == len(told.links)


def test_the_defaults_are_encrypted() -> None:
    smtp = SmtpSettings()
    assert (smtp.host, smtp.tls, smtp.port_or_default) == ("localhost", "starttls", 587)
    assert SmtpSettings(tls="tls").port_or_default == 465
    assert SmtpSettings(tls="none").port_or_default == 25
    assert SmtpSettings(tls="none", port=2525).port_or_default == 2525


@pytest.mark.parametrize(
    "text",
    ["pi@example.org", "A. B <a.b+c@mail.example.org>", '"B, A" <ab@localhost>', "x@[127.0.0.1]", "Jörg <j@x.de>"],
)
def test_addresses_as_people_write_them(text: str) -> None:
    assert "@" in parsed_address(text).addr_spec


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pi",
        "@example.org",
        "pi@",
        "a@b@c",
        "pi@example.org\r\nBcc: x@y.z",
        "pi@exämple.org",
        "a@b.c, d@e.f",
        "a@b.c,",
        "a@b.c extra",
        "x@y.z <a@b.c>",
        "a@b..c",
        "<>",
        "a b@c.d",
    ],
)
def test_what_is_no_single_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        parsed_address(text)


@pytest.mark.parametrize(
    ("smtp", "reason"),
    [
        ({"username": "me"}, "both username and password"),
        ({"password": "pass-word"}, "both username and password"),
        ({"host": "mail.example.org", "tls": "none", "username": "me", "password": "pass-word"}, "unencrypted"),
        ({"host": "10.0.0.1", "tls": "none", "username": "me", "password": "pass-word"}, "unencrypted"),
        ({"tls": "ssl"}, "starttls"),
        ({"port": 0}, "greater than"),
        ({"port": "25"}, "integer"),
        ({"host": "mail example"}, "pattern"),
        ({"timeout": 5}, "not a duration"),
        ({"hosts": "x"}, "Extra inputs"),
    ],
)
def test_unusable_smtp_settings_are_refused(smtp: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        SmtpSettings.model_validate(smtp)
    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1"])
def test_a_login_without_tls_is_allowed_on_this_machine(host: str) -> None:
    settings = SmtpSettings.model_validate({"host": host, "tls": "none", "username": "me", "password": "x"})
    assert settings.password is not None


@pytest.mark.parametrize("to", [[], ["nobody"], "pi@example.org", ["a@b.c\nBcc: d@e.f"]])
def test_there_must_be_somebody_to_write_to(to: Any) -> None:
    with pytest.raises(ValueError, match="to"):
        EmailSettings.model_validate({"from": "watch@example.org", "to": to})
