"""`explain`: why a stock did, or did not, notify."""

import json
from datetime import timedelta

import pytest

from ampel_watch.clock import SystemClock
from ampel_watch.model import iso
from ampel_watch.skycircles import Circle
from ampel_watch.storage import changes, cones, health, looks, stocks
from ampel_watch.storage.cones import ConeMember
from tests.cli import told
from tests.cli.told import DAY, KEY, NAME, NOW, RULE


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch):
    """The command runs at the moment for which the state was made, however long the tests have taken until now."""
    monkeypatch.setattr(SystemClock, "now", lambda _clock: told.NOW)


@pytest.fixture
def explain(desk, run):
    def explain(*arguments) -> dict:
        found = run("explain", NAME, "--json", *arguments)
        assert (found.code, found.err) == (0, "")
        return json.loads(found.out)

    return explain


@pytest.fixture
def with_history(desk):
    told.configure(desk)
    for work in (told.live_record, told.entered, told.brightened):
        told.fill(desk, work)


def test_each_change_is_told_with_its_decisions_and_deliveries(explain, with_history):
    found = explain()
    first, second = found["changes"]
    assert (first["kind"], first["counter"], first["waiting"]) == ("channel_match", 1, None)
    bright, infants = first["decisions"]
    assert (bright["watch"], bright["outcome"], bright["reason"], bright["values"], bright["deliveries"]) == (
        "bright",
        "silent",
        "the watch does not ask for channel_match",
        None,
        [],
    )
    assert (infants["watch"], infants["outcome"]) == ("infant-sne", "event")
    assert (infants["rule"], infants["values"]) == (RULE, {"mag": 18.4213, "z": 0.031, "star": None})
    mail, slack = infants["deliveries"]
    assert (mail["receiver"], mail["state"], mail["attempts"], mail["error"]) == (
        "pi-mail",
        "dead",
        1,
        "550 no such person",
    )
    assert (slack["state"], slack["finished_at"], slack["error"]) == ("delivered", iso(NOW - 2 * DAY), None)
    assert second["kind"] == "brightening"
    assert (second["before"]["mag"], second["after"]["mag"]) == (19.0, 18.2)


def test_a_change_that_waits_says_for_what_and_until_when(explain, with_history):
    waiting = explain()["changes"][1]["waiting"]
    seen_at = NOW - timedelta(minutes=10)
    assert (waiting["tries"], waiting["retry_at"]) == (3, iso(NOW + timedelta(minutes=2)))
    assert waiting["for"] == ["its light curve", "its catalog matches"]
    goes_on_at = iso(seen_at + timedelta(minutes=30))
    assert waiting["watches"] == [{"name": "infant-sne", "goes_on_at": goes_on_at}]


def test_what_was_found_out_is_not_waited_for(desk, explain, with_history):
    told.fill(desk, told.matched)
    light_curve, other_catalogs = explain()["changes"][1]["waiting"]["for"]
    assert light_curve == "its light curve"
    assert "more catalogs" in other_catalogs
    assert "milliquas" not in other_catalogs


def test_the_newest_changes_or_one_watch_can_be_asked_for(explain, with_history):
    assert [change["counter"] for change in explain("--limit", 1)["changes"]] == [2]
    mine = explain("--watch", "mine")
    assert [change["counter"] for change in mine["changes"]] == [2]
    assert [watch["name"] for watch in mine["watches"]] == ["mine"]
    infants = explain("--watch", "infant-sne")["changes"]
    assert [[d["watch"] for d in change["decisions"]] for change in infants] == [["infant-sne"], []]
    assert explain("--watch", "others")["changes"] == []


def test_a_watch_that_was_removed_can_still_be_asked_for(desk, explain, with_history):
    told.configure(desk, f"  - {{name: mine, stocks: [{NAME}], notify: [pi-mail]}}\n")
    (change,) = [c for c in explain("--watch", "infant-sne")["changes"] if c["decisions"]]
    (decision,) = change["decisions"]
    assert (decision["outcome"], decision["rule"], decision["not_known"]) == ("event", None, [])


def test_a_watch_that_never_was_is_wrong_usage(run, with_history):
    found = run("explain", NAME, "--watch", "infant-sna")
    assert (found.code, found.out) == (2, "")
    assert "there is no watch 'infant-sna'" in found.err
    assert "`infant-sne`" in found.err


