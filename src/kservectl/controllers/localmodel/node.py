"""Nodes as model caches look at them: which they are, their labels, and whether they are ready."""

from kservectl.informers import Change
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

_KEPT = ("name", "uid", "resourceVersion", "labels", "creationTimestamp", "deletionTimestamp", "finalizers")


def is_ready(node: Object) -> bool:
    """Whether the node's condition Ready is True."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def trimmed(node: Object) -> Object:
    """What of a Node is kept in the cache: nodes are large, and their heartbeats many."""
    meta = node.get("metadata") or {}
    status = "True" if is_ready(node) else "False"
    return {
        "apiVersion": node.get("apiVersion"),
        "kind": node.get("kind"),
        "metadata": {name: meta[name] for name in _KEPT if name in meta},
        "status": {"conditions": [{"type": "Ready", "status": status}]},
    }


def tells(change: Change) -> bool:
    """Whether a node came, went, or belongs elsewhere or is ready otherwise than before."""
    return _tells(change.old) != _tells(change.new)


def _tells(node: Object | None) -> object:
    if node is None:
        return None
    return metadata.uid(node), metadata.labels(node), is_ready(node), metadata.is_deleting(node)
