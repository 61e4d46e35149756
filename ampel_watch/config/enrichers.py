"""`enrichers:`: which enrichers of plugins are switched on, and rules that use names of one that is not."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError

from ampel_watch.config.document import Key
from ampel_watch.config.values import listing, near
from ampel_watch.protocols import EnricherKind, EnricherKinds
from ampel_watch.rules import RULE_NAMES, SERVICES, Rule, RuleFault, RuleName, compile_rule, offset_of, without_strings
from ampel_watch.settings import Settings


@dataclass(frozen=True, slots=True)
class EnricherSetting:
    """An enricher that is switched on, with its settings."""

    kind: EnricherKind
    settings: Settings = field(repr=False)


def enrichers_of(
    data: Any,
    kinds: EnricherKinds,
    check: Callable[[type[Settings], Any, Key], Settings | None],
    fault: Callable[[Key, str], None],
) -> dict[str, EnricherSetting]:
    """The enrichers that the value of `enrichers:` switches on; what is wrong with them becomes faults.

    Parameters
    ----------
    check: makes a model of the data at a key, or faults and None.
    fault: notes what is wrong with a key.
    """
    found = {}
    for name, settings in data.items() if isinstance(data, dict) else ():
        key: Key = ("enrichers", name)
        kind = kinds.get(name)
        if kind is None:
            fault(key, f"unknown enricher `{name}`{near(str(name), kinds) or _there_are(kinds)}")
            continue
        checked = check(kind.settings, {} if settings is None else settings, key)
        if checked is not None:
            found[kind.name] = EnricherSetting(kind, checked)
    return found


def _there_are(kinds: EnricherKinds) -> str:
    return f"; there are {listing(sorted(kinds))}" if kinds else "; no plugin adds one"


def rule_of(value: Any, info: ValidationInfo) -> Rule | None:
    """A compiled rule; null is none.

    The names that it may use, and the enrichers that are switched on, come with the validation's context.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be text: a rule such as `mag < 19.5`")  # noqa: TRY004
    context = info.context or {}
    names: Mapping[str, RuleName] = context.get("rule_names", RULE_NAMES)
    try:
        rule = compile_rule(value, names)
        _refuse_switched_off(rule, names, context.get("enrichers", ()))
    except RuleFault as fault:
        raise PydanticCustomError("rule", "{message}", {"message": fault.message, "offset": fault.offset}) from None
    return rule


def _refuse_switched_off(rule: Rule, names: Mapping[str, RuleName], on: Iterable[str]) -> None:
    for name in (names[name] for name in rule.names if name in names):
        if not name.sources & {*SERVICES, *on}:
            message = f"`{name.name}` comes from the enricher `{name.source}`, which is not switched on"
            advice = f"; add `{name.source}: {{}}` under `enrichers`"
            raise RuleFault(message + advice, offset_of(name.name, without_strings(rule.text)))
