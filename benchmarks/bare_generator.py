"""The writes that a manager makes for services, made with nothing to decide: how fast the API server can take them at all.

What to write is copied from a service that kservectl has made Ready, under other names: what was applied of its children, its
status, and the events that tell of it. They are the same requests: server-side apply on the condition that there is nothing,
merge patches of the status, and events that give way to the rest for as long as the manager's do.
"""

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from benchmarks.applied_object import applied_object
from benchmarks.services import CHILDREN
from e2e.api import Api
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects import metadata
from kservectl.objects.kind import CONTROLLER_REVISION, EVENT, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.events import GIVES_WAY_SECONDS
from kservectl.runtime.planning import child_body
from kservectl.runtime.writes import CREATE_ONLY

_AT_ONCE = 32
_SERVERS_OWN = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One service and what was made of it, `children` as they were applied; names are replaced in the JSON text."""

    name: str
    namespace: str
    service: Object
    children: Sequence[tuple[Kind, Object]]
    events: Sequence[Object]

    def renamed(self, obj: Object, name: str, namespace: str) -> Object:
        text = orjson.dumps(obj).decode().replace(self.name, name).replace(self.namespace, namespace)
        renamed: Object = orjson.loads(text)
        return renamed


async def pattern(api: Api, name: str, namespace: str, field_manager: str) -> Pattern:
    """Read a service that `field_manager` has made Ready. `name` and `namespace` must be words that stand for nothing else."""
    service = await api.get(INFERENCE_SERVICE, name, namespace)
    uid = metadata.uid(service)
    children = [
        (kind, applied_object(obj, field_manager))
        for kind in (*CHILDREN, CONTROLLER_REVISION)
        for obj in await api.list(kind, namespace)
        if metadata.is_controlled_by(obj, uid)
    ]
    events = [_fresh(obj) for obj in await api.list(EVENT, namespace) if obj["regarding"].get("uid") == uid]
    return Pattern(name, namespace, service, children, events)


async def generate(
    person: Api,
    account: Api,
    patterned: Pattern,
    number: int,
    namespaces: Sequence[str],
    *,
    statuses: int,
    prefix: str = "m",
) -> float:
    """Have a person make `number` services, and an account their children, `statuses` writes of each status, and events.

    Answers when all were written but for events (`time.perf_counter`).
    """
    slots, all_written = asyncio.Semaphore(_AT_ONCE), asyncio.Event()

    async def write(writing: Coroutine[Any, Any, Object]) -> Object:
        async with slots:
            return await writing

    async def one(position: int) -> None:
        name, namespace = f"{prefix}{position}", namespaces[position % len(namespaces)]
        wanted = patterned.renamed(patterned.service, name, namespace)
        service = await write(person.create(INFERENCE_SERVICE, {**_fresh(wanted), "spec": wanted["spec"]}))
        async with asyncio.TaskGroup() as group:
            for kind, child in patterned.children:
                obj = child_body(service, patterned.renamed(child, name, namespace), kind, shared=False)
                obj["metadata"]["resourceVersion"] = CREATE_ONLY
                group.create_task(write(account.client.apply(kind, obj)))
        for number_of_write in range(statuses):
            conditions = [{**each, "message": f"write {number_of_write}"} for each in wanted["status"]["conditions"]]
            body = {"status": {**wanted["status"], "conditions": conditions}}
            await write(account.merge(INFERENCE_SERVICE, name, namespace, body, subresource="status"))
        telling.create_task(tell(service))

    async def tell(service: Object) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GIVES_WAY_SECONDS):
                await all_written.wait()
        for event in patterned.events:
            obj = patterned.renamed(event, metadata.name(service), metadata.namespace(service))
            await write(account.create(EVENT, {**obj, "regarding": obj["regarding"] | {"uid": metadata.uid(service)}}))

    async with asyncio.TaskGroup() as telling:
        async with asyncio.TaskGroup() as group:
            for position in range(number):
                group.create_task(one(position))
        moment = time.perf_counter()
        all_written.set()
    return moment


def _fresh(obj: Object) -> Object:
    """As somebody would create it."""
    inner = {name: value for name, value in metadata.metadata(obj).items() if name not in _SERVERS_OWN}
    return {name: value for name, value in obj.items() if name != "status"} | {"metadata": inner}
