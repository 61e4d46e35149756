"""The command line, `ampel-watch`: one file per verb (`test-notify` is in `plugins`), and the only code that prints."""

from ampel_watch.cli.entry import cli, main

__all__ = ["cli", "main"]
