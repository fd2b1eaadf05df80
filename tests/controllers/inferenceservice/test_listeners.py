"""Which listeners of a Gateway admit a route, and which rule of which one does not."""

from typing import Any

import pytest

from kservectl.controllers.inferenceservice.listeners import host_matches, refusals, unreached
from kservectl.objects.metadata import Object

HOST = "iris-ml.example.com"


def gateway(*listeners: Object, status: Object | None = None) -> Object:
    return {
        "metadata": {"name": "edge", "namespace": "infra"},
        "spec": {"listeners": list(listeners)},
        "status": status,
    }


def listener(name: str = "http", from_: str | None = "All", **fields: Any) -> Object:
    allowed: Object = {} if from_ is None else {"namespaces": {"from": from_, **fields.pop("namespaces", {})}}
    if "kinds" in fields:
        allowed["kinds"] = fields.pop("kinds")
    return {"name": name, "protocol": "HTTP", "port": 80, "allowedRoutes": allowed, **fields}


def selecting(**selector: Any) -> Object:
    return listener(from_="Selector", namespaces={"selector": selector})


@pytest.mark.parametrize(
    "open_listener",
    [
        listener(),
        listener(protocol="HTTPS", port=443),
        listener(hostname=HOST),
        listener(hostname="*.example.com"),
        listener(kinds=[{"kind": "HTTPRoute"}]),
        listener(kinds=[{"kind": "GRPCRoute"}, {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}]),
        selecting(),
        selecting(matchLabels={"kubernetes.io/metadata.name": "ml"}),
        selecting(
            matchExpressions=[{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["ml", "prod"]}]
        ),
        selecting(matchExpressions=[{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["dev"]}]),
        selecting(matchExpressions=[{"key": "kubernetes.io/metadata.name", "operator": "Exists"}]),
    ],
)
def test_listener_that_admits_is_enough(open_listener: Object) -> None:
    assert refusals(gateway(listener("closed", "None"), open_listener), "ml", [HOST]) == []


@pytest.mark.parametrize(
    ("closed", "rule", "said"),
    [
        (listener(protocol="TLS"), "protocol", "speaks TLS, and HTTPRoutes need HTTP or HTTPS"),
        (listener(kinds=[{"kind": "GRPCRoute"}]), "kind", "takes GRPCRoute only, not HTTPRoute"),
        (listener(kinds=[{"group": "x.io", "kind": "HTTPRoute"}]), "kind", "takes HTTPRoute only"),
        (listener(hostname="*.other.com"), "hostname", "is for *.other.com only, not for iris-ml.example.com"),
        (listener(from_=None), "namespace", "takes routes of its own namespace infra only, not of ml"),
        (listener(from_="Same"), "namespace", "takes routes of its own namespace infra only, not of ml"),
        (listener(from_="None"), "namespace", "takes routes of no namespace"),
        (
            selecting(matchLabels={"kubernetes.io/metadata.name": "prod"}),
            "namespace",
            "takes routes of namespaces with the labels kubernetes.io/metadata.name=prod only, which ml has not",
        ),
        (
            selecting(matchExpressions=[{"key": "kubernetes.io/metadata.name", "operator": "DoesNotExist"}]),
            "namespace",
            "the labels kubernetes.io/metadata.name DoesNotExist only, which ml has not",
        ),
    ],
)
def test_rule_that_stands_in_the_way_is_named(closed: Object, rule: str, said: str) -> None:
    (refusal,) = refusals(gateway(closed), "ml", [HOST])
    assert (refusal.listener, refusal.rule, refusal.certain) == ("http", rule, True)
    assert said in refusal.message
    assert str(refusal).startswith("listener http ")


def test_every_listener_is_told_when_none_admits() -> None:
    found = refusals(gateway(listener("a", "Same"), listener("b", hostname="b.io")), "ml", [HOST])
    assert [(each.listener, each.rule) for each in found] == [("a", "namespace"), ("b", "hostname")]


def test_routes_of_the_gateways_own_namespace_are_admitted_by_default() -> None:
    assert refusals(gateway(listener(from_=None)), "infra", [HOST]) == []


def test_selector_for_unknown_labels_is_a_possible_obstacle() -> None:
    labels = {"team": "a", "kubernetes.io/metadata.name": "ml"}
    expressions = [{"key": "zone", "operator": "In", "values": ["x", "y"]}]
    (refusal,) = refusals(gateway(selecting(matchLabels=labels, matchExpressions=expressions)), "ml", [HOST])
    assert refusal.certain is False
    assert "team=a, kubernetes.io/metadata.name=ml, zone In (x, y) only, which ml may not have" in refusal.message


@pytest.mark.parametrize(
    ("condition", "refused"),
    [
        ({"type": "Conflicted", "status": "True", "reason": "HostnameConflict"}, True),
        ({"type": "Conflicted", "status": "False", "reason": "NoConflicts"}, False),
        ({"type": "ResolvedRefs", "status": "False", "reason": "InvalidCertificateRef", "message": "no Secret"}, True),
        ({"type": "Programmed", "status": "Unknown", "reason": "Pending"}, False),
        ({"type": "Programmed", "status": "True"}, False),
        ({"type": "Mood", "status": "False"}, False),
    ],
)
def test_listener_that_is_not_in_service_says_why(condition: Object, refused: bool) -> None:
    status = {"listeners": [{"name": "other", "conditions": []}, {"name": "http", "conditions": [condition]}]}
    found = refusals(gateway(listener(), status=status), "ml", [HOST])
    assert [each.rule for each in found] == (["status"] if refused else [])
    assert all(condition["reason"] in each.message for each in found)


def test_hosts_that_no_listener_serves_are_named() -> None:
    edge = gateway(listener(hostname="*.example.com"), listener("b", hostname="b.io"))
    assert unreached(edge, "ml", [HOST, "c.io", "b.io"]) == ["c.io"]
    assert unreached(gateway(listener("a", "Same")), "ml", [HOST]) == []


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("a.io", "a.io", True),
        ("a.io", "b.a.io", False),
        ("*.a.io", "b.a.io", True),
        ("*.a.io", "c.b.a.io", True),
        ("*.a.io", "a.io", False),
        ("*.a.io", "ba.io", False),
        ("*.A.io", "b.a.IO", True),
    ],
)
def test_wildcard_covers_all_below_it_and_not_itself(pattern: str, host: str, matches: bool) -> None:
    assert host_matches(pattern, host) is matches


def test_gateway_without_listeners_refuses_nothing() -> None:
    assert refusals({"spec": {}}, "ml", [HOST]) == []
