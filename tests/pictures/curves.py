"""Light curves to draw, and strategies for them."""

from hypothesis import strategies as st

from ampel_watch.lightcurve import Detection, LightCurve, UpperLimit

NEW_JD = 2461000.75  # 2025-11-21 06:00 UTC


def seen(days: float, mag: float, band: str = "r", candid: int | None = None, error: float = 0.05) -> Detection:
    """A detection so many days from `NEW_JD`."""
    return Detection(NEW_JD + days, band, round(days * 1e6) + 10**15 if candid is None else candid, mag, error)


def limit(days: float, mag: float, band: str = "r") -> UpperLimit:
    return UpperLimit(NEW_JD + days, band, mag)


YOUNG = LightCurve(
    detections=(seen(-2, 19.8, "g"), seen(-1.9, 19.7, "r"), seen(0, 19.1, "g")),
    limits=tuple(limit(-30 + day, 20.5, "gri"[day % 3]) for day in range(28)),
)
OLD = LightCurve(
    detections=tuple(seen(-1500 + 3 * i, 18 + (i % 7) / 10, "gri"[i % 3]) for i in range(501)),
    negatives=tuple(seen(-100.5 + 3 * i, 19.5, "r") for i in range(10)),
    limits=tuple(limit(-1501 + 3 * i, 20.5, "g") for i in range(500)),
)
ALONE = LightCurve(detections=(seen(0, 18.42, "r"),))
UNSEEN = LightCurve(limits=(limit(-3, 20.1, "g"), limit(0, 20.52, "r")))
NEGATIVE = LightCurve(negatives=(seen(-4, 17.9, "g"), seen(0, 17.28, "g")))
CURVES = {"young": YOUNG, "old": OLD, "alone": ALONE, "unseen": UNSEEN, "negative": NEGATIVE}

_finite = st.floats(allow_nan=False, allow_infinity=False)
_jd = st.one_of(_finite, st.floats(NEW_JD - 200, NEW_JD))
_mag = st.one_of(_finite, st.floats(12, 21))
_band = st.sampled_from(["g", "r", "i", "z"])
_detections = st.lists(st.builds(Detection, _jd, _band, st.integers(0, 2**63 - 1), _mag, _finite), max_size=8).map(
    tuple
)
_limits = st.lists(st.builds(UpperLimit, _jd, _band, _mag), max_size=8).map(tuple)
any_curve = st.builds(LightCurve, _detections, _detections, _limits)
