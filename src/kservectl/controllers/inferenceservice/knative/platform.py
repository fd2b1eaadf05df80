"""What Knative Serving's own ConfigMaps say that decisions depend on.

`config-autoscaler` and `config-domain` are read as Knative reads them. Without the first one nothing is decided: whether a
service may start at zero would be a guess.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.settings import AUTOSCALER_CONFIG, DOMAIN_CONFIG, Settings
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

NOT_AVAILABLE_REASON = "ServerlessModeRejected"
NOT_AVAILABLE = "It is not possible to use Knative deployment mode when Knative Services are not available"
"""What is told of an object that needs a Knative Service where none is served."""

_ZERO_INITIAL_SCALE = "allow-zero-initial-scale"
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Platform:
    """`allows_zero_initial_scale` is whether a revision may start without pods; `domains` are those that routes get,
    the longest first."""

    allows_zero_initial_scale: bool
    domains: tuple[str, ...]

    def accepts_initial_scale(self, value: str) -> bool:
        """Whether Knative would take `value` for `autoscaling.knative.dev/initial-scale`, as far as KServe checks it."""
        if not _INTEGER.fullmatch(value):
            return False
        return int(value) != 0 or self.allows_zero_initial_scale


def platform(view: View, settings: Settings) -> Platform:
    """Raises CannotDecide where `config-autoscaler` is missing or cannot be read."""
    found = view.get(CONFIG_MAP, AUTOSCALER_CONFIG, settings.knative_autoscaler_namespace)
    where = f"ConfigMap {settings.knative_autoscaler_namespace}/{AUTOSCALER_CONFIG}"
    if found is None:
        raise CannotDecide(
            f"failed to retrieve the knative autoscaler configuration: {where} does not exist",
            reason="KnativeConfigurationMissing",
            next_step="Install Knative Serving, or name its namespace in KNATIVE_CONFIG_AUTOSCALER_NAMESPACE of the manager.",
        )
    text = _data(found).get(_ZERO_INITIAL_SCALE, "")
    if text and text not in _TRUE | _FALSE:
        raise CannotDecide(
            f"failed to retrieve the knative autoscaler configuration: {_ZERO_INITIAL_SCALE} of {where} is "
            f'"{text}", which is neither true nor false',
            reason="KnativeConfigurationInvalid",
            next_step=f"Correct {_ZERO_INITIAL_SCALE} in {where}.",
        )
    domains = _data(view.get(CONFIG_MAP, DOMAIN_CONFIG, settings.knative_namespace))
    return Platform(text in _TRUE, tuple(sorted(domains, key=lambda domain: (-len(domain), domain))))


def _data(config_map: Object | None) -> Mapping[str, str]:
    data: Mapping[str, str] = (config_map or {}).get("data") or {}
    return data
