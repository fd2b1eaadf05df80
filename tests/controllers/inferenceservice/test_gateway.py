"""What a service says of the Gateway that its routes are attached to."""

from typing import Any

import pytest

from kservectl.api.kinds import GATEWAY, HTTP_ROUTE
from kservectl.controllers.inferenceservice import gateway as gateways
from kservectl.controllers.inferenceservice import watching
from kservectl.informers import Change
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Explanation
from kservectl.runtime.view import StaticView
from tests.controllers.inferenceservice.world import KINDS, START, World, runtime, says, service

OPEN: Object = {"name": "http", "protocol": "HTTP", "port": 80, "allowedRoutes": {"namespaces": {"from": "All"}}}
CLOSED: Object = {"name": "http", "protocol": "HTTP", "port": 80}
TAKEN_UP = {"conditions": [says("Accepted", "True"), says("Programmed", "True")]}


def gateway(*listeners: Object, name: str = "main", status: Object | None = None) -> Object:
    return {
        "apiVersion": GATEWAY.api_version,
        "kind": GATEWAY.kind,
        "metadata": {"name": name, "namespace": "gateways"},
        "spec": {"gatewayClassName": "envoy", "listeners": list(listeners)},
        "status": TAKEN_UP if status is None else status,
    }


def world(*others: Object, **annotations: str) -> World:
    """A service whose predictor is ready and whose routes nobody has said a word about."""
    obj = service(annotations={f"networking.kserve.io/{name}": value for name, value in annotations.items()})
    made = World(obj, runtime(), *others, kinds=(*KINDS, GATEWAY))
    made.step()
    made.roll_out()
    made.step()
    made.step()
    return made


def told(made: World) -> Explanation:
    return next(each for each in made.decide().explanations if each.about == "IngressReady")


@pytest.mark.parametrize(
    ("others", "message", "step"),
    [
        ([], "Gateway gateways/main does not exist", "Create it (manifests/gateway has one), or name another"),
        (
            [gateway(CLOSED)],
            "no listener of Gateway gateways/main admits it: listener http takes routes of its own namespace gateways only,"
            " not of ml",
            "Let allowedRoutes.namespaces of the listener take the service's namespace.",
        ),
        (
            [gateway(OPEN, status={"conditions": [says("Accepted", "False", "InvalidParameters", "no such thing")]})],
            "Gateway gateways/main is not accepted (InvalidParameters: no such thing)",
            "kubectl describe gateway main -n gateways",
        ),
        (
            [gateway(OPEN, status={"conditions": [says("Accepted", "Unknown", "Pending", "Waiting for controller")]})],
            "no controller has taken up Gateway gateways/main yet (class envoy)",
            "check that GatewayClass envoy exists and that its controller runs",
        ),
        (
            [
                gateway(
                    {
                        **OPEN,
                        "allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"a": "b"}}}},
                    }
                )
            ],
            "no listener of Gateway gateways/main surely admits it: listener http takes routes of namespaces with the labels"
            " a=b only, which ml may not have",
            "Let allowedRoutes.namespaces",
        ),
    ],
)
def test_gateway_that_cannot_carry_the_route_is_named_with_the_rule(
    others: list[Object], message: str, step: str
) -> None:
    made = world(*others)
    assert made.said("IngressReady") == (
        "False",
        "ParentStatusNotAvailable",
        f"Predictor HttpRouteNotReady: {message}",
    )
    assert step in told(made).next_step


def test_gateway_in_order_that_has_not_answered_yet_is_waited_for() -> None:
    made = world(gateway(OPEN))
    assert made.said("IngressReady")[2] == "Predictor HttpRouteNotReady"
    assert "check that Gateway gateways/main exists" in told(made).next_step


def test_what_the_gateway_says_of_the_route_is_told_in_its_words_and_the_rule_as_next_step() -> None:
    made = world(gateway(CLOSED))
    for name in made.names(HTTP_ROUTE):
        refused = says("Accepted", "False", "NotAllowedByListeners", "No listeners allow it")
        made.child(HTTP_ROUTE, name)["status"] = {"parents": [{"conditions": [refused]}]}
    made.settle()
    assert made.said("IngressReady") == ("False", "NotAllowedByListeners", "Predictor No listeners allow it")
    assert "No listener of Gateway gateways/main admits it: listener http takes" in told(made).next_step


