"""Patches of stored objects by content type; the result is neither defaulted nor validated."""

from typing import Any

from kservectl.devcluster.contract import Malformed, PatchRefused, PatchType
from kservectl.objects import jsonpatch, mergepatch
from kservectl.objects.metadata import Object
from kservectl.objects.strategic import UnmergeablePatch, strategic_merge


def patched(live: Object, body: Any, type_: PatchType, type_name: str) -> Object:
    """`live` with a JSON, merge or strategic merge patch applied.

    `type_name` is empty for a custom kind, which has no strategic merge. Raises Malformed and PatchRefused.
    """
    result: Any
    if type_ == "json":
        result = _json(live, body)
    elif not isinstance(body, dict):
        raise Malformed("the patch must be a JSON object")
    elif type_ == "merge":
        result = mergepatch.apply(live, body)
    elif type_ == "strategic":
        result = _strategic(live, body, type_name)
    else:
        raise Malformed(f"an {type_} patch names its manager: it is not applied like the others")
    if not isinstance(result, dict):
        raise PatchRefused("the patch leaves no object")
    return result


def _json(live: Object, body: Any) -> Any:
    if not isinstance(body, list):
        raise Malformed(f"{_UNDECODABLE} {_json_type(body)} into Go value of type []handlers.jsonPatchOp")
    if strays := [each for each in body if not isinstance(each, dict)]:
        raise Malformed(f"{_UNDECODABLE} {_json_type(strays[0])} into Go value of type handlers.jsonPatchOp")
    try:
        return jsonpatch.apply(live, body)
    except (jsonpatch.MalformedPatch, jsonpatch.PatchFailed) as error:
        raise PatchRefused(str(error)) from error


_UNDECODABLE = "error decoding patch: json: cannot unmarshal"


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return {dict: "object", list: "array", str: "string", type(None): "null"}.get(type(value), "number")


def _strategic(live: Object, body: Object, type_name: str) -> Object:
    if not type_name:
        raise Malformed(
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
        )
    try:
        return strategic_merge(live, body, type_name)
    except UnmergeablePatch as error:
        raise Malformed(str(error)) from error
