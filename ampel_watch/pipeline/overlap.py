"""By how much looks overlap: late and reprocessed records come with dates that lie before the last look. Pure."""

from datetime import datetime, timedelta

OVERLAP = timedelta(hours=2)
WIDE_OVERLAP = timedelta(days=3)
WIDE_EVERY = timedelta(days=1)


def since(looked_at: datetime, looked_wide_at: datetime, now: datetime) -> tuple[datetime, datetime]:
    """From when to look again, and when the last look with the wide overlap then was.

    Dates ahead of `now` come from a clock that was wrong.
    """
    looked_at, looked_wide_at = min(looked_at, now), min(looked_wide_at, now)
    if now - looked_wide_at >= WIDE_EVERY:
        return looked_at - WIDE_OVERLAP, now
    return looked_at - OVERLAP, looked_wide_at
