"""Requests and limits that no pod can have are refused, and too little memory where a floor is configured."""

from typing import Any

import pytest

from tests.admission.inferenceservice.services import config, model, service
from tests.admission.inferenceservice.validation.verdicts import allowed, only, refused, verdict

FLOOR = config(inferenceService={"resourceByModelFormat": {"huggingface": {"memoryFloor": "4Gi"}}})


def resources(requests: Any = None, limits: Any = None) -> Any:
    return {"resources": {"requests": requests or {}, "limits": limits or {}}}


def test_a_request_above_its_limit_is_refused_with_both() -> None:
    told = only(service(model(**resources({"cpu": "2"}, {"cpu": "1500m"}))))
    assert told == "spec.predictor.model.resources.requests.cpu: 2 must be at most the limit of cpu, which is 1500m"


def test_equal_and_lower_requests_pass() -> None:
    assert allowed(service(model(**resources({"cpu": "1", "memory": "1Gi"}, {"cpu": "1000m", "memory": "2Gi"}))))
    assert allowed(service(model(**resources({"cpu": "9"}))))


def test_every_container_of_every_component_is_looked_at() -> None:
    bad = resources({"cpu": 2}, {"cpu": 1})
    obj = service(
        {**model(**bad), "containers": [{"name": "side", **bad}], "initContainers": [{"name": "i", **bad}]},
        transformer={"containers": [{"name": "t", **bad}]},
        explainer={"art": {"type": "SquareAttack", "storageUri": "gs://b", **bad}},
    )
    assert [text.partition(".resources")[0] for text in refused(obj)] == [
        "spec.predictor.model",
        "spec.predictor.containers[0]",
        "spec.predictor.initContainers[0]",
        "spec.transformer.containers[0]",
        "spec.explainer.art",
    ]


def test_what_cannot_be_shared_is_requested_as_it_is_limited() -> None:
    told = only(service(model(**resources({"nvidia.com/gpu": "1"}, {"nvidia.com/gpu": "2"}))))
    assert told.startswith(
        "spec.predictor.model.resources.requests[nvidia.com/gpu]: 1 must equal the limit, which is 2"
    )


@pytest.mark.parametrize("amount", ["much", "-1", "1 Gi", "", "9" * 10_000])
def test_an_amount_that_is_none_is_refused(amount: str) -> None:
    assert "is not a quantity of 0 or more" in only(service(model(**resources(limits={"memory": amount}))))


def test_a_service_that_was_taken_before_stays_changeable() -> None:
    old = service(model(**resources({"cpu": "2"}, {"cpu": "1"})))
    assert allowed(service(model(**resources({"cpu": "2"}, {"cpu": "1"})), labels={"a": "b"}), old)
    assert refused(service(model(**resources({"cpu": "3"}, {"cpu": "1"}))), old)


@pytest.mark.parametrize("given", [resources(limits={"memory": "2Gi"}), resources({"memory": "2Gi"})])
def test_less_memory_than_the_floor_of_the_format_is_refused(given: Any) -> None:
    (error,) = verdict(service(model("huggingface", **given)), settings=FLOOR).errors
    assert error.field.endswith("memory")
    assert error.message == "a model of the format huggingface needs at least 4Gi of memory, and 2Gi is less"


def test_the_limit_decides_where_there_is_one() -> None:
    enough = service(model("huggingface", **resources({"memory": "1Gi"}, {"memory": "4096Mi"})))
    assert verdict(enough, settings=FLOOR).errors == ()


def test_other_formats_and_unsaid_amounts_are_left_to_the_runtime() -> None:
    assert verdict(service(model("sklearn", **resources(limits={"memory": "1Mi"}))), settings=FLOOR).errors == ()
    assert verdict(service(model("huggingface")), settings=FLOOR).errors == ()


def test_canaries_have_the_same_floor() -> None:
    canary = {
        "trafficPercent": 10,
        "predictor": {"name": "next", **model("huggingface", **resources(limits={"memory": "1Gi"}))},
    }
    obj = service(model("huggingface"), canary=[canary], annotations={"serving.kserve.io/deploymentMode": "Standard"})
    assert [error.field for error in verdict(obj, settings=FLOOR).errors] == [
        "spec.canary[0].predictor.model.resources.limits.memory"
    ]
