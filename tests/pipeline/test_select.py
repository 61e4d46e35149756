from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.config import Watch, WatchedPosition, WatchedStock
from ampel_watch.diff import KINDS
from ampel_watch.model import Change, StockKey
from ampel_watch.pipeline.select import Judgement, Selector, channels_of, judge
from ampel_watch.storage.changes import Recorded
from ampel_watch.storage.looks import FirstLook

NOW = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINE = StockKey("ztf", 119032484)
OTHER = StockKey("ztf", 0)
ALL_KINDS = dict.fromkeys(KINDS)


def watch(name: str = "mine", *, channels=(), stocks=(), cones=(), on=None, until=None, initial="silent") -> Watch:
    return Watch(
        name=name,
        channels=tuple(channels),
        stocks=tuple(WatchedStock(key, f"stock {key.id}", until=until) for key in stocks),
        positions=tuple(WatchedPosition(*cone, until=until) for cone in cones),
        every=HOUR,
        on=ALL_KINDS if on is None else on,
        when=None,
        notify=(),
        initial=initial,
        candidates=None,
        enrich_deadline=HOUR,
        priority="normal",
    )


def change(kind: str = "updated", *, key: StockKey = MINE, channel: str | None = None, before=None) -> Change:
    return Change(key, f"stock {key.id}", kind, 1, before or {}, {}, NOW, channel)


def recorded(
    seen: Change, channels=(), *, seq: int = 5, entered_at: datetime | None = None, only_watch: str | None = None
):
    return Recorded(seq, seen, frozenset(channels), entered_at, only_watch)


def concerned(watches, seen: Recorded) -> list[str]:
    return [found.name for found, _ in Selector(watches).concerned(seen)]


def test_a_change_reaches_the_watches_of_its_stock_and_of_its_channels():
    watches = [
        watch("by stock", stocks=[MINE]),
        watch("by channel", channels=["A"]),
        watch("of another stock", stocks=[OTHER]),
        watch("of another channel", channels=["B"]),
    ]
    assert concerned(watches, recorded(change(), {"A"})) == ["by stock", "by channel"]
    assert concerned(watches, recorded(change())) == ["by stock"]


def test_a_watch_that_sees_a_stock_in_two_ways_hears_once():
    assert concerned([watch(stocks=[MINE], channels=["A", "B"])], recorded(change(), {"A", "B"})) == ["mine"]


@pytest.mark.parametrize("kind", ["channel_match", "channel_left"])
def test_entering_and_leaving_reach_the_watches_of_that_channel_and_not_of_the_others(kind):
    watches = [watch("a", channels=["A"]), watch("b", channels=["B"]), watch("stock", stocks=[MINE])]
    assert concerned(watches, recorded(change(kind, channel="A"), {"A", "B"})) == ["a", "stock"]


@pytest.mark.parametrize("kind", ["channel_match", "channel_left"])
def test_a_watch_with_channels_hears_of_those_only_whatever_stocks_it_names(kind):
    both = watch(stocks=[MINE], channels=["A"])
    assert concerned([both], recorded(change(kind, channel="A"))) == ["mine"]
    assert concerned([both], recorded(change(kind, channel="B"))) == []


def test_a_watch_of_stocks_alone_hears_of_every_channel():
    assert concerned([watch(stocks=[MINE])], recorded(change("channel_match", channel="any of them"))) == ["mine"]


def test_what_vanished_is_told_to_the_channels_it_was_in():
    """When the change is evaluated the stock is no member any more."""
    gone = change("vanished", before={"channels": ["A"]})
    assert concerned([watch(channels=["A"])], recorded(gone, {"A"})) == ["mine"]


def test_an_entry_hears_of_nothing_seen_after_its_time():
    assert concerned([watch(stocks=[MINE], until=NOW)], recorded(change())) == []
    assert concerned([watch(stocks=[MINE], until=NOW + HOUR)], recorded(change())) == ["mine"]


