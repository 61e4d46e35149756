"""An event as Block Kit. Pure.

Slack refuses a message that breaks one of its limits, and reads `&`, `<` and `>` as markup: outside text is escaped,
and cut before it is escaped, so that no cut falls inside an entity or a link.
"""

from collections.abc import Iterable
from typing import Any

from ampel_watch.api import Facts

HEADER_LENGTH = 150
SECTION_LENGTH = 3000
FALLBACK_LENGTH = 3000
_VALUE_LENGTH = 400
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LINK_SIGNS = {"&": "&amp;", "<": "%3C", ">": "%3E", "|": "%7C"}

Block = dict[str, Any]


def blocks_of(told: Facts) -> list[Block]:
    """The message: the title, what is known, what to know about the message, and links."""
    blocks: list[Block] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(told.title, HEADER_LENGTH), "emoji": False}}
    ]
    if len(told.title) > HEADER_LENGTH:
        blocks.append(_section([escape(told.title, SECTION_LENGTH)]))
    blocks.append(_section(f"*{label}*  {escape(value, _VALUE_LENGTH)}" for label, value in told.rows))
    if told.notes:
        blocks.append(_context(_joined((escape(note, _VALUE_LENGTH) for note in told.notes), "\n")))
    if told.links:
        blocks.append(_context(_joined((_link(label, address) for label, address in told.links), "  ·  ")))
    return blocks


def fallback_of(told: Facts) -> str:
    """What a phone's notification shows, and what readers without Block Kit get."""
    return escape(told.title, FALLBACK_LENGTH)


def escape(text: str, limit: int) -> str:
    """`text` as mrkdwn that says just that, at most `limit` characters with its entities."""
    whole = "".join(_ENTITIES.get(character, character) for character in text)
    if len(whole) <= limit:
        return whole
    kept: list[str] = []
    room = limit - 1
    for character in text:
        sign = _ENTITIES.get(character, character)
        if len(sign) > room:
            break
        kept.append(sign)
        room -= len(sign)
    return "".join(kept) + "…"


def cut(text: str, limit: int) -> str:
    """`text`, cut at a space if there is one near, to at most `limit` characters."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    space = head.rfind(" ", limit * 2 // 3)
    return (head[:space] if space > 0 else head).rstrip() + "…"


def _link(label: str, address: str) -> str:
    target = "".join(_LINK_SIGNS.get(character, character) for character in address)
    return f"<{target}|{escape(label.replace('|', '¦'), 80)}>"


def _joined(parts: Iterable[str], separator: str) -> str:
    """As many whole parts as Slack takes in one text."""
    kept: list[str] = []
    for part in parts:
        if len(separator.join([*kept, part])) > SECTION_LENGTH:
            break
        kept.append(part)
    return separator.join(kept)


def _section(lines: Iterable[str]) -> Block:
    return {"type": "section", "text": _markup(_joined(lines, "\n"))}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_markup(text)]}


def _markup(text: str) -> dict[str, Any]:
    """Verbatim: Slack makes no links or mentions of its own out of words such as `#general`."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
