from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from ampel_watch.model import StockKey
from ampel_watch.storage.batches import batches, by_survey, is_stock
from ampel_watch.storage.schema import stocks


@given(st.integers(0, 2000))
def test_batches_keep_all_values_in_order_and_fit_into_one_statement(count):
    found = list(batches(range(count)))
    assert [value for batch in found for value in batch] == list(range(count))
    assert all(0 < len(batch) < 999 for batch in found)


@given(st.lists(st.builds(StockKey, st.sampled_from(["ztf", "lsst"]), st.integers(0, 2**63 - 1)), max_size=1000))
def test_stocks_by_survey_are_all_of_them_in_lists_that_fit_into_one_statement(keys):
    found = list(by_survey(keys))
    assert sorted(StockKey(survey, number) for survey, ids in found for number in ids) == sorted(keys)
    assert all(0 < len(ids) < 999 for _, ids in found)


def test_a_stock_is_told_by_survey_and_id():
    compiled = select(stocks.c.name).where(is_stock(stocks, StockKey("ztf", 0))).compile()
    assert compiled.params == {"survey_1": "ztf", "stock_id_1": 0}
