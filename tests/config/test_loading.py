from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ampel_watch.config import Config, load_config, state_url
from ampel_watch.diff import KINDS as CHANGES
from ampel_watch.errors import ConfigError
from ampel_watch.settings import Secret
from ampel_watch.ztf import MAX_ID, name_of
from tests.config.conftest import KINDS, MINIMAL, Desk

WithWatch = Callable[[str], str]


def test_a_minimal_configuration_has_the_documented_defaults(desk: Desk) -> None:
    config = desk.load()
    assert config.state == "sqlite:///ampel-watch.db"
    assert config.timezone == ZoneInfo("UTC")
    assert config.give_up_after == timedelta(hours=24)
    assert (config.services.archive, config.services.catalog) == (None, None)
    live = config.services.live
    assert live is not None
    assert (live.rate, live.concurrency, live.timeout, live.budget) == (10.0, 8, timedelta(seconds=90), 100)
    assert (live.listing, live.listing_path, live.stock_path) == ("auto", "/stocks", "/stock/ztf/{name}")
    assert (live.stock_id_path, live.channels_path) == ("/stock/{id}", "/channels")
    watch = config.watches[0]
    assert (watch.every, watch.initial, watch.when, watch.candidates) == (timedelta(minutes=5), "silent", None, None)
    assert config.notes == ()


def test_without_on_a_watch_reports_all_kinds_but_updated(desk: Desk) -> None:
    on = desk.load().watches[0].on
    assert set(on) == set(CHANGES) - {"updated"}
    assert (on["brightening"], on["fading"], on["channel_match"]) == (0.5, 0.5, None)


def test_on_takes_kinds_and_thresholds(desk: Desk, with_watch: WithWatch) -> None:
    text = with_watch("    channels: [BTS]\n    on: [updated, {brightening: 1}, fading]\n")
    assert desk.load(text).watches[0].on == {"updated": None, "brightening": 1.0, "fading": 0.5}


def test_stocks_of_a_watch_and_of_its_watchlists_are_merged(desk: Desk, with_watch: WithWatch) -> None:
    desk.write("lists/a.yaml", "- ZTF19aapreis\n- {name: ZTF21aaqhhfu, note: mine}\n- ZTF17aaaaaaa\n")
    desk.write("lists/b.csv", "name,note,label\nZTF21aaqhhfu,later,L\n")
    text = with_watch("    stocks: [ZTF21aaqhhfu, ZTF21aaqhhfu]\n    stocks_from: [lists/a.yaml, lists/b.csv]\n")
    config = desk.load(text)
    stocks = config.watches[0].stocks
    assert [stock.name for stock in stocks] == ["ZTF21aaqhhfu", "ZTF19aapreis", "ZTF17aaaaaaa"]
    assert (stocks[0].key.id, stocks[0].note, stocks[0].label) == (119032484, "mine", "L")


def test_values_out_of_the_environment_are_filled_in(desk: Desk) -> None:
    desk.environ |= {"HOST": "live.example.org", "SLOTS": "5", "TOKEN": "t0ken"}
    text = MINIMAL.replace(
        "https://live.example.org/api", "https://${HOST}/api\n    concurrency: ${SLOTS}\n    token: ${TOKEN}"
    )
    live = desk.load(text + "    # $${HOST}\n").services.live
    assert live is not None
    assert (live.url, live.concurrency, live.token) == ("https://live.example.org/api", 5, Secret("t0ken"))


def test_two_dollars_stand_for_the_text_itself(desk: Desk, with_watch: WithWatch) -> None:
    assert desk.load(with_watch("    channels: ['a$${b}', '$c', '$$']\n")).watches[0].channels == ("a${b}", "$c", "$$")


def test_secret_files_and_paths_are_relative_to_the_configuration(desk: Desk) -> None:
    desk.write("keys/smtp", "hunter2\n")
    text = MINIMAL + (
        "  mail:\n    notifier: letter\n    from: a@b\n    to: [c@d]\n"
        "    smtp: {host: h, password_file: keys/smtp, ca_file: ca.pem}\n"
    )
    settings: Any = desk.load(text).receivers["mail"].settings
    assert settings.smtp.password.reveal() == "hunter2"
    assert settings.smtp.password.file == desk.folder / "keys/smtp"
    assert settings.smtp.ca_file == desk.folder / "ca.pem"
    assert (settings.from_, settings.to) == ("a@b", ("c@d",))


