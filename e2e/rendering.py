"""What there should be, by the word of `kservectl render`, beside what there is."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from e2e.api import Api
from e2e.process import kservectl
from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_SERVICE
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, INGRESS, REPLICA_SET, SERVICE
from kservectl.objects.metadata import Object

CHILDREN = (DEPLOYMENT, SERVICE, HORIZONTAL_POD_AUTOSCALER, HTTP_ROUTE, INGRESS)
"""The kinds of objects that a service in raw mode leads to."""

_LEFT_TO_OTHERS = ("replicas",)


async def rendered(services: Sequence[Object], folder: Path) -> Mapping[tuple[str, str], Object]:
    """What `kservectl render` prints for these services, by kind and name."""
    file = folder / "services.yaml"
    file.write_text(yaml.safe_dump_all(services))
    done = await asyncio.to_thread(kservectl, "render", f"--filename={file}", "-o", "json")
    assert done.returncode == 0, done.stderr
    items: list[Object] = yaml.safe_load(done.stdout)["items"]
    return {(obj["kind"], metadata.name(obj)): obj for obj in items}


async def deviations(api: Api, namespace: str, services: Sequence[Object], folder: Path) -> list[str]:
    """How a namespace differs from what was rendered for its services, in sentences: lost, left over, twice, or other fields."""
    wanted = await rendered(services, folder)
    uids = {metadata.name(each): metadata.uid(each) for each in await api.list(INFERENCE_SERVICE, namespace)}
    found = {(kind.kind, metadata.name(obj)): obj for kind in CHILDREN for obj in await api.list(kind, namespace)}
    told = [f"{kind} {name} is lost" for kind, name in wanted.keys() - found.keys()]
    told += [f"{kind} {name} is left over" for kind, name in found.keys() - wanted.keys()]
    for (kind, name), obj in found.items():
        owner = metadata.controller_of(obj) or {}
        if uids.get(str(owner.get("name"))) != owner.get("uid"):
            told.append(f"{kind} {name} is owned by {owner}")
        if (kind, name) in wanted:
            told += [f"{kind} {name}: {each}" for each in missing(wanted[kind, name]["spec"], obj["spec"], "spec")]
    for deployment in await api.list(DEPLOYMENT, namespace):
        sets = [
            each
            for each in await api.list(REPLICA_SET, namespace)
            if metadata.is_controlled_by(each, metadata.uid(deployment)) and each["spec"].get("replicas")
        ]
        if len(sets) != 1:
            told.append(f"{len(sets)} ReplicaSets of {metadata.describe(deployment)} have pods")
    return told


def missing(wanted: Any, found: Any, path: str) -> Iterator[str]:
    """The fields of `wanted` that `found` has not; more is no deviation, as the API server fills in defaults."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key, value in wanted.items():
            if key not in _LEFT_TO_OTHERS:
                yield from missing(value, found.get(key), f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for place, (left, right) in enumerate(zip(wanted, found, strict=True)):
            yield from missing(left, right, f"{path}[{place}]")
    elif wanted != found and (wanted or found):
        yield f"{path} is {found!r}, not {wanted!r}"
