"""Whole reconciles of a service with one predictor in Standard mode."""

from datetime import timedelta
from typing import Any

import pytest

from kservectl.api.kinds import HTTP_ROUTE, TRAINED_MODEL
from kservectl.clock import rfc3339
from kservectl.controllers.inferenceservice.deletion import FINALIZER
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, INGRESS, SERVICE
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Explanation, Outcome
from tests.controllers.inferenceservice.world import (
    GATEWAY_INGRESS,
    KINDS,
    START,
    World,
    configuration,
    model,
    pod,
    runtime,
    says,
    service,
)


def _annotated(**annotations: str) -> Object:
    return service(annotations={f"serving.kserve.io/{key}": value for key, value in annotations.items()})


def test_predictor_in_standard_mode_yields_deployment_service_autoscaler_and_routes() -> None:
    world = World(service()).become_ready()

    assert world.names(DEPLOYMENT) == ["iris-predictor"]
    assert world.names(SERVICE) == ["iris-predictor"]
    assert world.names(HORIZONTAL_POD_AUTOSCALER) == ["iris-predictor"]
    assert world.names(HTTP_ROUTE) == ["iris", "iris-predictor"]


def test_first_pass_creates_service_and_deployment_and_the_second_what_scales_it() -> None:
    world = World(service())
    first, second = world.step(), world.step()

    assert [obj["kind"] for obj in first.desired] == ["Service", "Deployment"]
    assert [obj["kind"] for obj in second.desired] == ["Service", "Deployment", "HorizontalPodAutoscaler"]
    assert first.complete
    assert first.finalizers == (FINALIZER,)


def test_deployment_as_a_whole() -> None:
    world = World(service(annotations={"team": "blue"}, labels={"tier": "gold"}))
    world.step()

    labels = {
        "tier": "gold",
        "serving.kserve.io/inferenceservice": "iris",
        "component": "predictor",
        "app": "isvc.iris-predictor",
    }
    annotations = {
        "team": "blue",
        "internal.serving.kserve.io/storage-initializer-sourceuri": "gs://bucket/iris",
    }
    meta = {"name": "iris-predictor", "namespace": "ml", "labels": labels, "annotations": annotations}
    deployment = world.child(DEPLOYMENT, "iris-predictor")
    assert {key: deployment["metadata"][key] for key in meta} == meta
    assert deployment["spec"] == {
        "selector": {"matchLabels": {"app": "isvc.iris-predictor"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "template": {
            "metadata": meta,
            "spec": {
                "dnsPolicy": "ClusterFirst",
                "restartPolicy": "Always",
                "schedulerName": "default-scheduler",
                "terminationGracePeriodSeconds": 30,
                "securityContext": {},
                "containers": [
                    {
                        "name": "kserve-container",
                        "image": "example/sklearnserver:v1",
                        "imagePullPolicy": "IfNotPresent",
                        "args": ["--model_name=iris", "--model_dir=/mnt/models"],
                        "env": [{"name": "INFERENCE_SERVICE_NAME", "value": "iris"}],
                        "resources": {
                            "requests": {"cpu": "1", "memory": "2Gi"},
                            "limits": {"cpu": "1", "memory": "2Gi"},
                        },
                        "readinessProbe": {
                            "tcpSocket": {"port": 8080},
                            "timeoutSeconds": 1,
                            "periodSeconds": 10,
                            "successThreshold": 1,
                            "failureThreshold": 3,
                        },
                        "terminationMessagePath": "/dev/termination-log",
                        "terminationMessagePolicy": "File",
                    }
                ],
            },
        },
    }


def test_service_as_a_whole() -> None:
    world = World(service())
    world.step()

    assert world.child(SERVICE, "iris-predictor")["spec"] == {
        "selector": {"app": "isvc.iris-predictor"},
        "ports": [{"name": "iris-predictor", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
    }


def test_autoscaler_as_a_whole() -> None:
    world = World(service({**model(), "minReplicas": 2, "maxReplicas": 4, "scaleTarget": 60}))
    world.settle()

    assert world.child(HORIZONTAL_POD_AUTOSCALER, "iris-predictor")["spec"] == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "iris-predictor"},
        "minReplicas": 2,
        "maxReplicas": 4,
        "behavior": {},
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
            }
        ],
    }


