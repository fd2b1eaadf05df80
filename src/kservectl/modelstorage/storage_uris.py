"""Several models of one component (`storageUris`): claims, images and downloads side by side in one pod."""

from collections.abc import Sequence

from kservectl.modelstorage.claim import Claim, claim_of, with_claim
from kservectl.modelstorage.context import StorageContext
from kservectl.modelstorage.credentials.download import download_credentials
from kservectl.modelstorage.download import Destination, Source, has_init_container, with_download
from kservectl.modelstorage.oci.injection import with_images
from kservectl.modelstorage.oci.reference import OciSource, is_oci, oci_source
from kservectl.modelstorage.paths import clean, common_parent, volume_name
from kservectl.modelstorage.refusal import PodRefused
from kservectl.modelstorage.storage_container import downloads_several, storage_container
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

AGENT_ANNOTATION = "internal.serving.kserve.io/agent"
"""Its presence says that an agent pulls the models of this pod."""

_ROOT_VOLUME = "model"


def with_storage_uris(
    pod: Object, sources: Sequence[Source], context: StorageContext, *, container_name: str = ""
) -> Object:
    """`pod` (or a template) with all `sources` at their paths, in `kserve-container` or `worker-container` and a
    transformer beside it.

    `container_name` is the ClusterStorageContainer that the component names; without one it is found by the first URI.
    With `context.credentials` None the pod webhook adds the credentials when the pod is made. Raises PodRefused or
    ConfigError.
    """
    if not sources:
        return pod
    chosen = _storage_container(sources[0].uri, container_name, context)
    if AGENT_ANNOTATION in metadata.annotations(pod):
        return pod
    images, claims, downloads = _sorted(sources, context)
    _check_names([*(image.path for image in images), *(path for _, path in claims)])
    if not has_init_container(pod):
        pod = _with_claims(pod, claims)
        if downloads:
            pod = _with_downloads(pod, downloads, chosen, context)
    return with_images(pod, images, context)


def _with_claims(pod: Object, claims: Sequence[tuple[Claim, str]]) -> Object:
    for claim, path in claims:
        pod = with_claim(pod, claim, volume_name(path, _ROOT_VOLUME), path)
    return pod


def _with_downloads(pod: Object, downloads: Sequence[Source], chosen: Object | None, context: StorageContext) -> Object:
    path = common_parent([source.path for source in downloads])
    if path == "/" and len(downloads) > 1:
        paths = ", ".join(source.path for source in downloads)
        raise PodRefused(f"storageUris: the mount paths {paths} have no common folder but /; put them into one")
    credentials = download_credentials(pod, context, several=True)
    return with_download(
        pod, downloads, Destination(volume_name(path, _ROOT_VOLUME), path), chosen, context, credentials
    )


def _check_names(paths: Sequence[str]) -> None:
    """Volumes are named after paths, of which two may give one name: `/a-b/c` and `/a/b-c`."""
    by_name: dict[str, str] = {}
    for path in paths:
        other = by_name.setdefault(volume_name(path, _ROOT_VOLUME), path)
        if clean(other) != clean(path):
            raise PodRefused(
                f"storageUris: the mount paths {other} and {path} would share a volume; rename one of them"
            )


def _storage_container(uri: str, name: str, context: StorageContext) -> Object | None:
    chosen = storage_container(uri, name, context.storage_containers)
    if chosen is not None and not downloads_several(chosen):
        raise PodRefused(
            f'storage container "{metadata.name(chosen)}" does not support multi-model download;'
            " use the default kserve storage initializer or a compatible storage container"
        )
    return chosen


def _sorted(
    sources: Sequence[Source], context: StorageContext
) -> tuple[list[OciSource], list[tuple[Claim, str]], list[Source]]:
    """Images, claims (with their paths) and downloads among `sources`; raises PodRefused for what cannot be together."""
    images: list[OciSource] = []
    claims: list[tuple[Claim, str]] = []
    downloads: list[Source] = []
    for source in sources:
        if is_oci(source.uri):
            images.append(oci_source(source.uri, source.path, context.config.storage_initializer.oci_mode))
        elif (claim := claim_of(source.uri)) is not None:
            claims.append((claim, source.path))
        else:
            downloads.append(source)
    if downloads and any(image.mode == "fetch" for image in images):
        raise PodRefused(
            f"storageUri {downloads[0].uri} cannot be downloaded beside images that are fetched: both need the init"
            " container storage-initializer; use oci+native:// or oci+modelcar:// for the images"
        )
    return images, claims, downloads
