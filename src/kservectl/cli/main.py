"""The command line: a command is imported when it is asked for, so that `--help` costs nothing."""

import gc
import importlib
from collections.abc import Mapping, Sequence

import click
from click.shell_completion import CompletionItem

import kservectl

_COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("kservectl.cli.run", "The manager: controllers and webhooks in one process."),
    "dev": ("kservectl.cli.dev", "A cluster in this process, with the manager on it."),
    "render": ("kservectl.cli.render", "What would be created, with no cluster at all."),
    "tree": ("kservectl.cli.tree", "An object, all that it owns, and how each part is doing."),
    "why": ("kservectl.cli.why", "Why something is not Ready, and what to do next."),
    "preflight": ("kservectl.cli.preflight", "What would change if kservectl took a cluster over."),
    "router": ("kservectl.cli.router", "The data plane of an InferenceGraph."),
    "agent": ("kservectl.cli.agent", "The side car of a model server: models, payload log, batches."),
    "node-agent": ("kservectl.cli.node_agent", "Keeps models on a node's disk."),
    "download": ("kservectl.cli.download", "Fetch one model into a folder."),
    "crds": ("kservectl.cli.manifests", "Print the CustomResourceDefinitions."),
    "manifests": ("kservectl.cli.manifests", "Print everything that an installation needs."),
    "completion": ("kservectl.cli.completion", "Print what completes this command line in a shell."),
}


_GIVEN_AWAY_BY = {"--graph-json": "router", "--component-port": "agent"}
"""Options that KServe starts its images with, which name no command: each belongs to one alone."""


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        gc.disable()  # what is loaded stays: walking it again and again takes a tenth of the time of loading
        try:
            module = importlib.import_module(_COMMANDS[cmd_name][0])
        finally:
            gc.enable()
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # By name alone: importing every command for its summary would take longer than a Tab may.
        commands = [
            CompletionItem(name, help=summary)
            for name, (_, summary) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # `python -m kservectl --kubeconfig …` is the manager: options without a command are those of `run`.
        # While a word is completed there is no command yet.
        bare = not args and not ctx.resilient_parsing
        if bare or (args and args[0].startswith("-") and args[0] not in ("--help", "--version", "-h")):
            # The images of a graph's router and of an agent are given no command, as KServe's are.
            command = next((command for option, command in _GIVEN_AWAY_BY.items() if option in args), "run")
            args = [command, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(kservectl.__version__, prog_name="kservectl")
def root() -> None:
    """A control plane for KServe. Without a command it runs the manager."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit the process: 0 for success, 1 for a failure, 2 for wrong usage."""
    root.main(args=None if arguments is None else list(arguments), prog_name="kservectl")


def plugin() -> None:
    """The same as `kubectl kserve`: kubectl starts `kubectl-kserve` for it."""
    root.main(prog_name="kubectl kserve", complete_var="_KUBECTL_KSERVE_COMPLETE")
