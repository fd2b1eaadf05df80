"""Pods, configurations and what a cluster holds of credentials, as short as a test can say them."""

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

from kservectl.api.config import Config
from kservectl.modelstorage.context import FindObject, StorageContext
from kservectl.objects.metadata import Object

INTERNAL = "internal.serving.kserve.io/"
SIZES = {"cpuRequest": "100m", "cpuLimit": "1", "memoryRequest": "100Mi", "memoryLimit": "1Gi"}
RESOURCES = {"requests": {"cpu": "100m", "memory": "100Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
CHOICE = "serving.kserve.io/storageSecretName"


def config(**keys: Any) -> Config:
    """A Config whose keys (`credentials=…`) hold these JSON values; a text is taken as it is."""
    keys = {"storageInitializer": SIZES, "credentials": {"storageSecretNameAnnotation": CHOICE}} | keys
    data = {key: value if isinstance(value, str) else json.dumps(value) for key, value in keys.items()}
    return Config({"data": data})


def cluster(*objects: Object) -> FindObject:
    """A lookup over these ServiceAccounts and Secrets."""
    held = {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects}
    return lambda kind, name: held.get((kind.kind, name))


def context(
    *storage_containers: Object,
    namespace: str = "default",
    storage: Any = None,
    find: FindObject | None = None,
    **keys: Any,
) -> StorageContext:
    settings = config(storageInitializer=SIZES | (storage or {}), **keys)
    return StorageContext(namespace, "kserve", settings, storage_containers, find)


def account(*secrets: str, name: str = "default", **annotations: str) -> Object:
    meta = {"name": name, "namespace": "default", "annotations": annotations}
    return {"kind": "ServiceAccount", "metadata": meta, "secrets": [{"name": secret} for secret in secrets]}


def secret(name: str = "creds", annotations: Any = None, **data: str) -> Object:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    meta = {"name": name, "namespace": "default", "annotations": annotations or {}}
    return {"kind": "Secret", "metadata": meta, "data": encoded}


def container(name: str = "kserve-container", **more: Any) -> Object:
    return {"name": name, "image": "server", **more}


def pod(*containers: Object, notes: Any = None, init: Any = None, **spec: Any) -> Object:
    spec["containers"] = list(containers or (container(),))
    if init:
        spec["initContainers"] = init
    return {"metadata": {"name": "p", "annotations": dict(notes or {})}, "spec": spec}


def twice(original: Object, change: Callable[[Object], Object]) -> Object:
    """`original` after `change`, which must not touch it and must be the same when done twice."""
    before = copy.deepcopy(original)
    once = change(original)
    assert original == before
    assert change(once) == once
    return once


def named(items: Any, name: str) -> Object:
    """The item of this name."""
    found: Object = next(item for item in items if item["name"] == name)
    return found


def env_of(target: Object) -> dict[str, Any]:
    """Variables by name: the value, or `secret/key` where it is taken from a Secret."""
    found: dict[str, Any] = {}
    for entry in target.get("env") or []:
        assert entry["name"] not in found, f"{entry['name']} is set twice"
        assert len(entry) == 2, f"{entry['name']} has more than one source"
        reference = (entry.get("valueFrom") or {}).get("secretKeyRef")
        found[entry["name"]] = f"{reference['name']}/{reference['key']}" if reference else entry["value"]
    return found
