"""Variants of an installation on a cluster: applied as people do it, and taken away again, so that the next starts from nothing.

The Deployment is applied like everything else; on a cluster without kubelets its pods do nothing. `manager_options` is what the
Deployment would have its manager do.
"""

import asyncio
import base64
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from e2e.api import Api, connect
from e2e.cluster.thirdparty import Source, third_party_crds
from e2e.installation import established, install
from e2e.kubectl import Kubectl
from e2e.manager import ManagerProcess
from e2e.services import ready, service
from e2e.target import Target
from kservectl.admission.certificates import Pair, make_ca, make_serving
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.clock import SystemClock
from kservectl.objects import metadata
from kservectl.objects.kind import CUSTOM_RESOURCE_DEFINITION
from kservectl.objects.metadata import Object

MANIFESTS = Path(__file__).parents[1] / "manifests"

_OURS = "--selector=app.kubernetes.io/name=kservectl"
_NAMESPACED = "deployments,poddisruptionbudgets,networkpolicies,roles,rolebindings"
_CLUSTER_WIDE = "clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations"
_NEEDED = (
    Source(
        "github.com/cert-manager/cert-manager",
        "v1.21.2",
        "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=",
        ("deploy/crds/cert-manager.io_certificates.yaml", "deploy/crds/cert-manager.io_issuers.yaml"),
        ("certificates.cert-manager.io", "issuers.cert-manager.io"),
    ),
    Source(
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        ("example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",),
        ("servicemonitors.monitoring.coreos.com",),
    ),
)
"""The definitions of what components are made of and the cluster does not have."""


def overlay(folder: Path, names: Sequence[str], manifests: Path = MANIFESTS) -> Path:
    """A kustomization with the base and these components; the folder to give to `kubectl apply -k`."""
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(manifests, folder)],
        "components": [os.path.relpath(manifests / "components" / name, folder) for name in names],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def define_third_party_kinds(target: Target) -> None:
    """Have the cluster serve what components need of cert-manager and of the Prometheus operator."""

    async def define() -> None:
        async with connect(target.kubeconfig) as api:
            for definition in third_party_crds(print, sources=_NEEDED):
                await api.client.apply(CUSTOM_RESOURCE_DEFINITION, definition)
                await established(api, metadata.name(definition))

    asyncio.run(define())


def take_away(kubectl: Kubectl) -> None:
    """Everything of an installation that a variant may have more or less of."""
    found = kubectl.json("get", _NAMESPACED, _OURS, "--all-namespaces")["items"]
    for namespace in {metadata.namespace(obj) for obj in found}:
        replace(kubectl, namespace=namespace)("delete", _NAMESPACED, _OURS, "--ignore-not-found")
    kubectl("delete", _CLUSTER_WIDE, _OURS, "--ignore-not-found")


def restore(target: Target, kubectl: Kubectl) -> None:
    """The installation that the rest of the suite runs on."""
    take_away(kubectl)
    install(target.kubeconfig)


def manager_options(documents: Sequence[Object], certificates: Path) -> tuple[str, ...]:
    """What the manager of these objects is started with, less what a process of the suite has of its own."""
    (deployment,) = [obj for obj in documents if obj["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    arguments: list[str] = container["args"]
    assert arguments[:2] == ["run", "--leader-elect"]
    return tuple(
        f"--webhook-cert-dir={certificates}" if each.startswith("--webhook-cert-dir") else each
        for each in arguments[2:]
    )


def certificate_of_others(folder: Path) -> bytes:
    """`tls.crt` and `tls.key` for the loopback in a new `folder`, as cert-manager would keep them; answers the CA."""
    folder.mkdir()
    now = SystemClock().now()
    authority: Pair = make_ca(now)
    serving = make_serving(authority, ("localhost", "127.0.0.1"), now)
    (folder / "tls.crt").write_bytes(serving.certificate)
    (folder / "tls.key").write_bytes(serving.key)
    return authority.certificate


async def start(
    manager: ManagerProcess, names: Sequence[str], kubectl: Callable[[], Kubectl], authority: bytes
) -> None:
    """Start the manager of a variant, whose webhooks others vouch for if it has cert-manager, and wait until it is ready."""
    if "cert-manager" in names:
        await asyncio.to_thread(_inject, kubectl(), f"https://127.0.0.1:{manager.webhook_port}", authority)
    await asyncio.to_thread(manager.start_ready)


async def assert_works(api: Api, name: str, namespace: str) -> None:
    """A service goes through the webhooks and becomes Ready."""
    created = await api.create(INFERENCE_SERVICE, service(name, namespace))
    await ready(api, namespace, name)
    assert created["metadata"]["finalizers"], "only the webhook can have put it there so early"


def _inject(kubectl: Kubectl, url: str, authority: bytes) -> None:
    """What cert-manager's injector does, for webhooks that are served at `url`."""
    bundle = base64.b64encode(authority).decode()
    for kind in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"):
        for found in kubectl.json("get", kind, _OURS)["items"]:
            webhooks: list[Any] = found["webhooks"]
            for webhook in webhooks:
                path = webhook["clientConfig"]["service"]["path"]
                webhook["clientConfig"] = {"url": f"{url}{path}", "caBundle": bundle}
            kubectl("replace", "-f", "-", stdin=found)
