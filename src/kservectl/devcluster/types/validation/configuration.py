"""Rules of ConfigMaps, Secrets and PersistentVolumeClaims."""

from collections.abc import Iterable, Mapping
from typing import Any

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types.names import config_key
from kservectl.objects import quantity
from kservectl.objects.metadata import Object

_LIMIT = 1024 * 1024
_ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_KEYS_OF_TYPE: Mapping[str, tuple[str, ...]] = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def check_config_map(new: Object, old: Object | None) -> list[Cause]:
    data, binary = new.get("data") or {}, new.get("binaryData") or {}
    found = [*_check_keys(data, "data"), *_check_keys(binary, "binaryData")]
    found.extend(
        say.invalid(f"data[{key}]", key, "duplicate of key present in binaryData") for key in data if key in binary
    )
    found.extend(_check_size(data, binary))
    return [*found, *_check_frozen(new, old, ("data", "binaryData"))]


def check_secret(new: Object, old: Object | None) -> list[Cause]:
    data = new.get("data") or {}
    found = [*_check_keys(data, "data"), *_check_size(data, {})]
    found.extend(say.required(f"data[{key}]") for key in _KEYS_OF_TYPE.get(new.get("type", ""), ()) if key not in data)
    if old is not None and old.get("type") != new.get("type"):
        found.append(say.invalid("type", new.get("type"), "field is immutable"))
    return [*found, *_check_frozen(new, old, ("data",))]


def check_claim(new: Object, old: Object | None) -> list[Cause]:
    spec = new["spec"]
    found: list[Cause] = []
    modes = spec.get("accessModes") or ()
    if not modes:
        found.append(say.required("spec.accessModes", "at least 1 access mode is required"))
    found.extend(
        say.unsupported("spec.accessModes", mode, _ACCESS_MODES) for mode in modes if mode not in _ACCESS_MODES
    )
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if storage is None:
        found.append(say.required("spec.resources[storage]"))
    elif quantity.parse(storage) <= 0:
        found.append(say.invalid("spec.resources[storage]", storage, "must be greater than zero"))
    if old is not None and _fixed(spec) != _fixed(old.get("spec") or {}):
        found.append(
            say.forbidden(
                "spec",
                "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound "
                "claims",
            )
        )
    return found


def _fixed(spec: Object) -> Object:
    """What of a claim cannot change; the volume it is bound to comes later."""
    return {
        name: value
        for name, value in spec.items()
        if name not in ("resources", "volumeName", "volumeAttributesClassName", "storageClassName")
    }


def _check_keys(data: Mapping[str, Any], field: str) -> Iterable[Cause]:
    for key in data:
        if problem := config_key(key):
            yield say.invalid(f"{field}[{key}]", key, problem)


def _check_size(data: Mapping[str, str], binary: Mapping[str, str]) -> Iterable[Cause]:
    size = sum(len(value) for value in (*data.values(), *binary.values()))
    if size > _LIMIT:
        yield say.too_long("", _LIMIT)


def _check_frozen(new: Object, old: Object | None, fields: Iterable[str]) -> Iterable[Cause]:
    if old is None or not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield say.forbidden("immutable", "field is immutable when `immutable` is set")
    for field in fields:
        if (old.get(field) or {}) != (new.get(field) or {}):
            yield say.forbidden(field, "field is immutable when `immutable` is set")
