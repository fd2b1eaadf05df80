"""`kservectl render`: what would be created, offline."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import click

from kservectl.api.config import CONFIG_MAP_NAME, DEFAULT_NAMESPACE
from kservectl.api.crds import crds
from kservectl.api.kinds import INFERENCE_GRAPH
from kservectl.cli.files import read_objects
from kservectl.cli.printing import as_json, as_list, as_yaml
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.devcluster.types import builtin_types
from kservectl.manifests.configuration import config_map
from kservectl.manifests.runtimes import runtimes
from kservectl.manifests.storage import storage_container
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.rendering import CannotRender, Renderer, is_renderable


@click.command()
@click.option("-f", "--filename", "files", multiple=True, required=True, help="A manifest, a folder of them, or -.")
@click.option("--config", "config_file", help="A manifest of the ConfigMap inferenceservice-config to use.")
@click.option("--namespace", "-n", default="default", help="The namespace of objects that name none.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml")
@click.option("--admitted", is_flag=True, help="Print what the files hold too, as it would be stored.")
def render(files: tuple[str, ...], config_file: str | None, namespace: str, output: str, admitted: bool) -> None:
    """Print what would be created for the InferenceServices and InferenceGraphs in the given files, with no cluster.

    Runtimes, storage containers and the ConfigMap in the files are used beside the built-in ones. Admission defaults
    and validation are part of it: an object that would be refused is an error here, with the same text.
    """
    given = [_placed(obj, namespace) for obj in read_objects(files)]
    # A graph leads to the services beside it, wherever they stand.
    wanted = sorted((obj for obj in given if is_renderable(obj)), key=lambda obj: obj["kind"] == INFERENCE_GRAPH.kind)
    if not wanted:
        kinds = ", ".join(sorted({str(obj["kind"]) for obj in given})) or "nothing"
        raise click.ClickException(f"there is no InferenceService or InferenceGraph to render; the files hold: {kinds}")
    surroundings = [*built_in(), *(obj for obj in given if not is_renderable(obj))]
    if config_file is not None:
        surroundings.append(_config_map(config_file))
    types = builtin_types()
    for definition in crds():
        types.add_definition(definition)
    try:
        renderer = Renderer(surroundings, types, Settings(), datetime.now(UTC))
        objects: list[Object] = []
        for obj in wanted:
            rendering = renderer.render(obj)
            for warning in rendering.warnings:
                click.echo(f"Warning: {warning}", err=True)
            objects += [_without_status(rendering.stored)] if admitted else []
            objects += rendering.objects
    except CannotRender as error:
        raise click.ClickException(str(error)) from error
    click.echo(as_yaml(objects) if output == "yaml" else as_json(as_list(objects)), nl=False)


def built_in() -> Iterable[Object]:
    """What an installation brings that decisions look at."""
    return [*runtimes(), storage_container(), config_map()]


def _placed(obj: Object, namespace: str) -> Object:
    return {**obj, "metadata": {"namespace": namespace, **(obj.get("metadata") or {})}}


def _config_map(file: str) -> Object:
    found = [obj for obj in read_objects([file]) if obj["kind"] == "ConfigMap"]
    if len(found) != 1:
        raise click.ClickException(f"{file}: expected one ConfigMap, found {len(found)}")
    data: Any = found[0].get("data")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIG_MAP_NAME, "namespace": DEFAULT_NAMESPACE},
        "data": data,
    }


def _without_status(service: Object) -> Object:
    inner = {
        key: value
        for key, value in metadata.metadata(service).items()
        if key not in ("uid", "generation", "resourceVersion")
    }
    return {**{key: value for key, value in service.items() if key != "status"}, "metadata": inner}
