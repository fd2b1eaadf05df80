"""A share for the newest revision needs a revision beside it. Where that is gone, it is made again first.

The revisions of a Knative Service go with it: when a service was stopped, or its Knative Service deleted. A new one starts
with one revision, and a model that was meant to get 20 % would get everything. The last version that had all the traffic is
known (see `versions/history.py`), so that one is brought up first, and the new one gets its share afterwards.
"""

from collections.abc import Sequence

from kservectl.api.errors import Malformed
from kservectl.api.inferenceservice import InferenceServiceSpec
from kservectl.controllers.inferenceservice.component import Component, Role, components_of
from kservectl.controllers.inferenceservice.versions.history import Revision
from kservectl.objects.metadata import Object

_PERCENT = "canaryTrafficPercent"
_ALL = 100


def first_version(role: Role, spec: Object, rolled_out: str, history: Sequence[Revision]) -> Component | None:
    """The component to bring up before the one that `spec` (a service's, as stored) has; None when that one can go ahead.

    `rolled_out` is the revision that had all the traffic, empty where there is none; `history` is oldest first.
    """
    wanted: Object = spec.get(role) or {}
    if rolled_out or not _is_split(wanted):
        return None
    for version in reversed(history):
        before: Object = version.spec.get(role) or {}
        if not before or _is_split(before):
            continue
        if _without_percent(before) == _without_percent(wanted):
            return None
        try:
            components = components_of(InferenceServiceSpec.parse(version.spec))
        except Malformed:
            continue  # written by another version of kservectl
        return next((component for component in components if component.role == role), None)
    return None


def _is_split(component: Object) -> bool:
    percent = component.get(_PERCENT)
    return isinstance(percent, int) and percent < _ALL


def _without_percent(component: Object) -> Object:
    return {field: value for field, value in component.items() if field != _PERCENT}
