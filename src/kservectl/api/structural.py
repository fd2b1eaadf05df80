"""From a pydantic model to the structural schema that a CustomResourceDefinition wants.

pydantic's JSON schema is the start: references are written out, `null` alternatives are dropped (an absent field says the
same), titles and absent defaults go, and the parts that are Kubernetes' own are filled in from `core_schema`. Unknown fields
are pruned by the API server unless the schema says otherwise, so `additionalProperties: true` goes too.
"""

from collections.abc import Iterator
from typing import Any

from kservectl.api.core import CORE_MODEL
from kservectl.api.core_schema import core_schema
from kservectl.api.field_docs import FIELD_DOCS
from kservectl.api.model import ApiModel
from kservectl.objects.metadata import Object

_KEPT = frozenset(
    (
        "type",
        "format",
        "description",
        "enum",
        "pattern",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "required",
        "default",
    )
)


def structural_schema(model: type[ApiModel]) -> Object:
    """The schema of a whole object of `model`, without the parts of `metadata` that the API server knows itself."""
    document = model.model_json_schema(by_alias=True)
    models = {found.__name__: found for found in _descendants(ApiModel)}
    _explain(document, model)
    for name, definition in document.get("$defs", {}).items():
        _explain(definition, models[name])
    return _convert(document, document.get("$defs", {}))


def field_doc(model: type[ApiModel], wire: str) -> str | None:
    """The line about a field, looked up under the model that declares it."""
    return next((FIELD_DOCS[key] for base in model.__mro__ if (key := f"{base.__name__}.{wire}") in FIELD_DOCS), None)


def _explain(schema: Object, model: type[ApiModel]) -> None:
    for wire, node in schema.get("properties", {}).items():
        if line := field_doc(model, wire):
            node["description"] = line


def _descendants(model: type[ApiModel]) -> Iterator[type[ApiModel]]:
    for child in model.__subclasses__():
        yield child
        yield from _descendants(child)


def _convert(node: Object, definitions: Object) -> Object:
    node = _resolve(node, definitions)
    extensions = {key: value for key, value in node.items() if key.startswith("x-kubernetes-")}
    if core := node.get(CORE_MODEL):
        own = {key: node[key] for key in ("description", "default") if node.get(key) is not None}
        return {**own, **core_schema(core), **extensions}
    schema: Object = {key: node[key] for key in node if key in _KEPT}
    if schema.get("default", ...) is None:
        del schema["default"]
    if "const" in node:
        schema["enum"] = [node["const"]]
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    if "items" in node:
        schema["items"] = _convert(node["items"], definitions)
    if properties := node.get("properties"):
        schema["properties"] = {name: _convert(properties[name], definitions) for name in sorted(properties)}
    elif isinstance(values := node.get("additionalProperties"), dict):
        schema["additionalProperties"] = _convert(values, definitions)
    return schema | extensions


def _resolve(node: Object, definitions: Object) -> Object:
    """`node` with its reference written out and its `null` alternative dropped; what stands beside them wins."""
    beside: Object = {key: value for key, value in node.items() if key not in ("$ref", "anyOf")}
    target: Any = None
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[1]]
    elif "anyOf" in node:
        (target,) = (branch for branch in node["anyOf"] if branch != {"type": "null"})
    if target is None:
        return node
    beside.pop("title", None)
    if beside.get("default", ...) is None:
        del beside["default"]
    return _resolve({**target, **beside}, definitions)
