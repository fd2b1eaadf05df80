"""`python -m benchmarks.kernel.for_kopf`: the copies controller for kopf, on the cluster of KUBECONFIG.

As kopf's own walkthrough has it (docs.kopf.dev, "Creating the objects"): plain functions that call the official client, and
kopf's defaults, of which one is an event for each handler. for_kopf_lean.py is the best that can be made of kopf.
"""

from typing import Any

import kopf
import kubernetes
import uvloop

from benchmarks.kernel.copies import COPIES, FINALIZER, LABEL, SOURCES, copy_of

_CONFLICT, _NOT_FOUND = 409, 404


def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.persistence.finalizer = FINALIZER


def create(name: str, body: kopf.Body, **_: Any) -> None:
    api = kubernetes.client.CoreV1Api()
    copy = copy_of(dict(body))
    try:
        api.create_namespaced_config_map(COPIES, copy)
    except kubernetes.client.ApiException as error:
        if error.status != _CONFLICT:  # otherwise an earlier try got so far
            raise
        api.patch_namespaced_config_map(name, COPIES, {"data": copy["data"]})


def update(name: str, body: kopf.Body, **_: Any) -> None:
    kubernetes.client.CoreV1Api().patch_namespaced_config_map(name, COPIES, {"data": copy_of(dict(body))["data"]})


def delete(name: str, **_: Any) -> None:
    try:
        kubernetes.client.CoreV1Api().delete_namespaced_config_map(name, COPIES)
    except kubernetes.client.ApiException as error:
        if error.status != _NOT_FOUND:  # gone already is what was wanted
            raise


async def main() -> None:
    copied: Any = {LABEL: kopf.PRESENT}
    kopf.on.startup()(configure)
    kopf.on.create("configmaps", labels=copied)(create)
    kopf.on.update("configmaps", labels=copied)(update)
    kopf.on.delete("configmaps", labels=copied)(delete)
    await kopf.operator(standalone=True, namespaces=[SOURCES])


if __name__ == "__main__":
    kubernetes.config.load_kube_config()
    uvloop.run(main())