def test_secrets_lists_every_secret(desk: Desk) -> None:
    desk.environ |= {"T": "one"}
    desk.write("two", "two")
    text = MINIMAL.replace("/api", "/api\n    token: ${T}") + (
        "  robot: {notifier: post, url: https://e.org, secret_file: two}\nstate: postgresql://u:th%2free@h/db\n"
    )
    revealed = [secret.reveal() for secret in desk.load(text).secrets()]
    assert revealed == ["one", "two", "th/ree"]


def test_the_state_is_in_the_state_directory(desk: Desk) -> None:
    assert state_url(desk.load(), {"STATE_DIRECTORY": "/var/lib/aw"}) == "sqlite:////var/lib/aw/ampel-watch.db"


def notes_of(desk: Desk, config: Config) -> list[str]:
    return [str(note).replace(f"{desk.folder}/", "") for note in config.notes]


def test_what_this_version_does_not_act_on_is_noted(desk: Desk, with_watch: WithWatch) -> None:
    text = with_watch("    channels: [BTS]\n    priority: low\n")
    config = desk.load(
        text + "operator: {notify: [out]}\nplugins: {disable: [], dirs: []}\nhttp: {listen: '[::1]:80'}\n"
    )
    assert notes_of(desk, config) == [
        "config.yaml:7:5: `priority` is accepted, but this version does not act on it yet",
        "config.yaml:12:1: `operator` is accepted, but this version does not act on it yet",
        "config.yaml:14:1: `http` is accepted, but this version does not act on it yet",
    ]


ASKING = (
    "    stocks_from: [list.yaml]\n    cones: [{ra_deg: 1, dec_deg: 2, radius_arcsec: 3}]\n"
    "    on: [channel_match, detection, {fading: 1}, crossmatch]\n    when: mag < 3 and not star\n"
    "    enrich_deadline: 5m\n"
)


def test_what_a_missing_service_would_have_to_tell_is_noted(desk: Desk, with_watch: WithWatch) -> None:
    desk.write("list.yaml", "- ZTF21aaqhhfu\n- {ra_deg: 1, dec_deg: 2, radius_arcsec: 3}\n")
    assert notes_of(desk, desk.load(with_watch(ASKING))) == [
        f"{place} needs the service `{service}`, which is not configured"
        for place, service in (
            ("config.yaml:7:12: what `cones` names", "archive"),
            ("config.yaml:8:25: the kind of change `detection`", "archive"),
            ("config.yaml:8:45: the kind of change `fading`", "archive"),
            ("config.yaml:8:49: the kind of change `crossmatch`", "catalog"),
            ("config.yaml:9:11: the rule `when`", "archive"),
            ("config.yaml:9:11: the rule `when`", "catalog"),
            ("list.yaml:2:3: a position", "archive"),
        )
    ]


def test_with_all_services_nothing_of_this_is_noted(desk: Desk, with_watch: WithWatch) -> None:
    desk.write("list.yaml", "- ZTF21aaqhhfu\n- {ra_deg: 1, dec_deg: 2, radius_arcsec: 3}\n")
    services = "  archive: {url: https://a.example.org}\n  catalog: {url: https://c.example.org}\n"
    config = desk.load(with_watch(ASKING).replace("watches:", f"{services}watches:"))
    assert config.notes == ()
    assert config.watches[0].enrich_deadline == timedelta(minutes=5)


def test_cones_and_positions_of_watchlists_are_one_list(desk: Desk, with_watch: WithWatch) -> None:
    desk.write(
        "list.yaml", "- {ra_deg: 1, dec_deg: 2, radius_arcsec: 3}\n- {ra_deg: 5, dec_deg: 2, radius_arcsec: 3}\n"
    )
    text = with_watch(
        "    cones:\n"
        "      - {ra_deg: 9, dec_deg: 8, radius_arcsec: 7, label: M, until: 2027-03-31}\n"
        "      - {ra_deg: 1, dec_deg: 2, radius_arcsec: 3}\n"
        "    stocks_from: [list.yaml]\n"
    )
    positions = desk.load(text).watches[0].positions
    assert [(position.ra_deg, position.label) for position in positions] == [(9, "M"), (1, None), (5, None)]
    assert positions[0].until == datetime(2027, 4, 1, tzinfo=UTC), "a date ends with its day"


