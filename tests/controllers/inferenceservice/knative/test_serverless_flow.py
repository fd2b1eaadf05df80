"""What a service in Knative mode says of itself, how it is reached, and what becomes of it when something is missing."""

import copy
from typing import Any

import pytest

from kservectl.api.kinds import KNATIVE_SERVICE, VIRTUAL_SERVICE
from kservectl.objects.kind import SERVICE
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.knative.serverless import (
    SERVERLESS_KINDS,
    ServerlessWorld,
    config,
    knative_config,
)
from tests.controllers.inferenceservice.world import model, pod, runtime, service

CONTAINER = {"name": "kserve-container", "image": "server"}


def ready(service_: Object | None = None, **options: Any) -> ServerlessWorld:
    world = ServerlessWorld(service_, **options)
    world.run()
    assert world.condition("Ready")["status"] == "True"
    return world


def with_others(*roles: str) -> ServerlessWorld:
    world = ServerlessWorld()
    world.edit_spec(**{role: {"containers": [CONTAINER]} for role in roles})
    return world


def conditions(world: ServerlessWorld) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each.get("reason", "")) for each in world.status["conditions"]}


def virtual_service(world: ServerlessWorld) -> Object:
    found: Object = world.child(VIRTUAL_SERVICE, "iris")["spec"]
    return found


def hosts_of(rule: Object) -> str:
    found: str = rule["headers"]["request"]["set"]["Host"]
    return found


# What it says


def test_service_that_knative_has_not_looked_at_is_unknown() -> None:
    world = ServerlessWorld()
    world.step()
    world.step()

    assert conditions(world) == {
        "IngressReady": ("Unknown", "Predictor ingress not created"),
        "LatestDeploymentReady": ("Unknown", "PredictorConfigurationReady not ready"),
        "PredictorReady": ("Unknown", ""),
        "Ready": ("Unknown", "Predictor ingress not created"),
        "RoutesReady": ("Unknown", "PredictorRouteReady not ready"),
        "Stopped": ("False", ""),
    }
    assert world.status["components"] == {"predictor": {}}
    assert world.status["deploymentMode"] == "Knative"
    assert world.names_of(SERVICE) == ["iris"]


def test_ready_service_tells_of_its_revision_and_where_it_is() -> None:
    world = ready()

    assert world.status["url"] == "http://iris-ml.example.com"
    assert world.status["address"] == {"url": "http://iris.ml.svc.cluster.local"}
    assert world.component() == {
        "latestCreatedRevision": "iris-predictor-00001",
        "latestReadyRevision": "iris-predictor-00001",
        "latestRolledoutRevision": "iris-predictor-00001",
        "traffic": [{"latestRevision": True, "percent": 100, "revisionName": "iris-predictor-00001"}],
        "url": "http://iris-predictor-ml.example.com",
        "address": {"url": "http://iris-predictor.ml.svc.cluster.local"},
    }
    assert all(conditions(world)[type_][0] == "True" for type_ in ("RoutesReady", "LatestDeploymentReady"))
    assert world.events == ["InferenceServiceReady"]


def test_service_at_rest_decides_the_same_again() -> None:
    world = ready()
    before = copy.deepcopy((world.children, world.service))
    outcome = world.step()

    assert (world.children, world.service) == before
    assert not outcome.events


def test_last_component_that_is_not_ready_speaks_for_all() -> None:
    world = with_others("transformer", "explainer")
    world.run()
    for name in ("iris-transformer", "iris-explainer"):
        for each in world.serverless(name)["status"]["conditions"]:
            each |= {"status": "False", "reason": "RevisionFailed", "message": "no image"}
    world.step()

    found = conditions(world)
    assert found["RoutesReady"] == ("False", "ExplainerRoutesReady not ready")
    assert found["LatestDeploymentReady"] == ("False", "ExplainerConfigurationReady not ready")
    assert world.said("ExplainerReady") == ("False", "RevisionFailed", "no image")
    assert found["IngressReady"] == ("False", "Transformer ingress not created"), "here it is the first"


def test_word_of_an_earlier_generation_counts_for_nothing() -> None:
    world = ready()
    live = world.serverless()
    live["metadata"]["generation"] = 2
    live["status"]["observedGeneration"] = 1
    status = world.decide().status

    assert status is not None
    (found,) = [each for each in status["conditions"] if each["type"] == "PredictorReady"]
    assert (found["status"], found["reason"]) == ("Unknown", "OutOfDate")


