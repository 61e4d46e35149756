"""What the text of a rule shows before, or instead of, a syntax tree: parts that rules do not have, and plain words
for what the parser says."""

import re

from rule_engine.errors import RuleSyntaxError

_STRING = re.compile(r"""(["'])(?:[^\\\n]|\\.)*?\1|#.*""")
_FORBIDDEN = re.compile(
    r"\*\*|<<|>>|<>|=~|!~|\?\??|!(?!=)|[&|^$:;]|(?<![=!<>])=(?!=)"
    r"|\b(?:is|for|if|else|elif|while)\b"
    r'|\b[bdrst](?=")|(?<=["\]}])\s*[.\[]'  # literals of bytes, dates, …; parts of a literal
)
_INSTEAD = {
    "=": "; write `==` to compare",
    "<>": "; write `!=`",
    "!": "; write `not`",
    "is": "; write `== null` or `!= null`",
    "&": "; write `and`",
    "|": "; write `or`",
}
_FOREIGN = {"AND": "and", "OR": "or", "NOT": "not", "IN": "in"}


class RuleFault(ValueError):
    """Why a text is no rule, in one sentence; `offset` counts characters from 0, None if no place is to blame."""

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def without_strings(text: str) -> str:
    """`text` with strings empty between `"` and comments blank, every other character in its place."""
    return _STRING.sub(lambda found: f'"{" " * (len(found[0]) - 2)}"' if found[1] else " " * len(found[0]), text)


def offset_of(name: str, bare: str) -> int | None:
    """Where a name first stands in a text without strings; None if it does not."""
    found = re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", bare) if name else None
    return found.start() if found else None


def refuse_foreign_parts(bare: str) -> None:
    """Refuse operators that the parser knows and rules do not, before it can fold constants with them."""
    if found := _FORBIDDEN.search(bare):
        raise RuleFault(f"`{found[0].strip()}` is no part of a rule{_INSTEAD.get(found[0], '')}", found.start())


def syntax_fault(text: str, bare: str, error: RuleSyntaxError) -> RuleFault:
    """What the parser could not take, in plain words and with its place."""
    token = error.token
    if token is None:
        return RuleFault("the rule ends too early" if text.strip() else "the rule is empty", len(text.rstrip()))
    at = token.lexpos
    if token.type == "error":
        mark = text[at]
        return RuleFault("a quote is not closed" if mark in "\"'" else f"`{mark}` is no part of a rule", at)
    if token.type in ("LT", "LE", "GT", "GE") and re.search(r"[<>]", bare[:at]):
        return RuleFault("comparisons cannot be chained; write for example `18 < mag and mag < 19`", at)
    hint = f"; write `{_FOREIGN[token.value]}`" if token.value in _FOREIGN else ""
    return RuleFault(f"`{token.value}` is not expected here{hint}", at)
