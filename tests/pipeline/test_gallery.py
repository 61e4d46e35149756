"""Pictures for messages: drawn once, kept, and never in the way of a message."""

import asyncio
import contextlib
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from ampel_watch.clock import ManualClock
from ampel_watch.julian import datetime_of_jd
from ampel_watch.lightcurve import Detection, LightCurve
from ampel_watch.model import Alert, Event, EventStock, StockKey
from ampel_watch.pictures import draw_light_curve
from ampel_watch.pipeline import gallery as module
from ampel_watch.pipeline.gallery import FAILURE_KEPT_S, Gallery
from ampel_watch.sandbox import Fault, NightSky, Sandbox, SkySettings
from ampel_watch.services.archive import ArchiveClient
from ampel_watch.services.http import Endpoint, ServiceHttp
from ampel_watch.storage import Database
from ampel_watch.storage.light_curves import StoredCurve, save

NEW_JD = 2461000.75
NOW = datetime_of_jd(NEW_JD + 0.01)
KEY = StockKey("ztf", 42)
NAME = "ZTF25aaaaaaa"
CURVE = LightCurve(tuple(Detection(NEW_JD + day, "r", 100 + day, 18.0 - day / 10, 0.05) for day in range(-5, 3)))


def event_of(**features):
    return Event(
        id="e",
        kind="detection",
        watch="w",
        time=NOW,
        summary="s",
        stock=EventStock("ztf", 42, NAME),
        before={},
        after={},
        features={"jd": NEW_JD, "candid": 100, **features},
    )


class Drawings:
    """Counts what is drawn and where; may be made to wait, or to fail."""

    def __init__(self, draw):
        self._draw = draw
        self.calls, self.threads = [], set()
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()
        self.error = None

    def __call__(self, what, **more):
        self.calls.append((what, more))
        self.threads.add(threading.current_thread().name)
        self.begun.set()
        assert self.gate.wait(10)
        if self.error is not None:
            raise self.error
        return self._draw(what, **more)


@pytest.fixture
def drawings(monkeypatch):
    drawings = Drawings(lambda what, **more: b"PNG %d" % len(what.detections))
    monkeypatch.setattr(module, "draw_light_curve", drawings)
    return drawings


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
def database(tmp_path):
    with contextlib.closing(Database.open(f"sqlite:///{tmp_path / 'state.db'}")) as database:
        stored = StoredCurve(CURVE, NAME, NOW, NOW, whole=True)
        database.run_now(lambda connection: save(connection, KEY, stored))
        yield database


@contextlib.asynccontextmanager
async def opened(*args, **more):
    gallery = Gallery(*args, **more)
    try:
        yield gallery
    finally:
        await gallery.close()


@pytest.fixture
async def gallery(database, clock):
    async with opened(database, None, clock) as gallery:
        yield gallery


async def until_begun(drawings):
    await asyncio.to_thread(drawings.begun.wait, 10)


async def test_a_light_curve_is_drawn_up_to_the_event_with_its_point_marked_and_its_distance(gallery):
    picture = await gallery.light_curve(event_of(dist_mod_mag=35.5, z=0.031))
    expected = draw_light_curve(CURVE.until(NEW_JD), name=NAME, mark_jd=NEW_JD, dist_mod_mag=35.5, z=0.031)
    assert picture == expected
    assert picture != await gallery.light_curve(event_of())


async def test_dates_are_those_of_the_configured_zone(database, clock, drawings):
    zone = UTC
    async with opened(database, None, clock, timezone=zone) as gallery:
        await gallery.light_curve(event_of())
    assert drawings.calls[0][1]["timezone"] is zone


async def test_without_features_the_curve_goes_up_to_the_time_of_the_event(gallery, drawings):
    await gallery.light_curve(replace(event_of(), features={}))
    curve, more = drawings.calls[0]
    assert curve == CURVE.until(NEW_JD + 0.01)
    assert more["mark_jd"] is None


