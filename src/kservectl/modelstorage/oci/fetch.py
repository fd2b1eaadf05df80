"""A model downloaded out of an image's layers by the init container, where neither side cars nor image volumes will do.

The registry's credentials are the first of the pod's image pull secrets.
"""

from itertools import pairwise

from kservectl.modelstorage.ca_bundle import bundle_for, with_ca_bundle
from kservectl.modelstorage.context import StorageContext
from kservectl.modelstorage.download import INIT_CONTAINER, Source, has_init_container, standard_container
from kservectl.modelstorage.oci.reference import OciSource
from kservectl.modelstorage.paths import volume_name
from kservectl.modelstorage.podspec import with_changed, with_container, with_env, with_mount, with_volume
from kservectl.modelstorage.targets import targets
from kservectl.objects.metadata import Object

_AUTH_VOLUME = "kserve-oci-fetch-docker-config"
_AUTH_FOLDER = "/mnt/oci-fetch-auth"
_AUTH_FILE = "config.json"
_OWNER_READS = 0o400


def with_fetch(pod: Object, source: OciSource, position: int, context: StorageContext) -> Object:
    """`pod` whose init container downloads the image, beside others that it fetches."""
    if has_init_container(pod):
        pod = with_changed(pod, INIT_CONTAINER, lambda init: _fetching(init, source), "initContainers")
    else:
        init = standard_container([Source(f"oci://{source.image}", source.path)], context)
        pod = with_container(pod, init, "initContainers")
    pod = _with_pull_secret(pod)
    pod = with_ca_bundle(pod, INIT_CONTAINER, bundle_for({}, context))
    if context.config.storage_initializer.oci_insecure_registry:
        pod = with_changed(
            pod, INIT_CONTAINER, lambda init: with_env(init, "KSERVE_OCI_INSECURE_REGISTRY", "true"), "initContainers"
        )
    mount = {"name": volume_name(source.path, "oci-fetch-model"), "mountPath": source.path}
    pod = with_changed(pod, INIT_CONTAINER, lambda init: with_mount(init, mount), "initContainers")
    for name in targets(pod):
        pod = with_changed(pod, name, lambda target: with_mount(target, mount))
    return with_volume(pod, {"name": mount["name"], "emptyDir": {}})


def _fetching(init: Object, source: OciSource) -> Object:
    pair = (f"oci://{source.image}", source.path)
    return init if pair in _pairs(init) else init | {"args": [*(init.get("args") or []), *pair]}


def _pairs(init: Object) -> list[tuple[str, str]]:
    args = init.get("args") or []
    return list(pairwise(args))


def _with_pull_secret(pod: Object) -> Object:
    secrets = (pod.get("spec") or {}).get("imagePullSecrets") or []
    if not secrets or not secrets[0].get("name"):
        return pod
    config = {
        "secretName": secrets[0]["name"],
        "items": [{"key": ".dockerconfigjson", "path": _AUTH_FILE}],
        "defaultMode": _OWNER_READS,
    }

    def authorised(init: Object) -> Object:
        init = with_mount(init, {"name": _AUTH_VOLUME, "mountPath": _AUTH_FOLDER, "readOnly": True})
        return with_env(init, "KSERVE_OCI_DOCKER_CONFIG", f"{_AUTH_FOLDER}/{_AUTH_FILE}")

    pod = with_changed(pod, INIT_CONTAINER, authorised, "initContainers")
    return with_volume(pod, {"name": _AUTH_VOLUME, "secret": config})
