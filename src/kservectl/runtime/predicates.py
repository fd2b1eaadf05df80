"""Which changes of the reconciled object are worth a decision: plain functions from a Change to yes or no.

An object that appears or vanishes is always worth one. Combine them with `any_of`.
"""

from collections.abc import Callable

from kservectl.informers import Change
from kservectl.objects import metadata

Predicate = Callable[[Change], bool]


def any_of(*predicates: Predicate) -> Predicate:
    """Yes when one of them says yes."""
    return lambda change: any(predicate(change) for predicate in predicates)


def resource_version_changed(change: Change) -> bool:
    """Drops what was only delivered again."""
    if change.old is None or change.new is None:
        return True
    return metadata.resource_version(change.old) != metadata.resource_version(change.new)


def generation_changed(change: Change) -> bool:
    """Drops changes outside `spec`: the server counts the generation up only for those inside."""
    if change.old is None or change.new is None:
        return True
    return metadata.generation(change.old) != metadata.generation(change.new)


def metadata_changed(change: Change) -> bool:
    """Lets labels, annotations, finalizers, owners and the start of a deletion through."""
    if change.old is None or change.new is None:
        return True
    old, new = metadata.metadata(change.old), metadata.metadata(change.new)
    parts = ("labels", "annotations", "finalizers", "ownerReferences", "deletionTimestamp")
    return any((old.get(part) or None) != (new.get(part) or None) for part in parts)


def status_changed(change: Change) -> bool:
    """Lets through whatever happened to `status`."""
    if change.old is None or change.new is None:
        return True
    return bool(change.old.get("status") != change.new.get("status"))


not_only_status = any_of(generation_changed, metadata_changed)
"""Drops the echo of one's own status writes, and nothing else that matters."""

_OF_THE_SERVER = frozenset({"resourceVersion", "managedFields", "generation"})


def more_than_status_changed(change: Change) -> bool:
    """Lets through a change of anything but `status`, also for kinds whose generation the server does not count."""
    if change.old is None or change.new is None:
        return True
    old, new = change.old, change.new
    if any(old.get(part) != new.get(part) for part in {*old, *new} - {"metadata", "status"}):
        return True
    before, after = metadata.metadata(old), metadata.metadata(new)
    return any(before.get(part) != after.get(part) for part in {*before, *after} - _OF_THE_SERVER)
