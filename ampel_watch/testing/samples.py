"""Events of every kind as the program makes them, and events that nobody should send."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ampel_watch.api import Event, EventStock, StockKey
from ampel_watch.links import links_for
from ampel_watch.model import JSON, Change
from ampel_watch.text import summarize
from ampel_watch.ztf import id_of

SAMPLE_TIME = datetime(2026, 11, 22, 21, 4, 5, tzinfo=UTC)
_NAME = "ZTF21aaqhhfu"
_STOCK = EventStock("ztf", id_of(_NAME), _NAME, 188.739583, -2.310194, ("HU_TDE_RANKING", "WEIZMANN_INFANTSN"))

# A young supernova in a galaxy at z = 0.031, five exposures after its first detection.
_LIGHT_CURVE: JSON = {
    "mag": 18.42, "mag_err": 0.05, "band": "r", "jd": 2461367.3502, "candid": 3557350201515015001,
    "mag_g": 18.31, "mag_g_err": 0.06, "mag_r": 18.42, "mag_r_err": 0.05, "mag_i": None, "mag_i_err": None,
    "color_gr": -0.12, "color_gr_err": 0.08,
    "peak_mag": 18.31, "peak_mag_err": 0.06, "peak_band": "g", "peak_jd": 2461367.3114,
    "rise_rate_mag_d": 0.31, "rise_rate_err_mag_d": 0.04, "decline_rate_mag_d": None, "decline_rate_err_mag_d": None,
    "age_d": 2.1, "limit_age_d": 4.08, "last_limit_mag": 20.61, "last_limit_band": "g",
    "ndet": 5, "ndet_g": 2, "ndet_r": 3, "ndet_i": 0, "nneg": 0, "drb": 0.98, "rb": 0.81,
    "ra_deg": 188.739583, "dec_deg": -2.310194, "position_scatter_arcsec": 0.09,
    "gal_l_deg": 294.602548, "gal_b_deg": 60.294767, "ecl_lon_deg": 188.938206, "ecl_b_deg": 1.341266,
    "ssdist_arcsec": None, "ssname": None, "star_score": 0.04, "star_score_dist_arcsec": 2.9,
}  # fmt: skip
_HOST: JSON = {
    "z": 0.031, "z_err": 0.0001, "z_source": "NEDz", "z_kind": "spectroscopic", "dist_mpc": 140.6,
    "dist_mod_mag": 35.74, "abs_mag": -17.32, "host_source": "NEDz",
    "host_offset_arcsec": 3.2, "host_offset_kpc": 2.05,
    "star": False, "agn": False, "tns_name": None, "tns_type": None,
}  # fmt: skip
_NOT_MATCHED: JSON = {name: None if value not in (True, False) else False for name, value in _HOST.items()}
_MATCHES: JSON = {
    "NEDz": {"dist_arcsec": 3.2, "body": {"z": 0.031, "ObjType": "G", "RA": 188.740421, "Dec": -2.309882}},
    "TNS": None,
    "milliquas": None,
}
_IN_TNS: JSON = {
    "TNS": {"dist_arcsec": 0.1, "body": {"objname": "2021abc", "name_prefix": "SN", "object_type": {"name": "SN Ia"}}}
}
_LATER: JSON = {
    "mag": 17.8, "mag_err": 0.03, "mag_r": 17.8, "mag_r_err": 0.03, "mag_g": 17.71, "mag_g_err": 0.04,
    "color_gr": -0.09, "color_gr_err": 0.05, "peak_mag": 17.71, "peak_mag_err": 0.04, "abs_mag": -17.94,
    "rise_rate_mag_d": 0.12, "rise_rate_err_mag_d": 0.02, "age_d": 5.1, "limit_age_d": 7.08,
    "ndet": 9, "ndet_g": 4, "ndet_r": 5,
}  # fmt: skip
_MUCH_LATER: JSON = {
    "mag": 18.91, "mag_err": 0.06, "mag_r": 18.91, "mag_r_err": 0.06, "mag_g": 19.52, "mag_g_err": 0.09,
    "color_gr": 0.61, "color_gr_err": 0.11,
    "peak_mag": 17.38, "peak_mag_err": 0.03, "peak_band": "r", "peak_jd": 2461346.3202, "abs_mag": -16.83,
    "rise_rate_mag_d": -0.06, "rise_rate_err_mag_d": 0.01,
    "decline_rate_mag_d": 0.055, "decline_rate_err_mag_d": 0.003,
    "age_d": 34.6, "limit_age_d": 36.58, "ndet": 31, "ndet_g": 14, "ndet_r": 17,
    "tns_name": "SN 2021abc", "tns_type": "SN Ia",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Sample:
    """What differs from kind to kind."""

    before: JSON
    after: JSON
    channel: str | None = None
    values: JSON = field(default_factory=dict)
    catalogs: JSON = field(default_factory=dict)


def _point(mag: float, mag_err: float, jd: float) -> dict[str, Any]:
    return {"mag": mag, "mag_err": mag_err, "band": "r", "jd": jd}


_NEW: JSON = {"candid": 3557350201515015001, "drb": 0.98, "time": "2026-11-22T20:24:17Z"}
_SAMPLES: dict[str, _Sample] = {
    "channel_match": _Sample(
        {"channels": ["HU_TDE_RANKING"]},
        {
            "channels": ["HU_TDE_RANKING", "WEIZMANN_INFANTSN"],
            "channel": "WEIZMANN_INFANTSN",
            "entered": "2026-11-22T21:01:44Z",
        },
        "WEIZMANN_INFANTSN",
    ),
    "channel_left": _Sample(
        {"channels": ["HU_TDE_RANKING", "WEIZMANN_INFANTSN"]},
        {"channels": ["WEIZMANN_INFANTSN"], "channel": "HU_TDE_RANKING"},
        "HU_TDE_RANKING",
        _MUCH_LATER,
        _IN_TNS,
    ),
    "updated": _Sample(
        {"updated": "2026-11-20T20:55:12Z"},
        {"updated": "2026-11-22T21:01:44Z", "new_journal_entries": 3},
    ),
    "detection": _Sample(
        {**_point(18.73, 0.06, 2461366.3611), "candid": 3556361101515015001},
        {"detections": 2, **_point(18.42, 0.05, 2461367.3502), **_NEW},
    ),
    "brightening": _Sample(
        _point(18.42, 0.05, 2461364.3498),
        {**_point(17.8, 0.03, 2461367.3502), **_NEW, "delta_mag": 0.62, "sigma": 11.4},
        values=_LATER,
    ),
    "fading": _Sample(
        _point(17.38, 0.03, 2461346.3202),
        {**_point(18.91, 0.06, 2461367.3502), **_NEW, "delta_mag": 1.53, "sigma": 24.7},
        values=_MUCH_LATER,
        catalogs=_IN_TNS,
    ),
    "crossmatch": _Sample(
        {"catalogs": [], "z": None, "z_err": None, "z_source": None, "z_kind": None},
        {
            "catalogs": ["NEDz"],
            "z": 0.031,
            "z_err": 0.0001,
            "z_source": "NEDz",
            "z_kind": "spectroscopic",
            "appeared": ["NEDz"],
            "gone": [],
            "replaced": [],
            "z_changed": True,
        },
    ),
    "classification": _Sample(
        {"tns_name": "AT 2021abc", "tns_type": None, "classes": {}},
        {"tns_name": "SN 2021abc", "tns_type": "SN Ia", "classes": {}},
        values={**_LATER, "tns_name": "SN 2021abc", "tns_type": "SN Ia"},
        catalogs=_IN_TNS,
    ),
    "cone_match": _Sample(
        {},
        {
            "cone": {
                "ra_deg": 188.740421,
                "dec_deg": -2.309882,
                "radius_arcsec": 30.0,
                "label": "NGC 4517A core",
                "note": "lensed quasar candidate, wake me up",
            },
            "dist_arcsec": 3.2,
        },
    ),
    "vanished": _Sample({"channels": ["HU_TDE_RANKING"]}, {}, values=_NOT_MATCHED, catalogs={"NEDz": None}),
}


def sample_event(kind: str = "channel_match", **changes: Any) -> Event:
    """An event as the program makes it, with `changes` to its fields."""
    sample = _SAMPLES[kind]
    values = {**_LIGHT_CURVE, **_HOST, **sample.values}
    key = StockKey(_STOCK.survey, _STOCK.id)
    change = Change(key, _STOCK.name, kind, 1, sample.before, sample.after, SAMPLE_TIME, sample.channel)
    event = Event(
        id=f"sample-{kind.replace('_', '-')}",
        kind=kind,
        watch="infant-sne",
        time=SAMPLE_TIME,
        summary=summarize(change, values),
        stock=_STOCK,
        before=sample.before,
        after=sample.after,
        features=values,
        catalogs={**_MATCHES, **sample.catalogs},
        links=links_for(_STOCK),
    )
    return replace(event, **changes)


def sample_events() -> tuple[Event, ...]:
    """One event of every kind."""
    return tuple(map(sample_event, _SAMPLES))


def hostile_events() -> tuple[Event, ...]:
    """Events that hold what nobody should send, and what somebody will: every one must be delivered, defused."""
    texts = {
        "markup": "<script>alert(1)</script> <b>&amp;</b> <!channel> <@U012AB3CD> <https://evil.example|Fritz> *_~`",
        "lines": "one\r\nBcc: everybody@example.org\r\n\r\ntwo\x00\x1b[31m\x07\x9b\u2028three\u2029four",
        "direction": "\u202eevil\u202c \u2066txt.exe\u2069 \u200b\ufeff\u061c أبجد שלום",
        "long": "🔭" * 100_000,
        "ampersands": "&<>" * 2_000,
        "empty": "",
    }
    return (*(_hostile(name, text) for name, text in texts.items()), _absurd())


def _hostile(name: str, text: str) -> Event:
    event = sample_event(id=f"hostile-{name}", summary=f"{_NAME} {text}", watch=text or "-")
    cone = {"label": text, "note": text, "ra_deg": text, "dec_deg": text, "radius_arcsec": text}
    return replace(
        event,
        stock=replace(event.stock, name=text, channels=(text, *(f"{text[:50]}{n}" for n in range(200)))),
        after={"channels": [text], "channel": text, "entered": text, "time": text, "cone": cone},
        features={
            name: text if value is None or isinstance(value, str) else value for name, value in event.features.items()
        }
        | {"label": text, "note": text, "ssdist_arcsec": 1.5},
        catalogs={text: {"dist_arcsec": 1.0, "body": {text: text}}, "TNS": None},
        links={"fritz": "javascript:alert(1)", text: 'https://x.example/?a=1&b="><i>|2', "odd": f"https://{text}"},
        missing=(text[:1000],) * 50,
    )


def _absurd() -> Event:
    """Values that no quantity can have, as a catalog's sentinels and a plugin's mistakes make them."""
    event = sample_event("brightening", id="hostile-absurd")
    sizes: tuple[Any, ...] = (-999.0, 1e308, -1e308, 10**60, True, [], {}, "nan", "None")
    features = {name: sizes[n % len(sizes)] for n, name in enumerate(event.features)}
    return replace(event, features=features, before=features, after={**features, "cone": "nowhere"})