@pytest.mark.parametrize("odd", ["x", True, None, float("nan"), 10**400, [1], {}])
async def test_features_that_are_no_numbers_are_none(gallery, drawings, odd):
    assert await gallery.light_curve(event_of(jd=odd, z=odd, dist_mod_mag=odd, candid=odd))
    more = drawings.calls[0][1]
    assert [more[name] for name in ("mark_jd", "dist_mod_mag", "z")] == [None] * 3
    assert await gallery.cutouts(event_of(candid=odd)) is None


async def test_of_an_unknown_stock_there_is_no_picture(gallery):
    event = event_of()
    assert await gallery.light_curve(replace(event, stock=replace(event.stock, id=7))) is None


async def test_many_receivers_share_one_drawing_in_a_thread_of_its_own(gallery, drawings):
    drawings.gate.clear()
    waiting = [asyncio.create_task(gallery.light_curve(event_of())) for _ in range(5)]
    await until_begun(drawings)
    drawings.gate.set()
    assert set(await asyncio.gather(*waiting)) == {b"PNG 6"}
    assert await gallery.light_curve(event_of()) == b"PNG 6"
    assert len(drawings.calls) == 1
    assert [name.split("_")[0] for name in drawings.threads] == ["pictures"]


async def test_one_receiver_that_gives_up_takes_the_picture_from_no_other(gallery, drawings):
    drawings.gate.clear()
    hasty, patient = (asyncio.create_task(gallery.light_curve(event_of())) for _ in range(2))
    await until_begun(drawings)
    hasty.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hasty
    drawings.gate.set()
    assert await patient == b"PNG 6"


async def test_what_takes_too_long_is_left_out_and_there_for_the_next_one(database, clock, drawings, caplog):
    async with opened(database, None, clock, patience_s=0.0) as gallery:
        drawings.gate.clear()
        assert await gallery.light_curve(event_of()) is None
        assert "a message goes without it, it takes too long" in caplog.text
        await until_begun(drawings)
        drawings.gate.set()
        await asyncio.gather(*gallery._under_way.values())
        assert await gallery.light_curve(event_of()) == b"PNG 6"
        assert len(drawings.calls) == 1


async def test_a_drawing_that_fails_stops_nothing_and_is_tried_again_later(gallery, drawings, clock, caplog):
    drawings.error = ZeroDivisionError("oops")
    assert await gallery.light_curve(event_of()) is None
    assert "oops" in caplog.text
    drawings.error = None
    assert await gallery.light_curve(event_of()) is None
    clock.advance(timedelta(seconds=FAILURE_KEPT_S))
    assert await gallery.light_curve(event_of()) == b"PNG 6"
    assert len(drawings.calls) == 2


async def test_a_state_that_cannot_be_read_stops_nothing(gallery, database, caplog):
    def spoil(connection):
        connection.exec_driver_sql("ALTER TABLE light_curves RENAME TO elsewhere")

    database.run_now(spoil)
    assert await gallery.light_curve(event_of()) is None
    assert f"light curve of {NAME}: a message goes without it: the state database" in caplog.text


async def test_no_more_is_kept_than_was_allowed_the_least_used_goes_first(database, clock, drawings):
    async with opened(database, None, clock, kept_bytes=2 * (256 + 5)) as gallery:
        one, two, three = (event_of(jd=NEW_JD - day) for day in (0, 1, 2))
        for event in (one, two, one, three, one, two):
            await gallery.light_curve(event)
    assert [round(NEW_JD - more["mark_jd"]) for _, more in drawings.calls] == [0, 1, 2, 1]


async def test_a_picture_larger_than_all_that_may_be_kept_is_shown_all_the_same(database, clock, drawings):
    async with opened(database, None, clock, kept_bytes=10) as gallery:
        assert await gallery.light_curve(event_of()) == b"PNG 6"
        assert await gallery.light_curve(event_of()) == b"PNG 6"
    assert len(drawings.calls) == 2