def test_jumps_are_three_sigma_and_not_by_one_doubtful_point(desk: Desk, with_watch: WithWatch) -> None:
    assert (jump := desk.load().watches[0].jump).min_sigma == 3
    assert jump.min_drb == 0.5
    text = with_watch("    channels: [BTS]\n    jump: {min_sigma: 5}\n    enrich_deadline: 0s\n")
    watch = desk.load(text).watches[0]
    assert (watch.jump.min_sigma, watch.jump.min_drb, watch.enrich_deadline) == (5, 0.5, timedelta())


def test_units_that_classify_are_named_with_where_the_class_is(desk: Desk) -> None:
    text = MINIMAL.replace("/api\n", "/api\n    t2_classifiers: {T2X: label.name}\n")
    live = desk.load(text).services.live
    assert live is not None
    assert live.t2_classifiers == {"T2X": "label.name"}


def test_units_that_classify_are_read_together_with_the_catalogs(desk: Desk) -> None:
    text = MINIMAL.replace("/api\n", "/api\n    t2_classifiers: {T2X: label.name}\n")
    [note] = notes_of(desk, desk.load(text))
    assert note.endswith("what `t2_classifiers` names needs the service `catalog`, which is not configured")
    with_catalog = text.replace("watches:", "  catalog: {url: https://c.example.org}\nwatches:")
    assert notes_of(desk, desk.load(with_catalog)) == []
    assert notes_of(desk, desk.load(text.replace("{T2X: label.name}", "{}"))) == []


def test_a_missing_file(desk: Desk) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(Path("nowhere/config.yaml"), kinds=KINDS, environ={})
    assert str(caught.value) == "nowhere/config.yaml:1:1: cannot be read: there is no such file"
    assert caught.value.exit_code == 78


def test_a_directory_in_place_of_a_file(desk: Desk) -> None:
    with pytest.raises(ConfigError, match="cannot be read: it is a directory, not a file"):
        load_config(desk.folder, kinds=KINDS, environ={})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "1:1: is empty; a configuration has at least `services`, `watches` and `receivers`"),
        (b"# nothing\n", "1:1: is empty; a configuration has at least `services`, `watches` and `receivers`"),
        (b"- a\n", "1:1: must be a mapping: lines such as `services:`, `watches:` and `receivers:`"),
        (b"state: ok\nx: \xff\n", "2:4: is not UTF-8 text; save the file in the encoding UTF-8"),
        ("a: b".encode("utf-16"), "1:1: is not UTF-8 text; save the file in the encoding UTF-8"),
        (b"watches:\n\t- name: a", "2:1: is not YAML: a tab cannot indent a line; use spaces"),
    ],
)
def test_a_file_that_is_no_configuration(desk: Desk, content: bytes, message: str) -> None:
    assert desk.faults(content) == [f"config.yaml:{message}"]


def test_a_byte_order_mark_is_nothing_to_complain_of(desk: Desk) -> None:
    assert desk.load(b"\xef\xbb\xbf" + MINIMAL.encode()).watches[0].name == "mine"


def test_a_duplicate_key(desk: Desk) -> None:
    assert desk.faults(MINIMAL + "services: {}\n") == ["config.yaml:11:1: key `services` given twice, first on line 1"]


def test_a_yaml_boolean_trap(desk: Desk, with_watch: WithWatch) -> None:
    assert desk.load(with_watch("    channels: [on, no, 12:30]\n")).watches[0].channels == ("on", "no", "12:30")
    assert desk.faults(with_watch("    channels: [true, 5]\n")) == [
        "config.yaml:6:16: entry 1 of `channels` must be text; put it in quotes",
        "config.yaml:6:22: entry 2 of `channels` must be text; put it in quotes",
    ]


def test_an_unknown_receiver(desk: Desk) -> None:
    assert desk.faults(MINIMAL.replace("[out]", "[uot, x]")) == [
        "config.yaml:7:14: unknown receiver `uot`; did you mean `out`?",
        "config.yaml:7:19: unknown receiver `x`; there are `out`",
    ]


