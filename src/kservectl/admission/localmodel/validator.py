"""Whether a model cache may be stored, or deleted: one source once, node groups that exist and have room, and no users left.

Pure. All problems are reported together, in KServe's words where KServe has some.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kservectl.admission.inferenceservice.implementations import block
from kservectl.admission.review import FieldError, Verdict
from kservectl.api.errors import Malformed
from kservectl.api.kinds import (
    INFERENCE_SERVICE,
    LLM_INFERENCE_SERVICE,
    LOCAL_MODEL_CACHE,
    LOCAL_MODEL_NAMESPACE_CACHE,
    LOCAL_MODEL_NODE_GROUP,
)
from kservectl.api.localmodel import LocalModelCache
from kservectl.modelstorage.local_model import CACHE_LABEL, CACHE_NAMESPACE_LABEL, LONGEST_CACHE_NAME
from kservectl.objects import metadata, quantity
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View


@dataclass(frozen=True, slots=True)
class _Change:
    """A cache that is to be stored in place of `old` (None on creation), with the groups that it names, as they are."""

    new: Object
    old: Object | None
    groups: Mapping[str, Object | None]

    @property
    def size(self) -> object:
        return self.new["spec"]["modelSize"]

    @property
    def asks_for_room(self) -> bool:
        before = block(self.old, "spec") or {}
        return not quantity.same(before.get("modelSize"), self.size) or before.get("nodeGroups") != list(self.groups)


def validate(new: Object, old: Object | None, view: View, *, namespace: str = "") -> Verdict:
    """The verdict on a cache of `namespace`, or of the cluster. One that is being deleted is always allowed."""
    if metadata.is_deleting(new):
        return Verdict()
    try:
        cache = LocalModelCache.parse(new)
    except Malformed as error:
        return Verdict(tuple(FieldError(problem.field, problem.message) for problem in error.problems))
    change = _Change(new, old, {name: view.get(LOCAL_MODEL_NODE_GROUP, name) for name in cache.spec.node_groups})
    own = _missing_groups(change) if namespace else _same_source(new, view)
    return Verdict((*_name_errors(change), *own, *_too_large(change)), tuple(_little_room(change)))


def validate_deletion(cache: Object, view: View, *, namespace: str = "") -> Verdict:
    """Refuses while a service carries the labels of the cache; what its status lists does not matter."""
    name = metadata.name(cache)
    kind = LOCAL_MODEL_NAMESPACE_CACHE.kind if namespace else LOCAL_MODEL_CACHE.kind
    whole = f"{namespace}/{name}" if namespace else name
    return Verdict(
        tuple(
            FieldError(
                "metadata.name",
                f"{kind} {whole} is being used by {service['kind']} "
                f"{metadata.key(service) if namespace else metadata.name(service)}",
                "FieldValueForbidden",
            )
            for service in _users(name, namespace, view)
        )
    )


def _users(name: str, namespace: str, view: View) -> Sequence[Object]:
    return [
        {**service, "kind": kind.kind}
        for kind in (INFERENCE_SERVICE, LLM_INFERENCE_SERVICE)
        if view.served(kind)
        for service in view.list(kind, namespace or None, {CACHE_LABEL: name})
        if metadata.labels(service).get(CACHE_NAMESPACE_LABEL, "") == namespace
    ]


def _name_errors(change: _Change) -> Iterator[FieldError]:
    name = metadata.name(change.new)
    if change.old is None and len(name) > LONGEST_CACHE_NAME:
        yield FieldError(
            "metadata.name",
            f"must have at most {LONGEST_CACHE_NAME} characters, not {len(name)}: it becomes a label of what uses the cache",
        )


def _same_source(new: Object, view: View) -> Iterator[FieldError]:
    uri = new["spec"]["sourceModelUri"]
    for other in view.list(LOCAL_MODEL_CACHE):
        if metadata.name(other) != metadata.name(new) and (other.get("spec") or {}).get("sourceModelUri") == uri:
            yield FieldError(
                "spec.sourceModelUri",
                f"LocalModelCache {metadata.name(other)} has the same StorageURI {uri}",
                "FieldValueDuplicate",
            )
            return


def _missing_groups(change: _Change) -> Iterator[FieldError]:
    for name, group in change.groups.items():
        if group is None:
            yield FieldError(
                "spec.nodeGroups",
                f"NodeGroup {name} not found: there is no {LOCAL_MODEL_NODE_GROUP.kind} of that name",
            )


def _too_large(change: _Change) -> Iterator[FieldError]:
    """A model that no node of a group could ever hold."""
    if not change.asks_for_room:
        return
    for name, group in change.groups.items():
        limit = ((group or {}).get("spec") or {}).get("storageLimit")
        if limit is not None and _is_more(change.size, limit):
            yield FieldError(
                "spec.modelSize",
                f"the model takes {change.size}, and node group {name} allows {limit} of models on a node; raise its "
                "storageLimit or leave the group out",
            )


def _little_room(change: _Change) -> Iterator[str]:
    """A model for which some nodes have no room at this moment."""
    if not change.asks_for_room:
        return
    for name, group in change.groups.items():
        left = ((group or {}).get("status") or {}).get("availablePerNode")
        if left is not None and _is_more(change.size, left):
            yield (
                f"node group {name} has {left} left on its fullest node and the model takes {change.size}: "
                "nodes without room will not download it"
            )


def _is_more(one: object, other: object) -> bool:
    try:
        return quantity.parse(one) > quantity.parse(other)
    except quantity.InvalidQuantity:
        return False
