"""What is told and what is not, round by round, over the sandbox's real services: the contract of the first looks,
of membership, of leaving and vanishing, and of outages."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ampel_watch.config import load_config
from ampel_watch.errors import DeliveryError
from ampel_watch.sandbox import Fault, PacketSky
from ampel_watch.storage import schema
from ampel_watch.storage.overview import EventFilter, list_events
from tests.pipeline.rounds import START, A, B, C, X, Y, naming, rows

ON_X = f"  - {{name: x, channels: [{X}], every: 5m, notify: [memory]}}\n"


@pytest.fixture(params=[True, False], ids=["rest", "archive"])
async def bench(request, workbench):
    async with workbench(PacketSky(()), START, listing=request.param) as bench:
        yield bench


@pytest.fixture
async def listed(workbench):
    """Only with the live listing: stocks that are put into channels by hand have no alerts in the archive."""
    async with workbench(PacketSky(()), START) as bench:
        yield bench


async def test_the_first_look_at_a_named_stock_is_silent_and_what_follows_is_told(bench):
    bench.sandbox.enter(A, X)
    bench.configure(naming(A))
    await bench.once()
    assert bench.memory.told == []
    bench.pass_time(minutes=5)
    bench.sandbox.enter(A, Y)
    await bench.once()
    await bench.once()
    assert bench.memory.told == [("mine", "channel_match", A)]
    assert bench.memory.received[0].after["channel"] == Y


async def test_a_stock_that_leaves_is_told_when_it_was_read(bench):
    for channel in (X, Y):
        bench.sandbox.enter(A, channel)
    bench.configure(naming(A))
    await bench.once()
    bench.pass_time(minutes=5)
    bench.sandbox.leave(A, X)
    await bench.once()
    assert bench.memory.told == [("mine", "channel_left", A)]


async def test_updated_is_told_only_to_those_who_ask(bench):
    bench.sandbox.enter(A, X)
    bench.configure(naming(A) + naming(A, name="all", on="[updated]"))
    await bench.once()
    bench.pass_time(minutes=5)
    bench.sandbox.touch(A)
    await bench.once()
    assert bench.memory.told == [("all", "updated", A)]


async def test_back_and_forth_is_four_events_with_four_ids(bench):
    bench.sandbox.enter(A, X)
    bench.configure(naming(A))
    await bench.once()
    for _ in range(2):
        bench.pass_time(minutes=5)
        bench.sandbox.enter(A, Y)
        await bench.once()
        bench.pass_time(minutes=5)
        bench.sandbox.leave(A, Y)
        await bench.once()
    kinds = [kind for _, kind, _ in bench.memory.told]
    assert kinds == ["channel_match", "channel_left"] * 2
    assert len({event.id for event in bench.memory.received}) == 4


async def test_a_stock_has_vanished_only_after_three_readings_one_period_apart(bench):
    bench.sandbox.enter(A, X)
    bench.sandbox.enter(B, X)
    bench.configure(naming(A, B))
    await bench.once()
    bench.sandbox.remove_stock(A)
    for minutes in (5, 1, 5):
        bench.pass_time(minutes=minutes)
        await bench.once()
        assert bench.memory.told == []
    bench.pass_time(minutes=5)
    await bench.once()
    bench.pass_time(minutes=5)
    await bench.once()
    assert bench.memory.told == [("mine", "vanished", A)]


@pytest.mark.parametrize("listing", [True, False])
@pytest.mark.parametrize("unknown_stock", ["404", "null"])
async def test_the_only_stock_may_vanish_too(workbench, unknown_stock, listing):
    async with workbench(PacketSky(()), START, unknown_stock=unknown_stock, listing=listing) as bench:
        bench.sandbox.enter(A, X)
        bench.configure(naming(A))
        await bench.once()
        bench.sandbox.remove_stock(A)
        for _ in range(3):
            bench.pass_time(minutes=5)
            await bench.once()
        assert bench.memory.told == [("mine", "vanished", A)]


async def test_a_service_that_knows_nothing_at_all_has_lost_no_stock(bench):
    bench.sandbox.enter(A, X)
    bench.configure(naming(A))
    await bench.once()
    bench.sandbox.faults["live"] = Fault(status=404, body=b'{"detail":"Not Found"}')
    for _ in range(4):
        bench.pass_time(minutes=5)
        await bench.once()
    assert bench.memory.told == []


async def test_a_500_is_never_a_stock_that_vanished(workbench):
    async with workbench(PacketSky(()), START, unknown_stock="500") as bench:
        bench.sandbox.enter(A, X)
        bench.sandbox.enter(B, X)
        bench.configure(naming(A, B))
        await bench.once()
        bench.sandbox.remove_stock(A)
        for _ in range(4):
            bench.pass_time(minutes=5)
            done = await bench.once()
            assert A in done.report.errors["mine"] or "500" in done.report.errors["mine"]
        assert bench.memory.told == []


async def test_a_stock_that_comes_back_enters_its_channels_again(listed):
    for name in (A, B):
        listed.sandbox.enter(name, X)
    listed.configure(naming(A, B))
    await listed.once()
    listed.sandbox.remove_stock(A)
    for _ in range(3):
        listed.pass_time(minutes=5)
        await listed.once()
    listed.sandbox.enter(A, X)
    listed.pass_time(minutes=5)
    await listed.once()
    assert [kind for _, kind, _ in listed.memory.told] == ["vanished", "channel_match"]


async def test_membership_does_not_depend_on_what_another_watch_has_read(listed):
    listed.sandbox.enter(B, X)
    listed.configure(ON_X)
    await listed.once()
    listed.pass_time(minutes=5)
    listed.sandbox.enter(A, X)
    listed.sandbox.faults["live"] = Fault(status=500, route="/stocks")
    listed.configure(ON_X + naming(A))
    await listed.once()
    del listed.sandbox.faults["live"]
    listed.pass_time(minutes=5)
    await listed.once()
    assert listed.memory.told == [("x", "channel_match", A)]


async def test_a_watch_that_is_new_to_a_channel_has_its_own_silent_first_look(listed):
    listed.configure(ON_X)
    await listed.once()
    listed.sandbox.enter(A, X)
    listed.pass_time(minutes=5)
    both = ON_X + ON_X.replace("name: x", "name: late")
    listed.configure(both)
    await listed.once()
    listed.sandbox.enter(B, X)
    listed.pass_time(minutes=5)
    await listed.once()
    assert listed.memory.told == [("x", "channel_match", A), ("x", "channel_match", B), ("late", "channel_match", B)]


async def test_a_watch_that_wants_to_be_told_of_its_first_look_is(listed):
    for name in (A, B):
        listed.sandbox.enter(name, X)
    eager = ON_X.replace("name: x", "name: eager, initial: notify")
    listed.configure(ON_X + eager + naming(A, name="named", initial="notify"))
    await listed.once()
    await listed.once()
    assert sorted(listed.memory.told) == [
        ("eager", "channel_match", A),
        ("eager", "channel_match", B),
        ("named", "channel_match", A),
    ]


async def test_an_outage_is_no_change_and_what_happened_meanwhile_is_found_and_said_to_be_late(listed):
    listed.sandbox.enter(B, X)
    listed.configure(ON_X + naming(B))
    await listed.once()
    for fault in (
        Fault(status=503),
        Fault(reset=True),
        Fault(status=200, body=b"<html>maintenance</html>", headers={"Content-Type": "text/html"}),
        Fault(status=200, body=b'[{"_id": 1'),
        Fault(status=500),
        Fault(status=401, body=b'{"detail": "Could not validate credentials"}'),
    ):
        listed.sandbox.faults["live"] = fault
        listed.pass_time(hours=1)
        done = await listed.once()
        assert not done.good
        assert done.report.changes == 0
        assert all("\n" not in error for error in done.report.errors.values())
    listed.sandbox.faults.clear()
    listed.sandbox.enter(A, X)
    listed.pass_time(minutes=5)
    assert (await listed.once()).good
    assert listed.memory.told == [("x", "channel_match", A)]
    assert listed.memory.received[0].late_s == timedelta(hours=6, minutes=5).total_seconds()


async def test_an_empty_listing_is_no_reason_to_think_that_stocks_left(listed):
    listed.sandbox.enter(A, X)
    listed.configure(ON_X)
    await listed.once()
    empty = Fault(status=200, body=b"[]", headers={"Content-Type": "application/json"}, route="/stocks")
    listed.sandbox.faults["live"] = empty
    for _ in range(4):
        listed.pass_time(hours=30)
        await listed.once()
    assert listed.memory.told == []


async def test_a_first_listing_that_breaks_off_is_no_first_look(workbench):
    async with workbench(PacketSky(()), START, listing_cap=2) as bench:
        for name in (A, B, C):
            bench.sandbox.enter(name, X)
        bench.configure(ON_X)
        first_page_only = Fault(status=500, route="/stocks")

        async def break_off_after_one_page():
            async with bench.parts() as parts:
                answer = parts.poller._services.live.list_stocks

                async def list_stocks(channel, *, after, limit, skip):
                    if skip:
                        bench.sandbox.faults["live"] = first_page_only
                    return await answer(channel, after=after, limit=limit, skip=skip)

                parts.poller._services.live.list_stocks = list_stocks
                return await parts.poller.look(parts.config.watches)

        report = await break_off_after_one_page()
        assert "x" in report.errors
        assert await rows(bench, schema.channel_looks) == []
        bench.sandbox.faults.clear()
        await bench.once()
        assert bench.memory.told == []


async def test_other_identities_of_the_token_are_a_new_baseline_and_leave_a_notice(listed):
    for name in (A, B):
        listed.sandbox.enter(name, X)
    listed.sandbox.enter(A, Y)
    listed.configure(ON_X + naming(A))
    await listed.once()
    listed.pass_time(minutes=5)
    listed.sandbox.leave(A, Y)
    listed.sandbox.enter(C, X)
    listed.live_token = listed.sandbox.issue_live_token(teams=("another-team",), life=timedelta(days=3650))
    listed.configure(ON_X + naming(A))
    await listed.once()
    assert listed.memory.told == []
    assert [row["what"] for row in await rows(listed, schema.notices)] == ["identity"]
    listed.pass_time(minutes=5)
    listed.sandbox.enter(B, Y)
    listed.sandbox.enter("ZTF26aaaaaad", X)
    await listed.once()
    assert ("x", "channel_match", "ZTF26aaaaaad") in listed.memory.told


async def test_ten_watches_on_one_channel_are_one_listing(listed):
    listed.configure("".join(ON_X.replace("name: x", f"name: x{n}") for n in range(10)))
    await listed.once()
    before = listed.sandbox.tallies["live"].by_route["/stocks"]
    listed.sandbox.enter(A, X)
    listed.pass_time(minutes=5)
    await listed.once()
    asked = listed.sandbox.tallies["live"].by_route["/stocks"] - before
    assert asked <= 3  # one to see which way is offered, one page, one empty page
    assert len(listed.memory.told) == 10


async def test_refreshing_goes_round_within_the_budget(workbench):
    names = [f"ZTF26aaaaa{a}{b}" for a in "abc" for b in "abcdefgh"]
    async with workbench(PacketSky(()), START) as bench:
        for name in names:
            bench.sandbox.enter(name, X)
        bench.live_extra = ", budget: 5"
        bench.services = ("live",)
        bench.configure(naming(*names))
        async with bench.parts() as parts:
            first = await parts.poller.look(parts.config.watches)
            assert first.read == len(names), "stocks never looked at do not count"
            for name in names:
                bench.sandbox.enter(name, Y)
            read = [(await parts.poller.look(parts.config.watches)).read for _ in range(5)]
            assert read == [5] * 5
            await parts.evaluator.evaluate()
            await parts.deliverer.drain()
        assert sorted(name for _, _, name in bench.memory.told) == sorted(names)


async def test_an_unknown_stock_is_a_warning_and_no_failure(bench):
    bench.sandbox.enter(A, X)
    bench.configure(naming(A, B))
    done = await bench.once()
    assert done.good
    assert [B in warning for warning in done.report.warnings] == [True]


async def test_the_archive_being_down_does_not_stop_the_named_stocks(workbench):
    async with workbench(PacketSky(()), START, listing=False) as bench:
        bench.sandbox.enter(A, X)
        asked = ON_X + naming(A, name="live", on="[channel_match]")
        bench.configure(asked + naming(A, name="all"))
        await bench.once()
        bench.sandbox.faults["archive"] = Fault(status=500)
        bench.sandbox.enter(A, Y)
        bench.pass_time(minutes=5)
        done = await bench.once()
        assert done.report.errors.keys() == {"x", "all"}, "one that asks for detections does not know of them"
        assert sorted(bench.memory.told) == [("all", "channel_match", A), ("live", "channel_match", A)]


async def test_without_a_listing_and_without_an_archive_the_message_says_what_to_configure(workbench):
    async with workbench(PacketSky(()), START, listing=False) as bench:
        bench.services = ("live",)
        bench.configure(ON_X)
        done = await bench.once()
        assert "services.archive" in done.report.errors["x"]


async def test_deliveries_of_a_removed_watch_go_out_and_those_of_a_removed_receiver_die(listed):
    listed.configure(ON_X)
    await listed.once()
    listed.sandbox.enter(A, X)
    listed.memory.failures = [DeliveryError("not now", retry_after_s=60)]
    listed.pass_time(minutes=5)
    assert not (await listed.once()).good
    listed.pass_time(minutes=2)
    listed.configure(ON_X.replace("name: x", "name: renamed"))
    await listed.once()
    assert listed.memory.told == [("x", "channel_match", A)]
    assert listed.memory.attempts[-1].number == 2
    assert listed.memory.attempts[-1].late_s == 120

    listed.sandbox.enter(B, X)
    listed.memory.failures = [DeliveryError("not now", retry_after_s=60)]
    listed.pass_time(minutes=5)
    await listed.once()
    text = (listed.folder / "config.yaml").read_text()
    (listed.folder / "config.yaml").write_text(text.replace("memory: {", "other: {").replace("[memory]", "[other]"))
    listed.pass_time(minutes=5)
    await listed.once()
    states = {row["receiver"]: row["state"] for row in await rows(listed, schema.deliveries) if row["state"] == "dead"}
    assert states == {"memory": "dead"}


async def test_a_retry_sends_the_same_bytes(listed):
    listed.configure(ON_X)
    await listed.once()
    listed.sandbox.enter(A, X)
    listed.pass_time(minutes=5)
    bodies = []
    send = listed.memory.send

    async def note(event, attempt):
        bodies.append(event.body())
        await send(event, attempt)

    listed.memory.send = note
    listed.memory.failures = [DeliveryError("not now", retry_after_s=60)]
    await listed.once()
    listed.pass_time(minutes=2)
    await listed.once()
    assert len(bodies) == 2
    assert len(set(bodies)) == 1
    async with listed.parts() as parts:
        stored = await parts.database.run(lambda c: list_events(c, EventFilter()))
    assert stored[0][1].encode() == bodies[0]


async def test_a_plugin_that_cannot_make_its_notifier_stops_nobody_else(listed):
    listed.configure(ON_X.replace("[memory]", "[memory, broken]"))
    text = (listed.folder / "config.yaml").read_text()
    (listed.folder / "config.yaml").write_text(text + "  broken: {notifier: broken}\n")

    def build(settings, context):
        raise RuntimeError("no such library")

    whole = type(listed).kinds.fget(listed)
    kinds = whole | {"broken": replace(whole["memory"], name="broken", build=build)}
    listed.load = lambda: load_config(listed.folder / "config.yaml", kinds=kinds, environ={})
    await listed.once()
    listed.sandbox.enter(A, X)
    listed.pass_time(minutes=5)
    done = await listed.once()
    assert done.deliveries == {"delivered": 1, "waiting": 1}
    assert listed.memory.told == [("x", "channel_match", A)]
    errors = {row["receiver"]: row["error"] for row in await rows(listed, schema.deliveries)}
    assert "no such library" in errors["broken"]
