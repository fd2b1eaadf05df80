"""The status of an InferenceService in the making: what it was, plus what one decision found out.

Everything that the decision says nothing about stays as it was, unknown fields included, so that a status that says the
same is equal to the one before and costs no write.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from kservectl.controllers.inferenceservice.component import Role
from kservectl.controllers.inferenceservice.conditions import ConditionSet
from kservectl.controllers.inferenceservice.runtime_selection import Runtime
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

READY = "Ready"
PREDICTOR_READY = "PredictorReady"
INGRESS_READY = "IngressReady"
CANARY_READY = "CanaryPredictorReady"
STOPPED = "Stopped"

COMPONENT_READY: Mapping[Role, str] = {
    "predictor": PREDICTOR_READY,
    "transformer": "TransformerReady",
    "explainer": "ExplainerReady",
}
"""The condition of each component; only the predictor's decides about Ready, the others do so through `IngressReady`."""

_RUNTIME_FIELDS = ("servingRuntimeName", "clusterServingRuntimeName")


class StatusDraft:
    """Conditions and fields of a status, until `to_wire` takes them as they are."""

    def __init__(self, service: Object, now: datetime) -> None:
        self.before: Object = service.get("status") or {}
        self.conditions = ConditionSet(
            READY, (PREDICTOR_READY, INGRESS_READY), self.before.get("conditions") or (), now
        )
        self.conditions.initialise()
        self._generation = metadata.generation(service)
        self._fields: Object = dict(self.before)

    @property
    def was_ready(self) -> bool:
        """Whether the service was Ready before this decision."""
        before = self.conditions.before(READY)
        return before is not None and before.status == "True"

    @property
    def describes_generation(self) -> bool:
        """Whether the status before this decision is about the spec as it is now."""
        return bool(self._generation) and self.before.get("observedGeneration") == self._generation

    @property
    def model_status(self) -> Object:
        found: Object = self._fields.get("modelStatus") or {}
        return found

    @model_status.setter
    def model_status(self, value: Object) -> None:
        self._fields["modelStatus"] = value

    @property
    def canary_statuses(self) -> list[Object]:
        found: list[Object] = self._fields.get("canaryStatuses") or []
        return found

    @canary_statuses.setter
    def canary_statuses(self, entries: list[Object]) -> None:
        self._fields.pop("canaryStatuses", None)
        if entries:
            self._fields["canaryStatuses"] = entries

    def set_mode(self, mode: str) -> None:
        self._fields["deploymentMode"] = mode

    def set_runtime(self, runtime: Runtime | None) -> None:
        """Remember the chosen runtime under its kind, and under no other; None (a custom pod) leaves what is there."""
        if runtime is None:
            return
        for field in _RUNTIME_FIELDS:
            self._fields.pop(field, None)
        self._fields[_RUNTIME_FIELDS[1 if runtime.cluster_wide else 0]] = runtime.name

    def component(self, role: Role) -> Object:
        """What is said of a component so far."""
        found: Object = (self._fields.get("components") or {}).get(role) or {}
        return found

    def set_component(self, role: Role, entry: Object) -> None:
        """Say `entry` of a component, and nothing else."""
        self._fields["components"] = {**(self._fields.get("components") or {}), role: entry}

    def set_component_url(self, role: Role, url: str) -> None:
        """Enter a component; an empty `url` keeps the one that it had."""
        self.set_component(role, {**self.component(role), **({"url": url} if url else {})})

    def keep_components(self, roles: Iterable[Role]) -> None:
        """Forget what was said about components that the spec does not have."""
        kept = set(roles)
        for role, condition in COMPONENT_READY.items():
            if role not in kept:
                self.conditions.clear(condition)
        if "components" in self._fields:
            found = self._fields["components"] or {}
            self._fields["components"] = {role: entry for role, entry in found.items() if role in kept}

    def set_addresses(self, url: str, address: str) -> None:
        self._fields["url"] = url
        self._fields["address"] = {**(self._fields.get("address") or {}), "url": address}

    def forget(self) -> None:
        """Drop everything but the deployment mode: nothing runs any more that the rest could be about."""
        mode = self._fields.get("deploymentMode")
        self._fields = {} if mode is None else {"deploymentMode": mode}
        self.conditions.clear_all()

    def take(self, status: Object) -> None:
        """Go on from a status that was decided already."""
        self._fields = dict(status)
        self.conditions.replace_all(status.get("conditions") or ())

    def to_wire(self) -> Object:
        """The whole status."""
        wire = {**self._fields, "conditions": self.conditions.to_wire()}
        if self._generation:
            wire["observedGeneration"] = self._generation
        return wire
