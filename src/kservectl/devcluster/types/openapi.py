"""OpenAPI documents of the served kinds: what `kubectl explain` prints and what `kubectl apply` asks about.

Documents are made when first asked for and kept until the served kinds change. Descriptions are those of the client
library's models, or of the CustomResourceDefinition.
"""

import hashlib
from collections.abc import Mapping, Sequence

import orjson

from kservectl.devcluster.contract import ServedKind
from kservectl.devcluster.types.catalogue import BuiltinKind
from kservectl.devcluster.types.definitions import CustomKind
from kservectl.devcluster.types.openapi_models import Components
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

_V2 = "#/definitions/"
_V3 = "#/components/schemas/"
_INFO = {"title": "Kubernetes", "version": "devcluster"}


class OpenAPI:
    """All documents of one type system."""

    def __init__(self) -> None:
        self._builtin: Sequence[BuiltinKind] = ()
        self._custom: Sequence[CustomKind] = ()
        self._documents: dict[str, Object] = {}

    def kinds_changed(self, builtin: Sequence[BuiltinKind], custom: Sequence[CustomKind]) -> None:
        """Documents from now on are about these kinds."""
        changed = {_group_version(kind.served.kind) for kind in (*self._custom, *custom)}
        self._builtin, self._custom = builtin, custom
        for name in ("v2", *changed):
            self._documents.pop(name, None)

    def v2(self) -> Object:
        if "v2" not in self._documents:
            components = Components(_V2)
            paths = self._fill(components, self._builtin, self._custom, swagger=True)
            self._documents["v2"] = {
                "swagger": "2.0",
                "info": _INFO,
                "paths": paths,
                "definitions": components.schemas,
            }
        return self._documents["v2"]

    def v3_index(self) -> Object:
        """One entry for each group version; its address changes with its content, so that clients may cache it."""
        return {
            "paths": {
                name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={_digest(sources)}"}
                for name, sources in sorted(self._sources().items())
            }
        }

    def v3(self, group_version: str) -> Object | None:
        if group_version not in self._sources():
            return None
        if group_version not in self._documents:
            components = Components(_V3)
            builtin = [entry for entry in self._builtin if _group_version(entry.served.kind) == group_version]
            custom = [entry for entry in self._custom if _group_version(entry.served.kind) == group_version]
            paths = self._fill(components, builtin, custom, swagger=False)
            self._documents[group_version] = {
                "openapi": "3.0.0",
                "info": _INFO,
                "paths": paths,
                "components": {"schemas": components.schemas},
            }
        return self._documents[group_version]

    def _sources(self) -> Mapping[str, list[Mapping[str, object]]]:
        """Group version → what its document is made of, as far as it can change while the process runs."""
        found: dict[str, list[Mapping[str, object]]] = {}
        for entry in self._builtin:
            source = {"model": entry.model, "description": entry.description}
            found.setdefault(_group_version(entry.served.kind), []).append(source)
        for custom in self._custom:
            definition = {"kind": custom.served.kind.kind, "schema": custom.source}
            found.setdefault(_group_version(custom.served.kind), []).append(definition)
        return found

    @staticmethod
    def _fill(
        components: Components, builtin: Sequence[BuiltinKind], custom: Sequence[CustomKind], *, swagger: bool
    ) -> Object:
        paths: Object = {}
        for entry in builtin:
            reference = components.add_builtin(entry)
            _add_paths(paths, entry.served, reference, swagger=swagger)
        for kind in custom:
            reference = components.add_custom(kind)
            _add_paths(paths, kind.served, reference, swagger=swagger)
        return paths


def _group_version(kind: Kind) -> str:
    return f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"


def _digest(sources: Sequence[Mapping[str, object]]) -> str:
    return hashlib.sha256(orjson.dumps(sources, option=orjson.OPT_SORT_KEYS)).hexdigest().upper()


_PARAMETERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "dryRun": (
        "When present, indicates that modifications should not be persisted. Valid values are: - All: all dry run "
        "stages will be processed",
        ("post", "put", "patch", "delete"),
    ),
    "fieldManager": (
        "fieldManager is a name associated with the actor or entity that is making these changes.",
        ("post", "put", "patch"),
    ),
    "fieldValidation": (
        "fieldValidation instructs the server on how to handle objects in the request containing unknown fields. Valid "
        "values are: Ignore, Warn, Strict.",
        ("post", "put", "patch"),
    ),
    "force": ('Force is going to "force" Apply requests.', ("patch",)),
}
_PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)


def _add_paths(paths: Object, served: ServedKind, reference: str, *, swagger: bool) -> None:
    kind = served.kind
    namespace = "{namespace}" if kind.namespaced else ""
    collection = _template(kind, namespace)
    paths[collection] = _operations(served, reference, {"get": "list", "post": "post"}, swagger=swagger)
    if kind.namespaced:
        paths[_template(kind, "")] = _operations(served, reference, {"get": "list"}, swagger=swagger)
    item = f"{collection}/{{name}}"
    paths[item] = _operations(served, reference, _ITEM, swagger=swagger)
    if served.status:
        on_status = {verb: _ITEM[verb] for verb in ("get", "put", "patch")}
        paths[f"{item}/status"] = _operations(served, reference, on_status, swagger=swagger)


_ITEM = {"get": "get", "put": "put", "patch": "patch", "delete": "delete"}


def _template(kind: Kind, namespace: str) -> str:
    """The path of the collection, with `{namespace}` unescaped."""
    return kind.path(namespace).replace("%7Bnamespace%7D", "{namespace}")


def _operations(served: ServedKind, reference: str, verbs: Mapping[str, str], *, swagger: bool) -> Object:
    kind = served.kind
    gvk = {"group": kind.group, "kind": kind.kind, "version": kind.version}
    result: Object = {}
    for verb, action in verbs.items():
        schema = {"$ref": reference}
        operation: Object = {
            "parameters": [
                _parameter(name, text, swagger=swagger) for name, (text, of) in _PARAMETERS.items() if verb in of
            ],
            "responses": {"200": _answer(schema, swagger=swagger)},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": gvk,
        }
        if verb in ("post", "put", "patch"):
            _add_body(operation, verb, schema, custom=served.custom, swagger=swagger)
        result[verb] = operation
    return result


def _parameter(name: str, description: str, *, swagger: bool) -> Object:
    type_ = "boolean" if name == "force" else "string"
    parameter: Object = {"name": name, "in": "query", "description": description, "uniqueItems": True}
    return {**parameter, "type": type_} if swagger else {**parameter, "schema": {"type": type_, "uniqueItems": True}}


def _answer(schema: Object, *, swagger: bool) -> Object:
    if swagger:
        return {"description": "OK", "schema": schema}
    return {"description": "OK", "content": {"application/json": {"schema": schema}}}


def _add_body(operation: Object, verb: str, schema: Object, *, custom: bool, swagger: bool) -> None:
    patch = verb == "patch"
    # Custom objects take no strategic merge patch; `kubectl apply` reads here which kind of patch to send.
    patch_types = [type_ for type_ in _PATCH_TYPES if not (custom and "strategic" in type_)]
    body = {"type": "object"} if patch else schema
    if swagger:
        operation["consumes"] = patch_types if patch else ["*/*"]
        operation["parameters"].append({"name": "body", "in": "body", "required": True, "schema": body})
    else:
        types = patch_types if patch else ["*/*"]
        operation["requestBody"] = {"required": True, "content": {type_: {"schema": body} for type_ in types}}
