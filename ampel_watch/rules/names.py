"""Every name that a rule may use, with its type, unit and source: one table, which the reference page is made from."""

from collections.abc import Mapping
from dataclasses import dataclass

NUMBER, TEXT, CONDITION, LIST = "a number", "text", "a condition", "a list"


@dataclass(frozen=True, slots=True)
class RuleName:
    """A name that rules may use. `source` is the service whose answers give it a value; "" for unit: it has none."""

    name: str
    type: str
    unit: str
    meaning: str
    example: str
    source: str


def _table(*rows: tuple[str, str, str, str, str, str]) -> dict[str, RuleName]:
    return {row[0]: RuleName(*row) for row in rows}


RULE_NAMES: Mapping[str, RuleName] = _table(
    ("mag", NUMBER, "mag", "magnitude of the last detection, in any band", "mag < 19.5", "archive"),
    ("mag_err", NUMBER, "mag", "its uncertainty (1 σ)", "mag_err < 0.1", "archive"),
    ("band", TEXT, "", "its band: g, r or i", 'band == "g"', "archive"),
    ("mag_g", NUMBER, "mag", "magnitude of the last detection in g", "mag_g < 19", "archive"),
    ("mag_r", NUMBER, "mag", "magnitude of the last detection in r", "mag_r < 19", "archive"),
    ("mag_i", NUMBER, "mag", "magnitude of the last detection in i", "mag_i < 19", "archive"),
    ("color_gr", NUMBER, "mag", "g − r of nearly simultaneous detections", "color_gr < 0.2", "archive"),
    ("peak_mag", NUMBER, "mag", "brightest magnitude so far, in any band", "peak_mag < 18", "archive"),
    (
        "rise_rate_mag_d",
        NUMBER,
        "mag/d",
        "speed of brightening; above 0: brightening",
        "rise_rate_mag_d > 0.3",
        "archive",
    ),
    ("age_d", NUMBER, "d", "time since the first detection", "age_d < 3", "archive"),
    ("ndet", NUMBER, "", "number of detections", "ndet >= 3", "archive"),
    ("drb", NUMBER, "", "deep-learning real/bogus score of the last detection, 0…1", "drb > 0.8", "archive"),
    ("rb", NUMBER, "", "real/bogus score of the last detection, 0…1", "rb > 0.5", "archive"),
    ("ra_deg", NUMBER, "deg", "right ascension (J2000), where the record has it", "ra_deg > 180", "live"),
    ("dec_deg", NUMBER, "deg", "declination (J2000), where the record has it", "dec_deg > -20", "live"),
    ("gal_b_deg", NUMBER, "deg", "galactic latitude", "abs(gal_b_deg) > 10", "archive"),
    ("ecl_b_deg", NUMBER, "deg", "ecliptic latitude", "abs(ecl_b_deg) > 5", "archive"),
    ("z", NUMBER, "", "redshift of the object or of its host", "z < 0.05", "catalog"),
    ("z_source", TEXT, "", "the catalog that the redshift is from", 'z_source == "NEDz"', "catalog"),
    ("dist_mpc", NUMBER, "Mpc", "luminosity distance", "dist_mpc < 200", "catalog"),
    ("abs_mag", NUMBER, "mag", "absolute magnitude of the last detection", "abs_mag < -19", "catalog"),
    ("host_offset_arcsec", NUMBER, "arcsec", "angle to the host", "host_offset_arcsec > 0.5", "catalog"),
    ("host_offset_kpc", NUMBER, "kpc", "projected distance to the host", "host_offset_kpc < 30", "catalog"),
    ("star", CONDITION, "", "whether a star is at the position", "not star", "catalog"),
    ("agn", CONDITION, "", "whether a known active nucleus is at the position", "not agn", "catalog"),
    ("tns_name", TEXT, "", "name in the Transient Name Server", "tns_name == null", "catalog"),
    ("tns_type", TEXT, "", "classification in the Transient Name Server", 'tns_type == "SN Ia"', "catalog"),
    ("ssdist_arcsec", NUMBER, "arcsec", "angle to the nearest solar-system object", "ssdist_arcsec == null", "archive"),
    ("last_limit_mag", NUMBER, "mag", "last upper limit before the first detection", "last_limit_mag > 19", "archive"),
    ("kind", TEXT, "", "the kind of the change", 'kind == "channel_match"', "live"),
    ("channel", TEXT, "", "the channel of the change; null if it concerns none", 'channel == "BTS"', "live"),
    ("channels", LIST, "", "the channels that the stock is in", '"BTS" in channels', "live"),
    ("watch", TEXT, "", "the name of the watch", 'watch == "infant-sne"', "live"),
    ("name", TEXT, "", "the ZTF name", 'name != "ZTF21aaqhhfu"', "live"),
)

FUNCTIONS: Mapping[str, str] = {
    "abs": "absolute value of a number",
    "min": "smallest of several numbers",
    "max": "largest of several numbers",
    "catalog": 'the nearest row of a catalog: `catalog("milliquas").z`; null if there is none',
}
