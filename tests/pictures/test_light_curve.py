"""The picture of a light curve: its structure, and what must hold for whatever is drawn."""

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import matplotlib.image as mpimg
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.text import Text

from ampel_watch.lightcurve import LightCurve
from ampel_watch.pictures import draw_light_curve
from ampel_watch.pictures.canvas import WIDTH_PX, new_figure, points
from ampel_watch.pictures.light_curve import HEIGHT_PX, TEXT_PX, compose, date_ticks
from ampel_watch.pictures.marks import COLOURS, MARKERS
from ampel_watch.pictures.scene import scene_of
from tests.pictures.curves import ALONE, CURVES, NEGATIVE, NEW_JD, OLD, UNSEEN, YOUNG, any_curve, limit, seen

NAME = "ZTF25aaaaaaa"


def figure_of(curve, mark_jd=NEW_JD, **more):
    figure = new_figure(HEIGHT_PX)
    compose(figure, scene_of(curve, mark_jd), **{"name": NAME, **more})
    return figure


def marks(figure, gid):
    """The marks of one kind; None if there are none."""
    found = [line for line in figure.axes[0].get_lines() if line.get_gid() == gid]
    return found[0] if found else None


def bars(figure):
    return [part for part in figure.axes[0].collections if isinstance(part, LineCollection)]


def words(figure):
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def drawn_texts(figure, monkeypatch):
    """Text, size and place of each word that is really drawn."""
    found = []
    draw = Text.draw

    def record(text, renderer, *args, **kwargs):
        if text.get_visible() and text.get_text():
            found.append((text.get_text(), text.get_fontsize(), text.get_window_extent(renderer)))
        draw(text, renderer, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Text, "draw", record)
        figure.canvas.draw()
    return found