def test_status_of_a_ready_service() -> None:
    world = World(service()).become_ready()

    status = world.status
    assert [entry["type"] for entry in status["conditions"]] == ["IngressReady", "PredictorReady", "Ready", "Stopped"]
    assert status["url"] == "http://iris-ml.example.com"
    assert status["address"] == {"url": "http://iris-predictor.ml.svc.cluster.local"}
    assert status["components"] == {"predictor": {"url": "http://iris-predictor-ml.example.com"}}
    assert status["deploymentMode"] == "Standard"
    assert status["clusterServingRuntimeName"] == "kserve-sklearnserver"
    assert "servingRuntimeName" not in status
    assert status["observedGeneration"] == 1
    assert status["modelStatus"] == {
        "transitionStatus": "UpToDate",
        "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"},
        "copies": {"failedCopies": 0, "totalCopies": 1},
    }


def test_new_service_reads_in_progress_and_not_ready() -> None:
    world = World(service())
    world.step()

    assert world.said("PredictorReady") == ("False", "", "")
    assert world.said("IngressReady") == ("False", "Predictor Deployment NotReady", "Predictor HTTPRoute not created")
    assert world.status["modelStatus"] == {
        "transitionStatus": "InProgress",
        "states": {"activeModelState": "", "targetModelState": "Pending"},
        "copies": {"failedCopies": 0},
    }
    assert world.status["components"] == {"predictor": {}}


def just_created() -> World:
    """A service whose objects are half a second old, without a status."""
    world = World(service())
    world.service["status"] = {}
    world.apply(world.decide(), with_status=False)
    world.child(DEPLOYMENT, "iris-predictor")["metadata"]["creationTimestamp"] = rfc3339(START)
    world.now = START + timedelta(seconds=0.5)
    return world


def test_first_status_waits_a_moment_for_a_deployment_that_has_just_been_created() -> None:
    world = just_created()
    waiting = world.decide()
    assert (waiting.status, waiting.requeue_after) == (None, 1.5)
    assert waiting.complete

    world.deployment_says(says("Available", "False", "MinimumReplicasUnavailable", "none"))
    assert world.decide().requeue_after == 1.5

    world.now = START + timedelta(seconds=2)
    assert world.decide().status is not None


@pytest.mark.parametrize(
    "told",
    [
        says("Available", "True", "MinimumReplicasAvailable", "one"),
        says("ReplicaFailure", "True", "FailedCreate", "exceeded quota"),
        says("Progressing", "False", "ProgressDeadlineExceeded", "too long"),
    ],
)
def test_first_status_is_written_at_once_when_the_deployment_is_available_or_fails(told: Object) -> None:
    world = just_created()
    world.deployment_says(told)
    assert world.decide().status is not None


def test_first_status_is_written_at_once_when_a_container_has_failed() -> None:
    world = just_created()
    world.pods = [pod(server={"state": {"terminated": {"reason": "Error", "exitCode": 1, "message": "no such model"}}})]
    assert world.decide().status is not None


def test_only_the_first_status_waits_for_a_deployment() -> None:
    world = just_created()
    world.service["status"] = {"conditions": [says("Ready", "False", "Old", "of before")]}
    assert world.decide().status is not None


def test_created_routes_that_no_gateway_took_up_yet_are_waited_for() -> None:
    world = World(service())
    world.step()
    world.roll_out()
    world.step()

    assert world.said("PredictorReady")[0] == "True"
    assert world.said("IngressReady") == ("False", "ParentStatusNotAvailable", "Predictor HttpRouteNotReady")
    assert "url" not in world.status
    assert "Gateway gateways/main exists" in _told(world.decide(), "IngressReady").next_step


