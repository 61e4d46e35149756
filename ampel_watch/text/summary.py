"""The summary: one sentence that stands alone on a phone, the change first, then what is known of the stock. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from ampel_watch.model import JSON, Change
from ampel_watch.text.words import (
    arcseconds,
    clean,
    decimal,
    joined,
    local_time,
    luminosity,
    magnitude,
    measured,
    number,
    phrase,
    rate,
    redshift,
    span,
    time_of,
    with_error,
    word,
)

# What is known is added up to here; what the change itself says is never left out for it.
_PHONE_LENGTH = 180
_SEPARATOR = " · "
_SOLAR_SYSTEM_ARCSEC = 10.0
_NOTHING: Mapping[str, Any] = {}

Sentence = Callable[[Change, Mapping[str, Any]], str]


def summarize(change: Change, values: Mapping[str, Any] = _NOTHING) -> str:
    """One sentence that says what changed, the stock first, and then what `values` (rule names) tell of it."""
    sentence = _SENTENCES.get(change.kind, _other)
    text = clean(joined([change.name, _known_as(change, values), sentence(change, values)], " "))
    for part in _known(change, values):
        if part and len(text) + len(_SEPARATOR) + len(part) <= _PHONE_LENGTH:
            text += _SEPARATOR + part
    return text


def _known_as(change: Change, values: Mapping[str, Any]) -> str:
    """The name in the Transient Name Server, with the type; a change that tells it says it itself."""
    name = word(values, "tns_name", 30)
    if not name or _tells_tns(change):
        return ""
    return f"({joined([name, word(values, 'tns_type', 20)])})"


def _known(change: Change, values: Mapping[str, Any]) -> Iterator[str]:
    """What is known of the stock, each part for itself, the more telling first; what the change said is left out."""
    told = _tells_redshift(change)
    yield luminosity(values) if told else ""
    jumped = change.kind in ("brightening", "fading")
    seen = span(number(values, "age_d", 0, 1e6))
    yield joined(
        [
            "" if jumped or change.kind == "detection" else measured(values),
            "" if jumped else rate(values),
            f"{seen} old" if seen else "",
        ]
    )
    bright = luminosity(_of_jump(change, values) if jumped else values)
    yield "" if told else joined([_redshift_from(values), bright])
    yield joined(["star" if values.get("star") is True else "", "AGN" if values.get("agn") is True else ""])
    solar = number(values, "ssdist_arcsec", 0, _SOLAR_SYSTEM_ARCSEC)
    yield "" if solar is None else f"{arcseconds(solar)} from {word(values, 'ssname', 20) or 'a solar-system object'}"


def _of_jump(change: Change, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The absolute magnitude of the point that jumped, in its own band; that of the newest point may be another."""
    mag, modulus_mag = magnitude(change.after, "mag"), magnitude(values, "dist_mod_mag")
    if mag is None or modulus_mag is None or magnitude(values, "abs_mag") is None:
        return values
    return {**values, "abs_mag": mag - modulus_mag, "band": change.after.get("band")}


def _redshift_from(values: Mapping[str, Any]) -> str:
    """`z 0.031 (NEDz 3.2″)`."""
    z = redshift(values)
    of_host = word(values, "host_source", 20) in ("", word(values, "z_source", 20))
    offset = arcseconds(number(values, "host_offset_arcsec", 0, 3600)) if of_host else ""
    source = joined([word(values, "z_source", 20), offset], " ")
    return f"{z} ({source})" if z and source else z


def listed(document: JSON, key: str) -> list[str]:
    """The names in a list, as far as they say something."""
    names = document.get(key)
    return [told for name in names if (told := phrase(name, 80))] if isinstance(names, list | tuple) else []


def _some(names: Sequence[str]) -> str:
    """The first three of some names."""
    return f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''}"


def _entered(change: Change, _values: Mapping[str, Any]) -> str:
    before = listed(change.before, "channels")
    also = f"{_SEPARATOR}already in {_some(before)}" if before else ""
    return f"entered {change.channel or 'a channel'}{also}"


def _left(change: Change, _values: Mapping[str, Any]) -> str:
    left = listed(change.after, "channels")
    rest = f"still in {_some(left)}" if left else "in no channel now"
    return f"left {change.channel or 'a channel'}{_SEPARATOR}{rest}"


def _updated(change: Change, _values: Mapping[str, Any]) -> str:
    entries = number(change.after, "new_journal_entries", 1, 1e9)
    what = f"has {entries:.0f} new journal {'entry' if entries == 1 else 'entries'}" if entries else "was updated"
    when = time_of(change.after.get("updated"))
    return f"{what}{_SEPARATOR}record of {local_time(when, UTC)}" if when else what


