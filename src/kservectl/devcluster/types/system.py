"""The type system: every kind served now, and what can be done with an object of it.

It knows all built-in kinds from the start and custom ones once their definitions are added. Methods are those of
`contract.TypeSystem`; each finds the kind and hands over to the module that has the rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from kservectl.devcluster.contract import (
    FieldValidation,
    InvalidObject,
    Malformed,
    PatchType,
    Prepared,
    ServedKind,
    UnknownFields,
    Unreadable,
    Untyped,
)
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types import conversion, managedfields
from kservectl.devcluster.types.catalogue import BuiltinKind, builtin_kinds
from kservectl.devcluster.types.decode import decode, fill_structs
from kservectl.devcluster.types.defaults import apply_defaults
from kservectl.devcluster.types.definitions import CustomKind, Definition, read_definition
from kservectl.devcluster.types.gotypes import type_name
from kservectl.devcluster.types.models import struct
from kservectl.devcluster.types.openapi import OpenAPI
from kservectl.devcluster.types.ownership import fields_of
from kservectl.devcluster.types.patches import patched
from kservectl.devcluster.types.schema import Schema
from kservectl.devcluster.types.structural import fill_defaults, prune
from kservectl.devcluster.types.typed import shape_problems
from kservectl.devcluster.types.validation.objects import check_builtin, check_custom, check_scale
from kservectl.objects import metadata
from kservectl.objects.fieldset import FieldSet
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object


def builtin_types() -> "Types":
    """A type system that serves Kubernetes' own kinds; the schemas are read when first needed."""
    return Types()


class Types:
    """Fulfils `contract.TypeSystem`."""

    def __init__(self) -> None:
        self._builtin = builtin_kinds()
        self._definitions: dict[str, Definition] = {}
        self._custom: dict[Kind, CustomKind] = {}
        self._served: tuple[ServedKind, ...] = ()
        self._openapi = OpenAPI()
        self._log = structlog.get_logger()
        self._refresh()

    def served(self) -> Sequence[ServedKind]:
        return self._served

    def add_definition(self, crd: Object) -> None:
        definition = read_definition(crd)
        name = metadata.name(crd)
        for problem in definition.problems:
            self._log.warning(
                "validation rule ignored", definition=name, path=problem.path, rule=problem.rule, reason=problem.reason
            )
        self._definitions[name] = definition
        self._refresh()

    def remove_definition(self, name: str) -> None:
        self._definitions.pop(name, None)
        self._refresh()

    def convert(self, obj: Object, to: Kind) -> Object:
        return conversion.convert(obj, to)

    def prepare(self, kind: Kind, obj: Object, *, field_validation: FieldValidation = "Warn") -> Prepared:
        entry = self._entry(kind)
        self._check_envelope(kind, obj, custom=entry.custom)
        unknown: list[str] = []
        try:
            prepared = entry.prepare(obj, unknown)
        except RecursionError as error:
            raise Malformed("the object is nested too deeply") from error
        problems = tuple(f'unknown field "{path}"' for path in unknown)
        if problems and field_validation == "Strict":
            raise UnknownFields(problems)
        return Prepared(prepared, problems if field_validation == "Warn" else ())

    def validate(self, kind: Kind, new: Object, old: Object | None, *, subresource: str = "") -> None:
        entry = self._entry(kind)
        if (stated := new.get("kind")) != kind.kind:
            raise InvalidObject([say.invalid("kind", stated, f"must be {kind.kind}")], kind=str(stated))
        check = check_custom if entry.custom else check_builtin
        causes = check(kind, entry.schema(), new, old, subresource)
        if entry.custom:
            causes += check_scale(entry.kind.served.scale, new)
        if causes:
            raise InvalidObject(causes)

    def patch(self, kind: Kind, live: Object, body: Any, type_: PatchType, *, subresource: str = "") -> Object:
        return patched(live, body, type_, self._entry(kind).type_name)

    def apply(
        self,
        kind: Kind,
        live: Object | None,
        body: Object,
        *,
        manager: str,
        force: bool,
        now: datetime,
        subresource: str = "",
    ) -> Object:
        entry = self._entry(kind)
        self._check_envelope(kind, body, custom=entry.custom)
        _check_shape(kind, entry.schema(), body)
        return managedfields.apply(
            entry.schema(),
            live,
            {"apiVersion": kind.api_version, "kind": kind.kind, **body},
            empty=entry.empty(),
            manager=manager,
            force=force,
            now=now,
            subresource=subresource,
            reset=entry.reset(subresource),
        )

    def track(
        self, kind: Kind, old: Object | None, new: Object, *, manager: str, now: datetime, subresource: str = ""
    ) -> Object:
        entry = self._entry(kind)
        return managedfields.update(
            entry.schema(),
            entry.empty() if old is None else old,
            new,
            manager=manager,
            now=now,
            subresource=subresource,
            reset=entry.reset(subresource) | entry.allocated,
            created=old is None,
        )

    def openapi_v2(self) -> Object:
        return self._openapi.v2()

    def openapi_v3_index(self) -> Object:
        return self._openapi.v3_index()

    def openapi_v3(self, group_version: str) -> Object | None:
        return self._openapi.v3(group_version)

    def _refresh(self) -> None:
        self._custom = {
            custom.served.kind: custom for definition in self._definitions.values() for custom in definition.kinds
        }
        builtin = tuple(entry.served for entry in self._builtin.values())
        self._served = (*builtin, *(custom.served for custom in self._custom.values()))
        self._openapi.kinds_changed(tuple(self._builtin.values()), tuple(self._custom.values()))

    def _check_envelope(self, kind: Kind, obj: Object, *, custom: bool) -> None:
        """The object says what it is, and it is what the URL says; of a custom one its kind is looked at later."""
        if not isinstance(obj, dict):
            raise Malformed("the body of the request is not an object")
        if not isinstance(obj.get("metadata") or {}, dict):
            raise Malformed("the metadata of the object is not an object")
        stated = (str(obj.get("apiVersion") or kind.api_version), str(obj.get("kind") or kind.kind))
        if custom and stated[0] != kind.api_version:
            raise Malformed(
                f"the API version in the data ({stated[0]}) does not match the expected API version "
                f"({kind.api_version})"
            )
        if custom or stated == (kind.api_version, kind.kind):
            return
        if any((known.api_version, known.kind) == stated for known in self._builtin):
            version, internal = stated[0].rpartition("/")[2], kind.group.partition(".")[0] or "core"
            raise _unregistered(
                kind, stated, f"converting ({version}.{stated[1]}) to ({internal}.{kind.kind}): unknown conversion"
            )
        where = f'for version "{stated[0]}" in scheme "pkg/runtime/scheme.go:110"'
        raise _unregistered(kind, stated, f'no kind "{stated[1]}" is registered {where}')

    def _entry(self, kind: Kind) -> "_BuiltinEntry | _CustomEntry":
        if kind in self._builtin:
            return _BuiltinEntry(self._builtin[kind])
        if kind in self._custom:
            return _CustomEntry(self._custom[kind])
        raise Malformed(f'no kind "{kind.kind}" is registered for version "{kind.api_version}"')


