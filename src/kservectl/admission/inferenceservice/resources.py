"""Default requests and limits of a container, where its user leaves them open."""

from typing import Any

from kservectl.admission.inferenceservice.implementations import block
from kservectl.api.config import ConfigError
from kservectl.api.config_model import ResourceMembers
from kservectl.objects import quantity
from kservectl.objects.metadata import Object


def default_resources(container: Object, defaults: ResourceMembers) -> None:
    """Fill in what `container` (a private copy) leaves open; raises ConfigError where a default is no quantity."""
    resources = block(container, "resources") or {}
    requests = dict(block(resources, "requests") or {})
    limits = dict(block(resources, "limits") or {})
    for name, request, limit in (
        ("cpu", defaults.cpu_request, defaults.cpu_limit),
        ("memory", defaults.memory_request, defaults.memory_limit),
    ):
        # A default gives way to what the user said of the same resource: a request above its limit is no pod at all.
        user_request, user_limit = requests.get(name), limits.get(name)
        if user_request is None and request:
            requests[name] = _bounded(name, request, user_limit, lower=True)
        if user_limit is None and limit:
            limits[name] = _bounded(name, limit, user_request, lower=False)
    wanted = resources | {key: value for key, value in (("limits", limits), ("requests", requests)) if value}
    if wanted:
        container["resources"] = wanted


def _bounded(name: str, configured: str, bound: Any, *, lower: bool) -> Any:
    """`configured`, or `bound` where that is lower (or higher); a bound that is no quantity is left to validation."""
    try:
        value = quantity.parse(configured)
    except quantity.InvalidQuantity as problem:
        raise ConfigError("inferenceService", f"resource {name}: {problem}") from problem
    if bound is None:
        return configured
    try:
        limit = quantity.parse(bound)
    except quantity.InvalidQuantity:
        return configured
    return bound if (limit < value if lower else limit > value) else configured