def _detected(change: Change, _values: Mapping[str, Any]) -> str:
    again = "detected again" if change.before else "detected"
    point, count = measured(change.after), number(change.after, "detections", 2, 1e6)
    return joined([f"{again}: {point}" if point else again, f"({count:.0f} new)" if count else ""], " ")


def _jumped(verb: str) -> Sentence:
    def sentence(change: Change, _values: Mapping[str, Any]) -> str:
        after = change.after
        size, band, mag = number(after, "delta_mag", 0, 40), word(after, "band", 8), magnitude(after, "mag")
        parts = [verb, "" if size is None else f"{decimal(size, 2)} mag", f"in {band}" if band else ""]
        if mag is not None:
            parts.append(f"to {with_error(mag, number(after, 'mag_err', 0, 9))}")
        return joined(parts, " ")

    return sentence


def _crossmatched(change: Change, values: Mapping[str, Any]) -> str:
    new, old = redshift(change.after), redshift(change.before)
    parts = []
    if _tells_redshift(change):
        known = _same_redshift(change.after, values)
        parts.append(f"now has {_redshift_from({**change.after, **known})}" + (f", before {old}" if old else ""))
    elif old and not new:
        parts.append(f"has no redshift now, before {old}")
    source = word(change.after, "z_source", 20) if parts else ""
    for verb, key in (("matched", "appeared"), ("has another match in", "replaced"), ("has no match now in", "gone")):
        names = [name for name in listed(change.after, key) if name != source]
        parts.append(f"{verb} {_some(names)}" if names else "")
    return joined(parts) or "has new catalog matches"


def _tells_redshift(change: Change) -> bool:
    """Whether a crossmatch is about the redshift that the stock now has."""
    is_crossmatch = change.kind == "crossmatch" and change.after.get("z_changed") is not False
    return is_crossmatch and redshift(change.after) != ""


def _same_redshift(after: JSON, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The host's offset, if what is known of the host is from the catalog that the change is about."""
    same = word(after, "z_source") == word(values, "z_source")
    return {"host_offset_arcsec": values["host_offset_arcsec"]} if same and "host_offset_arcsec" in values else {}


def _classified(change: Change, _values: Mapping[str, Any]) -> str:
    type_, old = word(change.after, "tns_type", 30), word(change.before, "tns_type", 30)
    name = word(change.after, "tns_name", 30)
    parts = []
    if type_ and type_ != old:
        was = f", before {old}" if old else ""
        parts.append(joined([f"classified {type_}{was}", f"({name})" if name else ""], " "))
    elif _tells_tns(change):
        parts.append(f"is {name} in the TNS")
    classes = change.after.get("classes")
    if isinstance(classes, Mapping):
        told = [(word(classes, unit, 30), phrase(unit, 30)) for unit in classes]
        parts += [f"classified {label} by {unit or 'AMPEL'}" for label, unit in told if label][:3]
    return joined(parts) or "has a new classification"


def _tells_tns(change: Change) -> bool:
    """Whether a classification is about name or type in the Transient Name Server."""
    if change.kind != "classification" or not word(change.after, "tns_name"):
        return False
    return any(word(change.after, name) != word(change.before, name) for name in ("tns_name", "tns_type"))


def _appeared(change: Change, _values: Mapping[str, Any]) -> str:
    cone = change.after.get("cone")
    dist = arcseconds(number(change.after, "dist_arcsec", 0, 648000))
    where = place(cone) if isinstance(cone, Mapping) else ""
    return f"appeared {dist or 'near'}{' from' if dist else ''} {where or 'a watched position'}"


def place(cone: JSON) -> str:
    """A watched position by the user's own name for it, else by its coordinates; "" if it has neither."""
    if label := word(cone, "label", 60):
        return label
    ra_deg, dec_deg = number(cone, "ra_deg", -360, 360), number(cone, "dec_deg", -90, 90)
    return "" if ra_deg is None or dec_deg is None else f"{ra_deg:.5f} {dec_deg:+.5f}"


def _other(change: Change, _values: Mapping[str, Any]) -> str:
    return f"changed ({change.kind.replace('_', ' ')})"


_SENTENCES: Mapping[str, Sentence] = {
    "channel_match": _entered,
    "channel_left": _left,
    "updated": _updated,
    "vanished": lambda _change, _values: "is gone: the live service no longer knows it",
    "detection": _detected,
    "brightening": _jumped("brightened"),
    "fading": _jumped("faded"),
    "crossmatch": _crossmatched,
    "classification": _classified,
    "cone_match": _appeared,
}
