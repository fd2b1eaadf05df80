"""Running cases: each in a namespace of its own, until nothing has moved in it for a while."""

import asyncio
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from e2e.api import Api
from e2e.parity.recording import LAST_APPLIED, record
from e2e.parity.surroundings import NAME_LENGTHS
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
from kservectl.client.errors import ApiError, NotFound
from kservectl.modelstorage import gojson
from kservectl.objects import metadata
from kservectl.objects.kind import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    NAMESPACE,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from kservectl.objects.metadata import Object

_RBAC = "rbac.authorization.k8s.io"
_RECORDED: Sequence[Kind] = (
    INFERENCE_SERVICE,
    INFERENCE_GRAPH,
    TRAINED_MODEL,
    DEPLOYMENT,
    SERVICE,
    HORIZONTAL_POD_AUTOSCALER,
    SCALED_OBJECT,
    HTTP_ROUTE,
    INGRESS,
    KNATIVE_SERVICE,
    VIRTUAL_SERVICE,
    CONFIG_MAP,
    POD,
    PERSISTENT_VOLUME_CLAIM,
    OPEN_TELEMETRY_COLLECTOR,
    Kind(_RBAC, "v1", "Role", "roles"),
    Kind(_RBAC, "v1", "RoleBinding", "rolebindings"),
)
_BY_CLUSTER = frozenset({"kube-root-ca.crt", "istio-ca-root-cert"})
_POLL_SECONDS = 0.5


class Cases:
    """Runs the cases of a mode on a cluster. A case is at rest when nothing moved for `settle` seconds."""

    def __init__(self, api: Api, mode: str, *, settle: float = 3.0, most: float = 40.0, at_once: int = 6) -> None:
        self._api = api
        self._mode = mode
        self._settle = settle
        self._most = most
        self._slots = asyncio.Semaphore(at_once)

    async def run(self, cases: Mapping[str, Sequence[Object | None]]) -> Mapping[str, Object]:
        """The recording of every case, by its name; a case is the documents of its manifest."""
        kinds = [kind for kind in _RECORDED if await self._is_served(kind)]
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(self._one(name, documents, kinds)) for name, documents in cases.items()}
        return {name: task.result() for name, task in tasks.items()}

    async def _one(self, name: str, documents: Sequence[Object | None], kinds: Sequence[Kind]) -> Object:
        async with self._slots:
            # As long as in the recordings: host names are made of it, and their length is limited.
            digest = hashlib.sha256(f"{self._mode}/{name}".encode()).hexdigest()
            namespace = f"p-{digest}"[: NAME_LENGTHS[self._mode]]
            await self._api.create(
                NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            )
            try:
                await self._create_accounts(documents, namespace)
                refusals, applied = [], 0
                for obj in documents:
                    refusal = await self._create(obj, namespace) if obj else ""
                    refusals += [refusal] if refusal else []
                    applied += obj is not None and not refusal
                objects = await self._at_rest(namespace, kinds) if applied else []
                return record(objects, namespace, "\n".join(refusals) or None)
            finally:
                await self._api.delete(NAMESPACE, namespace)

    async def _create_accounts(self, documents: Sequence[Object | None], namespace: str) -> None:
        """The ServiceAccounts that the case names: the recordings come from a cluster that did not ask for them."""
        for name in sorted({name for document in documents for name in _accounts(document)} - {"default"}):
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
            await self._api.create(SERVICE_ACCOUNT, account)

    async def _create(self, obj: Object, namespace: str) -> str:
        """Why it was refused, strictly decoded as kubectl asks for; empty when it was not."""
        kind = next(
            (each for each in _RECORDED if (each.api_version, each.kind) == (obj["apiVersion"], obj["kind"])), None
        )
        if kind is None or not await self._is_served(kind):
            return f'no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}"'
        placed = as_kubectl_applies(obj, namespace)
        params = {"fieldValidation": "Strict", "fieldManager": "kubectl-client-side-apply"}
        try:
            await self._api.client.raw("POST", kind.path(namespace), params=params, body=placed)
        except ApiError as error:
            return str(error)
        return ""

    async def _at_rest(self, namespace: str, kinds: Sequence[Kind]) -> list[Object]:
        started = since = time.monotonic()
        last: list[tuple[str, str, str]] = []
        while True:
            objects = [obj for kind in kinds for obj in await self._api.list(kind, namespace)]
            objects = [obj for obj in objects if metadata.name(obj) not in _BY_CLUSTER]
            versions = [(obj["kind"], metadata.name(obj), metadata.resource_version(obj)) for obj in objects]
            now = time.monotonic()
            if versions != last:
                last, since = versions, now
            if now - since > self._settle or now - started > self._most:
                return objects
            await asyncio.sleep(_POLL_SECONDS)

    async def _is_served(self, kind: Kind) -> bool:
        try:
            await self._api.client.list(kind, limit=1)
        except NotFound:
            return False
        return True


def as_kubectl_applies(obj: Object, namespace: str) -> Object:
    """`obj` as `kubectl apply` creates it: with a note of what was applied, which KServe copies to the pods of graphs."""
    annotations = metadata.annotations(obj)
    placed = {**obj, "metadata": {**obj["metadata"], "namespace": namespace, "annotations": annotations}}
    applied = {LAST_APPLIED: gojson.compact(_sorted(placed)) + "\n"}
    return {**placed, "metadata": {**placed["metadata"], "annotations": {**annotations, **applied}}}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _accounts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("serviceAccountName", "serviceAccount") and isinstance(inner, str):
                yield inner
            yield from _accounts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _accounts(inner)
