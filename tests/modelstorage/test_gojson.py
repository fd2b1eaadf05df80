"""JSON in the words of Go's encoder."""

from typing import Any

import pytest

from kservectl.modelstorage.gojson import compact


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": [1, "x"], "a": {}}, '{"b":[1,"x"],"a":{}}'),
        ("<a>&</a>", r'"\u003ca\u003e\u0026\u003c/a\u003e"'),
        ("größe 模型", '"größe 模型"'),
        ("a\u2028b\u2029c", r'"a\u2028b\u2029c"'),
        ('a"\\\n\t', r'"a\"\\\n\t"'),
    ],
)
def test_what_go_would_write(value: Any, text: str) -> None:
    assert compact(value) == text


def test_keys_are_sorted_when_asked_for() -> None:
    assert compact({"b": 1, "a": 2}, sort_keys=True) == '{"a":2,"b":1}'
