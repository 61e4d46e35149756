"""What AMPEL's own T2 results say that a stock is."""

import httpx
import pytest

from ampel_watch.errors import UnexpectedAnswer
from ampel_watch.services.classes import classes_in
from tests.services.test_live import NAME, Service, ok

PATH = {"T2RunParsnip": "prediction.type", "T2Other": "label"}


def result(unit="T2RunParsnip", body=None, ts=1):
    return {
        "unit": unit,
        "code": "OK",
        "meta": [{"ts": ts}],
        "body": [{"prediction": {"type": "SNIa"}}] if body is None else body,
    }


@pytest.mark.parametrize(
    ("documents", "classes"),
    [
        ([], {}),
        ([result()], {"T2RunParsnip": "SNIa"}),
        ([result(body={"prediction": {"type": "TDE"}})], {"T2RunParsnip": "TDE"}),
        ([result(body=[{"prediction": {"type": "TDE"}}, {"prediction": {"type": "SNIa"}}])], {"T2RunParsnip": "SNIa"}),
        ([result(ts=5), result(body=[{"prediction": {"type": "TDE"}}], ts=3)], {"T2RunParsnip": "SNIa"}),
        ([result(), result(body=[])], {"T2RunParsnip": "SNIa"}),
        ([result(), result("T2Other", [{"label": 7}])], {"T2Other": "7", "T2RunParsnip": "SNIa"}),
        ([result("T2CatalogMatch"), None, "text", {"unit": 5}, {"unit": "T2Other"}], {}),
        ([result(body=[{"prediction": "SNIa"}, {"prediction": {"type": True}}, 3])], {}),
        ([{**result(), "meta": None}, {**result(), "meta": [5]}], {"T2RunParsnip": "SNIa"}),
    ],
)
def test_the_newest_result_with_a_class_counts(documents, classes):
    assert classes_in(documents, PATH) == classes


async def test_the_classes_of_a_stock_are_asked_by_its_name():
    service = Service()
    service.answers[f"/stock/ztf/{NAME}/t2"] = ok({"matches": [result()], "tier": 2})
    assert await service.client.classes(NAME, PATH) == {"T2RunParsnip": "SNIa", "T2Other": None}


async def test_a_stock_without_results_has_no_classes():
    service = Service()
    service.answers[f"/stock/ztf/{NAME}/t2"] = ok({"matches": [], "tier": 2})
    assert await service.client.classes(NAME, PATH) == {"T2RunParsnip": None, "T2Other": None}


async def test_no_answer_for_a_stock_says_nothing_of_its_classes():
    service = Service()
    assert await service.client.classes(NAME, PATH) == {}
    service.answers[f"/stock/ztf/{NAME}/t2"] = httpx.Response(200, text="null")
    assert await service.client.classes(NAME, PATH) == {}


async def test_something_else_than_results_is_unexpected():
    service = Service()
    service.answers[f"/stock/ztf/{NAME}/t2"] = ok([])
    with pytest.raises(UnexpectedAnswer, match="T2"):
        await service.client.classes(NAME, PATH)
