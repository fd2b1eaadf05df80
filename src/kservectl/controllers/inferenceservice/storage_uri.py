"""Whether a storage URI can be turned into a model on disk, and which ClusterStorageContainer would do it."""

import re
from collections.abc import Iterable

from kservectl.api.errors import Malformed
from kservectl.api.kinds import CLUSTER_STORAGE_CONTAINER
from kservectl.api.storagecontainer import INIT_CONTAINER, ClusterStorageContainer
from kservectl.controllers.inferenceservice.failure import INVALID_SPEC, CannotDecide
from kservectl.modelregistry.reference import is_reference
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

_PREFIXES = (
    "gs://",
    "s3://",
    "pvc://",
    "file://",
    "https://",
    "http://",
    "hdfs://",
    "webhdfs://",
    "oci://",
    "oci+native://",
    "oci+fetch://",
    "hf://",
)
_USER = re.compile(r"(?<=://)[^/@]*@")
_SCHEME = re.compile(r"\w+?://")
_AZURE_HOST = "blob.core.windows.net"
_AZURE = re.compile(r"https://(.+?).blob.core.windows.net/(.+)")


def check(uri: str, view: View) -> None:
    """Raise CannotDecide when nothing could download `uri`."""
    if _is_known(uri) or is_supported(uri, view.list(CLUSTER_STORAGE_CONTAINER)):
        return
    if is_reference(uri):
        raise CannotDecide(
            f"StorageURI not supported: {uri} names a model in a registry, which only TrainedModels may do",
            reason=INVALID_SPEC,
            next_step="Write the location that the registry shows for this version, create a ClusterStorageContainer that lists "
            "this URI's format, or make it a TrainedModel.",
        )
    raise CannotDecide(
        f"StorageURI not supported: storageUri, must be one of: [{', '.join(_PREFIXES)}] or match "
        "https://{}.blob.core.windows.net/{}/{} or be an absolute or relative local path. "
        f"StorageUri [{without_credentials(uri)}] is not supported",
        reason=INVALID_SPEC,
        next_step="Use a supported scheme, or create a ClusterStorageContainer that lists this URI's format.",
    )


def is_supported(uri: str, containers: Iterable[Object]) -> bool:
    """The rule of `check` over the given ClusterStorageContainers."""
    return _is_known(uri) or any(handles(container, uri) for container in containers)


def _is_known(uri: str) -> bool:
    """Whether it is supported without any ClusterStorageContainer."""
    if not _SCHEME.match(uri):
        return not is_reference(uri)
    if _AZURE_HOST in uri:
        return _AZURE.search(uri) is not None
    return uri.startswith(_PREFIXES)


def handles(container: Object, uri: str) -> bool:
    """Whether an enabled ClusterStorageContainer of the init container kind lists a format that `uri` has."""
    try:
        parsed = ClusterStorageContainer.parse(container)
    except Malformed:
        return False  # it cannot download anything; its own validation tells its author
    is_init_container = parsed.spec.effective_workload_type == INIT_CONTAINER
    return is_init_container and parsed.disabled is not True and parsed.spec.covers(uri)


def without_credentials(text: str) -> str:
    """`text` with the user information of the URIs in it left out."""
    return _USER.sub("***@", text)
