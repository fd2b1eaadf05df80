"""Delete and deletecollection: preconditions, grace, finalizers, and what becomes of dependents.

An object without finalizers goes at once. Otherwise it is marked (deletionTimestamp) and goes with its last finalizer.
How dependents are treated is written down as a finalizer (`foregroundDeletion`, `orphan`); acting on it is the garbage
collector's work.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from kservectl.clock import Clock, rfc3339
from kservectl.devcluster.admission import Admission, Attributes
from kservectl.devcluster.contract import Cause, ServedKind
from kservectl.devcluster.refusals import (
    conflict,
    failed_precondition,
    forbidden,
    invalid_option,
    not_found,
    quoted,
)
from kservectl.devcluster.registry import Registry, resource_of
from kservectl.devcluster.request import ADMIN, User
from kservectl.devcluster.storage import Entry, Stale, Store
from kservectl.devcluster.writing import may_go
from kservectl.objects.kind import NAMESPACE, POD
from kservectl.objects.metadata import Object, ObjectKey

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"

_POLICIES = ("Background", "Foreground", "Orphan")
_RETURNED_WHEN_DELETED = {
    "pods",
    "services",
    "serviceaccounts",
    "persistentvolumeclaims",
    "persistentvolumes",
    "resourcequotas",
    "podtemplates",
}
_PERMANENT_NAMESPACES = {"default", "kube-system", "kube-public"}
_RETRIES = 5


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """`propagation` is empty for the default (Background); `grace` is in seconds, None for the object's own."""

    propagation: str = ""
    grace: int | None = None
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False
    user: User = ADMIN


@dataclass(frozen=True, slots=True)
class Deleted:
    """`entry` is the last state of the object, or the marked object when it waits for finalizers."""

    entry: Entry
    gone: bool
    warnings: tuple[str, ...] = ()


def delete_options(body: Mapping[str, Any], query: Mapping[str, str], *, dry_run: bool, user: User) -> DeleteOptions:
    """The options of a delete, from its body (metav1.DeleteOptions) or else its query."""
    policy = body.get("propagationPolicy") or query.get("propagationPolicy") or ""
    if policy and policy not in _POLICIES:
        said = f'Unsupported value: {quoted(policy)}: supported values: "Foreground", "Background", "Orphan", "nil"'
        raise invalid_option("DeleteOptions", [Cause("FieldValueNotSupported", said, "propagationPolicy")])
    asked = body.get("dryRun") or []
    if asked and asked != ["All"]:
        said = f'Unsupported value: {quoted(asked)}: supported values: "All"'
        raise invalid_option("DeleteOptions", [Cause("FieldValueNotSupported", said, "dryRun")])
    orphan = body.get("orphanDependents")
    if orphan is None and "orphanDependents" in query:
        orphan = query["orphanDependents"].lower() not in {"false", "0"}
    if orphan is not None and not policy:
        policy = "Orphan" if orphan else "Background"
    grace = body.get("gracePeriodSeconds")
    if grace is None and query.get("gracePeriodSeconds", "").lstrip("-").isdigit():
        grace = int(query["gracePeriodSeconds"])
    conditions = body.get("preconditions") or {}
    return DeleteOptions(
        policy,
        None if grace is None else max(int(grace), 0),
        str(conditions.get("uid") or ""),
        str(conditions.get("resourceVersion") or ""),
        dry_run or bool(asked),
        user,
    )


def returns_object(served: ServedKind) -> bool:
    """Whether the answer to a delete is the object although it is gone."""
    return served.kind.resource in _RETURNED_WHEN_DELETED


