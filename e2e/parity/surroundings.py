"""What the recordings were made amid: KServe's own runtimes and ConfigMap, with the ConfigMap as each mode changes it."""

import json
from collections.abc import Mapping, Sequence

from e2e.api import Api
from kservectl.api.config import CONFIG_MAP_NAME
from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME
from kservectl.manifests.names import NAMESPACE
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object

_STANDARD = {"deploy": {"defaultDeploymentMode": "Standard"}}
MODES: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "raw-gateway": {**_STANDARD, "ingress": {"enableGatewayApi": True}},
    "raw-ingress": {**_STANDARD, "ingress": {"enableGatewayApi": False}},
    "knative": {"deploy": {"defaultDeploymentMode": "Serverless"}, "ingress": {"enableGatewayApi": False}},
}
"""Key of the ConfigMap → the fields in it that a mode sets."""


async def surround(api: Api, objects: Sequence[Object], mode: str) -> None:
    """Replace the installed runtimes and the ConfigMap's data with those of `objects`; what they lack stays as installed."""
    given = {metadata.name(obj) for obj in objects if obj["kind"] == CLUSTER_SERVING_RUNTIME.kind}
    if given:
        for runtime in await api.list(CLUSTER_SERVING_RUNTIME):
            await api.delete(CLUSTER_SERVING_RUNTIME, metadata.name(runtime))
    data: dict[str, str] = dict((await api.get(CONFIG_MAP, CONFIG_MAP_NAME, NAMESPACE))["data"])
    for obj in objects:
        if obj["kind"] == CLUSTER_SERVING_RUNTIME.kind:
            await api.create(CLUSTER_SERVING_RUNTIME, obj)
        elif obj["kind"] == CONFIG_MAP.kind and metadata.name(obj) == CONFIG_MAP_NAME:
            data = dict(obj["data"])
    await api.merge(CONFIG_MAP, CONFIG_MAP_NAME, NAMESPACE, {"data": configured(data, mode)})


def configured(data: Mapping[str, str], mode: str) -> Object:
    """The ConfigMap's data with the fields that the mode sets."""
    changed = {key: json.dumps(json.loads(data.get(key) or "{}") | dict(values)) for key, values in MODES[mode].items()}
    return {**data, **changed}
