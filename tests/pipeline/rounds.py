"""What the tests that go round by round share: when they begin, whom they watch, and what a round leaves behind."""

from datetime import UTC, datetime

from sqlalchemy import select

START = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
X, Y = "SANDBOX_INFANT_SN", "SANDBOX_AGN"
A, B, C = "ZTF26aaaaaaa", "ZTF26aaaaaab", "ZTF26aaaaaac"


def naming(*names, name="mine", **more):
    """The entry of a watch that names stocks."""
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f"  - {{name: {name}, stocks: [{', '.join(names)}], every: 5m, notify: [memory]{extra}}}\n"


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