def test_names_without_a_value_are_told_as_not_known(desk, explain, run, with_history):
    def undecided(connection):
        changes.append(connection, told.change(3, "updated", {}, {}, DAY), frozenset({"INFANTS"}))
        seq = changes.newest_seq(connection)
        told.decide(
            connection, seq, "infant-sne", "event", "the rule could not be decided, unknown: z", values={"mag": 18.0}
        )

    told.fill(desk, undecided)
    (decision,) = explain("--limit", 1)["changes"][0]["decisions"]
    assert (decision["rule"], decision["not_known"]) == (RULE, ["star", "z"])
    shown = run("explain", NAME).out
    assert f"its rule, as configured now: {RULE}" in shown
    assert "it saw mag = 18, star not known, z not known" in shown


def test_values_of_a_rule_that_was_changed_since_are_shown_without_the_new_rule(desk, explain, with_history):
    (decision,) = explain("--watch", "mine")["changes"][0]["decisions"]
    assert (decision["rule"], decision["values"], decision["not_known"]) == (None, {"mag": 18.2}, [])


def test_the_watches_say_through_what_they_look_and_since_when(explain, with_history):
    watches = {watch["name"]: watch for watch in explain()["watches"]}
    assert watches["mine"]["through"] == ["its name"]
    assert watches["bright"]["through"] == ["INFANTS"]
    assert watches["others"]["through"] == []
    assert watches["infant-sne"]["since"] == iso(NOW - 9 * DAY)
    assert watches["infant-sne"]["decisions"] == {"event": 1}
    assert watches["infant-sne"]["when"] == RULE


def test_for_a_person_it_is_sentences(run, with_history):
    lines = run("explain", str(KEY.id)).out.splitlines()
    assert lines[0] == f"{NAME} (ztf {KEY.id}) · in INFANTS · 2 changes, 1 event"
    assert "     → pi-mail: dead" in "\n".join(lines)
    text = "\n".join(lines)
    assert "   infant-sne: told, its rule is met: mag < 19.5" in text
    assert "     it saw mag = 18.4213, z = 0.031, star = null" in text
    assert "550 no such person" in text
    assert "   waits for its light curve and its catalog matches: 3 tries so far, the next in " in text
    assert "   mag: 19 ± 0.1 → 18.2 ± 0.05" in lines
    assert "1 change above waits to be decided" in lines
    assert "pi-mail did not get 1 event above: dead, for the reason there" in lines
    assert "others: does not look at it: it is not in OTHERS" in text
    assert "\x1b" not in text


def test_without_a_change_it_says_that_nothing_happened(desk, run):
    told.configure(desk)
    told.fill(desk, told.live_record)
    out = run("explain", NAME, "--watch", "mine").out
    assert "Why nothing came" not in out  # a title is a terminal's matter
    assert "mine: through its name · since " in out
    assert "no change concerned it" in out
    assert "(that first look is silent), looked last 4 min ago, and nothing has changed in between" in out


def test_without_a_change_a_failing_service_is_the_reason(desk, run):
    told.configure(desk)

    def trouble(connection):
        told.live_record(connection)
        health.note_service_failure(connection, "live", NOW - DAY, "live: no answer")

    told.fill(desk, trouble)
    out = run("explain", NAME).out
    assert "the live service is failing since " in out
    assert "live: no answer" in out
    assert "nothing has changed in between" not in out


def test_a_stock_that_is_gone_is_said_to_be(desk, run):
    told.configure(desk)

    def gone(connection):
        told.live_record(connection)
        stocks.note_miss(connection, KEY, misses=3, missed_at=NOW, counter=3, gone_at=NOW - DAY)

    told.fill(desk, gone)
    assert "said 3 times that it does not have the stock" in run("explain", NAME).out


def test_an_entry_that_has_ended_is_said_to_have(desk, run):
    desk.write(f"name,until\n{NAME},2020-01-01\n", "list.csv")
    told.configure(desk, "  - {name: old, stocks_from: [list.csv], notify: [pi-mail]}\n")
    told.fill(desk, told.live_record)
    out = run("explain", NAME).out
    assert "old: named it until 2020-01-0" in out
    assert "no watch of the configuration looks at it now" in out