def test_no_status_is_written_while_routes_are_so_new_that_a_gateway_is_about_to_speak() -> None:
    world = World(service())
    world.step()
    world.roll_out()
    world.apply(world.decide(), with_status=False)
    world.child(HTTP_ROUTE, "iris")["metadata"]["creationTimestamp"] = rfc3339(world.now)
    silent = world.decide()
    assert (silent.status, silent.requeue_after) == (None, 10.0)
    world.now += timedelta(seconds=10)
    assert world.decide().status is not None


def test_a_clock_that_is_behind_keeps_no_status_back_for_as_long_as_it_is_behind() -> None:
    world = just_created()
    world.now = START - timedelta(seconds=1)
    assert world.decide().requeue_after == 3.0
    world.now = START - timedelta(hours=1)
    assert world.decide().status is not None


def test_a_service_without_status_waits_for_its_routes_less_long() -> None:
    world = World(service())
    world.step()
    world.roll_out()
    world.apply(world.decide(), with_status=False)
    world.service.pop("status")
    world.child(HTTP_ROUTE, "iris")["metadata"]["creationTimestamp"] = rfc3339(world.now)
    silent = world.decide()
    assert (silent.status, silent.requeue_after) == (None, 1.0)
    world.now += timedelta(seconds=1)
    assert world.decide().status is not None


def test_a_container_that_fails_is_told_before_its_routes_are_answered() -> None:
    world = World(service())
    world.step()
    world.roll_out()
    world.apply(world.decide(), with_status=False)
    world.child(HTTP_ROUTE, "iris")["metadata"]["creationTimestamp"] = rfc3339(world.now)
    world.pods = [pod(server={"state": {"terminated": {"reason": "Error", "exitCode": 1, "message": "no such model"}}})]
    assert world.decide().status is not None


def test_refused_route_tells_the_gateways_reason() -> None:
    world = World(service()).become_ready()
    world.child(HTTP_ROUTE, "iris")["status"]["parents"][0]["conditions"] = [
        says("Accepted", "False", "NoMatchingListenerHostname", "no listener for iris-ml.example.com")
    ]
    world.step()

    assert world.said("Ready") == (
        "False",
        "NoMatchingListenerHostname",
        "InferenceService no listener for iris-ml.example.com",
    )
    assert "listeners of Gateway gateways/main" in _told(world.decide(), "IngressReady").next_step


def test_second_look_at_an_unchanged_service_decides_the_same() -> None:
    world = World(service()).become_ready()
    before = world.status

    outcome = world.decide()

    assert outcome.status == before
    assert outcome.events == ()


def test_ready_is_announced_once() -> None:
    world = World(service()).become_ready()
    world.settle()

    assert world.events == ["InferenceServiceReady"]


def test_nothing_is_said_about_istio_which_this_mode_does_not_use() -> None:
    world = World(service()).become_ready()

    assert world.events == ["InferenceServiceReady"]


def test_service_that_stops_being_ready_names_the_causes_but_not_the_healthy_stopped_condition() -> None:
    world = World(service()).become_ready()
    world.deployment_says(says("Available", "False", "MinimumReplicasUnavailable", "none"))

    event = world.step().events[0]

    assert event.reason == "InferenceServiceNotReady"
    assert event.message == "InferenceService [iris] is no longer Ready because of: PredictorReady, Ready"


def test_routes_stay_while_the_predictor_is_not_ready() -> None:
    world = World(service()).become_ready()
    world.deployment_says(says("Available", "False", "MinimumReplicasUnavailable", "none"))
    world.settle()

    assert world.names(HTTP_ROUTE) == ["iris", "iris-predictor"]
    assert world.said("IngressReady")[0] == "True"


def test_refused_pods_show_as_predictor_not_ready_with_reason_and_message() -> None:
    world = World(service())
    world.step()
    world.deployment_says(
        says("Available", "False", "MinimumReplicasUnavailable", "none"),
        says("ReplicaFailure", "True", "FailedCreate", "admission webhook denied the request"),
    )
    world.step()

    assert world.said("PredictorReady") == ("False", "FailedCreate", "admission webhook denied the request")
    assert world.condition("Ready")["status"] == "False"


