"""Finds plugins, keeps the sound ones, and calls their hooks: one typed method per hook.

Nothing else in ampel-watch touches pluggy's relay. Each plugin's implementation is called by itself, because pluggy
lets one that raises stop those registered before it; and a plugin that cannot be used is put aside with the reason,
so that a stranger's mistake costs that plugin and nothing else.
"""

import inspect
import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, TypeVar

import pluggy

from ampel_watch import hookspecs
from ampel_watch.errors import PluginError
from ampel_watch.model import Event
from ampel_watch.protocols import DeliveryReport, NotifierKind
from ampel_watch.settings import Settings
from ampel_watch.text import clean

T = TypeVar("T")

OWN_DISTRIBUTION = "ampel-watch"
_KIND_NAME = re.compile(r"[a-z][a-z0-9_-]*")
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
    notifiers: the kinds that it adds.
    """

    name: str
    source: str
    distribution: str | None
    version: str | None
    state: Literal["loaded", "broken", "disabled"]
    error: str | None = None
    notifiers: tuple[str, ...] = ()


def installed_plugins() -> Iterable[EntryPoint]:
    """The entry points of all installed packages that call themselves plugins of ampel-watch."""
    return entry_points(group=hookspecs.PROJECT)


class PluginManager:
    """The plugins of one process. Call `load` once, before anything else."""

    def __init__(self, discover: Callable[[], Iterable[EntryPoint]] = installed_plugins) -> None:
        self._discover = discover
        self._pm = pluggy.PluginManager(hookspecs.PROJECT)
        self._pm.add_hookspecs(hookspecs)
        self._kinds: dict[str, NotifierKind] = {}
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
        return dict(self._kinds)

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
            kinds = self._take(entry)
        except PluginError as error:
            return LoadedPlugin(entry.name, entry.value, distribution, version, "broken", str(error))
        self._kinds |= kinds
        return LoadedPlugin(entry.name, entry.value, distribution, version, "loaded", None, tuple(kinds))

    def _take(self, entry: EntryPoint) -> dict[str, NotifierKind]:
        """Import and register one plugin, and return its kinds; PluginError leaves it unregistered."""
        if self._pm.has_plugin(entry.name):
            raise PluginError("another plugin has the same name")
        plugin = _guarded(entry.load)
        if plugin is None or inspect.isclass(plugin):
            raise PluginError(f"{entry.value} must be a module or an object, not {plugin!r}")
        try:
            _guarded(partial(self._pm.register, plugin, entry.name))
            _guarded(self._pm.check_pending)
            self._check_implementations(plugin)
            return self._registered_kinds(entry.name)
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

    def _registered_kinds(self, name: str) -> dict[str, NotifierKind]:
        kinds: dict[str, NotifierKind] = {}
        for plugin, call in self._calls("register_notifiers"):
            if plugin != name:
                continue
            for kind in _guarded(partial(_kinds_of, call)):
                if kind.name in self._kinds or kind.name in kinds:
                    raise PluginError(f"the notifier kind {kind.name!r} is already taken")
                kinds[kind.name] = kind
        return kinds

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


def _kinds_of(call: Callable[[], Any]) -> tuple[NotifierKind, ...]:
    """The notifier kinds that an implementation of `register_notifiers` returns, each one checked."""
    returned = call()
    if isinstance(returned, str) or not isinstance(returned, Iterable):
        raise PluginError(f"register_notifiers returned {type(returned).__name__}, not a list of NotifierKind")
    kinds = tuple(returned)
    for kind in kinds:
        if not isinstance(kind, NotifierKind):
            raise PluginError(f"register_notifiers returned a {type(kind).__name__} in place of a NotifierKind")
        _check_kind(kind.name, kind.settings, kind.build, kind.concurrency)
    return kinds


def _check_kind(name: Any, settings: Any, build: Any, concurrency: Any) -> None:
    """PluginError if a part of a NotifierKind is not what its type promises: plugins need not be type-checked."""
    if not isinstance(name, str) or not _KIND_NAME.fullmatch(name):
        raise PluginError(f"{name!r} is no name for a notifier kind; use lower-case letters, digits, - and _")
    if not (inspect.isclass(settings) and issubclass(settings, Settings)):
        raise PluginError(f"the settings of {name} do not derive from ampel_watch.api.Settings")
    if not callable(build):
        raise PluginError(f"`build` of {name} cannot be called")
    if not isinstance(concurrency, int) or concurrency < 1:
        raise PluginError(f"`concurrency` of {name} is {concurrency!r}, not a number from 1")
