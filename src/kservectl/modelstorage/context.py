"""What must be known to give a pod its model, beside the pod."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kservectl.api.config import Config
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

FindObject = Callable[[Kind, str], Object | None]
"""The ServiceAccount or Secret of this name in the pod's namespace; None when there is none."""


@dataclass(frozen=True, slots=True)
class StorageContext:
    """`namespace` is the pod's, `system_namespace` KServe's own."""

    namespace: str
    system_namespace: str
    config: Config
    storage_containers: Sequence[Object] = ()
    """All ClusterStorageContainers, in the order of their names."""
    credentials: FindObject | None = None
    """Where credentials are found; None leaves them to the pod webhook."""
