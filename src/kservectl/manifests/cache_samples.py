"""Model caches to try an installation with: a group of nodes, a model for the whole cluster, and a service that reads it.

Services look for caches where the configuration says so: `{"enabled": true}` in its key `localModel`.
"""

from kservectl.api.kinds import INFERENCE_SERVICE, LOCAL_MODEL_CACHE, LOCAL_MODEL_NODE_GROUP
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

_SOURCE = "gs://kservectl-samples/sklearn/iris"
_VOLUME = {"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem", "storageClassName": "local-storage"}
_ROOM = "100Gi"


def caches() -> list[Object]:
    """The nodes are those with the label that the node agents run on."""
    return [_group("workers"), _cache("iris", "workers"), _service("iris-from-disk")]


def _group(name: str) -> Object:
    expression = {"key": "kserve/localmodel", "operator": "In", "values": ["worker"]}
    return _named(LOCAL_MODEL_NODE_GROUP, name) | {
        "spec": {
            "storageLimit": _ROOM,
            "evictionPolicy": "LeastRecentlyUsed",
            "maxParallelDownloads": 2,
            "persistentVolumeSpec": {
                **_VOLUME,
                "capacity": {"storage": _ROOM},
                "local": {"path": "/models"},
                "persistentVolumeReclaimPolicy": "Retain",
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
            },
            "persistentVolumeClaimSpec": {**_VOLUME, "resources": {"requests": {"storage": _ROOM}}},
        }
    }


def _cache(name: str, group: str) -> Object:
    spec = {"sourceModelUri": _SOURCE, "modelSize": "1Gi", "nodeGroups": [group]}
    return _named(LOCAL_MODEL_CACHE, name) | {"spec": spec}


def _service(name: str) -> Object:
    made = _named(INFERENCE_SERVICE, name)
    made["metadata"]["annotations"] = {"serving.kserve.io/deploymentMode": "Standard"}
    return made | {"spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": _SOURCE}}}}


def _named(kind: Kind, name: str) -> Object:
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}}