def test_a_bad_name_on_line_7431_of_a_csv(desk: Desk, with_watch: WithWatch) -> None:
    rows = ["name,note"] + [f"{name_of(number)}, n" for number in range(8000)]
    rows[7430] = "ZTF21AAQHHFU,n"
    desk.write("watchlists/sn.csv", "\r\n".join(rows))
    assert desk.faults(with_watch("    stocks_from: [watchlists/sn.csv]\n")) == [
        "watchlists/sn.csv:7431:1: `ZTF21AAQHHFU` is not a ZTF name; did you mean `ZTF21aaqhhfu`?"
    ]


def test_an_empty_watchlist(desk: Desk, with_watch: WithWatch) -> None:
    for name in ("w.csv", "w.yaml"):
        desk.write(name, "# nothing yet\n")
        assert desk.faults(with_watch(f"    stocks_from: [{name}]\n")) == [
            f"{name}:1:1: the watchlist is empty; a watch would see nothing through it"
        ]


def test_an_unreadable_watchlist_is_told_where_it_is_named(desk: Desk, with_watch: WithWatch) -> None:
    (desk.folder / "d.csv").mkdir()
    assert desk.faults(with_watch("    stocks_from: [no.csv, d.csv, a.pdf]\n")) == [
        "config.yaml:6:19: the watchlist `no.csv` cannot be read: there is no such file",
        "config.yaml:6:27: the watchlist `d.csv` cannot be read: it is a directory, not a file",
        "a.pdf:1:1: a watchlist must be a file named *.yaml, *.yml, *.csv, *.txt",
    ]


def test_all_faults_of_all_files_come_at_once(desk: Desk, with_watch: WithWatch) -> None:
    desk.write("a.csv", "nope\n")
    desk.write("b.yaml", "- name: ZTF21aaqhhfu\n  nte: x\n- 5\n")
    text = with_watch("    stocks_from: [a.csv, b.yaml]\n    evry: 5m\n").replace("print", "pritn")
    assert desk.faults("servces: {}\n" + text) == [
        "config.yaml:1:1: unknown key `servces`; did you mean `services`?",
        "config.yaml:8:5: unknown key `evry`; did you mean `every`?",
        "config.yaml:12:15: unknown notifier `pritn`; did you mean `print`?",
        "a.csv:1:1: `nope` is not a ZTF name: ZTF, a year from 17 to 32, seven lower-case letters (ZTF21aaqhhfu)",
        "b.yaml:2:3: unknown key `nte`; did you mean `note`?",
        "b.yaml:3:3: `5` is an AMPEL id, not a ZTF name; write `ZTF22aaaaaaa`",
    ]


