"""The scale subresource: an autoscaling/v1 Scale seen through the paths that a kind declares."""

from collections.abc import Mapping
from typing import Any

import jsonpatch

from kservectl.devcluster.contract import Cause, PatchType, ServedKind
from kservectl.devcluster.jsonpath import find_one, with_value
from kservectl.devcluster.refusals import bad_request, internal_error, invalid, quoted, unsupported_media_type
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

SCALE = Kind("autoscaling", "v1", "Scale", "scales")
_SHOWN_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(served: ServedKind, obj: Object) -> Object:
    """The Scale of an object."""
    paths = served.scale or {}
    replicas = find_one(obj, paths.get("specReplicasPath", ""))
    status: Object = {"replicas": find_one(obj, paths.get("statusReplicasPath", "")) or 0}
    where = paths.get("labelSelectorPath", "") if served.custom else ".spec.selector"
    selector = _selector_text(find_one(obj, where)) if where else ""
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: obj["metadata"][field] for field in _SHOWN_METADATA if field in obj["metadata"]},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def shown_scale(served: ServedKind, obj: Object) -> Object:
    """The Scale as it is read; InternalError for a custom object that does not say how many it wants."""
    path = (served.scale or {}).get("specReplicasPath", "")
    if served.custom and find_one(obj, path) is None:
        raise internal_error(f'the spec replicas field "{path}" does not exist')
    return scale_of(served, obj)


def scaled(served: ServedKind, obj: Object, scale: Any) -> Object:
    """`obj` with the replicas of `scale`, conditional on the resourceVersion that the Scale carries."""
    spec = scale.get("spec") if isinstance(scale, dict) else None
    if not isinstance(spec, dict):
        raise bad_request("the object provided is unrecognized (must be of type Scale)")
    replicas = spec.get("replicas") or 0
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise bad_request(f"spec.replicas: {quoted(replicas)} is no number")
    if replicas < 0:
        said = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise invalid(SCALE, str(obj["metadata"]["name"]), [Cause("FieldValueInvalid", said, "spec.replicas")])
    new = with_value(obj, (served.scale or {})["specReplicasPath"], replicas)
    version = find_one(scale, ".metadata.resourceVersion")
    return {**new, "metadata": {**new["metadata"], "resourceVersion": version}} if version else new


def patched_scale(scale: Object, body: Any, patch_type: PatchType) -> Object:
    """A Scale with a patch applied; it has no lists, so that a strategic merge is a merge."""
    if patch_type == "apply":
        raise unsupported_media_type(("application/json-patch+json", "application/merge-patch+json"))
    if patch_type == "json":
        if not isinstance(body, list):
            raise bad_request("error decoding patch: a JSON patch is a list of operations")
        try:
            patched: Object = jsonpatch.apply_patch(scale, body)
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
            raise bad_request(f"the patch does not apply: {error}") from error
        return patched
    merged: Object = _merge(scale, body)
    return merged


def _merge(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    base = target if isinstance(target, dict) else {}
    kept = {key: value for key, value in base.items() if key not in patch}
    return kept | {key: _merge(base.get(key), value) for key, value in patch.items() if value is not None}


def _selector_text(selector: Any) -> str:
    """A label selector as one string: as it is, or from a metav1.LabelSelector or a map."""
    if selector is None or isinstance(selector, str):
        return selector or ""
    if not isinstance(selector, Mapping):
        return ""
    labels = selector.get("matchLabels", {}) if selector.keys() & {"matchLabels", "matchExpressions"} else selector
    terms = [f"{key}={value}" for key, value in sorted(labels.items())]
    for term in selector.get("matchExpressions") or ():
        values = ",".join(sorted(term.get("values") or ()))
        forms = {"In": f"{term['key']} in ({values})", "NotIn": f"{term['key']} notin ({values})"}
        forms |= {"Exists": term["key"], "DoesNotExist": f"!{term['key']}"}
        terms.append(forms[term["operator"]])
    return ",".join(terms)
