"""KServe's configuration: the ConfigMap `inferenceservice-config`, each key parsed when it is first asked for.

A broken key raises `ConfigError` to those who read it, every time, and to nobody else. A missing ConfigMap is a ConfigMap
without keys. A missing key means the defaults of its model; three rules differ from the original on purpose: the built-in
lists of blocked annotations and labels always apply, a missing `deploy` means `Standard`, and a malformed
`storageInitializer` is an error like any other.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError

from kservectl.api import config_keys as keys
from kservectl.api.config_ingress import Ingress
from kservectl.api.config_model import KeyModel, ResourceMembers
from kservectl.api.config_network_policy import NetworkPolicy
from kservectl.api.config_security_policy import SecurityPolicy
from kservectl.api.errors import describe, kind_of_value, sentence
from kservectl.objects.metadata import Object, resource_version, uid

CONFIG_MAP_NAME = "inferenceservice-config"
DEFAULT_NAMESPACE = "kserve"

_UNMARSHAL = "unable to unmarshall {key} json string due to "
_PREFIXES = {
    "explainers": _UNMARSHAL.format(key="explainers"),
    "inferenceService": _UNMARSHAL.format(key="inferenceService"),
    "multiNode": _UNMARSHAL.format(key="multiNode"),
    "ingress": "unable to parse ingress config json: ",
    "deploy": "unable to parse deploy config json: ",
    "service": "unable to parse service config json: ",
    "autoscaler": "unable to parse autoscaler config json: ",
    "opentelemetryCollector": "unable to parse otel config json: ",
    "credentials": "unable to parse credential config json: ",
}

_RESOURCE_ERRORS = {
    "storageInitializer": 'failed to parse resource configuration for "storageInitializer"."{member}": {why}',
    "logger": 'Failed to parse resource configuration for "logger": "{member}: {why}"',
    "batcher": 'Failed to parse resource configuration for "batcher": "{member}: {why}"',
    "agent": 'failed to parse resource configuration for "agent": {member}: {why}',
    "router": 'Failed to parse resource configuration for router: "{member}: {why}"',
}

_REMEMBERED = 8

Model = TypeVar("Model", bound=KeyModel)


class ConfigError(Exception):
    """The value of one key cannot be used. `message` says what is wrong and has no need of the key beside it."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message


class Config:
    """One property per key. Instances never change; a new ConfigMap version is a new `Config`."""

    def __init__(self, configmap: Mapping[str, Any] | None) -> None:
        self.missing = configmap is None
        self._data: Any = (configmap or {}).get("data") or {}

    @classmethod
    def of(cls, configmap: Object | None) -> "Config":
        """The `Config` of this version of the ConfigMap, made once per uid and resourceVersion.

        An object without both (from a file, say) is parsed anew each time.
        """
        if configmap is None:
            return _ABSENT
        version = (uid(configmap), resource_version(configmap))
        if not all(version):
            return cls(configmap)
        known = _KNOWN.get(version)
        if known is None:
            known = _KNOWN[version] = cls(configmap)
            while len(_KNOWN) > _REMEMBERED:
                _KNOWN.popitem(last=False)
        return known

    @cached_property
    def explainers(self) -> keys.Explainers:
        return self._read("explainers", keys.Explainers)

    @cached_property
    def inference_service(self) -> keys.InferenceServiceDefaults:
        return self._read("inferenceService", keys.InferenceServiceDefaults)

    @cached_property
    def ingress(self) -> Ingress:
        return self._read("ingress", Ingress, Ingress.absent)

    @cached_property
    def deploy(self) -> keys.Deploy:
        return self._read("deploy", keys.Deploy, lambda: keys.Deploy(default_deployment_mode=keys.STANDARD))

    @cached_property
    def storage_initializer(self) -> keys.StorageInitializer:
        return self._read("storageInitializer", keys.StorageInitializer)

    @cached_property
    def service(self) -> keys.Service:
        return self._read("service", keys.Service)

    @cached_property
    def multi_node(self) -> keys.MultiNode:
        return self._read("multiNode", keys.MultiNode)

    @cached_property
    def opentelemetry_collector(self) -> keys.OpenTelemetryCollector:
        return self._read("opentelemetryCollector", keys.OpenTelemetryCollector)

    @cached_property
    def autoscaler(self) -> keys.Autoscaler:
        return self._read("autoscaler", keys.Autoscaler)

    @cached_property
    def security(self) -> keys.Security:
        return self._read("security", keys.Security)

    @cached_property
    def local_model(self) -> keys.LocalModel:
        return self._read("localModel", keys.LocalModel)

    @cached_property
    def credentials(self) -> keys.Credentials:
        return self._read("credentials", keys.Credentials)

    @cached_property
    def agent(self) -> keys.Agent:
        return self._read("agent", keys.Agent)

    @cached_property
    def logger(self) -> keys.Logger:
        return self._read("logger", keys.Logger)

    @cached_property
    def batcher(self) -> keys.Batcher:
        return self._read("batcher", keys.Batcher)

    @cached_property
    def router(self) -> keys.Router:
        return self._read("router", keys.Router)

    @cached_property
    def registry(self) -> keys.Registry:
        return self._read("registry", keys.Registry)

    @cached_property
    def network_policy(self) -> NetworkPolicy:
        return self._read("networkPolicy", NetworkPolicy)

    @cached_property
    def security_policy(self) -> SecurityPolicy:
        return self._read("securityPolicy", SecurityPolicy)

    @cached_property
    def metrics_aggregator(self) -> keys.MetricsAggregator:
        return self._read("metricsAggregator", keys.MetricsAggregator)

    def storage_initializer_resources(self) -> Object:
        """The `resources` of the download container; all four amounts must be set, or ConfigError."""
        return _complete_resources("storageInitializer", self.storage_initializer)

    def agent_resources(self) -> Object:
        return _complete_resources("agent", self.agent)

    def logger_resources(self) -> Object:
        return _complete_resources("logger", self.logger)

    def batcher_resources(self) -> Object:
        return _complete_resources("batcher", self.batcher)

    def router_resources(self) -> Object:
        return _complete_resources("router", self.router)

    def _read(self, key: str, model: type[Model], absent: Callable[[], Model] | None = None) -> Model:
        if not isinstance(self._data, Mapping):
            raise ConfigError(key, f"data of {CONFIG_MAP_NAME} must be an object, not {kind_of_value(self._data)}")
        if key not in self._data:
            return absent() if absent else model()
        prefix = _PREFIXES.get(key, f"unable to parse {key} config json: ")
        text = self._data[key]
        if not isinstance(text, str):
            raise ConfigError(key, f"{prefix}the value must be JSON text, not {kind_of_value(text)}")
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise ConfigError(key, f"{prefix}{error}") from error
        value = {} if value is None else value
        try:
            return model.model_validate(value)
        except ValidationError as error:
            raise ConfigError(key, _message(prefix, error, value)) from error


_ABSENT = Config(None)
_KNOWN: OrderedDict[tuple[str, str], Config] = OrderedDict()


def _message(prefix: str, error: ValidationError, value: Any) -> str:
    """A rule's own text alone; what has the wrong shape, after the prefix."""
    rules = [
        str(detail["ctx"]["error"]) for detail in error.errors(include_url=False) if detail["type"] == "value_error"
    ]
    return rules[0] if rules else prefix + sentence(describe(error, value))


def _complete_resources(key: str, section: ResourceMembers) -> Object:
    problem = section.unparsable()
    if problem:
        member, why = problem
        raise ConfigError(key, _RESOURCE_ERRORS[key].format(member=member, why=why))
    return section.resources()