WATCH_FAULTS = [
    ("channels: BTS", "6:15: `channels` must be a list; write it as [ … ]"),
    (
        "channels: []",
        "5:5: this watch looks at nothing; give at least one of `channels`, `stocks`, `stocks_from`, `cones`",
    ),
    ("chanels: [BTS]", "6:5: unknown key `chanels`; did you mean `channels`?"),
    ("stocks: [ZTF21AAqhhfu]", "6:14: `ZTF21AAqhhfu` is not a ZTF name; did you mean `ZTF21aaqhhfu`?"),
    ('stocks: ["119032484"]', "6:14: `119032484` is an AMPEL id, not a ZTF name; write `ZTF21aaqhhfu`"),
    ("every: 500ms", "6:12: `every` must be at least 1s"),
    ("every: 12:30", "6:12: `every` is not a duration; write for example 30s, 5m, 2h or 1d"),
    ("every: 5", "6:12: `every` is not a duration; write for example 30s, 5m, 2h or 1d"),
    ("every: 99999999999999d", "6:12: `every` is too long a duration"),
    ("every: 4000d", "6:12: `every` must be at most 3650d"),
    ("every:", "6:11: `every` is not a duration; write for example 30s, 5m, 2h or 1d"),
    ("on: [channel_mtach]", "6:10: unknown kind of change `channel_mtach`; did you mean `channel_match`?"),
    ("on: [updated, updated]", "6:19: the kind `updated` is given twice"),
    ("on: [{updated: 3}]", "6:11: `updated` takes no threshold; write it without one"),
    ("on: [{fading: 0}]", "6:11: the threshold of `fading` must be a number of magnitudes above 0 and at most 30"),
    ("on: [[fading]]", "6:10: entry 1 of `on` must be a kind of change, such as channel_match or {brightening: 0.5}"),
    ("on: updated", "6:9: `on` must be a list of kinds of change, such as [channel_match, {brightening: 0.5}]"),
    ("on: []", "6:9: `on` must be a list of kinds of change, such as [channel_match, {brightening: 0.5}]"),
    ("when: mga < 3", "6:11: unknown name `mga`; did you mean `mag`?"),
    ("when: star and mag", "6:20: `mag` is a number, where a condition is needed; compare it with something"),
    ("when: 'mag < '", "6:17: the rule ends too early"),
    ("when: true", "6:11: `when` must be text: a rule such as `mag < 19.5`"),
    ("initial: loud", "6:14: `initial` must be one of `silent`, `notify`"),
    ("initial: notfy", "6:14: `initial` must be one of `silent`, `notify`; did you mean `notify`?"),
    ("candidates: [drb]", "6:17: `candidates` must be a mapping of keys and values"),
    ("name: mine", "6:5: key `name` given twice, first on line 5"),
    ("cones: [{ra_deg: 400, dec_deg: 0, radius_arcsec: 1}]", "6:22: `ra_deg` must be less than 360"),
    ("jump: {min_drb: 2}", "6:21: `min_drb` must be at most 1"),
    ("jump: {sigma: 2}", "6:12: unknown key `sigma`; did you mean `min_sigma`?"),
    (
        "cones: [{ra_deg: 4, dec_deg: 0, radius_arcsec: 1, until: tomorrow}]",
        "6:62: `until` must be a date or time, such as 2027-03-31 or 2027-03-31T12:00Z",
    ),
    ("cones: [{ra_deg: 4, dec_deg: 0}]", "6:13: the key `radius_arcsec` is missing in entry 1 of `cones`"),
]


@pytest.mark.parametrize(("line", "message"), WATCH_FAULTS)
def test_faults_of_a_watch(desk: Desk, with_watch: WithWatch, line: str, message: str) -> None:
    looks = "" if line.startswith(("channels", "chanels", "stocks", "cones")) else "    channels: [BTS]\n"
    faults = desk.faults(with_watch(f"    {line}\n{looks}"))
    assert f"config.yaml:{message}" in faults
    assert len(faults) <= 1 + line.startswith("chanels")


TOP_FAULTS = [
    ("timezone: Europe/Berlni", "11:11: unknown time zone `Europe/Berlni`; did you mean `Europe/Berlin`?"),
    ("timezone: ../../etc/passwd", "11:11: unknown time zone `../../etc/passwd`"),
    ("state: ampel.db", "11:8: `state` must be a database URL, such as sqlite:///ampel-watch.db"),
    ("operator: {notify: [otu]}", "11:21: unknown receiver `otu`; did you mean `out`?"),
    ("operator: {}", "11:1: the key `notify` is missing in `operator`"),
    ("http: {listen: 8787}", "11:16: `listen` must be text; put it in quotes"),
    ("http: {listen: '8787'}", "11:16: `listen` must be an address and a port, such as 127.0.0.1:8787"),
    (
        "http: {listen: '1.2.3:80'}",
        "11:16: `listen` must be an address and a port, such as 127.0.0.1:8787 or [::1]:8787",
    ),
    ("give_up_after: 0s", "11:16: `give_up_after` must be at least 1ms"),
    ("plugins: {disable: console}", "11:20: `disable` must be a list; write it as [ … ]"),
    ("heartbeat: {url: ''}", "11:18: `url` must not be empty"),
]


@pytest.mark.parametrize(("line", "message"), TOP_FAULTS)
def test_faults_at_the_top(desk: Desk, line: str, message: str) -> None:
    assert desk.faults(f"{MINIMAL}{line}\n") == [f"config.yaml:{message}"]


