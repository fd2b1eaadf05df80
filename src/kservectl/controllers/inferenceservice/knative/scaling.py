"""How Knative scales a revision, as annotations of its template (serverless.md, 3).

Whatever the user says by annotations of Knative's own goes through; what a field of the component says stands above it.
"""

from collections.abc import Mapping

from kservectl.api.component import ComponentFields
from kservectl.controllers.inferenceservice.knative.platform import Platform

_PREFIX = "autoscaling.knative.dev/"
_INITIAL_SCALE = _PREFIX + "initial-scale"
_BY_KNATIVE = "kpa.autoscaling.knative.dev"
_LEAST = 1


def annotated(found: Mapping[str, str], scaling: ComponentFields, platform: Platform) -> dict[str, str]:
    """The annotations `found` with those that `scaling` asks for; an initial scale that Knative refuses is dropped."""
    annotations = {_PREFIX + "class": _BY_KNATIVE, **found}
    least = _LEAST if scaling.min_replicas is None else scaling.min_replicas
    annotations[_PREFIX + "min-scale"] = str(least)
    if scaling.max_replicas:
        annotations[_PREFIX + "max-scale"] = str(scaling.max_replicas)
    if scaling.scale_target is not None:
        annotations[_PREFIX + "target"] = str(scaling.scale_target)
    if scaling.scale_metric is not None:
        annotations[_PREFIX + "metric"] = scaling.scale_metric
    initial = annotations.get(_INITIAL_SCALE)
    if initial is not None and not platform.accepts_initial_scale(initial):
        del annotations[_INITIAL_SCALE]
    return annotations
