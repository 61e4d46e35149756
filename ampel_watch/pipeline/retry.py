"""When a delivery is tried again, and when it is given up. Pure."""

import math
import random
from datetime import datetime, timedelta

from ampel_watch.errors import DeliveryError
from ampel_watch.storage.outbox import Outcome

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)
SHORTEST_WAIT_S = 1.0
LONGEST_ASKED_S = 86400.0


def backoff(attempts: int, chance: random.Random) -> timedelta:
    """The wait after the n-th try: doubling from 10 s to 1 h, each between half and all of that, by chance."""
    doublings = min(attempts - 1, 20)
    longest = min(LONGEST_WAIT, FIRST_WAIT * (1 << doublings))
    return longest * chance.uniform(0.5, 1.0)


def after_failure(
    error: DeliveryError,
    *,
    message: str,
    attempts: int,
    first_try_at: datetime,
    now: datetime,
    give_up_after: timedelta,
    chance: random.Random,
) -> Outcome:
    """What becomes of a delivery whose try failed: another try, or a dead letter.

    A wait that the receiver asked for, between 1 s and a day, replaces our own. Giving up counts from the first try,
    so that what waited out a stop of the daemon still gets its tries.
    """
    if error.permanent:
        return Outcome("dead", now, error=message, status=error.status)
    wait = backoff(attempts, chance)
    if error.retry_after_s is not None and not math.isnan(error.retry_after_s):
        wait = timedelta(seconds=min(max(error.retry_after_s, SHORTEST_WAIT_S), LONGEST_ASKED_S))
    if now + wait - first_try_at > give_up_after:
        span = f"{give_up_after.total_seconds() / 3600:g} h"
        why = f"gave up after {attempts} tries within {span}; the last error: {message}"
        return Outcome("dead", now, error=why, status=error.status)
    return Outcome("waiting", now, next_try_at=now + wait, error=message, status=error.status)
