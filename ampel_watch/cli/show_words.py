"""What `show` found, as tables for a person or as lines for a program that cuts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

import click

from ampel_watch.cli.output import counted
from ampel_watch.cli.page import Page, shown
from ampel_watch.julian import datetime_of_jd
from ampel_watch.text import LABELS, age, local_time, sexagesimal

if TYPE_CHECKING:
    from ampel_watch.config import Config
    from ampel_watch.hosts import CatalogSpec
    from ampel_watch.lightcurve import LightCurve

_BANDS = ("g", "r", "i")
_COLOURS = {"g": "green", "r": "red", "i": "yellow"}
_PLOT_WIDTH, _PLOT_HEIGHT = 72, 14
_COLUMNS_SHOWN = 6
_TYPES = (("star", "star"), ("agn", "active galactic nucleus"))
_UNINTERESTING = frozenset({"_id", "ra", "dec", "pos", "ra_deg", "dec_deg", "_ipix", "htm", "dist_arcsec"})


def tell(found: Mapping[str, Any], curve: "LightCurve | None", config: "Config") -> None:
    """Print the document that `show --json` prints."""
    words = _Words(found, config.timezone, Page.of_stdout())
    words.stock()
    words.light_curve(curve)
    words.host(config.catalogs)
    words.watches()
    words.events()
    words.links()


class _Words:
    """One run over one document."""

    def __init__(self, found: Mapping[str, Any], timezone: tzinfo, page: Page) -> None:
        self._found = found
        self._timezone = timezone
        self._page = page
        self._now = datetime.fromisoformat(found["time"])

    def stock(self) -> None:
        """Name, position, channels, and how old the knowledge is."""
        stock, record = self._found["stock"], self._found["record"]
        if self._page.terminal:
            click.echo(self._page.paint(stock["name"], bold=True) + f" ({stock['survey']} {stock['id']})")
        rows = [("Name", stock["name"]), ("Id", f"{stock['survey']} {stock['id']}")] if not self._page.terminal else []
        self._page.rows("stock", [*rows, *self._place(), *self._live(record)])

    def _place(self) -> Iterator[tuple[str, str]]:
        stock, features = self._found["stock"], self._found["features"] or {}
        if stock["ra_deg"] is None:
            yield "Position", "not known"
            return
        yield "Position", sexagesimal(stock["ra_deg"], stock["dec_deg"])
        yield "Degrees", f"{stock['ra_deg']:.6f} {stock['dec_deg']:+.6f}"
        if features.get("gal_b_deg") is not None:
            galactic = f"l {features['gal_l_deg']:.3f}, b {features['gal_b_deg']:+.3f}"
            yield "Galactic", f"{galactic} · ecliptic latitude {features['ecl_b_deg']:+.3f}"

    def _live(self, record: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
        if record is None:
            yield "Live record", "none was read yet"
            return
        if record["gone_at"]:
            yield "Gone", f"since {self._when(record['gone_at'])}: the live service no longer knows it"
        for channel, since in record["channels"].items():
            yield "Channels", f"{channel}, since {self._when(since)}" if since else channel
        if not record["channels"]:
            yield "Channels", "none"
        times = (("created", "created"), ("last touched", "last_changed"), ("unchanged since", "unchanged_since"))
        yield "Live record", " · ".join(f"{word} {self._when(record[key])}" for word, key in times if record[key])

    def light_curve(self, curve: "LightCurve | None") -> None:
        """The drawing, what was measured of it, and the same by band."""
        page, features, stored = self._page, self._found["features"], self._found["light_curve"]
        page.title("Light curve")
        if curve is None or features is None:
            asked = stored is not None and stored["looked_at"] is not None
            page.rows("light curve", [("Points", "none: the archive has none" if asked else "none stored")])
            return
        if page.terminal:
            self._draw(curve)
        page.rows("light curve", self._measured(curve, features))
        columns = ("band", "n", "newest mag", "peak mag", "rise mag/d", "decline mag/d")
        page.table("By band", columns, _band_rows(features))

    def _draw(self, curve: "LightCurve") -> None:
        from ampel_watch.cli.curve import draw

        width = min(_PLOT_WIDTH, self._page.width - 4)
        for line in draw(curve, width=width, height=_PLOT_HEIGHT, paint=self._mark):
            click.echo(line)
        click.echo()

    def _mark(self, text: str, band: str) -> str:
        return self._page.paint(text, _COLOURS.get(band), bold=text in _BANDS)

    def _measured(self, curve: "LightCurve", features: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        by_band = ", ".join(f"{features[f'ndet_{band}']} {band}" for band in _BANDS if features[f"ndet_{band}"])
        counts = [counted(features["ndet"], "detection") + (f" ({by_band})" if by_band else "")]
        counts += [counted(features["nneg"], "negative subtraction")] if features["nneg"] else []
        yield "Points", ", ".join([*counts, counted(len(curve.limits), "upper limit")])
        if features["mag"] is not None:
            scores = "".join(f" · {name} {features[name]:.2f}" for name in ("drb", "rb") if features[name] is not None)
            yield "Newest", f"{features['band']} {_value(features, 'mag')} · {self._at(features['jd'])}{scores}"
            yield "Peak", f"{features['peak_band']} {_value(features, 'peak_mag')} · {self._at(features['peak_jd'])}"
        yield "Now", _trend(features)
        yield "Age", _age(features)
        yield "g − r", _value(features, "color_gr", "color_gr_err")
        yield "Nearest", _neighbours(features)
        yield "As of", self._as_of()

    def _as_of(self) -> str:
        stored = self._found["light_curve"]
        looked = f"archive asked {self._when(stored['looked_at'])}" if stored["looked_at"] else "archive not asked yet"
        return looked if stored["whole"] else f"{looked}; only what came since {self._when(stored['watched_since'])}"

    def host(self, specs: "Sequence[CatalogSpec]") -> None:
        """What the catalogs say: the host in words, then each row."""
        page, host, catalogs = self._page, self._found["host"], self._found["catalogs"]
        page.title("Host and catalogs")
        if host is None:
            page.rows("host", [("Catalogs", "not asked yet")])
            return
        page.rows("host", self._host(host))
        columns = {spec.name: _columns_of(spec) for spec in specs}
        rows = [
            (name, f"{match['dist_arcsec']:.2f}″", _row(match["body"], columns.get(name, ())))
            for name, match in sorted(catalogs.items(), key=lambda item: item[1]["dist_arcsec"] if item[1] else 0)
            if match is not None
        ]
        page.table("Catalog", ("catalog", "distance", "row"), rows)
        empty = ", ".join(sorted(name for name, match in catalogs.items() if match is None))
        page.rows(
            "host", [("No match in", empty), ("As of", f"catalogs asked {self._when(self._found['matched_at'])}")]
        )

    def _host(self, host: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield "Redshift", _redshift(host)
        yield "Absolute", _absolute(host, self._found["features"] or {})
        yield "Offset", _offset(host)
        yield "Type", ", ".join(word for name, word in _TYPES if host.get(name))
        named = (host.get("tns_name"), host.get("tns_type"))
        yield "TNS", ", ".join(str(text) for text in named if text is not None)
        yield "AMPEL", ", ".join(f"{told} ({unit})" for unit, told in self._found["classes"].items())

    def watches(self) -> None:
        """Which watches look at it."""
        self._page.title("Watches that look at it")
        rows = [
            (one["name"], f"through {' and '.join(one['through'])}" + (f" · “{one['note']}”" if one["note"] else ""))
            for one in self._found["watches"]
        ]
        self._page.rows("watches", rows or [("Watches", "none looks at it now")])

    def events(self) -> None:
        """The last few events."""
        page = self._page
        page.title("Last events")
        rows = [(self._when(event["time"]), f"{event['watch']}  {event['summary']}") for event in self._found["events"]]
        if page.terminal:
            for when, text in rows:
                page.fold(f"{when}  ", text, hang=4, dim_head=True)
        else:
            page.rows("events", rows)
        if not rows:
            page.rows("events", [("Events", "none; `ampel-watch explain` tells why")])

    def links(self) -> None:
        """Pages of others about it."""
        self._page.title("Links")
        pages = self._found["links"].items()
        self._page.rows("links", [(LABELS.get(page, page), address) for page, address in pages])

    def _when(self, iso: str) -> str:
        return local_time(datetime.fromisoformat(iso), self._timezone)

    def _at(self, jd: float) -> str:
        when = datetime_of_jd(jd)
        ago_s = (self._now - when).total_seconds()
        return (
            f"{local_time(when, self._timezone)} ({age(ago_s)} ago)" if ago_s >= 0 else local_time(when, self._timezone)
        )


def _value(features: Mapping[str, Any], name: str, error: str | None = None) -> str:
    """`18.42 ± 0.05`; nothing if it was not measured."""
    value, uncertainty = features.get(name), features.get(error or f"{name}_err")
    if value is None:
        return ""
    return f"{value:.2f}" if uncertainty is None else f"{value:.2f} ± {uncertainty:.2f}"


def _rate(features: Mapping[str, Any], kind: str, band: str = "") -> str:
    """`0.31 ± 0.04`; nothing if the points tell no rate."""
    part = f"{band}_" if band else ""
    value, uncertainty = features[f"{kind}_rate_{part}mag_d"], features[f"{kind}_rate_{part}err_mag_d"]
    if value is None:
        return ""
    return _signed(value, 3) + (f" ± {uncertainty:.3f}" if uncertainty is not None else "")


def _trend(features: Mapping[str, Any]) -> str:
    rate, uncertainty = features["rise_rate_mag_d"], features["rise_rate_err_mag_d"]
    if rate is None:
        return ""
    error = f" ± {uncertainty:.3f}" if uncertainty is not None else ""
    unsure = uncertainty is not None and abs(rate) < 2 * uncertainty
    word = "steady within its error:" if unsure else "rising" if rate > 0 else "fading"
    return f"{word} {_signed(rate, 3) if unsure else f'{abs(rate):.3f}'}{error} mag/d in {features['band']}"


def _age(features: Mapping[str, Any]) -> str:
    if features["age_d"] is None:
        return ""
    first = f"{features['age_d']:.1f} d since the first detection"
    if features["last_limit_mag"] is None:
        return first
    limit = f"{features['last_limit_band']} > {features['last_limit_mag']:.2f}"
    return f"{first}; {features['limit_age_d'] - features['age_d']:.1f} d before it {limit}"


def _neighbours(features: Mapping[str, Any]) -> str:
    parts = []
    if features["star_score"] is not None:
        near = (
            f" at {features['star_score_dist_arcsec']:.1f}″" if features["star_score_dist_arcsec"] is not None else ""
        )
        parts.append(f"source of star score {features['star_score']:.2f}{near}")
    if features["ssdist_arcsec"] is not None:
        parts.append(f"solar system: {features['ssname'] or 'object'} at {features['ssdist_arcsec']:.1f}″")
    return " · ".join(parts)


def _band_rows(features: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    for band in _BANDS:
        if features[f"ndet_{band}"]:
            yield (
                band,
                str(features[f"ndet_{band}"]),
                _value(features, f"mag_{band}"),
                _value(features, f"peak_mag_{band}"),
                _rate(features, "rise", band),
                _rate(features, "decline", band),
            )


def _signed(value: float, decimals: int = 2) -> str:
    return f"{value:+.{decimals}f}".replace("-", "−")


def _redshift(host: Mapping[str, Any]) -> str:
    if host.get("z") is None:
        return "none known"
    uncertainty = f" ± {host['z_err']:.2g}" if host.get("z_err") is not None else ""
    of = ", ".join(str(text) for text in (host.get("z_source"), host.get("z_kind")) if text is not None)
    distance = f" · {host['dist_mpc']:.4g} Mpc" if host.get("dist_mpc") is not None else ""
    modulus = f", distance modulus {host['dist_mod_mag']:.2f}" if host.get("dist_mod_mag") is not None else ""
    return f"{shown(host['z'])}{uncertainty} ({of}){distance}{modulus}"


def _absolute(host: Mapping[str, Any], features: Mapping[str, Any]) -> str:
    """`M_r −17.82`: of the newest detection, and so in its band."""
    if host.get("abs_mag") is None:
        return ""
    band = features.get("band")
    return f"M{f'_{band}' if band else ''} {_signed(host['abs_mag'])}"


def _offset(host: Mapping[str, Any]) -> str:
    angle, projected = host.get("host_offset_arcsec"), host.get("host_offset_kpc")
    if angle is None:
        return ""
    return f"{angle:.2f}″ from the host" + (f", {projected:.2f} kpc" if projected is not None else "")


def _columns_of(spec: "CatalogSpec") -> tuple[str, ...]:
    """The columns of a catalog that mean something to us, the most important first."""
    names: list[str] = [spec.id_column] if spec.id_column else []
    if spec.tns is not None:
        names += [*spec.tns.prefix, *spec.tns.name, *spec.tns.type]
    for redshift in spec.redshifts:
        names += [redshift.column, *([redshift.error_column] if redshift.error_column else [])]
    for sign in (spec.star, spec.agn):
        if sign is not None:
            names += [sign.where.column] if sign.where is not None else []
            names += [column for pair in sign.significant for column in pair]
    return tuple(dict.fromkeys(names))


def _row(body: Mapping[str, Any], columns: Sequence[str]) -> str:
    """The main columns of a catalog row; its first ones if none of them is known to mean something."""
    main = {name: _part(body, name) for name in columns}
    main = {name: value for name, value in main.items() if value is not None}
    if not main:
        plain = ((name, value) for name, value in body.items() if name.lower() not in _UNINTERESTING)
        main = {name: value for name, value in plain if isinstance(value, bool | int | float | str)}
    told = ", ".join(f"{name} {shown(value)}" for name, value in list(main.items())[:_COLUMNS_SHOWN])
    left = len(body) - min(len(main), _COLUMNS_SHOWN)
    return f"{told} (+{left} columns)" if left > 0 and told else told


def _part(body: Mapping[str, Any], name: str) -> Any:
    """A column, or `a.b` for a part of one."""
    value: Any = body
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
