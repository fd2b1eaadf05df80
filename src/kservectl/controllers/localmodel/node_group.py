"""Decide the status of a LocalModelNodeGroup: how many nodes it has, and what models take of them by their stated sizes."""

from fractions import Fraction

from kservectl.api.kinds import LOCAL_MODEL_NODE
from kservectl.controllers.localmodel import group as groups
from kservectl.controllers.localmodel.cache import models_of
from kservectl.controllers.localmodel.room import taken_by, to_quantity
from kservectl.objects import metadata
from kservectl.objects.kind import NODE
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import View


def reconcile(obj: Object, view: View) -> Outcome:
    """The Outcome for a group; it owns nothing."""
    group = groups.read(obj)
    taken = [
        taken_by(entry for entry in models_of(order) if entry.get("nodeGroup") == group.name)
        for node in view.list(NODE)
        if group.has(node)
        for order in [view.get(LOCAL_MODEL_NODE, metadata.name(node))]
    ]
    used = sum(taken, Fraction(0))
    status: Object = {"nodes": len(taken), "used": to_quantity(used)}
    if group.limit is not None:
        capacity = group.limit * len(taken)
        status["capacity"] = to_quantity(capacity)
        status["available"] = to_quantity(max(capacity - used, Fraction(0)))
        if taken:
            status["availablePerNode"] = to_quantity(max(group.limit - max(taken), Fraction(0)))
    if metadata.generation(obj):
        status["observedGeneration"] = metadata.generation(obj)
    return Outcome(complete=False, status=status)
