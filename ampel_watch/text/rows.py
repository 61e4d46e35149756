"""The rows of a message that tell what is known of a stock: one line of a phone each, or two. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from ampel_watch.model import JSON, Event
from ampel_watch.text.summary import listed, place
from ampel_watch.text.words import (
    arcseconds,
    clean,
    decimal,
    joined,
    luminosity,
    magnitude,
    measured,
    number,
    rate,
    redshift,
    sexagesimal,
    span,
    with_error,
    word,
)

_BANDS = ("g", "r", "i")
_SEPARATOR = " · "
_NOTE_LENGTH = 300
_STAR_LIKE, _GALAXY_LIKE = 0.8, 0.2
_AT_THE_PLACE_ARCSEC = 3.0
_COUNT = (0, 1e6)
_MATCHES = 40

Row = tuple[str, str]


def words_rows(event: Event) -> Iterator[Row]:
    """The user's own words on the stock or on the watched position; a row is empty where there are none."""
    cone = event.after.get("cone")
    words = cone if isinstance(cone, Mapping) else {}
    yield "Cone", _cone(words, event.after) if words else ""
    label = "" if word(words, "label", 60) else word(event.features, "label", 60)
    note = word(event.features, "note", _NOTE_LENGTH) or word(words, "note", _NOTE_LENGTH)
    yield "Note", joined([label, note], ": ")


def _cone(cone: JSON, after: JSON) -> str:
    dist = arcseconds(number(after, "dist_arcsec", 0, 648000))
    radius = arcseconds(number(cone, "radius_arcsec", 0, 648000))
    named = joined([place(cone), _centre(cone) if word(cone, "label") else ""], " at ")
    return joined([named, f"{dist} from its centre" if dist else "", f"radius {radius}" if radius else ""], _SEPARATOR)


def _centre(cone: JSON) -> str:
    return place({name: value for name, value in cone.items() if name != "label"})


def known_rows(event: Event) -> Iterator[Row]:
    """Light curve, redshift and host, names and types; a row is empty where nothing is known."""
    values = event.features
    yield "Change", _change(event)
    yield "Light curve", _light_curve(values)
    yield "Trend", _trend(values)
    yield "History", _history(values)
    yield "TNS", joined([word(values, "tns_name"), word(values, "tns_type")], _SEPARATOR)
    yield "Host", _host(values)
    yield "Nature", _nature(values)
    yield "Matches", joined([_match(name, match) for name, match in event.catalogs.items()][:_MATCHES])


def _change(event: Event) -> str:
    """Before → after, where the title has no room for both."""
    if event.kind in ("brightening", "fading"):
        return _jump(event)
    return _new_matches(event.before, event.after) if event.kind == "crossmatch" else ""


def _new_matches(before: JSON, after: JSON) -> str:
    """`no redshift → z 0.031 · appeared: NEDz, milliquas`."""
    old, new = redshift(before, error=True), redshift(after, error=True)
    parts = [f"{old or 'no redshift'} → {new or 'no redshift'}" if old != new else ""]
    for key in ("appeared", "replaced", "gone"):
        names = listed(after, key)
        parts.append(f"{key}: {joined(names[:_MATCHES])}" if names else "")
    return joined(parts, _SEPARATOR)


def _jump(event: Event) -> str:
    """`r 18.42 ± 0.05 → 17.80 ± 0.03 in 3.1 d (11.5 σ)`."""
    before, after = measured(event.before), measured({**event.after, "band": None})
    if not before or not after:
        return ""
    took = span(_difference(event.after, "jd", event.before, "jd"))
    sigma = number(event.after, "sigma", 0, 1e6)
    parts = [f"{before} → {after}", f"in {took}" if took else "", f"({sigma:.1f} σ)" if sigma else ""]
    return joined(parts, " ")


def _difference(one: JSON, name: str, other: JSON, other_name: str) -> float | None:
    """By how much the one value is larger; None if one of them is not known, or it is not larger."""
    first, second = number(one, name, 0, 1e8), number(other, other_name, 0, 1e8)
    return None if first is None or second is None or first < second else first - second


def _light_curve(values: Mapping[str, Any]) -> str:
    """The newest magnitude of each band, and the colour."""
    bands = [measured({**values, "band": band}, f"mag_{band}", f"mag_{band}_err") for band in _BANDS]
    color = number(values, "color_gr", -20, 20)
    color_err = number(values, "color_gr_err", 0, 20)
    return joined(
        [joined(bands) or measured(values), "" if color is None else f"g − r = {with_error(color, color_err)}"],
        _SEPARATOR,
    )


