"""The Knative Service of a component: names, labels, annotations, pod, traffic."""

import json
from typing import Any

import pytest

from kservectl.api.kinds import KNATIVE_SERVICE
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.knative.serverless import ServerlessWorld, config, knative_config
from tests.controllers.inferenceservice.world import model, runtime, service


def built(predictor: Object | None = None, **meta: Any) -> Object:
    world = ServerlessWorld(service(predictor, **meta))
    world.step()
    return world.serverless()


def test_new_service_gets_one_knative_service_and_nothing_of_standard_mode() -> None:
    world = ServerlessWorld()
    world.step()

    assert world.names_of(KNATIVE_SERVICE) == ["iris-predictor"]
    assert {kind for kind, _ in world.children} == {"Service"}
    assert world.serverless()["metadata"]["namespace"] == "ml"
    assert world.serverless()["metadata"]["labels"] == {
        "component": "predictor",
        "serving.kserve.io/inferenceservice": "iris",
    }
    assert world.template()["metadata"]["annotations"] == {
        "autoscaling.knative.dev/class": "kpa.autoscaling.knative.dev",
        "autoscaling.knative.dev/min-scale": "1",
        "internal.serving.kserve.io/storage-initializer-sourceuri": "gs://bucket/iris",
    }
    assert world.serverless()["spec"]["traffic"] == [{"latestRevision": True, "percent": 100}]


def test_pod_is_passed_on_as_it_is() -> None:
    predictor = {**model(), "imagePullSecrets": [{"name": "pull"}], "automountServiceAccountToken": False}
    spec = built(predictor)["spec"]["template"]["spec"]

    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert spec["automountServiceAccountToken"] is False
    assert "terminationMessagePath" not in spec["containers"][0]
    assert not spec.keys() & {"timeoutSeconds", "responseStartTimeoutSeconds", "containerConcurrency"}


def test_account_under_its_name_of_old_is_one_that_knative_knows() -> None:
    spec = built({**model(), "serviceAccount": "reader"})["spec"]["template"]["spec"]

    assert spec["serviceAccountName"] == "reader"
    assert "serviceAccount" not in spec


def test_timeout_and_concurrency_are_passed_to_knative() -> None:
    spec = built({**model(), "timeout": 90, "containerConcurrency": 3})["spec"]["template"]["spec"]

    assert (spec["timeoutSeconds"], spec["responseStartTimeoutSeconds"], spec["containerConcurrency"]) == (90, 90, 3)


def test_visibility_stays_on_the_service_and_off_its_revisions() -> None:
    found = built(labels={"networking.knative.dev/visibility": "cluster-local", "team": "a", "app": "mine"})

    assert found["metadata"]["labels"]["networking.knative.dev/visibility"] == "cluster-local"
    assert found["spec"]["template"]["metadata"]["labels"] == {
        "app": "mine",
        "component": "predictor",
        "serving.kserve.io/inferenceservice": "iris",
        "team": "a",
    }


def test_labels_and_annotations_of_the_component_win_over_the_service_over_the_runtime() -> None:
    predictor = {**model(), "labels": {"a": "component"}, "annotations": {"x": "component"}}
    own: dict[str, Any] = {"labels": {"a": "service", "b": "service"}, "annotations": {"x": "service", "y": "service"}}
    below = runtime(labels=dict.fromkeys("abc", "runtime"), annotations=dict.fromkeys("xyz", "runtime"))
    world = ServerlessWorld(service(predictor, **own), below, knative_config())
    world.step()
    meta = world.template()["metadata"]

    assert {key: meta["labels"][key] for key in "abc"} == {"a": "component", "b": "service", "c": "runtime"}
    assert {key: meta["annotations"][key] for key in "xyz"} == {"x": "component", "y": "service", "z": "runtime"}


def test_managed_annotations_are_moved_to_the_service() -> None:
    managed = {
        "serving.knative.dev/rollout-duration": "60s",
        "serving.knative.openshift.io/enablePassthrough": "true",
    }
    found = built(annotations={**managed, "other": "stays"})

    assert found["metadata"]["annotations"] == managed
    annotations = found["spec"]["template"]["metadata"]["annotations"]
    assert annotations["other"] == "stays"
    assert not managed.keys() & annotations.keys()


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, {"min-scale": "1"}),
        ({"minReplicas": 0}, {"min-scale": "0"}),
        ({"minReplicas": 2, "maxReplicas": 5}, {"min-scale": "2", "max-scale": "5"}),
        ({"maxReplicas": 0}, {"min-scale": "1"}),
        ({"scaleTarget": 7, "scaleMetric": "rps"}, {"min-scale": "1", "target": "7", "metric": "rps"}),
    ],
)
def test_scaling_is_told_by_annotations(fields: Object, wanted: dict[str, str]) -> None:
    found = built({**model(), **fields})["spec"]["template"]["metadata"]["annotations"]

    prefix = "autoscaling.knative.dev/"
    told = {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}
    assert told == {"class": "kpa.autoscaling.knative.dev", **wanted}


