"""The keys of the configuration file, with their types, defaults and meanings; the reference page is made from them.

What depends on other parts of the file (receivers, notifiers) or on the machine (environment, files) is checked by
`loading`; here is what one key may hold.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, WithJsonSchema

from ampel_watch.config.catalogs import CatalogEntrySettings, sound_entries
from ampel_watch.config.enrichers import rule_of
from ampel_watch.config.values import (
    change_kinds,
    database_url,
    entry_end,
    host_and_port,
    known_receiver,
    label,
    route,
    span,
    time_zone,
    web_address,
    ztf_name,
)
from ampel_watch.rules import MAX_LENGTH, Rule
from ampel_watch.settings import Duration, RatePerSecond, Secret, Settings

Name = Annotated[str, AfterValidator(label), Field(min_length=1, max_length=80)]
Text = Annotated[str, Field(min_length=1)]
WebAddress = Annotated[str, AfterValidator(web_address), Field(json_schema_extra={"format": "uri"})]
Span = Annotated[Duration, span()]
ReceiverName = Annotated[str, AfterValidator(known_receiver)]
RouteOfName = Annotated[str, route("{name}")]
RouteOfId = Annotated[str, route("{id}")]
Route = Annotated[str, route()]
Concurrency = Annotated[int, Field(ge=1, le=100)]


class ServiceSettings(Settings):
    """How to reach one of the three services."""

    url: WebAddress = Field(description="Base address of the service, without a trailing slash")
    token: Secret | None = Field(None, description="Bearer token; without one, requests carry none")
    rate: Annotated[RatePerSecond, Field(gt=0)] = Field(10.0, description="Most requests that are sent: 10/s, 30/m")
    concurrency: Concurrency = Field(3, description="Most requests in flight at a time")
    timeout: Span = Field(timedelta(seconds=90), description="Deadline of a whole answer")
    proxy: WebAddress | None = Field(None, description="Proxy for this service; the environment's is not used")


class LiveSettings(ServiceSettings):
    """The live service: channels and stocks as they are now."""

    concurrency: Concurrency = Field(8, description="Most requests in flight at a time")
    listing: Literal["auto", "rest", "archive"] = Field(
        "auto", description="How the stocks of a channel are found: the first way that the service offers, or this one"
    )
    listing_path: Route = Field("/stocks", description="Route that lists the stocks of a channel")
    stock_path: RouteOfName = Field("/stock/ztf/{name}", description="Route to a stock by its ZTF name")
    stock_id_path: RouteOfId = Field("/stock/{id}", description="Route to a stock by its AMPEL id")
    t2_path: RouteOfName = Field("/stock/ztf/{name}/t2", description="Route to the T2 results of a stock")
    channels_path: Route = Field("/channels", description="Route that lists the channels")
    budget: Annotated[int, Field(ge=0)] = Field(
        100, description="Most known stocks that a pass reads again without a sign of news; 0: none"
    )
    t2_classifiers: dict[Text, Text] = Field(
        default_factory=dict,
        description="T2 units of AMPEL whose results classify: unit → where in its result the class is, `label.name`; "
        "they are read together with the catalogs, so this needs `services.catalog`",
    )


class ArchiveSettings(ServiceSettings):
    """The archive: alerts, light curves and cutouts."""


class CatalogSettings(ServiceSettings):
    """The catalog-matching service."""

    catalogs: Annotated[tuple[CatalogEntrySettings, ...], AfterValidator(sound_entries)] = Field(
        (), description="Further catalogs to search, and changes of the default ones"
    )
    recheck: Annotated[Duration, span(shortest=timedelta(minutes=1))] = Field(
        timedelta(days=1), description="How long the matches of a stock are taken as known before they are asked again"
    )


class ServicesSettings(Settings):
    """The three AMPEL services."""

    live: LiveSettings | None = Field(None, description="Channels and stocks; needed as soon as there is a watch")
    archive: ArchiveSettings | None = Field(None, description="Alerts and light curves")
    catalog: CatalogSettings | None = Field(None, description="Catalog matches")


class ConeSettings(Settings):
    """A circle on the sky."""

    ra_deg: Annotated[float, Field(ge=0, lt=360)] = Field(description="Right ascension of the centre, degrees (J2000)")
    dec_deg: Annotated[float, Field(ge=-90, le=90)] = Field(description="Declination of the centre, degrees (J2000)")
    radius_arcsec: Annotated[float, Field(gt=0, le=36000)] = Field(description="Radius in arcseconds")
    note: str | None = Field(None, description="A remark for yourself")
    label: str | None = Field(None, description="A short name to show")
    until: Annotated[datetime | None, BeforeValidator(entry_end, json_schema_input_type=str | None)] = Field(
        None, description="When the entry ends: a date (its end, UTC) or a time (UTC unless it names a zone)"
    )


class JumpSettings(Settings):
    """When a difference in brightness counts as brightening or fading."""

    min_sigma: Annotated[float, Field(ge=0)] = Field(
        3.0, description="Least difference of the fluxes, in units of their combined error"
    )
    min_drb: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5, description="Deep-learning score below which a detection needs a second one; 0: none does"
    )


class WatchSettings(Settings):
    """One entry of `watches:`; at least one of `channels`, `stocks`, `stocks_from` and `cones` is needed."""

    name: Name = Field(description="Identity of the watch: a renamed one is new")
    channels: tuple[Text, ...] = Field((), description="AMPEL channels whose stocks are watched")
    stocks: tuple[Annotated[str, AfterValidator(ztf_name)], ...] = Field((), description="ZTF names to watch")
    stocks_from: tuple[Text, ...] = Field((), description="Watchlist files (YAML or CSV), relative to this file")
    cones: tuple[ConeSettings, ...] = Field((), description="Circles on the sky to watch")
    every: Annotated[Duration, span(shortest=timedelta(seconds=1))] = Field(
        timedelta(minutes=5), description="How often to look: 30s, 5m, 2h, 1d"
    )
    on: Annotated[
        Mapping[str, float | None],
        BeforeValidator(change_kinds, json_schema_input_type=list[str | dict[str, float]]),
    ] = Field(
        default_factory=lambda: change_kinds(None),
        description="Kinds of change to report: channel_match, {brightening: 0.5}; all but `updated` if absent",
    )
    when: Annotated[
        InstanceOf[Rule] | None,
        BeforeValidator(rule_of),
        WithJsonSchema({"type": "string", "maxLength": MAX_LENGTH}),
    ] = Field(None, description="Rule that a change must meet; see rule-names.md")
    notify: Annotated[tuple[ReceiverName, ...], Field(min_length=1)] = Field(description="Receivers of the events")
    initial: Literal["silent", "notify"] = Field("silent", description="Whether the first look itself is reported")
    candidates: dict[str, Any] | None = Field(
        None, description="Filter on the alerts' `candidate` when a channel is searched through the archive"
    )
    jump: JumpSettings = Field(
        default_factory=lambda: JumpSettings(min_sigma=3.0, min_drb=0.5),
        description="When a difference in brightness counts as brightening or fading",
    )
    enrich_deadline: Annotated[Duration, span(shortest=timedelta())] = Field(
        timedelta(minutes=30), description="How long a change waits for archive and catalog; 0s: not at all"
    )
    priority: Literal["low", "normal", "high"] = Field(
        "normal", description="Which watch goes first when time is short"
    )


class OperatorSettings(Settings):
    """Whom to tell of trouble in the program itself: tokens, services, dead letters, disk."""

    notify: Annotated[tuple[ReceiverName, ...], Field(min_length=1)] = Field(description="Receivers of such events")


class RetentionSettings(Settings):
    """How long the state database keeps things."""

    events: Span | None = Field(None, description="Events and their deliveries; kept for ever if absent")


class PluginsSettings(Settings):
    """Which plugins are used."""

    disable: tuple[Text, ...] = Field((), description="Names of installed plugins that are not loaded")
    dirs: tuple[Text, ...] = Field((), description="Folders with further plugins")


class HeartbeatSettings(Settings):
    """A dead-man's switch: an address that is called as long as all is well."""

    url: Secret = Field(description="Address to call; who knows it can keep the switch quiet, so it is a secret")
    every: Span = Field(timedelta(minutes=5), description="How often to call it")


