"""Finds plugins, keeps the sound ones, and calls their hooks: one typed method per hook.

Nothing else in ampel-watch touches pluggy's relay. Each plugin's implementation is called by itself, because pluggy
lets one that raises stop those registered before it; and a plugin that cannot be used is put aside with the reason,
so that a stranger's mistake costs that plugin and nothing else.
"""

import inspect
import logging
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, TypeVar, get_args

import pluggy

from ampel_watch import hookspecs
from ampel_watch.errors import PluginError
from ampel_watch.model import Event
from ampel_watch.protocols import DeliveryReport, EnricherKind, NotifierKind
from ampel_watch.rules import FUNCTIONS, RULE_NAMES, SERVICES, RuleFault, RuleName, RuleType, compile_rule
from ampel_watch.settings import Settings
from ampel_watch.text import clean

T = TypeVar("T")
_Named = TypeVar("_Named", NotifierKind, EnricherKind, RuleName)

OWN_DISTRIBUTION = "ampel-watch"
_KIND_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_RULE_NAME = re.compile(r"[a-z][a-z0-9_]*")
_REASON_LENGTH = 200

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """What became of one entry point.

    Attributes
    ----------
    name: of the entry point; what `plugins: {disable: […]}` takes.
    source: the module or object that the entry point names.
    distribution, version: the installed package it comes from; None if that is unknown.
    error: why it is broken, in one line.
    notifiers, enrichers: the kinds that it adds.
    rule_names: the names that it adds to rules.
    """

    name: str
    source: str
    distribution: str | None
    version: str | None
    state: Literal["loaded", "broken", "disabled"]
    error: str | None = None
    notifiers: tuple[str, ...] = ()
    enrichers: tuple[str, ...] = ()
    rule_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Added:
    """What plugins add, each by its name."""

    notifiers: dict[str, NotifierKind] = field(default_factory=dict)
    enrichers: dict[str, EnricherKind] = field(default_factory=dict)
    rule_names: dict[str, RuleName] = field(default_factory=dict)

    def update(self, more: "_Added") -> None:
        """Take what another plugin adds."""
        self.notifiers.update(more.notifiers)
        self.enrichers.update(more.enrichers)
        self.rule_names.update(more.rule_names)


def installed_plugins() -> Iterable[EntryPoint]:
    """The entry points of all installed packages that call themselves plugins of ampel-watch."""
    return entry_points(group=hookspecs.PROJECT)


