"""`kservectl crds` and `kservectl manifests`: what an installation consists of."""

from pathlib import Path

import click

from kservectl.api.crds import crds as definitions
from kservectl.cli.printing import as_json, as_list, as_yaml
from kservectl.manifests import layout
from kservectl.objects.metadata import Object

_output = click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml")


@click.command()
@_output
def crds(output: str) -> None:
    """Print the CustomResourceDefinitions that kservectl serves."""
    _print(definitions(), output)


@click.command()
@_output
@click.option(
    "--write", "directory", type=click.Path(path_type=Path), help="Write the folder of manifests there instead."
)
def manifests(output: str, directory: Path | None) -> None:
    """Print everything that an installation needs, in the order in which to apply it."""
    if directory is None:
        _print(layout.documents(), output)
        return
    for path in layout.write(directory):
        click.echo(f"{path} {'written' if path.exists() else 'removed'}")


def _print(objects: list[Object], output: str) -> None:
    click.echo(as_yaml(objects) if output == "yaml" else as_json(as_list(objects)), nl=False)
