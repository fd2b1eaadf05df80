"""Types for the parts of KServe's objects that are Kubernetes' own: plain JSON at run time, named for the CRD.

`CoreObject` and its list are plain dicts; the marker `Core("V1Container")` beside them says which model of the Kubernetes
API describes them, and is consulted only when CRDs are generated (`core_schema.py`). A parsed object holds what came,
checked no deeper than "an object" or "a list of objects": the API server has checked the rest.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, PlainValidator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from kservectl.api.errors import kind_of_value
from kservectl.objects.metadata import Object

CORE_MODEL = "x-core-model"
"""The keyword that stands for a Kubernetes model in the intermediate JSON schema; never part of a CRD."""


@dataclass(frozen=True, slots=True)
class Core:
    """The class of `kubernetes_asyncio.client.models` whose schema this object, or each item of this list, has.

    `keys` are the list map keys. A list without them is a plain one, as in KServe's own CRDs, unless it is `atomic`.
    """

    model: str
    keys: tuple[str, ...] = ()
    atomic: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler(source)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = {CORE_MODEL: self.model}
        if handler(schema).get("type") != "array":
            return described
        lists: JsonSchemaValue = {"x-kubernetes-list-type": "atomic"} if self.atomic else {}
        if self.keys:
            lists = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(self.keys)}
        return {"type": "array", "items": described, **lists}


@dataclass(frozen=True, slots=True)
class _Schema:
    """Replaces the JSON schema of what it marks."""

    kind: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {CORE_MODEL: self.kind}


def _int_or_string(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError(
            "int_or_string", "must be a whole number or a string, not {given}", {"given": kind_of_value(value)}
        )
    return value


def _number_or_string(value: Any) -> int | float | str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise PydanticCustomError(
            "quantity", "must be a quantity such as 500m or 2Gi, not {given}", {"given": kind_of_value(value)}
        )
    return value


IntOrString = Annotated[int | str, PlainValidator(_int_or_string), _Schema("IntOrString")]
"""A number or a text, such as `1` or `25%`, kept as it came."""

Quantity = Annotated[int | float | str, PlainValidator(_number_or_string), _Schema("Quantity")]
"""A resource quantity with the spelling it came in; `objects.quantity` reads it."""

Affinity = Annotated[Object, Core("V1Affinity")]
Containers = Annotated[list[Object], Core("V1Container", ("name",))]
ImagePullSecrets = Annotated[list[Object], Core("V1LocalObjectReference")]
EnvVars = Annotated[list[Object], Core("V1EnvVar", ("name",))]
ResourceClaims = Annotated[list[Object], Core("V1PodResourceClaim", ("name",))]
ResourceRequirements = Annotated[Object, Core("V1ResourceRequirements")]
Tolerations = Annotated[list[Object], Core("V1Toleration")]
Volumes = Annotated[list[Object], Core("V1Volume", ("name",))]
