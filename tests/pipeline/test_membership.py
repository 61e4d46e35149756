"""Who is in which channel, in the awkward cases: partial documents, tokens that see otherwise, ways that change."""

import contextlib
from datetime import timedelta

import pytest

from ampel_watch.julian import jd_of
from ampel_watch.model import Alert
from ampel_watch.pipeline.alerts import store_alerts
from ampel_watch.sandbox import Fault, PacketSky
from ampel_watch.storage import Database, reads, schema
from tests.pipeline.rounds import START, A, B, C, X, Y, later, naming, rows


def on(*channels, name="x", **more):
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f"  - {{name: {name}, channels: [{', '.join(channels)}], every: 5m, notify: [memory]{extra}}}\n"


@pytest.fixture
async def bench(workbench):
    async with workbench(PacketSky(()), START) as bench:
        yield bench


async def test_leaving_is_told_though_a_listing_showed_the_new_document_first(bench):
    for channel in (X, Y):
        bench.sandbox.enter(A, channel)
    bench.configure(on(X, Y, name="both") + naming(A))
    await bench.once()
    bench.sandbox.leave(A, X)
    for _ in range(3):
        await later(bench)
    assert sorted(bench.memory.told) == [("both", "channel_left", A), ("mine", "channel_left", A)]


async def test_channels_that_a_new_token_does_not_see_are_not_left(bench):
    for channel in (X, Y):
        bench.sandbox.enter(A, channel)
    bench.configure(on(X, name="x") + naming(A))
    await bench.once()
    bench.live_token = bench.sandbox.issue_live_token(teams=("another",), life=timedelta(days=3650))
    bench.configure(on(X, name="x") + naming(A))
    bench.sandbox.leave(A, Y)
    await later(bench)
    bench.sandbox.touch(A)
    await later(bench)
    await later(bench)
    assert bench.memory.told == []


async def test_a_stock_that_enters_after_the_new_tokens_listing_is_told(bench):
    bench.sandbox.enter(A, Y)
    bench.sandbox.enter(B, X)
    bench.configure(on(X) + naming(A))
    await bench.once()
    bench.sandbox.faults["live"] = Fault(status=500, route="/stock/{id}")
    bench.live_token = bench.sandbox.issue_live_token(teams=("another",), life=timedelta(days=3650))
    bench.configure(on(X) + naming(A))
    bench.pass_time(minutes=5)
    await bench.once()
    bench.sandbox.faults.clear()
    bench.sandbox.enter(A, X)
    await later(bench)
    assert ("x", "channel_match", A) in bench.memory.told


async def test_a_token_that_is_replaced_during_a_look_ends_the_look(bench):
    for channel in (X, Y):
        bench.sandbox.enter(A, channel)
    token = bench.folder / "token"
    token.write_text(bench.sandbox.issue_live_token(life=timedelta(days=3650)))
    bench.configure(naming(A))
    text = (bench.folder / "config.yaml").read_text().replace(f"token: {bench.live_token}", f"token_file: {token}")
    (bench.folder / "config.yaml").write_text(text)
    await bench.once()
    bench.sandbox.leave(A, Y)
    bench.pass_time(minutes=5)
    async with bench.parts() as parts:
        stock = parts.poller._services.live.stock

        async def replaced(name):
            token.write_text(bench.sandbox.issue_live_token(teams=("another",), life=timedelta(days=3650)))
            return await stock(name)

        parts.poller._services.live.stock = replaced
        report = await parts.poller.look(parts.config.watches)
    assert "token was replaced" in report.errors["mine"]
    await later(bench)
    assert bench.memory.told == []


async def test_what_entered_while_channels_were_found_through_the_archive_is_found_by_the_listing(workbench):
    async with workbench(PacketSky(()), START) as bench:
        bench.configure(on(X))
        await bench.once()
        bench.live_extra = ", listing: archive"
        bench.configure(on(X))
        await later(bench)
        bench.sandbox.enter(A, X)
        for _ in range(5):
            await later(bench, days=1)
        assert bench.memory.told == []
        bench.live_extra = ""
        bench.configure(on(X))
        await later(bench)
        assert bench.memory.told == [("x", "channel_match", A)]


