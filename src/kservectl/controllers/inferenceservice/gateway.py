"""The Gateway that a route is attached to: whether it can carry the route, and what to do where it cannot.

What a gateway reports on the route itself comes first, and is read in `route_status`. This is for routes that it is silent
about, or whose refusal names no rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kservectl.api.kinds import GATEWAY
from kservectl.api.networking_choices import GATEWAY as GATEWAY_ANNOTATION
from kservectl.controllers.inferenceservice import listeners
from kservectl.controllers.inferenceservice.listeners import Refusal
from kservectl.objects import metadata
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.view import View

_NEXT_STEPS = {
    "protocol": "Add a listener with protocol HTTP or HTTPS to it.",
    "kind": "Add HTTPRoute to allowedRoutes.kinds of the listener.",
    "namespace": "Let allowedRoutes.namespaces of the listener take the service's namespace.",
    "hostname": "Widen the listener's hostname, add a listener for the host, or change ingressDomain or domainTemplate in "
    "the key ingress of the ConfigMap inferenceservice-config.",
    "status": "Mend what the listener's conditions name (kubectl describe gateway).",
}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stands between a route and its Gateway, in a clause, and what a person could do."""

    message: str
    next_step: str


def obstacle(route: Object, view: View) -> Obstacle | None:
    """Why the Gateway named by `route` cannot carry it; None when nothing is known to stand in the way."""
    key = parent_of(route)
    if key is None or not view.served(GATEWAY):
        return None
    gateway = view.get(GATEWAY, key.name, key.namespace)
    if gateway is None:
        return Obstacle(
            f"Gateway {key} does not exist",
            f"Create it (manifests/gateway has one), or name another: for this service with the annotation "
            f"{GATEWAY_ANNOTATION}, for all with kserveIngressGateway in the ConfigMap inferenceservice-config.",
        )
    refused = listeners.refusals(gateway, metadata.namespace(route), _hosts(route))
    return _said_of_itself(key, gateway) or _by_listeners(key, refused) or _not_taken_up(key, gateway)


def unreached_hosts(route: Object, view: View) -> Obstacle | None:
    """The hosts of an admitted route that no listener serves."""
    key = parent_of(route)
    gateway = view.get(GATEWAY, key.name, key.namespace) if key is not None else None
    if gateway is None:
        return None
    hosts = listeners.unreached(gateway, metadata.namespace(route), _hosts(route))
    if not hosts:
        return None
    return Obstacle(f"No listener of Gateway {key} serves {', '.join(hosts)}.", _NEXT_STEPS["hostname"])


def parent_of(route: Object) -> ObjectKey | None:
    """The Gateway that a route of ours names."""
    for reference in (route.get("spec") or {}).get("parentRefs") or ():
        return ObjectKey(str(reference.get("namespace") or metadata.namespace(route)), str(reference.get("name")))
    return None


def essence(gateway: Object) -> Object:
    """A Gateway without what changes with every route that is attached to it."""
    status = gateway.get("status") or {}
    reported = [
        {name: value for name, value in listener.items() if name != "attachedRoutes"}
        for listener in status.get("listeners") or ()
    ]
    slim: Object = {name: gateway[name] for name in ("apiVersion", "kind", "metadata", "spec") if name in gateway}
    slim["status"] = {"conditions": status.get("conditions") or [], "listeners": reported}
    return slim


def _hosts(route: Object) -> Sequence[str]:
    return (route.get("spec") or {}).get("hostnames") or ()


def _said_of_itself(key: ObjectKey, gateway: Object) -> Obstacle | None:
    for condition in (gateway.get("status") or {}).get("conditions") or ():
        if condition.get("type") in ("Accepted", "Programmed") and condition.get("status") == "False":
            said = ": ".join(str(condition[part]) for part in ("reason", "message") if condition.get(part))
            return Obstacle(
                f"Gateway {key} is not {str(condition['type']).lower()}{f' ({said})' if said else ''}",
                f"Mend what its condition names (kubectl describe gateway {key.name} -n {key.namespace}).",
            )
    return None


def _by_listeners(key: ObjectKey, refused: Sequence[Refusal]) -> Obstacle | None:
    if not refused:
        return None
    sure = all(refusal.certain for refusal in refused)
    verb = "admits" if sure else "surely admits"
    message = f"no listener of Gateway {key} {verb} it: {'; '.join(map(str, refused))}"
    steps = dict.fromkeys(_NEXT_STEPS[refusal.rule] for refusal in refused)
    return Obstacle(message, " Or: ".join(steps))


def _not_taken_up(key: ObjectKey, gateway: Object) -> Obstacle | None:
    conditions = (gateway.get("status") or {}).get("conditions") or ()
    if any(condition.get("type") == "Accepted" and condition.get("status") == "True" for condition in conditions):
        return None
    class_ = (gateway.get("spec") or {}).get("gatewayClassName")
    return Obstacle(
        f"no controller has taken up Gateway {key} yet (class {class_})",
        f"If this stays so, check that GatewayClass {class_} exists and that its controller runs.",
    )
