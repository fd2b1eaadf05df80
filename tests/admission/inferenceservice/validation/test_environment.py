"""What a user may not set in containers."""

from typing import Any

import pytest

from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import model, service
from tests.admission.inferenceservice.validation.verdicts import CLASS, STANDARD, allowed, only


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("spec.predictor.model", {"predictor": model(env=[{"name": "PYTHONPATH"}])}),
        (
            "spec.predictor.containers[0]",
            {"predictor": {"containers": [{"name": "mine", "env": [{"name": "PYTHONPATH"}]}]}},
        ),
        (
            "spec.predictor.initContainers[0]",
            {"predictor": model() | {"initContainers": [{"name": "mine", "env": [{"name": "PYTHONPATH"}]}]}},
        ),
        (
            "spec.transformer.containers[0]",
            {"predictor": model(), "transformer": {"containers": [{"name": "mine", "env": [{"name": "PYTHONPATH"}]}]}},
        ),
        ("spec.explainer.art", {"predictor": model(), "explainer": {"art": {"env": [{"name": "PYTHONPATH"}]}}}),
        (
            "spec.canary[0].predictor.model",
            {
                "predictor": model(),
                "canary": [{"trafficPercent": 1, "predictor": {"name": "c", **model(env=[{"name": "PYTHONPATH"}])}}],
            },
        ),
    ],
)
def test_no_container_may_set_pythonpath(path: str, spec: Object) -> None:
    error = only(service(annotations=STANDARD, **spec))
    assert error.startswith(f"{path}.env[0].name: ")
    assert "setting PYTHONPATH in container" in error and "is not allowed for security reasons" in error


def test_worker_containers_may_not_set_pythonpath_either() -> None:
    worker = {"containers": [{"name": "worker-container", "env": [{"name": "PYTHONPATH"}]}]}
    predictor = model(storageUri="pvc://claim") | {"workerSpec": worker}
    error = only(service(predictor, annotations=STANDARD | {CLASS: "none"}))
    assert 'in container "worker-container"' in error


def test_other_environment_is_free() -> None:
    assert allowed(service(model(env=[{"name": "PYTHONPATHS", "value": "x"}, {"name": "pythonpath"}])))


def test_a_collocated_transformer_downloads_nothing() -> None:
    def predictor(server: Any, transformer: Any) -> Object:
        return {
            "containers": [
                {"name": "kserve-container", "env": server},
                {"name": "transformer-container", "env": transformer},
            ]
        }

    uri = [{"name": "STORAGE_URI", "value": "gs://b/m"}]
    assert "storage uri should not be specified in transformer container" in only(service(predictor([], uri)))
    assert allowed(service(predictor(uri, [])))
    assert allowed(service(predictor([], [])))


def test_a_framework_has_no_container_name() -> None:
    error = only(service(model(name="invalid-name")))
    assert error.startswith("spec.predictor.model.name: the 'name' field is not allowed in standard predictor")
    assert allowed(service(model(name="")))
