"""Where the model of a pod comes from."""

import hashlib
from dataclasses import dataclass

from kservectl.admission.inferenceservice.local_model import CACHE_LABEL, CLAIM_ANNOTATION, SOURCE_ANNOTATION
from kservectl.admission.pods.context import InjectionRefused
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

SOURCE_URI_ANNOTATION = "internal.serving.kserve.io/storage-initializer-sourceuri"

_PVC = "pvc://"


@dataclass(frozen=True, slots=True)
class Claim:
    """A PersistentVolumeClaim and a folder in it; an empty folder is the root."""

    name: str
    path: str


def source_uri(pod: Object) -> str:
    """The URI to get the model from: what the controller wrote down, or the node's cache of it; "" for no download."""
    notes = metadata.annotations(pod)
    uri = notes.get(SOURCE_URI_ANNOTATION, "")
    if not uri or CACHE_LABEL not in metadata.labels(pod):
        return uri
    claim = notes.get(CLAIM_ANNOTATION)
    if claim is None:
        raise InjectionRefused(f"Annotation {CLAIM_ANNOTATION} not found")
    cached = notes.get(SOURCE_ANNOTATION, "")
    return f"{_PVC}{claim}/models/{storage_key(cached)}/{uri.removeprefix(cached).lstrip('/')}"


def storage_key(uri: str) -> str:
    """The name of the folder in which a node keeps the model of this URI."""
    return hashlib.sha256(uri.encode()).hexdigest()[:16]


def claim_of(uri: str) -> Claim | None:
    """The claim that a `pvc://NAME[/PATH]` names; None for any other URI. Raises InjectionRefused without a name."""
    if not uri.startswith(_PVC):
        return None
    name, _, path = uri.removeprefix(_PVC).partition("/")
    if not name:
        raise InjectionRefused(f'storageUri "{uri}" names no claim; write {_PVC}NAME or {_PVC}NAME/PATH')
    return Claim(name, path)


def is_oci(uri: str) -> bool:
    """Whether the model is an image: `oci://IMAGE`, or `oci+MODE://IMAGE` with the way to use it."""
    return uri.startswith(("oci://", "oci+"))


def names_oci_mode(uri: str) -> bool:
    return uri.startswith("oci+")
