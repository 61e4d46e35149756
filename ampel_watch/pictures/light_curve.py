"""The picture of a light curve, made for a phone: 360 px wide, no letter under 11 px, nothing told by colour alone.

::

    name                        newest measurement      bold, 13 px
    legend of what there is
    calendar dates
    ┌───────────────────────────────────────────┐
    │ magnitudes, brighter upwards              │       absolute magnitudes, if the distance is known
    └───────────────────────────────────────────┘
    days from the newest point
    what is not shown, if anything
"""

import math
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from ampel_watch.julian import datetime_of_jd
from ampel_watch.lightcurve import LightCurve
from ampel_watch.pictures.canvas import INK, PALE_INK, WIDTH_PX, paint, plain, points
from ampel_watch.pictures.marks import draw_points, legend_of
from ampel_watch.pictures.scene import MONTHS, Scene, scene_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT_PX = 300
TEXT_PX = 11.0
TITLE_PX = 13.0
_LEFT_PX, _RIGHT_PX, _RIGHT_WITH_AXIS_PX, _TOP_PX, _BOTTOM_PX, _NOTE_PX = 46, 14, 54, 60, 36, 15
_LEGEND_PX, _EDGE_PX = 24, 8
_MOST_DATES = 6
_LONGEST_NAME, _LONGEST_ZONE, _FULL_SIZE_LETTERS = 20, 8, 38
_FURTHEST_MAG = 60.0
_TICKS: dict[str, Any] = {
    "labelsize": points(TEXT_PX), "length": points(3), "width": points(0.8), "pad": points(2), "colors": INK,
}  # fmt: skip


def draw_light_curve(
    curve: LightCurve,
    *,
    name: str,
    mark_jd: float | None = None,
    dist_mod_mag: float | None = None,
    z: float | None = None,
    timezone: tzinfo = UTC,
) -> bytes | None:
    """A light curve as a PNG of 1080 × 900 pixels; None if the curve has no point that can be drawn.

    Parameters
    ----------
    name: the title.
    mark_jd: date (JD, UTC) of the point that gets a ring: the new one.
    dist_mod_mag: distance modulus; with it there is an axis of absolute magnitude, without K-correction.
    z: redshift that the distance comes from, for that axis's label.
    timezone: of the calendar dates.

    The last 120 days are shown, and the picture says what is not. Negative subtractions are pale and hollow. The same
    arguments give the same bytes. It takes a few tenths of a second: call it in a thread, not in the event loop.
    """
    scene = scene_of(curve, mark_jd)
    if scene is None:
        return None
    if dist_mod_mag is not None and not abs(dist_mod_mag) <= _FURTHEST_MAG:
        dist_mod_mag = None
    return paint(
        HEIGHT_PX, lambda figure: compose(figure, scene, name=name, dist_mod_mag=dist_mod_mag, z=z, timezone=timezone)
    )


def compose(
    figure: "Figure",
    scene: Scene,
    *,
    name: str,
    dist_mod_mag: float | None = None,
    z: float | None = None,
    timezone: tzinfo = UTC,
) -> None:
    """Put the whole picture on an empty figure."""
    axes = _axes(figure, scene, with_right_axis=dist_mod_mag is not None)
    draw_points(axes, scene)
    _date_axis(axes, scene, timezone)
    if dist_mod_mag is not None:
        _absolute_axis(axes, dist_mod_mag, z)
    _words(figure, scene, name)
    _legend(figure, scene)


def _axes(figure: "Figure", scene: Scene, *, with_right_axis: bool) -> "Axes":
    """The empty plot at its place, magnitudes growing downwards."""
    bottom = _BOTTOM_PX + (_NOTE_PX if scene.left_out else 0)
    right = _RIGHT_WITH_AXIS_PX if with_right_axis else _RIGHT_PX
    width, height = WIDTH_PX - _LEFT_PX - right, HEIGHT_PX - _TOP_PX - bottom
    axes = figure.add_axes((_LEFT_PX / WIDTH_PX, bottom / HEIGHT_PX, width / WIDTH_PX, height / HEIGHT_PX))
    axes.set_xlim(*scene.days)
    axes.set_ylim(scene.mags[1], scene.mags[0])
    axes.set_autoscale_on(False)
    axes.locator_params(axis="both", nbins=6, steps=[1, 2, 5, 10])
    axes.tick_params(**_TICKS)
    axes.set_ylabel("magnitude (AB)", fontsize=points(TEXT_PX), color=INK, labelpad=points(2))
    axes.grid(visible=True, color="#e6e6e6", linewidth=points(0.8))
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set(color=PALE_INK, linewidth=points(0.8))
    return axes


