"""The command line: every command with its arguments, options and defaults, as click knows them."""

import inspect
from typing import Any

import click

from documentation.tables import code, page, prose, table
from kservectl.cli.main import root


def pages() -> dict[str, str]:
    """Path below `docs/` → page."""
    context = click.Context(root, info_name="kservectl")
    introduction = (
        "Generated from the program; `kservectl COMMAND --help` says the same. `kservectl` without a command is `kservectl run`. "
        "Commands end with 0 for success, 1 for a failure, and 2 for wrong usage."
    )
    sections = []
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        assert command is not None
        sections.append(_section(command, name))
    return {"reference/cli.md": page("Command line", introduction, *sections)}


def _section(command: click.Command, name: str) -> str:
    arguments = " ".join(
        each.make_metavar(click.Context(command)) for each in command.params if isinstance(each, click.Argument)
    )
    usage = " ".join(part for part in ("kservectl", name, arguments, "[OPTIONS]") if part)
    rows = [_row(each, command) for each in command.params if isinstance(each, click.Option) and not each.hidden]
    return f"## {name}\n\n{prose(inspect.cleandoc(command.help or ''))}\n\n```text\n{usage}\n```\n\n" + table(
        ("Option", "What it does", "Default"), rows
    )


def _row(option: click.Option, command: click.Command) -> tuple[str, str, str]:
    names = ", ".join(map(code, (*option.opts, *option.secondary_opts)))
    value = "" if option.is_flag else f" {code(option.make_metavar(click.Context(command)))}"
    return f"{names}{value}", prose(option.help or ""), _default(option)


def _default(option: click.Option) -> str:
    value: Any = option.get_default(click.Context(click.Command("any")), call=False)
    if option.required:
        return "*required*"
    if value is True and option.secondary_opts:
        return code(option.opts[0])
    if value in (None, False, "", (), []) or callable(value) or type(value).__name__ == "Sentinel":
        return ""
    return code(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
