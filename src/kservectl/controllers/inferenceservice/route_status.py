"""Whether an HTTPRoute carries traffic: what the gateways that it is attached to say about it.

Every parent counts, whichever controller reported it: one that refuses is enough to be told. What is said about parents
that the route does not name any more does not make it taken up.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from kservectl.objects import metadata
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

    `stage` is how far it has come: `waiting` for what it leads to, `unclaimed` by any gateway, `refused` by one, or
    `unresolved`, where a gateway took it but cannot use what it names. `route` is None while there is none.
    """

    reason: str
    message: str
    stage: Literal["waiting", "unclaimed", "refused", "unresolved"]
    route: Object | None = field(default=None, compare=False)


def first_problem(routes: Iterable[WantedRoute]) -> RouteProblem | None:
    """The first thing that stands in the way, in the order of `routes`; None when all of them are accepted.

    A condition that a gateway reports as Unknown does not stand in the way.
    """
    return next((problem for route in routes if (problem := _problem(route)) is not None), None)


def _problem(route: WantedRoute) -> RouteProblem | None:
    if route.live is None and not route.desired:
        return RouteProblem(f"{route.label} Deployment NotReady", f"{route.label} HTTPRoute not created", "waiting")
    parents = ((route.live or {}).get("status") or {}).get("parents") or ()
    for parent in parents:
        for condition in parent.get("conditions") or ():
            if condition.get("status") == "False":
                return RouteProblem(
                    str(condition.get("reason") or "RouteNotAccepted"),
                    f"{route.label} {condition.get('message') or ''}".rstrip(),
                    "unresolved" if condition.get("type") == "ResolvedRefs" else "refused",
                    route.live,
                )
    if not any(_is_named(parent, route.live or {}) for parent in parents):
        return RouteProblem("ParentStatusNotAvailable", f"{route.label} HttpRouteNotReady", "unclaimed", route.live)
    return None


def _is_named(parent: Object, route: Object) -> bool:
    """Whether the route names the parent that this status is about; one that does not say which is taken for named."""
    reported = parent.get("parentRef")
    wanted = (route.get("spec") or {}).get("parentRefs") or ()
    if not reported or not wanted:
        return True
    return any(_key(reference, route) == _key(reported, route) for reference in wanted)


def _key(reference: Object, route: Object) -> tuple[str, str]:
    return str(reference.get("namespace") or metadata.namespace(route)), str(reference.get("name"))
