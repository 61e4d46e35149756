import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.redaction import RedactingFormatter, redactor
from ampel_watch.settings import Secret

TOKEN = "xoxb-geheim"

secrets = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=4, max_size=12), max_size=4)


@given(secrets, st.lists(st.text(max_size=8)))
def test_no_secret_is_left_in_a_text(values, between):
    redact = redactor(map(Secret, values))
    text = "".join(part + value for part, value in zip(between, values * 9, strict=False))
    assert not [value for value in values if value in redact(text)]


@given(st.text())
def test_a_text_without_secrets_stays_as_it_is(text):
    assert redactor([Secret("a secret that hypothesis does not find")])(text) == text


def test_a_secret_within_another_does_not_uncover_the_rest():
    redact = redactor([Secret("geheim"), Secret("geheimnis")])
    assert redact("das geheimnis, geheim") == "das ***, ***"


def test_words_that_are_too_short_for_a_secret_stay():
    assert redactor([Secret("abc"), Secret("")])("abcdef") == "abcdef"


def test_a_secret_in_a_file_is_masked_as_it_is_now(tmp_path):
    file = tmp_path / "token"
    redact = redactor([Secret(file=file)])
    assert redact("not written yet: one-token") == "not written yet: one-token"
    file.write_text("one-token\n")
    assert redact("one-token") == "***"
    file.write_text("two-token\n")
    assert redact("two-token") == "***"
    file.write_bytes(b"\xff\xfe\xff\xfe")
    assert redact("two-token") == "two-token"


def formatted(record: logging.LogRecord) -> str:
    return RedactingFormatter(logging.Formatter("%(levelname)s %(message)s"), redactor([Secret(TOKEN)])).format(record)


def test_a_log_line_is_masked_wherever_the_secret_comes_from():
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, f"{TOKEN} and %s", ({"token": TOKEN},), None)
    assert formatted(record) == "ERROR *** and {'token': '***'}"


def look_up(doors: dict[str, str]) -> str:
    try:
        return doors[TOKEN]
    except KeyError as error:
        raise ValueError(f"wrong: {TOKEN}") from error


def test_a_traceback_is_masked_with_its_causes():
    with pytest.raises(ValueError, match=TOKEN) as caught:
        look_up({})
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), (caught.type, caught.value, caught.tb))
    shown = formatted(record)
    assert TOKEN not in shown
    assert "KeyError: '***'" in shown
    assert shown.endswith("ValueError: wrong: ***")
