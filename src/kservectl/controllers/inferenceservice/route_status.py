"""Whether an HTTPRoute carries traffic: what the gateways that it is attached to say about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class WantedRoute:
    """A route that the service needs. `label` names it in messages; `live` is None until the cache shows it.

    `desired` says whether it is (being) created; a route that waits for its component is not.
    """

    label: str
    live: Object | None
    desired: bool


@dataclass(frozen=True, slots=True)
class RouteProblem:
    """Why a route carries no traffic yet, as condition reason and message.

    `stage` is how far it has come: `waiting` for what it leads to, `unclaimed` by any gateway, or `refused` by one.
    """

    reason: str
    message: str
    stage: Literal["waiting", "unclaimed", "refused"]


def first_problem(routes: Iterable[WantedRoute]) -> RouteProblem | None:
    """The first thing that stands in the way, in the order of `routes`; None when all of them are accepted.

    A condition that a gateway reports as Unknown does not stand in the way.
    """
    return next((problem for route in routes if (problem := _problem(route)) is not None), None)


def _problem(route: WantedRoute) -> RouteProblem | None:
    if route.live is None and not route.desired:
        return RouteProblem(f"{route.label} Deployment NotReady", f"{route.label} HTTPRoute not created", "waiting")
    parents = ((route.live or {}).get("status") or {}).get("parents") or ()
    if not parents:
        return RouteProblem("ParentStatusNotAvailable", f"{route.label} HttpRouteNotReady", "unclaimed")
    for parent in parents:
        for condition in parent.get("conditions") or ():
            if condition.get("status") == "False":
                return RouteProblem(
                    str(condition.get("reason") or "RouteNotAccepted"),
                    f"{route.label} {condition.get('message') or ''}".rstrip(),
                    "refused",
                )
    return None
