"""Key `networkPolicy` of `inferenceservice-config`, which KServe does not have: who may call the pods of services."""

import re
from ipaddress import ip_network
from typing import Any

from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from kservectl.api.config_model import KeyModel
from kservectl.objects.metadata import Object

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_SELECTORS = {"podSelector", "namespaceSelector"}


class NetworkPolicy(KeyModel):
    """Whether services get a NetworkPolicy, and whom it lets in. Off unless `enabled`.

    Each service is open to its own components and, unless it is cluster-local, to the namespace of its Gateway. The lists
    name further namespaces: where the pods of gateways and ingress controllers run (`gatewayNamespaces`), where monitoring
    does, and whichever else (`allowNamespaces`). `allowFrom` are peers as a NetworkPolicy has them.
    """

    enabled: bool = False
    gateway_namespaces: list[str] = Field(default_factory=list)
    monitoring_namespaces: list[str] = Field(default_factory=list)
    allow_namespaces: list[str] = Field(default_factory=list)
    allow_same_namespace: bool = False
    allow_from: list[Object] = Field(default_factory=list)

    @model_validator(mode="after")
    def _usable(self) -> "NetworkPolicy":
        for member in ("gateway_namespaces", "monitoring_namespaces", "allow_namespaces"):
            wrong = [name for name in getattr(self, member) if not _NAMESPACE.fullmatch(name)]
            if wrong:
                raise ValueError(
                    f'invalid networkPolicy config - "{wrong[0]}" in {to_camel(member)} is not a namespace'
                )
        for position, peer in enumerate(self.allow_from):
            problem = _peer_problem(peer)
            if problem:
                raise ValueError(f"invalid networkPolicy config - allowFrom[{position}] {problem}")
        return self


def _peer_problem(peer: Object) -> str:
    members = set(peer)
    unknown = sorted(members - _SELECTORS - {"ipBlock"})
    if unknown:
        return f"has the unknown member {unknown[0]}; a peer has podSelector, namespaceSelector or ipBlock"
    if not members:
        return "is empty; give it podSelector, namespaceSelector or ipBlock"
    if "ipBlock" in members:
        if members & _SELECTORS:
            return "has ipBlock beside a selector, which a NetworkPolicy does not allow"
        block = peer["ipBlock"]
        return _address_problem(block.get("cidr") if isinstance(block, dict) else None)
    wrong = sorted(name for name in members if not isinstance(peer[name], dict))
    return f"must have an object as {wrong[0]}" if wrong else ""


def _address_problem(cidr: Any) -> str:
    try:
        ip_network(cidr if isinstance(cidr, str) else "", strict=False)
    except ValueError:
        return "must have a range of addresses as ipBlock.cidr, such as 10.0.0.0/8"
    return ""
