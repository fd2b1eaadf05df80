"""Whole reconciles of services with canaries."""

import pytest

from kservectl.api.kinds import HTTP_ROUTE, SCALED_OBJECT
from kservectl.controllers.inferenceservice.refusal import amended
from kservectl.objects.kind import (
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    SERVICE,
    Kind,
)
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.outcome import Failure
from kservectl.runtime.view import StaticView
from tests.controllers.inferenceservice.canary.services import (
    EXPLAINER,
    TRANSFORMER,
    canaried,
    canary,
    fail,
    ready,
    replicas,
    respec,
    shares,
)
from tests.controllers.inferenceservice.world import (
    CHILDREN,
    GATEWAY_INGRESS,
    KINDS,
    World,
    configuration,
    model,
    runtime,
)

HEADER = "kservectl.dev/canary-header"
SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"
OOM = {"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-01-01T00:00:05Z"}}}


# --- the checklist of the original's suites ---


def test_stable_and_canary_have_deployments_of_their_own_and_share_the_replicas_once_the_canary_is_ready() -> None:
    world = World(canaried(canary()))
    world.step()
    assert replicas(world) == {"iris-predictor": 4, "iris-v2-predictor": 1}

    world.become_ready()

    assert replicas(world) == {"iris-predictor": 3, "iris-v2-predictor": 1}
    templates = {
        name: world.child(DEPLOYMENT, name)["spec"]["template"]["metadata"]["annotations"][SOURCE]
        for name in world.names(DEPLOYMENT)
    }
    assert templates == {"iris-predictor": "gs://bucket/model", "iris-v2-predictor": "gs://bucket/v2"}


def test_raising_the_percentage_splits_the_replicas_anew() -> None:
    world = ready(canary(percent=25))
    respec(world, canary=[canary(percent=50)])
    world.settle()

    assert replicas(world) == {"iris-predictor": 2, "iris-v2-predictor": 2}
    assert shares(world) == [("iris-predictor", 50), ("iris-v2-predictor", 50)]


def test_promotion_keeps_the_canarys_pods_and_removes_the_old_stable_version() -> None:
    world = ready(canary())
    template = world.child(DEPLOYMENT, "iris-v2-predictor")["spec"]["template"]

    respec(world, predictor={**canary()["predictor"], "minReplicas": 4}, canary=None)
    world.settle()

    assert world.names(DEPLOYMENT) == world.names(SERVICE) == ["iris-v2-predictor"]
    assert world.child(DEPLOYMENT, "iris-v2-predictor")["spec"]["template"] == template
    assert shares(world) == [("iris-v2-predictor", None)]
    assert world.names(HTTP_ROUTE) == ["iris", "iris-predictor"]
    assert world.condition("Ready")["status"] == "True"


def test_removing_a_canary_removes_its_objects_and_gives_the_stable_version_its_replicas_back() -> None:
    world = ready(canary(), annotations={"serving.kserve.io/autoscalerClass": "hpa"})
    assert "iris-v2-predictor" in world.names(HORIZONTAL_POD_AUTOSCALER)

    respec(world, canary=None)
    world.settle()

    for kind in CHILDREN:
        assert not [name for name in world.names(kind) if "v2" in name]
    assert world.child(HORIZONTAL_POD_AUTOSCALER, "iris-predictor")["spec"]["minReplicas"] == 4
    assert "canaryStatuses" not in world.status
    assert all(entry["type"] != "CanaryPredictorReady" for entry in world.status["conditions"])


def test_several_canaries_have_deployments_of_their_own_and_the_right_split() -> None:
    world = ready(canary("a", 25), canary("b", 25))

    assert replicas(world) == {"iris-a-predictor": 1, "iris-b-predictor": 1, "iris-predictor": 2}
    assert shares(world) == [("iris-predictor", 50), ("iris-a-predictor", 25), ("iris-b-predictor", 25)]


