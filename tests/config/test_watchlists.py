import csv
import io
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ampel_watch.config.watchlist_entries import COLUMNS, WatchedPosition, Watchlist, stock_of
from ampel_watch.config.watchlists import read_watchlist
from ampel_watch.ztf import MAX_ID, name_of

WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12).filter(
    lambda t: t[0] not in "#~="
)
NAMES = st.integers(0, MAX_ID).map(name_of)
STOCKS = st.fixed_dictionaries({"name": NAMES}, optional={"note": WORDS, "label": WORDS})
POSITIONS = st.fixed_dictionaries(
    {
        "ra_deg": st.floats(0, 359.999),
        "dec_deg": st.floats(-90, 90),
        "radius_arcsec": st.floats(0.001, 3600),
    },
    optional={"note": WORDS, "until": st.dates().map(str).filter(lambda day: day < "9999")},
)


def read(tmp_path: Path, text: str | bytes, name: str = "w.csv") -> Watchlist:
    file = tmp_path / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_watchlist(file)


def told(watchlist: Watchlist) -> list[str]:
    return [f"{fault.line}:{fault.column}: {fault.message}" for fault in watchlist.short_faults()]


def names(watchlist: Watchlist) -> list[str]:
    return [stock.name for stock in watchlist.stocks]


@given(st.lists(STOCKS | POSITIONS, min_size=1, max_size=8))
def test_yaml_and_csv_hold_the_same(tmp_path_factory: pytest.TempPathFactory, entries: list[dict[str, str]]) -> None:
    folder = tmp_path_factory.mktemp("w")
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(entries)
    quoted = [{k: v if not isinstance(v, str) else _Quoted(v) for k, v in entry.items()} for entry in entries]
    from_csv = read(folder, out.getvalue())
    from_yaml = read(folder, yaml.dump(quoted, Dumper=_Dumper, allow_unicode=True), "w.yaml")
    assert (from_csv.faults, from_yaml.faults) == ([], [])
    assert (from_csv.stocks, from_csv.positions) == (from_yaml.stocks, from_yaml.positions)
    assert names(from_csv) == [entry["name"] for entry in entries if "name" in entry]
    assert [stock.note for stock in from_csv.stocks] == [e.get("note") for e in entries if "name" in e]


class _Quoted(str):
    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(_Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), "'"))


@given(st.lists(NAMES, min_size=1, max_size=20), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_one_column_of_names_needs_no_header(
    tmp_path_factory: pytest.TempPathFactory, stocks: list[str], newline: str, header: bool
) -> None:
    text = newline.join((["name"] if header else []) + stocks)
    watchlist = read(tmp_path_factory.mktemp("w"), text)
    assert (names(watchlist), watchlist.faults) == (stocks, [])


def test_marks_comments_and_blank_lines_are_tolerated(tmp_path: Path) -> None:
    text = '\ufeff# a list, "of mine\r\n\r\nname , note\r\n  # more\r\nZTF21aaqhhfu , "a, b"\r\n\r\nZTF19aapreis\r\n'
    watchlist = read(tmp_path, text)
    assert watchlist.faults == []
    assert [(stock.name, stock.note) for stock in watchlist.stocks] == [
        ("ZTF21aaqhhfu", "a, b"),
        ("ZTF19aapreis", None),
    ]


def test_a_field_of_several_lines_counts_right(tmp_path: Path) -> None:
    text = 'note,name\n"one\n# two\n\n""three""",ZTF21aaqhhfu\n"x\ny", nope\n'
    watchlist = read(tmp_path, text)
    assert watchlist.stocks[0].note == 'one\n# two\n\n"three"'
    assert [fault.split("`")[0] for fault in told(watchlist)] == ["7:5: "]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "ZTF21aaqhhfu,,,,,x,2027-02-30",
            "2:20: `until` must be a date or time, such as 2027-03-31 or 2027-03-31T12:00Z",
        ),
        ("ZTF21aaqhhfu,1,,,,", "2:14: give either a `name` or a position; `ra_deg` is one too many"),
        (",1,2,x,", "2:6: `radius_arcsec` must be a number from 0 to 36000"),
        (",nan,2,3,", "2:2: `ra_deg` must be a number from 0 to 360"),
        (",360,2,3,", "2:2: `ra_deg` must be a number from 0 to 360"),
        (",1,-90.1,3,", "2:4: `dec_deg` must be a number from -90 to 90"),
        (",1,2,0,", "2:6: `radius_arcsec` must be a number from 0 to 36000"),
        (",1,2,,", "2:1: this entry has `radius_arcsec` missing"),
        (",,,,hello", "2:1: this entry needs a `name`, or `ra_deg`, `dec_deg`, `radius_arcsec`"),
        ("ZTF21aaqhhfu,,,,,,,,9", "2:20: this line has 9 fields, where there are 7 columns"),
        ("ztf21aaqhhfu", "2:1: `ztf21aaqhhfu` is not a ZTF name; did you mean `ZTF21aaqhhfu`?"),
        (
            '"ZTF21aaqhhfu" x',
            '2:1: is not CSV: after the closing `"` of a field a comma is needed; double a `"` within a field',
        ),
        ('"ZTF21aaqhhfu', '2:1: is not CSV: a field that begins here with `"` is not closed'),
    ],
)
def test_what_a_person_reads_of_a_wrong_row(tmp_path: Path, row: str, message: str) -> None:
    assert told(read(tmp_path, f"{','.join(COLUMNS)}\n{row}\n")) == [message]


