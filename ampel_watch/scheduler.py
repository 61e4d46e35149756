"""When each watch is due. The only module that knows APScheduler.

Due dates are handed over as one-shot jobs, because the date that counts is that of the injected
clock, and because a late look must run and not be skipped.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from ampel_watch.clock import Clock


class Schedule:
    """Calls back when a watch is due. Planning a watch again replaces its earlier date."""

    def __init__(self, clock: Clock, on_due: Callable[[str], None]) -> None:
        self._clock = clock
        self._on_due = on_due
        self._scheduler = AsyncIOScheduler(timezone=UTC)

    def start(self) -> None:
        """Begin to call back; needs a running event loop."""
        self._scheduler.start()

    def plan(self, watch: str, due: datetime) -> None:
        """Call back for this watch at `due`, or at once if that has passed."""
        wait = timedelta(seconds=self._clock.real_seconds_until(due))
        self._scheduler.add_job(
            self._fire,
            DateTrigger(datetime.now(UTC) + wait),
            args=(watch,),
            id=watch,
            replace_existing=True,
            misfire_grace_time=None,
            coalesce=True,
        )

    async def _fire(self, watch: str) -> None:
        """A coroutine, because APScheduler runs plain functions in another thread."""
        self._on_due(watch)

    def stop(self) -> None:
        """Call back no more."""
        self._scheduler.shutdown(wait=False)