async def test_a_404_of_a_proxy_does_not_end_the_listing_for_ever(bench):
    bench.services = ("live",)
    bench.configure(on(X))
    await bench.once()
    async with bench.parts() as parts:
        bench.sandbox.faults["live"] = Fault(
            status=404, body=b"404 page not found", headers={"Content-Type": "text/plain"}
        )
        bench.pass_time(minutes=5)
        assert "x" in (await parts.poller.look(parts.config.watches)).errors
        assert "x" in (await parts.poller.look(parts.config.watches)).errors
        bench.sandbox.faults.clear()
        bench.pass_time(minutes=5)
        assert (await parts.poller.look(parts.config.watches)).errors == {}


async def test_an_update_reaches_the_channel_that_the_stock_was_in_when_it_was_seen(bench):
    bench.sandbox.enter(A, X)
    bench.configure(on(X, on="[updated, channel_left]"))
    await bench.once()
    bench.sandbox.touch(A)
    bench.pass_time(minutes=5)
    async with bench.parts() as parts:
        await parts.poller.look(parts.config.watches)
        bench.sandbox.leave(A, X)
        bench.pass_time(minutes=5)
        await parts.poller.look(parts.config.watches)
        await parts.evaluator.evaluate()
        await parts.deliverer.drain()
    assert ("x", "updated", A) in bench.memory.told


async def test_an_entry_whose_time_is_over_is_told_nothing(bench, tmp_path):
    bench.sandbox.enter(A, X)
    (tmp_path / "list.yaml").write_text(f"- {{name: {A}, until: 2026-11-21}}\n")
    ended = "  - {name: ended, stocks_from: [list.yaml], every: 5m, notify: [memory]}\n"
    bench.configure(ended + naming(A))
    await bench.once()
    await later(bench, days=3)
    bench.sandbox.enter(A, Y)
    await later(bench)
    assert bench.memory.told == [("mine", "channel_match", A)]


@pytest.mark.parametrize("watch", [naming(A, name="w"), on(X, name="w")])
async def test_what_is_removed_and_added_again_is_looked_at_for_the_first_time_again(bench, watch):
    bench.configure(watch + naming(B))
    await bench.once()
    bench.configure(naming(B) + on(Y, name="other"))
    await later(bench)
    bench.sandbox.enter(A, X)
    await later(bench, days=30)
    bench.configure(watch + naming(B))
    await later(bench, days=30)
    await later(bench)
    assert bench.memory.told == []


async def test_a_service_that_does_not_honour_skip_is_not_taken_for_completely_listed(bench, monkeypatch):
    for name in (A, B):
        bench.sandbox.enter(name, X)
    bench.sandbox.enter(C, X)
    bench.pass_time(minutes=5)
    bench.configure(on(X))

    async def rounds():
        async with bench.parts() as parts:
            live = parts.poller._services.live
            answer = live.list_stocks

            async def first_page_only(channel, *, after, limit, skip=0):
                return (await answer(channel, after=after, limit=limit, skip=0))[:2]

            live.list_stocks = first_page_only
            await parts.poller.look(parts.config.watches)
            await parts.evaluator.evaluate()
            await parts.deliverer.drain()

    await rounds()
    bench.pass_time(minutes=5)
    bench.sandbox.touch(C)
    bench.sandbox.remove_stock(A)
    await rounds()
    assert bench.memory.told == []


async def test_a_watch_with_channels_and_stocks_is_told_its_first_look_once(bench):
    bench.sandbox.enter(A, X)
    bench.sandbox.enter(A, Y)
    bench.configure(f"  - {{name: w, channels: [{X}], stocks: [{A}], every: 5m, initial: notify, notify: [memory]}}\n")
    await bench.once()
    await later(bench)
    assert bench.memory.told == [("w", "channel_match", A)]


