"""What the tests that go round by round share: when they begin, whom they watch, and what a round leaves behind."""

from datetime import UTC, datetime

from sqlalchemy import select

from ampel_watch.julian import jd_of
from tests.pipeline.packets import alert

START = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
X, Y = "SANDBOX_INFANT_SN", "SANDBOX_AGN"
A, B, C = "ZTF26aaaaaaa", "ZTF26aaaaaab", "ZTF26aaaaaac"


def naming(*names, name="mine", **more):
    """The entry of a watch that names stocks."""
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f"  - {{name: {name}, stocks: [{', '.join(names)}], every: 5m, notify: [memory]{extra}}}\n"


def on_x(name="x", **more):
    """The entry of a watch on the channel X."""
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f"  - {{name: {name}, channels: [{X}], every: 5m, notify: [memory]{extra}}}\n"


def see(bench, name, mag, band="r", *, days_ago=0.0, **more):
    """Put an alert of a stock into the archive now, taken so many days ago."""
    bench.sandbox.add_alert(alert(name, jd_of(bench.clock.now()) - days_ago, mag, band, **more))


async def look(bench, **span):
    """A round after some time, by default when the next look is due, however it ends."""
    bench.pass_time(**(span or {"minutes": 5}))
    return await bench.once()


async def later(bench, **span):
    """A round after some time, by default when the next look is due; it must be a good one."""
    bench.pass_time(**(span or {"minutes": 5}))
    done = await bench.once()
    assert done.good, done.report
    return done


async def rows(bench, table):
    """All that is in a table of the state."""
    async with bench.parts() as parts:
        return [dict(row) for row in await parts.database.run(lambda c: list(c.execute(select(table)).mappings()))]