def size_of(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_it_is_a_png_of_three_times_the_width_of_a_phone(curve):
    png = draw_light_curve(curve, name=NAME, mark_jd=NEW_JD)
    assert size_of(png) == (3 * WIDTH_PX, 3 * HEIGHT_PX)
    assert mpimg.imread(io.BytesIO(png)).std() > 0.05


def test_there_is_no_picture_of_nothing():
    assert draw_light_curve(LightCurve(), name=NAME) is None
    assert draw_light_curve(LightCurve((seen(0, 1e9),)), name=NAME) is None


def test_the_same_gives_the_same_bytes_in_any_thread_and_beside_other_pictures():
    def draw(curve):
        return draw_light_curve(curve, name=NAME, mark_jd=NEW_JD, dist_mod_mag=35.0, z=0.02)

    with ThreadPoolExecutor(4) as threads:
        first, *others = threads.map(draw, [YOUNG, OLD, YOUNG, ALONE, YOUNG])
    assert first == others[1] == others[3] == draw(YOUNG)
    assert first != others[0]


def test_it_holds_neither_a_date_nor_the_name_of_a_program():
    png = draw_light_curve(YOUNG, name=NAME)
    kinds = []
    rest = png[8:]
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        kinds.append(rest[4:8])
        assert zlib.crc32(rest[4 : 8 + length]) == struct.unpack(">I", rest[8 + length : 12 + length])[0]
        rest = rest[12 + length :]
    assert set(kinds) <= {b"IHDR", b"pHYs", b"IDAT", b"IEND"}


def test_the_bands_differ_in_colour_lightness_and_shape():
    figure = figure_of(LightCurve(tuple(seen(-i, 18 + i, band) for i, band in enumerate("gri"))))
    lines = [marks(figure, f"detected {band}") for band in "gri"]
    assert [to_hex(line.get_markerfacecolor()) for line in lines] == [COLOURS[band] for band in "gri"]
    assert len({line.get_marker() for line in lines}) == 3
    red, green, blue = (np.array([int(COLOURS[band][i : i + 2], 16) for band in "gri"]) for i in (1, 3, 5))
    lightness = sorted(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    assert min(np.diff(lightness)) > 40


def test_detections_have_error_bars_of_one_sigma():
    figure = figure_of(LightCurve((seen(0, 18.0, error=0.2),)), mark_jd=None)
    (bar,) = bars(figure)
    assert np.allclose(sorted(bar.get_segments()[0][:, 1]), [17.8, 18.2])


def test_limits_are_triangles_downwards_one_for_each():
    figure = figure_of(UNSEEN)
    assert [len(marks(figure, f"limit {band}").get_xdata()) for band in "gr"] == [1, 1]
    assert marks(figure, "limit g").get_marker() == "v"
    assert bars(figure) == []


def test_negative_subtractions_are_hollow_pale_and_in_the_legend():
    figure = figure_of(LightCurve(ALONE.detections, (seen(-3, 18.5, "r"),)))
    hollow, full = marks(figure, "negative r"), marks(figure, "detected r")
    assert hollow.get_markerfacecolor() == "none"
    assert hollow.get_alpha() < 0.6 < (full.get_alpha() or 1)
    assert "negative" in words(figure)
    assert "negative" not in words(figure_of(ALONE))


def test_the_new_point_has_a_ring_and_its_magnitude_stands_above():
    figure = figure_of(YOUNG)
    ring = marks(figure, "new")
    assert (list(ring.get_xdata()), list(ring.get_ydata())) == ([0.0], [19.1])
    assert {"new", "g 19.10 ± 0.05", NAME} <= set(words(figure))


def test_without_a_point_to_mark_there_is_no_ring():
    figure = figure_of(YOUNG, mark_jd=None)
    assert marks(figure, "new") is None
    assert "new" not in words(figure)


def test_brighter_is_higher():
    faint, bright = figure_of(YOUNG).axes[0].get_ylim()
    assert bright < 19 < faint


def test_the_legend_names_what_there_is_and_nothing_else():
    def legend(curve):
        return [text.get_text() for text in figure_of(curve).legends[0].get_texts()]

    assert legend(YOUNG) == ["g", "r", "i", "limit (5 σ)", "new"]
    assert legend(NEGATIVE) == ["g", "negative", "new"]
    assert legend(UNSEEN) == ["g", "r", "limit (5 σ)"]


def test_absolute_magnitudes_are_shown_only_if_the_distance_is_known():
    def right(**more):
        figure = figure_of(YOUNG, **more)
        figure.draw_without_rendering()
        return [axes for axes in figure.axes[0].child_axes if axes.get_ylabel()]

    assert right() == []
    assert right(z=0.03) == []
    (axes,) = right(dist_mod_mag=35.5, z=0.0312)
    assert axes.get_ylabel() == "absolute mag (z 0.0312)"
    apparent = figure_of(YOUNG).axes[0].get_ylim()
    assert np.allclose(axes.get_ylim(), np.array(apparent) - 35.5)
    (axes,) = right(dist_mod_mag=24.4)
    assert axes.get_ylabel() == "absolute mag"


@pytest.mark.parametrize("dist_mod_mag", [float("nan"), float("inf"), 1e300])
def test_an_absurd_distance_is_none(dist_mod_mag):
    assert draw_light_curve(YOUNG, name=NAME, dist_mod_mag=dist_mod_mag) == draw_light_curve(YOUNG, name=NAME)


def test_day_zero_is_dated_in_the_zone_that_was_asked_for():
    assert figure_of(ALONE).axes[0].get_xlabel() == "days from 2025-11-21 06:00 UTC"
    label = figure_of(ALONE, timezone=ZoneInfo("America/Los_Angeles")).axes[0].get_xlabel()
    assert label == "days from 2025-11-20 22:00 PST"


def test_dates_are_local_midnights_also_when_the_clocks_change():
    berlin = ZoneInfo("Europe/Berlin")
    zero_jd = 2460974.5  # 2025-10-26 00:00 UTC; an hour later, summer time ends
    assert date_ticks((-2.5, 2.5), zero_jd, berlin) == [
        (pytest.approx(-50 / 24), "24 Oct"),
        (pytest.approx(-26 / 24), "25 Oct"),
        (pytest.approx(-2 / 24), "26 Oct"),
        (pytest.approx(23 / 24), "27 Oct"),
        (pytest.approx(47 / 24), "28 Oct"),
    ]


def test_over_months_the_first_of_each_is_dated():
    labels = [label for _, label in date_ticks((-140, 10), NEW_JD, ZoneInfo("UTC"))]
    assert labels == ["1 Aug", "1 Sep", "1 Oct", "1 Nov", "1 Dec"]


@given(st.floats(-160, -2), st.floats(2, 40), st.floats(-1000, 1000), st.sampled_from([-12, 0, 5.5, 14]))
def test_there_are_some_dates_but_never_too_many(begin, end, shift_d, hours):
    ticks = date_ticks((begin, end), NEW_JD + shift_d, timezone(timedelta(hours=hours)))
    assert 2 <= len(ticks) <= 7
    assert ticks == sorted(ticks)


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("distance", [{}, {"dist_mod_mag": 35.5, "z": 0.0312}], ids=["near", "z"])
def test_no_word_is_too_small_or_beside_the_picture_or_over_another(curve, distance, monkeypatch):
    figure = figure_of(curve, **distance, name="a name that is far too long for a phone")
    texts = drawn_texts(figure, monkeypatch)
    assert len(texts) > 10
    for i, (text, fontsize, box) in enumerate(texts):
        assert fontsize >= points(TEXT_PX) - 1e-9, text
        assert 0 <= box.x0 < box.x1 <= 3 * WIDTH_PX, text
        assert 0 <= box.y0 < box.y1 <= 3 * HEIGHT_PX, text
        for other, _, other_box in texts[:i]:
            across = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
            along = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
            assert across <= 0 or along <= 3, (text, other)


@pytest.mark.parametrize("name", ["$\\frac{", "星雲", "a\nb\x00", "", "x" * 500, "100 % {}"])
def test_a_name_is_text_and_never_markup(name):
    assert size_of(draw_light_curve(ALONE, name=name))


def test_a_band_that_is_not_known_is_drawn_all_the_same():
    figure = figure_of(LightCurve((seen(0, 18.0, "z"),), limits=(limit(-1, 18.5, "y"),)))
    assert marks(figure, "detected z").get_marker() not in MARKERS.values()
    assert [text.get_text() for text in figure.legends[0].get_texts()][:2] == ["y", "z"]


@settings(max_examples=25)
@given(any_curve, st.floats(NEW_JD - 200, NEW_JD) | st.none(), st.floats(30, 45) | st.none())
@example(LightCurve(tuple(seen(-i / 13, 18 + i % 5, "gri"[i % 3]) for i in range(1500))), NEW_JD, 36.0)
def test_whatever_is_finite_can_be_drawn(curve, mark_jd, dist_mod_mag):
    png = draw_light_curve(curve, name=NAME, mark_jd=mark_jd, dist_mod_mag=dist_mod_mag, z=0.01)
    assert png is None or size_of(png)
