"""Everything that a plugin may import from ampel-watch, and all that stays stable between minor versions."""

from ampel_watch.clock import Clock
from ampel_watch.errors import DeliveryError
from ampel_watch.hookspecs import hookimpl
from ampel_watch.lightcurve import Detection, LightCurve, UpperLimit
from ampel_watch.model import Cutouts, Event, EventStock, Match, StockKey
from ampel_watch.pictures import draw_cutouts, draw_light_curve
from ampel_watch.protocols import (
    Attempt,
    DeliveryReport,
    Enricher,
    EnricherContext,
    EnricherKind,
    NoPictures,
    Notifier,
    NotifierContext,
    NotifierKind,
    Pictures,
    Subject,
)
from ampel_watch.rules import RuleName
from ampel_watch.settings import Duration, RatePerSecond, Secret, Settings
from ampel_watch.text import Facts, age, facts, lateness, plain_text, sexagesimal

__all__ = [
    "Attempt",
    "Clock",
    "Cutouts",
    "DeliveryError",
    "DeliveryReport",
    "Detection",
    "Duration",
    "Enricher",
    "EnricherContext",
    "EnricherKind",
    "Event",
    "EventStock",
    "Facts",
    "LightCurve",
    "Match",
    "NoPictures",
    "Notifier",
    "NotifierContext",
    "NotifierKind",
    "Pictures",
    "RatePerSecond",
    "RuleName",
    "Secret",
    "Settings",
    "StockKey",
    "Subject",
    "UpperLimit",
    "age",
    "draw_cutouts",
    "draw_light_curve",
    "facts",
    "hookimpl",
    "lateness",
    "plain_text",
    "sexagesimal",
]
