"""The download of a model before its server starts, by an init container; or the mount of a claim that holds it.

Does nothing for a pod without source, for one whose agent pulls models, for models that are images, and for one that has
the init container already.
"""

from kservectl.admission.pods.agent_args import PULLER
from kservectl.admission.pods.context import PodContext
from kservectl.admission.pods.source import source_uri
from kservectl.modelstorage.claim import claim_of, with_claim
from kservectl.modelstorage.credentials.download import download_credentials
from kservectl.modelstorage.download import Destination, Source, has_init_container, with_download
from kservectl.modelstorage.oci.reference import is_oci, names_mode
from kservectl.modelstorage.paths import MODEL_PATH
from kservectl.modelstorage.podspec import env_value, with_changed, with_env
from kservectl.modelstorage.storage_container import NAME_ANNOTATION, storage_container
from kservectl.modelstorage.targets import main_container
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

_CLAIM_VOLUME = "kserve-pvc-source"
_DOWNLOAD = Destination("kserve-provision-location", MODEL_PATH)
_STORAGE_URI = "STORAGE_URI"


def is_downloaded(pod: Object, context: PodContext) -> bool:
    """Whether an init container is to be added that downloads the model; raises what `inject_storage_initializer` does."""
    uri = source_uri(pod)
    return bool(uri) and not _comes_another_way(pod, uri, context) and claim_of(uri) is None


def inject_storage_initializer(pod: Object, context: PodContext) -> Object:
    uri = source_uri(pod)
    if not uri:
        return pod
    # Looked up for every source, so that a wrong name is told also where nothing would be downloaded by it.
    chosen = storage_container(uri, metadata.annotations(pod).get(NAME_ANNOTATION, ""), context.storage_containers)
    if _comes_another_way(pod, uri, context):
        return pod
    claim = claim_of(uri)
    if claim is not None:
        pod = with_claim(pod, claim, _CLAIM_VOLUME, MODEL_PATH)
    else:
        credentials = download_credentials(pod, context)
        pod = with_download(pod, [Source(uri, MODEL_PATH)], _DOWNLOAD, chosen, context, credentials)
    return with_changed(pod, main_container(pod), _reading_from_mount)


def _comes_another_way(pod: Object, uri: str, context: PodContext) -> bool:
    if PULLER in metadata.annotations(pod) or has_init_container(pod):
        return True
    return is_oci(uri) and (names_mode(uri) or bool(context.config.storage_initializer.oci_mode))


def _reading_from_mount(main: Object) -> Object:
    """A server that was told the URI is told the folder instead: what it would load from is there now."""
    return with_env(main, _STORAGE_URI, MODEL_PATH) if env_value(main, _STORAGE_URI) else main
