"""Everything that a plugin may import from ampel-watch, and all that stays stable between minor versions."""

from ampel_watch.clock import Clock
from ampel_watch.errors import DeliveryError
from ampel_watch.hookspecs import hookimpl
from ampel_watch.model import Event, EventStock, StockKey
from ampel_watch.protocols import Attempt, DeliveryReport, Notifier, NotifierContext, NotifierKind
from ampel_watch.settings import Duration, RatePerSecond, Secret, Settings
from ampel_watch.text import Facts, age, facts, lateness, plain_text, sexagesimal

__all__ = [
    "Attempt",
    "Clock",
    "DeliveryError",
    "DeliveryReport",
    "Duration",
    "Event",
    "EventStock",
    "Facts",
    "Notifier",
    "NotifierContext",
    "NotifierKind",
    "RatePerSecond",
    "Secret",
    "Settings",
    "StockKey",
    "age",
    "facts",
    "hookimpl",
    "lateness",
    "plain_text",
    "sexagesimal",
]
