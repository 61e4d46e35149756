"""matplotlib, tamed: it needs no home, says nothing, and is not loaded before something is drawn."""

import logging
import os
import subprocess
import sys

import matplotlib as mpl
import pytest

from ampel_watch.pictures.canvas import make_ready, paint, plain

DRAW = """
import logging, sys
logging.basicConfig(level=logging.DEBUG)
from ampel_watch.lightcurve import Detection, LightCurve
from ampel_watch.pictures import draw_light_curve
print(len(draw_light_curve(LightCurve((Detection(2461000.5, "r", 1, 18.0, 0.1),)), name="x")))
"""


def run(code, tmp_path, **environ):
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**kept, "TMPDIR": str(tmp_path), **environ},
        capture_output=True,
        text=True,
        check=True,
    )


def test_the_public_api_loads_nothing_heavy(tmp_path):
    code = "import sys, ampel_watch.api; print({'matplotlib', 'numpy', 'astropy'} & sys.modules.keys())"
    assert run(code, tmp_path).stdout == "set()\n"


def test_without_a_home_it_draws_in_silence_and_leaves_nothing_behind(tmp_path):
    done = run(DRAW, tmp_path, HOME="/dev/null")
    assert int(done.stdout) > 10_000
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_as_a_service_it_keeps_the_list_of_fonts_in_the_cache_folder(tmp_path):
    cache = tmp_path / "cache"
    done = run(DRAW, tmp_path, HOME="/dev/null", CACHE_DIRECTORY=f"{cache}:/elsewhere")
    assert done.stderr == ""
    assert [path.name[:9] for path in (cache / "matplotlib").iterdir()] == ["fontlist-"]


def test_a_folder_that_was_chosen_stays(monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", "/chosen")
    make_ready({"MPLCONFIGDIR": "/chosen", "CACHE_DIRECTORY": "/cache"})
    assert os.environ["MPLCONFIGDIR"] == "/chosen"


def test_a_user_who_wants_less_of_matplotlib_gets_less(monkeypatch):
    logger = logging.getLogger("matplotlib")
    monkeypatch.setattr(logger, "level", logging.CRITICAL)
    make_ready({})
    assert logger.level == logging.CRITICAL


def test_the_users_settings_change_no_picture_and_are_left_as_they_were():
    def draw(figure):
        figure.text(0.5, 0.5, "x")

    usual = paint(50, draw)
    with mpl.rc_context({"font.size": 30.0, "text.color": "red", "savefig.facecolor": "blue"}):
        assert paint(50, draw) == usual
        assert mpl.rcParams["font.size"] == 30.0


def test_after_a_fault_the_next_picture_is_drawn():
    with pytest.raises(ZeroDivisionError):
        paint(50, lambda figure: 1 / 0)
    assert paint(50, lambda figure: None)


@pytest.mark.parametrize(
    ("text", "drawn"), [("ZTF1", "ZTF1"), ("a\tb\x1b", "a?b?"), ("é☃", "??"), ("x" * 9, "xxxxx..."), ("", "")]
)
def test_outside_text_is_drawn_in_plain_letters(text, drawn):
    assert plain(text, 8) == drawn
