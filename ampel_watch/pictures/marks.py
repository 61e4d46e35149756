"""The measurements as marks on a plot: how bands, limits and negative subtractions are told apart."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ampel_watch.lightcurve import Detection
from ampel_watch.pictures.canvas import INK, PALE_INK, points
from ampel_watch.pictures.scene import Scene, all_of, drawn_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

# Green, red and orange as everywhere in the field, of different lightness: they differ without hue too.
COLOURS = {"g": "#00916e", "r": "#b3141e", "i": "#f0980a"}
MARKERS = {"g": "o", "r": "s", "i": "D"}
LIMIT_FILLS = {"r": "#dd9ca1"}  # without hue, open ones in g and r would look the same
_MARK_PX, _LEAST_PX, _RING_PX = 6.0, 2.5, 15.0
_SIZES_PX = ((120, _MARK_PX), (500, 4.0))  # up to so many points, marks of such a size
# A square or a diamond of the same width looks larger than a circle.
_OPTICAL = {"o": 1.0, "s": 0.9, "D": 0.85, "v": 0.9}
_PALE = 0.45
_LIMITS, _SEEN, _MARKED = 2, 4, 6


def draw_points(axes: "Axes", scene: Scene) -> None:
    """Draw all that is shown."""
    shown = scene.shown
    count = len(shown.detections) + len(shown.negatives)
    size_px = next((size_px for most, size_px in _SIZES_PX if count <= most), _LEAST_PX)
    for band in _bands(scene):
        _draw_limits(axes, scene, band, size_px)
        _draw_seen(axes, scene, band, [point for point in shown.negatives if point.band == band], size_px, hollow=True)
        _draw_seen(axes, scene, band, [point for point in shown.detections if point.band == band], size_px)
    if scene.marked is not None:
        hollow = scene.marked in shown.negatives
        # Once more, above all that was measured in the same night.
        _draw_seen(axes, scene, scene.marked.band, [scene.marked], _MARK_PX, hollow=hollow, zorder=_MARKED)
        axes.plot([0.0], [scene.marked.mag], gid="new", clip_on=False, zorder=_MARKED, **_ring(_RING_PX))


def legend_of(scene: Scene) -> "list[tuple[str, tuple[Line2D, ...]]]":
    """Name and marks of each kind of point that is shown, and of no other."""
    from matplotlib.lines import Line2D

    shown = scene.shown
    with_limits = {limit.band for limit in shown.limits}
    kinds: list[tuple[str, list[dict[str, Any]]]] = []
    for band in _bands(scene):
        marks = [_filled(_colour(band), _marker(band), _MARK_PX)]
        kinds.append((band, [*marks, _limit(band, _MARK_PX)] if band in with_limits else marks))
    if shown.limits:
        kinds.append(("limit (5 σ)", [_open(PALE_INK, "v", _MARK_PX)]))
    if shown.negatives:
        kinds.append(("negative", [_open(PALE_INK, "o", _MARK_PX) | {"alpha": _PALE}]))
    if scene.marked is not None:
        kinds.append(("new", [_ring(_RING_PX * 0.75)]))
    return [(label, tuple(Line2D([], [], **style) for style in styles)) for label, styles in kinds]


def _bands(scene: Scene) -> list[str]:
    """The bands that there are, in the order of their wavelength."""
    there = {point.band for point in all_of(scene.shown)}
    return [band for band in COLOURS if band in there] + sorted(there - COLOURS.keys())


def _colour(band: str) -> str:
    return COLOURS.get(band, INK)


def _marker(band: str) -> str:
    return MARKERS.get(band, "X")


def _draw_seen(
    axes: "Axes",
    scene: Scene,
    band: str,
    seen: Sequence[Detection],
    size_px: float,
    *,
    hollow: bool = False,
    zorder: int = _SEEN,
) -> None:
    """Detections of one band with their 1 σ errors; negative ones hollow and pale, below the others."""
    if not seen:
        return
    draw = _open if hollow else _filled
    axes.errorbar(
        [point.jd - scene.zero_jd for point in seen],
        [point.mag for point in seen],
        yerr=[drawn_error(point) for point in seen],
        gid=f"{'negative' if hollow else 'detected'} {band}",
        ecolor=_colour(band),
        elinewidth=points(0.8 if hollow else 1.2),
        alpha=_PALE if hollow else 1.0,
        zorder=zorder - hollow,
        **draw(_colour(band), _marker(band), size_px),
    )


def _draw_limits(axes: "Axes", scene: Scene, band: str, size_px: float) -> None:
    """Open triangles that point to where the source may have been."""
    limits = [limit for limit in scene.shown.limits if limit.band == band]
    if not limits:
        return
    days = [limit.jd - scene.zero_jd for limit in limits]
    mags = [limit.limit_mag for limit in limits]
    axes.plot(days, mags, gid=f"limit {band}", zorder=_LIMITS, **_limit(band, size_px))


def _limit(band: str, size_px: float) -> dict[str, Any]:
    return _open(_colour(band), "v", size_px) | {"alpha": 0.7, "markerfacecolor": LIMIT_FILLS.get(band, "none")}


def _ring(size_px: float) -> dict[str, Any]:
    return _open(INK, "o", size_px, 1.4)


def _open(colour: str, marker: str, size_px: float, width_px: float = 1.0) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": marker,
        "markersize": points(size_px * _OPTICAL.get(marker, 1.0)),
        "markerfacecolor": "none",
        "markeredgecolor": colour,
        "markeredgewidth": points(width_px),
    }


def _filled(colour: str, marker: str, size_px: float) -> dict[str, Any]:
    """With a thin white edge, which keeps crowded points apart."""
    edge_px = 0.4 if size_px > _LEAST_PX else 0.0
    return _open("white", marker, size_px, edge_px) | {"markerfacecolor": colour}
