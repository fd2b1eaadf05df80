"""Whether an InferenceService can serve a TrainedModel: three questions, each answered whatever the others say."""

from dataclasses import dataclass

from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.controllers.trainedmodel import parent
from kservectl.controllers.trainedmodel.parent import Parent
from kservectl.controllers.trainedmodel.siblings import is_granted, models_of, parent_name
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

SERVICE_READY = "InferenceServiceReady"
MULTI_MODEL = "IsMMSPredictor"
MEMORY_AVAILABLE = "MemoryResourceAvailable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. `reason`, `message` and `error` are KServe's words for the case that it is no."""

    condition: str
    holds: bool
    reason: str
    message: str
    error: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answers in their order."""

    parent: Parent
    findings: tuple[Finding, ...]

    @property
    def may_be_served(self) -> bool:
        return all(finding.holds for finding in self.findings)

    @property
    def has_memory(self) -> bool:
        return any(finding.holds for finding in self.findings if finding.condition == MEMORY_AVAILABLE)


def judge(model: Object, view: View) -> Judgement | None:
    """The judgement on `model`; None while there is no InferenceService of the name that it gives."""
    namespace, service = metadata.namespace(model), parent_name(model)
    found = view.get(INFERENCE_SERVICE, service, namespace)
    if found is None:
        return None
    read = parent.read(found)
    fits = read.memory is not None and is_granted(model, models_of(service, namespace, view), read.memory)
    cannot = f'Trained Model "{metadata.name(model)}" cannot deploy'
    return Judgement(
        read,
        (
            Finding(
                SERVICE_READY,
                read.is_ready,
                "InferenceServiceNotReady",
                "Inference Service needs to be ready before Trained Model can be ready",
                f'Inference Service "{service}" is not ready. {cannot}',
                f"Ask why: kservectl why inferenceservice/{service}. The model goes on by itself.",
            ),
            Finding(
                MULTI_MODEL,
                read.is_multi_model,
                "IsNotMMSPredictor",
                "Inference Service predictor is not configured for multi-model serving",
                f'Inference Service "{service}" predictor is not configured for multi-model serving. {cannot}',
                f"Name an InferenceService whose predictor has no storageUri of its own, or remove it from {service}.",
            ),
            Finding(
                MEMORY_AVAILABLE,
                fits,
                "MemoryResourceNotAvailable",
                "Inference Service does not have enough memory resources for Trained Model",
                f'Inference Service "{service}" memory resources are not available. {cannot}',
                f"Raise the memory limit of the predictor of {service}, or delete models that it serves.",
            ),
        ),
    )
