"""The PersistentVolumes and claims of a cache: through some models come, through others services read them.

All are the group's specs under names of KServe's. A cluster cache owns all of them. A namespaced cache can own only what is
in its namespace; the rest carries its labels, and nothing with the labels of another cache is ever touched.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kservectl.controllers.localmodel.cache import Cache
from kservectl.controllers.localmodel.group import Group
from kservectl.modelstorage.local_model import CACHE_LABEL, CACHE_NAMESPACE_LABEL, download_claim, serving_claim
from kservectl.objects import metadata
from kservectl.objects.kind import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Reference
from kservectl.runtime.view import View

VOLUME_KINDS = (PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM)


@dataclass(frozen=True, slots=True)
class Volumes:
    """What should be there, who of it cannot be owned (positions in `desired`), and which names others have taken."""

    desired: tuple[Object, ...]
    unowned: frozenset[int]
    taken: tuple[str, ...] = ()


def volumes(
    cache: Cache, groups: Sequence[Group], needed: Mapping[str, Sequence[Group]], job_namespace: str, view: View
) -> Volumes:
    """The volumes to download to, one for each group, and those that the namespaces in `needed` read."""
    pairs = [*_downloads(cache, groups, job_namespace), *_served(cache, needed, job_namespace)]
    wanted = {_identity(obj): obj for pair in pairs for obj in pair}
    taken = [message for obj in wanted.values() if (message := _taken_by_another(obj, cache, view))]
    ours = [obj for obj in wanted.values() if not _taken_by_another(obj, cache, view)]
    unowned = frozenset(position for position, obj in enumerate(ours) if not _can_be_owned(obj, cache))
    return Volumes(tuple(ours), unowned, tuple(taken))


def unowned_of(cache: Cache, view: View, *, besides: Iterable[Object] = ()) -> list[Reference]:
    """What carries the labels of a namespaced cache, is not owned by it, and is none of `besides`."""
    if not cache.namespace:
        return []
    kept = {_identity(obj) for obj in besides}
    return [
        Reference(kind, metadata.namespace(obj), metadata.name(obj))
        for kind in VOLUME_KINDS
        for obj in view.list(kind, None, _labels(cache))
        if metadata.controller_of(obj) is None and not metadata.is_deleting(obj) and _identity(obj) not in kept
    ]


def _downloads(cache: Cache, groups: Sequence[Group], job_namespace: str) -> list[tuple[Object, Object]]:
    suffix = f"-{cache.namespace}-download" if cache.namespace else "-download"
    return [
        _pair(
            cache,
            group,
            f"{cache.name}-{group.name}{suffix}",
            download_claim(cache.name, group.name, cache.namespace),
            job_namespace,
        )
        for group in groups
    ]


def _served(cache: Cache, needed: Mapping[str, Sequence[Group]], job_namespace: str) -> list[tuple[Object, Object]]:
    return [
        _pair(cache, group, f"{cache.name}-{group.name}-{namespace}", serving_claim(cache.name, group.name), namespace)
        for namespace, groups in needed.items()
        for group in groups
        # Where downloads have a claim of that name already, services read through the same.
        if cache.namespace or namespace != job_namespace
    ]


def _pair(cache: Cache, group: Group, volume: str, claim: str, namespace: str) -> tuple[Object, Object]:
    labels = _labels(cache)
    return (
        {
            "apiVersion": PERSISTENT_VOLUME.api_version,
            "kind": PERSISTENT_VOLUME.kind,
            "metadata": {"name": volume, "labels": labels},
            "spec": dict(group.volume),
        },
        {
            "apiVersion": PERSISTENT_VOLUME_CLAIM.api_version,
            "kind": PERSISTENT_VOLUME_CLAIM.kind,
            "metadata": {"name": claim, "namespace": namespace, "labels": labels},
            "spec": {**group.claim, "volumeName": volume},
        },
    )


def _labels(cache: Cache) -> dict[str, str]:
    labels = {CACHE_LABEL: cache.name}
    if cache.namespace:
        labels[CACHE_NAMESPACE_LABEL] = cache.namespace
    return labels


def _can_be_owned(obj: Object, cache: Cache) -> bool:
    return not cache.namespace or metadata.namespace(obj) == cache.namespace


def _taken_by_another(obj: Object, cache: Cache, view: View) -> str:
    """Why an object that cannot be owned is not to be written; empty where nothing speaks against it."""
    if _can_be_owned(obj, cache):
        return ""  # ownership itself tells
    live = view.get(_kind(obj), metadata.name(obj), metadata.namespace(obj))
    if live is None:
        return ""
    labels = metadata.labels(live)
    of = (labels.get(CACHE_LABEL), labels.get(CACHE_NAMESPACE_LABEL, ""))
    if metadata.controller_of(live) is None and of == (cache.name, cache.namespace):
        return ""
    other = "/".join(part for part in (of[1], of[0]) if part)
    return f"{metadata.describe(obj)} belongs to the cache {other}; rename one of the two caches"


def _identity(obj: Object) -> tuple[str, str, str]:
    return str(obj.get("kind")), metadata.namespace(obj), metadata.name(obj)


def _kind(obj: Object) -> Kind:
    return next(kind for kind in VOLUME_KINDS if kind.kind == obj["kind"])
