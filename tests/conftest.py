"""What the tests of several floors share: a workbench of sandbox, configuration and a receiver that remembers."""

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings

from ampel_watch.assembly import Parts, Surroundings
from ampel_watch.clock import ManualClock
from ampel_watch.config import Config, load_config
from ampel_watch.errors import DeliveryError
from ampel_watch.model import Event
from ampel_watch.plugin_manager import PluginManager
from ampel_watch.protocols import Attempt, NotifierContext, NotifierKind
from ampel_watch.rounds import Round, one_round
from ampel_watch.sandbox import Sandbox
from ampel_watch.settings import Settings
from ampel_watch.storage import Database

# How long an example takes says more about the machine than about the code. Continuous integration judges a change by
# the same examples each time; new ones are looked for at the desk.
settings.register_profile("unhurried", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("unhurried")

SHARED = Path(__file__).parents[2] / "shared"


class MemorySettings(Settings):
    """A receiver of the tests has no settings."""


@dataclass
class Memory:
    """A receiver that remembers what it gets, and fails as it is told."""

    received: list[Event] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    failures: list[DeliveryError] = field(default_factory=list)

    def build(self, settings: MemorySettings, context: NotifierContext) -> "Memory":
        return self

    async def send(self, event: Event, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        if self.failures:
            raise self.failures.pop(0)
        self.received.append(event)

    async def preview(self, event: Event) -> str:
        return event.summary

    async def close(self) -> None:
        pass

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """(watch, kind, stock) of all that was received, in order."""
        return [(event.watch, event.kind, event.stock.name) for event in self.received]


@dataclass
class Workbench:
    """A configuration over a sandbox, worked on round by round; each round is a new start of the program."""

    folder: Path
    clock: ManualClock
    sandbox: Sandbox
    memory: Memory = field(default_factory=Memory)
    services: tuple[str, ...] = ("live", "archive")
    patience_s: float = 5.0
    retry_for_s: float = 0.2
    enriched: bool = False  # whether the receiver wants light curves and matches, for which changes wait
    live_extra: str = ""
    catalog_extra: str = ""
    archive_token: str = ""
    live_token: str = ""

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'state.db'}"

    def configure(self, watches: str, more: str = "") -> None:
        """Write the configuration; `watches` is YAML for the list of watches."""
        sandbox = self.sandbox
        self.live_token = self.live_token or sandbox.issue_live_token(life=timedelta(days=3650))
        live = f"  live: {{url: {sandbox.live_url}, token: {self.live_token}, rate: 10000/s{self.live_extra}}}\n"
        token = self.archive_token or sandbox.partnership_token
        archive = f"  archive: {{url: {sandbox.archive_url}, token: {token}, rate: 10000/s}}\n"
        catalog = f"  catalog: {{url: {sandbox.catalog_url}, rate: 10000/s{self.catalog_extra}}}\n"
        optional = {"archive": archive, "catalog": catalog}
        services = "services:\n" + live + "".join(text for name, text in optional.items() if name in self.services)
        receivers = "receivers:\n  memory: {notifier: memory}\n"
        text = f"{services}watches:\n{watches}\n{receivers}{more}"
        (self.folder / "config.yaml").write_text(text)

    @property
    def kinds(self) -> dict[str, NotifierKind]:
        return {
            "memory": NotifierKind("memory", MemorySettings, self.memory.build, "remembers", enriched=self.enriched)
        }

    def load(self) -> Config:
        return load_config(self.folder / "config.yaml", kinds=self.kinds, environ={})

    @contextlib.asynccontextmanager
    async def parts(self) -> AsyncIterator[Parts]:
        around = Surroundings(
            self.clock, PluginManager(lambda: ()), print, patience_s=self.patience_s, retry_for_s=self.retry_for_s
        )
        with contextlib.closing(Database.open(self.url)) as database:
            async with Parts(self.load(), database, around) as parts:
                yield parts

    async def once(self) -> Round:
        async with self.parts() as parts:
            return await one_round(parts)

    def pass_time(self, **span: float) -> None:
        self.clock.advance(timedelta(**span))
        self.sandbox.advance(self.clock.now())


@pytest.fixture
def workbench(tmp_path: Path) -> Callable[..., contextlib.AbstractAsyncContextManager[Workbench]]:
    """Makes a workbench over a source of alerts: `async with workbench(source, start, listing=False) as bench`."""

    @contextlib.asynccontextmanager
    async def make(source, start: datetime, **options) -> AsyncIterator[Workbench]:
        clock = ManualClock(start)
        async with Sandbox(source, clock=clock, **options) as sandbox:
            sandbox.advance(start)
            yield Workbench(tmp_path, clock, sandbox)

    return make


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real recordings and packets; tests that need it are skipped where it is not."""
    if not SHARED.is_dir():
        pytest.skip("no folder `shared` beside the checkout: real recordings and alert packets are not here")
    return SHARED
