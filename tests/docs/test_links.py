"""Every link within the documentation leads somewhere, and every page is reached."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, name_of, prose_of

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def links(page: Path) -> list[tuple[Path, str]]:
    """(file, anchor) of each link that stays within the project."""
    found = []
    for target in LINK.findall(prose_of(page)):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            found.append(((page.parent / path).resolve() if path else page, anchor))
    return found


def anchor_of(heading: str) -> str:
    """As GitHub makes them: lower case, no marks, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_of_the_project(page):
    assert not [str(file) for file, _ in links(page) if not file.exists() or ROOT not in file.parents]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_anchor_is_a_heading(page):
    wrong = [
        (name_of(file), anchor)
        for file, anchor in links(page)
        if anchor and anchor not in map(anchor_of, HEADING.findall(prose_of(file)))
    ]
    assert not wrong


def test_the_index_names_every_page():
    named = {file for file, _ in links(ROOT / "docs/README.md")}
    assert {page for page in PAGES if (ROOT / "docs") in page.parents} - named == {ROOT / "docs/README.md"}
