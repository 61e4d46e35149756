"""From the text of a rule to a function of values."""

import difflib
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import rule_engine
from rule_engine import ast
from rule_engine.errors import EngineError, RuleSyntaxError

from ampel_watch.rules.names import CONDITION, FUNCTIONS, LIST, NUMBER, RULE_NAMES, TEXT
from ampel_watch.rules.syntax import RuleFault, refuse_foreign_parts, syntax_fault, without_strings

MAX_LENGTH = 2000
MAX_DEPTH = 150
_MATCH, _NULL, _ANY = "a catalog match", "null", "anything"
_LITERALS = {"None": "null", "True": "true", "False": "false", "NULL": "null", "TRUE": "true", "FALSE": "false"}

_Evaluate = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of one change: `passed` is None while the names in `missing` have no value yet."""

    passed: bool | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule. Two rules of the same text are equal.

    Attributes
    ----------
    names: the names that the rule uses, sorted; `catalog` stands for itself.
    catalogs: the catalogs that it asks, sorted.
    """

    text: str
    names: tuple[str, ...] = field(compare=False)
    catalogs: tuple[str, ...] = field(compare=False)
    _evaluate: _Evaluate = field(compare=False, repr=False)

    def decide(self, values: Mapping[str, Any]) -> Verdict:
        """Apply the rule to `values`: name → value, None for null.

        A name that is no key of `values` has not arrived yet, and a rule that uses one is undecided. `catalog` is a
        mapping of catalog name to the columns of its nearest row, or to None where there is none.
        """
        missing = tuple(name for name in self.names if name not in values)
        return Verdict(None, missing) if missing else Verdict(bool(self._evaluate(values)))

    @property
    def needs_only_live(self) -> bool:
        """Whether the live service alone gives all that the rule uses."""
        return all(name in RULE_NAMES and RULE_NAMES[name].source == "live" for name in self.names)


def compile_rule(text: str) -> Rule:
    """The rule that `text` is; RuleFault if it is none."""
    if len(text) > MAX_LENGTH:
        raise RuleFault(f"the rule is longer than {MAX_LENGTH} characters")
    bare = without_strings(text)
    refuse_foreign_parts(bare)
    builder = _Builder(bare)
    try:
        term = builder.build(rule_engine.Rule(text).statement.expression)
    except RuleSyntaxError as error:
        raise syntax_fault(text, bare, error) from None
    except (EngineError, ArithmeticError) as error:
        raise RuleFault(f"the rule cannot be worked out: {_engine_words(error)}") from None
    except RecursionError:
        raise RuleFault("the rule is nested too deeply") from None
    builder.need(term, CONDITION)
    return Rule(text, tuple(sorted(builder.names)), tuple(sorted(builder.catalogs)), term.evaluate)


def _engine_words(error: Exception) -> str:
    """What the parser says when it folds constants, such as a division of numbers by zero."""
    return "a division by zero" if "zero" in str(error) else "two constants in it do not fit together"


@dataclass(frozen=True, slots=True)
class _Term:
    """A checked part of a rule: its type, how to name it in a message, how to evaluate it."""

    type: str
    label: str
    evaluate: _Evaluate