class PluginManager:
    """The plugins of one process. Call `load` once, before anything else."""

    def __init__(self, discover: Callable[[], Iterable[EntryPoint]] = installed_plugins) -> None:
        self._discover = discover
        self._pm = pluggy.PluginManager(hookspecs.PROJECT)
        self._pm.add_hookspecs(hookspecs)
        self._added = _Added()
        self._loaded: list[LoadedPlugin] = []

    def load(self, disabled: Collection[str] = ()) -> None:
        """Load every plugin but the disabled ones; a broken one is logged, recorded and skipped."""
        for entry in sorted(self._discover(), key=_own_first):
            plugin = self._load_one(entry, disabled)
            if plugin.state == "broken":
                _LOG.error("plugin %s (%s) is broken and skipped: %s", plugin.name, plugin.source, plugin.error)
            self._loaded.append(plugin)
        for name in sorted(set(disabled) - {plugin.name for plugin in self._loaded}):
            _LOG.warning("plugins: %s is disabled, but no such plugin is installed", name)

    def loaded(self) -> tuple[LoadedPlugin, ...]:
        """What became of every entry point, our own first, then by name."""
        return tuple(self._loaded)

    def notifier_kinds(self) -> dict[str, NotifierKind]:
        """The notifier kinds of all sound plugins, by the name used in the configuration."""
        return dict(self._added.notifiers)

    def enricher_kinds(self) -> dict[str, EnricherKind]:
        """The enricher kinds of all sound plugins, by the name used in the configuration."""
        return dict(self._added.enrichers)

    def rule_names(self) -> Mapping[str, RuleName]:
        """Every name that rules may use: our own, and those of all sound plugins."""
        return {**RULE_NAMES, **self._added.rule_names}

    def event_created(self, event: Event) -> None:
        """Tell the observers that an event was made and stored."""
        self._observe("event_created", event=event)

    def delivery_finished(self, report: DeliveryReport) -> None:
        """Tell the observers how a try at a delivery ended."""
        self._observe("delivery_finished", report=report)

    def _load_one(self, entry: EntryPoint, disabled: Collection[str]) -> LoadedPlugin:
        distribution, version = (entry.dist.name, entry.dist.version) if entry.dist else (None, None)
        if entry.name in disabled:
            return LoadedPlugin(entry.name, entry.value, distribution, version, "disabled")
        try:
            added = self._take(entry)
        except PluginError as error:
            return LoadedPlugin(entry.name, entry.value, distribution, version, "broken", str(error))
        self._added.update(added)
        names = (tuple(part) for part in (added.notifiers, added.enrichers, added.rule_names))
        return LoadedPlugin(entry.name, entry.value, distribution, version, "loaded", None, *names)

    def _take(self, entry: EntryPoint) -> _Added:
        """Import and register one plugin, and return what it adds; PluginError leaves it unregistered."""
        if self._pm.has_plugin(entry.name):
            raise PluginError("another plugin has the same name")
        plugin = _guarded(entry.load)
        if plugin is None or inspect.isclass(plugin):
            raise PluginError(f"{entry.value} must be a module or an object, not {plugin!r}")
        try:
            _guarded(partial(self._pm.register, plugin, entry.name))
            _guarded(self._pm.check_pending)
            self._check_implementations(plugin)
            return self._added_by(entry.name)
        except PluginError:
            if self._pm.has_plugin(entry.name):
                self._pm.unregister(name=entry.name)
            raise

    def _check_implementations(self, plugin: object) -> None:
        """Refuse what pluggy would take but this manager would not call rightly."""
        for caller in self._pm.get_hookcallers(plugin) or ():
            for implementation in caller.get_hookimpls():
                if implementation.plugin is not plugin:
                    continue
                if implementation.wrapper or implementation.hookwrapper:
                    raise PluginError(f"{caller.name} is a hook wrapper; wrappers are not supported")
                if inspect.iscoroutinefunction(implementation.function):
                    raise PluginError(f"{caller.name} is async; hooks are plain functions")

    def _added_by(self, plugin: str) -> _Added:
        """What a registered plugin adds, each part checked."""
        notifiers = self._registered(plugin, "register_notifiers", NotifierKind, _check_notifier, self._added.notifiers)
        enrichers = self._registered(plugin, "register_enrichers", EnricherKind, _check_enricher, self._added.enrichers)
        check = partial(_check_rule_name, enrichers)
        names = self._registered(plugin, "register_rule_names", RuleName, check, {**FUNCTIONS, **self.rule_names()})
        for name in names.values():
            _check_example(name, {**RULE_NAMES, **names})
        return _Added(notifiers, enrichers, names)

    def _registered(
        self, plugin: str, hook: str, wanted: type[_Named], check: Callable[[_Named], None], taken: Collection[str]
    ) -> dict[str, _Named]:
        """What a plugin's implementation of a hook returns, by name; PluginError if a part of it is unsound."""
        found: dict[str, _Named] = {}
        for owner, call in self._calls(hook):
            if owner != plugin:
                continue
            for item in _guarded(partial(_listed, hook, call, wanted)):
                check(item)
                if item.name in taken or item.name in found:
                    raise PluginError(f"the {_WORDS[wanted]} {item.name!r} is already taken")
                found[item.name] = item
        return found

    def _observe(self, hook: str, **arguments: Any) -> None:
        for plugin, call in self._calls(hook, **arguments):
            try:
                _guarded(call)
            except PluginError:
                _LOG.exception("plugin %s failed in %s; the event goes its way", plugin, hook)

    def _calls(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
        """(plugin, call of its implementation with the arguments that it wants), in order of loading."""
        caller: pluggy.HookCaller = getattr(self._pm.hook, hook)
        for implementation in caller.get_hookimpls():
            wanted = [arguments[name] for name in implementation.argnames]
            yield implementation.plugin_name, partial(implementation.function, *wanted)


def _own_first(entry: EntryPoint) -> tuple[bool, str]:
    """A sort key that lets nobody take the name of one of our own notifiers."""
    return entry.dist is None or entry.dist.name != OWN_DISTRIBUTION, entry.name


def _guarded(call: Callable[[], T]) -> T:
    """What a call into a plugin's code returns; PluginError, in one line, for whatever it raises.

    The `except` is broad because a stranger's code may raise anything, and may even try to exit.
    """
    try:
        return call()
    except PluginError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(clean(f"{type(error).__name__}: {error}", _REASON_LENGTH)) from error


def _listed(hook: str, call: Callable[[], Any], wanted: type[_Named]) -> tuple[_Named, ...]:
    """What an implementation of a registering hook returns, as far as its type goes."""
    returned = call()
    if isinstance(returned, str) or not isinstance(returned, Iterable):
        raise PluginError(f"{hook} returned {type(returned).__name__}, not a list of {wanted.__name__}")
    items = tuple(returned)
    for item in items:
        if not isinstance(item, wanted):
            raise PluginError(f"{hook} returned a {type(item).__name__} in place of {wanted.__name__}")
    return items


def _check_notifier(kind: NotifierKind) -> None:
    """PluginError if a part of it is not what its type promises: plugins need not be type-checked."""
    _check_kind("a notifier kind", kind.name, kind.settings, kind.build)
    concurrency: Any = kind.concurrency
    if not isinstance(concurrency, int) or concurrency < 1:
        raise PluginError(f"`concurrency` of {kind.name} is {concurrency!r}, not a number from 1")


def _check_enricher(kind: EnricherKind) -> None:
    _check_kind("an enricher", kind.name, kind.settings, kind.build)
    timeout_s: Any = kind.timeout_s
    if kind.name in SERVICES:
        raise PluginError(f"{kind.name!r} is the name of a service and cannot be that of an enricher")
    if not isinstance(timeout_s, int | float) or not 0 < timeout_s < math.inf:
        raise PluginError(f"`timeout_s` of {kind.name} is {timeout_s!r}, not a number of seconds above 0")


def _check_kind(what: str, name: Any, settings: Any, build: Any) -> None:
    if not isinstance(name, str) or not _KIND_NAME.fullmatch(name):
        raise PluginError(f"{name!r} is no name for {what}; use lower-case letters, digits, - and _")
    if not (inspect.isclass(settings) and issubclass(settings, Settings)):
        raise PluginError(f"the settings of {name} do not derive from ampel_watch.api.Settings")
    if not callable(build):
        raise PluginError(f"`build` of {name} cannot be called")


def _check_rule_name(enrichers: Collection[str], name: RuleName) -> None:
    """PluginError if rules could not use the name, or nobody of the plugin gave it a value."""
    parts: tuple[Any, ...] = (name.name, name.unit, name.meaning, name.example, name.source, name.null_when)
    if not all(isinstance(part, str) for part in parts):
        raise PluginError(f"the parts of the rule name {name.name!r} are not all text")
    if not _RULE_NAME.fullmatch(name.name) or not _is_readable(name):
        raise PluginError(f"{name.name!r} is no name for rules; use lower-case letters, digits and _, and no keyword")
    if name.type not in get_args(RuleType):
        raise PluginError(f"the type of {name.name} is {name.type!r}, none of {', '.join(get_args(RuleType))}")
    if name.source not in enrichers:
        raise PluginError(f"the source of {name.name} is {name.source!r}, no enricher of this plugin")


def _is_readable(name: RuleName) -> bool:
    """Whether the engine takes it for a name."""
    try:
        return compile_rule(f"{name.name} == null", {name.name: name}).names == (name.name,)
    except RuleFault:
        return False


def _check_example(name: RuleName, known: Mapping[str, RuleName]) -> None:
    try:
        used = compile_rule(name.example, known).names
    except RuleFault as fault:
        raise PluginError(f"the example of {name.name} is no rule: {fault.message}") from None
    if name.name not in used:
        raise PluginError(f"the example of {name.name} does not use it")


_WORDS: Mapping[type, str] = {NotifierKind: "notifier kind", EnricherKind: "enricher", RuleName: "rule name"}
