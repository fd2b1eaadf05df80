"""What an injector may know besides the pod, and how it refuses one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kservectl.api.config import Config
from kservectl.objects.metadata import Object


class InjectionRefused(Exception):
    """The pod cannot run as it is described; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class PodContext:
    """`namespace` is the pod's, `system_namespace` KServe's own."""

    namespace: str
    system_namespace: str
    config: Config
    storage_containers: Sequence[Object] = ()
    """All ClusterStorageContainers, in the order of their names."""


Injector = Callable[[Object, PodContext], Object]
"""Answers the pod as it should be, its argument untouched; doing it twice is doing it once. Raises InjectionRefused, or
ConfigError when it needs a configuration key that cannot be read."""
