"""When a component gets its scaler, and what a change from one to another is like: one scaler, and no gap."""

from typing import Any

import pytest

from kservectl.api.kinds import SCALED_OBJECT
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, Kind
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import KINDS, World, model, runtime, service

NAME = "iris-predictor"


def world(class_: str = "hpa", **predictor: Any) -> World:
    obj = service({**model(), **predictor}, annotations={"serving.kserve.io/autoscalerClass": class_})
    made = World(obj, runtime(), kinds=(*KINDS, SCALED_OBJECT))
    made.settle()
    return made


def size(made: World) -> Any:
    return made.child(DEPLOYMENT, NAME)["spec"].get("replicas")


def run_at(made: World, replicas: int, *, set_by_us: bool) -> None:
    """The Deployment has this size, and the server's record says who gave it."""
    live = made.child(DEPLOYMENT, NAME)
    fields: Object = {"f:spec": {"f:template": {}, **({"f:replicas": {}} if set_by_us else {})}}
    live["spec"]["replicas"] = replicas
    live["metadata"]["managedFields"] = [{"manager": "kservectl", "operation": "Apply", "fieldsV1": fields}]


def desired_replicas(made: World) -> Any:
    (deployment,) = [obj for obj in made.decide().desired if obj["kind"] == "Deployment"]
    return deployment["spec"].get("replicas")


def scalers(made: World) -> list[str]:
    return [kind for kind, _ in made.children if kind in ("HorizontalPodAutoscaler", "ScaledObject")]


@pytest.mark.parametrize(("class_", "scaler"), [("hpa", HORIZONTAL_POD_AUTOSCALER), ("keda", SCALED_OBJECT)])
def test_nothing_scales_a_deployment_that_the_server_does_not_take(class_: str, scaler: Kind) -> None:
    made = world(class_)
    made.children.clear()
    for _ in range(3):
        made.step()
        made.children.pop(("Deployment", NAME))
        assert scalers(made) == []

    made.step()
    made.step()
    assert scalers(made) == [scaler.kind]


@pytest.mark.parametrize("class_", ["hpa", "keda"])
def test_scaler_stays_while_its_deployment_is_made_anew(class_: str) -> None:
    made = world(class_)
    before = scalers(made)
    made.children.pop(("Deployment", NAME))
    made.step()

    assert scalers(made) == before


@pytest.mark.parametrize("before", ["hpa", "keda", "external", "none"])
@pytest.mark.parametrize("after", ["hpa", "keda", "external", "none"])
def test_switching_leaves_one_scaler_and_never_two(before: str, after: str) -> None:
    expected = {"hpa": ["HorizontalPodAutoscaler"], "keda": ["ScaledObject"]}
    made = world(before)
    assert scalers(made) == expected.get(before, [])
    made.annotate(scaler=after)
    for _ in range(3):
        made.step()
        assert len(scalers(made)) <= 1
    assert scalers(made) == expected.get(after, [])


def test_keda_waits_until_the_hpa_is_gone_because_it_refuses_to_share() -> None:
    made = world("hpa")
    made.annotate(scaler="keda")
    first = made.decide()
    assert not {"HorizontalPodAutoscaler", "ScaledObject"} & {obj["kind"] for obj in first.desired}
    assert first.complete
    made.step()
    made.step()
    assert scalers(made) == ["ScaledObject"]


def test_keda_does_not_wait_for_an_hpa_that_is_not_ours() -> None:
    made = world("keda")
    made.children.clear()
    made.others.append(
        {
            "apiVersion": HORIZONTAL_POD_AUTOSCALER.api_version,
            "kind": HORIZONTAL_POD_AUTOSCALER.kind,
            "metadata": {"name": NAME, "namespace": "ml"},
        }
    )
    made.step()
    made.step()
    assert scalers(made) == ["ScaledObject"]


@pytest.mark.parametrize("after", ["hpa", "keda", "external"])
def test_size_that_we_set_stays_until_the_new_scaler_sets_another(after: str) -> None:
    made = world("none", minReplicas=5)
    assert size(made) == 5
    run_at(made, 5, set_by_us=True)
    made.annotate(scaler=after)
    assert desired_replicas(made) == 5

    run_at(made, 7, set_by_us=False)
    assert desired_replicas(made) is None


def test_size_stays_when_a_fixed_minimum_is_taken_back() -> None:
    made = world("none", minReplicas=5)
    run_at(made, 5, set_by_us=True)
    made.edit(model())
    assert desired_replicas(made) == 5


def test_size_that_somebody_else_set_is_left_to_them() -> None:
    made = world("hpa")
    run_at(made, 3, set_by_us=False)
    assert desired_replicas(made) is None
    made.annotate(scaler="external")
    assert desired_replicas(made) is None


def test_component_that_keda_scaled_to_zero_is_woken_for_its_hpa() -> None:
    made = world("keda", minReplicas=0)
    run_at(made, 0, set_by_us=False)
    made.annotate(scaler="hpa")
    assert desired_replicas(made) == 1


def test_component_that_a_person_scaled_to_zero_stays_so() -> None:
    made = world("hpa")
    run_at(made, 0, set_by_us=False)
    assert desired_replicas(made) is None


def test_fixed_size_follows_the_minimum() -> None:
    made = world("none", minReplicas=2)
    run_at(made, 2, set_by_us=True)
    made.edit({**model(), "minReplicas": 4})
    assert desired_replicas(made) == 4


def test_hpa_as_before_while_nothing_changes() -> None:
    made = world("hpa")
    before: Object = made.child(HORIZONTAL_POD_AUTOSCALER, NAME)
    made.step()
    assert made.child(HORIZONTAL_POD_AUTOSCALER, NAME)["spec"] == before["spec"]
