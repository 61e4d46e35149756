"""Rules (`when:`): small, safe expressions over what is known of a change. Pure.

The library `rule-engine` parses; its syntax tree is checked against a table of names and turned into a function. Only
a handful of node types exist: no attributes of Python objects, no loops, no regular expressions, so that the work is
bounded by the length of the text. Everything that can be wrong with a rule is found by `compile_rule`; `Rule.decide`
never raises.

A null (a name without a value for this stock) makes arithmetic null and every comparison false, `!=` too; only
``== null`` and ``!= null`` ask for it. `not` turns any answer around, also that of a comparison with a null.
"""

from ampel_watch.rules.compiler import MAX_LENGTH, Rule, Verdict, compile_rule
from ampel_watch.rules.names import FUNCTIONS, RULE_NAMES, RuleName
from ampel_watch.rules.syntax import RuleFault

__all__ = [
    "FUNCTIONS",
    "MAX_LENGTH",
    "RULE_NAMES",
    "Rule",
    "RuleFault",
    "RuleName",
    "Verdict",
    "compile_rule",
]
