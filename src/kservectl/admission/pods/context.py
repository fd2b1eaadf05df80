"""What an injector may know besides the pod."""

from collections.abc import Callable
from dataclasses import dataclass

from kservectl.modelstorage.context import StorageContext
from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class PodContext(StorageContext):
    """`service` is the InferenceService that the pod belongs to; None when it is not known (any more)."""

    service: Object | None = None


Injector = Callable[[Object, PodContext], Object]
"""Answers the pod as it should be, its argument untouched; doing it twice is doing it once. Raises PodRefused, or
ConfigError when it needs a configuration key that cannot be read."""
