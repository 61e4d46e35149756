from ampel_watch.model import StockKey
from ampel_watch.storage import references

A, B = StockKey("ztf", 1), StockKey("lsst", 1)


def test_a_reference_comes_back_as_it_was_saved_last(trial):
    def work(connection):
        assert references.load(connection, [A]) == {}
        references.save(connection, A, "mine", "brightening", "r", {"mag": 19.0})
        references.save(connection, A, "mine", "brightening", "g", {"mag": 19.5})
        references.save(connection, B, "mine", "brightening", "r", {"mag": 20.0})
        references.save(connection, A, "mine", "brightening", "r", {"mag": 18.0})
        assert references.load(connection, [A]) == {
            A: {("mine", "brightening", "r"): {"mag": 18.0}, ("mine", "brightening", "g"): {"mag": 19.5}}
        }

    trial(work)


def test_what_a_watch_does_not_ask_for_any_more_is_forgotten(trial):
    def work(connection):
        for watch in ("mine", "yours"):
            for kind in ("brightening", "fading"):
                for band in ("g", "r"):
                    references.save(connection, A, watch, kind, band, {"mag": 19.0})
        kept = {("mine", "fading"), ("yours", "brightening"), ("yours", "detection")}
        assert references.forget_ended(connection, kept) == 4
        left = references.load(connection, [A])[A]
        assert {(watch, kind) for watch, kind, _ in left} == {("mine", "fading"), ("yours", "brightening")}
        assert references.forget_ended(connection, kept) == 0
        assert references.forget_ended(connection, ()) == 4

    trial(work)