def test_backend_that_a_gateway_cannot_use_is_no_matter_of_listeners() -> None:
    made = world(gateway(CLOSED))
    for name in made.names(HTTP_ROUTE):
        refused = says("ResolvedRefs", "False", "BackendNotFound", "Service not found")
        made.child(HTTP_ROUTE, name)["status"] = {"parents": [{"conditions": [refused]}]}
    made.settle()
    assert made.said("IngressReady")[1:] == ("BackendNotFound", "Predictor Service not found")
    assert "Compare the route's backends with the Services" in told(made).next_step


def test_one_parent_that_refuses_is_enough_whoever_reported_it() -> None:
    made = world(gateway(OPEN))
    for name in made.names(HTTP_ROUTE):
        parents = [
            {"controllerName": "a.io/x", "conditions": [says("Accepted", "True")]},
            {
                "controllerName": "b.io/y",
                "conditions": [says("Accepted", "Unknown"), says("ResolvedRefs", "False", "R", "m")],
            },
        ]
        made.child(HTTP_ROUTE, name)["status"] = {"parents": parents}
    made.settle()
    assert made.said("IngressReady") == ("False", "R", "Predictor m")


def test_answer_of_a_gateway_that_is_not_named_any_more_does_not_count() -> None:
    made = world(gateway(OPEN), gateway(OPEN, name="other"))
    for name in made.names(HTTP_ROUTE):
        reference = {"kind": "Gateway", "namespace": "gateways", "name": "main"}
        made.child(HTTP_ROUTE, name)["status"] = {
            "parents": [{"parentRef": reference, "conditions": [says("Accepted", "True")]}]
        }
    made.settle()
    assert made.said("IngressReady")[0] == "True"

    meta = {**made.service["metadata"], "annotations": {"networking.kserve.io/gateway": "gateways/other"}}
    made.service = {**made.service, "metadata": meta}
    made.step()
    made.step()
    assert made.said("IngressReady")[1] == "ParentStatusNotAvailable"


def test_host_that_no_listener_serves_is_told_without_hindering() -> None:
    limited = {**OPEN, "hostname": "*.example.com"}
    made = world(gateway(limited), **{"additional-hosts": "iris.other.io"})
    made.accept_routes()
    outcome = made.settle()
    assert made.said("Ready")[0] == "True"
    (note,) = [each for each in outcome.explanations if each.about == "HTTPRoute/iris"]
    assert note.ok
    assert note.message == "No listener of Gateway gateways/main serves iris.other.io."


def changed(old: Object | None, new: Object | None) -> Change:
    return Change(old and gateways.essence(old), new and gateways.essence(new), initial=False)


def concerned(made: World, change: Change) -> list[str]:
    view = StaticView([*made.children.values(), made.service], kinds=(*KINDS, GATEWAY), now=START)
    return [key.name for key in watching.of_gateway(change, view)]


def test_change_of_a_gateway_concerns_services_whose_routes_wait_for_it() -> None:
    made = world()
    assert concerned(made, changed(None, gateway(OPEN))) == ["iris"]
    assert concerned(made, changed(gateway(CLOSED), gateway(OPEN))) == ["iris"]
    assert concerned(made, changed(None, gateway(OPEN, name="other"))) == []
    made.accept_routes()
    made.settle()
    assert concerned(made, changed(gateway(CLOSED), gateway(OPEN))) == []


@pytest.mark.parametrize("attached", [0, 7])
def test_attached_routes_of_a_gateway_concern_nobody(attached: int) -> None:
    status: dict[str, Any] = {**TAKEN_UP, "listeners": [{"name": "http", "attachedRoutes": attached, "conditions": []}]}
    before = {**TAKEN_UP, "listeners": [{"name": "http", "attachedRoutes": 3, "conditions": []}]}
    assert concerned(world(), changed(gateway(OPEN, status=before), gateway(OPEN, status=status))) == []