def _trend(values: Mapping[str, Any]) -> str:
    """The present rate, the peak, and how fast it faded since."""
    peak = measured(values, "peak_mag", "peak_mag_err", "peak_band")
    ago = span(_difference(values, "jd", values, "peak_jd"))
    decline, sigma = number(values, "decline_rate_mag_d", 0, 99), number(values, "decline_rate_err_mag_d", 0, 99)
    if not ago or decline is None or (sigma is not None and decline < 2 * sigma):
        since = ""
    else:
        since = f"fading {with_error(decline, sigma)} mag/d since then"
    when = f"{ago} before the newest point" if ago else "the newest point"
    told = rate(values, error=True)
    band = word(values, "band", 8)
    now = f"{told} in {band}" if told and band else told
    return joined([now, joined([f"peak {peak}, {when}" if peak else "", since])], _SEPARATOR)


def _history(values: Mapping[str, Any]) -> str:
    """Age, the last limit before it, and how often it was seen."""
    seen = span(number(values, "age_d", 0, 1e6))
    limit = magnitude(values, "last_limit_mag")
    before = span(_difference(values, "limit_age_d", values, "age_d"))
    parts = [f"first seen {seen} ago" if seen else ""]
    if limit is not None:
        of = joined([word(values, "last_limit_band", 8), f"> {decimal(limit, 2)}"], " ")
        parts.append(joined([f"last limit {of}", f"{before} before" if before else ""]))
    parts.append(_detections(values))
    score = number(values, "drb", 0, 1)
    parts.append("" if score is None else f"drb {decimal(score, 2)}")
    return joined(parts, _SEPARATOR)


def _detections(values: Mapping[str, Any]) -> str:
    """`5 detections (2 g, 3 r)`."""
    count = number(values, "ndet", *_COUNT)
    if not count:
        return ""
    counts = {band: number(values, f"ndet_{band}", *_COUNT) for band in _BANDS}
    by_band = joined([f"{n:.0f} {band}" for band, n in counts.items() if n])
    return f"{count:.0f} detection{'' if count == 1 else 's'}" + (f" ({by_band})" if by_band else "")


def _host(values: Mapping[str, Any]) -> str:
    """Redshift with its source, distance, absolute magnitude and offset."""
    z, source = redshift(values, error=True), word(values, "z_source", 40)
    mpc = number(values, "dist_mpc", 0, 1e6)
    offset = arcseconds(number(values, "host_offset_arcsec", 0, 3600))
    kpc = number(values, "host_offset_kpc", 0, 1e5)
    if offset and kpc is not None:
        offset += f" = {decimal(kpc, 1)} kpc"
    return joined(
        [
            f"{z} ({source})" if z and source else z,
            "" if mpc is None else f"{decimal(mpc, 0 if mpc >= 9.95 else 1)} Mpc",
            luminosity(values),
            f"offset {offset}" if offset else "",
        ],
        _SEPARATOR,
    )


def _nature(values: Mapping[str, Any]) -> str:
    """What else it may be: a star, an active nucleus, an asteroid."""
    solar = arcseconds(number(values, "ssdist_arcsec", 0, 3600))
    name = word(values, "ssname", 40) or "a solar-system object"
    return joined(
        [
            "star" if values.get("star") is True else "",
            "active galactic nucleus" if values.get("agn") is True else "",
            f"{solar} from {name}" if solar else "",
            _neighbour(values),
        ],
        _SEPARATOR,
    )


def _neighbour(values: Mapping[str, Any]) -> str:
    """`PS1 source at 0.4″, galaxy-like (0.03)`, if there is one at the place."""
    score = number(values, "star_score", 0, 1)
    dist = number(values, "star_score_dist_arcsec", 0, _AT_THE_PLACE_ARCSEC)
    if score is None or dist is None:
        return ""
    like = "star-like" if score >= _STAR_LIKE else "galaxy-like" if score <= _GALAXY_LIKE else "star or galaxy"
    return f"PS1 source at {arcseconds(dist)}, {like} ({decimal(score, 2)})"


def _match(name: str, match: object) -> str:
    """`NEDz 3.2″`."""
    dist = arcseconds(number(match, "dist_arcsec", 0, 3600)) if isinstance(match, Mapping) else ""
    return f"{clean(name, 30)} {dist}" if dist else ""


def place_row(event: Event) -> str:
    """`12:34:57.50 -02:18:36.7 (188.73958 -2.31019) · b +60.2°`."""
    stock = event.stock
    if stock.ra_deg is None or stock.dec_deg is None:
        return ""
    degrees = f"({stock.ra_deg:.5f} {stock.dec_deg:+.5f})"
    latitude = number(event.features, "gal_b_deg", -90, 90)
    galactic = "" if latitude is None else f"b {decimal(latitude, 1, plus=True)}°"
    return joined([f"{sexagesimal(stock.ra_deg, stock.dec_deg)} {degrees}", galactic], _SEPARATOR)