class _Builder:
    """Checks the nodes of one rule and turns them into functions; collects the names that it meets."""

    def __init__(self, bare: str) -> None:
        self._bare = bare
        self._depth = 0
        self.names: set[str] = set()
        self.catalogs: set[str] = set()

    def build(self, node: ast.ExpressionBase) -> _Term:
        """The term of a node, whichever type it has."""
        make = _NODES.get(type(node))
        if make is None:
            raise RuleFault("a rule is made of names, numbers, text, lists, comparisons, arithmetic and functions only")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise RuleFault("the rule is nested too deeply")
        term = make(self, node)
        self._depth -= 1
        return term

    def need(self, term: _Term, wanted: str) -> None:
        """Refuse a term of another type than wanted."""
        if term.type in (wanted, _ANY):
            return
        advice = "; compare it with something" if wanted == CONDITION else ""
        raise RuleFault(f"{term.label} is {term.type}, where {wanted} is needed{advice}", self._place(term.label))

    def literal(self, node: Any) -> _Term:
        """A number, text, true, false or null."""
        value = float(node.value) if isinstance(node, ast.FloatExpression) else node.value
        types = {float: NUMBER, str: TEXT, bool: CONDITION, type(None): _NULL}
        return _Term(types[type(value)], _label(value), lambda _values: value)

    def members(self, node: Any) -> _Term:
        """A list or a set."""
        terms = [self.build(member) for member in node.value]
        return _Term(LIST, "this list", lambda values: [term.evaluate(values) for term in terms])

    def symbol(self, node: Any) -> _Term:
        """A name out of the table."""
        name: str = node.name
        if name in RULE_NAMES:
            self.names.add(name)
            return _Term(RULE_NAMES[name].type, f"`{name}`", lambda values: values[name])
        if name in FUNCTIONS:
            raise RuleFault(f"`{name}` is a function; write `{name}(…)`", self._place(name))
        raise RuleFault(f"unknown name `{name}`{_suggestion(name)}", self._place(name))

    def unary(self, node: Any) -> _Term:
        """`not x` or `-x`."""
        term = self.build(node.right)
        if node.type == "not":
            self.need(term, CONDITION)
            return _Term(CONDITION, "this condition", lambda values: not term.evaluate(values))
        self.need(term, NUMBER)
        return _Term(NUMBER, "this number", lambda values: _arithmetic(operator.neg, term.evaluate(values)))

    def logic(self, node: Any) -> _Term:
        """`x and y`, `x or y`."""
        left, right = self._both(node, CONDITION)
        if node.type == "and":
            return _Term(CONDITION, "this condition", lambda v: bool(left.evaluate(v)) and bool(right.evaluate(v)))
        return _Term(CONDITION, "this condition", lambda v: bool(left.evaluate(v)) or bool(right.evaluate(v)))

    def arithmetic(self, node: Any) -> _Term:
        """`x + y` and its like."""
        operation = _ARITHMETIC[node.type]
        left, right = self._both(node, NUMBER)
        return _Term(NUMBER, "this number", lambda v: _arithmetic(operation, left.evaluate(v), right.evaluate(v)))

    def comparison(self, node: Any) -> _Term:
        """`x == y`, `x < y` and their like."""
        left, right = self.build(node.left), self.build(node.right)
        self._refuse_unlike(left, right, ordered=node.type in _ORDER)
        if _NULL in (left.type, right.type):
            wanted = node.type == "eq"
            return _Term(CONDITION, "this condition", lambda v: (left.evaluate(v) is right.evaluate(v)) == wanted)
        compare = _COMPARISONS[node.type]
        return _Term(CONDITION, "this condition", lambda v: _compare(compare, left.evaluate(v), right.evaluate(v)))

    def contains(self, node: Any) -> _Term:
        """`x in y`: of a list, or as a part of a text."""
        member, container = self.build(node.member), self.build(node.container)
        if container.type not in (LIST, TEXT, _ANY):
            raise RuleFault(
                f"{container.label} is {container.type}, where a list is needed", self._place(container.label)
            )
        if container.type == TEXT:
            self.need(member, TEXT)
        return _Term(CONDITION, "this condition", lambda v: _within(member.evaluate(v), container.evaluate(v)))

    def call(self, node: Any) -> _Term:
        """`abs(x)`, `min(x, y)`, `max(x, y)`, `catalog("name")`."""
        name = getattr(node.function, "name", "")
        if name not in FUNCTIONS:
            functions = ", ".join(f"`{function}`" for function in sorted(FUNCTIONS))
            raise RuleFault(f"`{name}` is no function; there are {functions}", self._place(name))
        terms = [self.build(argument) for argument in node.arguments]
        if name == "catalog":
            return self._catalog(terms)
        for term in terms:
            self.need(term, NUMBER)
        if (name == "abs" and len(terms) != 1) or not terms:
            raise RuleFault(f"`{name}` takes {'one number' if name == 'abs' else 'numbers'}", self._place(name))
        function = _FUNCTIONS[name]
        return _Term(NUMBER, "this number", lambda v: _arithmetic(function, *(term.evaluate(v) for term in terms)))

    def attribute(self, node: Any) -> _Term:
        """`catalog("name").column`; nothing else has parts."""
        match = self.build(node.object)
        column: str = node.name
        if match.type != _MATCH:
            raise RuleFault(
                f"{match.label} has no parts, so `.{column}` cannot be asked of it", self._place(match.label)
            )
        return _Term(_ANY, f"`.{column}`", lambda v: (match.evaluate(v) or {}).get(column))

    def _catalog(self, terms: list[_Term]) -> _Term:
        if len(terms) != 1 or not terms[0].label.startswith('`"'):
            raise RuleFault(
                '`catalog` takes the name of one catalog in quotes: `catalog("milliquas")`', self._place("catalog")
            )
        name = terms[0].evaluate({})
        self.names.add("catalog")
        self.catalogs.add(name)
        return _Term(_MATCH, f'`catalog("{name}")`', lambda v: v["catalog"].get(name))

    def _both(self, node: Any, wanted: str) -> tuple[_Term, _Term]:
        left, right = self.build(node.left), self.build(node.right)
        self.need(left, wanted)
        self.need(right, wanted)
        return left, right

    def _refuse_unlike(self, left: _Term, right: _Term, *, ordered: bool) -> None:
        types = {left.type, right.type} - {_ANY}
        if not ordered:
            types -= {_NULL}
        if len(types) > 1:
            message = f"{left.label} is {left.type} and cannot be compared with {right.label}, which is {right.type}"
            raise RuleFault(message, self._place(left.label, right.label))
        if ordered and not types <= {NUMBER, TEXT}:
            raise RuleFault(
                f"{left.label} is {left.type} and has no order; only numbers and text have", self._place(left.label)
            )

    def _place(self, *labels: str) -> int | None:
        """Where the first of some names stands in the text; None if none of them is a name."""
        for label in labels:
            found = re.search(rf"(?<![\w.]){re.escape(label.strip('`'))}(?!\w)", self._bare)
            if found and found[0]:
                return found.start()
        return None


