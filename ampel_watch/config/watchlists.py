"""Watchlist files: lists of stocks or positions, in YAML or CSV (`watchlist_csv`)."""

from pathlib import Path
from typing import Any

from ampel_watch.config.document import Document, Key
from ampel_watch.config.values import listing, near
from ampel_watch.config.watchlist_csv import read_csv
from ampel_watch.config.watchlist_entries import COLUMNS, Watchlist, add_entry
from ampel_watch.config.yaml_positions import read_yaml
from ampel_watch.errors import Fault

_CSV = (".csv", ".txt")
_YAML = (".yaml", ".yml")


def read_watchlist(file: Path) -> Watchlist:
    """The entries of a watchlist file; what is wrong with it is in its `faults`."""
    watchlist = Watchlist(file)
    if file.suffix.lower() in _YAML:
        _read_yaml(watchlist)
    elif file.suffix.lower() in _CSV:
        read_csv(watchlist)
    else:
        message = f"a watchlist must be a file named {', '.join(f'*{suffix}' for suffix in _YAML + _CSV)}"
        watchlist.faults.append(Fault(file, 1, 1, message))
    if not (watchlist.unreadable or watchlist.faults or watchlist.stocks or watchlist.positions):
        watchlist.faults.append(Fault(file, 1, 1, "the watchlist is empty; a watch would see nothing through it"))
    return watchlist


def _read_yaml(watchlist: Watchlist) -> None:
    document = read_yaml(watchlist.file)
    if isinstance(document.data, list):
        for number, entry in enumerate(document.data):
            _add_yaml_entry(watchlist, document, (number,), entry)
    elif document.data is not None:
        document.fault((1, 1), "a watchlist must be a list: one `- ZTF…` on each line")
    watchlist.take_faults(document)


def _add_yaml_entry(watchlist: Watchlist, document: Document, key: Key, entry: Any) -> None:
    if isinstance(entry, dict):
        fields, of_name = entry, (*key, "name")
    else:
        fields, of_name = {"name": entry}, key
    unknown = [name for name in fields if name not in COLUMNS]
    for name in unknown:
        hint = near(name, COLUMNS) or f"; allowed here: {listing(COLUMNS)}"
        document.fault(document.place((*key, name), of_key=True), f"unknown key `{name}`{hint}")
    given = {name: value for name, value in fields.items() if value is not None}
    for name, message in add_entry(watchlist, given, document.place(key)):
        document.fault(document.place(of_name if name == "name" else (*key, name)), message)
