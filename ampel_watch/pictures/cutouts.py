"""The picture of an alert's three image cutouts, side by side: science, template, difference."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ampel_watch.model import Cutouts
from ampel_watch.pictures.canvas import INK, PALE_INK, WIDTH_PX, paint, points
from ampel_watch.pictures.stamps import pixels_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Image = NDArray[Any]

HEIGHT_PX = 139
TEXT_PX = 12.0
LABELS = ("science", "template", "difference")
_SIDE_PX, _GAP_PX, _EDGE_PX = 116, 3, 3
# Stretch: the sky and its noise stay visible, a bright nucleus does not hide what is beside it.
_BLACK_SIGMA, _KNEE_SIGMA, _LEAST_SIGMA = -2.0, 3.0, 8.0
_BRIGHTEST_SHARE = 99.8
_SIGMA_PER_MAD = 1.4826
_LEAST_NOISE = 1e-6
_NO_VALUE, _EMPTY = "#3d4a66", "#e9e9e9"
_RETICLE_FROM, _RETICLE_TO = 0.07, 0.15


def draw_cutouts(cutouts: Cutouts) -> bytes | None:
    """Science, template and difference image in one PNG of 1080 × 417 pixels; None if all three are missing.

    A missing or damaged one is an empty panel. Orientation is that of the pixels, the first row at the bottom; science
    and template are stretched each for itself (asinh), the difference about zero, which is grey: a source that became
    brighter is white, one that became fainter black. Pixels without value are blue. The same cutouts give the same
    bytes. It takes about a tenth of a second: call it in a thread, not in the event loop.
    """
    images = [pixels_of(stamp) for stamp in (cutouts.science, cutouts.template, cutouts.difference)]
    if all(image is None for image in images):
        return None
    return paint(HEIGHT_PX, lambda figure: compose(figure, images))


def compose(figure: "Figure", images: "Sequence[Image | None]") -> None:
    """Put three panels on an empty figure."""
    for place, (label, image) in enumerate(zip(LABELS, images, strict=True)):
        left = _EDGE_PX + place * (_SIDE_PX + _GAP_PX)
        axes = figure.add_axes(
            (left / WIDTH_PX, _EDGE_PX / HEIGHT_PX, _SIDE_PX / WIDTH_PX, _SIDE_PX / HEIGHT_PX), label=label
        )
        axes.set_facecolor(_EMPTY)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(color=PALE_INK, linewidth=points(0.8))
        axes.set_title(label, fontsize=points(TEXT_PX), color=INK, pad=points(3))
        if image is None:
            _say_that_there_is_none(axes)
        else:
            _show(axes, about_zero(image) if label == "difference" else stretched(image))


def stretched(image: "Image") -> "Image":
    """Brightness 0 … 1: asinh from just below the sky to the brightest pixels; NaN stays NaN."""
    import numpy as np

    sky, sigma = _sky(image)
    above = (image - sky) / sigma
    white = max(float(np.nanpercentile(above, _BRIGHTEST_SHARE)), _LEAST_SIGMA)
    low, high = (np.arcsinh(level / _KNEE_SIGMA) for level in (_BLACK_SIGMA, white))
    brightness: Image = np.clip((np.arcsinh(above / _KNEE_SIGMA) - low) / (high - low), 0.0, 1.0)
    return brightness


def about_zero(image: "Image") -> "Image":
    """Brightness 0 … 1 with zero at ½, equally steep on both sides; NaN stays NaN."""
    import numpy as np

    _, sigma = _sky(image)
    above = image / sigma
    white = max(float(np.nanpercentile(np.abs(above), _BRIGHTEST_SHARE)), _LEAST_SIGMA)
    scaled = np.arcsinh(above / _KNEE_SIGMA) / np.arcsinh(white / _KNEE_SIGMA)
    brightness: Image = np.clip(0.5 + 0.5 * scaled, 0.0, 1.0)
    return brightness


def _sky(image: "Image") -> tuple[float, float]:
    """Level and noise of the empty sky, as robust estimates; the noise is never 0."""
    import numpy as np

    level = float(np.nanmedian(image))
    sigma = _SIGMA_PER_MAD * float(np.nanmedian(np.abs(image - level)))
    # Nearly all pixels may be the same; then what few others there are must not be divided by next to nothing.
    return level, max(sigma, _LEAST_NOISE * float(np.nanmax(np.abs(image)))) or 1.0


def _show(axes: "Axes", brightness: "Image") -> None:
    """The image, and two strokes beside its centre, where the alert is."""
    import matplotlib as mpl

    grey = mpl.colormaps["gray"].with_extremes(bad=_NO_VALUE)
    axes.imshow(brightness, cmap=grey, vmin=0, vmax=1, origin="lower", interpolation="nearest", aspect="auto")
    height, width = brightness.shape
    half = max(height, width) / 2
    axes.set_xlim((width - 1) / 2 - half, (width - 1) / 2 + half)
    axes.set_ylim((height - 1) / 2 - half, (height - 1) / 2 + half)
    if height != width:
        return  # cut at the edge of the detector, nobody says on which side: its centre is not the alert
    ends = [(0.5, 0.5 + _RETICLE_FROM, 0.5, 0.5 + _RETICLE_TO), (0.5 + _RETICLE_FROM, 0.5, 0.5 + _RETICLE_TO, 0.5)]
    for x, y, to_x, to_y in ends:
        axes.plot([x, to_x], [y, to_y], color="#ffb000", linewidth=points(1.4), transform=axes.transAxes)


def _say_that_there_is_none(axes: "Axes") -> None:
    axes.text(0.5, 0.5, "no image", ha="center", va="center", fontsize=points(TEXT_PX), color=PALE_INK)