LIVE_FAULTS = [
    ("url: live.example.org", "3:10: `url` must be an address that begins with http:// or https:// and names a host"),
    (
        "url: ftp://live.example.org",
        "3:10: `url` must be an address that begins with http:// or https:// and names a host",
    ),
    ("url: https://", "3:10: `url` must be an address that begins with http:// or https:// and names a host"),
    ("url: https://u:p@h/", "3:10: `url` must not hold a user or password; addresses are shown in logs"),
    ("url: https://h:99999/", "3:10: `url` must be an http:// or https:// address; its host or port is wrong"),
    ("url: https://h/?a=1", "3:10: `url` must not hold `?` or `#`: it is the base of many addresses"),
    ("rate: 10", "3:11: `rate` is not a rate; write for example 10/s, 30/m or 100/h"),
    ("rate: -1.5", "3:11: `rate` must be greater than 0"),
    ("concurrency: many", "3:18: `concurrency` must be a whole number"),
    ("concurrency: 1.5", "3:18: `concurrency` must be a whole number"),
    ("concurrency: 0", "3:18: `concurrency` must be at least 1"),
    ("timeout: 1h30m", "3:14: `timeout` is not a duration; write for example 30s, 5m, 2h or 1d"),
    ("listing: atuo", "3:14: `listing` must be one of `auto`, `rest`, `archive`; did you mean `auto`?"),
    (
        "stock_path: /stock",
        "3:17: `stock_path` must be a path that begins with `/` and hold `{name}`, without `?` or `#`",
    ),
    ("budget: -1", "3:13: `budget` must be at least 0"),
    ("token: 12345", "3:12: `token` must be text; put it in quotes"),
    ("token:", "3:11: `token` must not be empty"),
    ("tokenfile: x", "3:5: unknown key `tokenfile`; did you mean `token_file`?"),
    ("token_file: nowhere", "3:17: the file `nowhere` of `token_file` cannot be used: there is no such file"),
    ("token_file: .", "3:17: the file `.` of `token_file` cannot be used: it is a directory, not a file"),
    ("token_file: empty", "3:17: the file `empty` of `token_file` cannot be used: it is empty"),
    ("token_file: binary", "3:17: the file `binary` of `token_file` cannot be used: it is not UTF-8 text"),
    ("token_file: 5", "3:17: `token_file` must be the path of a file"),
    ("token: ${NOPE}", "3:12: the environment variable `NOPE` is not set"),
    ("token: a${NOPE}", "3:13: the environment variable `NOPE` is not set"),
    ("token: ${EMPTY}", "3:12: the environment variable `EMPTY` is empty"),
    (
        "token: ${1",
        "3:12: `${` begins the name of an environment variable, which ends with `}`; for the text itself write `$${`",
    ),
]


@pytest.mark.parametrize(("line", "message"), LIVE_FAULTS)
def test_faults_of_a_service(desk: Desk, line: str, message: str) -> None:
    desk.write("empty", "\n")
    desk.write("binary", b"\xff\xfe")
    desk.environ["EMPTY"] = ""
    rest = "" if line.startswith("url") else "    url: https://live.example.org/api\n"
    expected = [] if line == "token:" else [f"config.yaml:{message}"]
    text = MINIMAL.replace("    url: https://live.example.org/api\n", f"    {line}\n{rest}")
    if expected:
        assert desk.faults(text) == expected
    else:
        assert desk.load(text).services.live is not None


def test_a_secret_is_given_once(desk: Desk) -> None:
    desk.write("t", "x")
    text = MINIMAL.replace("/api\n", "/api\n    token: a\n    token_file: t\n")
    assert desk.faults(text) == ["config.yaml:5:5: give either `token` or `token_file`, not both"]


RECEIVER_FAULTS = [
    ("{notifier: pots, url: x}", "11:17: unknown notifier `pots`; did you mean `post`?"),
    ("{notifier: fax}", "11:17: unknown notifier `fax`; there are `letter`, `post`, `print`"),
    ("{url: x}", "11:3: the key `notifier` is missing in `receivers.r`; there are `letter`, `post`, `print`"),
    ("post", "11:3: the receiver `r` must be a mapping with `notifier` and its settings"),
    ("{notifier: post}", "11:3: the key `url` is missing in `receivers.r`"),
    ("{notifier: print, colour: red}", "11:24: unknown key `colour`; nothing further is allowed here"),
    ("{notifier: post, url: x, secert: y}", "11:31: unknown key `secert`; did you mean `secret`?"),
    ("{notifier: post, url: x, timeout: 5}", "11:40: `timeout` is not a duration; write for example 30s, 5m, 2h or 1d"),
    (
        "{notifier: letter, from: a, to: [], smtp: {host: h}}",
        "11:38: `to` must not be empty",
    ),
    (
        "{notifier: letter, from: a, to: [b], smtp: {host: h, port: 99999}}",
        "11:65: `port` must be at most 65535",
    ),
    (
        "{notifier: letter, from: a, to: [b], smtp: {hots: h}}",
        "11:50: unknown key `hots`; did you mean `host`?",
    ),
]


