"""The identity of an object through a write: its kind, name and namespace, and the metadata that no client sets.

Pure functions. What makes metadata valid is the type system's business.
"""

import json
import random
from typing import Any

from kservectl.devcluster.contract import ServedKind
from kservectl.devcluster.refusals import bad_request
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

_SHOWN = 26
_GENERATED_BASE_LIMIT = 58
_GENERATED_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # no vowels and no digits that look like letters: no words by chance


def generate_name(base: str, source: random.Random) -> str:
    """A name for `metadata.generateName`: the base (cut to fit) and five random letters."""
    return base[:_GENERATED_BASE_LIMIT] + "".join(source.choice(_GENERATED_LETTERS) for _ in range(5))


def same_namespace(kind: Kind, obj: Object, namespace: str) -> Object:
    """`obj` in the namespace of the request; raises BadRequest when it says another one."""
    metadata = obj.get("metadata") or {}
    said = metadata.get("namespace") or ""
    if not kind.namespaced:
        if said:
            raise (
                bad_request("namespace should be empty for cluster-scoped resources")
                if namespace
                else bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
            )
        return obj
    if said and said != namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return obj if said else {**obj, "metadata": {**metadata, "namespace": namespace}}


def identified(served: ServedKind, body: Any) -> Object:
    """A copy of the body with a metadata of its own, and apiVersion and kind when it has none.

    An object of a custom kind must have them: nothing else tells what it is.
    """
    if not isinstance(body, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {served.kind.kind})")
    metadata = body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise bad_request(f"{served.kind.kind} has a metadata that is not an object")
    kind = served.kind
    if served.custom and not body.get("kind"):
        said = json.dumps(body)
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind.kind}): Object 'Kind' is missing in '{said}' "
            f"({said[:_SHOWN]} ...)"
        )
    if served.custom and not body.get("apiVersion"):
        raise bad_request(
            f"the API version in the data () does not match the expected API version ({kind.api_version})"
        )
    return {"apiVersion": kind.api_version, "kind": kind.kind, **body, "metadata": dict(metadata or {})}


def inheriting(candidate: Object, old: Object) -> Object:
    """An update with the metadata that no client sets taken over from the live object."""
    before, metadata = old["metadata"], dict(candidate["metadata"])
    metadata.pop("selfLink", None)
    metadata["uid"] = metadata.get("uid") or before["uid"]
    for field in ("resourceVersion", "creationTimestamp", "generation", "deletionTimestamp"):
        if field in before:
            metadata[field] = before[field]
        elif field == "generation":
            metadata.pop(field, None)
    if metadata.get("deletionGracePeriodSeconds") is None and "deletionGracePeriodSeconds" in before:
        metadata["deletionGracePeriodSeconds"] = before["deletionGracePeriodSeconds"]
    return {**candidate, "metadata": metadata}


def with_claims(applied: Object, said: Object, live: Object | None) -> Object:
    """An applied object that claims the resourceVersion and uid that the apply named, or else the live ones."""
    if live is None:
        return applied
    metadata = dict(applied["metadata"])
    for field in ("resourceVersion", "uid"):
        metadata[field] = said[field] if field in said else live["metadata"][field]
    return {**applied, "metadata": metadata}


def same_but_for_times(new: Object, old: Object) -> bool:
    """Whether an update changes nothing, the times of managedFields aside."""
    if new == old:
        return True
    if new.keys() != old.keys() or any(new[field] != old[field] for field in new if field != "metadata"):
        return False
    return _timeless(new["metadata"]) == _timeless(old["metadata"])


def _timeless(metadata: Object) -> Object:
    entries = [{**entry, "time": None} for entry in metadata.get("managedFields") or ()]
    return {**metadata, "managedFields": entries}
