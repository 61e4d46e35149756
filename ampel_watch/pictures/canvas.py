"""What every picture is drawn on: matplotlib, tamed.

Sizes are in *px*: CSS pixels of a phone that shows the picture 360 px wide. The file holds `SHARPNESS` pixels for each.
The look depends on nothing outside: neither on the user's matplotlib settings nor on the fonts that are installed.
"""

import io
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH_PX = 360
SHARPNESS = 3
POINTS_PER_PX = 0.72
INK = "#1a1a1a"
PALE_INK = "#5a5a5a"
_PX_PER_INCH = 100

# matplotlib shares settings and fonts between all figures of the process and does not guard them.
_DRAWING = threading.Lock()


def points(px: float) -> float:
    """A size in matplotlib's unit."""
    return px * POINTS_PER_PX


def paint(height_px: int, draw: Callable[["Figure"], None]) -> bytes:
    """A PNG of `WIDTH_PX` × `height_px`, on which `draw` has drawn; the same bytes whenever it draws the same."""
    make_ready(os.environ)
    with _DRAWING:
        import matplotlib as mpl

        with mpl.rc_context():
            mpl.rcdefaults()
            figure = new_figure(height_px)
            draw(figure)
            out = io.BytesIO()
            # Without the name and version of the library, which would change the bytes.
            figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def new_figure(height_px: int) -> "Figure":
    """An empty white figure that belongs to no window system."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size = (WIDTH_PX / _PX_PER_INCH, height_px / _PX_PER_INCH)
    figure = Figure(figsize=size, dpi=_PX_PER_INCH * SHARPNESS, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def make_ready(environ: Mapping[str, str]) -> None:
    """Give matplotlib a folder for its list of fonts, and let it speak of errors only.

    Under systemd that is the service's cache folder. Elsewhere matplotlib takes the user's, or, where none can be
    written, a temporary one: that is worth no line in the log.
    """
    logger = logging.getLogger("matplotlib")
    if logger.level < logging.ERROR:
        logger.setLevel(logging.ERROR)
    if "MPLCONFIGDIR" not in environ and environ.get("CACHE_DIRECTORY"):
        first = environ["CACHE_DIRECTORY"].split(":")[0]
        os.environ["MPLCONFIGDIR"] = str(Path(first) / "matplotlib")


def plain(text: str, longest: int) -> str:
    """Outside text as it can be drawn: in one line, of characters that the font has for sure, not too long."""
    drawn = "".join(character if " " <= character <= "~" else "?" for character in text)
    return drawn if len(drawn) <= longest else drawn[: longest - 3] + "..."
