"""`show`: everything known of one stock."""

import json

import pytest

from ampel_watch.clock import SystemClock
from ampel_watch.lightcurve import LightCurve
from ampel_watch.model import Match, StockKey, iso
from ampel_watch.storage import light_curves, matches
from ampel_watch.storage.matches import StoredMatches
from ampel_watch.ztf import id_of
from tests.cli import told
from tests.cli.told import DAY, HOUR, KEY, NAME, NOW

NEVER_MET = "ZTF17aaaaaaa"


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch):
    """The command runs at the moment for which the state was made, however long the tests have taken until now."""
    monkeypatch.setattr(SystemClock, "now", lambda _clock: told.NOW)


@pytest.fixture
def show(desk, run):
    def show(*arguments) -> dict:
        found = run("show", NAME, "--json", *arguments)
        assert (found.code, found.err) == (0, "")
        return json.loads(found.out)

    return show


@pytest.fixture
def with_all(desk):
    told.configure(desk)
    for work in (told.live_record, told.entered, told.measured, told.matched):
        told.fill(desk, work)


def test_a_program_gets_all_of_it_as_one_document(show, with_all):
    found = show()
    assert (found["stock"]["id"], found["stock"]["name"], found["stock"]["channels"]) == (KEY.id, NAME, ["INFANTS"])
    assert found["stock"]["ra_deg"] == pytest.approx(188.73957)
    assert found["record"]["channels"] == {"INFANTS": iso(NOW - 2 * DAY)}
    assert found["record"]["last_changed"] == iso(NOW - 2 * HOUR)
    assert found["snapshot"] == {"name": NAME, "journal": [{"tier": 3}]}
    assert (found["features"]["ndet"], found["features"]["nneg"], found["features"]["band"]) == (20, 1, "r")
    assert found["features"]["age_d"] == pytest.approx(20, abs=0.1)
    curve = LightCurve.from_json({part: found["light_curve"][part] for part in ("detections", "negatives", "limits")})
    assert curve == told.light_curve()
    assert found["light_curve"]["whole"] is True
    assert found["catalogs"]["milliquas"] is None
    assert found["catalogs"]["NEDz"]["body"]["z"] == 0.031
    assert (found["host"]["z"], found["host"]["z_source"]) == (0.031, "NEDz")
    assert found["host"]["abs_mag"] == pytest.approx(found["features"]["mag"] - found["host"]["dist_mod_mag"])
    assert found["classes"] == {"T2SNcosmo": "SN Ia"}
    assert {watch["name"]: watch["through"] for watch in found["watches"]} == {
        "infant-sne": ["INFANTS"],
        "bright": ["INFANTS"],
        "mine": ["its name"],
    }
    assert [event["id"] for event in found["events"]] == ["e1"]
    assert found["links"]["fritz"].endswith(NAME)


def test_a_stock_with_a_name_in_the_tns_is_linked_to_its_page_there(desk, show, with_all):
    assert show()["links"]["tns"].startswith("https://www.wis-tns.org/search?ra=")
    row = Match("TNS", 0.4, {"objname": "2021abc", "name_prefix": "SN"})
    told.fill(desk, lambda c: matches.save(c, KEY, StoredMatches(NAME, 188.7, -2.3, NOW, NOW + DAY, {"TNS": row}, {})))
    assert show()["links"]["tns"] == "https://www.wis-tns.org/object/2021abc"


def test_elsewhere_than_on_a_terminal_lines_are_cells_after_their_section(run, with_all):
    out = run("show", NAME).out
    cells = [line.split("\t") for line in out.splitlines()]
    assert all(len(line) >= 3 for line in cells)
    assert ["stock", "Name", NAME] in cells
    assert ["stock", "Position", "12:34:57.50 -02:18:36.7"] in cells
    assert ["light curve", "Points", "20 detections (10 g, 10 r), 1 negative subtraction, 6 upper limits"] in cells
    assert ["catalog", "somebodys", "1.50″", "flux 12.5, note x[31mred (+2 columns)"] in cells
    assert ["host", "Absolute", "M_r −17.82"] in cells
    assert ["host", "No match in", "milliquas"] in cells
    assert ["watches", "mine", "through its name"] in cells
    assert ["links", "Fritz", f"https://fritz.science/source/{NAME}"] in cells
    assert "\x1b" not in out