def test_bounds_by_annotation_are_not_followed_and_a_class_is() -> None:
    prefix = "autoscaling.knative.dev/"
    own = {f"{prefix}min-scale": "9", f"{prefix}max-scale": "9", f"{prefix}class": "hpa.autoscaling.knative.dev"}
    found = built({**model(), "annotations": own, "maxReplicas": 2}, annotations=own)
    annotations = found["spec"]["template"]["metadata"]["annotations"]

    assert annotations[f"{prefix}min-scale"] == "1"
    assert annotations[f"{prefix}max-scale"] == "2"
    assert annotations[f"{prefix}class"] == "hpa.autoscaling.knative.dev"


@pytest.mark.parametrize("where", ["service", "component"])
@pytest.mark.parametrize(
    ("value", "allowed", "kept"),
    [
        ("0", "false", False),
        ("0", "true", True),
        ("0", "", False),
        ("3", "false", True),
        ("-1", "false", True),
        ("+2", "true", True),
        ("two", "true", False),
        (" 1", "true", False),
        ("1_0", "true", False),
    ],
)
def test_initial_scale_that_knative_would_refuse_is_dropped(value: str, allowed: str, kept: bool, where: str) -> None:
    own = {"autoscaling.knative.dev/initial-scale": value}
    predictor = {**model(), "annotations": own} if where == "component" else model()
    platform = knative_config(**({"allow-zero-initial-scale": allowed} if allowed else {}))
    world = ServerlessWorld(service(predictor, annotations=own if where == "service" else {}), runtime(), platform)
    world.step()
    found = world.template()["metadata"]["annotations"]

    assert found.get("autoscaling.knative.dev/initial-scale") == (value if kept else None)


def test_port_that_is_given_twice_is_given_once() -> None:
    ports = [{"containerPort": 8080, "protocol": "TCP", "name": "a"}, {"containerPort": 8080, "name": "h2c"}]
    container = {"name": "kserve-container", "image": "server", "ports": ports}
    found = built({"containers": [container]})["spec"]["template"]["spec"]["containers"][0]

    assert found["ports"] == [{"containerPort": 8080, "name": "h2c"}]


def with_several_sources(**meta: Any) -> Object:
    """The template of a service with `storageUris`."""
    predictor = {"model": {"modelFormat": {"name": "sklearn"}}, "storageUris": [{"uri": "gs://a/b"}]}
    amounts = {"memoryRequest": "1Gi", "memoryLimit": "1Gi", "cpuRequest": "1", "cpuLimit": "1"}
    given = config()
    given["data"]["storageInitializer"] = json.dumps(amounts)
    world = ServerlessWorld(service(predictor, **meta), config_=given)
    world.step()
    return world.template()


def test_several_sources_are_put_into_the_pod() -> None:
    spec = with_several_sources()["spec"]

    assert [each["name"] for each in spec["initContainers"]] == ["storage-initializer"]


def test_transformer_and_explainer_get_knative_services_and_know_the_predictor() -> None:
    world = ServerlessWorld()
    container = {"name": "kserve-container", "image": "server"}
    world.edit_spec(transformer={"containers": [container]}, explainer={"containers": [container]})
    world.step()

    assert world.names_of(KNATIVE_SERVICE) == ["iris-explainer", "iris-predictor", "iris-transformer"]
    for name in ("iris-explainer", "iris-transformer"):
        args = world.template(name)["spec"]["containers"][0]["args"]
        assert args[args.index("--predictor_host") + 1] == "iris-predictor.ml"


def test_transformer_beside_the_server_shares_its_knative_service() -> None:
    containers = [
        {"name": "kserve-container", "image": "server"},
        {"name": "transformer-container", "image": "transformer", "ports": [{"containerPort": 8080}]},
    ]
    world = ServerlessWorld(service({"containers": containers}))
    world.step()

    assert world.names_of(KNATIVE_SERVICE) == ["iris-predictor"]
    found = world.template()["spec"]["containers"]
    assert [each["name"] for each in found] == ["kserve-container", "transformer-container"]


def test_transformer_beside_the_server_is_put_together_from_runtime_and_service() -> None:
    theirs = [
        {"name": "kserve-container", "image": "server"},
        {"name": "transformer-container", "image": "transformer", "args": ["--a"]},
    ]
    predictor = {**model(), "containers": [{"name": "transformer-container", "args": ["--b"]}]}
    world = ServerlessWorld(service(predictor), runtime(containers=theirs), knative_config())
    world.step()

    assert world.names_of(KNATIVE_SERVICE) == ["iris-predictor"]
    _, beside = world.template()["spec"]["containers"]
    assert (beside["name"], beside["image"], beside["args"]) == ("transformer-container", "transformer", ["--a", "--b"])


def test_predictor_with_a_name_has_it_in_its_knative_service() -> None:
    world = ServerlessWorld(service({**model(), "name": "v2"}))
    world.run()

    assert world.names_of(KNATIVE_SERVICE) == ["iris-v2-predictor"]
    assert world.status["url"] == "http://iris-ml.example.com"


@pytest.mark.parametrize("asked", ["true", "false"])
def test_whether_the_model_is_read_only_reaches_the_template_and_its_mounts(asked: str) -> None:
    annotations = {"storage.kserve.io/readonly": asked}
    template = built(model(), annotations=annotations)["spec"]["template"]
    assert template["metadata"]["annotations"].items() >= annotations.items()
    (server,) = with_several_sources(annotations=annotations)["spec"]["containers"]
    assert [mount.get("readOnly", False) for mount in server["volumeMounts"]] == [asked == "true"]
