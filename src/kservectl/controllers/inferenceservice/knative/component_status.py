"""What a component's status and conditions say of its Knative Service (serverless.md, 4.4 and 6).

Conditions are copied from the Knative Service. One that tells of an earlier generation of it is not: what was ready then says
nothing of what was asked for since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kservectl.controllers.inferenceservice.component import Role
from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE, UNKNOWN, ConditionSet
from kservectl.controllers.inferenceservice.knative.told import OUT_OF_DATE, conditions_of, is_observed
from kservectl.controllers.inferenceservice.knative.traffic import Rollout
from kservectl.controllers.inferenceservice.status import COMPONENT_READY
from kservectl.objects.metadata import Object

ROUTE_READY: Mapping[Role, str] = {
    "predictor": "PredictorRouteReady",
    "transformer": "TransformerRouteReady",
    "explainer": "ExplainerRoutesReady",
}
CONFIGURATION_READY: Mapping[Role, str] = {
    "predictor": "PredictorConfigurationReady",
    "transformer": "TransformerConfigurationReady",
    "explainer": "ExplainerConfigurationReady",
}
ROUTES_READY = "RoutesReady"
LATEST_DEPLOYMENT_READY = "LatestDeploymentReady"

_READY = "Ready"
_SOURCES: Sequence[tuple[str, Mapping[Role, str]]] = (
    ("ConfigurationsReady", CONFIGURATION_READY),
    ("RoutesReady", ROUTE_READY),
    (_READY, COMPONENT_READY),
)


@dataclass(frozen=True, slots=True)
class Served:
    """A component's Knative Service as it is; None before it exists."""

    role: Role
    live: Object | None

    @property
    def title(self) -> str:
        """The component's name in messages."""
        return self.role.capitalize()

    @property
    def status(self) -> Object:
        found: Object = (self.live or {}).get("status") or {}
        return found

    @property
    def has_failed(self) -> bool:
        """Whether Knative says of anything that it does not work."""
        return any(found.status == FALSE for found in conditions_of(self.status))

    @property
    def runs_newest(self) -> bool:
        """Whether the revision that was created last is the one that is ready."""
        return self.status.get("latestCreatedRevisionName") == self.status.get("latestReadyRevisionName")


def entry(recorded: Object, served: Served, rollout: Rollout) -> Object:
    """The component's entry in `status.components`, from the one `recorded` before."""
    status = served.status
    told: Object = {
        "latestCreatedRevision": status.get("latestCreatedRevisionName"),
        "latestReadyRevision": status.get("latestReadyRevisionName"),
        "latestRolledoutRevision": rollout.latest,
        "previousRolledoutRevision": rollout.previous,
        "traffic": status.get("traffic"),
    }
    if any(found.type == _READY and found.status == TRUE for found in conditions_of(status)):
        told |= {field: status[field] for field in ("url", "address") if status.get(field)}
    kept = {field: value for field, value in recorded.items() if field not in told}
    return {**kept, **{field: value for field, value in told.items() if value}}


def mark(conditions: ConditionSet, served: Served) -> None:
    """Set the component's conditions to what its Knative Service says."""
    found = {condition.type: condition for condition in conditions_of(served.status)}
    for source, targets in _SOURCES:
        target, told = targets[served.role], found.get(source)
        if told is not None and not is_observed(served.live or {}):
            conditions.mark_unknown(target, *OUT_OF_DATE)
        elif told is not None:
            conditions.mark(target, told.status, told.reason, told.message)
        elif targets is COMPONENT_READY and served.role == "predictor":
            conditions.mark_unknown(target)
        else:
            conditions.clear(target)


def mark_all(conditions: ConditionSet, roles: Sequence[Role]) -> None:
    """Set the conditions about all components together: the last component that is not ready decides what they say."""
    for overall, targets in ((ROUTES_READY, ROUTE_READY), (LATEST_DEPLOYMENT_READY, CONFIGURATION_READY)):
        lagging = [targets[role] for role in roles if not conditions.is_true(targets[role])]
        if not lagging:
            conditions.mark_true(overall)
            continue
        found = conditions.get(lagging[-1])
        status = UNKNOWN if found is None else found.status
        conditions.mark(overall, status, f"{lagging[-1]} not ready")


def clear_others(conditions: ConditionSet, roles: Sequence[Role]) -> None:
    """Forget what was said of the routes and revisions of components that the spec does not have."""
    for targets in (ROUTE_READY, CONFIGURATION_READY):
        for role, target in targets.items():
            if role not in roles:
                conditions.clear(target)
