"""Which nodes a required node affinity names."""

from typing import Any

import pytest

from kservectl.controllers.localmodel.affinity import matches
from tests.controllers.localmodel.worlds import node

NODE = node("n1", "gpu", memory="64", zone="a")


def affinity(*terms: Any) -> dict[str, Any]:
    return {"required": {"nodeSelectorTerms": list(terms)}}


def where(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        (where("pool", "In", "cpu", "gpu"), True),
        (where("pool", "In", "cpu"), False),
        (where("absent", "In", "x"), False),
        (where("pool", "NotIn", "cpu"), True),
        (where("pool", "NotIn", "gpu"), False),
        (where("absent", "NotIn", "x"), True),
        (where("pool", "Exists"), True),
        (where("absent", "Exists"), False),
        (where("absent", "DoesNotExist"), True),
        (where("pool", "DoesNotExist"), False),
        (where("memory", "Gt", "32"), True),
        (where("memory", "Gt", "64"), False),
        (where("memory", "Lt", "65"), True),
        (where("pool", "Gt", "1"), False),
        (where("pool", "Near", "gpu"), False),
    ],
)
def test_operators(requirement: dict[str, Any], expected: bool) -> None:
    assert matches(affinity({"matchExpressions": [requirement]}), NODE) is expected


def test_terms_are_alternatives_and_what_is_in_one_must_all_hold() -> None:
    wrong, right = where("zone", "In", "b"), where("pool", "In", "gpu")
    assert matches(affinity({"matchExpressions": [wrong]}, {"matchExpressions": [right]}), NODE)
    assert not matches(affinity({"matchExpressions": [wrong, right]}), NODE)


def test_a_node_is_named_by_its_field() -> None:
    assert matches(affinity({"matchFields": [where("metadata.name", "In", "n1")]}), NODE)
    assert not matches(affinity({"matchFields": [where("metadata.name", "In", "n2")]}), NODE)


@pytest.mark.parametrize("nothing", [None, {}, {"required": {}}, affinity(), affinity({}), affinity(None)])
def test_no_terms_match_no_node(nothing: dict[str, Any] | None) -> None:
    assert not matches(nothing, NODE)