@pytest.mark.parametrize(("receiver", "message"), RECEIVER_FAULTS)
def test_faults_of_a_receiver(desk: Desk, receiver: str, message: str) -> None:
    assert f"config.yaml:{message}" in desk.faults(f"{MINIMAL}  r: {receiver}\n")


def test_a_watch_needs_the_live_service(desk: Desk) -> None:
    text = MINIMAL.replace("  live:", "  archive:")
    message = "watches need the service `live`; give its `url` under `services`"
    assert desk.faults(text) == [f"config.yaml:4:1: {message}"]


def test_a_watch_tells_somebody(desk: Desk) -> None:
    assert desk.faults(MINIMAL.replace("    notify: [out]\n", "")) == [
        "config.yaml:5:5: the key `notify` is missing in entry 1 of `watches`"
    ]


def test_two_watches_have_two_names(desk: Desk) -> None:
    text = MINIMAL.replace("receivers:", "  - {name: mine, channels: [X], notify: [out]}\nreceivers:")
    assert desk.faults(text) == ["config.yaml:8:12: two watches are named `mine`, the first on line 5"]


SECRETS = ("hunter2-env", "hunter3-file", "hunter4-inline", "hunter5-url")


def secretive(desk: Desk) -> str:
    desk.environ |= {"ENV": SECRETS[0], "URL": f"https://h.example.org/{SECRETS[3]}"}
    desk.write("file", SECRETS[1])
    return MINIMAL.replace("/api", "/api\n    token: ${ENV}").replace("example.org/api", "example.org/${ENV}") + (
        f"  a: {{notifier: post, url: 'https://${{ENV}}/', secret_file: file}}\n"
        f"  b: {{notifier: post, url: '${{URL}}', secret: {SECRETS[2]}}}\n"
        "state: postgresql://u:${ENV}@h/db\nheartbeat: {url: '${URL}'}\n"
    )


def test_a_configuration_shows_no_secret(desk: Desk) -> None:
    config = desk.load(secretive(desk))
    shown = f"{config!r} {config} {config.receivers!r} {config.watches!r} {config.notes!r} {config.secrets()!r}"
    assert not [secret for secret in SECRETS if secret in shown]


def test_no_fault_shows_a_secret(desk: Desk) -> None:
    names = (
        "name",
        "channels",
        "stocks",
        "stocks_from",
        "every",
        "on",
        "when",
        "notify",
        "initial",
        "cones",
        "priority",
    )
    watches = [
        f"  - {{{', '.join(f'{name}: {shape}' for name in names)}}}\n"
        for shape in ("'${ENV}'", "['${ENV}', 'x ${ENV} y']", "{a: '${ENV}'}", "[{'a': '${ENV}'}]")
    ]
    receivers = [
        f"  r{number}: {{notifier: {kind}, url: ['${{ENV}}'], secret: ['{SECRETS[2]}'], "
        f"smtp: {{port: '${{ENV}}', password: 5}}}}\n"
        for number, kind in enumerate(("post", "letter", "print", "'${ENV}'"))
    ]
    top = "".join(f"{key}: '${{ENV}}'\n" for key in ("state", "timezone", "operator", "retention", "give_up_after"))
    text = secretive(desk).split("state:")[0]
    text = text.replace("receivers:\n", f"{''.join(watches)}receivers:\n") + "".join(receivers) + top
    faults = "\n".join(desk.faults(text))
    assert len(faults.splitlines()) > 40
    assert not [secret for secret in SECRETS if secret in faults]


