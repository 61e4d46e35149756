"""What an event says, in words: the one place where facts become sentences. Pure.

`summarize` makes the one line that stands alone, `facts` the rest. A notifier lays these out in its own markup. Every
text here may hold what a service or a catalog sent: it is cleaned of control characters, and each notifier escapes it
for its own medium.
"""

from ampel_watch.text.message import LABELS, Facts, facts, lateness, plain_text
from ampel_watch.text.summary import summarize
from ampel_watch.text.words import age, clean, local_time, sexagesimal

__all__ = [
    "LABELS",
    "Facts",
    "age",
    "clean",
    "facts",
    "lateness",
    "local_time",
    "plain_text",
    "sexagesimal",
    "summarize",
]
