"""The two InferenceService webhooks: where requests, caches and configuration meet the pure defaulter and validator.

An object that is being deleted passes both untouched: a broken configuration must not keep a finalizer from being removed.
"""

from collections.abc import Sequence

from kservectl.admission.inferenceservice import local_model
from kservectl.admission.inferenceservice.defaulting import default
from kservectl.admission.inferenceservice.validation.validator import validate
from kservectl.admission.review import AdmissionRequest, Denied, Verdict
from kservectl.admission.server import Mutating, Validating, Webhook
from kservectl.api.config import CONFIG_MAP_NAME, Config, ConfigError
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

DEFAULTER_PATH = "/mutate-serving-kserve-io-v1beta1-inferenceservice"
VALIDATOR_PATH = "/validate-serving-kserve-io-v1beta1-inferenceservice"


def webhooks(system_namespace: str) -> Sequence[Webhook]:
    """The InferenceService's webhooks; the configuration is that of `system_namespace`."""

    def mutate(request: AdmissionRequest, view: View) -> Object | Denied:
        obj = request.object or {}
        if metadata.is_deleting(obj):
            return obj
        # The object may not say its namespace yet; the request does.
        namespace = request.namespace or metadata.namespace(obj)
        creating = request.operation == "CREATE"
        config = configuration(view, system_namespace)
        try:
            return default(obj, config, creating=creating, caches=local_model.caches_in(view, namespace))
        except ConfigError as problem:
            return misconfigured(config, problem, system_namespace)

    def judge(request: AdmissionRequest, view: View) -> Verdict | Denied:
        if request.object is None:
            return Verdict()  # a deletion
        config = configuration(view, system_namespace)
        try:
            return validate(request.object, request.old_object, config)
        except ConfigError as problem:
            return misconfigured(config, problem, system_namespace)

    return Mutating(DEFAULTER_PATH, mutate), Validating(VALIDATOR_PATH, judge)


def configuration(view: View, system_namespace: str) -> Config:
    """KServe's configuration as the cache has it."""
    return Config.of(view.get(CONFIG_MAP, CONFIG_MAP_NAME, system_namespace))


def misconfigured(config: Config, problem: ConfigError, system_namespace: str) -> Denied:
    """The refusal of a request that cannot be decided as long as the configuration is broken, or not there."""
    where = f"ConfigMap {system_namespace}/{CONFIG_MAP_NAME}"
    if config.missing:
        message = f"{where} does not exist, and its key {problem.key} is needed; create it and try again"
    else:
        message = f"key {problem.key} of {where} cannot be used: {problem.message}; correct it and try again"
    return Denied(message, code=500, reason="InternalError")
