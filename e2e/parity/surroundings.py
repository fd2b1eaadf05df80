"""What the recordings were made amid: KServe's own runtimes and ConfigMap, with the ConfigMap as each mode changes it."""

import json
from collections.abc import Mapping, Sequence

from e2e.api import Api
from kservectl.api.config import CONFIG_MAP_NAME
from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME
from kservectl.controllers.inferenceservice.settings import AUTOSCALER_CONFIG, KNATIVE_NAMESPACE
from kservectl.manifests.names import NAMESPACE
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.kind import NAMESPACE as NAMESPACE_KIND
from kservectl.objects.metadata import Object

_STANDARD = {"deploy": {"defaultDeploymentMode": "Standard"}}
MODES: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "raw-gateway": {**_STANDARD, "ingress": {"enableGatewayApi": True}},
    "raw-ingress": {**_STANDARD, "ingress": {"enableGatewayApi": False}},
    "knative": {"deploy": {"defaultDeploymentMode": "Serverless"}, "ingress": {"enableGatewayApi": False}},
}
"""Key of the ConfigMap → the fields in it that a mode sets."""

NAME_LENGTHS: Mapping[str, int] = {"raw-gateway": 8, "raw-ingress": 8, "knative": 28}
"""How long the names of namespaces are, as in the recordings: one host name of those in Knative mode was too long."""


async def surround(api: Api, objects: Sequence[Object], mode: str) -> None:
    """Replace the installed runtimes and the ConfigMap's data with those of `objects`; what they lack stays as installed."""
    given = {metadata.name(obj) for obj in objects if obj["kind"] == CLUSTER_SERVING_RUNTIME.kind}
    if given:
        for runtime in await api.list(CLUSTER_SERVING_RUNTIME):
            await api.delete(CLUSTER_SERVING_RUNTIME, metadata.name(runtime))
    if mode == "knative":
        await _configure_knative(api)
    data: dict[str, str] = dict((await api.get(CONFIG_MAP, CONFIG_MAP_NAME, NAMESPACE))["data"])
    for obj in objects:
        if obj["kind"] == CLUSTER_SERVING_RUNTIME.kind:
            await api.create(CLUSTER_SERVING_RUNTIME, obj)
        elif obj["kind"] == CONFIG_MAP.kind and metadata.name(obj) == CONFIG_MAP_NAME:
            data = dict(obj["data"])
    await api.merge(CONFIG_MAP, CONFIG_MAP_NAME, NAMESPACE, {"data": configured(data, mode)})


async def _configure_knative(api: Api) -> None:
    """What the recordings had of Knative Serving, beside its CRD."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": KNATIVE_NAMESPACE}}
    await api.client.apply(NAMESPACE_KIND, namespace)
    meta = {"name": AUTOSCALER_CONFIG, "namespace": KNATIVE_NAMESPACE}
    await api.client.apply(CONFIG_MAP, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {}})


def configured(data: Mapping[str, str], mode: str) -> Object:
    """The ConfigMap's data with the fields that the mode sets."""
    changed = {key: json.dumps(json.loads(data.get(key) or "{}") | dict(values)) for key, values in MODES[mode].items()}
    return {**data, **changed}
