"""What tells the two kinds of caches apart: one belongs to the cluster, the other to a namespace and its services."""

from dataclasses import dataclass

from kservectl.api.kinds import LOCAL_MODEL_CACHE, LOCAL_MODEL_NAMESPACE_CACHE
from kservectl.objects.kind import Kind


@dataclass(frozen=True, slots=True)
class Scope:
    """`finalizer` is KServe's, so that either manager can let go of what the other held."""

    kind: Kind
    finalizer: str


CLUSTER = Scope(LOCAL_MODEL_CACHE, "localmodel.kserve.io/finalizer")
NAMESPACE = Scope(LOCAL_MODEL_NAMESPACE_CACHE, "localmodelnamespacecache.kserve.io/finalizer")
