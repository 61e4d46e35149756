"""The AMPEL inside the sandbox: alerts go in, channels filter them, and stock documents come out.

Filters are small predicates in the spirit of AMPEL's alert filters. A stock exists once a channel has taken it; a
later alert that a filter rejects does not remove it. `entries` is the ground truth: which stock entered which
channel, and when.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ampel_watch import ztf
from ampel_watch.sandbox.packets import Document, Packet

ANY = "any"
T0_PROCESS = "DESY|ZTF|Alert"
T2_PROCESS = "DefaultT2Process"
_RUN_EVERY = timedelta(hours=1)
_T2_DELAY = timedelta(minutes=2)

Filter = Callable[[Packet], bool]


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel: its name, what it takes, and in words why."""

    name: str
    accepts: Filter
    description: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Ground truth: a stock entered a channel."""

    channel: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one of AMPEL's processes."""

    process: str
    tier: int
    run: int
    at: datetime
    duration_s: float


@dataclass(slots=True)
class Stock:
    """A stock as AMPEL keeps it: time maps per channel and `any`, journal, alerts in order of ingestion.

    `results` are what T2 runs found, by the number of the run.
    """

    id: int
    name: str
    channels: list[str] = field(default_factory=list)
    created: dict[str, datetime] = field(default_factory=dict)
    updated: dict[str, datetime] = field(default_factory=dict)
    journal: list[Document] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)
    results: dict[int, Document] = field(default_factory=dict)

    def touched(self, channels: Iterable[str], at: datetime) -> None:
        """Note a change at a date for some channels."""
        self.updated |= dict.fromkeys((*channels, ANY), at)


def is_positive(point: Mapping[str, Any]) -> bool:
    """Whether a detection is a brightening against the reference; both spellings of the sign occur."""
    return point.get("isdiffpos") in ("t", "1")


def is_real(packet: Packet) -> bool:
    """Probably no artefact: by the deep-learning score where there is one (schema 3.3 on), else by `rb`."""
    candidate = packet.candidate
    return bool(candidate["drb"] > 0.5) if "drb" in candidate else bool(candidate.get("rb", 0.0) > 0.5)


def is_starlike(packet: Packet) -> bool:
    """On top of a source that Pan-STARRS thinks a star; the score -999 means no source."""
    candidate = packet.candidate
    return bool(candidate.get("sgscore1", -999) > 0.76 and 0 <= candidate.get("distpsnr1", -999) < 2)


def is_moving(packet: Packet) -> bool:
    """Within 5″ of a known solar-system object; negative distances mean that none is known."""
    return bool(0 <= packet.candidate.get("ssdistnr", -999) < 5)


def _detections(packet: Packet) -> list[Mapping[str, Any]]:
    """Positive detections of the packet, oldest first."""
    return [point for point in (*packet.history, packet.candidate) if "magpsf" in point and is_positive(point)]


def takes_infants(packet: Packet) -> bool:
    """First seen less than 3 days ago and less than 3 days after a limit; real, positive, no star, no asteroid."""
    if not (is_positive(packet.candidate) and is_real(packet)) or is_starlike(packet) or is_moving(packet):
        return False
    first_jd = min(point["jd"] for point in (*packet.history, packet.candidate) if "magpsf" in point)
    limits = [point["jd"] for point in packet.history if "magpsf" not in point and point["jd"] < first_jd]
    old = packet.candidate.get("jdstarthist", first_jd) < first_jd - 30
    return not old and packet.jd - first_jd < 3 and bool(limits) and first_jd - max(limits) < 3


def takes_bright(packet: Packet) -> bool:
    """Brighter than 18.5 with two positive detections, real, no star, no asteroid, and not a known AGN-like nucleus."""
    candidate = packet.candidate
    nucleus = candidate.get("ndethist", 0) > 100
    bright = candidate["magpsf"] < 18.5 and len(_detections(packet)) >= 2
    return (
        bright
        and is_positive(candidate)
        and is_real(packet)
        and not (nucleus or is_starlike(packet) or is_moving(packet))
    )


