"""Certificates of private storages: a ConfigMap of CAs, mounted where the download finds it.

Credentials may name a bundle of their own, which goes before the configured one.
"""

import posixpath
from dataclasses import dataclass

from kservectl.modelstorage.context import StorageContext
from kservectl.modelstorage.podspec import env_value, with_changed, with_default_env, with_mount, with_volume
from kservectl.objects.metadata import Object

BUNDLE_ENV = "AWS_CA_BUNDLE_CONFIGMAP"
BUNDLE_FILE_ENV = "AWS_CA_BUNDLE"

_VOLUME = "cabundle-cert"
_COPIED_NAME = "global-ca-bundle"
"""What KServe calls the copy of the configured ConfigMap in other namespaces than its own."""

_DEFAULT_PATH = "/etc/ssl/custom-certs"


@dataclass(frozen=True, slots=True)
class CaBundle:
    """A ConfigMap, and the folder to mount it at."""

    config_map: str
    path: str


def bundle_for(init: Object, context: StorageContext) -> CaBundle | None:
    """The bundle that a download needs whose container has its credentials; None for no bundle."""
    settings = context.config.storage_initializer
    name = env_value(init, BUNDLE_ENV) or configured_name(context)
    if not name:
        return None
    file = env_value(init, BUNDLE_FILE_ENV)
    path = posixpath.dirname(file) if file else ""
    return CaBundle(name, path or settings.ca_bundle_volume_mount_path or _DEFAULT_PATH)


def configured_name(context: StorageContext) -> str:
    """The ConfigMap of the configured bundle in the pod's namespace; "" when none is configured."""
    name = context.config.storage_initializer.ca_bundle_config_map_name
    return name if context.namespace == context.system_namespace or not name else _COPIED_NAME


def with_ca_bundle(pod: Object, init_container: str, bundle: CaBundle | None) -> Object:
    """`pod` with `bundle` in its init container."""
    if bundle is None:
        return pod

    def mounted(init: Object) -> Object:
        init = with_default_env(init, "CA_BUNDLE_CONFIGMAP_NAME", bundle.config_map)
        init = with_default_env(init, "CA_BUNDLE_VOLUME_MOUNT_POINT", bundle.path)
        return with_mount(init, {"name": _VOLUME, "mountPath": bundle.path, "readOnly": True})

    pod = with_changed(pod, init_container, mounted, "initContainers")
    return with_volume(pod, {"name": _VOLUME, "configMap": {"name": bundle.config_map}})
