"""What the queries on many or single stocks have in common."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import TypeVar

from sqlalchemy import ColumnElement, Table, and_

from ampel_watch.model import StockKey

T = TypeVar("T")

# SQLite takes at most 999 parameters in one statement on old builds.
_BATCH = 400


def batches(values: Collection[T]) -> Iterator[list[T]]:
    """The values in their order, in lists short enough for the parameters of one statement."""
    ordered = list(values)
    for start in range(0, len(ordered), _BATCH):
        yield ordered[start : start + _BATCH]


def by_survey(keys: Collection[StockKey]) -> Iterator[tuple[str, list[int]]]:
    """The stocks as (survey, ids), in lists short enough for one statement.

    A condition on pairs of survey and id would read the whole table: SQLite looks up an index for single columns only.
    """
    ids: dict[str, list[int]] = defaultdict(list)
    for key in keys:
        ids[key.survey].append(key.id)
    for survey, of_survey in ids.items():
        for batch in batches(of_survey):
            yield survey, batch


def is_stock(table: Table, key: StockKey) -> ColumnElement[bool]:
    """The condition that a row is of this stock."""
    return and_(table.c.survey == key.survey, table.c.stock_id == key.id)
