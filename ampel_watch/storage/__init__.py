"""The state database: what was seen, what changed, what was decided, and what is on its way.

`Database` owns the connection and the one writing thread; the modules beside it hold the queries, each named as a
verb and taking a connection, so that a caller decides what belongs into one transaction.
"""

from ampel_watch.storage.database import Database, file_of
from ampel_watch.storage.lock import StateLock

__all__ = ["Database", "StateLock", "file_of"]
