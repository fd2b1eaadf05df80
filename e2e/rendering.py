"""What there should be, by the word of `kservectl render`, beside what there is."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from e2e.api import PATIENCE, Api
from kservectl.api.kinds import (
    HTTP_ROUTE,
    INFERENCE_GRAPH,
    INFERENCE_SERVICE,
    OPEN_TELEMETRY_COLLECTOR,
    SCALED_OBJECT,
)
from kservectl.cli.render import render
from kservectl.objects import metadata, quantity
from kservectl.objects.kind import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    NETWORK_POLICY,
    REPLICA_SET,
    SERVICE,
)
from kservectl.objects.metadata import Object

CHILDREN = (DEPLOYMENT, SERVICE, HORIZONTAL_POD_AUTOSCALER, HTTP_ROUTE, INGRESS)
"""The kinds of objects that a service in raw mode leads to."""

_RARE = (CONFIG_MAP, NETWORK_POLICY, SCALED_OBJECT, OPEN_TELEMETRY_COLLECTOR)
"""Those that few services lead to, and that others have in the same namespaces."""

_RESOURCES = ".resources."
"""Below it are quantities, of which `1` and `1000m` are the same."""

_LEFT_TO_OTHERS = ("replicas",)
_LOOK_AGAIN_SECONDS = 0.2

Rendered = Mapping[tuple[str, str], Object]
"""Objects by kind and name."""


async def rendered(services: Sequence[Object], folder: Path, config: Object | None = None) -> Rendered:
    """What `kservectl render` prints for these services, under this ConfigMap or the one of an installation."""
    file = folder / "services.yaml"
    file.write_text(yaml.safe_dump_all(services))
    arguments = [f"--filename={file}"]
    if config is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        arguments.append(f"--config={folder / 'config.yaml'}")
    # The command itself, in this process: to start another one costs more than all the rest.
    done = await asyncio.to_thread(CliRunner().invoke, render, [*arguments, "-o", "json"])
    assert done.exit_code == 0, done.output
    items: list[Object] = json.loads(done.stdout)["items"]
    return {(obj["kind"], metadata.name(obj)): obj for obj in items}


async def deviations(api: Api, namespace: str, services: Sequence[Object], folder: Path) -> list[str]:
    """How a namespace differs from what was rendered for its services, in sentences: lost, left over, twice, or other fields."""
    return await deviations_from(api, namespace, await rendered(services, folder))


async def until_as_rendered(api: Api, namespace: str, wanted: Rendered, *, seconds: float = PATIENCE) -> None:
    """Return once a namespace is exactly what was rendered; a wait for several kinds at once, which no watch covers."""
    end = asyncio.get_running_loop().time() + seconds
    while told := await deviations_from(api, namespace, wanted):
        assert asyncio.get_running_loop().time() < end, told
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def deviations_from(api: Api, namespace: str, wanted: Rendered) -> list[str]:
    """How a namespace differs from what was rendered before, in sentences."""
    uids = {
        (kind.kind, metadata.name(each)): metadata.uid(each)
        for kind in (INFERENCE_SERVICE, INFERENCE_GRAPH)
        for each in await api.list(kind, namespace)
    }
    found = {(kind.kind, metadata.name(obj)): obj for kind in CHILDREN for obj in await api.list(kind, namespace)}
    for rare in _RARE:
        ours = [obj for obj in await api.list_served(rare, namespace) if _controller_uid(obj) in uids.values()]
        found |= {(rare.kind, metadata.name(obj)): obj for obj in ours}
    told = [f"{kind} {name} is lost" for kind, name in wanted.keys() - found.keys()]
    told += [f"{kind} {name} is left over" for kind, name in found.keys() - wanted.keys()]
    for (kind, name), obj in found.items():
        owner = metadata.controller_of(obj) or {}
        if uids.get((str(owner.get("kind")), str(owner.get("name")))) != owner.get("uid"):
            told.append(f"{kind} {name} is owned by {owner}")
        if (kind, name) in wanted:
            told += [f"{kind} {name}: {each}" for each in _differing(wanted[kind, name], obj)]
    for deployment in await api.list(DEPLOYMENT, namespace):
        sets = [
            each
            for each in await api.list(REPLICA_SET, namespace)
            if metadata.is_controlled_by(each, metadata.uid(deployment)) and each["spec"].get("replicas")
        ]
        if len(sets) != 1:
            told.append(f"{len(sets)} ReplicaSets of {metadata.describe(deployment)} have pods")
    return told


def _controller_uid(obj: Object) -> str:
    return str((metadata.controller_of(obj) or {}).get("uid") or "")


def _differing(wanted: Object, found: Object) -> Iterator[str]:
    yield from missing(wanted.get("spec"), found.get("spec"), "spec")
    yield from missing(metadata.annotations(wanted), metadata.annotations(found), "annotations")
    if metadata.labels(wanted) != metadata.labels(found):
        yield f"labels are {metadata.labels(found)}, not {metadata.labels(wanted)}"


def missing(wanted: Any, found: Any, path: str) -> Iterator[str]:
    """The fields of `wanted` that `found` has not; more is no deviation, as the API server fills in defaults."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key, value in wanted.items():
            if key not in _LEFT_TO_OTHERS:
                yield from missing(value, found.get(key), f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for place, (left, right) in enumerate(zip(wanted, found, strict=True)):
            yield from missing(left, right, f"{path}[{place}]")
    elif wanted != found and (wanted or found) and not (_RESOURCES in path and quantity.same(found, wanted)):
        yield f"{path} is {found!r}, not {wanted!r}"
