"""The fields of a kind: a table for each type, from the models that the CustomResourceDefinitions are made of.

Types that are Kubernetes' own are named and not written out: Kubernetes documents them.
"""

import re
from collections.abc import Iterator
from typing import Any

from documentation.tables import code, page, prose, table
from kservectl.api.core import CORE_MODEL
from kservectl.api.crds import DEFINITIONS, Definition
from kservectl.api.model import ApiModel
from kservectl.api.structural import field_doc
from kservectl.objects.metadata import Object

_KUBERNETES = "https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/"
_MAP = re.compile(r"dict\(str, (\w+)\)")
_VERSIONED = re.compile(r"(V[12])(\w+)")
_PLAIN = {"IntOrString": "integer or string", "Quantity": "quantity", "str": "string"}


def pages() -> dict[str, str]:
    """Path below `docs/` → page, for every kind."""
    return {f"reference/fields/{each.kind.kind.lower()}.md": of_kind(each) for each in DEFINITIONS}


def of_kind(definition: Definition) -> str:
    """The page of one kind."""
    kind = definition.kind
    document = definition.model.model_json_schema(by_alias=True)
    types: Object = document.get("$defs", {})
    models = {model.__name__: model for model in _descendants(ApiModel)}
    scope = "namespaced" if kind.namespaced else "for the whole cluster"
    short = f", short name {', '.join(map(code, definition.short_names))}" if definition.short_names else ""
    introduction = (
        f"`apiVersion: {kind.api_version}`, `kind: {kind.kind}`, {scope}{short}. "
        f"The same as `kubectl explain {kind.plural} --recursive` says on a cluster. "
        "A type with an arrow is Kubernetes' own."
    )
    own = {name: document["properties"][name] for name in ("spec", "status") if name in document["properties"]}
    sections = [_section(kind.kind, prose(document.get("description", "")), own, (), definition.model)]
    sections += [
        _section(
            name,
            prose(types[name].get("description", "")),
            types[name].get("properties", {}),
            _needed(types[name]),
            models[name],
        )
        for name in _in_order(document, types)
    ]
    return page(f"Fields of {kind.kind}", introduction, *sections)


def _section(name: str, said: str, properties: Object, needed: tuple[str, ...], model: type[ApiModel]) -> str:
    rows = [
        (f"{code(field)}{' *required*' if field in needed else ''}", _type(node), prose(_about(model, field, node)))
        for field, node in properties.items()
    ]
    return "\n\n".join(part for part in (f"## {name}", said, table(("Field", "Type", "What it is"), rows)) if part)


def _about(model: type[ApiModel], field: str, node: Object) -> str:
    return field_doc(model, field) or str(node.get("description") or "")


def _needed(node: Object) -> tuple[str, ...]:
    return tuple(node.get("required", ()))


def _in_order(document: Object, types: Object) -> list[str]:
    """The names of all types that the kind is made of, each after the first one that mentions it."""
    found: list[str] = []
    waiting = list(
        _mentioned(
            {name: document["properties"][name] for name in ("spec", "status") if name in document["properties"]}
        )
    )
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found.append(name)
            waiting[:0] = _mentioned(types[name])
    return found


def _mentioned(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield _name(node["$ref"])
        for child in node.values():
            yield from _mentioned(child)
    elif isinstance(node, list):
        for child in node:
            yield from _mentioned(child)


def _type(node: Object) -> str:
    if "anyOf" in node:
        return " or ".join(_type(branch) for branch in node["anyOf"] if branch != {"type": "null"})
    if "$ref" in node:
        name = _name(node["$ref"])
        return f"[{name}](#{name.lower()})"
    if CORE_MODEL in node:
        return _core(str(node[CORE_MODEL]))
    if "enum" in node or "const" in node:
        return " or ".join(code(str(value) or '""') for value in node.get("enum", [node.get("const")]))
    if node.get("type") == "array":
        return f"list of {_type(node.get('items', {}))}"
    if node.get("type") == "object":
        values = node.get("additionalProperties")
        return f"map to {_type(values)}" if isinstance(values, dict) and values else "object"
    return " ".join(
        str(part) for part in (node.get("type", "any"), f"({node['format']})" if "format" in node else "") if part
    )


def _core(model: str) -> str:
    """A type of the Kubernetes API: `V1Container` is `Container` of `v1`, `dict(str, Quantity)` a map of quantities."""
    if values := _MAP.fullmatch(model):
        return f"map to {_core(values[1])}"
    if found := _VERSIONED.fullmatch(model):
        version, name = found.groups()
        group = "autoscaling" if version == "V2" else "core"
        return f"[{name} ↗]({_KUBERNETES}#{name.lower()}-{version.lower()}-{group})"
    return _PLAIN.get(model, model)


def _name(reference: str) -> str:
    return reference.rsplit("/", 1)[1]


def _descendants(model: type[ApiModel]) -> Iterator[type[ApiModel]]:
    for child in model.__subclasses__():
        yield child
        yield from _descendants(child)