WORDS = st.text("abcdefghijkl-ABCDEF_0123456789", min_size=1, max_size=12).map(lambda text: f"w{text}")
SPANS = st.integers(1, 999).flatmap(lambda n: st.sampled_from([f"{n}s", f"{n}m", f"{n}h", f"{n}d"]))


@st.composite
def watches(draw: st.DrawFn, receivers: list[str]) -> dict[str, Any]:
    watch: dict[str, Any] = {
        "channels": draw(st.lists(WORDS, min_size=1, max_size=3, unique=True)),
        "notify": draw(st.lists(st.sampled_from(receivers), min_size=1, max_size=3, unique=True)),
    }
    optional = {
        "stocks": st.lists(st.integers(0, MAX_ID).map(name_of), max_size=3, unique=True),
        "every": SPANS,
        "initial": st.sampled_from(["silent", "notify"]),
        "on": st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=4, unique=True),
        "when": st.sampled_from(['kind == "updated"', '"x" in channels', "mag < 19.5 and not star"]),
        "priority": st.sampled_from(["low", "normal", "high"]),
        "candidates": st.just({"drb": {"$gt": 0.5}, "magpsf": {"$lt": 20}}),
    }
    for key in draw(st.sets(st.sampled_from(sorted(optional)))):
        watch[key] = draw(optional[key])
    return watch


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    receivers = draw(st.lists(WORDS, min_size=1, max_size=3, unique=True))
    names = draw(st.lists(WORDS, min_size=1, max_size=3, unique=True))
    live = {"url": "https://live.example.org/api", "budget": draw(st.integers(0, 500)), "timeout": draw(SPANS)}
    return {
        "services": {"live": live},
        "watches": [{"name": name} | draw(watches(receivers)) for name in names],
        "receivers": {name: {"notifier": "post", "url": "https://e.org/"} for name in receivers},
        "give_up_after": draw(SPANS),
    }


def load(folder: Path, data: dict[str, Any], *, flow: bool = False) -> Config:
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False, default_flow_style=flow, width=10_000))
    return load_config(file, kinds=KINDS, environ={})


@settings(deadline=None, max_examples=60)
@given(configurations())
def test_what_is_written_is_loaded(tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("c")
    config = load(folder, data)
    assert config.watches == load(folder, data, flow=True).watches
    assert config.services.live is not None
    assert config.services.live.budget == data["services"]["live"]["budget"]
    assert list(config.receivers) == list(data["receivers"])
    for watch, written in zip(config.watches, data["watches"], strict=True):
        assert (watch.name, list(watch.channels), list(watch.notify)) == tuple(
            written[key] for key in ("name", "channels", "notify")
        )
        assert [stock.name for stock in watch.stocks] == written.get("stocks", [])
        assert watch.candidates == written.get("candidates")
        assert (watch.when.text if watch.when else None) == written.get("when")
        assert set(watch.on) == set(written.get("on", set(CHANGES) - {"updated"}))


def leaves(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all mappings' keys."""
    if isinstance(data, dict):
        return [found for key, value in data.items() for found in ((*path, key), *leaves(value, (*path, key)))]
    if isinstance(data, list):
        return [found for number, value in enumerate(data) for found in leaves(value, (*path, number))]
    return []


@settings(deadline=None, max_examples=60)
@given(configurations(), st.data())
def test_one_misspelt_key_is_found_on_its_line(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any], draw: st.DataObject
) -> None:
    free = ("receivers", "candidates")
    paths = [p for p in leaves(data) if not (len(p) == 2 and p[0] == "receivers") and not set(free) & set(p[2:-1])]
    path = draw.draw(st.sampled_from(paths))
    parent: Any = data
    for part in path[:-1]:
        parent = parent[part]
    misspelt = f"{path[-1]}zz"
    items = [(misspelt if key == path[-1] else key, value) for key, value in parent.items()]
    parent.clear()
    parent.update(items)
    folder = tmp_path_factory.mktemp("c")
    with pytest.raises(ConfigError) as caught:
        load(folder, data)
    lines = (folder / "config.yaml").read_text().splitlines()
    if path[-1] == "notifier":
        return
    found = [fault for fault in caught.value.faults if f"unknown key `{misspelt}`" in fault.message]
    assert len(found) == 1
    assert lines[found[0].line - 1][found[0].column - 1 :].startswith(misspelt)
