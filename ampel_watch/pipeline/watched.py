"""All stocks that watches look at: those that they name, the members of their channels, what their cones found."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from ampel_watch.config import Watch
from ampel_watch.model import StockKey
from ampel_watch.pipeline.cones import is_active, load_found
from ampel_watch.storage import stocks


def watched_stocks(connection: Connection, watches: Sequence[Watch], now: datetime) -> dict[StockKey, str]:
    """The stocks of these watches: key → name."""
    channels = {channel for watch in watches for channel in watch.channels}
    found = stocks.members_in(connection, channels)
    for watch in watches:
        found |= {stock.key: stock.name for stock in watch.stocks if is_active(stock, now)}
    for of_watch in load_found(connection, watches, now).values():
        found |= of_watch
    return found
