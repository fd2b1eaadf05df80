"""The names of the objects that canaries have."""

from collections.abc import Collection

from kservectl.controllers.inferenceservice.component import Role, component_name
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

_ROLES: tuple[Role, ...] = ("predictor", "transformer", "explainer")


def object_names(service: Object) -> Collection[str]:
    """What objects of the canaries in the spec of `service` may be called, whatever their kind."""
    entries = (service.get("spec") or {}).get("canary") or ()
    names = [str((entry.get("predictor") or {}).get("name") or "") for entry in entries]
    return {component_name(metadata.name(service), role, name) for name in names if name for role in _ROLES}
