"""Custom kinds: from a CustomResourceDefinition to what the type system serves."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kservectl.devcluster.contract import Column, InvalidObject, ServedKind
from kservectl.devcluster.types.crd_validation import check_definition
from kservectl.devcluster.types.jsonschema import compile_schema
from kservectl.devcluster.types.models import struct
from kservectl.devcluster.types.rules import RuleProblem
from kservectl.devcluster.types.schema import Schema
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class CustomKind:
    """One served version of a custom kind. `source` is its openAPIV3Schema."""

    served: ServedKind
    schema: Schema
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Definition:
    """All served versions of one CustomResourceDefinition, and the rules in it that are not checked here."""

    kinds: Sequence[CustomKind]
    problems: Sequence[RuleProblem]


def read_definition(crd: Object) -> Definition:
    """Compile a CustomResourceDefinition; raises InvalidObject."""
    if causes := check_definition(crd):
        raise InvalidObject(causes)
    problems: list[RuleProblem] = []
    versions = [version for version in crd["spec"]["versions"] if version.get("served")]
    versions.sort(key=lambda version: version_priority(version["name"]), reverse=True)
    kinds = [
        _custom_kind(crd["spec"], version, problems, preferred=position == 0)
        for position, version in enumerate(versions)
    ]
    return Definition(kinds, problems)


def version_priority(version: str) -> tuple[int, int, int]:
    """Kubernetes' order of versions, for sorting: v10 above v2 above v1 above v1beta2 above v1alpha1 above the rest."""
    found = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if found is None:
        return (-1, 0, 0)
    major, stage, minor = found.groups()
    return ({None: 2, "beta": 1, "alpha": 0}[stage], int(major), int(minor or 0))


def _custom_kind(spec: Object, version: Object, problems: list[RuleProblem], *, preferred: bool) -> CustomKind:
    names = spec["names"]
    kind = Kind(spec["group"], version["name"], names["kind"], names["plural"], spec["scope"] == "Namespaced")
    subresources = version.get("subresources") or {}
    served = ServedKind(
        kind,
        names.get("singular") or names["kind"].lower(),
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        status="status" in subresources,
        scale=subresources.get("scale"),
        columns=_columns(version.get("additionalPrinterColumns")),
        preferred=preferred,
        custom=True,
        selectable=tuple(each["jsonPath"].lstrip(".") for each in version.get("selectableFields") or ()),
    )
    source = version["schema"]["openAPIV3Schema"]
    schema = compile_schema(source, problems)
    stated = schema.properties.get("metadata")
    # The envelope means the same for every kind; all that a definition may add is a rule about names.
    names_only = {
        name: child for name, child in (stated.properties if stated else {}).items() if name in ("name", "generateName")
    }
    meta = struct("V1ObjectMeta")
    meta = replace(meta, properties={**meta.properties, **names_only})
    schema.properties.update(apiVersion=Schema("string"), kind=Schema("string"), metadata=meta)
    return CustomKind(served, schema, source)


def _columns(columns: Sequence[Object] | None) -> tuple[Column, ...]:
    if not columns:
        return (Column("Age", "date", ".metadata.creationTimestamp"),)
    return tuple(
        Column(
            column["name"],
            column["type"],
            column["jsonPath"],
            column.get("priority") or 0,
            column.get("description") or "",
            column.get("format") or "",
        )
        for column in columns
    )
