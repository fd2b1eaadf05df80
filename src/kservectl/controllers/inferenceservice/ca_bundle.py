"""The certificates of private storages, copied to where downloads mount them.

An administrator keeps them in one ConfigMap beside KServe's own; every namespace with services gets a copy of it, which all
its services share and which outlives them.
"""

from kservectl.api.config import CONFIG_MAP_NAME, Config
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

COPY = "global-ca-bundle"

_KEY = "cabundle.crt"
_REASON = "CABundleMissing"


def copy(namespace: str, system_namespace: str, config: Config, view: View) -> list[Object]:
    """The copy for `namespace`, where a bundle is configured; raises CannotDecide for one that is not there."""
    name = source_of(config)
    if not name:
        return []
    source = view.get(CONFIG_MAP, name, system_namespace)
    if source is None:
        raise CannotDecide(
            f"failed to get configmap {name} from the cluster",
            reason=_REASON,
            next_step=f"Create ConfigMap {system_namespace}/{name} with the certificates under {_KEY}, or empty "
            f"caBundleConfigMapName in key storageInitializer of ConfigMap {system_namespace}/{CONFIG_MAP_NAME}.",
        )
    bundle = (source.get("data") or {}).get(_KEY)
    if not bundle:
        raise CannotDecide(
            f"specified cabundle file {_KEY} not found in cabundle configmap {name}",
            reason=_REASON,
            next_step=f"Put the certificates under the key {_KEY} of ConfigMap {system_namespace}/{name}.",
        )
    return [
        {
            "apiVersion": CONFIG_MAP.api_version,
            "kind": CONFIG_MAP.kind,
            "metadata": {"name": COPY, "namespace": namespace},
            "data": {_KEY: bundle},
        }
    ]


def source_of(config: Config) -> str:
    """The name of the ConfigMap that the copies are of; empty for none."""
    return config.storage_initializer.ca_bundle_config_map_name
