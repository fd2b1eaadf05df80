"""What becomes of an InferenceGraph: its objects, its status, and what it does when something is wrong."""

import copy
import json
from datetime import timedelta
from typing import Any

import pytest

from kservectl.api.kinds import HTTP_ROUTE, SCALED_OBJECT
from kservectl.clock import rfc3339
from kservectl.controllers.inferencegraph.refusal import amended
from kservectl.objects.kind import DEPLOYMENT
from kservectl.objects.metadata import ObjectKey
from kservectl.runtime.outcome import Failure
from tests.controllers.inferencegraph.graphs import GATEWAY, KINDS, ROUTER, World, annotated, graph, service

STOP = {"stop": "true"}


def test_a_graph_goes_from_nothing_to_ready() -> None:
    world = World(graph())
    world.settle()
    assert world.condition() == {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:02Z"}
    assert world.condition("Stopped")["status"] == "False"
    assert world.graph["status"]["url"] == "http://flow-ml.example.com"
    assert world.graph["status"]["observedGeneration"] == 3
    assert world.graph["status"]["deploymentMode"] == "Standard"
    assert world.events == ["InferenceGraphReady"]
    assert set(world.children) == {
        (kind, "flow") for kind in ("Deployment", "Service", "HorizontalPodAutoscaler", "HTTPRoute")
    }
    before = world.graph["status"]
    world.step()
    assert world.graph["status"] == before


def test_the_deployment_runs_the_router_with_the_graph() -> None:
    own = graph(labels={"a": "b"})
    own["metadata"] |= {"labels": {"team": "blue"}, "annotations": {"note": "x"}}
    world = World(own)
    world.step()
    deployment = world.child("Deployment")
    labels = {"team": "blue", "serving.kserve.io/inferencegraph": "flow", "app": "isvc.flow"}
    assert deployment["metadata"]["labels"] == labels
    assert deployment["metadata"]["annotations"] == {"note": "x"}
    assert deployment["spec"]["selector"] == {"matchLabels": {"app": "isvc.flow"}}
    assert "replicas" not in deployment["spec"], (
        "one, which is the server's default, until the autoscaler says otherwise"
    )
    pod = deployment["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    container = world.container()
    assert container["name"] == "flow"
    assert container["image"] == "kserve/router:latest"
    assert container["args"][0] == "--graph-json"
    assert json.loads(container["args"][1])["nodes"]["root"]["routerType"] == "Sequence"
    assert container["resources"] == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "100m", "memory": "100Mi"},
    }
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": 8080, "scheme": "HTTP"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert "env" not in container
    (port,) = world.child("Service")["spec"]["ports"]
    assert port == {"name": "flow", "port": 80, "targetPort": 8080, "protocol": "TCP"}


@pytest.mark.parametrize("annotations", [{}, {"note": "x"}])
@pytest.mark.parametrize("labels", [{}, {"team": "blue"}])
def test_labels_and_annotations_reach_deployment_and_pods(labels: dict[str, str], annotations: dict[str, str]) -> None:
    own = graph(minReplicas=2, maxReplicas=5)
    own["metadata"] |= {"labels": labels, "annotations": annotations}
    world = World(own)
    world.settle()
    for made in (world.child("Deployment"), world.child("Deployment")["spec"]["template"]):
        assert made["metadata"].get("annotations", {}) == annotations
        assert made["metadata"]["labels"] == {
            **labels,
            "serving.kserve.io/inferencegraph": "flow",
            "app": "isvc.flow",
        }
    scaled = world.child("HorizontalPodAutoscaler")["spec"]
    assert (scaled["minReplicas"], scaled["maxReplicas"]) == (2, 5)


