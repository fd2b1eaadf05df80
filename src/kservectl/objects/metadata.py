"""Reading Kubernetes objects that are plain dicts, as the API server sent them.

Nothing here changes its argument; absent maps read as empty ones.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

Object = dict[str, Any]
"""A Kubernetes object (or a part of one) as decoded from JSON. Objects in stores are never changed in place."""


class ObjectKey(NamedTuple):
    """What names an object within its kind; `namespace` is empty for a cluster-scoped one."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def metadata(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return obj.get("metadata") or {}


def name(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("name") or "")


def namespace(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("namespace") or "")


def key(obj: Mapping[str, Any]) -> ObjectKey:
    meta = metadata(obj)
    return ObjectKey(str(meta.get("namespace") or ""), str(meta.get("name") or ""))


def uid(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("uid") or "")


def resource_version(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("resourceVersion") or "")


def generation(obj: Mapping[str, Any]) -> int:
    return int(metadata(obj).get("generation") or 0)


def labels(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return metadata(obj).get("labels") or {}


def annotations(obj: Mapping[str, Any]) -> Mapping[str, str]:
    return metadata(obj).get("annotations") or {}


def is_deleting(obj: Mapping[str, Any]) -> bool:
    """Whether a deletion timestamp is set: the object goes once its finalizers are gone."""
    return bool(metadata(obj).get("deletionTimestamp"))


def has_current_status(obj: Mapping[str, Any]) -> bool:
    """Whether the status, as far as it tells, is about the spec that the object has now."""
    observed = (obj.get("status") or {}).get("observedGeneration")
    return observed is None or bool(observed == generation(obj))


def controller_of(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The ownerReference with `controller: true`, of which an object has at most one."""
    for reference in metadata(obj).get("ownerReferences") or ():
        if reference.get("controller"):
            found: Mapping[str, Any] = reference
            return found
    return None


def is_controlled_by(obj: Mapping[str, Any], owner_uid: str) -> bool:
    reference = controller_of(obj)
    return reference is not None and reference.get("uid") == owner_uid


def controller_reference(owner: Mapping[str, Any]) -> Object:
    """An ownerReference that makes `owner` the controller and blocks its foreground deletion on the child."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name(owner),
        "uid": uid(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def describe(obj: Mapping[str, Any]) -> str:
    """`Kind namespace/name`, for messages to people."""
    return f"{obj.get('kind') or 'object'} {key(obj)}"
