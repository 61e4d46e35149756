"""A compiled rule, and what it says of one change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ampel_watch.rules.evaluation import Evaluate, Unknown


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of one change.

    Attributes
    ----------
    passed: None if it hangs on values that have not arrived.
    missing: the names that it hangs on, sorted; `catalog("milliquas")` for a catalog.
    """

    passed: bool | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule. Two rules of the same text are equal.

    Attributes
    ----------
    names: the names that the rule uses, sorted; `catalog` stands for itself.
    catalogs: the catalogs that it asks, sorted.
    sources: who gives its names their values: `live`, `archive`, `catalog`, and names of enrichers.
    """

    text: str
    names: tuple[str, ...] = field(compare=False)
    catalogs: tuple[str, ...] = field(compare=False)
    sources: frozenset[str] = field(compare=False)
    _evaluate: Evaluate = field(compare=False, repr=False)
    _reads: Mapping[str, Evaluate] = field(compare=False, repr=False)

    def decide(self, values: Mapping[str, Any]) -> Verdict:
        """Apply the rule to `values`: name → value, None for null.

        A name that is no key of `values` has not arrived yet; the rule is undecided only if the answer hangs on such
        a name. `catalog` is a mapping of catalog name to the columns of its nearest row, or to None where there is
        none; a catalog that is no key of that mapping has not been asked yet.
        """
        outcome = self._evaluate(values)
        if isinstance(outcome, Unknown):
            return Verdict(None, tuple(sorted(outcome.names)))
        return Verdict(bool(outcome))

    def values_seen(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The value of each name in the rule, None for null, for a person who asks why; the unknown are left out.

        Catalogs are there as they are used: ``catalog("NEDz").z`` → its value, ``catalog("NEDz")`` → its row.
        """
        seen = {label: read(values) for label, read in self._reads.items()}
        return {label: _plain(value) for label, value in sorted(seen.items()) if not isinstance(value, Unknown)}

    @property
    def needs_only_live(self) -> bool:
        """Whether the live service alone gives all that the rule uses."""
        return self.sources <= {"live"}


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value