async def test_names_that_the_service_fails_on_do_not_stop_the_others(workbench):
    unknown = [f"ZTF26aaaaaz{letter}" for letter in "abcdefghijklmnopqrst"]
    async with workbench(PacketSky(()), START, unknown_stock="500") as bench:
        bench.sandbox.enter(A, X)
        bench.configure(naming(*unknown, name="wrong") + naming(A))
        await bench.once()
        bench.sandbox.enter(A, Y)
        bench.pass_time(minutes=5)
        done = await bench.once()
        assert done.report.errors.keys() == {"wrong"}
        assert bench.memory.told == [("mine", "channel_match", A)]


@pytest.mark.parametrize("status", [401, 500, 503])
async def test_a_look_that_fails_is_not_repeated_at_once(bench, status):
    bench.configure(naming(*(f"ZTF26aaaaa{a}{b}" for a in "abcd" for b in "abcdefgh")))
    bench.sandbox.faults["live"] = Fault(status=status)
    async with bench.parts() as parts:
        report = await parts.poller.look(parts.config.watches, at_most=10)
    assert report.errors
    assert not report.more


@pytest.mark.parametrize("jd", [-999.0, 1e300, 0.0])
@pytest.mark.parametrize("ra", [12.5, None, "12:30:00", [1], float("inf")])
def test_an_alert_with_impossible_values_costs_only_itself(tmp_path, jd, ra):
    with contextlib.closing(Database.open(f"sqlite:///{tmp_path / 'state.db'}")) as database:
        strange = Alert(1, A, jd, {"ra": ra, "dec": ra})
        sound = Alert(2, B, 2460000.5, {"ra": 1.0, "dec": 2.0})
        stored = database.run_now(lambda c: store_alerts(c, search="s", alerts=[strange, sound], now=START))
        assert stored == 2
        assert {read.name for read in database.run_now(lambda c: reads.due(c, START, None))} == {A, B}


async def test_leaving_one_channel_is_told_though_another_goes_on_listing_the_stock(bench):
    for channel in (X, Y):
        bench.sandbox.enter(A, channel)
    bench.configure(on(X, Y, name="both"))
    await bench.once()
    bench.sandbox.leave(A, X)
    for _ in range(3):
        bench.sandbox.touch(A)
        await later(bench, hours=1)
    assert bench.memory.told == [("both", "channel_left", A)]


async def test_stocks_that_always_fail_do_not_use_up_the_budget(workbench):
    known = [f"ZTF26aaaaak{letter}" for letter in "abcdefghij"]
    unknown = [f"ZTF26aaaaaa{letter}" for letter in "abcdefghij"]
    async with workbench(PacketSky(()), START, unknown_stock="500") as bench:
        for name in known:
            bench.sandbox.enter(name, X)
        bench.live_extra = ", budget: 5"
        bench.services = ("live",)
        bench.configure(naming(*unknown, *known))
        async with bench.parts() as parts:
            for _ in range(2):
                await parts.poller.look(parts.config.watches)
            for name in known:
                bench.sandbox.enter(name, Y)
            for _ in range(8):
                bench.pass_time(minutes=1)
                await parts.poller.look(parts.config.watches)
            await parts.evaluator.evaluate()
            await parts.deliverer.drain()
        assert sorted(name for _, _, name in bench.memory.told) == known


async def test_a_fault_at_the_first_look_is_tried_again_whatever_the_budget(workbench):
    async with workbench(PacketSky(()), START) as bench:
        bench.sandbox.enter(A, X)
        bench.sandbox.enter(B, X)
        bench.live_extra = ", budget: 0"
        bench.services = ("live",)
        bench.configure(naming(A, B))
        async with bench.parts() as parts:
            bench.sandbox.faults["live"] = Fault(status=500, route="/stock/{id}")
            assert (await parts.poller.look(parts.config.watches)).errors
            bench.sandbox.faults.clear()
            bench.pass_time(minutes=11)
            assert (await parts.poller.look(parts.config.watches)).read == 2


