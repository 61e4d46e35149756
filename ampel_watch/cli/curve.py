"""A light curve in letters: small enough for a terminal, good enough to see whether it rises. Pure."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ampel_watch.lightcurve import LightCurve

LIMIT_MARK = "v"
SEVERAL_MARK = "*"
_LABEL_WIDTH = 6
_MARGIN_MAG = 0.15
_LEAST_SPAN_MAG = 0.8
_LEAST_SPAN_D = 1.0
SHOWN_D = 120.0
_STEPS = (1.0, 2.0, 5.0)

# What a cell holds: a mark, and the band that it is painted for.
Paint = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class _Mark:
    """A point of the plot: days from the newest detection, magnitude, what to write, its band."""

    day: float
    mag: float
    text: str
    band: str


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to cells: `low` falls into the first cell and `high` into the last one of `cells`."""

    low: float
    high: float
    cells: int

    def cell(self, value: float) -> int:
        """The cell of a value; those beyond the ends fall into the ends."""
        share = (value - self.low) / (self.high - self.low)
        return min(self.cells - 1, max(0, round(share * (self.cells - 1))))

    def ticks(self, step: float) -> list[float]:
        """The multiples of `step` from end to end."""
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def draw(curve: LightCurve, *, width: int = 72, height: int = 12, paint: Paint = lambda text, _band: text) -> list[str]:
    """The positive detections and the upper limits as lines of text; none if there is no such point.

    Bright is up, and days count back from the newest detection (from the newest limit if nothing was detected); what
    is more than 120 days before it is only counted. A detection is the letter of its band, a limit is ``v``, and
    detections of several bands in one cell are ``*``.

    Parameters
    ----------
    width, height: of the plot with its labels, in characters and lines; no less than 24 × 5. A line may follow that
        says what is not shown.
    paint: gives a mark its colour, by band; the default leaves it as it is.
    """
    every = _marks(curve)
    marks = [mark for mark in every if mark.day >= -SHOWN_D]
    if not marks:
        return []
    columns, rows = max(24, width) - _LABEL_WIDTH - 4, max(5, height) - 2
    days, mags = _scales(marks, columns, rows)
    cells = _cells(marks, days, mags)
    step = _round_step((mags.high - mags.low) / max(2, rows // 3))
    labels = {mags.cell(tick): f"{tick:.{_decimals(step)}f}" for tick in mags.ticks(step)}
    lines = [_row(number, cells, labels, columns, paint) for number in range(rows)]
    return [*lines, *_day_axis(days), *_left_out(len(every) - len(marks))]


def zero_of(curve: LightCurve) -> float | None:
    """The Julian Date that the days of the drawing count from; None if there is nothing to draw."""
    return max((d.jd for d in curve.detections), default=max((u.jd for u in curve.limits), default=None))


def _marks(curve: LightCurve) -> list[_Mark]:
    """Limits first, so that what is written later, the detections, covers them."""
    zero = zero_of(curve)
    if zero is None:
        return []
    limits = [_Mark(u.jd - zero, u.limit_mag, LIMIT_MARK, u.band) for u in curve.limits]
    return limits + [_Mark(d.jd - zero, d.mag, d.band, d.band) for d in curve.detections]


def _scales(marks: Sequence[_Mark], columns: int, rows: int) -> tuple[_Scale, _Scale]:
    days, mags = [mark.day for mark in marks], [mark.mag for mark in marks]
    first, last = min(days), max(days)
    first = min(first, last - _LEAST_SPAN_D)
    bright, faint = min(mags) - _MARGIN_MAG, max(mags) + _MARGIN_MAG
    short = max(0.0, _LEAST_SPAN_MAG - (faint - bright)) / 2
    return _Scale(first, last, columns), _Scale(bright - short, faint + short, rows)


def _cells(marks: Sequence[_Mark], days: _Scale, mags: _Scale) -> dict[tuple[int, int], _Mark]:
    """(row, column) → what stands there."""
    cells: dict[tuple[int, int], _Mark] = {}
    for mark in marks:
        place = mags.cell(mark.mag), days.cell(mark.day)
        there = cells.get(place)
        both = there is not None and LIMIT_MARK not in (there.text, mark.text) and there.text != mark.text
        cells[place] = _Mark(mark.day, mark.mag, SEVERAL_MARK, "") if both else mark
    return cells


def _left_out(number: int) -> Iterator[str]:
    if number:
        points = "point is" if number == 1 else "points are"
        yield " " * (_LABEL_WIDTH + 2) + f"{number} earlier {points} not shown"


def _row(
    number: int, cells: Mapping[tuple[int, int], _Mark], labels: Mapping[int, str], columns: int, paint: Paint
) -> str:
    label = labels.get(number, "")
    marks = (cells.get((number, column)) for column in range(columns))
    body = "".join(" " if mark is None else paint(mark.text, mark.band) for mark in marks)
    return f"{label:>{_LABEL_WIDTH}} {'┤' if label else '│'}{body}".rstrip()


def _day_axis(days: _Scale) -> Iterator[str]:
    axis, labels = ["─"] * days.cells, [" "] * days.cells
    free_from = 0
    for tick in days.ticks(_round_step((days.high - days.low) / max(2, days.cells // 10))):
        at, text = days.cell(tick), f"{tick:g}"
        axis[at] = "┬"
        start = max(0, min(at - len(text) // 2, days.cells - len(text)))
        if start >= free_from:
            labels[start : start + len(text)] = text
            free_from = start + len(text) + 1
    yield " " * (_LABEL_WIDTH + 1) + "└" + "".join(axis)
    yield (" " * (_LABEL_WIDTH + 2) + "".join(labels)).rstrip() + " d"


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, … (or 0.5, 0.2, 0.1, …) that is no less than `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((power * step for step in _STEPS if power * step >= least * (1 - 1e-9)), power * 10)


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))