def test_kubectls_record_of_the_graph_is_not_in_its_pods() -> None:
    own = graph()
    own["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "x"}
    world = World(own)
    world.step()
    for made in (world.child("Deployment"), world.child("Deployment")["spec"]["template"]):
        assert made["metadata"]["annotations"] == {"note": "x"}


@pytest.mark.parametrize(
    ("at_first", "then", "stopped"),
    [(None, "false", "False"), ("true", "true", "True"), ("false", "true", "True"), ("true", "false", "False")],
)
def test_stopping_and_resuming_in_every_order(at_first: str | None, then: str, stopped: str) -> None:
    world = World(graph() if at_first is None else annotated(graph(), stop=at_first))
    for annotation in (at_first, then):
        if annotation is not None:
            world.graph["metadata"] = annotated(world.graph, stop=annotation)["metadata"]
        if annotation == "true":
            world.step()
        else:
            world.settle()
    assert world.condition("Stopped")["status"] == stopped
    assert world.condition()["status"] == ("False" if stopped == "True" else "True")
    assert bool(world.children) is (stopped == "False")


def test_placement_resources_and_pull_secrets_reach_the_pod() -> None:
    placed = graph(
        resources={"limits": {"cpu": "2"}, "claims": [{"name": "x"}]},
        tolerations=[{"key": "gpu", "operator": "Exists"}],
        nodeSelector={"disk": "ssd"},
        nodeName="n1",
        serviceAccountName="router",
        affinity={"nodeAffinity": {}},
    )
    world = World(placed, router={**ROUTER, "imagePullSecrets": ["pull"], "imagePullPolicy": "Always"})
    world.step()
    pod = world.child("Deployment")["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "pull"}]
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert (pod["nodeSelector"], pod["nodeName"], pod["serviceAccountName"]) == ({"disk": "ssd"}, "n1", "router")
    assert pod["affinity"] == {"nodeAffinity": {}}
    assert world.container()["resources"] == {"limits": {"cpu": "2"}}
    assert world.container()["imagePullPolicy"] == "Always"


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ({"propagate": ["Authorization", "Test-Header-*"]}, "Authorization,Test-Header-*"),
        ({"propagate": []}, ""),
        ({}, None),
    ],
)
def test_headers_are_told_to_the_router_where_they_are_configured(
    headers: dict[str, list[str]], value: str | None
) -> None:
    world = World(graph(), router={**ROUTER, "headers": headers})
    world.step()
    env = world.container().get("env")
    assert env == (None if value is None else [{"name": "PROPAGATE_HEADERS", "value": value}])


def test_scaling_is_the_graphs_own() -> None:
    world = World(graph(minReplicas=2, maxReplicas=5, scaleMetric="memory", scaleTarget=60))
    world.step()
    assert ("HorizontalPodAutoscaler", "flow") not in world.children, "there is no Deployment yet"
    world.step()
    spec = world.child("HorizontalPodAutoscaler")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 5)
    assert spec["metrics"][0]["resource"] == {
        "name": "memory",
        "target": {"type": "Utilization", "averageUtilization": 60},
    }


def test_another_autoscaler_takes_the_place_of_the_hpa() -> None:
    world = World(annotated(graph(), autoscalerClass="keda"))
    world.step()
    world.step()
    assert ("ScaledObject", "flow") in world.children
    assert ("HorizontalPodAutoscaler", "flow") not in world.children
    without = World(annotated(graph(), autoscalerClass="keda"), kinds=tuple(k for k in KINDS if k != SCALED_OBJECT))
    without.step()
    assert "does not serve ScaledObject" in without.condition()["message"]


def test_one_autoscaler_follows_the_other_and_there_are_never_two() -> None:
    world = World(graph())
    world.step()
    world.step()
    world.graph = annotated(world.graph, autoscalerClass="keda")

    seen = []
    for _ in range(3):
        world.step()
        seen.append([kind for kind, _ in world.children if kind in ("HorizontalPodAutoscaler", "ScaledObject")])
    assert seen == [[], ["ScaledObject"], ["ScaledObject"]]


def test_a_service_is_called_where_it_answers() -> None:
    world = World(
        graph({"serviceName": "iris"}, {"serviceName": "other", "serviceUrl": "http://kept"}),
        service(),
        service("other"),
    )
    world.step()
    first, second = json.loads(world.container()["args"][1])["nodes"]["root"]["steps"]
    assert first == {
        "serviceName": "iris",
        "serviceUrl": "http://iris-predictor.ml.svc.cluster.local/v1/models/iris:predict",
    }
    assert second["serviceUrl"] == "http://kept"
    assert "serviceUrl" not in world.graph["spec"]["nodes"]["root"]["steps"][0]


@pytest.mark.parametrize(
    ("others", "reason", "message"),
    [
        ((), "ServiceNotFound", "Failed to find graph service iris"),
        ((service(address=""),), "ServiceNotReady", "service iris is not ready"),
    ],
)
def test_a_graph_waits_for_its_services(others: tuple[dict[str, object], ...], reason: str, message: str) -> None:
    world = World(graph({"serviceName": "iris"}), *others)
    outcome = world.step()
    assert (world.condition()["reason"], world.condition()["message"]) == (reason, message)
    assert outcome.desired == ()
    assert outcome.complete is False
    assert outcome.terminal_error is None
    assert outcome.explanations[0].next_step
    world.step()
    assert world.events == ["InternalError"]
    world.others = [*World(graph(), service()).others]
    world.settle()
    assert world.condition()["status"] == "True"