async def test_unknown_names_before_others_do_not_keep_these_from_being_read(workbench):
    unknown = [f"ZTF26aaaaaa{letter}" for letter in "abcdef"]
    async with workbench(PacketSky(()), START) as bench:
        bench.sandbox.enter("ZTF26aaaaaz" + "a", X)
        bench.services = ("live",)
        bench.configure(naming(*unknown, "ZTF26aaaaaza"))
        bench.sandbox.faults["live"] = Fault(status=500, route="/channels")
        async with bench.parts() as parts:
            reports = [await parts.poller.look(parts.config.watches, at_most=3) for _ in range(4)]
        assert [report.more for report in reports] == [True, True, False, False]
        assert {row["name"] for row in await rows(bench, schema.stocks)} == {"ZTF26aaaaaza"}


async def test_a_read_for_an_alert_that_fails_for_hours_is_not_given_up(workbench):
    async with workbench(PacketSky(()), START, listing=False) as bench:
        bench.configure(on(X))
        await bench.once()
        bench.pass_time(minutes=5)
        alert = Alert(7, A, jd_of(bench.clock.now()), {"ra": 1.0, "dec": 2.0})
        bench.sandbox.enter(A, X)
        async with bench.parts() as parts:
            await parts.database.run(lambda c: store_alerts(c, search="s", alerts=[alert], now=bench.clock.now()))
        bench.sandbox.faults["live"] = Fault(status=500, route="/stock/{id}")
        for _ in range(9):
            bench.pass_time(hours=1)
            await bench.once()
        bench.sandbox.faults.clear()
        bench.pass_time(hours=7)
        await bench.once()
        assert bench.memory.told == [("x", "channel_match", A)]


async def test_a_read_that_fails_for_days_is_given_up_with_a_notice(workbench):
    async with workbench(PacketSky(()), START, listing=False) as bench:
        bench.configure(on(X))
        await bench.once()
        bench.sandbox.enter(A, X)
        alert = Alert(7, A, jd_of(START), {})
        async with bench.parts() as parts:
            await parts.database.run(lambda c: store_alerts(c, search="s", alerts=[alert], now=START))
        bench.sandbox.faults["live"] = Fault(status=500, route="/stock/{id}")
        for _ in range(4):
            bench.pass_time(days=1)
            await bench.once()
        assert await rows(bench, schema.pending_reads) == []
        assert [row["what"] for row in await rows(bench, schema.notices)] == ["unreadable_stock"]


async def test_a_first_look_under_a_clock_that_was_ahead_silences_nothing(workbench):
    async with workbench(PacketSky(()), START + timedelta(days=30), listing=False) as bench:
        bench.configure(on(X))
        await bench.once()
        bench.clock.date = START
        await bench.once()
        bench.pass_time(minutes=5)
        bench.sandbox.enter(A, X)
        alert = Alert(7, A, jd_of(bench.clock.now()), {})
        async with bench.parts() as parts:
            await parts.database.run(lambda c: store_alerts(c, search="s", alerts=[alert], now=bench.clock.now()))
        bench.pass_time(minutes=5)
        await bench.once()
        assert bench.memory.told == [("x", "channel_match", A)]


async def test_a_member_that_cannot_be_read_is_trouble_for_the_watch_of_its_channel(bench):
    bench.sandbox.enter(A, X)
    bench.sandbox.enter(B, X)
    bench.configure(on(X))
    await bench.once()
    await later(bench, days=10)
    bench.pass_time(hours=5)
    bench.sandbox.faults["live"] = Fault(status=500, route="/stock/{id}")
    done = await bench.once()
    assert done.report.errors["x"].endswith(f", for {A} and 1 more")


async def test_rounds_of_refreshing_go_on_over_restarts(workbench):
    names = [f"ZTF26aaaaa{a}{b}" for a in "abc" for b in "abcdefgh"]
    async with workbench(PacketSky(()), START) as bench:
        for name in names:
            bench.sandbox.enter(name, X)
        bench.live_extra = ", budget: 5"
        bench.services = ("live",)
        bench.configure(naming(*names))
        await bench.once()
        for name in names:
            bench.sandbox.enter(name, Y)
        for _ in range(5):
            await later(bench)
        assert sorted(name for _, _, name in bench.memory.told) == names
