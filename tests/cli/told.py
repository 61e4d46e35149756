"""A state with the history of one stock, written row by row; and a configuration whose services nobody can reach."""

import contextlib
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, update

from ampel_watch.julian import jd_of
from ampel_watch.lightcurve import Detection, LightCurve, UpperLimit
from ampel_watch.model import Change, Event, EventStock, Match, Snapshot, StockKey
from ampel_watch.storage import Database, changes, health, light_curves, looks, matches, outbox, stocks
from ampel_watch.storage.light_curves import StoredCurve
from ampel_watch.storage.matches import StoredMatches
from ampel_watch.storage.outbox import Outcome, delivery_id
from ampel_watch.storage.schema import changes as changes_table
from ampel_watch.storage.schema import decisions
from ampel_watch.ztf import id_of
from tests.cli.command import Desk, closed_port

NAME = "ZTF21aaqhhfu"
KEY = StockKey("ztf", id_of(NAME))
NOW = datetime.now(UTC).replace(microsecond=0)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
RULE = "mag < 19.5 and z < 0.1 and not star"
WATCHES = f"""\
  - {{name: infant-sne, channels: [INFANTS], every: 5m, when: {RULE}, notify: [sn-slack, pi-mail]}}
  - {{name: bright, channels: [INFANTS], on: [channel_left], notify: [pi-mail]}}
  - {{name: others, channels: [OTHERS], notify: [pi-mail]}}
  - {{name: mine, stocks: [{NAME}], notify: [pi-mail]}}
"""


def configure(desk: Desk, watches: str = WATCHES, more: str = "") -> None:
    """Write a configuration whose services cannot be reached: what only looks must not try."""
    url = f"http://127.0.0.1:{closed_port()}"
    services = "".join(f"  {name}: {{url: {url}/{name}}}\n" for name in ("live", "archive", "catalog"))
    receivers = "receivers:\n  sn-slack: {notifier: console}\n  pi-mail: {notifier: console}\n"
    desk.write(f"services:\n{services}watches:\n{watches or '  []'}\n{receivers}{more}")


def fill(desk: Desk, work: Any) -> None:
    """Do `work` on the state of the desk."""
    with contextlib.closing(Database.open(f"sqlite:///{desk.state}")) as database:
        database.run_now(work)


def live_record(connection: Connection) -> None:
    """The stock is in one channel since two days; each watch has looked at what it looks at."""
    snapshot = Snapshot(
        key=KEY,
        name=NAME,
        read_at=NOW - HOUR,
        channels=frozenset({"INFANTS"}),
        created={"INFANTS": NOW - 2 * DAY},
        updated={"INFANTS": NOW - 2 * HOUR},
        ra_deg=188.73957,
        dec_deg=-2.31019,
        body=f'{{"name":"{NAME}","journal":[{{"tier":3}}]}}',
    )
    stocks.save(connection, snapshot, counter=2, epoch=0)
    stocks.enter(connection, KEY, ["INFANTS"])
    of_channel = [(watch, looks.channel_target("INFANTS")) for watch in ("infant-sne", "bright")]
    looks.note_first_looks(connection, [*of_channel, ("mine", looks.stock_target("ztf", KEY.id))], NOW - 9 * DAY)
    for watch in ("infant-sne", "bright", "others", "mine"):
        health.note_watch(connection, watch, looked_at=NOW - 4 * MINUTE, error=None, next_due_at=NOW + MINUTE)


def change(counter: int, kind: str, before: dict[str, Any], after: dict[str, Any], ago: timedelta) -> Change:
    """A change of the stock."""
    return Change(KEY, NAME, kind, counter, before, after, NOW - ago, channel=after.get("channel"))


def decide(connection: Connection, seq: int, watch: str, outcome: str, reason: str, **more: Any) -> None:
    """Record a decision with the values that its rule saw."""
    row = {"change_seq": seq, "watch": watch, "outcome": outcome, "reason": reason, "decided_at": NOW - DAY}
    connection.execute(insert(decisions).values(**row, **{"event_id": None, "values": None, **more}))