def test_a_running_graph_follows_its_services() -> None:
    world = World(graph({"serviceName": "iris"}), service())
    world.settle()
    running = dict(world.children)
    world.others[0] = service(ready=False)
    world.step()
    assert (world.condition()["status"], world.condition()["message"]) == ("False", "service iris is not ready")
    world.others.pop(0)
    world.step()
    assert world.condition()["reason"] == "ServiceNotFound"
    assert world.children == running
    assert world.events == ["InferenceGraphReady", "InferenceGraphNotReady", "InternalError"]


def test_a_router_that_is_not_available_is_not_ready() -> None:
    world = World(graph())
    world.settle()
    world.say("Available", "False", "MinimumReplicasUnavailable", "no pod is up")
    world.step()
    found = world.condition()
    assert (found["status"], found["reason"], found["message"]) == (
        "False",
        "MinimumReplicasUnavailable",
        "no pod is up",
    )
    assert ("HTTPRoute", "flow") in world.children, "a route stays once it is there"


def test_a_deployment_that_says_nothing_is_not_ready_yet() -> None:
    world = World(graph())
    world.step()
    world.step()
    assert world.condition()["reason"] == "RouterNotReady"
    assert ("HTTPRoute", "flow") not in world.children


def test_the_route_leads_from_the_graphs_host_to_its_service() -> None:
    world = World(graph(timeout=30), ingress={**GATEWAY, "additionalIngressDomains": ["other.org"]})
    world.settle()
    spec = world.child("HTTPRoute")["spec"]
    assert spec["hostnames"] == ["flow-ml.example.com", "flow-ml.other.org"]
    (rule,) = spec["rules"]
    assert rule["backendRefs"] == [{"kind": "Service", "name": "flow", "namespace": "ml", "port": 80}]
    assert rule["timeouts"] == {"request": "30s"}


def test_a_refused_route_is_told() -> None:
    world = World(graph())
    world.settle()
    condition = {
        "type": "Accepted",
        "status": "False",
        "reason": "NoMatchingListenerHostname",
        "message": "no listener",
    }
    world.child("HTTPRoute")["status"] = {"parents": [{"conditions": [condition]}]}
    world.step()
    assert world.condition()["reason"] == "NoMatchingListenerHostname"


def test_an_ingress_where_no_gateway_is_used() -> None:
    world = World(graph(), ingress={"ingressGateway": "istio/main", "urlScheme": "https", "ingressClassName": "nginx"})
    world.settle()
    assert world.child("Ingress")["spec"]["rules"][0]["host"] == "flow-ml.example.com"
    assert world.graph["status"]["url"] == "https://flow-ml.example.com"
    assert world.condition()["status"] == "True"


@pytest.mark.parametrize("local", [True, False])
def test_a_graph_may_stay_inside_the_cluster(local: bool) -> None:
    own = graph()
    if local:
        own["metadata"]["labels"] = {"networking.kserve.io/visibility": "cluster-local"}
    world = World(own, ingress={**GATEWAY, "disableIngressCreation": not local})
    world.settle()
    assert world.condition()["status"] == "True"
    assert ("HTTPRoute", "flow") not in world.children


def test_no_route_is_deleted_while_routes_cannot_be_seen() -> None:
    world = World(graph())
    world.settle()
    world.kinds = tuple(kind for kind in KINDS if kind != HTTP_ROUTE)
    outcome = world.step()
    assert outcome.complete is False
    assert world.condition()["reason"] == "HTTPRouteNotServed"


def test_a_stopped_graph_has_nothing() -> None:
    world = World(graph())
    world.settle()
    running = world.graph["metadata"]
    world.graph["metadata"] = annotated(world.graph, stop="True")["metadata"]
    world.step()
    assert world.children == {}
    assert [(each["type"], each["status"]) for each in world.graph["status"]["conditions"]] == [
        ("Ready", "False"),
        ("Stopped", "True"),
    ]
    assert world.condition()["reason"] == "Stopped"
    assert "url" not in world.graph["status"]
    told = copy.deepcopy(world.graph["status"])
    assert world.step().events == ()
    assert world.graph["status"] == told, "a graph that is stopped already says nothing new"
    world.graph["metadata"] = running
    world.settle()
    assert world.condition()["status"] == "True"
    assert world.condition("Stopped")["status"] == "False"