def test_service_that_is_no_longer_ready_says_what_is_not() -> None:
    world = ready()
    for each in world.serverless()["status"]["conditions"]:
        each |= {"status": "False", "reason": "RevisionFailed"}
    (event,) = world.step().events

    assert (event.type, event.reason) == ("Warning", "InferenceServiceNotReady")
    own = "PredictorConfigurationReady, PredictorReady, PredictorRouteReady"
    causes = f"IngressReady, LatestDeploymentReady, {own}, Ready, RoutesReady"
    assert event.message.endswith(f"is no longer Ready because of: {causes}")
    assert world.names_of(VIRTUAL_SERVICE) == ["iris"]
    assert world.status["url"] == "http://iris-ml.example.com"
    world.knative.play()
    (event,) = world.step().events
    assert (event.type, event.reason) == ("Normal", "InferenceServiceReady")


def test_removed_component_takes_its_objects_and_conditions_with_it() -> None:
    world = with_others("transformer")
    world.run()
    del world.service["spec"]["transformer"]
    world.run()

    assert world.names_of(KNATIVE_SERVICE) == ["iris-predictor"]
    assert not [type_ for type_ in conditions(world) if type_.startswith("Transformer")]
    assert "transformer" not in world.status["components"]


# The model


def test_model_is_judged_by_the_pods_of_the_newest_revision() -> None:
    world = ready()
    ended = {"exitCode": 3, "message": "no such bucket"}
    failed = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended}}
    found = pod(download=failed)
    found["metadata"]["labels"] = {"serving.knative.dev/revision": "iris-predictor-00001"}
    world.pods = [found]
    world.step()

    told = world.status["modelStatus"]
    assert told["transitionStatus"] == "BlockedByFailedLoad"
    assert told["states"]["targetModelState"] == "FailedToLoad"
    assert {name: told["lastFailureInfo"][name] for name in ("reason", "message", "exitCode")} == {
        "reason": "ModelLoadFailed",
        "message": "no such bucket",
        "exitCode": 3,
    }
    found["metadata"]["labels"] = {"serving.knative.dev/revision": "iris-predictor-00009"}
    world.step()
    assert world.status["modelStatus"]["transitionStatus"] == "UpToDate"


def test_ready_service_without_pods_has_its_model_loaded() -> None:
    world = ready(service({**model(), "minReplicas": 0}))

    assert world.status["modelStatus"]["states"] == {"activeModelState": "Loaded", "targetModelState": "Loaded"}
    assert world.status["modelStatus"]["copies"] == {"failedCopies": 0}


def test_model_of_a_revision_that_failed_without_pods_is_not_loaded() -> None:
    world = ServerlessWorld()
    world.knative.works = False
    world.run()
    assert world.status["modelStatus"]["transitionStatus"] == "InProgress"
    world.serverless()["status"]["conditions"][0]["status"] = "False"
    world.step()

    assert world.status["modelStatus"]["transitionStatus"] == "BlockedByFailedLoad"


# How it is reached


def test_virtual_service_is_made_once_all_components_are_ready() -> None:
    world = with_others("transformer")
    world.step()
    assert world.names_of(VIRTUAL_SERVICE) == []
    world.run()

    found = virtual_service(world)
    assert found["hosts"] == ["iris.ml.svc.cluster.local", "iris-ml.example.com"]
    assert found["gateways"] == [
        "knative-serving/knative-local-gateway",
        "mesh",
        "knative-serving/knative-ingress-gateway",
    ]
    assert found["http"] == [
        {
            "match": [
                {
                    "authority": {"regex": r"^iris\.ml\.svc\.cluster\.local(?::\d{1,5})?$"},
                    "gateways": ["knative-serving/knative-local-gateway", "mesh"],
                },
                {
                    "authority": {"regex": r"^iris-ml\.example\.com(?::\d{1,5})?$"},
                    "gateways": ["knative-serving/knative-ingress-gateway"],
                },
            ],
            "route": [
                {
                    "destination": {
                        "host": "knative-local-gateway.istio-system.svc.cluster.local",
                        "port": {"number": 80},
                    },
                    "weight": 100,
                }
            ],
            "headers": {
                "request": {
                    "set": {
                        "Host": "iris-transformer.ml.svc.cluster.local",
                        "KServe-Isvc-Name": "iris",
                        "KServe-Isvc-Namespace": "ml",
                    }
                }
            },
        }
    ]


def test_explanations_go_to_the_explainer() -> None:
    world = with_others("explainer")
    world.run()
    explain, predict = virtual_service(world)["http"]

    assert {match["uri"]["regex"] for match in explain["match"]} == {r"^/v1/models/[\w-]+:explain$"}
    assert (hosts_of(explain), hosts_of(predict)) == (
        "iris-explainer.ml.svc.cluster.local",
        "iris-predictor.ml.svc.cluster.local",
    )


def test_service_that_is_visible_in_the_cluster_only_has_no_public_host() -> None:
    world = ready(service(labels={"networking.knative.dev/visibility": "cluster-local"}))

    assert virtual_service(world)["hosts"] == ["iris.ml.svc.cluster.local"]
    assert virtual_service(world)["gateways"] == ["knative-serving/knative-local-gateway", "mesh"]


