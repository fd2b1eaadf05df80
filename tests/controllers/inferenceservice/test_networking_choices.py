"""Services that choose for themselves how they are exposed."""

from typing import Any

import pytest

from kservectl.api.kinds import HTTP_ROUTE
from kservectl.objects.kind import DEPLOYMENT, INGRESS
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import World, configuration, runtime, service

NET = "networking.kserve.io/"
BY_INGRESS = {"ingressGateway": "istio/main", "ingressClassName": "nginx"}


def choosing(config: Object | None = None, **choices: str) -> World:
    made = World(service(), runtime(), config=config)
    choose(made, **choices)
    return made


def choose(made: World, **choices: str) -> None:
    """The service's annotations are these choices and no others."""
    annotations = {NET + name.replace("_", "-"): value for name, value in choices.items()}
    made.service = {**made.service, "metadata": {**made.service["metadata"], "annotations": annotations}}


def route(made: World, name: str = "iris") -> Any:
    return made.child(HTTP_ROUTE, name)["spec"]


def test_service_chooses_ingress_over_a_configured_gateway() -> None:
    made = choosing(gateway_api="false", ingress_class="haproxy").become_ready()
    assert (made.names(HTTP_ROUTE), made.names(INGRESS)) == ([], ["iris"])
    assert made.child(INGRESS, "iris")["spec"]["ingressClassName"] == "haproxy"


def test_service_chooses_the_gateway_api_over_a_configured_ingress() -> None:
    made = choosing(configuration(ingress=BY_INGRESS), gateway_api="true", gateway="infra/edge").become_ready()
    assert (made.names(HTTP_ROUTE), made.names(INGRESS)) == (["iris", "iris-predictor"], [])
    for name in made.names(HTTP_ROUTE):
        (parent,) = route(made, name)["parentRefs"]
        assert (parent["namespace"], parent["name"]) == ("infra", "edge")


def test_switching_back_and_forth_leaves_no_leftovers() -> None:
    made = choosing().become_ready()
    for choices, routes, ingresses in (
        ({"gateway_api": "false"}, [], ["iris"]),
        ({"gateway_api": "true"}, ["iris", "iris-predictor"], []),
        ({"gateway_api": "false"}, [], ["iris"]),
        ({}, ["iris", "iris-predictor"], []),
    ):
        choose(made, **choices)
        made.step()
        made.accept_routes()
        made.settle()
        assert (made.names(HTTP_ROUTE), made.names(INGRESS)) == (routes, ingresses)
        assert made.said("IngressReady")[0] == "True"


def test_choice_that_is_taken_back_leaves_the_route_as_configured() -> None:
    made = choosing().become_ready()
    before = route(made)
    choose(made, gateway="infra/edge", request_timeout="5m", additional_hosts="a.io")
    made.step()
    assert route(made) != before
    choose(made)
    made.step()
    assert route(made) == before


def test_additional_hosts_are_on_the_route_of_the_service_only_after_the_configured_ones() -> None:
    config = configuration(
        ingress={
            "enableGatewayApi": True,
            "kserveIngressGateway": "gateways/main",
            "ingressGateway": "istio/main",
            "ingressDomain": "example.com",
            "additionalIngressDomains": ["example.org"],
        }
    )
    made = choosing(config, additional_hosts="iris.io,iris-ml.example.org,iris-ml.example.com").become_ready()
    assert route(made)["hostnames"] == ["iris-ml.example.com", "iris-ml.example.org", "iris.io"]
    assert route(made, "iris-predictor")["hostnames"] == ["iris-predictor-ml.example.com"]
    assert made.status["url"] == "http://iris-ml.example.com"


def test_additional_hosts_and_domains_are_published_by_an_ingress_too() -> None:
    config = configuration(ingress={**BY_INGRESS, "additionalIngressDomains": ["example.org"]})
    made = choosing(config, additional_hosts="iris.io").become_ready()
    rules = made.child(INGRESS, "iris")["spec"]["rules"]
    assert [rule["host"] for rule in rules] == [
        "iris-ml.example.com",
        "iris-ml.example.org",
        "iris.io",
        "iris-predictor-ml.example.com",
    ]


@pytest.mark.parametrize(
    ("disabled", "chosen", "expected"),
    [
        (False, {}, {"timeouts": {"request": "60s"}}),
        (False, {"request_timeout": "300"}, {"timeouts": {"request": "300s"}}),
        (False, {"request_timeout": "1m30s"}, {"timeouts": {"request": "1m30s"}}),
        (False, {"request_timeout": "none"}, {}),
        (True, {}, {}),
        (True, {"request_timeout": "5m"}, {"timeouts": {"request": "5m"}}),
    ],
)
def test_request_timeout_stands_above_component_and_configuration(
    disabled: bool, chosen: dict[str, str], expected: Object
) -> None:
    config = configuration(
        ingress={
            "enableGatewayApi": True,
            "kserveIngressGateway": "gateways/main",
            "ingressGateway": "istio/main",
            "disableHTTPRouteTimeout": disabled,
        }
    )
    made = choosing(config, **chosen).become_ready()
    (rule,) = route(made)["rules"]
    assert {key: value for key, value in rule.items() if key == "timeouts"} == expected


def test_choice_about_routes_does_not_restart_pods() -> None:
    made = choosing().become_ready()
    before = made.child(DEPLOYMENT, "iris-predictor")["spec"]
    choose(made, gateway_api="false", ingress_class="x", gateway="a/b", additional_hosts="a.io", request_timeout="5")
    made.settle()
    assert made.child(DEPLOYMENT, "iris-predictor")["spec"] == before


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"gateway_api": "maybe"}, 'annotation networking.kserve.io/gateway-api: "maybe" is neither'),
        ({"gateway": "edge", "request_timeout": "x"}, "annotation networking.kserve.io/gateway: "),
    ],
)
def test_bad_choice_that_bypassed_admission_is_told_and_takes_nothing_down(choices: dict[str, str], said: str) -> None:
    made = choosing().become_ready()
    before = made.names(HTTP_ROUTE)
    choose(made, **choices)
    outcome = made.settle()

    status, reason, message = made.said("IngressReady")
    assert (status, reason) == ("False", "InvalidNetworkingAnnotation")
    assert said in message
    assert made.names(HTTP_ROUTE) == before
    told = next(each for each in outcome.explanations if each.about == "IngressReady")
    assert told.next_step == "Correct or remove the annotation."

    choose(made)
    made.settle()
    assert made.said("Ready")[0] == "True"


def test_gateway_api_without_any_gateway_is_told() -> None:
    made = choosing(configuration(ingress=BY_INGRESS), gateway_api="true")
    made.step()
    made.roll_out()
    made.settle()
    assert "no Gateway is known" in made.said("IngressReady")[2]
    assert made.names(HTTP_ROUTE) == []
