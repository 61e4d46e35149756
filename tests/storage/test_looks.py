from datetime import UTC, datetime, timedelta

from ampel_watch.model import Change, StockKey
from ampel_watch.storage import changes, looks
from ampel_watch.storage.looks import ChannelLook, FirstLook

NOW = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
KEY = StockKey("ztf", 119032484)


def see_a_change(connection, counter: int) -> None:
    changes.append(connection, Change(KEY, "ZTF21aaqhhfu", "updated", counter, {}, {}, NOW), frozenset())


def test_a_channel_that_was_never_looked_at_has_no_look(trial):
    def work(connection):
        assert looks.channels(connection) == {}

    trial(work)


def test_the_last_look_at_a_channel_stands(trial):
    def work(connection):
        looks.note_channel(connection, "A", ChannelLook(NOW, NOW, complete=False, epoch=0))
        looks.note_channel(connection, "B", ChannelLook(NOW, NOW, complete=False, epoch=0))
        looks.note_channel(connection, "A", ChannelLook(LATER, NOW, complete=True, epoch=2))
        assert looks.channels(connection) == {
            "A": ChannelLook(LATER, NOW, complete=True, epoch=2),
            "B": ChannelLook(NOW, NOW, complete=False, epoch=0),
        }

    trial(work)


def test_an_alert_search_is_remembered_by_its_id(trial):
    def work(connection):
        looks.note_alert_search(connection, "one", NOW, NOW)
        looks.note_alert_search(connection, "one", LATER, NOW)
        assert looks.alert_search(connection, "one") == (LATER, NOW)
        assert looks.alert_search(connection, "two") is None

    trial(work)


def test_a_first_look_stays_the_first(trial):
    """Changes that were seen before it are not the watch's events, those after it are."""

    def work(connection):
        see_a_change(connection, 1)
        looks.note_first_looks(connection, [("mine", "channel:A")], NOW)
        after = changes.newest_seq(connection)
        see_a_change(connection, 2)
        looks.note_first_looks(connection, [("mine", "channel:A"), ("yours", "channel:A")], LATER)
        assert looks.first_looks_at(connection, ["channel:A", "channel:B"]) == {
            ("mine", "channel:A"): FirstLook(NOW, after),
            ("yours", "channel:A"): FirstLook(LATER, after + 1),
        }

    trial(work)


def test_a_first_look_before_any_change_is_before_all_of_them(trial):
    def work(connection):
        looks.note_first_looks(connection, [("mine", "channel:A")], NOW)
        assert looks.first_looks_at(connection, ["channel:A"])["mine", "channel:A"].after_change == 0

    trial(work)


def test_noting_no_first_look_is_no_error(trial):
    trial(lambda connection: looks.note_first_looks(connection, [], NOW))


def test_first_looks_at_many_targets_are_found(trial):
    targets = [looks.stock_target("ztf", number) for number in range(1500)]

    def work(connection):
        looks.note_first_looks(connection, [("mine", target) for target in targets[::3]], NOW)
        assert looks.first_looks_at(connection, targets).keys() == {("mine", target) for target in targets[::3]}

    trial(work)


def test_a_channel_named_like_a_stock_is_another_target():
    assert looks.channel_target("stock:ztf/1") != looks.stock_target("ztf", 1)


def test_first_looks_of_what_is_no_longer_configured_are_forgotten(trial):
    def work(connection):
        looks.note_first_looks(connection, [("w", "channel:A"), ("w", "channel:B"), ("v", "channel:A")], NOW)
        assert looks.forget_first_looks(connection, {("w", "channel:A")}) == 2
        assert looks.first_looks_at(connection, ["channel:A", "channel:B"]).keys() == {("w", "channel:A")}

    trial(work)