class HttpSettings(Settings):
    """The program's own little web server, for health and metrics."""

    listen: Annotated[str, AfterValidator(host_and_port)] = Field(description="Address and port: 127.0.0.1:8787")


class FileSettings(Settings):
    """The whole file, but for `watches`, `receivers` and `enrichers`, whose entries are checked one by one."""

    services: ServicesSettings = Field(
        default_factory=lambda: ServicesSettings(live=None, archive=None, catalog=None),
        description="The three AMPEL services",
    )
    state: Annotated[str, AfterValidator(database_url)] = Field(
        "sqlite:///ampel-watch.db",
        description="State database, an SQLAlchemy URL; a relative SQLite path is relative to the state directory",
    )
    watches: tuple[Any, ...] = Field((), description="What to look at, what to report, to whom")
    receivers: dict[str, Any] = Field(default_factory=dict, description="Where events go, by name")
    enrichers: dict[str, Any] = Field(
        default_factory=dict, description="Enrichers of plugins that are switched on, by name, each with its settings"
    )
    operator: OperatorSettings | None = Field(None, description="Whom to tell of trouble in the program itself")
    retention: RetentionSettings | None = Field(None, description="How long the state database keeps things")
    plugins: PluginsSettings = Field(
        default_factory=lambda: PluginsSettings(disable=(), dirs=()), description="Which plugins are used"
    )
    timezone: Annotated[ZoneInfo, BeforeValidator(time_zone), WithJsonSchema({"type": "string"})] = Field(
        ZoneInfo("UTC"), description="Time zone in which times are shown, such as Europe/Berlin"
    )
    heartbeat: HeartbeatSettings | None = Field(None, description="A dead-man's switch to call")
    http: HttpSettings | None = Field(None, description="Own web server for health and metrics; off if absent")
    give_up_after: Span = Field(
        timedelta(hours=24), description="How long a delivery is tried before it becomes a dead letter"
    )
