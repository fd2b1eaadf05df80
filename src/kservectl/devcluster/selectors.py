"""Label and field selectors, as lists, watches and deletions of collections take them in their query.

A selector is parsed once and then asked about many objects. A label selector that cannot be parsed, and a field that the
kind cannot be selected by, are answered with 400, worded as the API server does.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kservectl.devcluster.contract import ServedKind
from kservectl.devcluster.refusals import bad_request
from kservectl.objects.metadata import Object, labels, name, namespace

Predicate = Callable[[Object], bool]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label: `operator` is one of in, notin, exists, absent, gt, lt."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def holds(self, carried: Mapping[str, str]) -> bool:
        value = carried.get(self.key)
        match self.operator:
            case "in":
                return value is not None and value in self.values
            case "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "absent":
                return value is None
            case _:
                return value is not None and self._compares(value)

    def _compares(self, value: str) -> bool:
        (bound,) = self.values
        if not (_INTEGER.fullmatch(value) and _INTEGER.fullmatch(bound)):
            return False
        return int(value) > int(bound) if self.operator == "gt" else int(value) < int(bound)


_INTEGER = re.compile(r"-?\d+")
_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_KEY = rf"(?:{_NAME}/)?{_NAME}"
_VALUE = r"[-A-Za-z0-9_.]*"
_SET = re.compile(rf"\s*({_KEY})\s+(in|notin)\s*\(([^()]*)\)\s*(?:,|$)")
_ABSENT = re.compile(rf"\s*!\s*({_KEY})\s*(?:,|$)")
_COMPARED = re.compile(rf"\s*({_KEY})\s*(==|!=|=|>|<)\s*({_VALUE})\s*(?:,|$)")
_EXISTS = re.compile(rf"\s*({_KEY})\s*(?:,|$)")
_OPERATORS = {"=": "in", "==": "in", "!=": "notin", ">": "gt", "<": "lt"}


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """The requirements of a label selector (`a=b,c notin (d,e),!f`), all of which must hold."""
    found: list[Requirement] = []
    at = 0
    while at < len(text.rstrip()):
        requirement, at = _next_requirement(text, at)
        found.append(requirement)
    return tuple(found)


def _next_requirement(text: str, at: int) -> tuple[Requirement, int]:
    if match := _SET.match(text, at):
        values = frozenset(value.strip() for value in match[3].split(","))
        if not all(re.fullmatch(_VALUE, value) for value in values):
            raise bad_request(f"unable to parse requirement: values[0][{match[1]}]: Invalid value: {match[3]!r}")
        return Requirement(match[1], match[2], values), match.end()
    if match := _ABSENT.match(text, at):
        return Requirement(match[1], "absent"), match.end()
    if match := _COMPARED.match(text, at):
        return Requirement(match[1], _OPERATORS[match[2]], frozenset({match[3]})), match.end()
    if match := _EXISTS.match(text, at):
        return Requirement(match[1], "exists"), match.end()
    if re.fullmatch(rf"\s*{_KEY}\s+(in|notin)\s*", text[at:]):
        raise bad_request("unable to parse requirement: found '' expected: '('")
    raise bad_request(f"unable to parse requirement: found '{text[at:].strip()}', expected a label requirement")


# Fields beyond metadata.name and metadata.namespace that the built-in kinds can be selected by.
_FIELDS: Mapping[str, Sequence[str]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "events.events.k8s.io": (
        "regarding.kind",
        "regarding.namespace",
        "regarding.name",
        "regarding.uid",
        "regarding.apiVersion",
        "regarding.resourceVersion",
        "regarding.fieldPath",
        "reason",
        "reportingController",
        "type",
    ),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "secrets": ("type",),
    "services": ("spec.clusterIP", "spec.type"),
    "replicasets.apps": ("status.replicas",),
    "jobs.batch": ("status.successful",),
}
_FALSE_WHEN_ABSENT = {"spec.unschedulable", "spec.hostNetwork"}
_ZERO_WHEN_ABSENT = {"status.replicas", "status.successful"}


@dataclass(frozen=True, slots=True)
class FieldTerm:
    field: str
    value: str
    equal: bool

    def holds(self, obj: Object) -> bool:
        return (_field_text(obj, self.field) == self.value) is self.equal


def parse_fields(served: ServedKind, text: str) -> tuple[FieldTerm, ...]:
    """The terms of a field selector, all of which must hold."""
    allowed = {"metadata.name", "metadata.namespace", *_FIELDS.get(served.kind.resource, ()), *served.selectable}
    terms: list[FieldTerm] = []
    for part in filter(None, (part.strip() for part in re.split(r"(?<!\\),", text))):
        match = re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", part)
        if match is None:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        field, operator, value = match[1].strip(), match[2], re.sub(r"\\(.)", r"\1", match[3].strip())
        if field not in allowed:
            raise bad_request(_unselectable(served, field))
        terms.append(FieldTerm(field, value, operator != "!="))
    return tuple(terms)


def _unselectable(served: ServedKind, field: str) -> str:
    """What the server says of a field that cannot be selected by: kinds with fields of their own say it in their way."""
    if served.kind.resource in _FIELDS or served.custom:
        return f"field label not supported: {field}"
    return f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def _field_text(obj: Object, field: str) -> str:
    if field == "metadata.name":
        return name(obj)
    if field == "metadata.namespace":
        return namespace(obj)
    if field == "source":  # an Event's own column: the component, or the reporting one of newer clients
        source = obj.get("source") or {}
        return str(source.get("component") or obj.get("reportingComponent") or "")
    value: Any = obj
    for step in field.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return "false" if field in _FALSE_WHEN_ABSENT else "0" if field in _ZERO_WHEN_ABSENT else ""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Selector:
    """Both selectors of a request."""

    label_terms: tuple[Requirement, ...] = ()
    field_terms: tuple[FieldTerm, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.label_terms and not self.field_terms

    @property
    def only_name(self) -> str:
        """The one name that can match, or empty: a look-up then replaces a scan."""
        for term in self.field_terms:
            if term.field == "metadata.name" and term.equal:
                return term.value
        return ""

    def matches(self, obj: Object) -> bool:
        if self.label_terms:
            carried = labels(obj)
            if not all(requirement.holds(carried) for requirement in self.label_terms):
                return False
        return all(term.holds(obj) for term in self.field_terms)


def parse_selector(served: ServedKind, labels_text: str, fields_text: str) -> Selector:
    return Selector(parse_labels(labels_text), parse_fields(served, fields_text))


def matches_label_selector(selector: Mapping[str, Any] | None, carried: Mapping[str, str]) -> bool:
    """Whether labels satisfy a metav1.LabelSelector (`matchLabels`, `matchExpressions`); None and {} match all."""
    if not selector:
        return True
    wanted = selector.get("matchLabels") or {}
    if not wanted.items() <= carried.items():
        return False
    operators = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent"}
    return all(
        Requirement(term["key"], operators[term["operator"]], frozenset(term.get("values") or ())).holds(carried)
        for term in selector.get("matchExpressions") or ()
    )
