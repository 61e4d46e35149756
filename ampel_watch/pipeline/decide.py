"""What one watch makes of one change: silence and why, an event, or waiting for what is not known yet. Pure."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ampel_watch.config import Watch
from ampel_watch.links import links_for
from ampel_watch.model import JSON, Change, Event
from ampel_watch.pipeline.known import Known
from ampel_watch.pipeline.select import Judgement
from ampel_watch.text import summarize


@dataclass(frozen=True, slots=True)
class Needs:
    """Which watches need more than the live record.

    Attributes
    ----------
    sources: the sources of facts that are configured: `archive`, `catalog`, names of enrichers.
    enriched: the receivers whose messages hold light curve or matches.
    """

    sources: Collection[str]
    enriched: Collection[str]

    def more_than_live(self, watch: Watch) -> bool:
        """Whether the rule of the watch, or one of its receivers, needs more, and that can be had."""
        if not self.sources:
            return False
        of_rule = watch.when is not None and not watch.when.sources.isdisjoint(self.sources)
        return of_rule or any(receiver in self.enriched for receiver in watch.notify)

    def absent(self, watch: Watch) -> tuple[str, ...]:
        """The sources that the rule of the watch asks, and that are not configured."""
        if watch.when is None:
            return ()
        return tuple(sorted(watch.when.sources - {"live"} - set(self.sources)))


@dataclass(frozen=True, slots=True)
class Decision:
    """What one watch makes of one change: an event, or silence and why.

    Attributes
    ----------
    values: what the rule saw, None without a rule.
    """

    watch: Watch
    reason: str
    event: Event | None = None
    values: Mapping[str, Any] | None = None


def decide(
    watch: Watch,
    change: Change,
    judgement: Judgement,
    known: Known,
    *,
    final: bool,
    words: Mapping[str, str] | None = None,
    absent: Collection[str] = (),
) -> Decision | None:
    """What the watch makes of the change; None to wait for what is not known yet, but not if this is `final`.

    A rule that cannot be decided then lets the change through, and the event says so; likewise where waiting brings
    nothing more.

    Parameters
    ----------
    words: the user's own `label` and `note` for the stock.
    absent: what the rule asks and is not configured.
    """
    if not judgement.news:
        return Decision(watch, judgement.reason)
    seen: Mapping[str, Any] | None = None
    missing, reason = known.missing, judgement.reason
    if watch.when is not None:
        values = {**known.values, "watch": watch.name}
        verdict, seen = watch.when.decide(values), watch.when.values_seen(values)
        if verdict.passed is False:
            return Decision(watch, f"its rule is not met: {watch.when.text}", values=seen)
        reason = f"its rule is met: {watch.when.text}"
        if verdict.passed is None:
            reason = f"the rule could not be decided, unknown: {', '.join(sorted(verdict.missing))}"
            if absent:
                reason += f" (not configured: {', '.join(absent)})"
            missing = (*missing, reason)
    if known.incomplete and not final:
        return None
    return Decision(watch, reason, make_event(watch.name, change, known, missing, words or {}), seen)


def make_event(watch: str, change: Change, known: Known, missing: tuple[str, ...], words: Mapping[str, str]) -> Event:
    """The event of a change for a watch."""
    late_s = 0.0
    if change.unseen_since is not None:
        late_s = round((change.seen_at - change.unseen_since).total_seconds(), 3)
    return Event(
        id=event_id(watch, change),
        kind=change.kind,
        watch=watch,
        time=change.seen_at,
        summary=summarize(change, known.certain),
        stock=known.stock,
        before=change.before,
        after=change.after,
        features={**known.features, **words},
        catalogs=known.catalogs,
        links=links_for(known.stock, known.certain.get("tns_name")),
        missing=missing,
        late_s=late_s,
    )


def event_id(watch: str, change: Change) -> str:
    """Stable over crashes: from the watch, the content of the change, and the stock's own count of changes."""
    content: list[str | int | JSON] = [
        watch, change.key.survey, change.key.id, change.kind, change.counter, change.before, change.after
    ]  # fmt: skip
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()[:32]
