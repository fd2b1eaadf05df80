"""Whether a node is one of those that a required node affinity names, by the rules of the Kubernetes scheduler.

The terms are alternatives, what stands in a term must all hold, and a term with nothing in it matches no node.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kservectl.objects import metadata
from kservectl.objects.metadata import Object


def matches(affinity: Mapping[str, Any] | None, node: Object) -> bool:
    """Whether `node` matches one of the `required` terms of a volume's `nodeAffinity`; no terms match no node."""
    terms = ((affinity or {}).get("required") or {}).get("nodeSelectorTerms") or ()
    return any(_term_matches(term or {}, node) for term in terms)


def _term_matches(term: Mapping[str, Any], node: Object) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    labels = metadata.labels(node)
    names = {"metadata.name": metadata.name(node)}
    return bool(expressions or fields) and (
        all(_requirement_holds(each, labels) for each in expressions)
        and all(_requirement_holds(each, names) for each in fields)
    )


def _requirement_holds(requirement: Mapping[str, Any], found: Mapping[str, str]) -> bool:
    operator = requirement.get("operator")
    values: Sequence[str] = requirement.get("values") or ()
    value = found.get(str(requirement.get("key")))
    if operator == "In":
        return value is not None and value in values
    if operator == "NotIn":
        return value is None or value not in values
    if operator == "Exists":
        return value is not None
    if operator == "DoesNotExist":
        return value is None
    if operator in ("Gt", "Lt") and value is not None and len(values) == 1:
        return _compare(operator, value, values[0])
    return False


def _compare(operator: str, value: str, bound: str) -> bool:
    try:
        left, right = int(value), int(bound)
    except ValueError:
        return False
    return left > right if operator == "Gt" else left < right
