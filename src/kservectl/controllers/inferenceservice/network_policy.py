"""The NetworkPolicy of a service: who may open connections to its pods, where the ConfigMap key `networkPolicy` asks for one.

One policy covers all components, which may call each other: a transformer and an explainer call the predictor, the nodes of
a model that is spread over several talk among themselves. What pods call is not restricted, nor are the kubelet's probes.
"""

from collections.abc import Iterable, Mapping

from kservectl.api import networking_choices
from kservectl.api.config import Config
from kservectl.api.config_ingress import Ingress
from kservectl.api.config_network_policy import NetworkPolicy
from kservectl.controllers.inferenceservice.component_metadata import SERVICE_LABEL
from kservectl.controllers.inferenceservice.hosts import is_internal
from kservectl.objects import metadata
from kservectl.objects.kind import NETWORK_POLICY
from kservectl.objects.metadata import Object

_NAMESPACE_NAME = "kubernetes.io/metadata.name"


def policies(service: Object, labels: Mapping[str, str], config: Config) -> list[Object]:
    """The NetworkPolicy of `service`, or nothing; `labels` are the service's with those that its runtime added."""
    policy = config.network_policy
    if not policy.enabled:
        return []
    exposed = networking_choices.read(metadata.annotations(service)).over(config.ingress)
    return [_policy(service, policy, () if is_internal(labels, exposed) else _gateways(policy, exposed))]


def _policy(service: Object, policy: NetworkPolicy, gateways: Iterable[str]) -> Object:
    key = metadata.key(service)
    own = {SERVICE_LABEL: key.name}
    peers: list[Object] = [{"podSelector": {"matchLabels": own}}]
    if policy.allow_same_namespace:
        peers.append({"podSelector": {}})
    peers += [_namespace(name) for name in sorted({*gateways, *policy.monitoring_namespaces, *policy.allow_namespaces})]
    peers += policy.allow_from
    return {
        "apiVersion": NETWORK_POLICY.api_version,
        "kind": NETWORK_POLICY.kind,
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": own},
        "spec": {"podSelector": {"matchLabels": own}, "policyTypes": ["Ingress"], "ingress": [{"from": peers}]},
    }


def _gateways(policy: NetworkPolicy, exposed: Ingress) -> Iterable[str]:
    """Where requests from outside come from: the Gateway's namespace, and those where the pods of gateways run."""
    if exposed.enable_gateway_api and exposed.gateway is not None:
        yield exposed.gateway.namespace
    yield from policy.gateway_namespaces


def _namespace(name: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: name}}}