def takes_nuclei(packet: Packet) -> bool:
    """On the core of something extended or point-like but not surely a star, and seen at least four times."""
    candidate = packet.candidate
    on_core = 0 <= candidate.get("distnr", -999) < 0.35 and candidate.get("sgscore1", 1.0) <= 0.76
    return bool(on_core and candidate.get("ndethist", 0) >= 4 and is_real(packet))


CHANNELS = (
    Channel("SANDBOX_INFANT_SN", takes_infants, "transients younger than three days"),
    Channel("SANDBOX_BRIGHT_TRANSIENTS", takes_bright, "transients brighter than 18.5 mag"),
    Channel("SANDBOX_AGN", takes_nuclei, "repeated variability of nuclei"),
    Channel("SANDBOX_ALL", is_real, "everything that is no artefact"),
)


class Ampel:
    """Stocks by id, with the runs that made them."""

    def __init__(self, channels: tuple[Channel, ...] = CHANNELS) -> None:
        self.channels = channels
        self.stocks: dict[int, Stock] = {}
        self.entries: list[Entry] = []
        self.runs: list[Run] = []

    def ingest(self, packet: Packet, at: datetime) -> None:
        """Let every channel judge an alert, and write down what follows."""
        self._count_run(at)
        accepted = [channel.name for channel in self.channels if channel.accepts(packet)]
        if not accepted:
            return
        stock = self._stock(packet.name)
        stock.packets.append(packet)
        for channel in accepted:
            self._join(stock, channel, at)
        stock.touched(accepted, at)
        run = self.runs[-1].run
        stock.journal += [
            {
                "tier": 0, "ts": at, "channel": accepted, "process": T0_PROCESS, "run": run,
                "extra": {"alert": packet.candid},
            },
            {
                "tier": 2, "ts": at + _T2_DELAY, "channel": accepted[0], "unit": "T2CatalogMatch", "run": run + 1,
                "code": 0,
            },
        ]  # fmt: skip

    def named(self, name: str) -> Stock:
        """The stock of a name; KeyError if AMPEL has none."""
        return self.stocks[ztf.id_of(name)]

    def enter(self, name: str, channel: str, at: datetime) -> None:
        """Put a stock into a channel by hand."""
        stock = self._stock(name)
        self._join(stock, channel, at)
        stock.touched([channel], at)

    def leave(self, name: str, channel: str, at: datetime) -> None:
        """Take a stock out of a channel, as an operator does with a star that looked like a supernova."""
        stock = self.named(name)
        stock.channels.remove(channel)
        del stock.created[channel]
        stock.updated.pop(channel, None)
        stock.touched([], at)

    def touch(self, name: str, at: datetime) -> None:
        """Add a journal entry, as a later tier does."""
        stock = self.named(name)
        stock.journal.append({"tier": 3, "ts": at, "channel": list(stock.channels), "process": "SandboxSummary"})
        stock.touched(stock.channels, at)

    def classify(self, name: str, unit: str, result: Document, at: datetime) -> None:
        """Let a T2 unit come to a result about a stock."""
        stock = self.named(name)
        run = 10_000_000 + len(stock.journal)
        channels = list(stock.channels)
        stock.journal.append({"tier": 2, "ts": at, "channel": channels, "unit": unit, "run": run, "code": 0})
        stock.results[run] = result
        stock.touched(stock.channels, at)

    def remove(self, name: str) -> None:
        """Forget a stock altogether."""
        del self.stocks[ztf.id_of(name)]

    def _stock(self, name: str) -> Stock:
        stock_id = ztf.id_of(name)
        return self.stocks.setdefault(stock_id, Stock(stock_id, name))

    def _join(self, stock: Stock, channel: str, at: datetime) -> None:
        if channel in stock.channels:
            return
        stock.channels.append(channel)
        stock.created[channel] = at
        stock.created.setdefault(ANY, at)
        self.entries.append(Entry(channel, stock.name, at))

    def _count_run(self, at: datetime) -> None:
        """Runs begin hourly while there are alerts: one of tier 0 and its tier 2."""
        if self.runs and at - self.runs[-1].at < _RUN_EVERY:
            return
        number = len(self.runs) + 1
        self.runs.append(Run(T2_PROCESS, 2, number + 1, at, 21.5))
        self.runs.append(Run(T0_PROCESS, 0, number, at, 12.345))
