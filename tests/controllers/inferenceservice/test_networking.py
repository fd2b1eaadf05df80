"""How services in Standard mode are reached, row by row where no other test of this folder does it."""

from typing import Any

import pytest

from kservectl.api.kinds import HTTP_ROUTE
from kservectl.controllers.inferenceservice.address import in_cluster_url
from kservectl.objects.kind import DEPLOYMENT, INGRESS, SERVICE
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import (
    GATEWAY_INGRESS,
    World,
    configuration,
    model,
    runtime,
    says,
    service,
)

CUSTOM: Object = {"containers": [{"name": "kserve-container", "image": "example/mine:1"}]}
LOCAL = {"networking.kserve.io/visibility": "cluster-local"}


def world(ingress: Object | None = None, labels: Object | None = None, **components: Any) -> World:
    obj = service(labels=labels or {})
    obj["spec"].update(components)
    return World(obj, runtime(), config=configuration(ingress={**GATEWAY_INGRESS, **(ingress or {})}))


def entry(*ports: Object, headless: bool = True) -> Object:
    spec: Object = {"ports": list(ports), **({"clusterIP": "None"} if headless else {})}
    return {"metadata": {"name": "iris-predictor", "namespace": "ml"}, "spec": spec}


@pytest.mark.parametrize(
    ("found", "port"),
    [
        (entry({"port": 80, "targetPort": 8081}, headless=False), ""),
        (entry({"port": 80, "targetPort": 8081}), ":8081"),
        (entry({"port": 80, "targetPort": "8082"}), ":8082"),
        (entry({"port": 80, "targetPort": "http"}), ":8080"),
        (entry({"port": 80}), ":8080"),
        (entry(), ":8080"),
        (entry({"port": 80, "targetPort": 9000, "name": "GRPC"}, {"port": 81, "targetPort": 8083}), ":8083"),
        (entry({"port": 80, "targetPort": 9000, "appProtocol": "kubernetes.io/h2c"}), ":8080"),
        (entry({"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8084}), ":8084"),
    ],
)
def test_address_of_a_headless_service_has_the_first_real_http_port(found: Object, port: str) -> None:
    assert in_cluster_url(found, "cluster.local") == f"http://iris-predictor.ml.svc.cluster.local{port}"


def test_scheme_of_the_configuration_is_for_public_urls_only() -> None:
    made = world({"urlScheme": "https"}).become_ready()
    assert made.status["url"] == "https://iris-ml.example.com"
    assert made.status["components"]["predictor"]["url"] == "https://iris-predictor-ml.example.com"
    assert made.status["address"]["url"] == "http://iris-predictor.ml.svc.cluster.local"


EXTRAS: list[tuple[str, ...]] = [(), ("transformer",), ("explainer",), ("transformer", "explainer")]
every_component = pytest.mark.parametrize("extra", EXTRAS, ids="+".join)


@every_component
@pytest.mark.parametrize("by_gateway", [True, False], ids=["routes", "ingress"])
def test_domain_template_makes_the_host_of_every_component(extra: tuple[str, ...], by_gateway: bool) -> None:
    template = "{{ .Name }}.{{ .Namespace }}.{{ .IngressDomain }}"
    made = world(
        {"domainTemplate": template, "enableGatewayApi": by_gateway}, None, **dict.fromkeys(extra, CUSTOM)
    ).become_ready()

    hosts = {f"iris{part}.ml.example.com" for part in ("", "-predictor", *(f"-{role}" for role in extra))}
    if by_gateway:
        found = {host for name in made.names(HTTP_ROUTE) for host in made.child(HTTP_ROUTE, name)["spec"]["hostnames"]}
    else:
        found = {rule["host"] for rule in made.child(INGRESS, "iris")["spec"]["rules"]}
    assert found == hosts
    assert made.status["url"] == "http://iris.ml.example.com"
    assert {part["url"] for part in made.status["components"].values()} == {
        f"http://{host}" for host in hosts if not host.startswith("iris.")
    }


@every_component
def test_path_template_publishes_the_entry_under_the_shared_domain(extra: tuple[str, ...]) -> None:
    made = world({"pathTemplate": "/serving/{{ .Name }}"}, None, **dict.fromkeys(extra, CUSTOM)).become_ready()

    shared = made.child(HTTP_ROUTE, "iris-path")["spec"]
    entry = "transformer" if "transformer" in extra else "predictor"
    backends = [rule["backendRefs"][0]["name"] for rule in shared["rules"]]
    assert shared["hostnames"] == ["example.com"]
    assert backends == [*(["iris-explainer"] if "explainer" in extra else []), f"iris-{entry}"]
    assert shared["rules"][-1]["matches"] == [{"path": {"type": "PathPrefix", "value": "/serving/iris"}}]
    assert made.status["url"] == "http://iris-ml.example.com"
    others = [name for name in made.names(HTTP_ROUTE) if name != "iris-path"]
    assert others == sorted(["iris", "iris-predictor", *(f"iris-{role}" for role in extra)])
    for name in others:
        assert "example.com" not in made.child(HTTP_ROUTE, name)["spec"]["hostnames"]


@pytest.mark.parametrize(
    ("ingress", "labels"),
    [
        ({"ingressDomain": "svc.cluster.local"}, {}),
        ({}, LOCAL),
        ({"disableIngressCreation": True}, {}),
        ({"enableGatewayApi": False, "ingressDomain": "svc.cluster.local"}, {}),
        ({"enableGatewayApi": False}, LOCAL),
        ({"enableGatewayApi": False, "disableIngressCreation": True}, {}),
    ],
)
def test_without_routes_a_service_is_ready_and_says_its_url_and_address(ingress: Object, labels: Object) -> None:
    made = world(ingress, labels, transformer=CUSTOM)
    made.step()
    made.roll_out_all()
    made.settle()
    assert made.condition("IngressReady") == {**made.condition("IngressReady"), "status": "True"}
    assert "reason" not in made.condition("IngressReady")
    assert made.names(HTTP_ROUTE) == made.names(INGRESS) == []
    assert made.names(DEPLOYMENT) == made.names(SERVICE) == ["iris-predictor", "iris-transformer"]
    domain = ingress.get("ingressDomain", "example.com")
    assert made.status["url"] == f"http://iris-ml.{domain}"
    assert made.status["address"]["url"] == "http://iris-transformer.ml.svc.cluster.local"


@pytest.mark.parametrize("ingress", [{"ingressDomain": "svc.cluster.local"}, {"disableIngressCreation": True}])
def test_service_without_routes_can_be_stopped(ingress: Object) -> None:
    made = world(ingress)
    made.step()
    made.annotate(stop="true")
    made.settle()
    assert made.said("IngressReady")[:2] == ("False", "Stopped")
    assert made.children == {}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("iris-predictor", "Predictor"),
        ("iris-transformer", "Transformer"),
        ("iris-explainer", "Explainer"),
        ("iris", "InferenceService"),
    ],
)
def test_each_route_can_stand_in_the_way_and_is_named(name: str, label: str) -> None:
    made = world(transformer=CUSTOM, explainer=CUSTOM).become_ready()
    made.child(HTTP_ROUTE, name)["status"] = {"parents": [{"conditions": [says("Accepted", "False", "No", "because")]}]}
    made.settle()
    assert made.said("IngressReady") == ("False", "No", f"{label} because")
    made.child(HTTP_ROUTE, name)["status"] = {}
    made.settle()
    assert made.said("IngressReady") == ("False", "ParentStatusNotAvailable", f"{label} HttpRouteNotReady")
    made.accept_routes()
    made.settle()
    assert made.said("Ready")[0] == "True"


def test_first_route_that_is_not_ready_is_told() -> None:
    made = world(transformer=CUSTOM).become_ready()
    for name in ("iris", "iris-transformer"):
        made.child(HTTP_ROUTE, name)["status"] = {}
    made.settle()
    assert made.said("IngressReady")[2] == "Transformer HttpRouteNotReady"


def test_timeout_of_each_component_is_on_its_own_rules() -> None:
    obj = service({**model(), "timeout": 30})
    obj["spec"].update(transformer={**CUSTOM, "timeout": 0}, explainer=CUSTOM)
    made = World(obj, runtime()).become_ready()

    def timeouts(name: str) -> list[str]:
        return [rule["timeouts"]["request"] for rule in made.child(HTTP_ROUTE, name)["spec"]["rules"]]

    assert timeouts("iris-predictor") == ["30s"]
    assert timeouts("iris-transformer") == ["0s"]
    assert timeouts("iris-explainer") == ["60s"]
    assert timeouts("iris") == ["60s", "0s"]


def test_rules_say_which_service_a_request_is_for() -> None:
    made = world(explainer=CUSTOM).become_ready()
    for name in made.names(HTTP_ROUTE):
        for rule in made.child(HTTP_ROUTE, name)["spec"]["rules"]:
            assert rule["filters"] == [
                {
                    "type": "RequestHeaderModifier",
                    "requestHeaderModifier": {
                        "set": [
                            {"name": "KServe-Isvc-Name", "value": "iris"},
                            {"name": "KServe-Isvc-Namespace", "value": "ml"},
                        ]
                    },
                }
            ]


def test_explanations_below_a_path_reach_the_explainer() -> None:
    made = world({"pathTemplate": "/serving/{{.Name}}"}, explainer=CUSTOM).become_ready()
    explain, everything = made.child(HTTP_ROUTE, "iris-path")["spec"]["rules"]

    assert explain["matches"] == [{"path": {"type": "Exact", "value": "/serving/iris/v1/models/iris:explain"}}]
    assert explain["filters"][1]["urlRewrite"]["path"] == {
        "type": "ReplaceFullPath",
        "replaceFullPath": "/v1/models/iris:explain",
    }
    assert explain["backendRefs"][0]["name"] == "iris-explainer"
    assert everything["backendRefs"][0]["name"] == "iris-predictor"


def test_what_is_taken_out_of_the_configuration_goes_from_the_routes() -> None:
    made = world({"additionalIngressDomains": ["a.org"], "pathTemplate": "/x/{{.Name}}"}).become_ready()
    assert made.names(HTTP_ROUTE) == ["iris", "iris-path", "iris-predictor"]
    made.reconfigure(configuration(ingress={**GATEWAY_INGRESS, "disableHTTPRouteTimeout": True}))
    made.settle()
    assert made.names(HTTP_ROUTE) == ["iris", "iris-predictor"]
    route = made.child(HTTP_ROUTE, "iris")["spec"]
    assert route["hostnames"] == ["iris-ml.example.com"]
    assert "timeouts" not in route["rules"][0]


def test_service_label_and_annotation_in_the_domain_template_are_those_of_the_service_for_every_host() -> None:
    obj = service(labels={"team": "a"}, annotations={"example.com/tier": "gold"})
    obj["spec"]["predictor"]["labels"] = {"team": "b"}
    template = '{{ .Name }}.{{ .Labels.team }}.{{ index .Annotations "example.com/tier" }}.{{ .IngressDomain }}'
    config = configuration(ingress={**GATEWAY_INGRESS, "domainTemplate": template})
    made = World(obj, runtime(), config=config).become_ready()
    assert made.status["url"] == "http://iris.a.gold.example.com"
    assert made.status["components"]["predictor"]["url"] == "http://iris-predictor.a.gold.example.com"
    assert made.child(HTTP_ROUTE, "iris-predictor")["spec"]["hostnames"] == ["iris-predictor.a.gold.example.com"]


def test_ingress_class_is_the_configured_one_or_none() -> None:
    by_ingress = {"enableGatewayApi": False}
    assert "ingressClassName" not in world(by_ingress).become_ready().child(INGRESS, "iris")["spec"]
    named = world({**by_ingress, "ingressClassName": "nginx"}).become_ready()
    assert named.child(INGRESS, "iris")["spec"]["ingressClassName"] == "nginx"


def test_ingress_stays_while_a_component_is_not_ready_and_says_so() -> None:
    made = world({"enableGatewayApi": False}).become_ready()
    made.deployment_says(says("Available", "False", "MinimumReplicasUnavailable", "none"))
    made.settle()
    assert made.names(INGRESS) == ["iris"]
    assert made.said("IngressReady")[:2] == ("False", "Predictor ingress not created")
