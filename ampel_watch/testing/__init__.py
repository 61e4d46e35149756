"""For plugin authors: sample events, a context to build a notifier with, and tests that every notifier must pass.

::

    from ampel_watch.testing import Answer, Bench, NotifierConformance

    class TestMyNotifier(NotifierConformance):
        def bench(self):
            return my_bench()       # an asynchronous context manager that gives a Bench

The tests need pytest and nothing else; each runs its own event loop. See docs/how-to/write-a-notifier.md.
"""

from ampel_watch.clock import ManualClock
from ampel_watch.testing.conformance import RETRY_AFTER_S, Answer, Bench, NotifierConformance, notifier_context
from ampel_watch.testing.samples import SAMPLE_TIME, hostile_events, sample_event, sample_events

__all__ = [
    "RETRY_AFTER_S",
    "SAMPLE_TIME",
    "Answer",
    "Bench",
    "ManualClock",
    "NotifierConformance",
    "hostile_events",
    "notifier_context",
    "sample_event",
    "sample_events",
]
