"""How results are printed: JSON for programs, tables for people; colour only on a terminal that wants it."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click


def print_json(document: Any) -> None:
    """One JSON document in one line."""
    click.echo(json.dumps(document, ensure_ascii=False, separators=(", ", ": ")))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; tab-separated lines, easy to cut, anywhere else."""
    rows = list(rows)
    if not sys.stdout.isatty():
        for line in ([*columns], *rows):
            click.echo("\t".join(line))
        return
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """`1 stock`, `2 stocks`."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
