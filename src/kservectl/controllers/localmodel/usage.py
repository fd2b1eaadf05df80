"""Which services use a cache, and so which namespaces need which of its volumes.

A service says so by the labels that the InferenceService webhook gives it. One that names a namespaced cache counts for
that cache alone, and only in its namespace.
"""

from collections.abc import Mapping, Sequence

from kservectl.api.kinds import INFERENCE_SERVICE, LLM_INFERENCE_SERVICE
from kservectl.controllers.localmodel.cache import Cache
from kservectl.controllers.localmodel.group import Group
from kservectl.modelstorage.local_model import CACHE_LABEL, CACHE_NAMESPACE_LABEL, NODE_GROUP_ANNOTATION
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

SERVICE_KINDS = (INFERENCE_SERVICE, LLM_INFERENCE_SERVICE)


def services(kind: Kind, name: str, namespace: str, view: View) -> Sequence[Object]:
    """The services of `kind` that use the cache, in the order of their namespaces and names."""
    if not view.served(kind):
        return ()
    if namespace:
        return view.list(kind, namespace, {CACHE_LABEL: name, CACHE_NAMESPACE_LABEL: namespace})
    return [
        service
        for service in view.list(kind, None, {CACHE_LABEL: name})
        if not metadata.labels(service).get(CACHE_NAMESPACE_LABEL)
    ]


def needed_groups(cache: Cache, groups: Sequence[Group], view: View) -> Mapping[str, Sequence[Group]]:
    """By namespace the groups whose volume its services read: the one that they ask for, else the cache's first.

    A namespace whose services all ask for groups that the cache does not have needs none.
    """
    by_name = {group.name: group for group in groups}
    needed: dict[str, dict[str, Group]] = {}
    for kind in SERVICE_KINDS:
        for service in services(kind, cache.name, cache.namespace, view):
            asked = metadata.annotations(service).get(NODE_GROUP_ANNOTATION)
            group = by_name.get(asked if asked else cache.groups[0])
            if group is not None:
                needed.setdefault(metadata.namespace(service), {})[group.name] = group
    return {namespace: list(found.values()) for namespace, found in sorted(needed.items())}
