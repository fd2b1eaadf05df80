"""Virtual addresses and node ports of Services, handed out as the real allocators do: never the same one twice at a time."""

import ipaddress
from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from typing import Any

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.refusals import invalid, quoted
from kservectl.devcluster.storage import Change, Resource, Store
from kservectl.objects.kind import SERVICE
from kservectl.objects.metadata import Object, name

_SERVICES = Resource(SERVICE.group, SERVICE.plural)
_NETWORK = ipaddress.IPv4Network("10.96.0.0/16")
_NODE_PORTS = range(30000, 32768)


class ServiceAddresses:
    """Knows which addresses are in use by listening to the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._used: set[str | int] = set()
        size = _NETWORK.num_addresses - 2
        self._hosts: Iterator[int] = cycle(range(10, size))
        self._ports: Iterator[int] = cycle(_NODE_PORTS)

    def observe(self, change: Change, resource: Resource) -> None:
        if resource != _SERVICES:
            return
        if change.previous is not None:
            self._used.difference_update(_claims(change.previous.object))
        if change.type != "DELETED":
            self._used.update(_claims(change.object))

    def restore(self) -> None:
        """Take note of the addresses of all stored Services."""
        for entry in self._store.collection(_SERVICES).entries():
            self._used.update(_claims(entry.object))

    def address(self, service: Object) -> Object:
        """`service` with clusterIP, families and node ports filled in where its type has them."""
        spec = dict(service.get("spec") or {})
        type_ = spec.get("type") or "ClusterIP"
        if type_ == "ExternalName":
            return service
        wanted = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or ()), "")
        if wanted and wanted != "None" and wanted in self._used:
            said = (
                f"Invalid value: {quoted([wanted])}: failed to allocate IP {wanted}: provided IP is already allocated"
            )
            raise invalid(SERVICE, name(service), [Cause("FieldValueInvalid", said, "spec.clusterIPs")])
        spec["clusterIP"] = wanted or self._free_address()
        spec["clusterIPs"] = [spec["clusterIP"]]
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        if type_ in {"NodePort", "LoadBalancer"} and spec.get("allocateLoadBalancerNodePorts", True):
            spec["ports"] = [self._with_node_port(port) for port in spec.get("ports") or ()]
        return {**service, "spec": spec}

    def _free_address(self) -> str:
        for offset in islice(self._hosts, _NETWORK.num_addresses):
            candidate = str(_NETWORK[offset])
            if candidate not in self._used:
                return candidate
        raise invalid(SERVICE, "", [Cause("FieldValueInvalid", "Internal error: range is full", "spec.clusterIPs")])

    def _with_node_port(self, port: dict[str, Any]) -> dict[str, Any]:
        if port.get("nodePort"):
            return port
        for candidate in islice(self._ports, len(_NODE_PORTS)):
            if candidate not in self._used:
                self._used.add(candidate)
                return {**port, "nodePort": candidate}
        raise invalid(SERVICE, "", [Cause("FieldValueInvalid", "Internal error: range is full", "spec.ports")])


def _claims(service: Object) -> Iterable[str | int]:
    spec = service.get("spec") or {}
    yield from (address for address in spec.get("clusterIPs") or () if address != "None")
    yield from (port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort"))