def test_observed_generation_is_the_services_own_and_not_the_deployments() -> None:
    world = World(service(generation=7))
    world.step()
    world.child(DEPLOYMENT, "iris-predictor")["status"] = {"observedGeneration": 3}
    world.step()

    assert world.status["observedGeneration"] == 7


def test_user_strategy_ends_up_verbatim_on_the_deployment() -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "50%"}}
    world = World(service({**model(), "deploymentStrategy": strategy}))
    world.step()

    spec = world.child(DEPLOYMENT, "iris-predictor")["spec"]
    assert spec["strategy"] == strategy
    assert "progressDeadlineSeconds" not in spec


@pytest.mark.parametrize("class_", ["none", "external"])
def test_without_an_autoscaler_there_is_no_hpa(class_: str) -> None:
    world = World(_annotated(autoscalerClass=class_)).become_ready()

    assert world.names(HORIZONTAL_POD_AUTOSCALER) == []
    assert world.names(HTTP_ROUTE) == ["iris", "iris-predictor"]


def test_autoscaler_goes_when_the_class_changes() -> None:
    world = World(service()).become_ready()
    world.annotate(scaler="none")
    world.settle()

    assert world.names(HORIZONTAL_POD_AUTOSCALER) == []


def test_size_is_fixed_only_where_nobody_scales() -> None:
    fixed = World(service({**model(), "minReplicas": 3}, annotations={"serving.kserve.io/autoscalerClass": "none"}))
    scaled = World(service({**model(), "minReplicas": 3}))
    fixed.step()
    scaled.step()

    assert fixed.child(DEPLOYMENT, "iris-predictor")["spec"]["replicas"] == 3
    assert "replicas" not in scaled.child(DEPLOYMENT, "iris-predictor")["spec"]


def test_environment_follows_the_service() -> None:
    def env(*entries: Object) -> list[Object]:
        world = World(service(model(env=list(entries))))
        world.step()
        spec = world.child(DEPLOYMENT, "iris-predictor")["spec"]["template"]["spec"]
        found: list[Object] = spec["containers"][0]["env"]
        return found

    name = {"name": "INFERENCE_SERVICE_NAME", "value": "iris"}
    assert env({"name": "A", "value": "1"}) == [{"name": "A", "value": "1"}, name]
    assert env({"name": "A", "value": "2"}, {"name": "B", "value": "3"})[:2] == [
        {"name": "A", "value": "2"},
        {"name": "B", "value": "3"},
    ]
    assert env() == [name]


