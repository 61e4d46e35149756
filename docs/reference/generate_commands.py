"""Write `commands.md` anew; run it after a change of the command line."""

from collections.abc import Iterator
from pathlib import Path

import click

from ampel_watch.cli import cli

HERE = Path(__file__).parent

_INTRODUCTION = """# Commands

The configuration is the file named by `-c FILE` (before or after the verb), else by `$AMPEL_WATCH_CONFIG`, else
`./config.yaml`, else `$XDG_CONFIG_HOME/ampel-watch/config.yaml`, else `/etc/ampel-watch/config.yaml`.

Results go to standard output, logs and everything else to standard error. Tables are drawn on a terminal only;
elsewhere they are lines with tabs. `NO_COLOR` is honoured. Every verb explains itself with `-h` or `--help`.
[Exit codes](events.md#exit-codes): 0 done, 1 failed, 2 usage, 78 bad configuration.

*This page is generated from the command line itself.*
"""


def commands_page(program: click.Group) -> str:
    """The reference page: every verb with its usage, its help and its options."""
    context = click.Context(program, info_name="ampel-watch")
    names = program.list_commands(context)
    index = "\n".join(f"- [`{name}`](#{name}): {_first_sentence(program.commands[name])}" for name in names)
    sections = [_section(program.commands[name], context) for name in names]
    return "\n".join([_INTRODUCTION, index, "", *sections])


def _first_sentence(command: click.Command) -> str:
    return (command.help or "").split("\n\n")[0].replace("\n", " ")


def _section(command: click.Command, parent: click.Context) -> str:
    context = click.Context(command, info_name=command.name, parent=parent)
    lines = [f"## {command.name}", "", "```sh", *_usage(command, context), "```", ""]
    for paragraph in (command.help or "").split("\n\n"):
        lines += [" ".join(paragraph.split()), ""]
    options = list(_options(command, context))
    if options:
        lines += ["| option | meaning |", "|---|---|", *options, ""]
    return "\n".join(lines)


def _usage(command: click.Command, context: click.Context) -> Iterator[str]:
    yield " ".join([context.command_path, *command.collect_usage_pieces(context)])


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            names, meaning = (part.replace("|", "\\|") for part in record)
            yield f"| `{names}` | {' '.join(meaning.split())} |"


if __name__ == "__main__":
    (HERE / "commands.md").write_text(commands_page(cli), encoding="utf-8")
