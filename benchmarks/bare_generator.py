"""The writes that services need, made with nothing to decide: how fast the API server can take them at all.

What to write is copied from a service that a manager has made Ready: its children and its status, under other names.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from benchmarks.services import CHILDREN
from e2e.api import Api
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects import metadata
from kservectl.objects.kind import SERVICE, Kind
from kservectl.objects.metadata import Object

_AT_ONCE = 32
_SERVERS_OWN = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One service and what was made of it; names are replaced in the JSON text."""

    name: str
    namespace: str
    service: Object
    children: Sequence[tuple[Kind, Object]]

    def renamed(self, obj: Object, name: str, namespace: str) -> Object:
        text = orjson.dumps(obj).decode().replace(self.name, name).replace(self.namespace, namespace)
        renamed: Object = orjson.loads(text)
        return renamed


async def pattern(api: Api, name: str, namespace: str) -> Pattern:
    """Read a service that is Ready, and its children. `name` and `namespace` must be words that stand for nothing else."""
    service = await api.get(INFERENCE_SERVICE, name, namespace)
    uid = metadata.uid(service)
    children = [
        (kind, _fresh(obj))
        for kind in CHILDREN
        for obj in await api.list(kind, namespace)
        if metadata.is_controlled_by(obj, uid)
    ]
    return Pattern(name, namespace, service, children)


async def generate(
    person: Api,
    account: Api,
    patterned: Pattern,
    number: int,
    namespaces: Sequence[str],
    *,
    statuses: int,
    prefix: str = "m",
) -> None:
    """Have a person make `number` services, and an account their children and `statuses` writes of each status."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def write(api: Api, kind: Kind, obj: Object) -> Object:
        async with slots:
            return await api.create(kind, obj)

    async def one(position: int) -> None:
        name, namespace = f"{prefix}{position}", namespaces[position % len(namespaces)]
        wanted = patterned.renamed(patterned.service, name, namespace)
        created = await write(person, INFERENCE_SERVICE, {**_fresh(wanted), "spec": wanted["spec"]})
        owner = metadata.controller_reference(created)
        async with asyncio.TaskGroup() as group:
            for kind, child in patterned.children:
                obj = patterned.renamed(child, name, namespace)
                obj["metadata"]["ownerReferences"] = [owner]
                group.create_task(write(account, kind, obj))
        for number_of_write in range(statuses):
            status: Any = wanted["status"]
            conditions = [{**each, "message": f"write {number_of_write}"} for each in status["conditions"]]
            async with slots:
                body = {"status": {**status, "conditions": conditions}}
                await account.merge(INFERENCE_SERVICE, name, namespace, body, subresource="status")

    async with asyncio.TaskGroup() as group:
        for position in range(number):
            group.create_task(one(position))


def _fresh(obj: Object) -> Object:
    """As somebody would create it."""
    inner = {name: value for name, value in metadata.metadata(obj).items() if name not in _SERVERS_OWN}
    fresh = {name: value for name, value in obj.items() if name != "status"} | {"metadata": inner}
    if obj.get("kind") == SERVICE.kind:
        fresh["spec"] = {name: value for name, value in obj["spec"].items() if not name.startswith("clusterIP")}
    return fresh
