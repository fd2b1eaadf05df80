"""Installing kservectl on a cluster as its documentation says: what `crds` and `manifests` print, applied by the server.

The manager's own Deployment stays out: the manager under test is a process of the suite.
"""

import asyncio
import base64
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from e2e.api import Api, condition, connect
from e2e.process import kservectl
from kservectl.api.kinds import GATEWAY
from kservectl.client.errors import NotFound
from kservectl.manifests import rbac
from kservectl.manifests.gateway import gateway
from kservectl.objects import metadata
from kservectl.objects.kind import (
    CONFIG_MAP,
    CUSTOM_RESOURCE_DEFINITION,
    MUTATING_WEBHOOK_CONFIGURATION,
    NAMESPACE,
    SERVICE,
    SERVICE_ACCOUNT,
    VALIDATING_WEBHOOK_CONFIGURATION,
    Kind,
)
from kservectl.objects.metadata import Object

SYSTEM_NAMESPACE = "kserve"
MANAGER_ACCOUNT = "kserve-controller-manager"
MANAGER_USER = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{MANAGER_ACCOUNT}"
"""What the API server calls the manager, by its ServiceAccount."""

_RBAC = "rbac.authorization.k8s.io"
_KINDS = (
    NAMESPACE,
    SERVICE_ACCOUNT,
    CONFIG_MAP,
    SERVICE,
    MUTATING_WEBHOOK_CONFIGURATION,
    VALIDATING_WEBHOOK_CONFIGURATION,
    Kind(_RBAC, "v1", "ClusterRole", "clusterroles", namespaced=False),
    Kind(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    Kind(_RBAC, "v1", "Role", "roles"),
    Kind(_RBAC, "v1", "RoleBinding", "rolebindings"),
)
_TOKEN_SECONDS = 4 * 3600


def install(kubeconfig: Path) -> None:
    """Everything but the manager; what an earlier installation left is replaced."""
    asyncio.run(_install(kubeconfig))


def printed(command: str) -> list[Object]:
    """What `kservectl crds` or `kservectl manifests` prints."""
    done = kservectl(command, "-o", "json")
    assert done.returncode == 0, done.stderr
    items: list[Object] = json.loads(done.stdout)["items"]
    return items


async def _install(kubeconfig: Path) -> None:
    definitions = printed("crds")
    documents = [obj for obj in printed("manifests") if obj["kind"] not in ("CustomResourceDefinition", "Deployment")]
    async with connect(kubeconfig, "e2e-installer") as api:
        for definition in definitions:
            await api.client.apply(CUSTOM_RESOURCE_DEFINITION, definition)
        for definition in definitions:
            await established(api, metadata.name(definition))
        kinds = [*_KINDS, *(kind_of(definition) for definition in definitions), GATEWAY]
        for kind in (MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_WEBHOOK_CONFIGURATION):
            await _remove(api, kind, documents)
        for obj in [*documents, gateway()]:
            await api.client.apply(_served(kinds, obj), obj)


async def allow_sharding(api: Api) -> None:
    """The rights that replicas need which share their work."""
    for obj in rbac.sharding():
        await api.client.apply(_served(_KINDS, obj), obj)


async def established(api: Api, name: str) -> None:
    """Wait until a CustomResourceDefinition is served."""
    await api.until(
        CUSTOM_RESOURCE_DEFINITION,
        name,
        "",
        lambda crd: condition(crd, "Established").get("status") == "True",
        "it is established",
    )


def kind_of(definition: Object) -> Kind:
    """The kind that a CustomResourceDefinition defines, in its first version."""
    spec = definition["spec"]
    names = spec["names"]
    return Kind(
        spec["group"], spec["versions"][0]["name"], names["kind"], names["plural"], spec["scope"] == "Namespaced"
    )


def account_kubeconfig(
    admin: Path,
    folder: Path,
    *,
    account: str = MANAGER_ACCOUNT,
    namespace: str = SYSTEM_NAMESPACE,
    pod: Object | None = None,
) -> Path:
    """A kubeconfig for a ServiceAccount (the manager's own) on the same cluster, with a token of the server's making.

    Such a token is bound to `pod` where given, and names its node, as the tokens do that a kubelet asks for. Must not be
    called on an event loop.
    """
    config: Any = yaml.safe_load(admin.read_text())
    token = asyncio.run(_token(admin, account, namespace, pod))
    config["users"] = [{"name": account, "user": {"token": token}}]
    for context in config["contexts"]:
        context["context"]["user"] = account
    for cluster in config["clusters"]:
        inside = cluster["cluster"]
        if file := inside.pop("certificate-authority", ""):
            inside["certificate-authority-data"] = base64.b64encode((admin.parent / file).read_bytes()).decode()
    path = folder / (f"{metadata.name(pod)}.kubeconfig" if pod else "manager.kubeconfig")
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)
    return path


async def _token(admin: Path, account: str, namespace: str, pod: Object | None) -> str:
    spec: Object = {"expirationSeconds": _TOKEN_SECONDS}
    if pod is not None:
        reference = {"kind": "Pod", "apiVersion": "v1", "name": metadata.name(pod), "uid": metadata.uid(pod)}
        spec["boundObjectRef"] = reference
    async with connect(admin) as api:
        path = SERVICE_ACCOUNT.path(namespace, account, "token")
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = await api.client.raw("POST", path, body=request)
        return str(answer["status"]["token"])


async def _remove(api: Api, kind: Kind, documents: Iterable[Object]) -> None:
    """A manager of an earlier run may have put a URL where the manifest has a Service; the two exclude each other."""
    for obj in documents:
        if obj["kind"] == kind.kind:
            try:
                await api.delete(kind, metadata.name(obj))
            except NotFound:
                continue


def _served(kinds: Iterable[Kind], obj: Object) -> Kind:
    for kind in kinds:
        if kind.kind == obj["kind"] and kind.group == obj["apiVersion"].rpartition("/")[0]:
            return replace(kind, version=obj["apiVersion"].rpartition("/")[2])
    raise AssertionError(f"the suite does not know the kind of {metadata.describe(obj)}; add it to {__name__}")
