"""Rules (`when:`): small, safe expressions over what is known of a change. Pure.

The library `rule-engine` parses; its syntax tree is checked against a table of names and turned into a function. Only
a handful of node types exist: no attributes of Python objects, no loops, no regular expressions, so that the work is
bounded by the length of the text. Everything that can be wrong with a rule is found by `compile_rule`; `Rule.decide`
never raises.

Values arrive from several services, so a name has a value, is null, or is unknown as yet. A rule is decided as soon as
no unknown name can turn the answer: ``mag < 19.5 and not star`` is false of a mag of 20, whatever star will be.

A null (a name without a value for this stock) makes arithmetic null and every comparison false, `!=` too; only
``== null`` and ``!= null`` ask for it. `not` turns any answer around, also that of a comparison with a null.
"""

from ampel_watch.rules.compiler import MAX_LENGTH, compile_rule
from ampel_watch.rules.names import CONDITION, FUNCTIONS, LIST, NUMBER, RULE_NAMES, SERVICES, TEXT, RuleName, RuleType
from ampel_watch.rules.rule import Rule, Verdict
from ampel_watch.rules.syntax import RuleFault, offset_of, without_strings

__all__ = [
    "CONDITION",
    "FUNCTIONS",
    "LIST",
    "MAX_LENGTH",
    "NUMBER",
    "RULE_NAMES",
    "SERVICES",
    "TEXT",
    "Rule",
    "RuleFault",
    "RuleName",
    "RuleType",
    "Verdict",
    "compile_rule",
    "offset_of",
    "without_strings",
]
