"""From the text of a rule to a function of values."""

import difflib
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import rule_engine
from rule_engine import ast
from rule_engine.errors import EngineError, RuleSyntaxError

from ampel_watch.rules.evaluation import (
    Evaluate,
    arithmetic,
    both,
    column,
    compare,
    either,
    is_null,
    negation,
    reader,
    row_reader,
    within,
)
from ampel_watch.rules.names import CONDITION, FUNCTIONS, LIST, NUMBER, RULE_NAMES, TEXT, RuleName
from ampel_watch.rules.rule import Rule
from ampel_watch.rules.syntax import RuleFault, offset_of, refuse_foreign_parts, syntax_fault, without_strings

MAX_LENGTH = 2000
MAX_DEPTH = 150
_MATCH, _NULL, _ANY = "a catalog match", "null", "anything"
_LITERALS = {"None": "null", "True": "true", "False": "false", "NULL": "null", "TRUE": "true", "FALSE": "false"}


def compile_rule(text: str, names: Mapping[str, RuleName] = RULE_NAMES) -> Rule:
    """The rule that `text` is; RuleFault if it is none.

    Parameters
    ----------
    names: those that the rule may use; more than our own where plugins add some.
    """
    if len(text) > MAX_LENGTH:
        raise RuleFault(f"the rule is longer than {MAX_LENGTH} characters")
    bare = without_strings(text)
    refuse_foreign_parts(bare)
    builder = _Builder(bare, names)
    try:
        term = builder.build(rule_engine.Rule(text).statement.expression)
    except RuleSyntaxError as error:
        raise syntax_fault(text, bare, error) from None
    except (EngineError, ArithmeticError) as error:
        raise RuleFault(f"the rule cannot be worked out: {_engine_words(error)}") from None
    except RecursionError:
        raise RuleFault("the rule is nested too deeply") from None
    builder.need(term, CONDITION)
    return builder.rule(text, term)


def _engine_words(error: Exception) -> str:
    """What the parser says when it folds constants, such as a division of numbers by zero."""
    return "a division by zero" if "zero" in str(error) else "two constants in it do not fit together"


@dataclass(frozen=True, slots=True)
class _Term:
    """A checked part of a rule: its type, how to name it in a message, how to evaluate it.

    Attributes
    ----------
    members: of a list.
    text: of a literal text.
    one_of: of a name that can only be one of some texts.
    """

    type: str
    label: str
    evaluate: Evaluate
    members: tuple["_Term", ...] = ()
    text: str | None = None
    one_of: tuple[str, ...] = ()


