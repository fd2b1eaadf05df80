"""All images of a pod, each in its own way."""

from collections.abc import Callable, Sequence
from itertools import combinations

from kservectl.modelstorage.context import StorageContext
from kservectl.modelstorage.oci import fetch, modelcar, volume
from kservectl.modelstorage.oci.reference import Mode, OciSource
from kservectl.modelstorage.paths import clean, parent
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects.metadata import Object

MAXIMUM = 10
"""Images that one pod can have."""

_With = Callable[[Object, OciSource, int, StorageContext], Object]


def with_images(pod: Object, sources: Sequence[OciSource], context: StorageContext) -> Object:
    """`pod` with every image at its path in the targets. Raises PodRefused or ConfigError."""
    if len(sources) > MAXIMUM:
        raise PodRefused(f"too many OCI sources ({len(sources)}); maximum is {MAXIMUM} per pod")
    _check_paths(sources)
    for position, source in enumerate(sources):
        pod = _WAYS[source.mode](pod, source, position, context)
    return pod


_WAYS: dict[Mode, _With] = {
    "modelcar": modelcar.with_modelcar,
    "native": volume.with_image_volume,
    "fetch": fetch.with_fetch,
}


def _check_paths(sources: Sequence[OciSource]) -> None:
    for one, other in combinations(sources, 2):
        if clean(one.path) == clean(other.path) and "native" in (one.mode, other.mode):
            raise PodRefused(
                f'OCI mount path "{one.path}" is specified more than once;'
                " each native ImageVolume must have a unique mount path"
            )
        if "native" not in (one.mode, other.mode) and parent(one.path) == parent(other.path):
            raise PodRefused(
                f'OCI mount paths "{one.path}" and "{other.path}" share parent directory "{parent(one.path)}",'
                " which would cause volume mount shadowing; use mount paths with distinct parent directories"
            )
