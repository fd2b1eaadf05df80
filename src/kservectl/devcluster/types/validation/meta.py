"""Rules of `metadata`, the same for every kind but for the syntax of names."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types import names
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object


def check_metadata(kind: Kind, new: Object, old: Object | None) -> list[Cause]:
    """What is wrong with an object's metadata, and what an update must not change in it."""
    meta: Mapping[str, Any] = new.get("metadata") or {}
    found: list[Cause] = []
    rule = _NAME_RULES.get((kind.group, kind.kind), names.dns_subdomain)
    if generate := meta.get("generateName"):
        # What follows the prefix makes its last character an inner one.
        if problem := rule(f"{generate}x"):
            found.append(say.invalid("metadata.generateName", generate, problem))
    elif not meta.get("name"):
        found.append(say.required("metadata.name", "name or generateName is required"))
    if (name := meta.get("name")) and (problem := rule(str(name))):
        found.append(say.invalid("metadata.name", name, problem))
    if (namespace := meta.get("namespace")) and (problem := names.dns_label(str(namespace))):
        found.append(say.invalid("metadata.namespace", namespace, problem))
    if labels := meta.get("labels"):
        found.extend(names.check_labels(labels, "metadata.labels"))
    if annotations := meta.get("annotations"):
        found.extend(names.check_annotations(annotations, "metadata.annotations"))
    if owners := meta.get("ownerReferences"):
        found.extend(_check_owners(owners))
    for position, finalizer in enumerate(meta.get("finalizers") or ()):
        found.extend(_check_finalizer(finalizer, position, core=not kind.group))
    if old is not None:
        found.extend(_check_update(meta, old.get("metadata") or {}))
    return found


_STANDARD_FINALIZERS = frozenset({"kubernetes", "orphan", "foregroundDeletion"})
_IMMUTABLE = ("name", "namespace", "uid", "creationTimestamp")
_RBAC = "rbac.authorization.k8s.io"
_NAME_RULES: Mapping[tuple[str, str], Callable[[str], str]] = {
    ("", "Namespace"): names.dns_label,
    ("", "Service"): names.dns_label_1035,
    (_RBAC, "Role"): names.path_segment,
    (_RBAC, "RoleBinding"): names.path_segment,
    (_RBAC, "ClusterRole"): names.path_segment,
    (_RBAC, "ClusterRoleBinding"): names.path_segment,
}


def _check_owners(owners: list[Object]) -> Iterable[Cause]:
    path = "metadata.ownerReferences"
    controllers: list[Object] = []
    for owner in owners:
        for field, problem in (
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ):
            if not owner.get(field):
                yield say.invalid(f"{path}.{field}", "", problem)
        if owner.get("controller"):
            controllers.append(owner)
    if len(controllers) > 1:
        first, second = (f"{owner.get('kind')}/{owner.get('name')}" for owner in controllers[:2])
        yield say.invalid(
            path,
            owners,
            f'Only one reference can have Controller set to true. Found "true" in references for {first} and {second}',
        )


def _check_finalizer(finalizer: Any, position: int, *, core: bool) -> Iterable[Cause]:
    """Only kinds of the core group insist on a prefix."""
    if problem := names.qualified_name(str(finalizer)):
        yield say.invalid("metadata.finalizers", finalizer, problem)
    elif core and "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
        detail = "name is neither a standard finalizer name nor is it fully qualified"
        yield say.invalid(f"metadata.finalizers[{position}]", finalizer, detail)


def _check_update(new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterable[Cause]:
    for field in _IMMUTABLE:
        if old.get(field) and new.get(field) and new[field] != old[field]:
            yield say.invalid(f"metadata.{field}", new[field], "field is immutable")
    if old.get("deletionTimestamp"):
        added = [name for name in new.get("finalizers") or () if name not in (old.get("finalizers") or ())]
        if added:
            listed = ", ".join(say.show(name) for name in added)
            yield say.forbidden(
                "metadata.finalizers",
                "no new finalizers can be added if the object is being deleted, found new finalizers "
                f"[]string{{{listed}}}",
            )
