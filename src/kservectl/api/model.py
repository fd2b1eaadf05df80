"""The base of every API model: what came is kept, what is unknown survives, nothing is filled in.

`model_dump(by_alias=True, exclude_unset=True)` gives back what was parsed, unknown fields included. Defaults that KServe
documents are methods or properties of the models, never values that appear in an object nobody wrote them into. Types are
strict, as they are for the API server: the text `"1"` is no number.
"""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from kservectl.api.errors import Malformed, describe
from kservectl.objects.metadata import Object

Int32 = Annotated[int, Field(json_schema_extra={"format": "int32"})]
Int64 = Annotated[int, Field(json_schema_extra={"format": "int64"})]
Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]

ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
ATOMIC_MAP: dict[str, Any] = {"x-kubernetes-map-type": "atomic"}
PRESERVE_UNKNOWN: dict[str, Any] = {"x-kubernetes-preserve-unknown-fields": True}


def list_map(*keys: str) -> dict[str, Any]:
    """The schema extension of a list whose items are told apart by the values of `keys`."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


class ApiModel(BaseModel):
    """A part of a KServe object. Attributes are snake_case, the wire names are the aliases."""

    model_config = ConfigDict(
        defer_build=True,
        strict=True,
        extra="allow",
        alias_generator=to_camel,
        populate_by_name=True,
        protected_namespaces=(),
        coerce_numbers_to_str=False,
    )

    @classmethod
    def parse(cls, obj: Any) -> Self:
        """The model of a decoded JSON value; raises `Malformed` with one problem per wrong field."""
        try:
            return cls.model_validate(obj)
        except ValidationError as error:
            raise Malformed(describe(error, obj)) from error

    def to_object(self) -> Object:
        """What was parsed (and what was set since), as plain JSON values under wire names."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class Resource(ApiModel):
    """A whole object. `metadata` stays a plain dict, which `objects.metadata` reads."""

    api_version: str | None = None
    kind: str | None = None
    metadata: Object = Field(default_factory=dict)
