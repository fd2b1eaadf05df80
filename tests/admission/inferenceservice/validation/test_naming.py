"""Names, and annotations that decide how a service runs."""

import copy

import pytest

from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import MODE, model, service
from tests.admission.inferenceservice.validation.verdicts import CLASS, STANDARD, allowed, only, refused


@pytest.mark.parametrize("name", ["abc-123", "a", "x" * 48])
def test_good_names_pass(name: str) -> None:
    assert allowed(service(model(), name=name))


@pytest.mark.parametrize("name", ["1abcde", "abc.de", "-a", "a-", "A", "a\n"])
def test_a_name_that_is_no_dns_label_is_refused(name: str) -> None:
    error = only(service(model(), name=name))
    assert error.startswith(
        f'metadata.name: the InferenceService "{name}" is invalid: a InferenceService name must consist of'
    )


def test_a_name_leaves_room_for_the_names_derived_from_it() -> None:
    assert "pods are labelled" in only(service(model(), name="x" * 49))
    assert allowed(service(model(), name="x" * 40))
    long_canary = [{"trafficPercent": 1, "predictor": {"name": "y" * 20, **model()}}]
    assert "5 characters shorter" in only(service(model(), name="x" * 32, canary=long_canary, annotations=STANDARD))


@pytest.mark.parametrize("value", ["test", "", "kpa"])
def test_an_unknown_autoscaler_class_is_refused(value: str) -> None:
    error = only(service(model(), annotations={CLASS: value}))
    assert f"[{value}] is not a supported autoscaler class type; use one of hpa, external, keda, none" in error


@pytest.mark.parametrize(
    ("status", "annotation", "ok"),
    [
        ("Knative", "Standard", False),
        ("Knative", "Knative", True),
        ("RawDeployment", "Standard", True),
        ("Serverless", "Knative", True),
        ("RawDeployment", "Knative", False),
        ("Standard", "Serverless", False),
        (None, "Knative", True),
        (None, "Serverless", True),
        (None, "Standard", True),
        (None, None, True),
        ("Knative", None, True),
    ],
)
def test_the_deployment_mode_stays_as_it_started(status: str | None, annotation: str | None, ok: bool) -> None:
    notes = {} if annotation is None else {MODE: annotation}
    old = service(model(), status={} if status is None else {"deploymentMode": status})
    errors = refused(service(model(), annotations=notes), old)
    assert bool(errors) != ok
    if not ok:
        assert "update rejected: deploymentMode cannot be changed from" in errors[0]


def test_an_unknown_deployment_mode_is_refused_when_it_is_new() -> None:
    odd = service(model(), annotations={MODE: "Odd"})
    assert "[Odd] is not a supported deployment mode; use one of Standard, Knative, ModelMesh" in only(odd)
    assert only(odd, service(model()))
    assert allowed(odd, copy.deepcopy(odd))


@pytest.mark.parametrize(
    ("new", "ok"),
    [
        ({"name": "b"} | model(), False),
        ({"name": "b"} | model(storageUri="gs://b/new"), True),
        ({"name": "b"} | model("onnx"), True),
        ({"name": "b"} | model() | {"storageUris": [{"uri": "gs://x", "mountPath": "/mnt/x"}]}, None),
        ({"name": "a"} | model(storageUri="gs://b/new"), True),
        ({"name": "a"} | model(), True),
        (model(), False),
    ],
)
def test_a_predictor_is_renamed_only_together_with_its_model(new: Object, ok: bool | None) -> None:
    errors = refused(service(new), service({"name": "a"} | model()))
    renamed = [error for error in errors if "predictor.name change requires a model change (e.g. storageUri)" in error]
    assert renamed == [] if ok is not False else len(renamed) == 1
