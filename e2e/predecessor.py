"""Objects as KServe's own manager leaves them, put into a cluster under its field manager, before kservectl comes.

That manager creates and updates; so `managedFields` has its fields under the name of its binary, with the operation Update.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from e2e.api import Api, connect
from kservectl.api.kinds import (
    HTTP_ROUTE,
    INFERENCE_GRAPH,
    INFERENCE_SERVICE,
    KNATIVE_SERVICE,
    OPEN_TELEMETRY_COLLECTOR,
    SCALED_OBJECT,
    TRAINED_MODEL,
    VIRTUAL_SERVICE,
)
from kservectl.clock import rfc3339
from kservectl.manifests import webhooks
from kservectl.objects import metadata
from kservectl.objects.kind import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    MUTATING_WEBHOOK_CONFIGURATION,
    SERVICE,
    VALIDATING_WEBHOOK_CONFIGURATION,
    Kind,
)
from kservectl.objects.metadata import Object

MANAGER = "manager"
"""The field manager of KServe's binary."""

OWNERS = (INFERENCE_SERVICE, INFERENCE_GRAPH, TRAINED_MODEL)
CHILDREN = (
    DEPLOYMENT,
    SERVICE,
    HORIZONTAL_POD_AUTOSCALER,
    HTTP_ROUTE,
    INGRESS,
    CONFIG_MAP,
    SCALED_OBJECT,
    KNATIVE_SERVICE,
    VIRTUAL_SERVICE,
    OPEN_TELEMETRY_COLLECTOR,
)
_CONFIGURATIONS: Mapping[str, Kind] = {
    kind.kind: kind for kind in (MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_WEBHOOK_CONFIGURATION)
}


async def unregister_webhooks(api: Api) -> None:
    """Nobody answers for them now, so everything would be refused."""
    for obj in webhooks.configurations():
        kind = _CONFIGURATIONS[obj["kind"]]
        if await api.find(kind, metadata.name(obj)) is not None:
            await api.delete(kind, metadata.name(obj))


async def register_webhooks(api: Api) -> None:
    """As the installation does."""
    for obj in webhooks.configurations():
        await api.client.apply(_CONFIGURATIONS[obj["kind"]], obj)


async def leave_behind(kubeconfig: Path, objects: Sequence[Object]) -> None:
    """Create the owners among `objects` as a user would, and everything else, with all statuses, as KServe's manager would.

    References to owners need no uid and apiVersion; the objects' namespaces must be there.
    """
    async with connect(kubeconfig, "kubectl-create") as user, connect(kubeconfig, MANAGER) as manager:
        owners: dict[tuple[str, str, str], Object] = {}
        for obj in objects:
            if (kind := kind_of(obj)) in OWNERS:
                created = await user.create(kind, _without(obj, "finalizers"))
                await _finish(manager, kind, obj)
                owners[kind.kind, metadata.namespace(obj), metadata.name(obj)] = created
        async with asyncio.TaskGroup() as group:
            for obj in objects:
                if (kind := kind_of(obj)) not in OWNERS:
                    group.create_task(manager.create(kind, _owned(obj, owners)))


def kind_of(obj: Object) -> Kind:
    """Raises StopIteration for a kind that KServe's manager does not write."""
    return next(
        kind for kind in (*OWNERS, *CHILDREN) if (kind.api_version, kind.kind) == (obj["apiVersion"], obj["kind"])
    )


async def _finish(manager: Api, kind: Kind, obj: Object) -> None:
    """The finalizer and the status, which KServe's manager writes."""
    key = metadata.key(obj)
    if finalizers := metadata.metadata(obj).get("finalizers"):
        await manager.merge(kind, key.name, key.namespace, {"metadata": {"finalizers": finalizers}})
    if status := obj.get("status"):
        dated = _dated(status)
        await manager.merge(kind, key.name, key.namespace, {"status": dated}, subresource="status")


def _dated(status: Object) -> Object:
    moment = rfc3339(datetime.now(UTC))
    conditions = [{"lastTransitionTime": moment, **each} for each in status.get("conditions") or ()]
    return {**status, **({"conditions": conditions} if conditions else {})}


def _without(obj: Object, *fields: str) -> Object:
    meta = {name: value for name, value in obj["metadata"].items() if name not in (*fields, "ownerReferences")}
    return {**{name: value for name, value in obj.items() if name != "status"}, "metadata": meta}


def _owned(obj: Object, owners: Mapping[tuple[str, str, str], Object]) -> Object:
    references = []
    for reference in metadata.metadata(obj).get("ownerReferences") or ():
        owner = owners[reference["kind"], metadata.namespace(obj), reference["name"]]
        references.append({**reference, "apiVersion": owner["apiVersion"], "uid": metadata.uid(owner)})
    child = _without(obj)
    return {**child, "metadata": {**child["metadata"], **({"ownerReferences": references} if references else {})}}
