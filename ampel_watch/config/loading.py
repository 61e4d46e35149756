"""From a file to a `Config`, or to everything that is wrong with it at once."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import ValidationError

from ampel_watch.config.catalogs import specs_of
from ampel_watch.config.document import Document, Key
from ampel_watch.config.enrichers import enrichers_of
from ampel_watch.config.environment import Filled, fill
from ampel_watch.config.models import FileSettings, WatchSettings
from ampel_watch.config.notes import lacks, notes_of, notes_of_services, without
from ampel_watch.config.outside import Outside
from ampel_watch.config.sentences import report
from ampel_watch.config.types import Config, Receiver, Watch
from ampel_watch.config.values import label, listing, near
from ampel_watch.config.watchlist_entries import WatchedPosition, WatchedStock, Watchlist, stock_of
from ampel_watch.config.watchlists import read_watchlist
from ampel_watch.config.yaml_positions import read_yaml
from ampel_watch.errors import ConfigError, Fault
from ampel_watch.hosts import CatalogSpec
from ampel_watch.model import StockKey
from ampel_watch.protocols import EnricherKinds, NotifierKinds
from ampel_watch.rules import RULE_NAMES, Rule, RuleName
from ampel_watch.settings import Settings

_SHORTEST_SCRUBBED = 4
_LOOKED_AT = ("channels", "stocks", "stocks_from", "cones")

_Model = TypeVar("_Model", bound=Settings)


def load_config(
    path: Path,
    *,
    kinds: NotifierKinds,
    environ: Mapping[str, str],
    enrichers: EnricherKinds = MappingProxyType({}),
    rule_names: Mapping[str, RuleName] = RULE_NAMES,
) -> Config:
    """The configuration in `path`; ConfigError with every fault of it and of its watchlists.

    Parameters
    ----------
    kinds: the notifiers that plugins offer, by name.
    environ: where `${NAME}` is looked up.
    enrichers: those that plugins offer, by name.
    rule_names: the names that rules may use, those of plugins too.
    """
    document = read_yaml(path)
    if document.unreadable:
        document.fault((1, 1), f"cannot be read: {document.unreadable}")
    elif not document.faults and document.data is None:
        document.fault((1, 1), "is empty; a configuration has at least `services`, `watches` and `receivers`")
    elif document.data is not None and not isinstance(document.data, dict):
        document.fault((1, 1), "must be a mapping: lines such as `services:`, `watches:` and `receivers:`")
    if not isinstance(document.data, dict):
        raise ConfigError(tuple(document.faults))
    return _Loading(document, kinds, fill(document, environ), enrichers, rule_names).config()


class _Loading:
    """One run over one document; faults gather in the document and in the watchlists."""

    def __init__(
        self,
        document: Document,
        kinds: NotifierKinds,
        filled: Filled,
        enrichers: EnricherKinds,
        rule_names: Mapping[str, RuleName],
    ) -> None:
        self._document = document
        self._data: dict[str, Any] = document.data
        self._kinds = kinds
        self._enrichers = enrichers
        self._rule_names = rule_names
        self._filled = filled
        self._outside = Outside(document, filled)
        self._watchlists: dict[Path, Watchlist] = {}
        self._rules: dict[Key, Rule] = {}

    def config(self) -> Config:
        """The whole configuration, if nothing is wrong."""
        file = self._check(FileSettings, self._data, ())
        receivers = self._receivers()
        enrichers = enrichers_of(self._data.get("enrichers"), self._enrichers, self._check, self._fault_of_key)
        watches = self._watches()
        if file is not None and file.watches and file.services.live is None:
            self._fault(("watches",), "watches need the service `live`; give its `url` under `services`", of_key=True)
        catalogs = specs_of(file.services.catalog.catalogs) if file and file.services.catalog else ()
        self._refuse_unknown_catalogs(catalogs)
        faults = self._all_faults()
        if faults or file is None:
            raise ConfigError(faults)
        return Config(
            path=self._document.file,
            services=file.services,
            state=file.state,
            watches=tuple(watches),
            receivers=receivers,
            timezone=file.timezone,
            give_up_after=file.give_up_after,
            notes=self._notes(),
            enrichers=enrichers,
            catalogs=catalogs,
        )

    def _receivers(self) -> dict[str, Receiver]:
        found = {}
        for name, data in _mapping(self._data.get("receivers")).items():
            receiver = self._receiver(name, data, ("receivers", name))
            if receiver is not None:
                found[name] = receiver
        return found

    def _receiver(self, name: str, data: Any, key: Key) -> Receiver | None:
        try:
            label(name)
        except ValueError as error:
            self._fault(key, str(error), of_key=True)
        if not isinstance(data, dict):
            self._fault(key, f"the receiver `{name}` must be a mapping with `notifier` and its settings", of_key=True)
            return None
        kind = self._kind(data, key)
        if kind is None:
            return None
        further = {setting: value for setting, value in data.items() if setting != "notifier"}
        settings = self._check(kind.settings, further, key)
        return Receiver(name, kind, settings) if settings is not None else None

    def _kind(self, data: Mapping[str, Any], key: Key) -> Any:
        word = data.get("notifier")
        if (*key, "notifier") in self._filled.unset:
            return None
        if not isinstance(word, str):
            message = (
                f"the key `notifier` is missing in `receivers.{key[-1]}`; there are {listing(sorted(self._kinds))}"
            )
            self._fault(key, message, of_key=True)
            return None
        if word not in self._kinds:
            shown = "`…`" if self._filled.covers((*key, "notifier")) else f"`{word}`"
            hint = near(word, self._kinds) or f"; there are {listing(sorted(self._kinds))}"
            self._fault((*key, "notifier"), f"unknown notifier {shown}{hint}")
            return None
        return self._kinds[word]

    def _watches(self) -> list[Watch]:
        entries = self._data.get("watches")
        found = []
        for number, data in enumerate(entries if isinstance(entries, list) else ()):
            key: Key = ("watches", number)
            settings = self._check(WatchSettings, data, key)
            stocks, positions = self._listed(data, key)
            if isinstance(data, dict) and not any(data.get(part) for part in _LOOKED_AT):
                message = f"this watch looks at nothing; give at least one of {listing(_LOOKED_AT)}"
                self._fault(key, message)
            if settings is not None:
                found.append(_watch(settings, stocks, positions))
                if settings.when is not None:
                    self._rules[*key, "when"] = settings.when
        self._refuse_same_names(entries if isinstance(entries, list) else ())
        return found

    def _listed(self, data: Any, key: Key) -> tuple[list[WatchedStock], list[WatchedPosition]]:
        """What the watchlists of a watch hold."""
        stocks: list[WatchedStock] = []
        positions: list[WatchedPosition] = []
        files = _mapping(data).get("stocks_from")
        for number, written in enumerate(files if isinstance(files, list) else ()):
            where: Key = (*key, "stocks_from", number)
            if not isinstance(written, str) or not written or where in self._filled.unset:
                continue
            watchlist = self._watchlist(self._document.file.parent / written)
            if watchlist.unreadable:
                shown = "" if self._filled.covers(where) else f" `{written}`"
                self._fault(where, f"the watchlist{shown} cannot be read: {watchlist.unreadable}")
            stocks += watchlist.stocks
            positions += watchlist.positions
        return stocks, positions

    def _watchlist(self, file: Path) -> Watchlist:
        if file not in self._watchlists:
            self._watchlists[file] = read_watchlist(file)
        return self._watchlists[file]

    def _refuse_same_names(self, entries: Iterable[Any]) -> None:
        first: dict[str, int] = {}
        for number, entry in enumerate(entries):
            name = _mapping(entry).get("name")
            if not isinstance(name, str):
                continue
            key: Key = ("watches", number, "name")
            if name in first:
                line, _ = self._document.place(("watches", first[name], "name"))
                shown = "…" if self._filled.covers(key) else name
                self._fault(key, f"two watches are named `{shown}`, the first on line {line}")
            first.setdefault(name, number)

    def _refuse_unknown_catalogs(self, catalogs: Iterable[CatalogSpec]) -> None:
        """A rule that asks a catalog that is never searched would never be decided."""
        known = [spec.name for spec in catalogs]
        for key, rule in self._rules.items() if known else ():
            for name in (name for name in rule.catalogs if name not in known):
                shown, hint = ("…", "") if self._filled.covers(key) else (name, near(name, known))
                place = self._document.place_within(key, rule.text, max(0, rule.text.find(name)))
                self._document.fault(place, f"the catalog `{shown}` is not searched{hint}")

    def _check(self, model: type[_Model], data: Any, key: Key) -> _Model | None:
        """`data` as a model; None, and faults, if it is not one."""
        resolved = self._outside.resolve(model, data, key)
        context = {
            "receivers": tuple(_mapping(self._data.get("receivers"))),
            "enrichers": tuple(_mapping(self._data.get("enrichers"))),
            "rule_names": self._rule_names,
        }
        try:
            return model.model_validate(resolved, context=context)
        except ValidationError as error:
            report(self._document, error, resolved, key, model, self._filled)
            return None

    def _fault(self, key: Key, message: str, *, of_key: bool = False) -> None:
        self._document.fault(self._document.place(key, of_key=of_key), message)

    def _fault_of_key(self, key: Key, message: str) -> None:
        self._fault(key, message, of_key=True)

    def _all_faults(self) -> tuple[Fault, ...]:
        """Every fault once: those of the configuration itself first; with no text that must not be shown."""
        texts = self._filled.texts | {secret.reveal() for secret in self._outside.secrets}
        hidden = sorted((text for text in texts if len(text) >= _SHORTEST_SCRUBBED), key=len, reverse=True)
        faults = [
            replace(fault, file=Path(_without(str(fault.file), hidden)))
            for watchlist in self._watchlists.values()
            for fault in watchlist.short_faults()
        ]
        faults = sorted(set(self._document.faults)) + faults
        return tuple(replace(fault, message=_without(fault.message, hidden)) for fault in faults)

    def _notes(self) -> tuple[Fault, ...]:
        notes = notes_of(self._document) + notes_of_services(self._document, self._rules.items())
        for watchlist in self._watchlists.values():
            if watchlist.first_position is not None and lacks(self._document, "archive"):
                notes.append(Fault(watchlist.file, *watchlist.first_position, without("a position", "archive")))
        return tuple(sorted(notes))


def _mapping(data: Any) -> Mapping[str, Any]:
    return data if isinstance(data, dict) else {}


def _without(message: str, hidden: Iterable[str]) -> str:
    for text in hidden:
        message = message.replace(text, "***")
    return message


def _watch(settings: WatchSettings, stocks: Iterable[WatchedStock], positions: Iterable[WatchedPosition]) -> Watch:
    cones = [WatchedPosition(c.ra_deg, c.dec_deg, c.radius_arcsec, c.note, c.label, c.until) for c in settings.cones]
    return Watch(
        name=settings.name,
        channels=tuple(dict.fromkeys(settings.channels)),
        stocks=merged([stock_of(name) for name in settings.stocks] + list(stocks)),
        positions=tuple(dict.fromkeys([*cones, *positions])),
        every=settings.every,
        on=settings.on,
        when=settings.when,
        notify=tuple(dict.fromkeys(settings.notify)),
        initial=settings.initial,
        candidates=settings.candidates,
        enrich_deadline=settings.enrich_deadline,
        priority=settings.priority,
        jump=settings.jump,
    )


def merged(stocks: Iterable[WatchedStock]) -> tuple[WatchedStock, ...]:
    """Each stock once, where it came first, with the first note, label and `until` that any of its entries has."""
    found: dict[StockKey, WatchedStock] = {}
    for stock in stocks:
        known = found.setdefault(stock.key, stock)
        if known is not stock and known != stock:
            found[stock.key] = replace(
                known,
                note=known.note or stock.note,
                label=known.label or stock.label,
                until=known.until or stock.until,
            )
    return tuple(found.values())