def _date_axis(axes: "Axes", scene: Scene, timezone: tzinfo) -> None:
    """Calendar dates above; day 0 below is dated to the minute."""
    ticks = date_ticks(scene.days, scene.zero_jd, timezone)
    above = axes.secondary_xaxis("top")
    above.set_xticks([day for day, _ in ticks], [label for _, label in ticks])
    above.tick_params(**_TICKS)
    zero = datetime_of_jd(scene.zero_jd).astimezone(timezone)
    label = f"days from {zero:%Y-%m-%d %H:%M} {plain(zero.tzname() or '', _LONGEST_ZONE)}"
    axes.set_xlabel(label, fontsize=points(TEXT_PX), color=INK, labelpad=points(1))


def date_ticks(days: tuple[float, float], zero_jd: float, timezone: tzinfo) -> list[tuple[float, str]]:
    """Local midnights within a range of days, and their dates: not more than `_MOST_DATES` of them.

    Every so many days, or the first of each month, whatever leaves room for the labels.
    """
    zero = datetime_of_jd(zero_jd)
    begin = (zero + timedelta(days=days[0])).astimezone(timezone).date()
    length = math.ceil(days[1] - days[0]) + 1
    dates = [begin + timedelta(days=day) for day in range(length)]
    step = next((step for step in (1, 2, 5, 10, 20) if length / step <= _MOST_DATES), None)
    chosen = [date for date in dates if (date.day == 1 if step is None else date.toordinal() % step == 0)]
    ticks = []
    for date in chosen:
        midnight = datetime(date.year, date.month, date.day, tzinfo=timezone)
        day = (midnight - zero) / timedelta(days=1)
        if days[0] <= day <= days[1]:
            ticks.append((day, f"{date.day} {MONTHS[date.month - 1]}"))
    return ticks


def _absolute_axis(axes: "Axes", dist_mod_mag: float, z: float | None) -> None:
    """Absolute magnitudes at the right."""
    from matplotlib.ticker import MaxNLocator

    def absolute(mag: Any) -> Any:
        return mag - dist_mod_mag

    def apparent(mag: Any) -> Any:
        return mag + dist_mod_mag

    right = axes.secondary_yaxis("right", functions=(absolute, apparent))
    right.tick_params(**_TICKS)
    right.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    label = "absolute mag" if z is None else f"absolute mag (z {z:.3g})"
    right.set_ylabel(label, fontsize=points(TEXT_PX), color=INK, labelpad=points(3))


def _words(figure: "Figure", scene: Scene, name: str) -> None:
    """Name and newest measurement above, what is left out below."""
    title = plain(name, _LONGEST_NAME)
    size = TITLE_PX if len(title) + len(scene.headline) <= _FULL_SIZE_LETTERS else TEXT_PX
    heading: dict[str, Any] = {"va": "top", "fontsize": points(size), "fontweight": "bold", "color": INK}
    top, left, right = 1 - 5 / HEIGHT_PX, _EDGE_PX / WIDTH_PX, 1 - _EDGE_PX / WIDTH_PX
    figure.text(left, top, title, ha="left", parse_math=False, **heading)
    figure.text(right, top, scene.headline, ha="right", **heading)
    figure.text(left, 3 / HEIGHT_PX, scene.left_out, va="bottom", fontsize=points(TEXT_PX), color=PALE_INK)


def _legend(figure: "Figure", scene: Scene) -> None:
    """One line under the title."""
    from matplotlib.legend_handler import HandlerTuple

    kinds = legend_of(scene)
    figure.legend(
        handles=[marks for _, marks in kinds],
        labels=[label for label, _ in kinds],
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.3)},
        loc="upper left",
        bbox_to_anchor=(_EDGE_PX / WIDTH_PX, 1 - _LEGEND_PX / HEIGHT_PX),
        ncols=len(kinds),
        frameon=False,
        fontsize=points(TEXT_PX),
        labelcolor=INK,
        borderaxespad=0,
        borderpad=0,
        handlelength=1.2,
        handletextpad=0.4,
        columnspacing=1.0,
    )
