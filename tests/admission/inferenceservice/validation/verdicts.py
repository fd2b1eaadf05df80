"""Asking the validator, as short as a test can say it. `refused` answers every error as `field: message`."""

import copy

from kservectl.admission.inferenceservice.validation.validator import validate
from kservectl.admission.review import Verdict
from kservectl.api.config import Config
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import MODE, config

CLASS = "serving.kserve.io/autoscalerClass"
STANDARD = {MODE: "Standard"}
CONFIG = config()


def verdict(obj: Object, old: Object | None = None, settings: Config = CONFIG) -> Verdict:
    before = copy.deepcopy(obj)
    answer = validate(obj, old, settings)
    assert obj == before
    return answer


def refused(obj: Object, old: Object | None = None) -> list[str]:
    return [f"{error.field}: {error.message}" for error in verdict(obj, old).errors]


def only(obj: Object, old: Object | None = None) -> str:
    """The one error; anything but exactly one fails the test."""
    (error,) = refused(obj, old)
    return error


def allowed(obj: Object, old: Object | None = None) -> bool:
    return refused(obj, old) == []


PREDICTOR_CHOICE = (
    "exactly one of [Name, SKLearn, XGBoost, Tensorflow, PyTorch, Triton, ONNX, HuggingFace, PMML, LightGBM, Paddle, Model,"
    " StorageUris, StorageContainerName, WorkerSpec, PodSpec] must be specified in PredictorSpec"
)
