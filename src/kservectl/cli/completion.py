"""`kservectl completion`, and what kubectl asks of its plugin `kubectl kserve` when somebody presses Tab.

For a plugin, kubectl starts `kubectl_complete-kserve` with the words so far, the last of which is the one to complete. It wants
one suggestion a line, with an explanation behind a tab, and a directive as the last line; so is the protocol of cobra.
"""

import sys
from collections.abc import Sequence

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

_PROGRAM = "kservectl"
_VARIABLE = "_KSERVECTL_COMPLETE"
_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}

_NO_FILES = ":4"
_FILES = ":0"
"""Directives of cobra: whether the shell is to offer files where there are no suggestions."""


@click.command()
@click.argument("shell", type=click.Choice(sorted(_SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in SHELL.

    \b
    bash:  source <(kservectl completion bash)         in ~/.bashrc
    zsh:   source <(kservectl completion zsh)          in ~/.zshrc, after compinit
    fish:  kservectl completion fish | source          in ~/.config/fish/config.fish
    """
    script = _SHELLS[shell](context.find_root().command, {}, _PROGRAM, _VARIABLE)
    # Not `source()`: it looks for the shell itself, which the one who asks may not have on this machine.
    click.echo(script.source_template % script.source_vars())


def suggestions(command: click.Command, words: Sequence[str]) -> list[str]:
    """The lines that kubectl wants for these words; the last word is the one to complete, and may be empty."""
    *before, incomplete = words or ("",)
    found = ShellComplete(command, {}, _PROGRAM, _VARIABLE).get_completions(before, incomplete)
    lines = [f"{item.value}\t{item.help}" if item.help else str(item.value) for item in found if item.type == "plain"]
    return [*lines, _NO_FILES if lines else _FILES]


def complete_for_kubectl() -> None:
    """The program `kubectl_complete-kserve`."""
    from kservectl.cli.main import root  # both know of each other: one is a command of the other

    click.echo("\n".join(suggestions(root, sys.argv[1:])))
