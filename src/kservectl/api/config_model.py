"""How a key of KServe's ConfigMap `inferenceservice-config` is read: what the models of all keys share.

Member names match in any case and unknown members are ignored, as the original reads them; null is the same as absent; a
member of the wrong type is an error.
"""

from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from kservectl.objects import quantity
from kservectl.objects.metadata import Object


class KeyModel(BaseModel):
    """A JSON object of the ConfigMap: any case of a member's name, no surprise types, frozen once read."""

    model_config = ConfigDict(
        defer_build=True, strict=True, extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True
    )

    @model_validator(mode="before")
    @classmethod
    def _match_names_in_any_case(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        names = _names(cls)
        return {names.get(name.lower(), name): member for name, member in value.items() if member is not None}


@cache
def _names(model: type[KeyModel]) -> dict[str, str]:
    return {(field.alias or name).lower(): field.alias or name for name, field in model.model_fields.items()}


class ResourceMembers(KeyModel):
    """Default requests and limits, each a quantity or empty (no such request or limit)."""

    cpu_request: str = ""
    cpu_limit: str = ""
    memory_request: str = ""
    memory_limit: str = ""

    def resources(self) -> Object:
        """The `resources` of a container with whatever is set; `{}` when nothing is."""
        found: Object = {}
        for kind, cpu, memory in (
            ("limits", self.cpu_limit, self.memory_limit),
            ("requests", self.cpu_request, self.memory_request),
        ):
            amounts = {name: amount for name, amount in (("cpu", cpu), ("memory", memory)) if amount}
            if amounts:
                found[kind] = amounts
        return found

    def unparsable(self) -> tuple[str, str] | None:
        """The first of the four members that is not a quantity (an empty one is none) and why; None when all are."""
        for member in ("memoryRequest", "memoryLimit", "cpuRequest", "cpuLimit"):
            amount = getattr(self, _SNAKE[member])
            try:
                quantity.parse(amount)
            except quantity.InvalidQuantity as problem:
                return member, str(problem) if amount else "it is not set"
        return None


_SNAKE = {
    "memoryRequest": "memory_request",
    "memoryLimit": "memory_limit",
    "cpuRequest": "cpu_request",
    "cpuLimit": "cpu_limit",
}