def test_the_first_look_of_one_watch_is_no_other_watchs():
    watches = [watch("new", stocks=[MINE]), watch("old", stocks=[MINE])]
    assert concerned(watches, recorded(change(), only_watch="new")) == ["new"]
    assert concerned(watches, recorded(change(), only_watch="removed")) == []


@given(st.permutations(["a", "b", "c", "d"]))
def test_watches_come_in_the_order_of_the_configuration(order):
    assert concerned([watch(name, stocks=[MINE]) for name in order], recorded(change())) == order


@pytest.mark.parametrize(
    ("seen", "targets"),
    [
        (recorded(change(), {"A", "C"}), ["channel:A", "stock:ztf/119032484"]),
        (recorded(change("channel_match", channel="B"), {"A", "B"}), ["channel:B", "stock:ztf/119032484"]),
    ],
)
def test_targets_are_those_through_which_the_watch_itself_sees_the_stock(seen, targets):
    both = watch(stocks=[MINE, OTHER], channels=["A", "B"])
    assert Selector([both]).concerned(seen) == [(both, targets)]


def test_a_change_of_membership_without_a_channel_reaches_none():
    assert channels_of(recorded(change("channel_match"), {"A"})) == set()


TARGET = "stock:ztf/119032484"


def first_look(after_change: int, *, looked_at: datetime = NOW, target: str = TARGET):
    return {("mine", target): FirstLook(looked_at, after_change)}


def judged(seen: Recorded, looks, *, targets=(TARGET,), on=None) -> Judgement:
    return judge(watch(stocks=[MINE], on=on), seen, targets, looks)


@given(st.integers(0, 100), st.integers(1, 100))
def test_only_what_came_after_the_first_look_is_news(after_change, seq):
    assert judged(recorded(change(), seq=seq), first_look(after_change)).news == (seq > after_change)


def test_without_a_first_look_nothing_is_news():
    assert not judged(recorded(change()), {}).news
    another = {("another watch", TARGET): FirstLook(NOW, 0)}
    assert judged(recorded(change()), another).reason == "older than the watch's first look"


def test_one_target_that_was_looked_at_before_is_enough():
    """A stock that is named and in a watched channel: the channel was added to the watch only now."""
    looks = first_look(1) | first_look(9, target="channel:A")
    assert judged(recorded(change(), seq=5), looks, targets=(TARGET, "channel:A")).news


def test_first_looks_at_other_targets_do_not_count():
    assert not judged(recorded(change()), first_look(0, target="channel:A")).news


@pytest.mark.parametrize(
    ("entered_at", "news"),
    [(NOW - HOUR, False), (NOW, False), (NOW + timedelta(microseconds=1), True), (None, True)],
)
def test_what_was_in_a_channel_before_the_first_look_is_no_news(entered_at, news):
    """With archive listing a stock is met late; when it entered tells whether it is new to the watch."""
    met = recorded(change("channel_match", channel="A"), entered_at=entered_at)
    found = judged(met, first_look(0, target="channel:A"), targets=("channel:A",))
    assert found.news is news
    assert news or found.reason == "it was in A before the watch's first look"


@pytest.mark.parametrize(("after", "news"), [(HOUR, True), (timedelta(days=1, seconds=1), False)])
def test_a_watch_that_wants_its_first_look_hears_of_what_the_first_search_led_to(after, news):
    met = recorded(change("channel_match", channel="A"), entered_at=NOW - 40 * HOUR)
    looks = first_look(0, target="channel:A", looked_at=NOW - after)
    assert judge(watch(channels=["A"], initial="notify"), met, ["channel:A"], looks).news is news


def test_the_earliest_of_several_first_looks_decides_about_entering():
    met = recorded(change("channel_match", channel="A"), entered_at=NOW - HOUR)
    looks = first_look(0) | first_look(0, target="channel:A", looked_at=NOW - 2 * HOUR)
    assert judged(met, looks, targets=(TARGET, "channel:A")).news