def test_notices_about_the_stock_are_told(desk, explain, with_history):
    def note(connection):
        health.note(connection, NOW, "unreadable_stock", f"{NAME} could not be read for 3 days")
        health.note(connection, NOW, "unreadable_stock", "ZTF19aapreis could not be read for 3 days")

    told.fill(desk, note)
    assert [notice["text"] for notice in explain()["notices"]] == [f"{NAME} could not be read for 3 days"]


def test_a_change_that_concerned_no_watch_says_so(desk, run):
    told.configure(desk)

    def lonely(connection):
        told.live_record(connection)
        changes.append(connection, told.change(1, "updated", {}, {}, DAY), frozenset({"INFANTS"}))
        changes.finish(connection, [changes.newest_seq(connection)], NOW)

    told.fill(desk, lonely)
    assert "concerned no watch that was configured then" in run("explain", NAME).out


def test_a_change_that_nobody_evaluated_yet_says_so(desk, run):
    told.configure(desk)

    def fresh(connection):
        told.live_record(connection)
        changes.append(connection, told.change(1, "updated", {}, {}, DAY), frozenset({"INFANTS"}))

    told.fill(desk, fresh)
    assert "not evaluated yet" in run("explain", NAME).out


def test_watches_that_are_silent_for_one_reason_share_a_line(desk, run):
    told.configure(desk)

    def twice(connection):
        told.live_record(connection)
        changes.append(connection, told.change(1, "updated", {}, {}, DAY), frozenset({"INFANTS"}))
        for watch in ("mine", "bright"):
            told.decide(
                connection, changes.newest_seq(connection), watch, "silent", "the watch does not ask for updated"
            )

    told.fill(desk, twice)
    assert "   bright, mine: silent, the watch does not ask for updated" in run("explain", NAME).out.splitlines()


def test_a_good_state_says_that_silence_can_be_trusted(desk, run):
    told.configure(desk)

    def good(connection):
        told.live_record(connection)
        changes.append(connection, told.change(1, "updated", {}, {}, DAY), frozenset({"INFANTS"}))
        changes.finish(connection, [changes.newest_seq(connection)], NOW)

    told.fill(desk, good)
    assert "yes: all looks are good, so no message means that nothing happened" in run("explain", NAME).out


@pytest.mark.parametrize(
    ("look", "said"),
    [
        ({"looked_at": NOW - DAY, "error": None}, "is the daemon running?"),
        ({"looked_at": NOW, "error": "live: no answer"}, "the last look of mine failed: live: no answer"),
    ],
)
def test_a_watch_that_does_not_look_is_in_the_way(desk, run, look, said):
    told.configure(desk)

    def trouble(connection):
        told.live_record(connection)
        health.note_watch(connection, "mine", **look, next_due_at=NOW)

    told.fill(desk, trouble)
    out = run("explain", NAME).out
    assert said in out
    assert "nothing has changed in between" not in out


@pytest.mark.parametrize(
    ("radius_arcsec", "at_first_look", "follows"),
    [(5, True, True), (5, False, True), (600, True, False), (600, False, True)],
)
def test_a_watch_follows_what_was_found_at_its_position(desk, explain, run, radius_arcsec, at_first_look, follows):
    place = f"ra_deg: 188.7, dec_deg: -2.3, radius_arcsec: {radius_arcsec}, note: ask Maria"
    told.configure(desk, f"  - {{name: place, cones: [{{{place}}}], notify: [pi-mail]}}\n")
    cone = Circle(188.7, -2.3, radius_arcsec).key

    def found(connection):
        found_at = NOW - DAY if at_first_look else NOW
        cones.add(connection, [ConeMember(cone, KEY, NAME, found_at, at_first_look)])
        looks.note_first_looks(connection, [("place", looks.cone_target(cone))], NOW - DAY)

    told.fill(desk, found)
    (watch,) = explain()["watches"]
    assert watch["through"] == ([f"the position {cone}″"] if follows else [])
    out = run("explain", NAME).out
    assert ("“ask Maria”" in out) is follows
    assert ("does not look at it: not followed through its 1 position" in out) is not follows
