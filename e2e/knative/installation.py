"""Building Knative Serving's controller, and what has to be in the cluster before it starts."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from e2e.api import Api
from e2e.cluster.cache import cache_folder
from e2e.cluster.module import built_from_module, run_go
from e2e.cluster.toolchain import find_go
from e2e.installation import established
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, NAMESPACE
from kservectl.objects.metadata import Object

SYSTEM_NAMESPACE = "knative-serving"

_SOURCES = Path(__file__).parent / "go"
_PACKAGE = "knative.dev/serving/cmd/controller"
_CRDS = {
    "knative.dev/serving": ("config/core/300-resources",),
    "knative.dev/networking": ("config",),
    "knative.dev/caching": ("config",),
}
_CONFIG_MAPS = {"knative.dev/serving": "config/core/configmaps", "knative.dev/networking": "config"}
_CHANGED = {
    # Digests of images are asked of registries, which a cluster without a network cannot reach.
    "config-deployment": {
        "queue-sidecar-image": "gcr.example.com/knative/queue:v1",
        "registries-skipping-tag-resolving": "index.docker.io,docker.io,ghcr.io,kserve",
    },
    "config-domain": {"example.com": ""},
}


ENVIRONMENT = {
    "SYSTEM_NAMESPACE": SYSTEM_NAMESPACE,
    "POD_NAME": "controller-0",
    "CONFIG_LOGGING_NAME": "config-logging",
    "CONFIG_OBSERVABILITY_NAME": "config-observability",
    "METRICS_DOMAIN": "knative.dev/internal/serving",
}
"""What the controller is told of itself, as its Deployment has it."""


def controller() -> Path:
    """The program, built if it is not there yet; raises BuildError."""
    return built_from_module("knative", "controller", _SOURCES, _PACKAGE, _report)


async def install(api: Api) -> None:
    """The definitions of Knative Serving and its ConfigMaps."""
    go = _go()
    definitions = [obj for module, paths in _CRDS.items() for obj in _objects(go, module, paths)]
    definitions = [obj for obj in definitions if obj["kind"] == CUSTOM_RESOURCE_DEFINITION.kind]
    for definition in definitions:
        await api.client.apply(CUSTOM_RESOURCE_DEFINITION, definition)
    for definition in definitions:
        await established(api, metadata.name(definition))
    await api.client.apply(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}})
    for module, path in _CONFIG_MAPS.items():
        for obj in _objects(go, module, (path,)):
            if obj["kind"] == CONFIG_MAP.kind:
                name = metadata.name(obj)
                meta = {"name": name, "namespace": SYSTEM_NAMESPACE}
                found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": _CHANGED.get(name, {})}
                await api.client.apply(CONFIG_MAP, found)


def _objects(go: Path, module: str, paths: tuple[str, ...]) -> Iterator[Object]:
    folder = Path(run_go(go, _SOURCES, "list", "-m", "-f", "{{.Dir}}", module).strip())
    for path in paths:
        for file in sorted((folder / path).glob("*.yaml")):
            documents: list[Any] = list(yaml.safe_load_all(file.read_text()))
            yield from (document for document in documents if document)


def _go() -> Path:
    return find_go(os.environ, cache_folder(os.environ), _report)


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