class _Builder:
    """Checks the nodes of one rule and turns them into functions; collects the names that it meets."""

    def __init__(self, bare: str, known: Mapping[str, RuleName]) -> None:
        self._bare = bare
        self._known = known
        self._depth = 0
        self._names: set[str] = set()
        self._catalogs: set[str] = set()
        self._reads: dict[str, Evaluate] = {}

    def rule(self, text: str, term: "_Term") -> Rule:
        """The rule that the whole tree is."""
        sources = {source for name in self._names - {"catalog"} for source in self._known[name].sources}
        sources |= {"catalog"} if self._catalogs else set()
        names, catalogs = tuple(sorted(self._names)), tuple(sorted(self._catalogs))
        return Rule(text, names, catalogs, frozenset(sources), term.evaluate, self._reads)

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
        text = value if isinstance(value, str) else None
        return _Term(types[type(value)], _label(value), lambda _values: value, text=text)

    def members(self, node: Any) -> _Term:
        """A list or a set."""
        terms = tuple(self.build(member) for member in node.value)
        return _Term(LIST, "this list", lambda values: tuple(term.evaluate(values) for term in terms), terms)

    def symbol(self, node: Any) -> _Term:
        """A name out of the table."""
        name: str = node.name
        if name in self._known:
            self._names.add(name)
            known, read = self._known[name], self._reads.setdefault(name, reader(name))
            return _Term(known.type, f"`{name}`", read, one_of=known.one_of)
        if name in FUNCTIONS:
            raise RuleFault(f"`{name}` is a function; write `{name}(…)`", self._place(name))
        raise RuleFault(f"unknown name `{name}`{_suggestion(name, self._known, FUNCTIONS)}", self._place(name))

    def unary(self, node: Any) -> _Term:
        """`not x` or `-x`."""
        term = self.build(node.right)
        if node.type == "not":
            self.need(term, CONDITION)
            return _Term(CONDITION, "this condition", lambda values: negation(term.evaluate(values)))
        self.need(term, NUMBER)
        return _Term(NUMBER, "this number", lambda values: arithmetic(operator.neg, term.evaluate(values)))

    def logic(self, node: Any) -> _Term:
        """`x and y`, `x or y`."""
        left, right = self._both(node, CONDITION)
        join = both if node.type == "and" else either
        return _Term(CONDITION, "this condition", lambda values: join(left.evaluate, right.evaluate, values))

    def arithmetic(self, node: Any) -> _Term:
        """`x + y` and its like."""
        operation = _ARITHMETIC[node.type]
        left, right = self._both(node, NUMBER)
        return _Term(NUMBER, "this number", lambda v: arithmetic(operation, left.evaluate(v), right.evaluate(v)))

    def comparison(self, node: Any) -> _Term:
        """`x == y`, `x < y` and their like."""
        left, right = self.build(node.left), self.build(node.right)
        self._refuse_unlike(left, right, ordered=node.type in _ORDER)
        if node.type not in _ORDER:
            self._refuse_unheard_of(left, right)
            self._refuse_unheard_of(right, left)
        if _NULL in (left.type, right.type):
            asked = right.evaluate if left.type == _NULL else left.evaluate
            if node.type == "eq":
                return _Term(CONDITION, "this condition", lambda v: is_null(asked(v)))
            return _Term(CONDITION, "this condition", lambda v: negation(is_null(asked(v))))
        comparison = _COMPARISONS[node.type]
        return _Term(CONDITION, "this condition", lambda v: compare(comparison, left.evaluate(v), right.evaluate(v)))

    def contains(self, node: Any) -> _Term:
        """`x in y`: of a list, or as a part of a text."""
        member, container = self.build(node.member), self.build(node.container)
        if container.type not in (LIST, TEXT, _ANY):
            raise RuleFault(
                f"{container.label} is {container.type}, where a list is needed", self._place(container.label)
            )
        if container.type == TEXT:
            self.need(member, TEXT)
        for other in container.members:
            self._refuse_unlike(member, other, ordered=False)
            self._refuse_unheard_of(member, other)
        return _Term(CONDITION, "this condition", lambda v: within(member.evaluate(v), container.evaluate(v)))

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
        return _Term(NUMBER, "this number", lambda v: arithmetic(function, *(term.evaluate(v) for term in terms)))

    def attribute(self, node: Any) -> _Term:
        """`catalog("name").column`; nothing else has parts."""
        reads = dict(self._reads)
        match = self.build(node.object)
        name: str = node.name
        if match.type != _MATCH:
            raise RuleFault(f"{match.label} has no parts, so `.{name}` cannot be asked of it", self._place(match.label))
        # Only the column is read of the row, so only the column is noted.
        read = reads.setdefault(f"{match.label.strip('`')}.{name}", lambda values: column(match.evaluate(values), name))
        self._reads = reads
        return _Term(_ANY, f"`.{name}`", read)

    def _catalog(self, terms: list[_Term]) -> _Term:
        if len(terms) != 1 or not terms[0].label.startswith('`"'):
            raise RuleFault(
                '`catalog` takes the name of one catalog in quotes: `catalog("milliquas")`', self._place("catalog")
            )
        name = terms[0].evaluate({})
        self._names.add("catalog")
        self._catalogs.add(name)
        label = f'catalog("{name}")'
        return _Term(_MATCH, f"`{label}`", self._reads.setdefault(label, row_reader(name, label)))

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

    def _refuse_unheard_of(self, name: _Term, value: _Term) -> None:
        """Refuse a literal text that a name never is: a misspelt kind would be a rule that is never met."""
        if name.one_of and value.text is not None and value.text not in name.one_of:
            hint = _suggestion(value.text, name.one_of) or f"; it is one of {', '.join(name.one_of)}"
            raise RuleFault(f"{name.label} is never {value.label}{hint}", self._place(name.label))

    def _place(self, *labels: str) -> int | None:
        """Where the first of some names stands in the text; None if none of them is a name."""
        for label in labels:
            if (offset := offset_of(label.strip("`"), self._bare)) is not None:
                return offset
        return None


def _label(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "`null`", True: "`true`", False: "`false`"}[value]
    return f"`{value:g}`" if isinstance(value, float) else f'`"{value}"`'


def _suggestion(name: str, *known: Iterable[str]) -> str:
    near = _LITERALS.get(name) or next(
        (near for names in known for near in difflib.get_close_matches(name, names, n=1)), None
    )
    return f"; did you mean `{near}`?" if near else ""


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
