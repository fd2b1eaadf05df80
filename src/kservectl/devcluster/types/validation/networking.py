"""Rules of Services, Ingresses and NetworkPolicies."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types import names
from kservectl.devcluster.types.validation import numbers
from kservectl.devcluster.types.validation.selectors import check_selector
from kservectl.objects.metadata import Object

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def check_service(new: Object, old: Object | None) -> list[Cause]:
    spec = new["spec"]
    type_ = spec.get("type")
    found = [*numbers.one_of("spec.type", type_, _TYPES)]
    ports = spec.get("ports", ())
    if not ports and spec.get("clusterIP") != "None" and type_ != "ExternalName":
        found.append(say.required("spec.ports"))
    found.extend(_check_service_ports(ports))
    found.extend(names.check_labels(spec.get("selector") or {}, "spec.selector"))
    found.extend(numbers.one_of("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None")))
    if type_ == "ExternalName" and not spec.get("externalName"):
        found.append(say.required("spec.externalName"))
    if type_ == "ExternalName" and spec.get("clusterIP"):
        found.append(say.forbidden("spec.clusterIPs", "may not be set for ExternalName services"))
    if type_ in ("NodePort", "LoadBalancer") and spec.get("clusterIP") == "None":
        found.append(say.invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {type_} services"))
    if old is not None:
        found.extend(_check_address(spec, old.get("spec") or {}))
    return found


def check_ingress(new: Object, old: Object | None) -> list[Cause]:
    spec = new["spec"]
    found: list[Cause] = []
    if not spec.get("rules") and not spec.get("defaultBackend"):
        found.append(say.invalid("spec", None, "either `defaultBackend` or `rules` must be specified"))
    if backend := spec.get("defaultBackend"):
        found.extend(_check_backend(backend, "spec.defaultBackend"))
    if (name := spec.get("ingressClassName")) and (problem := names.dns_subdomain(name)):
        found.append(say.invalid("spec.ingressClassName", name, problem))
    for position, rule in enumerate(spec.get("rules", ())):
        where = f"spec.rules[{position}]"
        if host := rule.get("host"):
            found.extend(_check_host(host, f"{where}.host"))
        if (http := rule.get("http")) is not None:
            if not http.get("paths"):
                found.append(say.required(f"{where}.http.paths"))
            found.extend(_check_paths(http.get("paths", ()), f"{where}.http.paths"))
    return found


def check_network_policy(new: Object, old: Object | None) -> list[Cause]:
    spec = new["spec"]
    found = [*check_selector(spec.get("podSelector") or {}, "spec.podSelector")]
    for position, type_ in enumerate(spec.get("policyTypes", ())):
        found.extend(numbers.one_of(f"spec.policyTypes[{position}]", type_, ("Ingress", "Egress")))
    for direction in ("ingress", "egress"):
        for at, rule in enumerate(spec.get(direction, ())):
            for position, port in enumerate(rule.get("ports", ())):
                where = f"spec.{direction}[{at}].ports[{position}]"
                found.extend(numbers.port(f"{where}.port", port.get("port")))
                found.extend(numbers.one_of(f"{where}.protocol", port.get("protocol"), ("TCP", "UDP", "SCTP")))
            peers = "from" if direction == "ingress" else "to"
            for position, peer in enumerate(rule.get(peers, ())):
                if not any(peer.get(name) is not None for name in ("podSelector", "namespaceSelector", "ipBlock")):
                    where = f"spec.{direction}[{at}].{peers}[{position}]"
                    found.append(say.required(where, "must specify a peer"))
                for name in ("podSelector", "namespaceSelector"):
                    where = f"spec.{direction}[{at}].{peers}[{position}].{name}"
                    found.extend(check_selector(peer.get(name) or {}, where))
    return found


def _check_service_ports(ports: Sequence[Object]) -> Iterable[Cause]:
    seen_names: set[str] = set()
    seen: set[tuple[Any, Any]] = set()
    for position, port in enumerate(ports):
        where = f"spec.ports[{position}]"
        name = port.get("name")
        if not name:
            if len(ports) > 1:
                yield say.required(f"{where}.name")
        else:
            if problem := names.dns_label(name):
                yield say.invalid(f"{where}.name", name, problem)
            if name in seen_names:
                yield say.duplicate(f"{where}.name", name)
            seen_names.add(name)
        yield from numbers.port_number(f"{where}.port", port.get("port"))
        yield from numbers.one_of(f"{where}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))
        yield from numbers.port(f"{where}.targetPort", port.get("targetPort"))
        identity = (port.get("protocol"), port.get("port"))
        if identity in seen:
            yield say.duplicate(where, _internal_port(*identity))
        seen.add(identity)


def _internal_port(protocol: Any, number: Any) -> Object:
    """A port as kube-apiserver's own code holds it, which is what it prints for one that is there twice."""
    return {
        "Name": "",
        "Protocol": protocol,
        "AppProtocol": None,
        "Port": number,
        "TargetPort": 0,
        "NodePort": 0,
    }


def _check_address(new: Object, old: Object) -> Iterable[Cause]:
    """A Service keeps its address for as long as it has one."""
    before, after = old.get("clusterIP"), new.get("clusterIP")
    if before and new.get("type") != "ExternalName" and old.get("type") != "ExternalName" and before != after:
        yield say.invalid("spec.clusterIPs[0]", new.get("clusterIPs") or [after], "may not change once set")


def _check_host(host: str, path: str) -> Iterable[Cause]:
    if _is_address(host):
        yield say.invalid(path, host, "must be a DNS name, not an IP address")
        return
    plain = host.removeprefix("*.")
    if problem := names.dns_subdomain(plain):
        yield say.invalid(path, host, problem)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _check_paths(paths: Sequence[Object], path: str) -> Iterable[Cause]:
    for position, entry in enumerate(paths):
        where = f"{path}[{position}]"
        type_, value = entry.get("pathType"), entry.get("path") or ""
        if not type_:
            yield say.required(f"{where}.pathType", "pathType must be specified")
            continue
        types = ("Exact", "ImplementationSpecific", "Prefix")
        yield from numbers.one_of(f"{where}.pathType", type_, types)
        if type_ in ("Exact", "Prefix") and not value.startswith("/"):
            yield say.invalid(f"{where}.path", value, "must be an absolute path")
        yield from _check_backend(entry.get("backend") or {}, f"{where}.backend")


def _check_backend(backend: Object, path: str) -> Iterable[Cause]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        yield say.invalid(path, "", "cannot set both resource and service backends")
    if service is None:
        if resource is None:
            yield say.invalid(path, "", "resource or service backend is required")
        return
    name = service.get("name")
    if name and (problem := names.dns_label_1035(name)):
        yield say.invalid(f"{path}.service.name", name, problem)
    port = service.get("port") or {}
    if port.get("name") and port.get("number"):
        yield say.invalid(path, "", "cannot set both port name & port number")
    elif not port.get("name") and not port.get("number"):
        yield say.required(path, "port name or number is required")
    else:
        yield from numbers.port_number(f"{path}.service.port.number", port.get("number"))