def _check_shape(kind: Kind, schema: Schema, body: Object) -> None:
    try:
        found = list(shape_problems(schema, body))
        if not found:
            fields_of(schema, body)
    except Malformed as problem:
        found = [f".{problem}" if not str(problem).startswith(".") else str(problem)]
    if found:
        listed = found[0] if len(found) == 1 else "\n  ".join(["errors:", *found])
        about = f"{metadata.namespace(body)}/{metadata.name(body)}; {kind.group}/{kind.version}, Kind={kind.kind}"
        raise Untyped(f"failed to create typed patch object ({about}): {listed}")


def _fill_lists(schema: Schema, value: Object) -> None:
    """The one list that Go writes even when nobody set it, so that nobody comes to own it as a whole."""
    if schema.name == "PodSpec":
        value.setdefault("containers", [])
    for name in schema.always:
        _fill_lists(schema.properties[name], value[name])


_ALLOCATED: FieldSet = frozenset(
    ("f:spec", f"f:{name}") for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort")
)
_STATUS: FieldSet = frozenset({("f:status",)})


@dataclass(frozen=True, slots=True)
class _BuiltinEntry:
    """A built-in kind, with its schema read on demand."""

    kind: BuiltinKind
    custom: bool = False

    @property
    def allocated(self) -> FieldSet:
        """What the registry fills in after ownership was settled, so that no update owns it."""
        return _ALLOCATED if self.kind.model == "V1Service" else frozenset()

    @property
    def type_name(self) -> str:
        return type_name(self.kind.model)

    def schema(self) -> Schema:
        return struct(self.kind.model)

    def empty(self) -> Object:
        """The object with nothing set, as Go writes it: the structs that are always there, empty."""
        result: Object = {}
        fill_structs(self.schema(), result)
        _fill_lists(self.schema(), result)
        return result

    def prepare(self, obj: Object, unknown: list[str]) -> Object:
        kind = self.kind.served.kind
        try:
            decoded = decode(self.schema(), obj, unknown)
        except Malformed as error:
            raise _unreadable(kind, error) from error
        decoded["apiVersion"], decoded["kind"] = kind.api_version, kind.kind
        fill_structs(self.schema(), decoded)
        apply_defaults(kind, decoded)
        return decoded

    def reset(self, subresource: str) -> FieldSet:
        """The fields that requests to this endpoint cannot change, and so cannot own."""
        if subresource == "status":
            return frozenset({("f:spec",), ("f:metadata", "f:labels")})
        return _STATUS if self.kind.served.status else frozenset()


@dataclass(frozen=True, slots=True)
class _CustomEntry:
    """A custom kind."""

    kind: CustomKind
    custom: bool = True
    type_name: str = ""
    allocated: FieldSet = frozenset()

    def schema(self) -> Schema:
        return self.kind.schema

    def empty(self) -> Object:
        return {}

    def prepare(self, obj: Object, unknown: list[str]) -> Object:
        meta = obj.get("metadata") or {}
        rest = {name: value for name, value in obj.items() if name != "metadata"}
        decoded: Object = prune(self.schema(), rest, "", unknown)
        kind = self.kind.served.kind
        # An untyped object keeps the kind that it says it is until it is validated.
        decoded["apiVersion"], decoded["kind"] = kind.api_version, str(obj.get("kind") or kind.kind)
        try:
            decoded["metadata"] = decode(struct("V1ObjectMeta"), meta, unknown, path="metadata")
        except Malformed as error:
            raise _unreadable(kind, error) from error
        fill_defaults(self.schema(), decoded)
        return decoded

    def reset(self, subresource: str) -> FieldSet:
        """As for built-in kinds; the status endpoint of a custom kind takes no metadata at all."""
        if subresource == "status":
            return frozenset({("f:spec",), ("f:metadata",)})
        return _STATUS if self.kind.served.status else frozenset()


def _unregistered(kind: Kind, stated: tuple[str, str], why: str) -> Malformed:
    api_version, name = stated
    return Malformed(f'{name} in version "{api_version.rpartition("/")[2]}" cannot be handled as a {kind.kind}: {why}')


def _unreadable(kind: Kind, error: Malformed) -> Malformed:
    return Unreadable(kind, str(error))