def test_service_is_published_below_a_path_too() -> None:
    world = with_others("explainer")
    world.others = [obj for obj in world.others if obj["metadata"]["name"] != "inferenceservice-config"] + [
        config(pathTemplate="/serving/{{ .Namespace }}/{{ .Name }}")
    ]
    world.run()
    found = virtual_service(world)

    assert world.status["url"] == "http://example.com/serving/ml/iris"
    assert found["hosts"] == ["iris.ml.svc.cluster.local", "iris-ml.example.com", "example.com"]
    *_, explain, below = found["http"]
    regex = r"/serving/ml/iris(/v1/models/[\w-]+:explain)$"
    assert explain["rewrite"] == {"uriRegexRewrite": {"match": regex, "rewrite": r"\1"}}
    assert [match["uri"] for match in below["match"]] == [
        {"prefix": "/serving/ml/iris/"},
        {"exact": "/serving/ml/iris"},
    ]
    assert below["rewrite"] == {"uri": "/"}


def test_further_domains_are_those_of_the_longest_one_that_knative_routes() -> None:
    domains = knative_config("config-domain", **{"com": "", "example.com": ""})
    world = ServerlessWorld(
        None,
        runtime(),
        knative_config(),
        domains,
        config_=config(additionalIngressDomains=["a.org", "a.org", "_", "b.org"]),
    )
    world.run()

    assert virtual_service(world)["hosts"][1:] == ["iris-ml.example.com", "iris-ml.a.org", "iris-ml.b.org"]


def test_metadata_of_the_service_is_on_its_virtual_service() -> None:
    own: dict[str, Any] = {
        "labels": {"team": "a"},
        "annotations": {"note": "x", "autoscaling.knative.dev/min-scale": "3"},
    }
    meta = ready(service(**own)).child(VIRTUAL_SERVICE, "iris")["metadata"]

    assert (meta["labels"], meta["annotations"]) == ({"team": "a"}, {"note": "x"})


def test_name_in_the_cluster_leads_to_the_local_gateway() -> None:
    found = ready().child(SERVICE, "iris")

    assert found["spec"] == {
        "type": "ExternalName",
        "externalName": "knative-local-gateway.istio-system.svc.cluster.local",
        "sessionAffinity": "None",
    }


def test_without_istio_knative_alone_is_asked() -> None:
    world = ready(config_=config(disableIstioVirtualHost=True))

    assert world.names_of_children() == ["iris-predictor"]
    assert world.status["url"] == "http://iris-predictor-ml.example.com"
    assert world.status["address"] == {"url": "http://iris-predictor.ml.svc.cluster.local"}


def test_istio_that_is_missing_is_told_once() -> None:
    world = ready(kinds=[kind for kind in SERVERLESS_KINDS if kind != VIRTUAL_SERVICE])
    world.step()

    assert world.names_of(SERVICE) == ["iris"]
    assert world.events.count("VirtualServiceCRDNotFound") == 1
    assert world.said("IngressReady")[:2] == ("True", "VirtualServiceCRDNotFound")


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("iris-predictor.ml.example.com", "iris.ml.example.com"),
        ("iris-predictor-default.example.com", "iris.example.com"),
        ("iris-predictor-my-default.example.com", "iris-my-default.example.com"),
    ],
)
def test_host_of_the_service_is_the_components_less_the_component(host: str, wanted: str) -> None:
    world = ServerlessWorld()
    world.step()
    world.knative.play()
    world.serverless()["status"]["url"] = f"http://{host}"
    world.step()
    world.step()

    assert world.status["url"] == f"http://{wanted}"


# Stop and resume


@pytest.mark.parametrize("roles", [(), ("transformer",), ("explainer",), ("transformer", "explainer")])
def test_stop_takes_everything_away_and_resume_brings_it_back(roles: tuple[str, ...]) -> None:
    world = with_others(*roles)
    world.run()
    names = world.names_of_children()
    world.annotate(stop="true")
    world.run()

    assert world.names_of_children() == []
    assert {conditions(world)[f"{role.capitalize()}Ready"] for role in ("predictor", *roles)} == {("False", "Stopped")}
    assert conditions(world)["Stopped"] == ("True", "")
    assert "url" not in world.status
    world.annotate(stop="false")
    world.run()
    assert world.names_of_children() == names
    assert world.condition("Ready")["status"] == "True"


@pytest.mark.parametrize("roles", [(), ("transformer",), ("explainer",), ("transformer", "explainer")])
def test_service_that_is_created_stopped_has_nothing(roles: tuple[str, ...]) -> None:
    world = with_others(*roles)
    world.annotate(stop="TRUE")
    world.run()

    assert world.names_of_children() == []
    assert world.status["deploymentMode"] == "Knative"
    assert {conditions(world)[f"{role.capitalize()}Ready"] for role in ("predictor", *roles)} == {("False", "Stopped")}
    assert conditions(world)["IngressReady"] == ("False", "Stopped")


