"""Sending: one broken or slow receiver delays no other, and nothing is stuck."""

import asyncio
import contextlib
import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from ampel_watch.clock import ManualClock
from ampel_watch.errors import DeliveryError, StateUnusable
from ampel_watch.model import EventStock
from ampel_watch.pipeline.deliver import LEASE, Deliverer, Outlet, Terms
from ampel_watch.storage import Database, outbox
from ampel_watch.storage.schema import deliveries
from ampel_watch.testing import sample_event

START = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)


class Sender:
    """Sends when its gate is open; raises what it is told."""

    def __init__(self, error=None):
        self.gate, self.error, self.sent = asyncio.Event(), error, []
        self.gate.set()
        self.done = asyncio.Event()

    async def send(self, event, attempt):
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.sent.append(event.id)
        self.done.set()

    async def preview(self, event):
        return event.summary

    async def close(self):
        pass


class Reports(list):
    def delivery_finished(self, report):
        self.append((report.receiver, report.state, report.attempts))


@pytest.fixture
def database(tmp_path):
    with contextlib.closing(Database.open(f"sqlite:///{tmp_path / 'state.db'}")) as database:
        yield database


def deliverer(database, senders, clock, reports=None, redact=str):
    outlets = {name: Outlet(sender, 2) for name, sender in senders.items()}
    terms = Terms(clock, timedelta(days=1), redact, random.Random(1))
    return Deliverer(database, outlets, terms, Reports() if reports is None else reports)


def add(database, *receivers, number=1):
    event = sample_event(id=f"event-{number}")
    database.run_now(lambda c: outbox.add_event(c, event, receivers, START))


async def test_a_receiver_that_hangs_delays_no_other(database):
    slow, quick = Sender(), Sender()
    slow.gate.clear()
    add(database, "slow", "quick")
    work = deliverer(database, {"slow": slow, "quick": quick}, ManualClock(START))
    draining = asyncio.create_task(work.drain())
    await quick.done.wait()
    assert slow.sent == []
    slow.gate.set()
    assert await draining == {"delivered": 2}


async def test_whatever_a_notifier_raises_is_a_try_that_failed(database):
    reports = Reports()
    senders = {
        "foreign": Sender(ZeroDivisionError("oops s3cret")),
        "refused": Sender(DeliveryError("no such address", permanent=True, status="550")),
        "fine": Sender(),
    }
    add(database, *senders)
    work = deliverer(database, senders, ManualClock(START), reports, lambda text: text.replace("s3cret", "***"))
    assert await work.drain() == {"waiting": 1, "dead": 1, "delivered": 1}
    assert sorted(reports) == [("fine", "delivered", 1), ("foreign", "waiting", 1), ("refused", "dead", 1)]
    errors = database.run_now(lambda c: dict(c.execute(select(deliveries.c.receiver, deliveries.c.error)).all()))
    assert errors["refused"] == "no such address"
    assert "s3cret" not in errors["foreign"]
    assert "ZeroDivisionError" in errors["foreign"]


async def test_a_delivery_whose_outcome_could_not_be_recorded_is_tried_again_by_itself(database, monkeypatch):
    clock = ManualClock(START)
    sender = Sender()
    add(database, "a")
    work = deliverer(database, {"a": sender}, clock)
    settle = outbox.settle

    def full(*_, **__):
        raise StateUnusable("disk full")

    monkeypatch.setattr(outbox, "settle", full)
    assert await work.drain() == {"unrecorded": 1}
    monkeypatch.setattr(outbox, "settle", settle)
    assert await work.next_due() == START + LEASE
    clock.advance(LEASE)
    assert await work.drain() == {"delivered": 1}
    assert sender.sent == ["event-1", "event-1"]


async def test_what_is_still_being_sent_at_the_deadline_is_left_to_the_next_start(database):
    sender = Sender()
    sender.gate.clear()
    add(database, "a")
    work = deliverer(database, {"a": sender}, ManualClock(START))
    await work.start_due()
    await work.finish(0)
    sender.gate.set()
    database.run_now(lambda c: outbox.release_claims(c, START))
    assert await deliverer(database, {"a": sender}, ManualClock(START)).drain() == {"delivered": 1}


async def test_there_are_never_more_sends_at_once_than_the_kind_allows(database):
    most = 0
    now = 0

    class Counting(Sender):
        async def send(self, event, attempt):
            nonlocal most, now
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1

    for number in range(9):
        event = sample_event(id=f"event-{number}", stock=EventStock("ztf", number, f"stock {number}"))
        database.run_now(lambda c, e=event: outbox.add_event(c, e, ["a"], START))
    assert await deliverer(database, {"a": Counting()}, ManualClock(START)).drain() == {"delivered": 9}
    assert most == 2
