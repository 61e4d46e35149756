"""An event as Block Kit."""

import html
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from ampel_watch.api import Facts
from ampel_watch_slack.blocks import blocks_of, cut, escape, fallback_of

ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")
LINK = re.compile(r"<https?://[^<>|\s]+\|[^<>|]*>")
texts = st.text(st.sampled_from("&<>|ab *_`…é🔭"), max_size=400)
addresses = st.from_regex(r"https?://[!-~]{1,300}", fullmatch=True)


@given(texts, st.integers(1, 200))
def test_escaped_text_says_the_same_within_its_limit(text: str, limit: int) -> None:
    escaped = escape(text, limit)
    assert len(escaped) <= limit
    assert not set("<>") & set(escaped)
    assert not ENTITY.search(escaped)
    said = html.unescape(escaped)
    assert said == text or (said.endswith("…") and text.startswith(said[:-1]))


@given(texts, st.integers(5, 200))
def test_a_cut_keeps_the_beginning(text: str, limit: int) -> None:
    shortened = cut(text, limit)
    assert len(shortened) <= limit
    assert shortened == text or (shortened.endswith("…") and text.startswith(shortened[:-1]))


def test_a_cut_falls_between_words() -> None:
    assert cut("entered WEIZMANN_INFANTSN and more", 29) == "entered WEIZMANN_INFANTSN…"


@given(
    st.builds(
        Facts,
        title=texts.filter(bool),
        rows=st.lists(st.tuples(st.just("Why"), texts), min_size=1, max_size=30).map(tuple),
        links=st.lists(st.tuples(texts, addresses), max_size=40).map(tuple),
        notes=st.lists(texts, max_size=30).map(tuple),
    )
)
@settings(deadline=None)
def test_any_message_keeps_slacks_limits_and_cuts_no_link(told: Facts) -> None:
    blocks = blocks_of(told)
    assert 2 <= len(blocks) <= 5
    assert len(blocks[0]["text"]["text"]) <= 150
    for block in blocks[1:]:
        for element in block.get("elements", [block.get("text")]):
            assert element["verbatim"] is True
            assert len(element["text"]) <= 3000
            assert not set("<>") & set(LINK.sub("", element["text"]))
    assert len(fallback_of(told)) <= 3000


def test_a_title_too_long_for_a_header_is_repeated_whole() -> None:
    title = "ZTF21aaqhhfu entered WEIZMANN_INFANTSN " * 5
    header, whole, *_ = blocks_of(Facts(title, (("Why", "watch a"),), (), ()))
    assert header["text"]["text"].endswith("…")
    assert whole["text"]["text"] == title


def test_a_link_cannot_be_broken_out_of() -> None:
    links = (("Fritz|x>", "https://x.example/?a=1&b=<y>|z"),)
    (*_, context) = blocks_of(Facts("title", (("Why", "w"),), links, ()))
    assert context["elements"][0]["text"] == "<https://x.example/?a=1&amp;b=%3Cy%3E%7Cz|Fritz¦x&gt;>"