def test_replaced_pull_secret_leaves_exactly_the_new_one() -> None:
    world = World(service({**model(), "imagePullSecrets": [{"name": "old"}]}))
    world.step()
    world.edit({**model(), "imagePullSecrets": [{"name": "new"}]})
    world.step()

    pod = world.child(DEPLOYMENT, "iris-predictor")["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "new"}]


@pytest.mark.parametrize("annotations", [{}, {"disable-auto-update": "false"}, {"disable-auto-update": "True"}])
def test_changed_runtime_rolls_the_deployment_unless_auto_update_is_disabled(annotations: dict[str, str]) -> None:
    world = World(_annotated(**annotations)).become_ready()
    world.others[0] = runtime(container={"image": "example/sklearnserver:v2"})
    world.step()

    assert _image(world) == "example/sklearnserver:v2"


def test_ready_service_with_auto_update_disabled_keeps_its_pods_when_the_runtime_changes() -> None:
    world = World(_annotated(**{"disable-auto-update": "true"})).become_ready()
    world.others[0] = runtime(container={"image": "example/sklearnserver:v2"})
    outcome = world.step()

    assert outcome.desired == ()
    assert not outcome.complete
    assert _image(world) == "example/sklearnserver:v1"


def test_name_of_the_runtime_that_runs_is_kept_while_auto_update_is_disabled() -> None:
    world = World(_annotated(**{"disable-auto-update": "true"})).become_ready()
    world.others.append(runtime("better", namespace="ml"))
    world.settle()

    assert world.status["clusterServingRuntimeName"] == "kserve-sklearnserver"
    assert "servingRuntimeName" not in world.status


def test_only_one_runtime_is_named() -> None:
    world = World(service()).become_ready()
    world.others.append(runtime("better", namespace="ml"))
    world.settle()

    assert world.status["servingRuntimeName"] == "better"
    assert "clusterServingRuntimeName" not in world.status


def test_users_own_edit_goes_through_although_auto_update_is_disabled() -> None:
    world = World(_annotated(**{"disable-auto-update": "true"})).become_ready()
    world.edit(model(image="example/other:v3"))
    world.step()

    assert _image(world) == "example/other:v3"


def test_stop_goes_through_although_auto_update_is_disabled() -> None:
    world = World(_annotated(**{"disable-auto-update": "true"})).become_ready()
    world.annotate(stop="true")
    world.settle()

    assert world.children == {}


def test_status_stays_true_while_auto_update_is_disabled() -> None:
    world = World(_annotated(**{"disable-auto-update": "true"})).become_ready()
    world.deployment_says(says("Available", "False", "MinimumReplicasUnavailable", "none"))
    world.step()

    assert world.said("PredictorReady")[0] == "False"


def test_service_that_is_not_stopped_keeps_everything() -> None:
    world = World(_annotated(stop="false")).become_ready()

    assert len(world.children) == 5
    assert world.said("Stopped") == ("False", "", "")


@pytest.mark.parametrize("config", [configuration(), configuration(ingress={"ingressGateway": "istio/main"})])
def test_service_created_stopped_creates_nothing(config: Object) -> None:
    world = World(_annotated(stop="TRUE"), runtime(), config=config)
    world.settle()

    assert world.children == {}
    assert world.said("Stopped") == ("True", "", "")
    assert world.said("Ready") == ("False", "Stopped", "")
    assert world.said("IngressReady") == ("False", "Stopped", "")


@pytest.mark.parametrize("config", [configuration(), configuration(ingress={"ingressGateway": "istio/main"})])
def test_stopping_deletes_all_children_and_resuming_brings_them_back(config: Object) -> None:
    world = World(service(), runtime(), config=config).become_ready()
    before = sorted(world.children)

    world.annotate(stop="true")
    world.step()
    assert world.children == {}
    assert set(world.status) == {
        "conditions",
        "deploymentMode",
        "clusterServingRuntimeName",
        "modelStatus",
        "observedGeneration",
    }
    assert world.status["modelStatus"] == {"transitionStatus": ""}
    world.settle()

    world.annotate(stop="false")
    world.become_ready()
    assert sorted(world.children) == before
    assert world.said("Stopped") == ("False", "", "")


def test_stop_does_not_need_a_spec_that_can_be_built() -> None:
    world = World(service()).become_ready()
    world.edit(model("unheard-of"))
    world.annotate(stop="true")
    world.settle()

    assert world.children == {}
    assert world.said("Stopped")[0] == "True"


def test_stop_does_not_need_a_configuration() -> None:
    world = World(service()).become_ready()
    world.others = [obj for obj in world.others if obj["kind"] != "ConfigMap"]
    world.annotate(stop="true")
    world.settle()

    assert world.children == {}


def test_ingress_creation_disabled_still_becomes_ready_without_routes() -> None:
    config = configuration(ingress={**GATEWAY_INGRESS, "disableIngressCreation": True})
    world = World(service(), runtime(), config=config)
    world.step()
    world.roll_out()
    world.settle()

    assert {name for _, name in world.children} == {"iris-predictor"}
    assert {kind for kind, _ in world.children} == {"Deployment", "Service", "HorizontalPodAutoscaler"}
    assert world.condition("Ready")["status"] == "True"
    assert world.status["url"] == "http://iris-ml.example.com"


def test_cluster_local_service_has_no_route_but_url_and_address() -> None:
    world = World(service(labels={"networking.kserve.io/visibility": "cluster-local"}))
    world.step()
    world.roll_out()
    world.settle()

    assert world.names(HTTP_ROUTE) == []
    assert world.said("IngressReady") == ("True", "", "")
    assert world.status["address"]["url"] == "http://iris-predictor.ml.svc.cluster.local"


def test_routes_go_when_the_service_becomes_cluster_local() -> None:
    world = World(service()).become_ready()
    world.service["metadata"]["labels"] = {"networking.kserve.io/visibility": "cluster-local"}
    world.settle()

    assert world.names(HTTP_ROUTE) == []


def test_custom_domain_template_reaches_routes_and_url() -> None:
    template = "{{.Name}}.{{.Namespace}}.{{.IngressDomain}}"
    config = configuration(ingress={**GATEWAY_INGRESS, "domainTemplate": template})
    world = World(service(), runtime(), config=config).become_ready()

    assert world.child(HTTP_ROUTE, "iris-predictor")["spec"]["hostnames"] == ["iris-predictor.ml.example.com"]
    assert world.status["url"] == "http://iris.ml.example.com"


def test_kubernetes_ingress_instead_of_the_gateway_api() -> None:
    config = configuration(ingress={"ingressGateway": "istio/main", "ingressClassName": "nginx"})
    world = World(service(annotations={"nginx/x": "y"}), runtime(), config=config)
    world.step()
    assert world.said("IngressReady") == ("False", "Predictor ingress not created", "")
    world.roll_out()
    world.settle()

    ingress = world.child(INGRESS, "iris")
    assert ingress["metadata"]["annotations"] == {"nginx/x": "y"}
    assert ingress["spec"]["ingressClassName"] == "nginx"
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == [
        "iris-ml.example.com",
        "iris-predictor-ml.example.com",
    ]
    assert world.condition("Ready")["status"] == "True"


def test_switching_between_gateway_and_ingress_leaves_nothing_behind() -> None:
    world = World(service(), runtime()).become_ready()
    world.reconfigure(configuration(ingress={"ingressGateway": "istio/main"}))
    world.settle()
    assert (world.names(HTTP_ROUTE), world.names(INGRESS)) == ([], ["iris"])

    world.reconfigure(configuration())
    world.step()
    assert (world.names(HTTP_ROUTE), world.names(INGRESS)) == (["iris", "iris-predictor"], [])


def test_headless_service_puts_the_containers_port_into_the_address() -> None:
    config = configuration(service={"serviceClusterIPNone": True})
    default = World(service(), runtime(), config=config).become_ready()
    custom = World(
        service(model(ports=[{"containerPort": 7070, "protocol": "TCP"}])), runtime(), config=config
    ).become_ready()

    grpc_first = [{"containerPort": 9000, "name": "grpc"}, {"containerPort": 7071, "name": "http"}]
    both = World(service(model(ports=grpc_first)), runtime(), config=config).become_ready()

    assert default.child(SERVICE, "iris-predictor")["spec"]["clusterIP"] == "None"
    assert both.status["address"]["url"] == "http://iris-predictor.ml.svc.cluster.local:7071"
    assert default.status["address"]["url"] == "http://iris-predictor.ml.svc.cluster.local:8080"
    assert custom.status["address"]["url"] == "http://iris-predictor.ml.svc.cluster.local:7070"


def test_gateway_api_that_is_not_installed_is_told_and_nothing_breaks() -> None:
    world = World(service(), runtime(), kinds=[kind for kind in KINDS if kind != HTTP_ROUTE])
    world.step()
    world.roll_out()
    outcome = world.step()

    assert world.said("PredictorReady")[0] == "True"
    status, reason, message = world.said("IngressReady")
    assert (status, reason) == ("False", "HTTPRouteNotServed")
    assert "gateway.networking.k8s.io" in message
    assert "Install the CRDs" in _told(outcome, "IngressReady").next_step


def test_routes_survive_a_moment_in_which_their_kind_is_not_served() -> None:
    world = World(service()).become_ready()
    world.kinds = tuple(kind for kind in KINDS if kind != HTTP_ROUTE)
    world.step()
    assert world.said("IngressReady")[1] == "HTTPRouteNotServed"

    world.kinds = KINDS
    world.settle()
    assert world.names(HTTP_ROUTE) == ["iris", "iris-predictor"]
    assert world.condition("Ready")["status"] == "True"


def test_legacy_framework_field_is_served_like_a_model() -> None:
    legacy = World(service({"sklearn": {"storageUri": "gs://bucket/model", "args": ["--x"]}}))
    legacy.step()
    modern = World(service(model(args=["--x"])))
    modern.step()

    assert legacy.children == modern.children


def test_custom_predictor_keeps_its_containers_in_their_order() -> None:
    containers = [
        {"name": "helper", "image": "example/helper:1"},
        {"name": "kserve-container", "image": "example/mine:1", "ports": [{"containerPort": 9000}]},
    ]
    world = World(service({"containers": containers}))
    world.step()

    pod = world.child(DEPLOYMENT, "iris-predictor")["spec"]["template"]["spec"]
    assert [container["name"] for container in pod["containers"]] == ["helper", "kserve-container"]
    assert [container["env"][-1]["value"] for container in pod["containers"]] == ["iris", "iris"]
    assert pod["containers"][1]["readinessProbe"]["tcpSocket"] == {"port": 9000}
    assert "clusterServingRuntimeName" not in world.status


def test_named_predictor_names_its_objects_but_not_its_route() -> None:
    world = World(service({**model(), "name": "blue"}))
    world.step()
    world.roll_out("iris-blue-predictor")
    world.step()

    assert world.names(DEPLOYMENT) == ["iris-blue-predictor"]
    route = world.child(HTTP_ROUTE, "iris-predictor")
    assert route["spec"]["rules"][0]["backendRefs"][0]["name"] == "iris-blue-predictor"
    assert world.status["components"]["predictor"]["url"] == "http://iris-predictor-ml.example.com"


def test_component_url_is_the_one_of_its_route() -> None:
    config = configuration(ingress={**GATEWAY_INGRESS, "urlScheme": "https"})
    world = World(service(), runtime(), config=config).become_ready()

    assert world.status["components"]["predictor"]["url"] == "https://iris-predictor-ml.example.com"
    assert world.status["address"]["url"].startswith("http://")


def test_deletion_takes_the_trained_models_along_and_lets_the_service_go() -> None:
    trained = {
        "apiVersion": TRAINED_MODEL.api_version,
        "kind": TRAINED_MODEL.kind,
        "metadata": {"name": "m1", "namespace": "ml", "labels": {"inferenceservice": "iris"}},
    }
    foreign = {**trained, "metadata": {"name": "m2", "namespace": "ml", "labels": {"inferenceservice": "other"}}}
    world = World(service(deletionTimestamp="2026-01-01T00:00:00Z", finalizers=[FINALIZER]), trained, foreign)

    outcome = world.decide()

    assert [reference.name for reference in outcome.delete] == ["m1"]
    assert outcome.finalizers == ()
    assert outcome.status is None
    assert not outcome.complete


def test_modelmesh_predictor_is_left_to_modelmesh_and_still_gets_deleted() -> None:
    world = World(_annotated(deploymentMode="ModelMesh"))
    outcome = world.step()
    assert outcome.desired == ()
    assert world.status["deploymentMode"] == "ModelMesh"
    assert world.condition("Ready")["status"] == "Unknown"

    world.service["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert world.decide().finalizers == ()


def test_knative_mode_without_knative_is_refused_once() -> None:
    world = World(_annotated(deploymentMode="Serverless"))
    first, second = world.step(), world.step()

    assert [event.reason for event in first.events] == ["ServerlessModeRejected"]
    assert second.events == ()
    assert first.terminal_error
    assert world.status["deploymentMode"] == "Knative"


def test_mode_is_sticky() -> None:
    world = World(service()).become_ready()
    world.annotate(mode="Knative")
    world.settle()

    assert world.status["deploymentMode"] == "Standard"
    assert world.names(DEPLOYMENT) == ["iris-predictor"]


def _told(outcome: Outcome, about: str) -> Explanation:
    return next(explanation for explanation in outcome.explanations if explanation.about == about)


def _image(world: World) -> Any:
    return world.child(DEPLOYMENT, "iris-predictor")["spec"]["template"]["spec"]["containers"][0]["image"]
