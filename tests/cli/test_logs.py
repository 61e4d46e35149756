import logging
import sys

import pytest

from ampel_watch.cli.logs import log_to_stderr
from tests.cli.command import kept_logging


@pytest.fixture(autouse=True)
def kept():
    with kept_logging():
        yield


def masked(text: str) -> str:
    return text.replace("geheim", "***")


def test_our_lines_are_logged_from_the_level_on_and_masked(capsys):
    log_to_stderr(masked, level=logging.INFO)
    logging.getLogger("ampel_watch.x").debug("too small")
    logging.getLogger("ampel_watch.x").info("said %s", "geheim")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(" INFO    said ***\n")
    assert err.count("\n") == 1


def test_libraries_that_log_addresses_are_heard_only_with_warnings(capsys):
    log_to_stderr(masked, level=logging.DEBUG)
    logging.getLogger("httpx").info("GET https://example.org/?key=geheim")
    logging.getLogger("httpx").warning("this matters")
    assert capsys.readouterr().err.endswith(" WARNING this matters\n")


def test_an_unexpected_fault_is_masked(capsys):
    log_to_stderr(masked, level=logging.WARNING)
    with pytest.raises(LookupError) as caught:
        {}["geheim"]
    sys.excepthook(caught.type, caught.value, caught.tb)
    err = capsys.readouterr().err
    assert "CRITICAL unexpected fault\nTraceback" in err
    assert err.endswith("KeyError: '***'\n")
