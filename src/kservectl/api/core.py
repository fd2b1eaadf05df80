"""Types for the parts of KServe's objects that are Kubernetes' own: plain JSON at run time, named for the CRD.

`Core("V1Container")` on a field says which model of the Kubernetes API describes it. The models are only consulted when
CRDs are generated (`core_schema.py`); a parsed object holds what came, checked no deeper than "an object" or "a list of
objects", because the API server has already checked it and the decisions read it as plain dicts.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from kservectl.api.errors import kind_of_value
from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class Core:
    """The class in `kubernetes_asyncio.client.models` whose schema this field (or each item of it) has."""

    model: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """Marks a field that takes a resource quantity, as a number or as text, and keeps its exact spelling."""


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


IntOrString = Annotated[int | str, PlainValidator(_int_or_string)]
"""A number or a text, such as `1` or `25%`, kept as it came."""

QuantityValue = Annotated[int | float | str, PlainValidator(_number_or_string), Quantity()]
"""A quantity with its spelling; `objects.quantity` reads it."""

Objects = list[Object]