class Deleter:
    """Deletes objects of every stored kind."""

    def __init__(self, store: Store, registry: Registry, *, clock: Clock, admission: Admission) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._admission = admission

    async def delete(self, served: ServedKind, key: ObjectKey, options: DeleteOptions) -> Deleted:
        """Delete one object, or mark it when something has to happen first."""
        resource = resource_of(served.kind)
        warnings: tuple[str, ...] | None = None
        for _ in range(_RETRIES):
            live = self._store.collection(resource).get(key)
            if live is None:
                raise not_found(served.kind, key.name)
            self._check_preconditions(served, live, options)
            if warnings is None:
                warnings = await self._admit(served, live, options)
                if self._store.collection(resource).get(key) is not live:
                    continue
            marked = self._marked(served, live.object, options)
            gone = may_go(served, marked)
            if options.dry_run:
                return Deleted(live if gone else Entry(live.kind, live.key, marked, live.revision), gone, warnings)
            try:
                if gone:
                    last = live.object if "deletionTimestamp" not in live.object["metadata"] else marked
                    return Deleted(self._store.remove(resource, live, last_state=last), True, warnings)
                if marked == live.object:
                    return Deleted(live, False, warnings)
                return Deleted(self._store.replace(resource, live.kind, marked, live), False, warnings)
            except Stale:
                continue
        raise conflict(served.kind, key.name)

    async def _admit(self, served: ServedKind, live: Entry, options: DeleteOptions) -> tuple[str, ...]:
        namespace, name = live.key
        if served.kind == NAMESPACE and name in _PERMANENT_NAMESPACES:
            raise forbidden(NAMESPACE, name, "this namespace may not be deleted")
        said: Object = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1"}
        if options.propagation:
            said["propagationPolicy"] = options.propagation
        if options.grace is not None:
            said["gracePeriodSeconds"] = options.grace
        if options.dry_run:
            said["dryRun"] = ["All"]
        old = live.as_kind(served.kind, self._registry.convert)
        asked = Attributes("DELETE", served, namespace, name, None, old, "", options.dry_run, said, options.user)
        mutated = await self._admission.mutate(asked)
        return mutated.warnings + await self._admission.validate(asked)

    def _check_preconditions(self, served: ServedKind, live: Entry, options: DeleteOptions) -> None:
        metadata = live.object["metadata"]
        if options.uid and options.uid != metadata["uid"]:
            raise failed_precondition(
                served.kind,
                live.key.name,
                f"the UID in the precondition ({options.uid}) does not match the UID in record ({metadata['uid']}). "
                "The object might have been deleted and then recreated",
            )
        if options.resource_version and options.resource_version != metadata["resourceVersion"]:
            raise failed_precondition(
                served.kind,
                live.key.name,
                f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion "
                f"in record ({metadata['resourceVersion']}). The object might have been modified",
            )

    def _marked(self, served: ServedKind, obj: Object, options: DeleteOptions) -> Object:
        """The object as it is while it is being deleted."""
        metadata = dict(obj["metadata"])
        grace = _grace(served, obj, options)
        finalizers = _finalizers(metadata.get("finalizers") or [], options.propagation)
        if finalizers or "finalizers" in metadata:
            metadata["finalizers"] = finalizers
        if not metadata.get("deletionTimestamp"):
            metadata["deletionTimestamp"] = rfc3339(self._clock.now() + timedelta(seconds=grace))
            metadata["deletionGracePeriodSeconds"] = grace
            if metadata.get("generation"):
                metadata["generation"] = metadata["generation"] + 1
        elif grace < (metadata.get("deletionGracePeriodSeconds") or 0):
            metadata["deletionGracePeriodSeconds"] = grace
        if not finalizers:
            metadata.pop("finalizers", None)
        marked = {**obj, "metadata": metadata}
        if served.kind == NAMESPACE:
            marked["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
        return marked


def _grace(served: ServedKind, obj: Object, options: DeleteOptions) -> int:
    """Seconds that a pod is given to end; everything else, and a pod that never started or is done, goes at once."""
    if served.kind != POD:
        return 0
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if not spec.get("nodeName") or status.get("phase") in {"Failed", "Succeeded"}:
        return 0
    if options.grace is not None:
        return options.grace
    seconds = spec.get("terminationGracePeriodSeconds")
    return 30 if seconds is None else int(seconds)


def _finalizers(present: list[str], propagation: str) -> list[str]:
    """The finalizers after a delete: an explicit policy replaces an earlier one, no policy leaves it."""
    if not propagation:
        return list(present)
    kept = [finalizer for finalizer in present if finalizer not in {FOREGROUND, ORPHAN}]
    wanted = {"Foreground": [FOREGROUND], "Orphan": [ORPHAN]}.get(propagation, [])
    return kept + wanted
