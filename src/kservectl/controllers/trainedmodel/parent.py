"""What a TrainedModel needs to know of the InferenceService that is to serve it."""

from dataclasses import dataclass
from fractions import Fraction

from kservectl.api.config_keys import STANDARD
from kservectl.api.errors import Malformed
from kservectl.api.inferenceservice import InferenceService, PredictorSpec, framework_protocol
from kservectl.controllers.inferencegraph.endpoint import protocol_of_containers
from kservectl.controllers.inferenceservice.component import MAIN_CONTAINER, predictor_component
from kservectl.controllers.inferenceservice.versions.history import revision_name
from kservectl.controllers.inferenceservice.versions.rollback import ROLLED_BACK
from kservectl.objects import metadata, quantity
from kservectl.objects.metadata import Object

_PATHS = {"v1": "/v1/models/{}:predict", "v2": "/v2/models/{}/infer"}
_V2_FORMATS = ("triton", "huggingface")


@dataclass(frozen=True, slots=True)
class Parent:
    """An InferenceService. `memory` is the limit of its model server in bytes, None where it has no predictor to speak of."""

    object: Object
    is_multi_model: bool
    memory: Fraction | None
    protocol: str

    @property
    def is_ready(self) -> bool:
        return self._is_true("Ready")

    @property
    def url(self) -> str:
        return str(self._status.get("url") or "")

    @property
    def address(self) -> str:
        return str((self._status.get("address") or {}).get("url") or "")

    def _kept_version(self) -> str:
        """The ControllerRevision of the spec; empty where there is none, or another version is served."""
        if self._status.get("deploymentMode") not in (None, STANDARD) or self._is_true(ROLLED_BACK):
            return ""
        return revision_name(self.object, self.object.get("spec") or {})

    def _is_true(self, condition: str) -> bool:
        conditions = self._status.get("conditions") or ()
        return any(entry.get("type") == condition and entry.get("status") == "True" for entry in conditions)

    @property
    def _status(self) -> Object:
        found: Object = self.object.get("status") or {}
        return found

    def path_of(self, model: str) -> str:
        """Where the service answers for `model`; empty for protocols that name the model elsewhere (gRPC)."""
        return _PATHS.get(self.protocol, "").format(model)

    def lineage(self, config_map: str) -> Object:
        """What serves the models, for their status."""
        predictor = (self._status.get("components") or {}).get("predictor") or {}
        told = {
            "configMap": config_map,
            "servingRuntimeName": self._status.get("servingRuntimeName"),
            "clusterServingRuntimeName": self._status.get("clusterServingRuntimeName"),
            "inferenceServiceGeneration": metadata.generation(self.object),
            "revision": predictor.get("latestReadyRevision") or self._kept_version(),
        }
        return {name: value for name, value in told.items() if value}


def read(service: Object) -> Parent:
    """What `service` says; one that cannot be read serves no models."""
    try:
        predictor = InferenceService.parse({"spec": service.get("spec")}).spec.predictor
    except Malformed:
        return Parent(service, is_multi_model=False, memory=None, protocol="")
    return Parent(
        service,
        is_multi_model=predictor_component(predictor).is_multi_model,
        memory=_memory(predictor),
        protocol=_protocol(predictor),
    )


def _memory(predictor: PredictorSpec) -> Fraction | None:
    implementation = predictor.implementation()
    if implementation is not None:
        server = implementation.container()
    else:
        containers = predictor.containers or []
        if not containers:
            return None
        server = next((each for each in containers if each.get("name") == MAIN_CONTAINER), {})
    limit = ((server.get("resources") or {}).get("limits") or {}).get("memory", 0)
    try:
        return quantity.parse(limit)
    except quantity.InvalidQuantity:
        return Fraction(0)


def _protocol(predictor: PredictorSpec) -> str:
    for framework, spec in predictor.frameworks().items():
        return framework_protocol(framework, spec)
    model = predictor.model
    if model is None:
        return protocol_of_containers(predictor.containers or [])
    return model.protocol_version or ("v2" if model.model_format.name in _V2_FORMATS else "v1")