def test_a_canarys_hpa_belongs_to_the_service_and_holds_the_canarys_size() -> None:
    world = ready(canary(percent=50), annotations={"serving.kserve.io/autoscalerClass": "hpa"})
    hpa = world.child(HORIZONTAL_POD_AUTOSCALER, "iris-v2-predictor")

    assert hpa["metadata"]["ownerReferences"][0]["uid"] == "uid-1"
    assert (hpa["spec"]["minReplicas"], hpa["spec"]["maxReplicas"]) == (2, 2)
    assert hpa["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 80
    assert world.child(HORIZONTAL_POD_AUTOSCALER, "iris-predictor")["spec"]["minReplicas"] == 2


def test_stopping_removes_stable_and_canary() -> None:
    world = ready(canary())
    world.annotate(stop="true")
    world.settle()

    assert world.children == {}
    assert world.said("CanaryPredictorReady") == ("False", "Stopped", "")


# --- status ---


def test_status_lists_the_canaries_in_order_with_their_models() -> None:
    world = ready(canary("a", 10), canary("b", 20))

    told = [(each["name"], each["ready"], each["trafficPercent"]) for each in world.status["canaryStatuses"]]
    assert told == [("a", True, 10), ("b", True, 20)]
    for each in world.status["canaryStatuses"]:
        assert each["modelStatus"]["transitionStatus"] == "UpToDate"
        assert each["modelStatus"]["states"] == {"activeModelState": "Loaded", "targetModelState": "Loaded"}
        assert each["modelStatus"]["copies"] == {"failedCopies": 0, "totalCopies": 1}
    assert world.said("CanaryPredictorReady") == ("True", "AllCanariesReady", "")


def test_a_canary_that_fails_takes_no_traffic_and_says_why() -> None:
    world = ready(canary())
    fail(world, "iris-v2-predictor", server=OOM)
    outcome = world.settle()

    assert shares(world) == [("iris-predictor", 100)]
    assert replicas(world)["iris-predictor"] == 4
    assert world.condition("Ready")["status"] == "True"
    status, reason, message = world.said("CanaryPredictorReady")
    assert (status, reason) == ("False", "CanariesNotReady")
    assert "v2" in message and "iris-v2-predictor-1" in message and "memory" in message
    (entry,) = world.status["canaryStatuses"]
    assert entry["ready"] is False
    assert entry["modelStatus"]["transitionStatus"] == "BlockedByFailedLoad"
    assert entry["modelStatus"]["lastFailureInfo"]["location"] == "iris-v2-predictor-1"
    told = [each.message for each in outcome.explanations if not each.ok]
    assert any("canary v2 takes no traffic" in each and "iris-v2-predictor-1" in each for each in told)


def test_a_canary_that_cannot_be_built_leaves_the_stable_version_alone() -> None:
    odd = canary(model={"modelFormat": {"name": "lightgbm"}, "storageUri": "gs://bucket/x"})
    world = ready(canary("good", 10), {**odd, "predictor": {**odd["predictor"], "name": "odd"}})

    assert shares(world) == [("iris-predictor", 90), ("iris-good-predictor", 10)]
    assert world.names(DEPLOYMENT) == ["iris-good-predictor", "iris-predictor"]
    odd_status = world.status["canaryStatuses"][1]
    assert odd_status["modelStatus"]["transitionStatus"] == "InvalidSpec"
    assert odd_status["modelStatus"]["lastFailureInfo"]["reason"] == "NoSupportingRuntime"
    assert "lightgbm" in world.said("CanaryPredictorReady")[2]


def test_what_a_canary_runs_stays_while_it_cannot_be_built() -> None:
    world = ready(canary())
    respec(world, canary=[canary(model={"modelFormat": {"name": "lightgbm"}})])
    world.settle()

    assert "iris-v2-predictor" in world.names(DEPLOYMENT)
    assert shares(world) == [("iris-predictor", 100)]


def test_a_canary_of_another_format_is_served_by_a_runtime_for_it() -> None:
    boost = runtime("xgb", formats=[{"name": "xgboost", "autoSelect": True}], container={"image": "example/xgb"})
    own = {"modelFormat": {"name": "xgboost"}, "storageUri": "gs://bucket/x"}
    world = World(canaried(canary(model=own)), runtime(), boost).become_ready()

    containers = world.child(DEPLOYMENT, "iris-v2-predictor")["spec"]["template"]["spec"]["containers"]
    assert containers[0]["image"] == "example/xgb"


# --- replicas ---


def test_a_canary_that_is_not_ready_does_not_reduce_the_stable_version() -> None:
    world = World(canaried(canary()))
    world.step()
    world.roll_out("iris-predictor")
    world.step()
    world.accept_routes()
    world.settle()

    assert replicas(world) == {"iris-predictor": 4, "iris-v2-predictor": 1}
    assert shares(world) == [("iris-predictor", 100)]


def test_a_dark_canary_serves_nothing_in_the_stable_versions_place() -> None:
    world = ready(canary(percent=0, minReplicas=1, **model()))

    assert replicas(world) == {"iris-predictor": 4, "iris-v2-predictor": 1}
    assert shares(world) == [("iris-predictor", 100), ("iris-v2-predictor", 0)]


def test_a_dark_canary_without_a_size_has_no_pods_and_says_so() -> None:
    world = World(canaried(canary(percent=0)))
    world.step()
    world.roll_out("iris-predictor")
    world.step()

    assert replicas(world)["iris-v2-predictor"] == 0
    assert "neither traffic nor minReplicas" in world.said("CanaryPredictorReady")[2]


@pytest.mark.parametrize(
    "ingress",
    [
        {**GATEWAY_INGRESS, "enableGatewayApi": False},
        {**GATEWAY_INGRESS, "disableIngressCreation": True},
        {**GATEWAY_INGRESS, "ingressDomain": "svc.cluster.local"},
    ],
    ids=["ingress", "disabled", "cluster-local"],
)
def test_the_stable_version_keeps_its_size_where_traffic_cannot_be_split(ingress: Object) -> None:
    world = World(canaried(canary()), runtime(), config=configuration(ingress=ingress)).become_ready()

    assert replicas(world) == {"iris-predictor": 4, "iris-v2-predictor": 1}


def test_under_keda_a_canary_has_a_trigger_and_its_size() -> None:
    annotations = {"serving.kserve.io/autoscalerClass": "keda"}
    kinds = (*KINDS, SCALED_OBJECT)
    world = World(canaried(canary(percent=50), annotations=annotations), kinds=kinds).become_ready()

    spec = world.child(SCALED_OBJECT, "iris-v2-predictor")["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (2, 2)
    assert spec["triggers"][0]["type"] == "cpu"


def test_under_keda_a_canary_without_pods_has_nothing_that_scales_it() -> None:
    annotations = {"serving.kserve.io/autoscalerClass": "keda"}
    world = World(canaried(canary(percent=0), annotations=annotations), kinds=(*KINDS, SCALED_OBJECT))
    world.settle()

    assert world.names(SCALED_OBJECT) == ["iris-predictor"]
    assert replicas(world)["iris-v2-predictor"] == 0


def test_the_users_deployment_strategy_is_the_canarys_too() -> None:
    strategy = {"type": "Recreate"}
    built = canaried(canary())
    built["spec"]["predictor"]["deploymentStrategy"] = strategy
    world = World(built)
    world.step()

    for name in world.names(DEPLOYMENT):
        assert world.child(DEPLOYMENT, name)["spec"]["strategy"] == strategy


# --- traffic ---


def test_with_a_transformer_and_an_explainer_each_version_has_its_own_of_both() -> None:
    world = ready(canary(percent=50), transformer=TRANSFORMER, explainer=EXPLAINER)

    assert [name for name in world.names(DEPLOYMENT) if "v2" in name] == [
        "iris-v2-explainer",
        "iris-v2-predictor",
        "iris-v2-transformer",
    ]
    for role in ("transformer", "explainer"):
        args = world.child(DEPLOYMENT, f"iris-v2-{role}")["spec"]["template"]["spec"]["containers"][0]["args"]
        assert args[args.index("--predictor_host") + 1] == "iris-v2-predictor.ml"
    assert replicas(world)["iris-v2-transformer"] == 1


def test_requests_to_a_service_with_a_transformer_are_split_in_front_of_it_and_never_go_past_it() -> None:
    world = ready(canary(percent=20), transformer=TRANSFORMER, explainer=EXPLAINER)

    explain, everything = world.child(HTTP_ROUTE, "iris")["spec"]["rules"]
    assert [(b["name"], b["weight"]) for b in explain["backendRefs"]] == [
        ("iris-explainer", 80),
        ("iris-v2-explainer", 20),
    ]
    assert [(b["name"], b["weight"]) for b in everything["backendRefs"]] == [
        ("iris-transformer", 80),
        ("iris-v2-transformer", 20),
    ]
    assert shares(world, "iris-predictor") == [("iris-predictor", 80), ("iris-v2-predictor", 20)]
    assert shares(world, "iris-transformer") == [("iris-transformer", 80), ("iris-v2-transformer", 20)]


def test_a_canary_whose_transformer_is_not_ready_takes_no_traffic() -> None:
    world = ready(canary(percent=20), transformer=TRANSFORMER)
    fail(world, "iris-v2-transformer", server=OOM)
    world.settle()

    assert shares(world) == [("iris-transformer", 100)]
    assert "iris-v2-transformer-1" in world.said("CanaryPredictorReady")[2]


def test_the_path_route_is_split_as_the_service_is() -> None:
    ingress = {**GATEWAY_INGRESS, "pathTemplate": "/serving/{{ .Namespace }}/{{ .Name }}"}
    world = World(canaried(canary()), runtime(), config=configuration(ingress=ingress)).become_ready()

    assert shares(world, "iris-path") == [("iris-predictor", 75), ("iris-v2-predictor", 25)]


def test_requests_that_name_a_canary_in_the_header_reach_it() -> None:
    world = ready(canary(percent=0, minReplicas=1, **model()), annotations={HEADER: "KServe-Canary"})

    named, shared = world.child(HTTP_ROUTE, "iris")["spec"]["rules"]
    assert named["matches"][0]["headers"] == [{"type": "Exact", "name": "KServe-Canary", "value": "v2"}]
    assert [backend["name"] for backend in named["backendRefs"]] == ["iris-v2-predictor"]
    assert "headers" not in shared["matches"][0]


def test_the_header_annotation_is_copied_to_nothing_so_that_it_restarts_no_pod() -> None:
    world = ready(canary(), annotations={HEADER: "KServe-Canary"})

    for (kind, _), child in world.children.items():
        assert HEADER not in str(child["metadata"].get("annotations")), kind
        assert HEADER not in str(child["spec"])


def test_each_canary_has_a_preview_url_of_its_own() -> None:
    world = ready(canary(percent=0, minReplicas=1, **model()))

    route = world.child(HTTP_ROUTE, "iris-v2-predictor")["spec"]
    assert route["hostnames"] == ["iris-v2-predictor-ml.example.com"]
    assert shares(world, "iris-v2-predictor") == [("iris-v2-predictor", None)]
    assert world.status["canaryStatuses"][0]["url"] == "http://iris-v2-predictor-ml.example.com"


def test_a_preview_goes_through_the_canarys_own_transformer() -> None:
    world = ready(canary(percent=0, minReplicas=1, **model()), transformer=TRANSFORMER)

    assert shares(world, "iris-v2-predictor") == [("iris-v2-transformer", None)]


def test_a_preview_comes_with_the_canarys_readiness_and_stays_while_it_is_away() -> None:
    world = World(canaried(canary()))
    world.step()
    world.roll_out("iris-predictor")
    world.step()
    assert "iris-v2-predictor" not in world.names(HTTP_ROUTE)

    world.become_ready()
    fail(world, "iris-v2-predictor", server=OOM)
    world.settle()
    assert "iris-v2-predictor" in world.names(HTTP_ROUTE)


def test_a_preview_that_no_gateway_accepts_keeps_nothing_from_being_ready() -> None:
    world = ready(canary())
    world.child(HTTP_ROUTE, "iris-v2-predictor")["status"] = {}
    world.settle()

    assert world.condition("Ready")["status"] == "True"


def test_a_domain_template_without_the_name_gives_no_preview() -> None:
    ingress = {**GATEWAY_INGRESS, "domainTemplate": "{{ .Namespace }}.{{ .IngressDomain }}"}
    world = World(canaried(canary()), runtime(), config=configuration(ingress=ingress)).become_ready()

    assert "iris-v2-predictor" not in world.names(HTTP_ROUTE)
    assert "url" not in world.status["canaryStatuses"][0]


def test_an_ingress_gives_a_canary_a_preview_and_no_share() -> None:
    ingress = {**GATEWAY_INGRESS, "enableGatewayApi": False}
    world = World(canaried(canary()), runtime(), config=configuration(ingress=ingress)).become_ready()

    rules = {
        rule["host"]: rule["http"]["paths"][0]["backend"]["service"]["name"]
        for rule in world.child(INGRESS, "iris")["spec"]["rules"]
    }
    assert rules["iris-v2-predictor-ml.example.com"] == "iris-v2-predictor"
    assert rules["iris-ml.example.com"] == "iris-predictor"


@pytest.mark.parametrize("kind", [DEPLOYMENT, HTTP_ROUTE])
def test_a_canarys_object_that_the_server_refuses_is_the_canarys_trouble_alone(kind: Kind) -> None:
    world = ready(canary())
    failure = Failure(kind, ObjectKey("ml", "iris-v2-predictor"), "it belongs to somebody else")
    told = amended(world.service, world.decide(), [failure], StaticView([], kinds=KINDS, now=world.now))

    found = {entry["type"]: entry for entry in (told.status or {})["conditions"]}
    assert found["CanaryPredictorReady"]["message"] == "fails to reconcile canary: it belongs to somebody else"
    assert {found[type_]["status"] for type_ in ("Ready", "PredictorReady", "IngressReady")} == {"True"}


def test_a_version_that_cannot_be_kept_hinders_nobody() -> None:
    world = ready()
    failure = Failure(CONTROLLER_REVISION, ObjectKey("ml", "iris-1"), "quota exceeded")
    outcome = world.decide()
    told = amended(world.service, outcome, [failure], StaticView([], kinds=KINDS, now=world.now))

    assert told.status == outcome.status
    assert told.explanations[-1].message == "quota exceeded"
