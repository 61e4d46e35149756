"""What is known of a stock at the time of a change, as values for rules and as parts of an event. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ampel_watch.features import features_of
from ampel_watch.hosts import CatalogSpec, hidden_by, host_facts
from ampel_watch.julian import jd_of
from ampel_watch.lightcurve import LightCurve
from ampel_watch.model import JSON, Change, EventStock, Match, iso
from ampel_watch.storage.light_curves import StoredCurve
from ampel_watch.storage.matches import StoredMatches

# What an old light curve tells as well as a new one.
_LASTING = frozenset({"ra_deg", "dec_deg", "gal_l_deg", "gal_b_deg", "ecl_lon_deg", "ecl_b_deg", "star_score"})
_JUST_NOW = timedelta(minutes=30)
NO_POINTS = "light curve: the archive has no alert of this stock (yet)"


@dataclass(frozen=True, slots=True)
class Ground:
    """What evaluation may count on: whether the services are configured, and the catalogs that can be asked.

    Attributes
    ----------
    absent: catalogs that are configured, but that the service does not have.
    """

    has_archive: bool
    has_catalog: bool
    specs: Sequence[CatalogSpec]
    absent: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """What is stored of one stock, and what could not be found out about it."""

    curve: StoredCurve | None = None
    matches: StoredMatches | None = None
    archive_trouble: str | None = None
    catalog_trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known for one change.

    Attributes
    ----------
    values: rule name → value, None for null; what is absent has not been found out.
    certain: what archive and catalogs say for sure, by name: what a summary may state.
    features, catalogs: for the event: all that there is, be it old.
    missing: what could not be found out, each as a text.
    incomplete: whether waiting may bring more. A single catalog that fails is not waited for: it rests for an hour.
    """

    stock: EventStock
    values: Mapping[str, Any]
    certain: Mapping[str, Any] = field(default_factory=dict)
    features: JSON = field(default_factory=dict)
    catalogs: JSON = field(default_factory=dict)
    curve: LightCurve = field(default_factory=LightCurve)
    matches: Mapping[str, Match | None] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    incomplete: bool = False

    def with_more(self, values: Mapping[str, Any], failures: Mapping[str, str]) -> "Known":
        """This, and what the plugins' enrichers say; those that failed are named."""
        failed = tuple(f"{name}: {why}" for name, why in sorted(failures.items()))
        return replace(
            self,
            values={**values, **self.values},  # what is known without a plugin is not for it to change
            features={**values, **self.features},
            missing=self.missing + failed,
            incomplete=self.incomplete or bool(failed),
        )


def live_values(change: Change, stock: EventStock) -> dict[str, Any]:
    """The values that the live record gives, whichever watch asks."""
    values: dict[str, Any] = {
        "kind": change.kind,
        "channel": change.channel,
        "channels": stock.channels,
        "name": change.name,
    }
    if stock.ra_deg is not None and stock.dec_deg is not None:
        values |= {"ra_deg": stock.ra_deg, "dec_deg": stock.dec_deg}
    return values


def known_of(change: Change, stock: EventStock, findings: Findings, ground: Ground) -> Known:
    """Put together what archive and catalogs say of the stock of a change."""
    curve, as_of = findings.curve, change.seen_at
    nothing = curve is None or (curve.curve.is_empty and findings.archive_trouble is not None)
    features = {} if curve is None or nothing else features_of(curve.curve, jd_of(as_of)).to_json()
    position = curve.curve.position() if curve else None
    stock = EventStock(
        stock.survey,
        stock.id,
        stock.name,
        round(position[0], 7) if position else stock.ra_deg,
        round(position[1], 7) if position else stock.dec_deg,
        stock.channels,
    )
    matches = dict(findings.matches.found) if findings.matches else {}
    host = host_facts(ground.specs, matches, mag=features.get("mag")) if findings.matches else {}
    missing = [*_archive_missing(findings, ground), *_catalog_missing(findings, ground)]
    announced = _is_just_announced(change, findings, ground)
    certain = {**_usable({} if announced else features, findings), **_certain(host, matches, findings, ground)}
    if announced or findings.archive_trouble is not None:
        certain.pop("abs_mag", None)  # it ages with the magnitude
    values = live_values(change, stock) | certain
    if findings.matches:
        bodies = {name: dict(match.body) if match else None for name, match in matches.items()}
        values["catalog"] = dict.fromkeys(ground.absent) | bodies
    return Known(
        stock=stock,
        values=values,
        certain=certain,
        features=features | host,
        catalogs={name: _catalog_entry(match) for name, match in sorted(matches.items())},
        curve=curve.curve if curve else LightCurve(),
        matches=matches,
        missing=tuple(missing),
        incomplete=announced or _is_unfinished(findings) or findings.catalog_trouble is not None,
    )


def _is_unfinished(findings: Findings) -> bool:
    """Whether the archive has something of the stock that is not known yet."""
    curve = findings.curve
    return findings.archive_trouble is not None or (curve is not None and not curve.whole and not curve.curve.is_empty)


def _usable(features: JSON, findings: Findings) -> JSON:
    """The features that stand: all of an up-to-date light curve, of an old one what does not age."""
    if findings.archive_trouble is None and findings.curve is not None and findings.curve.whole:
        return features
    return {name: value for name, value in features.items() if name in _LASTING and value is not None}


def _certain(host: JSON, matches: Mapping[str, Match | None], findings: Findings, ground: Ground) -> dict[str, Any]:
    """The facts about the host that no catalog which failed could change."""
    if findings.matches is None:
        return {}
    faulty = [spec.name for spec in ground.specs if spec.name not in matches]
    hidden = hidden_by(ground.specs, faulty, host)
    return {name: value for name, value in host.items() if name not in hidden}


def _has_no_points(findings: Findings, ground: Ground) -> bool:
    return (
        ground.has_archive
        and findings.archive_trouble is None
        and (findings.curve is None or findings.curve.curve.is_empty)
    )


def _is_just_announced(change: Change, findings: Findings, ground: Ground) -> bool:
    """Whether the archive may only be late with a stock that was not known to it until now."""
    if not _has_no_points(findings, ground):
        return False
    return findings.curve is None or findings.curve.baseline_at >= change.seen_at - _JUST_NOW


def _archive_missing(findings: Findings, ground: Ground) -> list[str]:
    if not ground.has_archive:
        return []
    if findings.archive_trouble is not None:
        curve = findings.curve
        known = curve is not None and curve.looked_at is not None and not curve.curve.is_empty
        state = f", known up to {iso(curve.looked_at)}" if known and curve and curve.looked_at else ""
        return [f"light curve{state}: {findings.archive_trouble}"]
    return [NO_POINTS] if _has_no_points(findings, ground) else []


def _catalog_missing(findings: Findings, ground: Ground) -> list[str]:
    if not ground.has_catalog:
        return []
    if findings.matches is None:
        if findings.catalog_trouble is not None:
            return [f"catalog matches: {findings.catalog_trouble}"]
        return []  # without a position nothing was asked, and that is named already
    failed = [spec.name for spec in ground.specs if spec.name not in findings.matches.found]
    return [f"catalog {name}: it could not be searched" for name in failed]


def _catalog_entry(match: Match | None) -> JSON | None:
    return None if match is None else {"dist_arcsec": round(match.dist_arcsec, 3), "body": dict(match.body)}
