"""What an injector may know besides the pod, and how it refuses one."""

from collections.abc import Callable
from dataclasses import dataclass

from kservectl.modelstorage.context import StorageContext
from kservectl.modelstorage.refusal import PodRefused as InjectionRefused
from kservectl.objects.metadata import Object

__all__ = ["InjectionRefused", "Injector", "PodContext"]


@dataclass(frozen=True, slots=True)
class PodContext(StorageContext):
    """`service` is the InferenceService that the pod belongs to; None when it is not known (any more)."""

    service: Object | None = None


Injector = Callable[[Object, PodContext], Object]
"""Answers the pod as it should be, its argument untouched; doing it twice is doing it once. Raises InjectionRefused, or
ConfigError when it needs a configuration key that cannot be read."""
