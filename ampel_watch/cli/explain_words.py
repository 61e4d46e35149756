"""What `explain` found, in words."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import click

from ampel_watch.cli.output import counted
from ampel_watch.cli.page import Page, shown
from ampel_watch.diff import GONE_AFTER_READINGS
from ampel_watch.text import age, local_time

_STATES = {"delivered": "green", "waiting": "yellow", "sending": "yellow", "dead": "red"}
_OUTCOMES = {"event": ("told", "green"), "silent": ("silent", "yellow")}
_NOT_KNOWN = "not known"
# Parts of a change that repeat what its sentence or its time says.
_SAID = frozenset({"channel", "jd", "candid"})


def tell(found: Mapping[str, Any], timezone: tzinfo) -> None:
    """Print the document that `explain --json` prints, as sentences."""
    words = _Words(found, timezone, Page.of_stdout())
    words.heading()
    for number, change in words.numbered():
        words.change(number, change)
    words.watches()
    words.answer()
    words.notices()


class _Words:
    """One run over one document."""

    def __init__(self, found: Mapping[str, Any], timezone: tzinfo, page: Page) -> None:
        self._found = found
        self._timezone = timezone
        self._page = page
        self._now = datetime.fromisoformat(found["time"])

    def numbered(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The changes, each with its place among all of this stock."""
        changes = self._found["changes"]
        return ((change["counter"], change) for change in changes)

    def heading(self) -> None:
        """The stock, and how much there is to tell."""
        stock, changes = self._found["stock"], self._found["changes"]
        told = sum(watch["decisions"].get("event", 0) for watch in self._found["watches"])
        recorded = self._found["changes_recorded"]
        shown_only = f" ({len(changes)} shown)" if len(changes) != recorded else ""
        where = f"in {', '.join(stock['channels'])}" if stock["channels"] else "in no channel"
        where = f"gone since {self._when(stock['gone_at'])}" if stock["gone_at"] else where
        counts = f"{counted(recorded, 'change')}{shown_only}, {counted(told, 'event')}"
        name = self._page.paint(stock["name"], bold=True)
        click.echo(f"{name} ({stock['survey']} {stock['id']}) · {where} · {counts}")

    def change(self, number: int, change: Mapping[str, Any]) -> None:
        """One change, and all that followed."""
        page = self._page
        click.echo()
        what = change["summary"].removeprefix(f"{self._found['stock']['name']} ")
        kind = change["kind"] + (f", for {change['only_watch']} alone" if change["only_watch"] else "")
        page.fold(f"{number}. {self._when(change['time'])}  ", f"{what} ({kind})", hang=3, fg="cyan")
        if differences := " · ".join(self._differences(change)):
            page.fold("   ", differences, hang=5)
        for names, decision in _grouped(change["decisions"]):
            self._decision(names, decision)
        if change["waiting"] is not None:
            self._waiting(change["waiting"])
        elif not change["decisions"]:
            page.fold("   ", "concerned no watch that was configured then", hang=5)

    def _decision(self, names: str, decision: Mapping[str, Any]) -> None:
        page = self._page
        word, colour = _OUTCOMES.get(decision["outcome"], (decision["outcome"], None))
        page.fold(f"   {names}: {word}, ", decision["reason"], hang=5, fg=colour)
        if decision["rule"] is not None and decision["rule"] not in decision["reason"]:
            page.fold("     ", f"its rule, as configured now: {decision['rule']}", hang=7)
        if values := _values(decision):
            page.fold("     ", f"it saw {values}", hang=7)
        for delivery in decision["deliveries"]:
            head = f"     → {delivery['receiver']}: {delivery['state']}"
            page.fold(head, self._delivery(delivery), hang=7, fg=_STATES.get(delivery["state"]))
        if decision["outcome"] == "event" and not decision["deliveries"]:
            page.fold("     ", "has no delivery", hang=7)

    def _delivery(self, delivery: Mapping[str, Any]) -> str:
        """What follows the state of a delivery in the sentence."""
        attempts, error = delivery["attempts"], f": {delivery['error']}" if delivery["error"] else ""
        if delivery["state"] == "delivered":
            return f" {self._when(delivery['finished_at'])}" + (f" at try {attempts}" if attempts > 1 else "")
        if delivery["state"] == "waiting" and not attempts:
            return " to be sent"
        at = f" {self._when(delivery['finished_at'])}" if delivery["finished_at"] else ""
        again = f", the next {self._ahead(delivery['next_try_at'])}" if delivery["next_try_at"] else ""
        return f"{at} after {counted(attempts, 'try', 'tries')}{again}{error}"

    def _waiting(self, waiting: Mapping[str, Any]) -> None:
        page = self._page
        if waiting["retry_at"] is None:
            text = "not evaluated yet: a running daemon does that at once, else the next `run` or `once`"
            page.fold("   ", text, hang=5)
            return
        what = " and ".join(waiting["for"]) or "what can be found out of it"
        tries = f"{counted(waiting['tries'], 'try', 'tries')} so far" if waiting["tries"] else "not tried yet"
        page.fold("   ", f"waits for {what}: {tries}, the next {self._ahead(waiting['retry_at'])}", hang=5)
        for watch in waiting["watches"]:
            page.fold("   ", f"{watch['name']}: decides without it {self._ahead(watch['goes_on_at'])}", hang=5)

    def watches(self) -> None:
        """Which watches look at it, through what, and what they made of it so far."""
        looking = [watch for watch in self._found["watches"] if watch["through"]]
        self._page.title("Watches that look at it")
        for watch in looking:
            self._page.fold(f"{watch['name']}: ", self._looks(watch), hang=3, fg="cyan")
        if not looking:
            click.echo("none of the configuration")
        for watch in self._found["watches"]:
            if watch["ended_at"]:
                self._page.fold(f"{watch['name']}: ", f"named it until {self._when(watch['ended_at'])}", hang=3)
            elif not watch["through"] and (where := _elsewhere(watch)):
                self._page.fold(f"{watch['name']}: ", f"does not look at it: {where}", hang=3, dim_head=True)

    def _looks(self, watch: Mapping[str, Any]) -> str:
        since = f"since {self._when(watch['since'])}" if watch["since"] else "not looked at yet"
        made = watch["decisions"]
        told, silent = made.get("event", 0), made.get("silent", 0)
        outcome = f"told {told}, silent {silent}" if made else "no change concerned it"
        parts = [f"through {' and '.join(watch['through'])}", since, outcome, self._last_look(watch)]
        if watch["note"]:
            parts.append(f"“{watch['note']}”")
        return " · ".join(parts)

    def _last_look(self, watch: Mapping[str, Any]) -> str:
        good = watch["succeeded_at"]
        return f"last good look {self._ago(good)}" if good else "no good look yet"

    def answer(self) -> None:
        """What stands in the way of a message, or that nothing does and nothing happened."""
        self._page.title("Can silence be trusted?" if self._found["changes"] else "Why nothing came")
        said = list(self._obstacles())
        if not said and not self._found["changes"]:
            said = list(self._nothing_happened())
        for text in said or ["yes: all looks are good, so no message means that nothing happened"]:
            self._page.fold("", text, hang=2)

    def _obstacles(self) -> Iterator[str]:
        stock = self._found["stock"]
        if stock["gone_at"]:
            yield (
                f"the live service said {GONE_AFTER_READINGS} times that it does not have the stock; "
                f"it counts as gone since {self._when(stock['gone_at'])}"
            )
        for service in self._found["services"]:
            if service["failing_since"]:
                since = self._when(service["failing_since"])
                found = "what changed meanwhile is found when it answers again"
                yield f"the {service['name']} service is failing since {since} ({service['error']}); {found}"
        if self._found["read_planned_at"]:
            when = self._ahead(self._found["read_planned_at"])
            yield f"an archive alert of it was met; the live service is asked (again) {when}"
        yield from self._undelivered()
        yield from self._watch_obstacles()

    def _undelivered(self) -> Iterator[str]:
        changes = self._found["changes"]
        if waiting := sum(change["waiting"] is not None for change in changes):
            yield f"{counted(waiting, 'change')} above {'waits' if waiting == 1 else 'wait'} to be decided"
        sent = [one for change in changes for decision in change["decisions"] for one in decision["deliveries"]]
        for receiver, state in sorted({(one["receiver"], one["state"]) for one in sent}):
            number = sum((one["receiver"], one["state"]) == (receiver, state) for one in sent)
            if state == "dead":
                yield f"{receiver} did not get {counted(number, 'event')} above: dead, for the reason there"
            elif state != "delivered":
                yield f"on the way to {receiver} still: {counted(number, 'event')} above"

    def _watch_obstacles(self) -> Iterator[str]:
        looking = [watch for watch in self._found["watches"] if watch["through"]]
        if not looking:
            yield "no watch of the configuration looks at it now"
        for watch in looking:
            if watch["error"]:
                yield f"the last look of {watch['name']} failed: {watch['error']}"
            if watch["succeeded_at"] is None:
                yield f"{watch['name']} has had no good look yet"
            elif watch["late"]:
                every = age(watch["every_s"])
                late = f"{watch['name']} had its last good look {self._ago(watch['succeeded_at'])}"
                yield f"{late} and should look every {every}: is the daemon running?"

    def _nothing_happened(self) -> Iterator[str]:
        for watch in self._found["watches"]:
            if watch["through"]:
                since = self._when(watch["since"]) if watch["since"] else "its first look"
                yield (
                    f"{watch['name']} knows it since {since} (that first look is silent), looked last "
                    f"{self._ago(watch['succeeded_at'])}, and nothing has changed in between"
                )

    def notices(self) -> None:
        """What must not happen without a trace, as far as it concerns this stock."""
        if self._found["notices"]:
            self._page.title("Notices")
        for notice in self._found["notices"]:
            self._page.fold("", f"{self._when(notice['time'])}  {notice['text']}", hang=2)

    def _differences(self, change: Mapping[str, Any]) -> Iterator[str]:
        """Before and after, for each part that differs and that the summary does not say already."""
        before, after = change["before"], change["after"]
        for part in dict.fromkeys((*before, *after)):
            if part in _SAID or part.removesuffix("_err") != part:
                continue
            was, now = (self._part(document, part) for document in (before, after))
            if part not in before:
                yield f"{part}: {now}"
            elif was != now:
                yield f"{part}: {was} → {now}"

    def _part(self, document: Mapping[str, Any], part: str) -> str:
        """A value of a change with its error."""
        error = document.get(f"{part}_err")
        return self._shown(document.get(part)) + (f" ± {shown(error)}" if error is not None else "")

    def _shown(self, value: object) -> str:
        """A value of a change; times as people read them."""
        with contextlib.suppress(ValueError):
            if isinstance(value, str) and (when := datetime.fromisoformat(value)).tzinfo is not None:
                return local_time(when, self._timezone)
        return shown(value)

    def _when(self, iso: str) -> str:
        return local_time(datetime.fromisoformat(iso), self._timezone)

    def _ago(self, iso: str) -> str:
        return f"{age((self._now - datetime.fromisoformat(iso)).total_seconds())} ago"

    def _ahead(self, iso: str) -> str:
        left_s = (datetime.fromisoformat(iso) - self._now).total_seconds()
        return f"in {age(left_s)}" if left_s > 0 else "now"


def _elsewhere(watch: Mapping[str, Any]) -> str:
    """Where a watch looks that does not look at this stock; nothing if it names its stocks only."""
    names, cones = watch["channels"], watch["cones"]
    parts = [f"it is not in {', '.join(names[:5])}{' …' if len(names) > 5 else ''}"] if names else []
    parts += [f"not followed through its {counted(cones, 'position')}"] if cones else []
    return ", and ".join(parts)


def _grouped(decisions: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The decisions with the names of their watches; those that were silent for the same plain reason are one."""
    alike: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for decision in decisions:
        plain = decision["outcome"] == "silent" and not decision["values"]
        key = (decision["reason"],) if plain else (decision["watch"], decision["reason"])
        alike.setdefault(key, []).append(decision)
    for same in alike.values():
        yield ", ".join(decision["watch"] for decision in same), same[0]


def _values(decision: Mapping[str, Any]) -> str:
    """The values that a rule saw: `mag = 18.42, z = null, star not known`."""
    seen = [f"{name} = {shown(value)}" for name, value in (decision["values"] or {}).items()]
    return ", ".join([*seen, *(f"{name} {_NOT_KNOWN}" for name in decision["not_known"])])
