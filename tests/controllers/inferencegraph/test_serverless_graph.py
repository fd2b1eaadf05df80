"""A graph in Knative mode: its Knative Service, and what it says of itself."""

import json
from typing import Any

import pytest

from kservectl.api.kinds import KNATIVE_SERVICE
from kservectl.objects.metadata import Object
from tests.controllers.inferencegraph.graphs import KINDS, ROUTER, World, annotated, graph, service

NAME = ("Service", "flow")


def platform(**data: str) -> Object:
    meta = {"name": "config-autoscaler", "namespace": "knative-serving"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def world(found: Object | None = None, *others: Object, **options: Any) -> World:
    serverless = annotated(found or graph(), deploymentMode="Serverless")
    return World(serverless, *others, platform(), kinds=(*KINDS, KNATIVE_SERVICE), **options)


def knative_says(found: World, status: str, **fields: Any) -> None:
    conditions = [{"type": type_, "status": status} for type_ in ("ConfigurationsReady", "Ready", "RoutesReady")]
    found.children[NAME]["status"] = {"conditions": conditions, "url": "http://flow-ml.example.com", **fields}


def template(found: World) -> Object:
    spec: Object = found.children[NAME]["spec"]
    return dict(spec["template"])


def test_router_is_a_knative_service_and_nothing_else() -> None:
    own = graph(
        timeout=90, minReplicas=0, maxReplicas=3, scaleTarget=5, scaleMetric="rps", nodeSelector={"disk": "ssd"}
    )
    own["metadata"]["labels"] = {"team": "a", "networking.knative.dev/visibility": "cluster-local"}
    found = world(own)
    found.step()

    assert set(found.children) == {NAME}
    assert found.children[NAME]["apiVersion"] == "serving.knative.dev/v1"
    assert found.children[NAME]["metadata"]["labels"] == own["metadata"]["labels"]
    assert "traffic" not in found.children[NAME]["spec"]
    assert template(found)["metadata"] == {
        "labels": {
            "team": "a",
            "serving.kserve.io/inferencegraph": "flow",
            "serving.kserve.io/kind": "InferenceGraph",
        },
        "annotations": {
            "serving.kserve.io/deploymentMode": "Serverless",
            "autoscaling.knative.dev/class": "kpa.autoscaling.knative.dev",
            "autoscaling.knative.dev/min-scale": "0",
            "autoscaling.knative.dev/max-scale": "3",
            "autoscaling.knative.dev/target": "5",
            "autoscaling.knative.dev/metric": "rps",
        },
    }
    pod = template(found)["spec"]
    assert (pod["timeoutSeconds"], pod["automountServiceAccountToken"]) == (90, False)
    assert pod["nodeSelector"] == {"disk": "ssd"}
    (container,) = pod["containers"]
    assert "name" not in container
    assert container["args"][0] == "--graph-json"
    assert json.loads(container["args"][1])["timeout"] == 90


def test_the_pod_is_that_of_a_router_in_standard_mode_but_for_the_containers_name() -> None:
    spec: dict[str, Any] = {
        "resources": {"limits": {"cpu": "2"}},
        "affinity": {"podAntiAffinity": {}},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "nodeSelector": {"disk": "ssd"},
        "serviceAccountName": "router",
    }
    headers = {"propagate": ["Authorization"]}
    options: dict[str, Any] = {
        "router": {**ROUTER, "headers": headers, "imagePullSecrets": ["pull"], "imagePullPolicy": "Always"}
    }
    found, standard = world(graph(**spec), **options), World(graph(**spec), **options)
    found.step()
    standard.step()

    pod = template(found)["spec"]
    assert (
        pod.items()
        >= {
            "affinity": {"podAntiAffinity": {}},
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
            "imagePullSecrets": [{"name": "pull"}],
            "serviceAccountName": "router",
            "automountServiceAccountToken": False,
        }.items()
    )
    (container,) = pod["containers"]
    assert container["env"] == [{"name": "PROPAGATE_HEADERS", "value": "Authorization"}]
    assert container["resources"] == {"limits": {"cpu": "2"}}
    assert (container["image"], container["imagePullPolicy"]) == (ROUTER["image"], "Always")
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": 8080, "scheme": "HTTP"}
    assert container["securityContext"] == {
        "privileged": False,
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {**container, "name": "flow"}.keys() == standard.container().keys() - {
        "terminationMessagePath",
        "terminationMessagePolicy",
    }


def test_annotations_that_only_a_service_may_have_are_moved_to_it() -> None:
    own = graph()
    moved = {"serving.knative.openshift.io/enablePassthrough": "true", "serving.knative.dev/rollout-duration": "60s"}
    found = world(own)
    found.graph["metadata"]["annotations"] |= moved
    found.step()

    assert found.children[NAME]["metadata"]["annotations"] == moved
    assert not moved.keys() & template(found)["metadata"]["annotations"].keys()


@pytest.mark.parametrize(
    ("value", "allowed", "kept"),
    [
        (None, "false", False),
        (None, "true", False),
        ("0", "false", False),
        ("0", "true", True),
        ("2", "false", True),
        ("2", "true", True),
        ("-1", "false", True),
        ("x", "true", False),
    ],
)
def test_initial_scale_that_knative_would_refuse_is_dropped(value: str | None, allowed: str, kept: bool) -> None:
    found = World(
        annotated(graph(), deploymentMode="Knative"),
        platform(**{"allow-zero-initial-scale": allowed}),
        kinds=(*KINDS, KNATIVE_SERVICE),
    )
    if value is not None:
        found.graph["metadata"]["annotations"]["autoscaling.knative.dev/initial-scale"] = value
    found.step()

    told = template(found)["metadata"]["annotations"].get("autoscaling.knative.dev/initial-scale")
    assert told == (value if kept else None)


def test_graph_is_what_knative_says_of_its_router() -> None:
    found = world()
    found.step()
    assert found.condition()["status"] == "Unknown"
    knative_says(found, "True")
    found.step()

    assert found.condition()["status"] == "True"
    assert [each["type"] for each in found.graph["status"]["conditions"]] == [
        "ConfigurationsReady",
        "Ready",
        "RoutesReady",
        "Stopped",
    ]
    assert found.graph["status"]["url"] == "http://flow-ml.example.com"
    assert found.graph["status"]["deploymentMode"] == "Knative"
    knative_says(found, "False")
    found.step()
    assert "url" not in found.graph["status"]
    assert found.events == ["InferenceGraphReady", "InferenceGraphNotReady"]


def test_word_of_an_earlier_generation_counts_for_nothing() -> None:
    found = world()
    found.step()
    knative_says(found, "True", observedGeneration=1)
    found.children[NAME]["metadata"]["generation"] = 2
    found.step()

    assert (found.condition()["status"], found.condition()["reason"]) == ("Unknown", "OutOfDate")


def test_graph_waits_for_a_service_that_has_no_address_and_goes_on_once_it_has() -> None:
    found = world(graph({"serviceName": "iris"}), service(address=""))
    found.step()
    assert found.children == {}

    found.others = [obj for obj in found.others if obj["metadata"]["name"] != "iris"] + [service()]
    found.step()
    arguments = template(found)["spec"]["containers"][0]["args"]
    assert json.loads(arguments[1])["nodes"]["root"]["steps"][0]["serviceUrl"].endswith("/v1/models/iris:predict")


def test_stopped_graph_has_nothing_and_comes_back() -> None:
    found = world()
    found.step()
    knative_says(found, "True")
    found.step()
    found.graph["metadata"]["annotations"]["serving.kserve.io/stop"] = "true"
    found.step()
    assert found.children == {}
    assert [(each["type"], each["status"]) for each in found.graph["status"]["conditions"]] == [
        ("Ready", "False"),
        ("Stopped", "True"),
    ]

    del found.graph["metadata"]["annotations"]["serving.kserve.io/stop"]
    found.step()
    knative_says(found, "True")
    found.step()
    assert found.condition()["status"] == "True"
    assert found.condition("Stopped")["status"] == "False"


@pytest.mark.parametrize(
    ("at_first", "then", "stopped"),
    [(None, "false", "False"), ("true", "true", "True"), ("false", "true", "True"), ("true", "false", "False")],
)
def test_stopping_and_resuming_in_every_order(at_first: str | None, then: str, stopped: str) -> None:
    found = world()
    for annotation in (at_first, then):
        if annotation is not None:
            found.graph["metadata"]["annotations"]["serving.kserve.io/stop"] = annotation
        found.step()
        if NAME in found.children:
            knative_says(found, "True")
            found.step()

    assert found.condition("Stopped")["status"] == stopped
    assert found.condition()["status"] == ("False" if stopped == "True" else "True")
    assert set(found.children) == (set() if stopped == "True" else {NAME})


def test_without_knatives_configuration_nothing_is_guessed() -> None:
    found = World(annotated(graph(), deploymentMode="Knative"), kinds=(*KINDS, KNATIVE_SERVICE))
    found.step()

    assert found.children == {}
    assert "knative-serving/config-autoscaler" in found.condition()["message"]
