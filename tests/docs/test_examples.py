"""What the pages show works as shown."""

import ast
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from ampel_watch.api import DeliveryReport
from ampel_watch.config import Config, load_config
from ampel_watch.plugin_manager import PluginManager
from ampel_watch.sandbox.ampel import Channel
from ampel_watch.testing import sample_event
from tests.cli.command import Background, Desk
from tests.docs.pages import Block, blocks

SIGNING_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ENVIRON = {
    "HOOK_SECRET": SIGNING_KEY,
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_WEBHOOK_URL": "https://hooks.example.org/1",
}
SERVICES = ", ".join(f"{name}: {{url: https://{name}.example.org}}" for name in ("live", "archive", "catalog"))
LIVE = f"services: {{{SERVICES}}}\n"
TUTORIAL = "docs/tutorial/first-watch.md"
WATCHLIST = re.compile(r"# (watchlists/\S+)\n")
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")

# One with enrichers needs the plugin that its page shows: see test_enricher.py.
CONFIGURATIONS = [
    block
    for block in blocks("yaml")
    if re.search(r"^(services|watches|receivers):", block.text, re.MULTILINE) and "enrichers:" not in block.text
]
WATCHLISTS = [block for block in blocks("yaml", "csv") if WATCHLIST.match(block.text)]


def load(block: Block, folder: Path) -> Config:
    """The block as a configuration; what it leaves out, and the files that it names, are put beside it."""
    for listed in WATCHLISTS:
        file = folder / WATCHLIST.match(listed.text)[1]
        file.parent.mkdir(exist_ok=True)
        file.write_text(listed.text)
    secret = folder / "secret"
    secret.write_text("a-secret")
    file = folder / "config.yaml"
    file.write_text(re.sub(r"(_file: )[^\s},]+", rf"\g<1>{secret}", completed(block.text)))
    manager = PluginManager()
    manager.load()
    return load_config(file, kinds=manager.notifier_kinds(), environ=ENVIRON)


def completed(text: str) -> str:
    """A fragment as a whole configuration: with a live service, a watch that tells, and receivers that are told."""
    if "services:" not in text:
        text = LIVE + text
    if not re.search(r"^receivers:", text, re.MULTILINE):
        told = re.findall(r"notify: \[(.+?)\]", text)
        names = sorted({name.strip() for names in told for name in names.split(",")}) or ["here"]
        text += "receivers:\n" + "".join(f"  {name}: {{notifier: console}}\n" for name in names)
    if not re.search(r"^watches:", text, re.MULTILINE):
        receiver = re.search(r"^receivers:\n  ([\w-]+):", text, re.MULTILINE)[1]
        text += f"watches: [{{name: a, stocks: [ZTF21aaqhhfu], notify: [{receiver}]}}]\n"
    return text


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=str)
def test_a_configuration_that_a_page_shows_is_good_and_acted_on(block, tmp_path):
    config = load(block, tmp_path)
    assert config.watches
    assert not [str(note) for note in config.notes]


def test_the_watchlists_that_a_page_shows_are_read_by_its_watch(tmp_path):
    (block,) = [block for block in CONFIGURATIONS if "stocks_from" in block.text and "cones" not in block.text]
    (watch,) = load(block, tmp_path).watches
    assert [stock.name for stock in watch.stocks] == [
        "ZTF21aaqhhfu",
        "ZTF19aapreis",
        "ZTF20abfcszi",
        "ZTF18abcecyc",
        "ZTF22aakdbia",
    ]
    assert (watch.stocks[2].label, watch.stocks[2].until) == ("candidate 7", datetime(2027, 4, 1, tzinfo=UTC))


def test_the_positions_that_a_page_shows_are_read_by_its_watch(tmp_path):
    (block,) = [block for block in CONFIGURATIONS if "cones:" in block.text]
    (watch,) = load(block, tmp_path).watches
    assert [position.label for position in watch.positions] == ["NGC 4151", "3C 273", "Mrk 421"]
    assert watch.positions[2].until == datetime(2027, 7, 1, tzinfo=UTC)


def test_the_configuration_of_the_readme_has_ten_lines():
    (block,) = [block for block in CONFIGURATIONS if block.page == "README.md"]
    assert len(block.text.splitlines()) == 10


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_the_code_that_a_page_shows_is_python(block):
    compile(block.text, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_receiver_of_webhooks_takes_an_event_once_and_no_forgery(monkeypatch, capsys):
    monkeypatch.setenv("HOOK_SECRET", SIGNING_KEY)
    (block,) = [block for block in blocks("python") if block.page.endswith("receive-webhooks.md")]
    shown = {}
    exec(compile(block.text, str(block), "exec"), shown)
    event, now = sample_event(), datetime.now(UTC)
    signature = Webhook(SIGNING_KEY).sign(event.id, now, event.body().decode())
    headers = {
        "webhook-id": event.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
    assert [shown["receive"](event.body(), headers) for _ in range(2)] == [200, 200]
    assert capsys.readouterr().out == f"{event.stock.name} {event.kind} {event.summary}\n"
    with pytest.raises(Exception, match="signature"):
        shown["receive"](json.dumps({"forged": 1}).encode(), headers)


def test_the_hook_that_a_page_shows_observes(capsys):
    (block,) = [block for block in blocks("python") if block.page.endswith("/hooks.md")]
    shown = {}
    exec(compile(block.text, str(block), "exec"), shown)
    shown["delivery_finished"](DeliveryReport("1", "w", "r", "dead", 3, "no"))
    assert capsys.readouterr().out == "dead letter to r: no\n"


def transcript() -> list[tuple[str, str]]:
    """(arguments, output) of each command of the tutorial that ends by itself."""
    shown = "".join(block.text for block in blocks("console") if block.page == TUTORIAL)
    commands = [part.partition("\n") for part in re.split(r"^\$ ampel-watch ", shown, flags=re.MULTILINE)[1:]]
    return [(arguments, output) for arguments, _, output in commands if arguments != "run"]


def test_the_commands_of_the_tutorial_print_what_it_shows(tmp_path):
    (block,) = [block for block in CONFIGURATIONS if block.page == TUTORIAL]
    desk = Desk(tmp_path)
    with Background() as background:
        sandbox = background.sandbox(channels=(Channel("HU_TNS_PUBLIC", lambda _: False, "what the page shows"),))
        background.call(lambda: sandbox.enter("ZTF21aaqhhfu", "HU_TNS_PUBLIC"))
        desk.write(re.sub("url: .*", f"url: {sandbox.live_url}", block.text))
        desk.write(sandbox.live_token, "live-token")
        for arguments, shown in transcript():
            assert TIME.sub("TIME", desk.run(*arguments.split()).out) == TIME.sub("TIME", shown), arguments
