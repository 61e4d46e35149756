"""The enrichers of plugins: asked all at once about a stock, each on its own risk.

An enricher is foreign code: it may raise anything, take for ever, or give what is no JSON. That costs its own values
and nothing else; its names are then unknown, so that what hangs on them can wait.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from ampel_watch.config import EnricherSetting
from ampel_watch.errors import AmpelWatchError
from ampel_watch.protocols import Enricher, EnricherContext, EnricherKind, Subject
from ampel_watch.rules import CONDITION, LIST, NUMBER, RULE_NAMES, TEXT, RuleName
from ampel_watch.text import clean

_LOG = logging.getLogger(__name__)

_MOST_BYTES = 65_536
_REASON_LENGTH = 200
_TYPES: Mapping[str, type | tuple[type, ...]] = {NUMBER: (int, float), TEXT: str, CONDITION: bool, LIST: list}


class Unsound(AmpelWatchError):
    """An enricher gave something else than it promised."""


class Enrichers:
    """The enrichers that are switched on.

    Parameters
    ----------
    built: each by its name, with its kind.
    rule_names: what rules may use; those whose source is an enricher are its to give.
    redact: masks secrets in what an enricher says when it fails.
    """

    def __init__(
        self,
        built: Mapping[str, tuple[EnricherKind, Enricher]],
        rule_names: Mapping[str, RuleName] = RULE_NAMES,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._built = dict(sorted(built.items()))
        self._rule_names = rule_names
        self._redact = redact

    def __bool__(self) -> bool:
        return bool(self._built)

    async def ask(self, subject: Subject) -> tuple[dict[str, Any], dict[str, str]]:
        """Values by name from all enrichers, and why the others failed, by the name of the enricher.

        A name that an enricher registered for rules and left out of its answer is null.
        """
        answers = await asyncio.gather(*(self._one(name, subject) for name in self._built))
        values: dict[str, Any] = {}
        failures: dict[str, str] = {}
        for name, answer in zip(self._built, answers, strict=True):
            if isinstance(answer, str):
                failures[name] = answer
            elif twice := sorted(answer.keys() & values.keys()):
                failures[name] = f"`{twice[0]}` is given by another enricher too"
            else:
                values |= answer
        for name, why in failures.items():
            _LOG.warning("enricher %s failed for %s: %s", name, subject.stock.name, why)
        return values, failures

    def names_of(self, name: str) -> frozenset[str]:
        """The rule names whose values this enricher gives, and which are unknown when it fails."""
        return frozenset(known.name for known in self._rule_names.values() if name in known.sources)

    async def close(self) -> None:
        """Close all; one that fails keeps none of the others open."""
        for name, (_, enricher) in self._built.items():
            try:
                await enricher.close()
            except Exception:  # noqa: BLE001 - foreign code may raise anything
                _LOG.exception("enricher %s could not be closed", name)

    async def _one(self, name: str, subject: Subject) -> dict[str, Any] | str:
        """What an enricher says, or why it says nothing."""
        kind, enricher = self._built[name]
        try:
            async with asyncio.timeout(kind.timeout_s) as limit:
                answer = await enricher.enrich(subject)
            return self._checked(name, answer)
        except TimeoutError as error:
            own = f"no answer within {kind.timeout_s:g} s"
            return own if limit.expired() else self._in_words(error)
        except Exception as error:  # noqa: BLE001 - an enricher is foreign code and may raise anything
            return self._in_words(error)

    def _in_words(self, error: Exception) -> str:
        text = str(error) if isinstance(error, Unsound) else f"{type(error).__name__}: {error}"
        return clean(self._redact(text), _REASON_LENGTH)

    def _checked(self, name: str, answer: Any) -> dict[str, Any]:
        """The answer as plain JSON, with every name that it owes; Unsound if it is not what was promised."""
        values = _plain(answer)
        own = self.names_of(name)
        for key, value in values.items():
            known = self._rule_names.get(key)
            if known is not None and key not in own:
                raise Unsound(f"`{key}` is a rule name that is not its own")
            if known is not None and not _fits(known, value):
                raise Unsound(f"`{key}` is {type(value).__name__}, where {known.type} is promised")
        return dict.fromkeys(sorted(own)) | values


def _plain(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, Mapping) or not all(isinstance(key, str) for key in answer):
        raise Unsound("the answer is no mapping of names to values")
    try:
        text = json.dumps(dict(answer), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Unsound(f"the answer is no JSON: {error}") from None
    if len(text) > _MOST_BYTES:
        raise Unsound(f"the answer is longer than {_MOST_BYTES} bytes")
    values: dict[str, Any] = json.loads(text)
    return values


def _fits(name: RuleName, value: Any) -> bool:
    """Whether a value is null or of the type that its name has."""
    if isinstance(value, bool):
        return name.type == CONDITION
    return value is None or isinstance(value, _TYPES[name.type])


class _Unusable:
    """Stands for an enricher that its plugin could not make: its values stay unknown, the others' are there."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def enrich(self, _subject: Subject) -> Mapping[str, Any]:
        """Fail; the next start may bring a sound plugin."""
        raise Unsound(self._reason)

    async def close(self) -> None:
        """Nothing is held open."""


def build_enrichers(
    settings: Mapping[str, EnricherSetting],
    context: EnricherContext,
    rule_names: Mapping[str, RuleName],
    redact: Callable[[str], str],
) -> Enrichers:
    """The enrichers that a configuration switches on; one that cannot be made is logged and fails when asked."""
    built = {name: (setting.kind, _build(name, setting, context, redact)) for name, setting in settings.items()}
    return Enrichers(built, rule_names, redact)


def _build(name: str, setting: EnricherSetting, context: EnricherContext, redact: Callable[[str], str]) -> Enricher:
    try:
        return setting.kind.build(setting.settings, context)
    except Exception as error:  # noqa: BLE001 - as above, already when it is made
        reason = clean(redact(f"it cannot be made: {type(error).__name__}: {error}"), _REASON_LENGTH)
        _LOG.error("enricher %s: %s", name, reason)
        return _Unusable(reason)
