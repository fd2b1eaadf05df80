"""Compiling the OpenAPI v3 schema of a CustomResourceDefinition into a `Schema`.

Each keyword becomes a check, a plain function, once; the logical ones (`oneOf`, `anyOf`, `allOf`, `not`) compile their
branches like any schema. Sentences are those of the API extensions server.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from kservectl.clock import parse_time
from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types.rules import RuleProblem, compile_rules
from kservectl.devcluster.types.schema import UNSET, Check, Schema, Type
from kservectl.devcluster.types.structural import check as check_value
from kservectl.objects.metadata import Object


def compile_schema(source: Mapping[str, Any], problems: list[RuleProblem], *, path: str = "") -> Schema:
    """The node of an openAPIV3Schema.

    Validation rules and patterns that cannot be compiled are left out and added to `problems`.
    """
    if source.keys() <= _PLAIN_KEYWORDS:
        return _plain(_type(source))
    properties = {
        name: compile_schema(below, problems, path=f"{path}.{name}")
        for name, below in (source.get("properties") or {}).items()
    }
    extra = source.get("additionalProperties")
    additional = compile_schema(extra, problems, path=f"{path}.*") if isinstance(extra, dict) else None
    if extra is True:
        additional = Schema("any", preserve=True)
    below = source.get("items")
    items = compile_schema(below, problems, path=f"{path}[]") if isinstance(below, dict) else None
    rules = tuple(compile_rules(source, path, problems))
    children = [*properties.values(), *(node for node in (additional, items) if node is not None)]
    default = source.get("default", UNSET)
    return Schema(
        _type(source),
        properties=properties,
        additional=additional,
        items=items,
        required=tuple(source.get("required") or ()),
        list_type=source.get("x-kubernetes-list-type") or "atomic",
        list_keys=tuple(source.get("x-kubernetes-list-map-keys") or ()),
        atomic=source.get("x-kubernetes-map-type") == "atomic",
        preserve=bool(source.get("x-kubernetes-preserve-unknown-fields")),
        embedded=bool(source.get("x-kubernetes-embedded-resource")),
        nullable=bool(source.get("nullable")),
        default=default,
        has_defaults=default is not UNSET or any(child.has_defaults for child in children),
        checks=tuple(_checks(source, problems, path)),
        rules=rules,
        has_rules=bool(rules) or any(child.has_rules for child in children),
    )


_PLAIN_KEYWORDS = frozenset({"type", "description"})


@cache
def _plain(type_: Type) -> Schema:
    """The node that says no more than its type, as most of a large schema do."""
    return Schema(type_)


def _type(source: Mapping[str, Any]) -> Type:
    if source.get("x-kubernetes-int-or-string"):
        return "int-or-string"
    type_: Type = source.get("type") or "any"
    return type_


def _checks(source: Mapping[str, Any], problems: list[RuleProblem], path: str) -> Sequence[Check]:
    found: list[Check] = []
    for keyword, value in source.items():
        make = _KEYWORDS.get(keyword)
        if make is not None and value is not None:
            found.append(make(value, source))
    if (text := _text(source, problems, path)) is not None:
        found.append(text)
    for keyword in ("oneOf", "anyOf", "allOf"):
        if branches := source.get(keyword):
            if keyword == "anyOf" and source.get("x-kubernetes-int-or-string"):
                continue  # the fixed form that goes with the extension says nothing the type does not
            compiled = [compile_schema(branch, problems, path=path) for branch in branches]
            found.append(_LOGICAL[keyword](compiled))
    if isinstance(source.get("not"), dict):
        found.append(_not(compile_schema(source["not"], problems, path=path)))
    return found


def _in_body(path: str, value: Any, detail: str) -> list[Cause]:
    return [say.invalid(path, value, f"{path} in body {detail}")]


def _enum(choices: Sequence[Any], source: Object) -> Check:
    def check(value: Any, old: Any, path: str) -> Sequence[Cause]:
        return () if value in choices else [say.unsupported(path, value, choices)]

    return check


def _text(source: Mapping[str, Any], problems: list[RuleProblem], path: str) -> Check | None:
    """The length and the pattern of a text; of several mistakes only the first is told."""
    longest, shortest, pattern = source.get("maxLength"), source.get("minLength"), source.get("pattern")
    if longest is None and shortest is None and pattern is None:
        return None
    expression = _compile_pattern(pattern, problems, path) if pattern is not None else None

    def check(value: Any, old: Any, path: str) -> Sequence[Cause]:
        if not isinstance(value, str):
            return ()
        if longest is not None and len(value) > longest:
            return [say.too_long(path, longest)]
        if shortest is not None and len(value) < shortest:
            return _in_body(path, value, f"should be at least {shortest} chars long")
        if expression is not None and not expression.search(value):
            return _in_body(path, value, f"should match '{pattern}'")
        return ()

    return check


def _compile_pattern(pattern: str, problems: list[RuleProblem], path: str) -> re.Pattern[str] | None:
    """Go's syntax is nearly Python's: the end of a text is spelled differently, and some classes are missing here."""
    try:
        return re.compile(pattern.replace(r"\z", r"\Z"))
    except re.error as error:
        problems.append(RuleProblem(path, pattern, f"not a regular expression here: {error}"))
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _minimum(limit: float, source: Object) -> Check:
    exclusive = bool(source.get("exclusiveMinimum"))

    def check(value: Any, old: Any, path: str) -> Sequence[Cause]:
        if _is_number(value) and (value < limit or (exclusive and value == limit)):
            words = "greater than" if exclusive else "greater than or equal to"
            return _in_body(path, value, f"should be {words} {limit:g}")
        return ()

    return check


def _maximum(limit: float, source: Object) -> Check:
    exclusive = bool(source.get("exclusiveMaximum"))

    def check(value: Any, old: Any, path: str) -> Sequence[Cause]:
        if _is_number(value) and (value > limit or (exclusive and value == limit)):
            words = "less than" if exclusive else "less than or equal to"
            return _in_body(path, value, f"should be {words} {limit:g}")
        return ()

    return check


def _multiple_of(step: float, source: Object) -> Check:
    def check(value: Any, old: Any, path: str) -> Sequence[Cause]:
        if _is_number(value) and value % step:
            return _in_body(path, value, f"should be a multiple of {step:g}")
        return ()

    return check


def _min_count(type_: type[list[Any] | dict[str, Any]], words: str) -> Callable[[int, Object], Check]:
    def make(limit: int, source: Object) -> Check:
        def check(value: Any, old: Any, path: str) -> Sequence[Cause]:
            if isinstance(value, type_) and len(value) < limit:
                return _in_body(path, len(value), f"should have at least {limit} {words}")
            return ()

        return check

    return make


def _max_count(type_: type[list[Any] | dict[str, Any]]) -> Callable[[int, Object], Check]:
    def make(limit: int, source: Object) -> Check:
        def check(value: Any, old: Any, path: str) -> Sequence[Cause]:
            if isinstance(value, type_) and len(value) > limit:
                return [say.too_many(path, len(value), limit)]
            return ()

        return check

    return make


def _format(name: str, source: Object) -> Check:
    reads = _FORMATS.get(name)

    def check(value: Any, old: Any, path: str) -> Sequence[Cause]:
        if reads is None or not isinstance(value, str):
            return ()
        try:
            reads(value)
        except ValueError:
            shown = say.show(value)
            text = f"Invalid value: {shown}: {path} in body must be of type {name}: {shown}"
            return [Cause("FieldValueTypeInvalid", text, path)]
        return ()

    return check


def _reads_pattern(pattern: str) -> Callable[[str], object]:
    expression = re.compile(pattern)

    def read(text: str) -> object:
        if not expression.fullmatch(text):
            raise ValueError(text)
        return text

    return read


def _read_uri(text: str) -> object:
    if not urlsplit(text).scheme:
        raise ValueError(text)
    return text


_FORMATS: Mapping[str, Callable[[str], object]] = {
    "date": date.fromisoformat,
    "date-time": parse_time,
    "duration": _reads_pattern(r"[+-]?(\d+(\.\d+)?\s*(ns|us|µs|ms|s|m|h|d|w)\s*)+|0"),
    "email": _reads_pattern(r"[^@\s]+@[^@\s]+"),
    "hostname": _reads_pattern(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"),
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "cidr": lambda text: ipaddress.ip_network(text, strict=False),
    "uri": _read_uri,
    "uuid": _reads_pattern(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"),
    "byte": _reads_pattern(r"[A-Za-z0-9+/]*={0,2}"),
}

_KEYWORDS: Mapping[str, Callable[[Any, Any], Check]] = {
    "enum": _enum,
    "minimum": _minimum,
    "maximum": _maximum,
    "multipleOf": _multiple_of,
    "minItems": _min_count(list, "items"),
    "maxItems": _max_count(list),
    "minProperties": _min_count(dict, "properties"),
    "maxProperties": _max_count(dict),
    "format": _format,
}


def _fits(schema: Schema, value: Any, old: Any, path: str) -> bool:
    found: list[Cause] = []
    check_value(schema, value, old, path, found)
    return not found


def _one_of(branches: Sequence[Schema]) -> Check:
    def check(value: Any, old: Any, path: str) -> Sequence[Cause]:
        fitting = sum(_fits(branch, value, old, path) for branch in branches)
        if fitting == 1:
            return ()
        count = f"Found {fitting} valid alternatives" if fitting else "Found none valid"
        return [say.invalid(path, "", f'"{path}" must validate one and only one schema (oneOf). {count}')]

    return check


def _any_of(branches: Sequence[Schema]) -> Check:
    def check(value: Any, old: Any, path: str) -> Sequence[Cause]:
        if any(_fits(branch, value, old, path) for branch in branches):
            return ()
        return [say.invalid(path, "", f'"{path}" must validate at least one schema (anyOf)')]

    return check


def _all_of(branches: Sequence[Schema]) -> Check:
    def check(value: Any, old: Any, path: str) -> Sequence[Cause]:
        found: list[Cause] = []
        for branch in branches:
            check_value(branch, value, old, path, found)
        return found

    return check


def _not(branch: Schema) -> Check:
    def check(value: Any, old: Any, path: str) -> Sequence[Cause]:
        if _fits(branch, value, old, path):
            return [say.invalid(path, "", f'"{path}" must not validate the schema (not)')]
        return ()

    return check


_LOGICAL: Mapping[str, Callable[[Sequence[Schema]], Check]] = {"oneOf": _one_of, "anyOf": _any_of, "allOf": _all_of}
