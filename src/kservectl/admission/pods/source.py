"""Where the model of a pod comes from, by what is written on the pod."""

from kservectl.modelstorage.claim import SCHEME
from kservectl.modelstorage.local_model import CACHE_LABEL, CLAIM_ANNOTATION, SOURCE_ANNOTATION, storage_key
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

SOURCE_URI_ANNOTATION = "internal.serving.kserve.io/storage-initializer-sourceuri"


def source_uri(pod: Object) -> str:
    """The URI to get the model from: what the controller wrote down, or the node's cache of it; "" for none."""
    notes = metadata.annotations(pod)
    uri = notes.get(SOURCE_URI_ANNOTATION, "")
    if not uri or CACHE_LABEL not in metadata.labels(pod):
        return uri
    claim = notes.get(CLAIM_ANNOTATION)
    if claim is None:
        raise PodRefused(f"Annotation {CLAIM_ANNOTATION} not found")
    cached = notes.get(SOURCE_ANNOTATION, "")
    return f"{SCHEME}{claim}/models/{storage_key(cached)}/{uri.removeprefix(cached).lstrip('/')}"
