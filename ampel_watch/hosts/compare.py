"""What is news in the rows of catalogs since they were last asked. Pure.

Noise is no news: a position that is known a little better turns a row just outside of the radius into one just inside,
or one of two rows equally near into the nearest. Nor is a catalog that was not asked both times.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ampel_watch.diff import Difference
from ampel_watch.hosts.facts import Matches, tns_of
from ampel_watch.hosts.redshift import Redshift, best_redshift
from ampel_watch.hosts.rows import number_of, row_of, text_of
from ampel_watch.hosts.spec import CatalogSpec
from ampel_watch.model import JSON, Match

# By so much the position of a stock, the median of its detections, may move.
_JITTER_ARCSEC = 0.2
# A row whose own position moved by less is the same row, measured better.
_SAME_ROW_ARCSEC = 1.0
_POSITIONS = (("ra", "dec"), ("RA", "Dec"), ("raMean", "decMean"))


def compare_matches(
    before: Matches,
    after: Matches,
    specs: Collection[CatalogSpec],
    *,
    classes_before: Mapping[str, str] | None = None,
    classes_after: Mapping[str, str] | None = None,
) -> tuple[Difference, ...]:
    """At most one `crossmatch` and one `classification`, in this order.

    A `crossmatch`: a row of a catalog appeared, went or is another one, or a redshift appeared, went or changed beyond
    its error; of the catalogs that answered both times. A `classification`: name or type in the TNS appeared or
    changed, or the class that a unit of AMPEL gives; a unit without a result has said nothing.

    Parameters
    ----------
    before, after: catalog → its nearest row, None if it has none; a catalog that did not answer is not in it.
    """
    asked = before.keys() & after.keys()
    both = [spec for spec in specs if spec.name in asked]
    was = {spec.name: before[spec.name] for spec in both}
    now = {spec.name: _settled(spec, before[spec.name], after[spec.name]) for spec in both}
    crossmatch = _crossmatch(both, was, now)
    classification = _classification(both, was, now, classes_before or {}, classes_after or {})
    return tuple(difference for difference in (crossmatch, classification) if difference is not None)


def _settled(spec: CatalogSpec, before: Match | None, after: Match | None) -> Match | None:
    """The row of now, but that of before where the difference is noise."""
    if before is None or after is None:
        one = before or after
        at_the_edge = one is not None and one.dist_arcsec > spec.radius_arcsec - _JITTER_ARCSEC
        return before if at_the_edge and spec.tns is None else after  # no report to the TNS is to be missed
    equally_near = abs(before.dist_arcsec - after.dist_arcsec) <= _JITTER_ARCSEC
    return before if equally_near and _is_other_row(spec, before, after) and _both_placed(before, after) else after


def _crossmatch(specs: Collection[CatalogSpec], was: Matches, now: Matches) -> Difference | None:
    appeared, gone, replaced = [], [], []
    for spec in specs:
        one, other = row_of(spec, was), row_of(spec, now)
        if one is None and other is not None:
            appeared.append(spec.name)
        elif one is not None and other is None:
            gone.append(spec.name)
        elif one is not None and other is not None and _is_other_row(spec, one, other):
            replaced.append(spec.name)
    old, new = best_redshift(specs, was), best_redshift(specs, now)
    changed_z = (old is None) != (new is None) or (old is not None and new is not None and new.differs_from(old))
    if not (appeared or gone or replaced or changed_z):
        return None
    further: dict[str, Any] = {"appeared": appeared, "gone": gone, "replaced": replaced, "z_changed": changed_z}
    return Difference("crossmatch", _document(specs, was, old), {**_document(specs, now, new), **further})


def _document(specs: Collection[CatalogSpec], matches: Matches, found: Redshift | None) -> dict[str, Any]:
    """What an event says of matches: the catalogs that have a row, and the redshift."""
    return {
        "catalogs": [spec.name for spec in specs if row_of(spec, matches) is not None],
        "z": found and found.z,
        "z_err": found and round(found.err, 6),
        "z_source": found and found.catalog,
        "z_kind": found and found.kind,
    }


def _classification(
    specs: Collection[CatalogSpec],
    was: Matches,
    now: Matches,
    classes_before: Mapping[str, str],
    classes_after: Mapping[str, str],
) -> Difference | None:
    old, new = tns_of(specs, was), tns_of(specs, now)
    changed = {
        unit: label for unit, label in sorted(classes_after.items()) if label and label != classes_before.get(unit)
    }
    in_tns = any(new[name] is not None and new[name] != old[name] for name in new)
    if not in_tns and not changed:
        return None
    earlier = {unit: classes_before.get(unit) for unit in changed}
    return Difference("classification", {**old, "classes": earlier}, {**new, "classes": changed})


def _is_other_row(spec: CatalogSpec, one: Match, other: Match) -> bool:
    """Whether two rows are of different sources: by their positions, else by what the catalog calls them."""
    here, there = _position(one.body), _position(other.body)
    if here is not None and there is not None:
        return _separation_arcsec(here, there) > _SAME_ROW_ARCSEC
    if spec.id_column is None:
        return False
    names = [text_of(match.body, (spec.id_column,)) for match in (one, other)]
    return None not in names and names[0] != names[1]


def _both_placed(one: Match, other: Match) -> bool:
    return _position(one.body) is not None and _position(other.body) is not None


def _position(body: JSON) -> tuple[float, float] | None:
    """Right ascension and declination of a row, degrees; None if it carries none."""
    for columns in _POSITIONS:
        ra_deg, dec_deg = (number_of(body, column) for column in columns)
        if ra_deg is not None and dec_deg is not None and abs(dec_deg) <= 90:
            return ra_deg, dec_deg
    return None


def _separation_arcsec(here: Iterable[float], there: Iterable[float]) -> float:
    """The angle between two positions, by the haversine formula, which is exact for small angles."""
    (ra1, dec1), (ra2, dec2) = (map(math.radians, place) for place in (here, there))
    half = math.sin((dec2 - dec1) / 2) ** 2 + math.cos(dec1) * math.cos(dec2) * math.sin((ra2 - ra1) / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(half)))) * 3600
