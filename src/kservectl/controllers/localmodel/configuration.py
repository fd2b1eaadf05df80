"""The key `localModel` of KServe's configuration, as every decision reads it anew."""

from kservectl.api.config import CONFIG_MAP_NAME, Config, ConfigError
from kservectl.api.config_keys import LocalModel
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.objects.kind import CONFIG_MAP
from kservectl.runtime.view import View


class Unconfigured(Exception):
    """The key is missing or broken; the text says what to do about it."""


def local_model(view: View, settings: Settings) -> LocalModel:
    """The key; raises Unconfigured where nothing can be decided without it."""
    where = f"ConfigMap {settings.system_namespace}/{CONFIG_MAP_NAME}"
    config = Config.of(view.get(CONFIG_MAP, CONFIG_MAP_NAME, settings.system_namespace))
    if config.missing:
        raise Unconfigured(f"{where} does not exist; install it (kubectl apply -k manifests)")
    try:
        found = config.local_model
    except ConfigError as error:
        raise Unconfigured(f"key {error.key} of {where} cannot be used: {error.message}") from error
    if not found.job_namespace:
        raise Unconfigured(f"key localModel of {where} has no jobNamespace; name the namespace for downloads there")
    return found