def test_a_graph_without_its_services_can_be_stopped() -> None:
    world = World(annotated(graph({"serviceName": "gone"}), stop="true"))
    outcome = world.step()
    assert outcome.complete
    assert world.condition("Stopped")["status"] == "True"


@pytest.mark.parametrize("mode", ["Knative", "Serverless", "ModelMesh"])
def test_knative_is_refused_without_knative(mode: str) -> None:
    world = World(annotated(graph(), deploymentMode=mode))
    outcome = world.step()
    world.step()
    assert outcome.terminal_error is not None
    assert "the resolved deployment mode of InferenceGraph 'flow' is Knative" in outcome.terminal_error
    assert world.events == ["ServerlessModeRejected"]
    assert "deploymentMode" not in world.graph["status"]


def test_the_mode_is_decided_once() -> None:
    world = World(graph())
    world.settle()
    world.graph["metadata"] = annotated(world.graph, deploymentMode="Knative")["metadata"]
    world.step()
    assert world.condition()["status"] == "True"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"router": None}, 'Failed to parse resource configuration for router: "memoryRequest: it is not set"'),
        ({"router": {**ROUTER, "cpuLimit": "much"}}, "Failed to parse resource configuration for router"),
        ({"ingress": {"enableGatewayApi": True}}, "kserveIngressGateway is required"),
        ({"deploy": {}}, "defaultDeploymentMode is required"),
    ],
)
def test_a_broken_configuration_is_told_and_breaks_nothing(keys: dict[str, Any], said: str) -> None:
    world = World(graph(), **keys)
    outcome = world.step()
    assert said in world.condition()["message"]
    assert outcome.complete is False
    serving = World(graph())
    serving.settle()
    serving.others = world.others
    serving.step()
    assert serving.condition()["status"] == "True"
    assert serving.children


def test_a_missing_configuration_is_told() -> None:
    world = World(graph())
    world.others.clear()
    world.step()
    assert world.condition()["reason"] == "ConfigurationMissing"


def test_what_the_server_refuses_is_told_once() -> None:
    world = World(graph())
    world.settle()
    outcome = world.decide()
    failure = Failure(DEPLOYMENT, ObjectKey("ml", "flow"), "Deployment ml/flow belongs to somebody else")
    told = amended(world.graph, outcome, [failure], world.view())
    assert told.status is not None
    ready = told.status["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "ReconcileFailed")
    assert [event.reason for event in told.events] == ["InferenceGraphNotReady", "InternalError"]
    world.graph["status"] = told.status
    again = amended(world.graph, world.decide(), [failure], world.view())
    assert again.events == ()
    assert again.status == told.status


def taken_over() -> World:
    """A Ready graph as KServe's manager leaves it: without a route, and without a word about its mode."""
    world = World(graph())
    world.settle()
    del world.children["HTTPRoute", "flow"]
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z"}]
    world.graph["status"] = {"conditions": conditions, "observedGeneration": 1, "url": "http://flow-ml.example.com"}
    return world


def test_a_graph_that_is_taken_over_stays_ready_until_a_gateway_has_seen_its_route() -> None:
    world = taken_over()
    before = world.condition()
    for _ in range(3):
        world.step()
        world.child("HTTPRoute")["metadata"]["creationTimestamp"] = rfc3339(world.now)
        assert world.condition() == before
    assert world.graph["status"]["deploymentMode"] == "Standard"
    world.accept()
    assert world.step().requeue_after is None
    assert world.condition() == before


def test_a_graph_that_is_taken_over_where_no_gateway_answers_is_said_not_to_be_reached() -> None:
    world = taken_over()
    assert world.step().requeue_after == 60
    world.child("HTTPRoute")["metadata"]["creationTimestamp"] = rfc3339(world.now - timedelta(seconds=61))
    world.step()
    assert (world.condition()["status"], world.condition()["reason"]) == ("False", "ParentStatusNotAvailable")


def test_a_new_route_does_not_hide_what_else_is_wrong() -> None:
    world = taken_over()
    world.step()
    world.say("Available", "False", "MinimumReplicasUnavailable", "no pod is up")
    world.step()
    assert world.condition()["reason"] == "MinimumReplicasUnavailable"