@given(st.sampled_from(sorted(KINDS)), st.sets(st.sampled_from(sorted(KINDS))))
def test_only_the_kinds_that_were_asked_for_are_news(kind, on):
    found = judged(recorded(change(kind, channel="A")), first_look(0), on=dict.fromkeys(on))
    assert found.news == (kind in on)
    assert found.news or found.reason == f"the watch does not ask for {kind}"


def test_the_first_look_of_a_watch_that_asked_for_it_is_news():
    seen = replace(change("channel_match", channel="A"), after={"first_look": True})
    told = recorded(seen, seq=1, entered_at=NOW - HOUR, only_watch="mine")
    assert judged(told, first_look(9)).news
    assert not judged(replace(told, only_watch=None), first_look(9)).news


CONE = (150.0, 20.0, 10.0)
KEY_OF_CONE = "150.000000 +20.000000 10"


def appeared(cone=CONE, **more) -> Change:
    ra_deg, dec_deg, radius_arcsec = cone
    circle = {"ra_deg": ra_deg, "dec_deg": dec_deg, "radius_arcsec": radius_arcsec}
    return replace(change("cone_match"), after={"cone": circle, **more})


def test_what_concerns_one_watch_alone_is_judged_by_its_first_look_like_the_rest():
    jump = recorded(change("brightening"), {"A"}, seq=5, only_watch="mine")
    watches = [watch(stocks=[MINE]), watch("other", stocks=[MINE])]
    assert Selector(watches).concerned(jump) == [(watches[0], [TARGET])]
    assert judged(jump, first_look(4)).news
    assert not judged(jump, first_look(5)).news
    assert not judged(jump, first_look(4), on={"detection": None}).news


def test_what_concerns_one_watch_alone_does_not_if_the_watch_no_longer_sees_the_stock():
    assert concerned([watch(stocks=[OTHER])], recorded(change("brightening"), only_watch="mine")) == []


def test_an_appearance_is_judged_by_the_first_look_at_its_cone():
    mine = watch(cones=[CONE, (10.0, 20.0, 10.0)])
    seen = recorded(appeared(), seq=5, only_watch="mine")
    assert Selector([mine]).concerned(seen) == [(mine, [f"cone:{KEY_OF_CONE}"])]
    looks = {("mine", f"cone:{KEY_OF_CONE}"): FirstLook(NOW, 4)}
    assert judge(mine, seen, [f"cone:{KEY_OF_CONE}"], looks).news
    assert not judge(mine, replace(seen, seq=4), [f"cone:{KEY_OF_CONE}"], looks).news
    assert concerned([watch("mine", cones=[(11.0, 20.0, 10.0)])], seen) == []


def test_a_stock_that_was_found_in_a_cone_is_seen_like_a_named_one():
    mine = watch(cones=[CONE])
    assert Selector([mine]).concerned(recorded(change())) == []
    assert Selector([mine]).concerned(recorded(change()), {KEY_OF_CONE}) == [(mine, [TARGET])]
    assert Selector([mine]).concerned(recorded(change()), {"10.000000 +20.000000 10"}) == []
    ended = watch(cones=[CONE], until=NOW)
    assert Selector([ended]).concerned(recorded(change()), {KEY_OF_CONE}) == []


def test_who_watches_a_stock_sees_it_by_name_by_channel_or_where_it_was_found():
    watches = [watch("name", stocks=[MINE]), watch("channel", channels=["A"]), watch("cone", cones=[CONE])]
    selector = Selector([*watches, watch("none", stocks=[OTHER], channels=["B"], cones=[(1.0, 2.0, 3.0)])])
    assert selector.watching(MINE, {"A"}, NOW, {KEY_OF_CONE}) == watches
    assert selector.watching(MINE, set(), NOW) == watches[:1]
