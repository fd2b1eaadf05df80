"""Certificates of private storages: a ConfigMap of CAs, mounted where the download finds it."""

from kservectl.admission.pods.context import PodContext
from kservectl.admission.pods.podspec import with_changed, with_default_env, with_mount, with_volume
from kservectl.objects.metadata import Object

_VOLUME = "cabundle-cert"
_COPIED_NAME = "global-ca-bundle"
"""What KServe calls the copy of the configured ConfigMap in other namespaces than its own."""

_DEFAULT_PATH = "/etc/ssl/custom-certs"


def with_ca_bundle(pod: Object, init_container: str, context: PodContext) -> Object:
    """`pod` with the configured CA bundle in its init container; unchanged when none is configured."""
    settings = context.config.storage_initializer
    if not settings.ca_bundle_config_map_name:
        return pod
    name = settings.ca_bundle_config_map_name if context.namespace == context.system_namespace else _COPIED_NAME
    path = settings.ca_bundle_volume_mount_path or _DEFAULT_PATH

    def mounted(init: Object) -> Object:
        init = with_default_env(init, "CA_BUNDLE_CONFIGMAP_NAME", name)
        init = with_default_env(init, "CA_BUNDLE_VOLUME_MOUNT_POINT", path)
        return with_mount(init, {"name": _VOLUME, "mountPath": path, "readOnly": True})

    pod = with_changed(pod, init_container, mounted, "initContainers")
    return with_volume(pod, {"name": _VOLUME, "configMap": {"name": name}})