def _label(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "`null`", True: "`true`", False: "`false`"}[value]
    return f"`{value:g}`" if isinstance(value, float) else f'`"{value}"`'


def _suggestion(name: str) -> str:
    near = _LITERALS.get(name) or next(
        (near for names in (RULE_NAMES, FUNCTIONS) for near in difflib.get_close_matches(name, names, n=1)), None
    )
    return f"; did you mean `{near}`?" if near else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _arithmetic(function: Callable[..., Any], *values: Any) -> Any:
    """A function of numbers; null if one is null or no number, or where it has no value."""
    if not all(map(_is_number, values)):
        return None
    try:
        return function(*map(float, values))
    except ArithmeticError:
        return None


def _compare(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    """A comparison; false if a side is null or both are of different types."""
    alike = type(left) is type(right) or (_is_number(left) and _is_number(right))
    return alike and left is not None and bool(compare(left, right))


def _within(member: Any, container: Any) -> bool:
    if isinstance(container, str):
        return isinstance(member, str) and member in container
    if isinstance(container, Mapping) or not hasattr(container, "__contains__"):
        return False
    return member is not None and member in container


_ORDER = {"lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"eq": operator.eq, "ne": operator.ne, **_ORDER}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "tdiv": operator.truediv,
    "fdiv": operator.floordiv,
    "mod": operator.mod,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
}
_NODES: dict[type, Callable[[_Builder, Any], _Term]] = {
    ast.FloatExpression: _Builder.literal,
    ast.StringExpression: _Builder.literal,
    ast.BooleanExpression: _Builder.literal,
    ast.NullExpression: _Builder.literal,
    ast.ArrayExpression: _Builder.members,
    ast.SetExpression: _Builder.members,
    ast.SymbolExpression: _Builder.symbol,
    ast.UnaryExpression: _Builder.unary,
    ast.LogicExpression: _Builder.logic,
    ast.AddExpression: _Builder.arithmetic,
    ast.SubtractExpression: _Builder.arithmetic,
    ast.ArithmeticExpression: _Builder.arithmetic,
    ast.ComparisonExpression: _Builder.comparison,
    ast.ArithmeticComparisonExpression: _Builder.comparison,
    ast.ContainsExpression: _Builder.contains,
    ast.FunctionCallExpression: _Builder.call,
    ast.GetAttributeExpression: _Builder.attribute,
}
