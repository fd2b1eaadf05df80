"""The validator as a whole."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.admission.review import Verdict
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import MODE, model, service
from tests.admission.inferenceservice.validation.verdicts import CLASS, STANDARD, allowed, only, refused, verdict


def test_an_object_that_is_being_deleted_is_always_allowed() -> None:
    broken = service({}, name="1", annotations={MODE: "Standard"}, deletionTimestamp="2026-01-01T00:00:00Z")
    assert verdict(broken, service(model(), status={"deploymentMode": "Knative"})) == Verdict()


def test_several_problems_are_reported_together() -> None:
    errors = refused(
        service(model() | {"minReplicas": -1, "containerConcurrency": -1}, name="1x", annotations={CLASS: "x"})
    )
    assert [error.split(":")[0] for error in errors] == [
        "metadata.name",
        f"metadata.annotations[{CLASS}]",
        "spec.predictor.containerConcurrency",
        "spec.predictor.minReplicas",
    ]


def test_what_has_the_wrong_shape_is_refused_where_it_is() -> None:
    errors = refused(service({"model": {"modelFormat": {"name": 5}}, "minReplicas": "two"}))
    assert [error.split(":")[0] for error in errors] == [
        "spec.predictor.minReplicas",
        "spec.predictor.model.modelFormat.name",
    ]
    assert "must be a whole number, not 'two'" in errors[0]


FIELDS = [
    *(
        "predictor",
        "model",
        "sklearn",
        "triton",
        "containers",
        "transformer",
        "explainer",
        "art",
        "canary",
        "workerSpec",
    ),
    *("resources", "limits", "requests", "cpu", "logger", "storage", "modelFormat", "name", "env", "storageUri"),
    *(
        "storageUris",
        "autoScaling",
        "metrics",
        "type",
        "resource",
        "target",
        "minReplicas",
        "confidential",
        "uri",
        "mountPath",
    ),
]
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 200)
    | st.sampled_from(["", "v1", "kserve-container", "1Gi", "pvc://x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(spec=values, notes=values, mode=st.sampled_from(["Standard", "Knative"]))
def test_any_json_gets_a_verdict(spec: Any, notes: Any, mode: str) -> None:
    obj = {"metadata": {"name": "x", "annotations": notes}, "spec": spec}
    annotated = {"metadata": {"name": "x", "annotations": {MODE: mode, CLASS: "keda"}}, "spec": spec}
    for subject in (obj, annotated):
        assert isinstance(verdict(subject, subject), Verdict)


STRICTER = [
    service(model(), name="x" * 55),
    service(model() | {"canaryTrafficPercent": 130}, annotations={MODE: "Knative"}),
    service(model() | {"scaleTarget": 140}, annotations=STANDARD),
    service(
        {
            "model": {"modelFormat": {"name": "sklearn"}},
            "storageUris": [{"uri": "gs://a", "mountPath": "/mnt/a"}, {"uri": "gs://b", "mountPath": "/mnt/a"}],
        }
    ),
    service(
        model(),
        canary=[{"trafficPercent": 1, "predictor": {"name": "c", **model(env=[{"name": "PYTHONPATH"}])}}],
        annotations=STANDARD,
    ),
    service(model() | {"timeout": "10s"}),
]


@pytest.mark.parametrize("taken", STRICTER)
def test_a_service_that_kserve_took_stays_changeable(taken: Object) -> None:
    assert refused(taken), "a new one is refused"
    changed = copy.deepcopy(taken)
    changed["metadata"].setdefault("annotations", {})["mine"] = "new"
    assert allowed(changed, taken)
    worse = changed | {"spec": changed["spec"] | {"explainer": {"art": {}, "minReplicas": -1}}}
    assert "spec.explainer.minReplicas: 'MinReplicas' cannot be less than 0" in only(worse, taken)


def test_kserves_own_rules_hold_on_every_update() -> None:
    broken = service(model() | {"minReplicas": -1})
    assert only(copy.deepcopy(broken), broken)
