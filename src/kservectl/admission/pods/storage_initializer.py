"""The download of a model before its server starts, by an init container; or the mount of a claim that holds it.

Does nothing for a pod without source, for one whose agent pulls models, for models that are images, and for one that has
the init container already.
"""

from collections.abc import Mapping

from kservectl.admission.inferenceservice.implementations import SERVER, TRANSFORMER
from kservectl.admission.pods.ca_bundle import with_ca_bundle
from kservectl.admission.pods.context import InjectionRefused, PodContext
from kservectl.admission.pods.podspec import (
    container,
    with_changed,
    with_default_env,
    with_env,
    with_init_container,
    with_mount,
    with_volume,
)
from kservectl.admission.pods.storage_container import NAME_ANNOTATION, merged, storage_container
from kservectl.admission.pods.storage_source import Claim, claim_of, is_oci, names_oci_mode, source_uri
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

INIT_CONTAINER = "storage-initializer"
WORKER = "worker-container"
MODEL_PATH = "/mnt/models"

READ_ONLY_ANNOTATION = "storage.kserve.io/readonly"
AGENT_ANNOTATION = "internal.serving.kserve.io/agent"
CONFIDENTIAL_ANNOTATION = "internal.serving.kserve.io/confidential-enabled"
CONFIDENTIAL_KEY_ANNOTATION = "internal.serving.kserve.io/confidential-resource-id"

_CLAIM_VOLUME = "kserve-pvc-source"
_DOWNLOAD_VOLUME = "kserve-provision-location"
_HUGGING_FACE = {
    "HF_HUB_ENABLE_HF_TRANSFER": "1",
    "HF_XET_HIGH_PERFORMANCE": "1",
    "HF_XET_NUM_CONCURRENT_RANGE_GETS": "8",
}
_STORAGE_URI = "STORAGE_URI"


def inject_storage_initializer(pod: Object, context: PodContext) -> Object:
    uri = source_uri(pod)
    if not uri:
        return pod
    # Looked up for every source, so that a wrong name is told also where nothing would be downloaded by it.
    chosen = storage_container(uri, metadata.annotations(pod).get(NAME_ANNOTATION, ""), context.storage_containers)
    if AGENT_ANNOTATION in metadata.annotations(pod) or _is_mounted_image(uri, context):
        return pod
    if container(pod, INIT_CONTAINER, "initContainers") is not None:
        return pod
    main = _main_container(pod)
    claim = claim_of(uri)
    pod = _claimed(pod, main, claim) if claim else _downloaded(pod, main, uri, chosen, context)
    return with_changed(pod, main, _reading_from_mount)


def _is_mounted_image(uri: str, context: PodContext) -> bool:
    return is_oci(uri) and (names_oci_mode(uri) or bool(context.config.storage_initializer.oci_mode))


def _main_container(pod: Object) -> str:
    for name in (SERVER, WORKER):
        if container(pod, name) is not None:
            return name
    raise InjectionRefused(f"Invalid configuration: cannot find container {SERVER} or {WORKER} to give the model to")


def _claimed(pod: Object, main: str, claim: Claim) -> Object:
    mount: Object = {"name": _CLAIM_VOLUME, "mountPath": MODEL_PATH}
    if claim.path:
        mount["subPath"] = claim.path
    pod = _mounted(pod, main, mount)
    return with_volume(pod, {"name": _CLAIM_VOLUME, "persistentVolumeClaim": {"claimName": claim.name}})


def _downloaded(pod: Object, main: str, uri: str, chosen: Object | None, context: PodContext) -> Object:
    mount: Object = {"name": _DOWNLOAD_VOLUME, "mountPath": MODEL_PATH}
    init: Object = {
        "name": INIT_CONTAINER,
        "image": context.config.storage_initializer.effective_image,
        "args": [uri, MODEL_PATH],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": context.config.storage_initializer_resources(),
        "volumeMounts": [mount],
    }
    if chosen is not None:
        init = merged(init, chosen)
    pod = _mounted(pod, main, mount)
    pod = with_volume(pod, {"name": _DOWNLOAD_VOLUME, "emptyDir": {}})
    pod = with_ca_bundle(with_init_container(pod, init), INIT_CONTAINER, context)
    notes = metadata.annotations(pod)
    return with_changed(pod, INIT_CONTAINER, lambda init: _with_environment(init, notes), "initContainers")


def _with_environment(init: Object, notes: Mapping[str, str]) -> Object:
    for name, value in _HUGGING_FACE.items():
        init = with_default_env(init, name, value)
    if notes.get(CONFIDENTIAL_ANNOTATION) == "true":
        init = with_env(init, "CONFIDENTIAL_ENABLED", "true")
        if key := notes.get(CONFIDENTIAL_KEY_ANNOTATION):
            init = with_env(init, "CONFIDENTIAL_RESOURCE_ID", key)
    return init


def _mounted(pod: Object, main: str, mount: Object) -> Object:
    """`pod` with `mount` in the main container, and in the transformer beside it; writable only if the pod asks for it."""
    if metadata.annotations(pod).get(READ_ONLY_ANNOTATION) != "false":
        mount = mount | {"readOnly": True}
    for name in (main, TRANSFORMER):
        pod = with_changed(pod, name, lambda target: with_mount(target, mount))
    return pod


def _reading_from_mount(main: Object) -> Object:
    """A server that was told the URI is told the folder instead: what it would load from is there now."""
    env = main.get("env") or []
    if not any(entry.get("name") == _STORAGE_URI and entry.get("value") for entry in env):
        return main
    return with_env(main, _STORAGE_URI, MODEL_PATH)