async def test_closing_ends_the_waiting_and_nothing_is_drawn_afterwards(database, clock, drawings):
    gallery = Gallery(database, None, clock)
    drawings.gate.clear()
    waiting = asyncio.create_task(gallery.light_curve(event_of()))
    await until_begun(drawings)
    closing = asyncio.create_task(gallery.close())
    assert await waiting is None
    drawings.gate.set()
    await closing
    assert await gallery.light_curve(event_of(jd=1.0)) is None
    assert await gallery.cutouts(event_of()) is None
    assert len(drawings.calls) == 1


NIGHTS = NightSky(3, date(2026, 10, 1), 4, SkySettings(fields=1, agn=3, variable_stars=3))
NIGHT = datetime(2026, 10, 4, 18, tzinfo=UTC)


async def no_sleep(seconds):
    await asyncio.sleep(0)


@pytest.fixture
async def archive():
    """The sandbox, its newest alert, and a client."""
    clock = ManualClock(NIGHT)
    async with Sandbox(NIGHTS, clock=clock) as sandbox:
        sandbox.advance(NIGHT)
        packet = NIGHTS.packets(0, 1e9)[-1]
        http = ServiceHttp(
            Endpoint("archive", sandbox.archive_url, rate_per_s=1000), patience_s=5.0, sleep=no_sleep, clock=clock
        )
        client = ArchiveClient(http)
        alert = Alert(packet.candid, packet.name, packet.jd, packet.candidate)
        yield sandbox, alert, client
        await client.aclose()


async def test_cutouts_are_those_of_the_archive_asked_for_once(archive, database, clock):
    _, alert, client = archive
    async with opened(database, client, clock) as gallery:
        event = event_of(candid=alert.candid)
        one, other = await asyncio.gather(gallery.cutouts(event), gallery.cutouts(event))
        assert one == other == await gallery.cutouts(event)
        assert one.startswith(b"\x89PNG")
    assert client.http.traffic.requests == 1


async def test_expired_cutouts_are_none(archive, database, clock):
    _, _, client = archive
    async with opened(database, client, clock) as gallery:
        assert await gallery.cutouts(event_of(candid=1)) is None


async def test_while_the_archive_is_down_there_are_none_and_it_is_not_asked_for_each_message(
    archive, database, clock, caplog
):
    sandbox, alert, client = archive
    sandbox.faults["archive"] = Fault(status=403)
    async with opened(database, client, clock) as gallery:
        event = event_of(candid=alert.candid)
        assert [await gallery.cutouts(event_of(candid=candid)) for candid in (1, 2, alert.candid)] == [None] * 3
        assert client.http.traffic.requests == 1
        assert f"cutouts of {NAME}: a message goes without it: archive: " in caplog.text
        asked = client.http.traffic.requests
        del sandbox.faults["archive"]
        assert await gallery.cutouts(event) is None
        assert client.http.traffic.requests == asked
        clock.advance(timedelta(seconds=FAILURE_KEPT_S))
        assert await gallery.cutouts(event)


async def test_a_fault_of_one_alert_costs_no_other_its_cutouts(archive, database, clock):
    sandbox, alert, client = archive
    sandbox.faults["archive"] = Fault(status=500, times=1)
    async with opened(database, client, clock) as gallery:
        assert await gallery.cutouts(event_of(candid=1)) is None
        assert await gallery.cutouts(event_of(candid=alert.candid))


async def test_an_archive_that_does_not_answer_is_left_alone_for_a_while(archive, database, clock, caplog):
    sandbox, alert, client = archive
    sandbox.faults["archive"] = Fault(until=asyncio.Event())
    async with opened(database, client, clock, patience_s=0.05) as gallery:
        assert await gallery.cutouts(event_of(candid=alert.candid)) is None
        await asyncio.gather(*gallery._under_way.values())
        assert "no cutouts within 0.05 s" in caplog.text
        asked = client.http.traffic.requests
        assert await gallery.cutouts(event_of(candid=1)) is None
        assert client.http.traffic.requests == asked
    sandbox.faults.clear()


async def test_without_an_archive_there_are_no_cutouts(gallery):
    assert await gallery.cutouts(event_of()) is None