@pytest.mark.parametrize(
    ("header", "messages"),
    [
        ("name,nte", ["1:6: unknown column `nte`; did you mean `note`?"]),
        ("name, note ,name", ["1:13: the column `name` is given twice"]),
        ("note,label", ["1:1: a column `name`, or the columns `ra_deg`, `dec_deg`, `radius_arcsec`, are needed"]),
        ("name;note", ["1:1: the columns must be separated by commas"]),
        ("ZTF21aaqhhfu\tx", ["1:1: the columns must be separated by commas"]),
    ],
)
def test_what_a_person_reads_of_a_wrong_header(tmp_path: Path, header: str, messages: list[str]) -> None:
    assert told(read(tmp_path, f"{header}\nZTF21aaqhhfu,x\n")) == messages


def test_after_twenty_faults_the_rest_is_counted(tmp_path: Path) -> None:
    faults = told(read(tmp_path, "name\n" + "nope\n" * 7430))
    assert len(faults) == 21
    assert faults[19].startswith("21:1: `nope` is not a ZTF name")
    assert faults[20] == "22:1: … and 7,410 more faults in this file"


def test_an_end_may_be_a_date_or_a_time(tmp_path: Path) -> None:
    text = "- {name: ZTF21aaqhhfu, until: 2027-03-31}\n- {name: ZTF19aapreis, until: 2027-03-31T12:00+02:00}\n"
    ends = [stock.until for stock in read(tmp_path, text, "w.yaml").stocks]
    assert ends == [datetime(2027, 4, 1, tzinfo=UTC), datetime(2027, 3, 31, 10, tzinfo=UTC)]


def test_positions_are_kept(tmp_path: Path) -> None:
    watchlist = read(tmp_path, "- {ra_deg: 10, dec_deg: -2.5, radius_arcsec: 3, label: x}\n", "w.yaml")
    assert watchlist.positions == [WatchedPosition(10.0, -2.5, 3.0, label="x")]
    assert watchlist.first_position == (1, 3)


def test_a_yaml_watchlist_must_be_a_list(tmp_path: Path) -> None:
    assert told(read(tmp_path, "name: ZTF21aaqhhfu", "w.yml")) == [
        "1:1: a watchlist must be a list: one `- ZTF…` on each line"
    ]
    assert told(read(tmp_path, "- ZTF21aaqhhfu\n- [a\n", "w.yml")) == [
        "3:1: is not YAML: the list in [ ], begun on line 2, is not closed"
    ]
    assert told(
        read(tmp_path, "- ZTF21aaqhhfu\n- true\n- {name: [a]}\n- {note: 5, name: ZTF21aaqhhfu}\n", "w.yml")
    ) == [
        "2:3: must be a ZTF name",
        "3:10: must be a ZTF name",
        "4:10: `note` must be text; put it in quotes",
    ]


def test_a_bad_encoding_is_placed(tmp_path: Path) -> None:
    assert told(read(tmp_path, b"ZTF21aaqhhfu\nZTF\xe9\n")) == [
        "2:4: is not UTF-8 text; save the file in the encoding UTF-8"
    ]


@given(st.text(st.sampled_from("ZTF21aqhu,\"'# \n\r\t;"), max_size=60))
def test_no_text_makes_it_raise(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    watchlist = read(tmp_path_factory.getbasetemp(), text, "any.csv")
    for fault in watchlist.faults:
        assert 1 <= fault.line <= text.count("\n") + text.count("\r") + 1


def test_a_hundred_thousand_rows_load_in_seconds(tmp_path: Path) -> None:
    stocks = [name_of(number * 7919) for number in range(100_000)]
    text = "name,note\n" + "".join(f'{name},"a, b"\n' for name in stocks)
    began = time.monotonic()
    watchlist = read(tmp_path, text)
    assert time.monotonic() - began < 10  # about 0.7 s on an idle machine
    assert names(watchlist) == stocks


def test_a_stock_has_its_key() -> None:
    assert stock_of("ZTF21aaqhhfu").key.id == 119032484
