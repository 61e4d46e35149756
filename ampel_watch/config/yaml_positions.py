"""YAML as plain data, with the place of every key and value, and without YAML's traps.

Only `true`/`false`, numbers and null are typed; `on`, `no`, `yes`, `12:30`, dates and everything else stay text, and
keys are always text. A key given twice is a fault. Tags are refused, so nothing but text, numbers, lists and mappings
can come out.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ampel_watch.config.document import Document, Key, Place, read_text

MAX_ALIASED_NODES = 100_000
MAX_NESTING = 50

_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,30}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,30}|[0-9]{1,30}(?:\.[0-9]{0,30})?)(?:[eE][-+]?[0-9]{1,3})?")
_NULL = re.compile(r"|~|null|Null|NULL")
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAG = "plain"


# Resolves nothing but `<<`, so that a plain scalar and an explicit `!!str` can be told apart.
_Loader: Any = type(
    "_Loader",
    (yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader,),
    {
        "yaml_implicit_resolvers": {
            None: [(_PLAIN_TAG, re.compile(""))],
            "<": [(f"{_TAG}merge", re.compile("<<"))],
        }
    },
)


def read_yaml(file: Path) -> Document:
    """The document in `file`; what is wrong with it is in its `faults`."""
    document = Document(file)
    text = read_text(file, document)
    if text is not None:
        document.text = text
        parse(document)
    return document


def parse(document: Document) -> None:
    """Read the text of a document into its data, places and faults."""
    text = document.text
    if found := _UNPRINTABLE.search(text):
        place = text.count("\n", 0, found.start()) + 1, found.start() - text.rfind("\n", 0, found.start())
        document.fault(place, f"is not YAML: the character U+{ord(found[0]):04X} is not allowed here")
        return
    try:
        _refuse_deep_nesting(text)
        node = yaml.compose(text, Loader=_Loader)
        if node is not None:
            document.data = _Reader(document).read(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        document.fault((mark.line + 1, mark.column + 1) if mark else (1, 1), _syntax_words(error, text))
        return
    except _TooMuchError as error:
        document.fault(error.place, error.message)


def _refuse_deep_nesting(text: str) -> None:
    """The composer is recursive, and in C: too deep a file would end the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_NESTING:
                raise _TooMuchError(_place(event), f"nested more than {MAX_NESTING} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _syntax_words(error: yaml.MarkedYAMLError, text: str) -> str:
    """What the parser says, in words for somebody who does not know YAML's grammar."""
    problem, mark = error.problem or "", error.problem_mark
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    begun = f", begun on line {error.context_mark.line + 1}," if error.context_mark else ""
    if "cannot start any token" in problem and mark:
        character = line[mark.column : mark.column + 1]
        if "\t" in (character, line[: mark.column + 1][-1:]):
            return "is not YAML: a tab cannot indent a line; use spaces"
        return f"is not YAML: a value cannot begin with `{character}`; put it in quotes"
    for sign, words in _PROBLEMS.items():
        if sign in problem:
            return "is not YAML: " + words.format(begun=begun)
    return f"is not YAML: {problem}"


_PROBLEMS = {
    "mapping values are not allowed": "a `:` is not expected here; check the indentation, or put the text in quotes",
    "expected ',' or ']'": "the list in [ ]{begun} is not closed",
    "expected ',' or '}'": "the mapping in {{ }}{begun} is not closed",
    "unexpected end of stream": "the quoted text{begun} is not closed",
    "expected '-' indicator": "this line does not belong to the list{begun} above; check the indentation",
    "expected <block end>": "this line does not belong to what is above it; check the indentation",
    "expected key": "this line does not belong to the mapping{begun} above; check the indentation",
    "could not find expected ':'": "a key without `:`",
    "found undefined alias": "this `*` refers to an anchor `&` that does not exist; a text with `*` needs quotes",
    "found another document": "only one document is allowed, and this is a second one",
    "unknown escape character": "in double quotes `\\` must be doubled; or use single quotes",
}


class _TooMuchError(Exception):
    """The document is larger, once its aliases are followed, than any configuration."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


class _Reader:
    """Turns the nodes of one document into data, and notes places and faults in it."""

    def __init__(self, document: Document) -> None:
        self._document = document
        # Without aliases, each node takes at least one character of the text.
        self._nodes_left = len(document.text) + MAX_ALIASED_NODES

    def read(self, node: yaml.Node, key: Key) -> Any:
        """The data of a node and of all below it."""
        place = _place(node)
        self._nodes_left -= 1
        if self._nodes_left < 0 or len(key) > MAX_NESTING:
            raise _TooMuchError(place, "too large once its aliases (`*name`) are followed")
        self._document.values[key] = place
        if isinstance(node, yaml.MappingNode):
            self._refuse_tag(node, "map")
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            self._refuse_tag(node, "seq")
            return [self.read(item, (*key, number)) for number, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        if node.tag == _PLAIN_TAG and not node.style:
            return typed(node.value)
        self._refuse_tag(node, "str")
        return node.value

    def _refuse_tag(self, node: yaml.Node, expected: str) -> None:
        if node.tag not in (f"{_TAG}{expected}", f"{_TAG}merge", _PLAIN_TAG):
            shown = node.tag.replace(_TAG, "!!")
            self._document.fault(_place(node), f"the tag `{shown}` is not supported; write the value without it")

    def _mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, Any]:
        data: dict[str, Any] = {}
        written: dict[str, int] = {}
        for name_node, value_node in self._pairs(node):
            if not isinstance(name_node, yaml.ScalarNode):
                self._document.fault(_place(name_node), "a key must be text, not a list or a mapping")
                continue
            name = name_node.value
            if name in written:
                message = f"key `{name}` given twice, first on line {written[name]}"
                self._document.fault(_place(name_node), message)
                continue
            written[name] = name_node.start_mark.line + 1
            self._document.keys[*key, name] = _place(name_node)
            data[name] = self.read(value_node, (*key, name))
        return data

    def _pairs(self, node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """The keys and values of a mapping: its own, then those that it merges (`<<`) and does not have itself."""
        own = [pair for pair in node.value if pair[0].tag != f"{_TAG}merge"]
        yield from own
        known = {name.value for name, _ in own if isinstance(name, yaml.ScalarNode)}
        for name_node, merged in (pair for pair in node.value if pair[0].tag == f"{_TAG}merge"):
            for source in merged.value if isinstance(merged, yaml.SequenceNode) else [merged]:
                if not isinstance(source, yaml.MappingNode) or source is node:
                    self._document.fault(_place(name_node), "`<<` needs a mapping, such as `*name`, an anchor's alias")
                    continue
                for name, value in source.value:
                    if isinstance(name, yaml.ScalarNode) and name.value not in known:
                        known.add(name.value)
                        yield name, value


def _place(node: yaml.Node | yaml.Event) -> Place:
    mark: Any = node.start_mark
    return mark.line + 1, mark.column + 1


def typed(text: str) -> Any:
    """A plain scalar as true, false, a number, null or, in every other case, the text that it is."""
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return None if _NULL.fullmatch(text) else text
