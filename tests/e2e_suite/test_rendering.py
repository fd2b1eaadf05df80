"""How the suite compares what was rendered with what is there."""

from typing import Any

import pytest

from e2e.rendering import missing


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"a": 1}, {"a": 1, "defaulted": True}),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2, "d": 3}]}}),
        ({"replicas": 1}, {"replicas": 5}),
        ({"a": {}}, {}),
        ({"a": None}, {}),
        ({"resources": {"limits": {"cpu": "1000m"}}}, {"resources": {"limits": {"cpu": "1"}}}),
    ],
)
def test_what_the_server_adds_and_what_is_left_to_others_is_no_deviation(wanted: Any, found: Any) -> None:
    assert list(missing(wanted, found, "spec")) == []


@pytest.mark.parametrize(
    ("wanted", "found", "told"),
    [
        ({"a": 1}, {"a": 2}, "spec.a is 2, not 1"),
        ({"a": 1}, {}, "spec.a is None, not 1"),
        ({"a": [1, 2]}, {"a": [1]}, "spec.a is [1], not [1, 2]"),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}, "spec.a[0].b is 'y', not 'x'"),
        ({"a": False}, {"a": True}, "spec.a is True, not False"),
        ({"a": "1000m"}, {"a": "1"}, "spec.a is '1', not '1000m'"),
    ],
)
def test_other_values_are_told_with_their_path(wanted: Any, found: Any, told: str) -> None:
    assert list(missing(wanted, found, "spec")) == [told]