def test_on_a_terminal_there_is_a_drawing_and_colour_only_if_wanted(run, with_all, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    plain = run("show", NAME).out
    assert "Light curve" in plain
    assert " ┤" in plain
    assert "\x1b[3" not in plain.split("By band")[0].replace("\x1b[3m", "")
    drawing = plain.split("Light curve\n")[1].split("\n\n")[0]
    assert max(map(len, drawing.splitlines())) <= 80
    assert {"g", "r", "v"} <= set(drawing)
    monkeypatch.delenv("NO_COLOR")
    coloured = run("show", NAME).out
    assert "\x1b[32m" in coloured
    assert "\x1b[31m" in coloured


def test_an_id_means_the_stock_of_that_name(run, with_all):
    assert run("show", KEY.id).out == run("show", NAME).out


def test_a_stock_of_which_little_is_known_is_shown_with_what_there_is(desk, run):
    told.configure(desk)
    told.fill(desk, lambda c: light_curves.note_baselines(c, {StockKey("ztf", id_of(NEVER_MET)): NEVER_MET}, NOW))
    found = run("show", NEVER_MET)
    assert (found.code, found.err) == (0, "")
    assert "stock\tPosition\tnot known" in found.out
    assert "stock\tLive record\tnone was read yet" in found.out
    assert "light curve\tPoints\tnone stored" in found.out
    assert "host\tCatalogs\tnot asked yet" in found.out
    document = json.loads(run("show", NEVER_MET, "--json").out)
    assert (document["snapshot"], document["features"], document["host"], document["record"]) == (None,) * 4


def test_without_a_light_curve_it_says_so(desk, run):
    told.configure(desk)
    told.fill(desk, told.live_record)
    assert "light curve\tPoints\tnone stored" in run("show", NAME).out


@pytest.mark.parametrize("verb", ["show", "explain"])
def test_a_stock_that_no_watch_has_met_is_one_sentence(desk, run, verb, with_all):
    found = run(verb, NEVER_MET)
    assert (found.code, found.out) == (1, "")
    (line,) = found.lines
    assert line.startswith(f"ampel-watch: no watch has met {NEVER_MET} yet; no watch names it")


@pytest.mark.parametrize("verb", ["show", "explain"])
def test_a_watch_that_names_a_stock_and_never_met_it_is_named(desk, run, verb):
    told.configure(desk, f"  - {{name: mine, stocks: [{NEVER_MET}], notify: [pi-mail]}}\n")
    told.fill(desk, lambda c: None)
    found = run(verb, NEVER_MET)
    assert (found.code, found.out) == (1, "")
    assert f"no watch has met {NEVER_MET} yet; mine names it, and meets it at its next look" in found.err


@pytest.mark.parametrize("verb", ["show", "explain"])
@pytest.mark.parametrize(
    ("stock", "hint"),
    [
        ("ztf21AAQHHFU", "did you mean ZTF21aaqhhfu?"),
        ("21aaqhhfu", "did you mean ZTF21aaqhhfu?"),
        ("ZTF16aaqhhfu", "give a name such as"),
        ("SN2021abc", "give a name such as"),
        ("9" * 20, "is not the id of a ZTF stock"),
        ("9" * 30, "give a name such as"),
        ("", "give a name such as"),
    ],
)
def test_what_is_no_stock_is_wrong_usage_with_a_hint(desk, run, verb, stock, hint):
    told.configure(desk)
    found = run(verb, stock)
    assert (found.code, found.out) == (2, "")
    assert hint in found.err


@pytest.mark.parametrize("verb", ["show", "explain"])
def test_without_a_state_it_is_one_line(desk, run, verb):
    told.configure(desk)
    found = run(verb, NAME)
    assert (found.code, found.out) == (1, "")
    (line,) = found.lines
    assert line.startswith("ampel-watch: there is no state yet at ")


def test_a_picture_is_written_beside_what_is_shown(desk, show, with_all):
    show("--plot", "curve.png")
    assert (desk.folder / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_written_is_one_line(run, with_all):
    found = run("show", NAME, "--plot", "nowhere/curve.png")
    assert (found.code, found.out) == (1, "")
    assert found.lines == ["ampel-watch: cannot write the picture to nowhere/curve.png: No such file or directory"]


def test_there_is_no_picture_of_nothing(desk, run):
    told.configure(desk)
    told.fill(desk, told.live_record)
    found = run("show", NAME, "--plot", "curve.png")
    assert (found.code, found.lines) == (
        1,
        [f"ampel-watch: no light curve of {NAME} is stored, so there is nothing to draw"],
    )
    assert not (desk.folder / "curve.png").exists()
