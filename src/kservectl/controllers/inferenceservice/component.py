"""The components of an InferenceService as its spec has them, and the names of the objects that each becomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kservectl.api.component import Batcher, LoggerSpec, ModelStorageSpec, StorageUri
from kservectl.api.inferenceservice import (
    ArtExplainerSpec,
    ExplainerSpec,
    InferenceServiceSpec,
    ModelSpec,
    PredictorSpec,
    TransformerSpec,
    WorkerSpec,
)
from kservectl.objects.metadata import Object

Role = Literal["predictor", "transformer", "explainer"]

MAIN_CONTAINER = "kserve-container"
TRANSFORMER_CONTAINER = "transformer-container"
WORKER_CONTAINER = "worker-container"

_V2_WHEN_CONVERTED = frozenset({"triton", "onnx", "huggingface"})
_V2_WHEN_WRITTEN = frozenset({"triton", "vLLM"})


def component_name(service: str, role: Role, own_name: str = "") -> str:
    """The name shared by the Deployment, Service and autoscaler of a component of the InferenceService `service`."""
    return f"{service}-{own_name}-{role}" if own_name else f"{service}-{role}"


def in_cluster_host(service: str, namespace: str, cluster_domain: str) -> str:
    """The DNS name of a Service inside the cluster."""
    return f"{service}.{namespace}.svc.{cluster_domain}"


@dataclass(frozen=True, slots=True)
class Component:
    """One component's spec. `model` is the predictor's model, a legacy framework field converted to one."""

    role: Role
    spec: PredictorSpec | TransformerSpec | ExplainerSpec
    model: ModelSpec | None = None

    @property
    def own_name(self) -> str:
        """The name that a predictor may have beside the service's."""
        return (self.spec.name or "") if isinstance(self.spec, PredictorSpec) else ""

    @property
    def worker_spec(self) -> WorkerSpec | None:
        """What a predictor on several nodes asks of its workers; None on a single node."""
        return self.spec.worker_spec if isinstance(self.spec, PredictorSpec) else None

    @property
    def pod(self) -> Object:
        """The fields of Kubernetes' PodSpec that are written beside the component's own."""
        return self.spec.pod_spec()

    @property
    def containers(self) -> list[Object]:
        return self.spec.containers or []

    @property
    def labels(self) -> Mapping[str, str]:
        return self.spec.labels or {}

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.spec.annotations or {}

    @property
    def logger(self) -> LoggerSpec | None:
        return self.spec.logger

    @property
    def batcher(self) -> Batcher | None:
        return self.spec.batcher

    @property
    def storage_uris(self) -> list[StorageUri]:
        return self.spec.storage_uris or []

    @property
    def storage_container(self) -> str:
        """The ClusterStorageContainer that the predictor names; empty when one is found by the URI."""
        return (self.spec.storage_container_name or "") if isinstance(self.spec, PredictorSpec) else ""

    @property
    def art(self) -> ArtExplainerSpec | None:
        """The explainer that KServe ships, where that is asked for."""
        return self.spec.art if isinstance(self.spec, ExplainerSpec) else None

    @property
    def storage_uri(self) -> str | None:
        """Where the model comes from: the model's own field, or `STORAGE_URI` of a custom server's container."""
        if self.model is not None:
            return self.model.storage_uri
        if self.art is not None:
            return self.art.storage_uri
        return env_value(self._custom_server(), "STORAGE_URI")

    @property
    def storage(self) -> ModelStorageSpec | None:
        return self.model.storage if self.model is not None else None

    @property
    def is_multi_node(self) -> bool:
        return isinstance(self.spec, PredictorSpec) and self.spec.worker_spec is not None

    @property
    def is_multi_model(self) -> bool:
        """Whether the predictor serves TrainedModels instead of a model of its own."""
        if self.role != "predictor":
            return False
        if self.containers:
            return env_value(self.containers[0], "MULTI_MODEL_SERVER") == "true"
        if self.model is None or self.model.model_format.name == "huggingface":
            return False
        return self.model.storage_uri is None and self.storage is None and not self.storage_uris

    def _custom_server(self) -> Object:
        if self.role == "predictor":
            for container in self.containers:
                if container.get("name") == MAIN_CONTAINER:
                    return container
        return self.containers[0] if self.containers else {}


def components_of(spec: InferenceServiceSpec) -> list[Component]:
    """All components that the spec has, the predictor first."""
    found = [predictor_component(spec.predictor)]
    if spec.transformer is not None:
        found.append(Component("transformer", spec.transformer))
    if spec.explainer is not None:
        found.append(Component("explainer", spec.explainer))
    return found


def predictor_component(spec: PredictorSpec) -> Component:
    """The predictor, with a legacy framework field as the `model` that the defaulting webhook makes of it."""
    for framework, legacy in spec.frameworks().items():
        converted = ModelSpec.parse({**legacy.to_object(), "modelFormat": {"name": framework}})
        return Component("predictor", spec, _with_protocol(converted, framework in _V2_WHEN_CONVERTED))
    if spec.model is None:
        return Component("predictor", spec)
    return Component("predictor", spec, _with_protocol(spec.model, spec.model.model_format.name in _V2_WHEN_WRITTEN))


def env_value(container: Object, name: str) -> str | None:
    """The literal value of an environment variable; None when it is absent or comes from elsewhere."""
    for entry in container.get("env") or ():
        if entry.get("name") == name:
            value = entry.get("value")
            return None if value is None else str(value)
    return None


def _with_protocol(model: ModelSpec, is_v2: bool) -> ModelSpec:
    return model.model_copy(update={"protocol_version": "v2"}) if is_v2 and model.protocol_version is None else model
