"""The light curve in letters, without its colours."""

from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.cli.curve import draw, zero_of
from ampel_watch.lightcurve import Detection, LightCurve, UpperLimit

JD = 2461000.5


def detection(day: float, mag: float, band: str = "r") -> Detection:
    return Detection(JD + day, band, int(day * 1000) * 10 + ord(band), mag, 0.05)


def limit(day: float, mag: float, band: str = "r") -> UpperLimit:
    return UpperLimit(JD + day, band, mag)


def rows_of(lines: list[str]) -> list[str]:
    """The plot without labels and axis."""
    return [line[8:] for line in lines if line[7:8] in ("│", "┤")]


def place_of(lines: list[str], mark: str) -> tuple[int, int]:
    (found,) = [(row, text.index(mark)) for row, text in enumerate(rows_of(lines)) if mark in text]
    return found


def test_nothing_is_drawn_of_nothing():
    assert draw(LightCurve()) == []
    assert draw(LightCurve(negatives=(detection(0, 18),))) == []
    assert zero_of(LightCurve()) is None


def test_bright_is_up_and_time_goes_right():
    lines = draw(LightCurve((detection(0, 19.0, "g"), detection(9, 17.0, "r")), (), (limit(-5, 20.0),)))
    (v_row, v_column), (g_row, g_column), (r_row, r_column) = (place_of(lines, mark) for mark in "vgr")
    assert r_row < g_row < v_row
    assert v_column < g_column < r_column


def test_days_count_back_from_the_newest_detection():
    curve = LightCurve((detection(0, 19.0), detection(20, 18.0)), (), (limit(25, 20.0),))
    assert zero_of(curve) == JD + 20
    axis, labels = draw(curve)[-2:]
    ticks = dict(zip(labels.replace(" d", "").split(), [i for i, c in enumerate(axis) if c == "┬"], strict=True))
    assert list(ticks) == ["-20", "-15", "-10", "-5", "0", "5"]
    assert place_of(draw(LightCurve(curve.detections[1:], (), curve.limits)), "r")[1] < len(axis)


def test_magnitudes_stand_beside_their_rows():
    lines = draw(LightCurve((detection(0, 20.0), detection(9, 17.0)), (), ()), height=14)
    labelled = {float(line.split("┤")[0]): number for number, line in enumerate(lines) if "┤" in line}
    assert list(labelled) == sorted(labelled)
    assert {18.0, 19.0, 20.0} <= set(labelled)


def test_two_bands_in_one_cell_are_marked_and_a_detection_hides_a_limit():
    assert "*" in rows_text([detection(0, 18.0, "g"), detection(0.001, 18.0, "r")], [])
    hidden = rows_text([detection(0, 18.0, "g"), detection(3, 19.0, "g")], [limit(0, 18.0)])
    assert "v" not in hidden
    assert "*" not in hidden


def rows_text(detections: list[Detection], limits: list[UpperLimit]) -> str:
    return "".join(rows_of(draw(LightCurve(tuple(detections), (), tuple(limits)))))


def test_what_is_long_ago_is_counted_and_not_drawn():
    lines = draw(LightCurve((detection(-900, 18.0, "g"), detection(0, 19.0)), (), (limit(-500, 20.0),)))
    assert "".join(rows_of(lines)).split() == ["r"]
    assert lines[-1].strip() == "2 earlier points are not shown"
    assert (
        draw(LightCurve((detection(0, 19.0),), (), (limit(-500, 20.0),)))[-1].strip() == "1 earlier point is not shown"
    )


def test_marks_are_painted_by_band_and_nothing_else_is():
    painted = []

    def paint(text: str, band: str) -> str:
        painted.append((text, band))
        return text

    curve = LightCurve((detection(0, 18.0, "g"), detection(5, 18.5, "r")), (), (limit(-5, 20.0, "i"),))
    assert draw(curve, paint=paint) == draw(curve)
    assert sorted(painted) == [("g", "g"), ("r", "r"), ("v", "i")]


DETECTIONS = st.builds(
    Detection,
    jd=st.floats(JD - 4000, JD),
    band=st.sampled_from("gri"),
    candid=st.integers(0, 2**62),
    mag=st.floats(10, 24),
    mag_err=st.just(0.1),
)
LIMITS = st.builds(UpperLimit, jd=st.floats(JD - 4000, JD), band=st.sampled_from("gri"), limit_mag=st.floats(15, 23))
CURVES = st.builds(
    LightCurve,
    detections=st.lists(DETECTIONS, max_size=20).map(tuple),
    limits=st.lists(LIMITS, max_size=20).map(tuple),
)


@given(CURVES, st.integers(1, 150), st.integers(1, 40))
def test_any_light_curve_fits_into_its_place(curve, width, height):
    lines = draw(curve, width=width, height=height)
    if not curve.detections and not curve.limits:
        assert lines == []
        return
    left_out = lines[-1].endswith("not shown")
    assert len(lines) == max(5, height) + left_out
    assert all(len(line) <= max(24, width) for line in lines[: len(lines) - left_out])
    newest = max(curve.detections, key=lambda d: d.jd, default=None)
    assert newest is None or any(mark in "".join(rows_of(lines)) for mark in (newest.band, "*"))


@given(st.floats(10, 24), st.floats(0.0, 1e-9))
def test_points_at_one_place_are_drawn_too(mag, apart):
    assert "r" in rows_text([detection(0, mag), detection(apart, mag)], [])
