"""`kservectl crds` and `kservectl manifests`: what an installation consists of."""

from collections.abc import Sequence
from pathlib import Path

import click

from kservectl.api.crds import crds as definitions
from kservectl.cli.printing import as_json, as_list, as_yaml
from kservectl.manifests import layout
from kservectl.manifests.chart import chart
from kservectl.manifests.components.catalogue import EXAMPLE_NAMESPACES, components
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
    "--component",
    "names",
    multiple=True,
    type=click.Choice(list(components())),
    help="With this variant of the installation (repeatable).",
)
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    help="One that the component `namespaced` is about (repeatable; default: default).",
)
@click.option(
    "--write", "directory", type=click.Path(path_type=Path), help="Write the folder of manifests there instead."
)
@click.option(
    "--write-charts", "charts", type=click.Path(path_type=Path), help="Write the folder of Helm charts there."
)
def manifests(
    output: str, names: Sequence[str], namespaces: Sequence[str], directory: Path | None, charts: Path | None
) -> None:
    """Print everything that an installation needs, in the order in which to apply it."""
    if directory is None and charts is None:
        if namespaces and "namespaced" not in names:
            raise click.UsageError("--namespace says what --component namespaced is about; give both")
        _print(layout.documents(names, namespaces or EXAMPLE_NAMESPACES), output)
        return
    if names:
        raise click.UsageError("--write writes all components; say which to use in a kustomization of yours")
    changed = [] if directory is None else layout.write(directory, layout.files(namespaces or EXAMPLE_NAMESPACES))
    if charts is not None:
        changed += layout.write(charts, chart.files())
    for path in changed:
        click.echo(f"{path} {'written' if path.exists() else 'removed'}")


def _print(objects: list[Object], output: str) -> None:
    click.echo(as_yaml(objects) if output == "yaml" else as_json(as_list(objects)), nl=False)
