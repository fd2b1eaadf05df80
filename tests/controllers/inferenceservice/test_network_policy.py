"""Who may call the pods of a service, where the configuration asks for NetworkPolicies."""

from typing import Any

from kservectl.objects.kind import NETWORK_POLICY
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import GATEWAY_INGRESS, KINDS, World, configuration, runtime, service

BY_INGRESS = {"ingressGateway": "istio/main"}
OWN = {"podSelector": {"matchLabels": {"serving.kserve.io/inferenceservice": "iris"}}}


def world(obj: Object | None = None, ingress: Object | None = None, **policy: Any) -> World:
    config = configuration(ingress=ingress or GATEWAY_INGRESS, networkPolicy={"enabled": True, **policy})
    made = World(obj or service(), runtime(), config=config, kinds=(*KINDS, NETWORK_POLICY))
    made.step()
    return made


def let_in(made: World) -> list[Object]:
    (rule,) = made.child(NETWORK_POLICY, "iris")["spec"]["ingress"]
    peers: list[Object] = rule["from"]
    assert peers[0] == OWN
    return peers[1:]


def namespace(name: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def test_no_policy_unless_it_is_enabled() -> None:
    assert World(service()).become_ready().names(NETWORK_POLICY) == []
    assert world(enabled=False).names(NETWORK_POLICY) == []


def test_policy_as_a_whole() -> None:
    made = world(service(annotations={"a": "b"}, labels={"c": "d"}))
    found = made.child(NETWORK_POLICY, "iris")
    assert (found["apiVersion"], found["kind"]) == ("networking.k8s.io/v1", "NetworkPolicy")
    assert found["metadata"]["labels"] == {"serving.kserve.io/inferenceservice": "iris"}
    assert found["metadata"]["ownerReferences"][0]["name"] == "iris"
    assert found["spec"] == {
        **OWN,
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [OWN, namespace("gateways")]}],
    }


def test_policy_covers_every_component_and_lets_each_call_the_others() -> None:
    obj = service()
    obj["spec"]["transformer"] = {"containers": [{"name": "kserve-container", "image": "i"}]}
    made = world(obj)
    selected = made.child(NETWORK_POLICY, "iris")["spec"]["podSelector"]["matchLabels"].items()
    templates = [child["spec"]["template"] for (kind, _), child in made.children.items() if kind == "Deployment"]
    assert len(templates) == 2
    assert all(selected <= template["metadata"]["labels"].items() for template in templates)


def test_gateway_monitoring_and_whoever_is_named_are_let_in() -> None:
    peer = {"podSelector": {"matchLabels": {"app": "batch"}}}
    made = world(
        gatewayNamespaces=["envoy", "gateways"],
        monitoringNamespaces=["mon"],
        allowNamespaces=["apps"],
        allowSameNamespace=True,
        allowFrom=[peer],
    )
    assert let_in(made) == [
        {"podSelector": {}},
        *(namespace(name) for name in ("apps", "envoy", "gateways", "mon")),
        peer,
    ]


def test_namespace_is_that_of_the_gateway_that_the_service_chose() -> None:
    made = world(service(annotations={"networking.kserve.io/gateway": "infra/edge"}))
    assert let_in(made) == [namespace("infra")]


def test_with_an_ingress_the_controllers_namespace_has_to_be_named() -> None:
    assert let_in(world(ingress=BY_INGRESS)) == []
    assert let_in(world(ingress=BY_INGRESS, gatewayNamespaces=["nginx"])) == [namespace("nginx")]


def test_cluster_local_service_is_not_open_to_gateways() -> None:
    obj = service(labels={"networking.kserve.io/visibility": "cluster-local"})
    made = world(obj, gatewayNamespaces=["envoy"], monitoringNamespaces=["mon"])
    assert let_in(made) == [namespace("mon")]


def test_policy_goes_when_it_is_switched_off_and_when_the_service_stops() -> None:
    made = world()
    made.reconfigure(configuration())
    made.step()
    assert made.names(NETWORK_POLICY) == []

    made = world()
    made.annotate(stop="true")
    made.step()
    assert made.names(NETWORK_POLICY) == []


def test_broken_key_is_named_and_takes_nothing_down() -> None:
    made = world().become_ready()
    made.reconfigure(configuration(networkPolicy={"enabled": True, "allowNamespaces": ["*"]}))
    outcome = made.step()
    assert outcome.terminal_error is not None
    assert '"*" in allowNamespaces is not a namespace' in outcome.terminal_error
    assert made.names(NETWORK_POLICY) == ["iris"]
    assert made.said("Ready")[0] == "True"
