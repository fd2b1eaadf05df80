"""Certificates of private storages: a ConfigMap of CAs, mounted where the download finds it.

Credentials may name a bundle of their own, which goes before the configured one.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from kservectl.modelstorage.context import StorageContext
from kservectl.modelstorage.podspec import (
    env_value,
    with_changed,
    with_default_env,
    with_mount,
    with_spec,
    with_volume,
)
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

    @property
    def env(self) -> Mapping[str, str]:
        return {"CA_BUNDLE_CONFIGMAP_NAME": self.config_map, "CA_BUNDLE_VOLUME_MOUNT_POINT": self.path}

    @property
    def mount(self) -> Object:
        return {"name": _VOLUME, "mountPath": self.path, "readOnly": True}

    @property
    def volume(self) -> Object:
        return {"name": _VOLUME, "configMap": {"name": self.config_map}}


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
        for name, value in bundle.env.items():
            init = with_default_env(init, name, value)
        return with_mount(init, bundle.mount)

    pod = with_changed(pod, init_container, mounted, "initContainers")
    return with_volume(pod, bundle.volume)


def without_ca_bundle(pod: Object, init_container: str, bundle: CaBundle | None) -> Object:
    """`pod` without what `with_ca_bundle` gave it for `bundle`; what differs from that stays."""
    if bundle is None:
        return pod
    env = [{"name": name, "value": value} for name, value in bundle.env.items()]

    def unmounted(init: Object) -> Object:
        given = {"env": env, "volumeMounts": [bundle.mount]}
        kept = {
            field: [entry for entry in init[field] if entry not in given[field]] for field in given if field in init
        }
        return init | kept

    pod = with_changed(pod, init_container, unmounted, "initContainers")
    volumes = (pod.get("spec") or {}).get("volumes") or []
    return with_spec(pod, volumes=[volume for volume in volumes if volume != bundle.volume])
