"""The init container that downloads models before their server starts."""

from collections.abc import Sequence
from dataclasses import dataclass

from kservectl.modelstorage.ca_bundle import bundle_for, with_ca_bundle
from kservectl.modelstorage.context import StorageContext
from kservectl.modelstorage.credentials.download import NO_CREDENTIALS, DownloadCredentials
from kservectl.modelstorage.podspec import (
    container,
    with_changed,
    with_container,
    with_default_env,
    with_env,
    with_mount,
    with_volume,
)
from kservectl.modelstorage.storage_container import merged
from kservectl.modelstorage.targets import mounted_in_targets
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

INIT_CONTAINER = "storage-initializer"

CONFIDENTIAL_ANNOTATION = "internal.serving.kserve.io/confidential-enabled"
CONFIDENTIAL_KEY_ANNOTATION = "internal.serving.kserve.io/confidential-resource-id"

_HUGGING_FACE = {
    "HF_HUB_ENABLE_HF_TRANSFER": "1",
    "HF_XET_HIGH_PERFORMANCE": "1",
    "HF_XET_NUM_CONCURRENT_RANGE_GETS": "8",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A model's URI, and the folder in which its server wants it."""

    uri: str
    path: str


@dataclass(frozen=True, slots=True)
class Destination:
    """The volume to download into, and where it is mounted."""

    volume: str
    path: str

    @property
    def mount(self) -> Object:
        return {"name": self.volume, "mountPath": self.path}


def has_init_container(pod: Object) -> bool:
    return container(pod, INIT_CONTAINER, "initContainers") is not None


def standard_container(sources: Sequence[Source], context: StorageContext) -> Object:
    """The init container by configuration alone; raises ConfigError."""
    return {
        "name": INIT_CONTAINER,
        "image": context.config.storage_initializer.effective_image,
        "args": [word for source in sources for word in (source.uri, source.path)],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": context.config.storage_initializer_resources(),
    }


def with_download(
    pod: Object,
    sources: Sequence[Source],
    destination: Destination,
    chosen: Object | None,
    context: StorageContext,
    credentials: DownloadCredentials = NO_CREDENTIALS,
) -> Object:
    """`pod` with an init container that downloads `sources` into `destination`, where the targets find them.

    `chosen` is the ClusterStorageContainer to use, if any. Raises PodRefused or ConfigError.
    """
    init = standard_container([Source(credentials.uri(source.uri), source.path) for source in sources], context)
    init = credentials.grant.to_container(with_mount(init, destination.mount))
    bundle = bundle_for(init, context)  # before the merge: a bundle is what credentials and configuration ask for
    if chosen is not None:
        init = merged(init, chosen)
    pod = mounted_in_targets(pod, destination.mount)
    pod = with_volume(pod, {"name": destination.volume, "emptyDir": {}})
    pod = credentials.grant.to_pod(with_container(pod, init, "initContainers"))
    pod = with_ca_bundle(pod, INIT_CONTAINER, bundle)
    return with_changed(pod, INIT_CONTAINER, lambda found: _with_environment(found, pod), "initContainers")


def _with_environment(init: Object, pod: Object) -> Object:
    for name, value in _HUGGING_FACE.items():
        init = with_default_env(init, name, value)
    notes = metadata.annotations(pod)
    if notes.get(CONFIDENTIAL_ANNOTATION) == "true":
        init = with_env(init, "CONFIDENTIAL_ENABLED", "true")
        if key := notes.get(CONFIDENTIAL_KEY_ANNOTATION):
            init = with_env(init, "CONFIDENTIAL_RESOURCE_ID", key)
    return init