def entered(connection: Connection) -> None:
    """The stock entered its channel: one watch told two receivers, of which one refused; two watches were silent."""
    after = {"channels": ["INFANTS"], "channel": "INFANTS", "entered": "2026-11-20T21:00:00Z"}
    changes.append(connection, change(1, "channel_match", {"channels": []}, after, 2 * DAY), frozenset({"INFANTS"}))
    seq = changes.newest_seq(connection)
    stock = EventStock("ztf", KEY.id, NAME)
    event = Event("e1", "channel_match", "infant-sne", NOW - 2 * DAY, f"{NAME} entered INFANTS", stock, {}, after)
    outbox.add_event(connection, event, ["sn-slack", "pi-mail"], NOW - 2 * DAY)
    for receiver in ("sn-slack", "pi-mail"):
        outbox.claim(connection, receiver, now=NOW - 2 * DAY, lease_until=NOW - DAY, limit=1)
    outbox.settle(connection, delivery_id("e1", "sn-slack"), Outcome("delivered", NOW - 2 * DAY))
    refused = Outcome("dead", NOW - 2 * DAY, error="550 no such person", status="550")
    outbox.settle(connection, delivery_id("e1", "pi-mail"), refused)
    seen = {"mag": 18.4213, "z": 0.031, "star": None}
    decide(connection, seq, "infant-sne", "event", f"its rule is met: {RULE}", event_id="e1", values=seen)
    decide(connection, seq, "bright", "silent", "the watch does not ask for channel_match")
    changes.finish(connection, [seq], NOW - DAY)


def brightened(connection: Connection) -> None:
    """The stock brightened; the watch with a rule waits for the archive, the other has decided."""
    before, after = {"band": "r", "mag": 19.0, "mag_err": 0.1}, {"band": "r", "mag": 18.2, "mag_err": 0.05}
    changes.append(connection, change(2, "brightening", before, after, 10 * MINUTE), frozenset({"INFANTS"}))
    seq = changes.newest_seq(connection)
    decide(connection, seq, "mine", "silent", "its rule is not met: mag < 15", values={"mag": 18.2})
    waits = {"tries": 3, "retry_at": NOW + 2 * MINUTE}
    connection.execute(update(changes_table).where(changes_table.c.seq == seq).values(**waits))


def light_curve() -> LightCurve:
    """A rise in two bands, with limits before it and one negative subtraction."""
    zero = jd_of(NOW) - 20

    def point(day: float, band: str, mag: float) -> Detection:
        return Detection(
            zero + day, band, int(day * 1000) * 10 + ord(band), round(mag, 3), 0.06, 188.73957, -2.31019, drb=0.98
        )

    rise = [
        point(day, band, 20.2 - 2.4 * (1 - math.exp(-day / 6)) + 0.2 * (band == "g"))
        for day in range(0, 20, 2)
        for band in "gr"
    ]
    limits = tuple(UpperLimit(zero - day, "gr"[day % 2], 20.4 + 0.1 * (day % 4)) for day in range(12, 0, -2))
    return LightCurve(tuple(sorted(rise, key=lambda d: (d.jd, d.candid))), (point(-15, "r", 20.1),), limits)


def measured(connection: Connection) -> None:
    """The archive was asked for the light curve, whole."""
    light_curves.save(connection, KEY, StoredCurve(light_curve(), NAME, NOW - 9 * DAY, NOW - HOUR, True))


def matched(connection: Connection) -> None:
    """The catalogs were asked: a galaxy with a redshift, a catalog that means nothing to us, one without a row."""
    found = {
        "NEDz": Match("NEDz", 3.21, {"ObjID": 4711, "z": 0.031, "ra": 188.74, "dec": -2.31}),
        "somebodys": Match("somebodys", 1.5, {"ra": 1.0, "flux": 12.5, "note": "x\x1b[31mred", "list": [1, 2]}),
        "milliquas": None,
    }
    stored = StoredMatches(NAME, 188.73957, -2.31019, NOW - HOUR, NOW + DAY, found, {"T2SNcosmo": "SN Ia"})
    matches.save(connection, KEY, stored)
