"""What Knative's autoscaler and an ingress controller would say, said at once.

The autoscaler's part: every revision has the pods that it asks for. The ingress controller's: every route is programmed.
Both answer for the generation that they saw, again after each change.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from e2e.api import Api
from kservectl.client.errors import NotFound
from kservectl.clock import SystemClock, rfc3339
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

POD_AUTOSCALER = Kind("autoscaling.internal.knative.dev", "v1alpha1", "PodAutoscaler", "podautoscalers")
INGRESS = Kind("networking.internal.knative.dev", "v1alpha1", "Ingress", "ingresses")

_POLL_SECONDS = 0.1


async def answer(api: Api, namespace: str) -> None:
    """Answer in one namespace until cancelled."""
    while True:
        for kind, status in ((POD_AUTOSCALER, _scaled), (INGRESS, _programmed)):
            await _answer_all(api, kind, namespace, status)
        await asyncio.sleep(_POLL_SECONDS)


async def _answer_all(api: Api, kind: Kind, namespace: str, status: Callable[[Object], Object]) -> None:
    for obj in await api.list(kind, namespace):
        generation = metadata.generation(obj)
        if int((obj.get("status") or {}).get("observedGeneration") or 0) < generation:
            told = {**status(obj), "observedGeneration": generation}
            with suppress(NotFound):  # it went meanwhile
                await api.merge(kind, metadata.name(obj), namespace, {"status": told}, subresource="status")


def _scaled(autoscaler: Object) -> Object:
    name = metadata.name(autoscaler)
    types = ("Active", "Ready", "SKSReady", "ScaleTargetInitialized")
    counts = {"desiredScale": 1, "actualScale": 1}
    return {"serviceName": name, "metricsServiceName": f"{name}-private", **counts, "conditions": _true(*types)}


def _programmed(ingress: Object) -> Object:
    gateway = {"ingress": [{"domainInternal": "gateway.istio-system.svc.cluster.local"}]}
    types = ("LoadBalancerReady", "NetworkConfigured", "Ready")
    return {"publicLoadBalancer": gateway, "privateLoadBalancer": gateway, "conditions": _true(*types)}


def _true(*types: str) -> list[Object]:
    moment = rfc3339(SystemClock().now())
    return [{"type": type_, "status": "True", "lastTransitionTime": moment} for type_ in types]
