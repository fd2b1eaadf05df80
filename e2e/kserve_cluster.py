"""Make a cluster that no manager works on look as KServe's left it: `python -m e2e.kserve_cluster KUBECONFIG NAMESPACE`.

Two services that are Ready, in NAMESPACE, and KServe's own Deployment, webhooks and certificate.
"""

import asyncio
import base64
import sys
from datetime import UTC, datetime
from pathlib import Path

from e2e.api import Api, condition, connect
from e2e.left_services import LeftService
from e2e.predecessor import MANAGER, leave_behind, register_webhooks
from kservectl.admission.certificates import make_ca, make_serving, service_names
from kservectl.admission.rotation import SECRET_NAME
from kservectl.manifests import names
from kservectl.objects.kind import DEPLOYMENT, SECRET
from kservectl.objects.metadata import Object


async def leave_kserve(kubeconfig: Path, namespace: str) -> None:
    """Everything that is there while KServe's manager works; the namespace must be."""
    services = [
        LeftService("iris", namespace),
        LeftService("flowers", namespace, components=("predictor", "transformer")),
    ]
    await leave_behind(kubeconfig, [obj for each in services for obj in each.objects()])
    async with connect(kubeconfig, MANAGER) as manager:
        await _until_available(manager, namespace)
    async with connect(kubeconfig, "kubectl") as installer:
        await installer.create(SECRET, _certificate())
        await installer.create(DEPLOYMENT, _manager())
        await _until_available(installer, names.NAMESPACE)
        await register_webhooks(installer)


async def _until_available(api: Api, namespace: str) -> None:
    await api.until_all(
        DEPLOYMENT,
        namespace,
        lambda found: all(condition(each, "Available").get("status") == "True" for each in found),
        "all Deployments are available",
    )


def _manager() -> Object:
    """Its selector has a label more than kservectl's."""
    labels = {**names.MANAGER_LABELS, "controller-tools.k8s.io": "1.0"}
    container = {"name": "manager", "image": "kserve/kserve-controller:v0.16.0", "args": ["--leader-elect"]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": names.MANAGER, "namespace": names.NAMESPACE, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def _certificate() -> Object:
    now = datetime.now(UTC)
    pair = make_serving(make_ca(now), service_names(names.WEBHOOK_SERVICE, names.NAMESPACE), now)
    data = {"tls.crt": pair.certificate, "tls.key": pair.key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET_NAME, "namespace": names.NAMESPACE},
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(text).decode() for name, text in data.items()},
    }


if __name__ == "__main__":
    asyncio.run(leave_kserve(Path(sys.argv[1]), sys.argv[2]))
