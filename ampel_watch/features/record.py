"""The record of features: names, units, and how they are written."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Features:
    """What was measured of one light curve. What it does not show is None; no value is ever nan or infinite.

    The suffixes `_g`, `_r`, `_i` are bands; errors are 1 σ. Magnitudes are AB, of the difference image.

    Attributes
    ----------
    mag, mag_err, band, jd, candid: of the newest detection, by (jd, candid).
    mag_g …: of the newest detection in that band.
    color_gr: g − r in the newest night that has both (see `measure.color_of`).
    peak_mag, peak_mag_err, peak_band, peak_jd: of the brightest detection, the first of equals. `peak_mag_g` …
        likewise.
    rise_rate_mag_d: present speed of brightening, mag/d, in the band of the newest detection: its last 10 d of
        detections. Above 0 it brightens, below 0 it fades. `rise_rate_g_mag_d` … the same at the end of each band.
    decline_rate_mag_d: mean speed of fading, mag/d, in the band of the newest detection: 30 d from that band's peak on.
        Above 0 it fades. `decline_rate_g_mag_d` … likewise.
    age_d: days since the first detection known; below 0 if that is dated after `jd_now`.
    limit_age_d, last_limit_mag, last_limit_band: days since, and depth of, the last upper limit before it.
    ndet, ndet_g …: positive detections; nneg: negative ones. An exposure counts once.
    drb, rb: real/bogus scores of the newest detection. One that came only within a history has no `drb`.
    ra_deg, dec_deg: median position. The scatter is the rms angle of the detections from it.
    gal_l_deg, gal_b_deg, ecl_lon_deg, ecl_b_deg: galactic; ecliptic (mean ecliptic and equinox of J2000.0).
    ssdist_arcsec, ssname: the solar-system object nearest to the newest detection.
    star_score, star_score_dist_arcsec: of the nearest Pan-STARRS source: 1 is like a star, 0 like a galaxy (Tachibana &
        Miller 2018, PASP 130, 128001); its angle. From the newest detection that has a score.
    """

    mag: float | None = None
    mag_err: float | None = None
    band: str | None = None
    jd: float | None = None
    candid: int | None = None
    mag_g: float | None = None
    mag_g_err: float | None = None
    mag_r: float | None = None
    mag_r_err: float | None = None
    mag_i: float | None = None
    mag_i_err: float | None = None
    color_gr: float | None = None
    color_gr_err: float | None = None
    peak_mag: float | None = None
    peak_mag_err: float | None = None
    peak_band: str | None = None
    peak_jd: float | None = None
    peak_mag_g: float | None = None
    peak_mag_g_err: float | None = None
    peak_mag_r: float | None = None
    peak_mag_r_err: float | None = None
    peak_mag_i: float | None = None
    peak_mag_i_err: float | None = None
    rise_rate_mag_d: float | None = None
    rise_rate_err_mag_d: float | None = None
    rise_rate_g_mag_d: float | None = None
    rise_rate_g_err_mag_d: float | None = None
    rise_rate_r_mag_d: float | None = None
    rise_rate_r_err_mag_d: float | None = None
    rise_rate_i_mag_d: float | None = None
    rise_rate_i_err_mag_d: float | None = None
    decline_rate_mag_d: float | None = None
    decline_rate_err_mag_d: float | None = None
    decline_rate_g_mag_d: float | None = None
    decline_rate_g_err_mag_d: float | None = None
    decline_rate_r_mag_d: float | None = None
    decline_rate_r_err_mag_d: float | None = None
    decline_rate_i_mag_d: float | None = None
    decline_rate_i_err_mag_d: float | None = None
    age_d: float | None = None
    limit_age_d: float | None = None
    last_limit_mag: float | None = None
    last_limit_band: str | None = None
    ndet: int | None = None
    ndet_g: int | None = None
    ndet_r: int | None = None
    ndet_i: int | None = None
    nneg: int | None = None
    drb: float | None = None
    rb: float | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    position_scatter_arcsec: float | None = None
    gal_l_deg: float | None = None
    gal_b_deg: float | None = None
    ecl_lon_deg: float | None = None
    ecl_b_deg: float | None = None
    ssdist_arcsec: float | None = None
    ssname: str | None = None
    star_score: float | None = None
    star_score_dist_arcsec: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Every name with its value as JSON has it: numbers rounded to what is meaningful, `candid` an integer."""
        return {field.name: _plain(field.name, getattr(self, field.name)) for field in fields(self)}


def _plain(name: str, value: Any) -> Any:
    return round(float(value), _digits(name)) if isinstance(value, float) else value


def _digits(name: str) -> int:
    """Decimals that are kept: 4 of magnitudes, days, scores and arcseconds, more where 4 would lose something."""
    if name in ("jd", "peak_jd"):
        return 7  # 10 ms
    if name.endswith("_deg"):
        return 6  # 4 mas
    return 5 if name.endswith("_mag_d") else 4
