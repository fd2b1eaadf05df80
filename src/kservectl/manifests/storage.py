"""The default ClusterStorageContainer: downloads from every kind of storage that the storage initializer knows."""

from kservectl.api.kinds import CLUSTER_STORAGE_CONTAINER
from kservectl.manifests.names import STORAGE_INITIALIZER_IMAGE
from kservectl.objects.metadata import Object

_PREFIXES = ("gs://", "s3://", "hdfs://", "hf://", "modelscope://", "webhdfs://")
_EXPRESSIONS = (
    "https://(.+?).blob.core.windows.net/(.+)",
    "https://(.+?).file.core.windows.net/(.+)",
    "https?://(.+)/(.+)",
)


def storage_container() -> Object:
    return {
        "apiVersion": CLUSTER_STORAGE_CONTAINER.api_version,
        "kind": CLUSTER_STORAGE_CONTAINER.kind,
        "metadata": {"name": "default"},
        "spec": {
            "container": {
                "name": "storage-initializer",
                "image": STORAGE_INITIALIZER_IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "resources": {
                    "requests": {"memory": "100Mi", "cpu": "100m"},
                    "limits": {"memory": "1Gi", "cpu": "1"},
                },
            },
            "supportedUriFormats": [
                *({"prefix": prefix} for prefix in _PREFIXES),
                *({"regex": expression} for expression in _EXPRESSIONS),
            ],
            "supportsMultiModelDownload": True,
            "workloadType": "initContainer",
        },
    }
