"""What is left of a cluster's objects when everything is taken away that differs from run to run.

A recording is `{"rejected": message or null, "objects": {"Kind.group/name": object}}`; the core group is written `v1`. The
namespace of the case is written `NS`, the random part of a ReplicaSet's name `RS` and of a pod's `POD`. Statuses are kept
for the kinds that KServe's manager writes them for, and times in them are not.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kservectl.objects import metadata
from kservectl.objects.metadata import Object

_SERVER_METADATA = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "generateName", "selfLink"}
)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_OWNER_FIELDS = ("kind", "name", "controller", "blockOwnerDeletion")
_WITH_STATUS = frozenset({"InferenceService", "InferenceGraph", "TrainedModel", "LocalModelNamespaceCache"})
_MOMENTS = frozenset({"lastTransitionTime", "time", "observedGeneration"})
_RANDOM_POD = re.compile(r"-[a-z0-9]{6,10}-[a-z0-9]{5}$")
_RANDOM_SET = re.compile(r"-[a-z0-9]{6,10}$")
_QUOTED_SET = re.compile(r'ReplicaSet "([^"]+)-[a-z0-9]{6,10}"')
_TOKEN_VOLUME = "kube-api-access-"
_NODE_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def record(objects: Iterable[Object], namespace: str, rejected: str | None) -> Object:
    """The recording of what is in `namespace` now."""
    found = (normalised(obj, namespace) for obj in objects)
    return {
        "rejected": rejected.replace(namespace, "NS") if rejected else None,
        "objects": {identity(obj): obj for obj in found},
    }


def identity(obj: Object) -> str:
    """`Kind.group/name`."""
    return f"{obj['kind']}.{str(obj['apiVersion']).partition('/')[0]}/{metadata.name(obj)}"


def normalised(obj: Object, namespace: str) -> Object:
    """`obj` without what a run, a scheduler or a gateway put into it; also brings recordings of other tools into this form."""
    kind = obj["kind"]
    found = {key: value for key, value in obj.items() if key != "status" or kind in _WITH_STATUS}
    found["metadata"] = _metadata(obj)
    shape = _SHAPES.get(kind)
    if shape is not None:
        found = shape(found)
    result: Object = _plain(found, namespace)
    return result


def _metadata(obj: Object) -> Object:
    found = {key: value for key, value in obj["metadata"].items() if key not in _SERVER_METADATA}
    found["annotations"] = {key: value for key, value in metadata.annotations(obj).items() if key != LAST_APPLIED}
    owners = obj["metadata"].get("ownerReferences") or ()
    found["ownerReferences"] = [{key: owner.get(key) for key in _OWNER_FIELDS} for owner in owners]
    return found


def _pod(pod: Object) -> Object:
    """Without what the ReplicaSet controller, the scheduler and the cluster's own admission plugins add."""
    head = dict(pod["metadata"])
    head["name"] = _RANDOM_POD.sub("-POD", head["name"])
    head["labels"] = {key: value for key, value in (head.get("labels") or {}).items() if key != "pod-template-hash"}
    head["ownerReferences"] = [
        {**owner, "name": _RANDOM_SET.sub("-RS", owner["name"])} if owner["kind"] == "ReplicaSet" else owner
        for owner in head["ownerReferences"]
    ]
    spec = {key: value for key, value in pod["spec"].items() if key != "nodeName"}
    for name in ("serviceAccount", "serviceAccountName"):
        if spec.get(name) == "default":
            del spec[name]
    spec["tolerations"] = [each for each in spec.get("tolerations") or () if each.get("key") not in _NODE_TAINTS]
    spec["volumes"] = _without_token(spec.get("volumes"))
    for containers in ("containers", "initContainers"):
        spec[containers] = [
            {**each, "volumeMounts": _without_token(each.get("volumeMounts"))} for each in spec.get(containers) or ()
        ]
    return {**pod, "metadata": head, "spec": spec}


def _without_token(volumes: Iterable[Object] | None) -> list[Object]:
    return [each for each in volumes or () if not str(each.get("name")).startswith(_TOKEN_VOLUME)]


def _service(service: Object) -> Object:
    """Without the address that it happened to get; that it is headless stays."""
    spec = service["spec"]
    if spec.get("clusterIP") not in (None, "None"):
        spec = {key: value for key, value in spec.items() if key not in ("clusterIP", "clusterIPs")}
    return {**service, "spec": spec}


def _conditions(obj: Object) -> Object:
    """With conditions in the order of their types: nobody promises another."""
    status = dict(obj.get("status") or {})
    if "conditions" in status:
        status["conditions"] = sorted(status["conditions"], key=lambda each: str(each.get("type")))
    return {**obj, "status": status}


_SHAPES: Mapping[str, Callable[[Object], Object]] = {
    "Pod": _pod,
    "Service": lambda obj: _service(obj) if obj["apiVersion"] == "v1" else obj,
    **dict.fromkeys(_WITH_STATUS, _conditions),
}


def _plain(value: Any, namespace: str) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner, namespace) for key, inner in sorted(value.items()) if key not in _MOMENTS}
    if isinstance(value, list):
        return [_plain(inner, namespace) for inner in value]
    if isinstance(value, str):
        return _QUOTED_SET.sub(r'ReplicaSet "\1-RS"', value.replace(namespace, "NS"))
    return value
