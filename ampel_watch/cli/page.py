"""How `show` and `explain` lay out much about one thing: for the eye on a terminal, for `cut` and `grep` elsewhere."""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from ampel_watch.cli.output import print_table
from ampel_watch.text import clean

_LABEL_WIDTH = 14
_NARROWEST = 40
_WIDEST = 120
_LONGEST_CELL = 2000


@dataclass(frozen=True, slots=True)
class Page:
    """Standard output, and what it can show.

    Attributes
    ----------
    terminal: whether a person reads along; elsewhere every line is cells with tabs between, the first its section.
    colour: whether marks may be coloured (`NO_COLOR` forbids it).
    width: characters that lines are folded at, on a terminal.
    """

    terminal: bool
    colour: bool
    width: int

    @classmethod
    def of_stdout(cls) -> "Page":
        """As standard output is now."""
        terminal = sys.stdout.isatty()
        colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        columns = shutil.get_terminal_size().columns
        return cls(terminal, colour, min(_WIDEST, max(_NARROWEST, columns)))

    def paint(self, text: str, fg: str | None = None, *, bold: bool = False, dim: bool = False) -> str:
        """`text` in a colour, where that is wanted."""
        plain = not (self.colour and (fg or bold or dim))
        return text if plain else click.style(text, fg=fg, bold=bold or None, dim=dim or None)

    def title(self, text: str) -> None:
        """A heading; a terminal's matter only."""
        if self.terminal:
            click.echo(f"\n{self.paint(clean(text), bold=True)}")

    def rows(self, section: str, rows: Iterable[tuple[str, str]]) -> None:
        """Labels with their values; values are folded beside their labels. Rows without a value are left out.

        On a terminal a label that repeats is written once.
        """
        told = [(clean(label), value) for label, value in rows if value]
        width = max([_LABEL_WIDTH, *(len(label) + 2 for label, _ in told)])
        before = ""
        for label, value in told:
            if self.terminal:
                self.fold(f"{label if label != before else '':<{width}}", value, hang=width, dim_head=True)
            else:
                self._cells(section, label, value)
            before = label

    def table(self, section: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table under a title; nothing if it has no rows."""
        cleaned = [tuple(clean(cell, _LONGEST_CELL) for cell in row) for row in rows]
        if not cleaned:
            return
        if self.terminal:
            click.echo()
            print_table(section, columns, cleaned)
        else:
            for row in cleaned:
                self._cells(section.lower(), *row)

    def fold(self, head: str, text: str, *, hang: int, dim_head: bool = False, fg: str | None = None) -> None:
        """`text` after `head` (in `fg`), its further lines `hang` characters in; in one line if this is no terminal."""
        cleaned = clean(text, _LONGEST_CELL)
        if not self.terminal:
            click.echo(f"{head}{cleaned}")
            return
        folded = textwrap.wrap(
            cleaned,
            self.width,
            initial_indent=" " * len(head),
            subsequent_indent=" " * hang,
            break_on_hyphens=False,
            break_long_words=False,  # addresses stay whole, to be clicked on
        )
        first = folded[0][len(head) :] if folded else ""
        click.echo(self.paint(head, fg, dim=dim_head) + first)
        for line in folded[1:]:
            click.echo(line)

    def _cells(self, section: str, *cells: str) -> None:
        click.echo("\t".join((section, *(clean(cell, _LONGEST_CELL) for cell in cells))))


def shown(value: object) -> str:
    """A value of a document as a person writes it: `null`, `true`, 18.4213, `a, b`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.3g}" if 0 < abs(value) < 0.001 else f"{round(value, 4):.12g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {shown(inner)}" for key, inner in value.items()) or "none"
    return str(value)
