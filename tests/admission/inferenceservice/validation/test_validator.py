"""The validator as a whole."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kservectl.admission.review import Verdict
from tests.admission.inferenceservice.services import MODE, model, service
from tests.admission.inferenceservice.validation.verdicts import CLASS, refused, verdict


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
