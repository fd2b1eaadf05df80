"""How the parties of a model cache call things: the marks on what uses a cache, and the folder of a model on a node.

The InferenceService webhook writes the marks, the pod webhook and the cache controllers read them, and node agents keep
the folders. The names are KServe's.
"""

import hashlib

CACHE_LABEL = "internal.serving.kserve.io/localmodel"
"""The name of the cache that a service uses."""

CACHE_NAMESPACE_LABEL = "internal.serving.kserve.io/localmodel-namespace"
"""The namespace of that cache; absent for a cache of the cluster."""

SOURCE_ANNOTATION = "internal.serving.kserve.io/localmodel-sourceuri"
CLAIM_ANNOTATION = "internal.serving.kserve.io/localmodel-pvc-name"

OPT_OUT_ANNOTATION = "serving.kserve.io/disable-localmodel"
"""Keeps a service from using any cache. Its presence is enough, whatever its value."""

NODE_GROUP_ANNOTATION = "serving.kserve.io/nodegroup"
"""The node group whose volume the pods of a service read, instead of the cache's first."""

LONGEST_CACHE_NAME = 63
"""The name of a cache becomes the value of labels, which can be no longer."""


def storage_key(uri: str) -> str:
    """The name of the folder in which a node keeps the model of this URI, as written."""
    return hashlib.sha256(uri.encode()).hexdigest()[:16]


def serving_claim(cache: str, node_group: str) -> str:
    """The PersistentVolumeClaim through which the pods of a namespace read the models of a group."""
    return f"{cache}-{node_group}"


def download_claim(cache: str, node_group: str, namespace: str = "") -> str:
    """The PersistentVolumeClaim of the job namespace that downloads go to; `namespace` is that of the cache, if any."""
    return f"{cache}-{node_group}-{namespace}-download" if namespace else f"{cache}-{node_group}"
