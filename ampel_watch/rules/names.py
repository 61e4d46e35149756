"""What a name in a rule is, and every name and function that there is; the reference page is made from this."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ampel_watch.diff import KINDS

RuleType = Literal["a number", "text", "a condition", "a list"]

NUMBER: RuleType = "a number"
TEXT: RuleType = "text"
CONDITION: RuleType = "a condition"
LIST: RuleType = "a list"

SERVICES = frozenset({"live", "archive", "catalog"})


@dataclass(frozen=True, slots=True)
class RuleName:
    """A name that rules may use.

    Attributes
    ----------
    unit: "" if it has none.
    meaning, example: for people; the example is a whole rule that uses this name alone.
    source: whose answers give it a value: `live`, `archive`, `catalog`, or the name of an enricher; several with
        commas between them where more than one takes part.
    null_when: when it has no value: never, if empty.
    one_of: the texts that it can be; empty: any.
    """

    name: str
    type: RuleType
    unit: str
    meaning: str
    example: str
    source: str
    null_when: str = ""
    one_of: tuple[str, ...] = ()

    @property
    def sources(self) -> frozenset[str]:
        """The parts of `source`."""
        return frozenset(part.strip() for part in self.source.split(","))


_BANDS = ("g", "r", "i")
_NO_POINT = "there is no detection"
_NO_RATE = "the points do not tell a rate"
_NO_LIMIT = "no limit is known from before it"
_NO_Z = "there is no redshift"
_NO_HOST = "there is no redshift, or no galaxy with a position that it is of or agrees with"


def _number(name: str, unit: str, meaning: str, example: str, null_when: str, source: str = "archive") -> RuleName:
    return RuleName(name, NUMBER, unit, meaning, example, source, null_when)


def _error(of: str, name: str, unit: str, limit: float, null_when: str, source: str = "archive") -> RuleName:
    meaning = f"uncertainty (1 σ) of `{of}`"
    return _number(name, unit, meaning, f"{name} < {limit:g}", null_when, source)


def _text(name: str, meaning: str, example: str, null_when: str, source: str, one_of: tuple[str, ...] = ()) -> RuleName:
    return RuleName(name, TEXT, "", meaning, example, source, null_when, one_of)


def _condition(name: str, meaning: str) -> RuleName:
    return RuleName(name, CONDITION, "", meaning, f"not {name}", "catalog", "no catalog is searched that tells")


def _of_band(band: str) -> tuple[RuleName, ...]:
    """The names that each band has of its own."""
    never = f"never detected in {band}"
    no_rate = f"the points in {band} do not tell a rate"
    return (
        _number(f"mag_{band}", "mag", f"magnitude of the newest detection in {band}", f"mag_{band} < 19", never),
        _error(f"mag_{band}", f"mag_{band}_err", "mag", 0.1, never),
        _number(f"peak_mag_{band}", "mag", f"brightest magnitude so far in {band}", f"peak_mag_{band} < 18", never),
        _error(f"peak_mag_{band}", f"peak_mag_{band}_err", "mag", 0.1, never),
        _number(
            f"rise_rate_{band}_mag_d",
            "mag/d",
            f"speed of brightening in {band}; above 0: brightening",
            f"rise_rate_{band}_mag_d > 0.3",
            no_rate,
        ),
        _error(f"rise_rate_{band}_mag_d", f"rise_rate_{band}_err_mag_d", "mag/d", 0.05, no_rate),
        _number(
            f"decline_rate_{band}_mag_d",
            "mag/d",
            f"speed of fading in {band} since its peak; above 0: fading",
            f"decline_rate_{band}_mag_d > 0.1",
            no_rate,
        ),
        _error(f"decline_rate_{band}_mag_d", f"decline_rate_{band}_err_mag_d", "mag/d", 0.05, no_rate),
        _number(f"ndet_{band}", "", f"number of detections in {band}", f"ndet_{band} >= 2", ""),
    )


_LIGHT_CURVE = (
    _number("mag", "mag", "magnitude of the newest detection, in any band", "mag < 19.5", _NO_POINT),
    _error("mag", "mag_err", "mag", 0.1, _NO_POINT),
    _text("band", "band of the newest detection: g, r or i", 'band == "g"', _NO_POINT, "archive", _BANDS),
    _number("jd", "d", "Julian Date (UTC) of the newest detection", "jd > 2461000.5", _NO_POINT),
    *(name for band in "gri" for name in _of_band(band)),
    _number(
        "color_gr",
        "mag",
        "g − r of the nearest two detections within a night",
        "color_gr < 0.2",
        "no night has both bands",
    ),
    _error("color_gr", "color_gr_err", "mag", 0.1, "no night has both bands"),
    _number("peak_mag", "mag", "brightest magnitude so far, in any band", "peak_mag < 18", _NO_POINT),
    _error("peak_mag", "peak_mag_err", "mag", 0.1, _NO_POINT),
    _text("peak_band", "band of the brightest detection: g, r or i", 'peak_band == "r"', _NO_POINT, "archive", _BANDS),
    _number("peak_jd", "d", "Julian Date (UTC) of the brightest detection", "peak_jd > 2461000.5", _NO_POINT),
    _number(
        "rise_rate_mag_d",
        "mag/d",
        "speed of brightening, in the band of the newest detection; above 0: brightening",
        "rise_rate_mag_d > 0.3",
        _NO_RATE,
    ),
    _error("rise_rate_mag_d", "rise_rate_err_mag_d", "mag/d", 0.05, _NO_RATE),
    _number(
        "decline_rate_mag_d",
        "mag/d",
        "speed of fading since the peak, in the band of the newest detection; above 0: fading",
        "decline_rate_mag_d > 0.1",
        _NO_RATE,
    ),
    _error("decline_rate_mag_d", "decline_rate_err_mag_d", "mag/d", 0.05, _NO_RATE),
    _number("age_d", "d", "time since the first detection", "age_d < 3", _NO_POINT),
    _number(
        "limit_age_d", "d", "time since the last upper limit before the first detection", "limit_age_d < 4", _NO_LIMIT
    ),
    _number(
        "last_limit_mag",
        "mag",
        "the last upper limit before the first detection",
        "last_limit_mag > 19",
        _NO_LIMIT,
    ),
    _text("last_limit_band", "band of that limit: g, r or i", 'last_limit_band == "g"', _NO_LIMIT, "archive", _BANDS),
    _number("ndet", "", "number of detections", "ndet >= 3", ""),
    _number("nneg", "", "number of negative subtractions", "nneg == 0", ""),
    _number("drb", "", "deep-learning real/bogus score of the newest detection, 0…1", "drb > 0.8", "it has none"),
    _number("rb", "", "real/bogus score of the newest detection, 0…1", "rb > 0.5", "it has none"),
    _number(
        "position_scatter_arcsec",
        "arcsec",
        "scatter (rms) of the positions of the detections",
        "position_scatter_arcsec < 0.5",
        "there are fewer than two detections",
    ),
    _number("gal_l_deg", "deg", "galactic longitude", "gal_l_deg > 180", _NO_POINT),
    _number("gal_b_deg", "deg", "galactic latitude", "abs(gal_b_deg) > 10", _NO_POINT),
    _number("ecl_lon_deg", "deg", "ecliptic longitude", "ecl_lon_deg > 180", _NO_POINT),
    _number("ecl_b_deg", "deg", "ecliptic latitude", "abs(ecl_b_deg) > 5", _NO_POINT),
    _number(
        "ssdist_arcsec", "arcsec", "angle to the nearest solar-system object", "ssdist_arcsec == null", "none is near"
    ),
    _text("ssname", "name of the nearest solar-system object", "ssname == null", "none is near", "archive"),
    _number("star_score", "", "how star-like the nearest PS1 source is, 0…1", "star_score < 0.5", "none is near"),
    _number(
        "star_score_dist_arcsec",
        "arcsec",
        "angle to the nearest PS1 source",
        "star_score_dist_arcsec > 1.5",
        "none is near",
    ),
)

_HOST = (
    _number("z", "", "redshift of the object or of its host", "z < 0.05", _NO_Z, "catalog"),
    _error("z", "z_err", "", 0.01, "none is given", "catalog"),
    _text("z_source", "the catalog that the redshift is from", 'z_source == "NEDz"', _NO_Z, "catalog"),
    _text(
        "z_kind",
        "how the redshift was measured: spectroscopic or photometric",
        'z_kind == "spectroscopic"',
        _NO_Z,
        "catalog",
        ("spectroscopic", "photometric"),
    ),
    _number("dist_mpc", "Mpc", "luminosity distance", "dist_mpc < 200", _NO_Z, "catalog"),
    _number("dist_mod_mag", "mag", "distance modulus", "dist_mod_mag < 36", _NO_Z, "catalog"),
    _number(
        "abs_mag",
        "mag",
        "absolute magnitude of the newest detection",
        "abs_mag < -19",
        "there is no redshift or no detection",
        "archive, catalog",
    ),
    _text("host_source", "the catalog that the host is from", 'host_source == "SDSS_spec"', _NO_HOST, "catalog"),
    _number("host_offset_arcsec", "arcsec", "angle to the host", "host_offset_arcsec > 0.5", _NO_HOST, "catalog"),
    _number(
        "host_offset_kpc",
        "kpc",
        "projected distance to the host",
        "host_offset_kpc < 30",
        _NO_HOST,
        "catalog",
    ),
    _condition("star", "whether a star is at the position"),
    _condition("agn", "whether a known active nucleus is at the position"),
    _text("tns_name", "name in the Transient Name Server", "tns_name == null", "it is not there", "catalog"),
    _text(
        "tns_type",
        "classification in the Transient Name Server",
        'tns_type == "SN Ia"',
        "it is not classified there",
        "catalog",
    ),
)

_CHANGE = (
    _number("ra_deg", "deg", "right ascension (J2000)", "ra_deg > 180", _NO_POINT, "live, archive"),
    _number("dec_deg", "deg", "declination (J2000)", "dec_deg > -20", _NO_POINT, "live, archive"),
    _text("kind", "the kind of the change", 'kind == "channel_match"', "", "live", tuple(KINDS)),
    _text("channel", "the channel of the change", 'channel == "BTS"', "it concerns no channel", "live"),
    RuleName("channels", LIST, "", "the channels that the stock is in", '"BTS" in channels', "live"),
    _text("watch", "the name of the watch", 'watch == "infant-sne"', "", "live"),
    _text("name", "the ZTF name", 'name != "ZTF21aaqhhfu"', "", "live"),
)

RULE_NAMES: Mapping[str, RuleName] = {name.name: name for name in (*_LIGHT_CURVE, *_HOST, *_CHANGE)}

FUNCTIONS: Mapping[str, str] = {
    "abs": "absolute value of a number",
    "min": "smallest of several numbers",
    "max": "largest of several numbers",
    "catalog": 'the nearest row of a catalog: `catalog("milliquas").z`; null if there is none',
}