@pytest.mark.parametrize("roles", [(), ("transformer",), ("explainer",)])
def test_service_that_is_created_with_a_stop_of_false_runs(roles: tuple[str, ...]) -> None:
    world = with_others(*roles)
    world.annotate(stop="false")
    world.run()

    assert world.names_of(KNATIVE_SERVICE) == sorted(f"iris-{role}" for role in ("predictor", *roles))
    assert world.names_of(VIRTUAL_SERVICE) == ["iris"]
    assert world.names_of(SERVICE) == ["iris"]
    assert conditions(world)["Stopped"] == ("False", "")


# What is missing, or in the way


def test_without_knative_the_service_is_refused_and_goes_on_once_it_is_there() -> None:
    world = ServerlessWorld(kinds=[kind for kind in SERVERLESS_KINDS if kind != KNATIVE_SERVICE])
    outcome = world.step()

    assert world.events == ["ServerlessModeRejected"]
    assert outcome.terminal_error == (
        "the resolved deployment mode of InferenceService 'iris' is Knative, but Knative Serving is not available"
    )
    assert world.condition("Ready")["status"] != "True"
    assert "when Knative Services are not available" in str(world.status["conditions"])
    world.kinds = SERVERLESS_KINDS
    world.run()
    assert world.condition("Ready")["status"] == "True"


def test_without_knatives_configuration_nothing_is_guessed() -> None:
    world = ServerlessWorld(None, runtime())
    outcome = world.step()

    assert world.children == {}
    assert "knative-serving/config-autoscaler" in str(outcome.terminal_error)


def test_mode_that_was_decided_once_stays() -> None:
    world = ready()
    world.annotate(mode="Standard")
    world.run()

    assert world.names_of(KNATIVE_SERVICE) == ["iris-predictor"]
    assert world.status["deploymentMode"] == "Knative"


def test_change_of_mode_leaves_nothing_of_the_other_behind() -> None:
    world = ready()
    world.service = {**world.service, "status": {}}
    world.annotate(mode="Standard")
    world.settle()

    assert world.names_of(KNATIVE_SERVICE) == [] == world.names_of(VIRTUAL_SERVICE)
    assert world.names_of(SERVICE) == ["iris-predictor"]


def test_knative_service_of_somebody_else_says_nothing_of_ours() -> None:
    world = ServerlessWorld()
    world.step()
    world.knative.play()
    world.serverless()["metadata"]["ownerReferences"][0]["uid"] = "another"
    outcome = world.decide()

    assert outcome.status is not None
    assert outcome.status["components"] == {"predictor": {}}


@pytest.mark.parametrize("spec", [{"workerSpec": {}}, {"canary": True}])
def test_what_belongs_to_standard_mode_is_refused(spec: Object) -> None:
    world = ServerlessWorld()
    if "canary" in spec:
        world.edit_spec(canary=[{"predictor": {**model(), "name": "b"}, "trafficPercent": 10}])
    else:
        world.edit({**model(), **spec})
    world.step()

    assert world.children == {}
    assert world.said("PredictorReady")[:2] == ("False", "InvalidSpec")


def test_runtime_that_does_not_exist_makes_no_knative_service() -> None:
    world = ServerlessWorld(service(model(runtime="nowhere")))
    world.step()

    assert world.children == {}
    assert world.status["modelStatus"]["lastFailureInfo"]["reason"] == "RuntimeNotRecognized"


def test_component_that_cannot_be_built_leaves_the_others_alone() -> None:
    world = ServerlessWorld()
    world.edit_spec(transformer={"containers": []})
    world.run()

    assert world.names_of(KNATIVE_SERVICE) == ["iris-predictor"]
    assert world.condition("TransformerReady")["status"] == "False"
    assert world.condition("PredictorReady")["status"] == "True"


@pytest.mark.parametrize(
    ("predictor", "found", "reason"),
    [
        (model(runtime="off"), runtime("off", disabled=True), "RuntimeDisabled"),
        (model("onnx", runtime="kserve-sklearnserver"), runtime(), "NoSupportingRuntime"),
        (model("caffe"), runtime(), "NoSupportingRuntime"),
    ],
)
def test_runtime_that_is_disabled_or_unsupported_makes_no_knative_service(
    predictor: Object, found: Object, reason: str
) -> None:
    world = ServerlessWorld(service(predictor), found, knative_config())
    world.step()

    assert world.children == {}
    assert world.status["modelStatus"]["transitionStatus"] == "InvalidSpec"
    assert world.status["modelStatus"]["lastFailureInfo"]["reason"] == reason
