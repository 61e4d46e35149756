"""What no page may say: commands that do not exist, addresses of package indexes, folders of somebody's machine."""

import re
from collections.abc import Iterator

import pytest

from ampel_watch.cli import cli
from tests.docs.pages import PAGES, ROOT, blocks, inline_code, name_of, prose_of

COMMAND = re.compile(r"(?:^|[\s/])ampel-watch((?: -c \S+)?) ([a-z][a-z-]*)([^#|]*)")
PACKAGE_INDEXES = re.compile(r"p[y]pi\b|python[h]osted|npm[j]s\.|crates[.]io|ana[c]onda\.", re.IGNORECASE)
MACHINES = re.compile(r"/(?:work|root|home|tmp|Users)/\w")
TEXTS = {".md", ".py", ".toml", ".yaml", ".yml", ".json", ".txt", ".service", ".cfg", ""}
OURS = ("ampel_watch", "plugins", "docs", "systemd", "tests", ".ci")


def shown_commands() -> Iterator[tuple[str, str, str]]:
    """(place, verb, the rest) of every `ampel-watch …` in code."""
    for block in blocks("sh", "console"):
        for line in block.text.splitlines():
            if block.language == "sh" or line.startswith("$ "):
                yield from ((str(block), found[2], found[3]) for found in COMMAND.finditer(line))
    for page in PAGES:
        for code in inline_code(page):
            yield from ((name_of(page), found[2], found[3]) for found in COMMAND.finditer(code))


def test_commands_are_found_in_the_pages():
    assert {"check", "once", "run", "status"} <= {verb for _, verb, _ in shown_commands()}


def test_every_command_that_a_page_names_exists():
    unknown = [(place, verb) for place, verb, _ in shown_commands() if verb not in cli.commands]
    assert not unknown


def test_every_option_that_a_page_names_exists():
    for place, verb, rest in shown_commands():
        if verb in cli.commands:
            known = {option for parameter in cli.commands[verb].params for option in parameter.opts} | {"--help"}
            assert set(re.findall(r"--[a-z-]+", rest)) <= known, place


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_names_a_folder_of_a_machine(page):
    assert not MACHINES.findall(page.read_text(encoding="utf-8"))


def test_no_file_names_a_package_index():
    files = [file for file in ROOT.iterdir() if file.is_file() and file.suffix in TEXTS]
    files += [file for folder in OURS for file in (ROOT / folder).rglob("*") if file.is_file() and file.suffix in TEXTS]
    assert not [str(file) for file in files if PACKAGE_INDEXES.search(file.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_lines_of_prose_can_be_read_in_an_editor(page):
    assert not [line for line in prose_of(page).splitlines() if len(line) > 140 and not line.startswith("|")]
