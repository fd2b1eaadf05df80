"""The Istio VirtualService of a service in Knative mode, and the Service that gives it a name in the cluster (networking.md, 7).

Every request goes to Knative's own gateway, told by the header `Host` which Knative Service it is for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kservectl.api.config_ingress import Ingress
from kservectl.api.kinds import VIRTUAL_SERVICE
from kservectl.controllers.inferenceservice.component import Role, in_cluster_host
from kservectl.controllers.inferenceservice.knative.hosts import Hosts, entry_role
from kservectl.objects.kind import SERVICE
from kservectl.objects.metadata import Object, ObjectKey

_MESH = "mesh"
_PORT = 80
_EXPLAIN = r"/v1/models/[\w-]+:explain"
_META = re.compile(r"[\\.+*?()|\[\]{}^$]")


@dataclass(frozen=True, slots=True)
class Backends:
    """`names` are the Knative Services of the service `key` by component; `domain` ends their DNS names."""

    key: ObjectKey
    names: Mapping[Role, str]
    domain: str

    def host(self, role: Role) -> str:
        return in_cluster_host(self.names[role], self.key.namespace, self.domain)


def build(
    backends: Backends, hosts: Hosts, config: Ingress, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> Object:
    """The VirtualService of the service; `labels` and `annotations` are what it is to carry."""
    public = [hosts.outside, *([config.ingress_domain] if hosts.path else ()), *hosts.additional]
    names = dict.fromkeys((hosts.inside, *(public if hosts.outside else ())))
    gateways = [config.local_gateway, _MESH, *([config.ingress_gateway] if hosts.outside else ())]
    meta: Object = {"name": backends.key.name, "namespace": backends.key.namespace}
    meta |= {"labels": dict(labels)} if labels else {}
    meta |= {"annotations": dict(annotations)} if annotations else {}
    return {
        "apiVersion": VIRTUAL_SERVICE.api_version,
        "kind": VIRTUAL_SERVICE.kind,
        "metadata": meta,
        "spec": {"hosts": list(names), "gateways": gateways, "http": list(_rules(backends, hosts, config))},
    }


def external_name(key: ObjectKey, config: Ingress) -> Object:
    """The Service named like the service, which leads to Knative's gateway inside the cluster."""
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": {"name": key.name, "namespace": key.namespace},
        "spec": {"type": "ExternalName", "externalName": config.local_gateway_service, "sessionAffinity": "None"},
    }


def _rules(backends: Backends, hosts: Hosts, config: Ingress) -> Sequence[Object]:
    entry = entry_role(backends.names)
    rules = []
    if "explainer" in backends.names:
        uri = {"uri": {"regex": f"^{_EXPLAIN}$"}}
        matches = [{**uri, **match} for match in _matches(hosts, config)]
        rules.append(_rule(backends, "explainer", matches, config))
    rules.append(_rule(backends, entry, _matches(hosts, config), config))
    if hosts.path:
        shared = {"authority": {"regex": _authority(config.ingress_domain)}, "gateways": [config.ingress_gateway]}
        if "explainer" in backends.names:
            regex = f"{hosts.path}({_EXPLAIN})$"
            explain = _rule(backends, "explainer", [{"uri": {"regex": regex}, **shared}], config)
            rules.append({**explain, "rewrite": {"uriRegexRewrite": {"match": regex, "rewrite": r"\1"}}})
        below = [{"uri": {"prefix": f"{hosts.path}/"}, **shared}, {"uri": {"exact": hosts.path}, **shared}]
        rules.append({**_rule(backends, entry, below, config), "rewrite": {"uri": "/"}})
    return rules


def _matches(hosts: Hosts, config: Ingress) -> list[Object]:
    inside = [{"authority": {"regex": _authority(hosts.inside)}, "gateways": [config.local_gateway, _MESH]}]
    public = dict.fromkeys((hosts.outside, *hosts.additional)) if hosts.outside else {}
    outside = [{"authority": {"regex": _authority(host)}, "gateways": [config.ingress_gateway]} for host in public]
    return [*inside, *outside]


def _rule(backends: Backends, role: Role, matches: Sequence[Object], config: Ingress) -> Object:
    destination = {"host": config.knative_local_gateway_service, "port": {"number": _PORT}}
    headers = {
        "Host": backends.host(role),
        "KServe-Isvc-Name": backends.key.name,
        "KServe-Isvc-Namespace": backends.key.namespace,
    }
    return {
        "match": list(matches),
        "route": [{"destination": destination, "weight": 100}],
        "headers": {"request": {"set": headers}},
    }


def _authority(host: str) -> str:
    """A host with or without a port. `-` stays as it is: KServe escapes what has a meaning, and nothing else."""
    return f"^{_META.sub(lambda found: chr(92) + found[0], host)}(?::\\d{{1,5}})?$"
