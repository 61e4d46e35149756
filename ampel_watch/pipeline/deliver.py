"""The third loop: send what is due, record how it went, try again later.

Each receiver has its own slots, so a slow or broken one delays no other; the order of one stock's events to one
receiver is kept by the outbox. A delivery is claimed under a lease before it is sent, and settled after: a crash in
between sends it again, with the same id and the same bytes.
"""

import asyncio
import contextlib
import json
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from ampel_watch.clock import Clock
from ampel_watch.errors import DeliveryError, StateError
from ampel_watch.model import Event
from ampel_watch.pipeline.retry import after_failure
from ampel_watch.protocols import Attempt, DeliveryReport, Notifier
from ampel_watch.storage import Database, outbox
from ampel_watch.storage.outbox import Claimed, Outcome

_LOG = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
RENEW_EVERY_S = 20.0
SEND_WITHIN_S = 120.0


class DeliveryObserver(Protocol):
    """Whoever wants to know how a try at a delivery ended."""

    def delivery_finished(self, report: DeliveryReport) -> None:
        """Called after the outcome was committed."""
        ...


@dataclass(frozen=True, slots=True)
class Outlet:
    """The way to one receiver: its notifier, and how many sends may run at once."""

    notifier: Notifier
    concurrency: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What is the same for all deliveries.

    Attributes
    ----------
    redact: takes secrets out of an error text.
    """

    clock: Clock
    give_up_after: timedelta
    redact: Callable[[str], str]
    chance: random.Random


class Deliverer:
    """Sends the pending deliveries of all configured receivers."""

    def __init__(
        self, database: Database, receivers: Mapping[str, Outlet], terms: Terms, observer: DeliveryObserver
    ) -> None:
        self._database = database
        self._receivers = receivers
        self._terms = terms
        self._observer = observer
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._ended: Counter[str] = Counter()
        self._busy: dict[str, int] = dict.fromkeys(receivers, 0)
        self._freed = asyncio.Event()

    async def start_due(self, as_of: datetime | None = None) -> int:
        """Begin to send whatever is due (now, or was at `as_of`) and has a free slot; how many were begun."""
        self._freed.clear()
        begun = 0
        for receiver, outlet in self._receivers.items():
            if free := self._free(receiver):
                begun += await self._start(receiver, outlet, free, as_of or self._terms.clock.now())
        return begun

    def _free(self, receiver: str) -> int:
        return max(0, self._receivers[receiver].concurrency - self._busy[receiver])

    async def _start(self, receiver: str, outlet: Outlet, free: int, now: datetime) -> int:
        claimed = await self._database.run(
            partial(
                outbox.claim,
                receiver=receiver,
                now=now,
                lease_until=self._terms.clock.now() + LEASE,
                limit=free,
                sending=tuple(self._sending),
            )
        )
        for delivery in claimed:
            self._busy[receiver] += 1
            self._sending[delivery.id] = asyncio.create_task(self._deliver(delivery, outlet.notifier))
        return len(claimed)

    async def next_due(self) -> datetime | None:
        """When something can be begun that is not being sent now, to a receiver with a free slot."""
        free = [receiver for receiver in self._receivers if self._free(receiver)]
        return await self._database.run(partial(outbox.next_try_at, receivers=free, sending=tuple(self._sending)))

    async def wait(self, timeout_s: float | None) -> None:
        """Wait until `wake`, or until a slot is free again since `start_due`, or for so long; keep leases meanwhile."""
        left_s = timeout_s
        while left_s is None or left_s > 0:
            step_s = RENEW_EVERY_S if left_s is None else min(left_s, RENEW_EVERY_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(step_s):
                    await self._freed.wait()
            if self._freed.is_set():
                return
            await self._renew()
            left_s = None if left_s is None else left_s - step_s

    def wake(self) -> None:
        """End a `wait`: there is something new to send."""
        self._freed.set()

    async def drain(self) -> Counter[str]:
        """Send all that is due now, without waiting for later tries; how many tries ended in which state."""
        self._ended.clear()
        began = self._terms.clock.now()
        while await self.start_due(began) or self._sending:
            if self._sending:
                await asyncio.wait(self._sending.values(), return_when=asyncio.FIRST_COMPLETED)
        return Counter(self._ended)

    async def finish(self, deadline_s: float) -> None:
        """Let what is being sent come to its end, for so long; then leave it to the next start."""
        if self._sending:
            _, late = await asyncio.wait(list(self._sending.values()), timeout=deadline_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _renew(self) -> None:
        if self._sending:
            until = self._terms.clock.now() + LEASE
            await self._database.run(partial(outbox.renew, ids=tuple(self._sending), lease_until=until))

    async def _deliver(self, delivery: Claimed, notifier: Notifier) -> None:
        state = "unrecorded"
        try:
            outcome = await self._send(delivery, notifier)
            await self._database.run(partial(outbox.settle, delivery=delivery.id, outcome=outcome))
            state = outcome.state
        except StateError as error:
            # The lease ends by itself, and the delivery is sent again, with the same id.
            _LOG.error("cannot record how the delivery to %s went: %s", delivery.receiver, error)
        else:
            self._tell(delivery, outcome)
        finally:
            self._ended[state] += 1
            self._busy[delivery.receiver] -= 1
            del self._sending[delivery.id]
            self._freed.set()

    async def _send(self, delivery: Claimed, notifier: Notifier) -> Outcome:
        terms = self._terms
        late_s = terms.clock.real_seconds_since(delivery.made_at)
        try:
            event = Event.from_json(json.loads(delivery.body))
            async with asyncio.timeout(SEND_WITHIN_S):
                await notifier.send(event, Attempt(delivery.id, delivery.attempts, late_s))
        except DeliveryError as error:
            failure = error
        except TimeoutError:
            failure = DeliveryError(f"no answer within {SEND_WITHIN_S:g} s")
        except Exception as error:  # noqa: BLE001 - a notifier is foreign code; whatever it raises must not end the loop
            _LOG.exception("the notifier of %s failed", delivery.receiver)
            failure = DeliveryError(f"the notifier failed: {type(error).__name__}: {error}")
        else:
            return Outcome("delivered", terms.clock.now())
        return after_failure(
            failure,
            message=terms.redact(str(failure)),
            attempts=delivery.attempts,
            first_try_at=delivery.first_try_at or delivery.made_at,
            now=terms.clock.now(),
            give_up_after=terms.give_up_after,
            chance=terms.chance,
        )

    def _tell(self, delivery: Claimed, outcome: Outcome) -> None:
        level = {"delivered": logging.INFO, "waiting": logging.WARNING, "dead": logging.ERROR}[outcome.state]
        what = {"delivered": "delivered to", "waiting": "will be tried again:", "dead": "dead letter:"}[outcome.state]
        _LOG.log(
            level,
            "event %s %s %s%s",
            delivery.event_id,
            what,
            delivery.receiver,
            f": {outcome.error}" if outcome.error else "",
        )
        self._observer.delivery_finished(
            DeliveryReport(
                event_id=delivery.event_id,
                watch=delivery.watch,
                receiver=delivery.receiver,
                state=outcome.state,
                attempts=delivery.attempts,
                error=outcome.error,
            )
        )
