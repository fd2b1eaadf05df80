"""Gateways and the HTTPRoutes attached to them, as a gateway controller would report them."""

from collections.abc import Mapping
from typing import Any

from kservectl.devcluster.workloads.conditions import condition
from kservectl.devcluster.workloads.faults import ROUTE_REFUSED, has_fault
from kservectl.objects import metadata
from kservectl.objects.kind import SERVICE, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import View

GATEWAY = Kind("gateway.networking.k8s.io", "v1", "Gateway", "gateways")
HTTP_ROUTE = Kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
CONTROLLER_NAME = "kservectl.dev/devcluster"


def reconcile_gateway(gateway: Object, view: View) -> Outcome:
    """Every Gateway is accepted and programmed; its address is the loopback one."""
    if metadata.is_deleting(gateway):
        return Outcome(complete=False)
    generation = metadata.generation(gateway)
    conditions = [
        condition(gateway, type_, True, view.now, reason=type_, message="simulated", generation=generation)
        for type_ in ("Accepted", "Programmed")
    ]
    listeners = [
        {
            "name": listener.get("name"),
            "attachedRoutes": 0,
            "supportedKinds": [{"group": HTTP_ROUTE.group, "kind": "HTTPRoute"}],
            "conditions": [],
        }
        for listener in (gateway.get("spec") or {}).get("listeners") or ()
    ]
    address = [{"type": "IPAddress", "value": "127.0.0.1"}]
    return Outcome(complete=False, status={"addresses": address, "conditions": conditions, "listeners": listeners})


def reconcile_route(route: Object, view: View) -> Outcome:
    """One status entry for each parent that exists; a parent that does not leaves no trace, as with real gateways."""
    if metadata.is_deleting(route):
        return Outcome(complete=False)
    parents = [
        _parent_status(route, reference, view)
        for reference in (route.get("spec") or {}).get("parentRefs") or ()
        if view.get(GATEWAY, str(reference.get("name")), _namespace(reference, route)) is not None
    ]
    return Outcome(complete=False, status={"parents": parents})


def _namespace(reference: Mapping[str, Any], route: Object) -> str:
    return str(reference.get("namespace") or metadata.namespace(route))


def _parent_status(route: Object, reference: Mapping[str, Any], view: View) -> Object:
    before: Object = {"status": {}}
    for entry in (route.get("status") or {}).get("parents") or ():
        if entry.get("parentRef") == reference and entry.get("controllerName") == CONTROLLER_NAME:
            before = {"status": {"conditions": entry.get("conditions")}}
    generation = metadata.generation(route)
    if has_fault(route, ROUTE_REFUSED):
        message = "the annotation on the route asks that no listener admits it"
        accepted = condition(
            before, "Accepted", False, view.now, reason="NotAllowedByListeners", message=message, generation=generation
        )
    else:
        accepted = condition(
            before, "Accepted", True, view.now, reason="Accepted", message="Route is accepted", generation=generation
        )
    missing = _missing_backend(route, view)
    if missing:
        message = f"the Service {missing} was not found"
        resolved = condition(
            before, "ResolvedRefs", False, view.now, reason="BackendNotFound", message=message, generation=generation
        )
    else:
        message = "Resolved all the Object references for the Route"
        resolved = condition(
            before, "ResolvedRefs", True, view.now, reason="ResolvedRefs", message=message, generation=generation
        )
    return {"parentRef": dict(reference), "controllerName": CONTROLLER_NAME, "conditions": [accepted, resolved]}


def _missing_backend(route: Object, view: View) -> str:
    for rule in (route.get("spec") or {}).get("rules") or ():
        for backend in rule.get("backendRefs") or ():
            namespace = str(backend.get("namespace") or metadata.namespace(route))
            if (
                backend.get("kind", "Service") == "Service"
                and view.get(SERVICE, str(backend["name"]), namespace) is None
            ):
                return f"{namespace}/{backend['name']}"
    return ""
