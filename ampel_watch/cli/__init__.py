"""The command line, `ampel-watch`: one file per group of verbs, and the only code that prints."""

from ampel_watch.cli.entry import cli, main

__all__ = ["cli", "main"]
