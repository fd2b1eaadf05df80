"""KServe's configuration as a decision needs it, and what to say where it cannot be had.

`dependents` is what a person calls the objects that wait for it (`services`, `graphs`).
"""

from kservectl.api.config import CONFIG_MAP_NAME, Config, ConfigError
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.objects.kind import CONFIG_MAP
from kservectl.runtime.view import View


def required(view: View, settings: Settings, dependents: str) -> Config:
    """The configuration; raises CannotDecide where there is none."""
    config = Config.of(view.get(CONFIG_MAP, CONFIG_MAP_NAME, settings.system_namespace))
    if config.missing:
        raise CannotDecide(
            f"ConfigMap {settings.system_namespace}/{CONFIG_MAP_NAME} does not exist",
            reason="ConfigurationMissing",
            next_step=f"Install it (kubectl apply -k manifests); {dependents} go on by themselves once it is there.",
        )
    return config


def unusable(error: ConfigError, settings: Settings, dependents: str) -> CannotDecide:
    """The failure of a decision that needed a broken key."""
    where = f"key {error.key} of ConfigMap {settings.system_namespace}/{CONFIG_MAP_NAME}"
    return CannotDecide(
        f"{where} cannot be used: {error.message}",
        reason="ConfigurationInvalid",
        next_step=f"Correct the {where}; {dependents} go on by themselves.",
    )
