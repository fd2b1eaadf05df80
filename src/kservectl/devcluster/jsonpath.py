"""The part of JSONPath that printer columns and scale paths use.

`.a.b`, `.a["b.c"]`, `.a\\.b`, `[0]`, `[*]`, and filters on one field: `[?(@.type=="Ready")]`. Anything else finds nothing.
"""

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""\.?\[\?\(\s*@\.(?P<field>[\w.\-/]+)\s*(?P<operator>==|!=)\s*(?P<value>"[^"]*"|'[^']*'|[\w.\-]+)\s*\)\]
      | \.?\[\s*(?P<index>-?\d+)\s*\]
      | \.?\[\s*(?P<every>\*)\s*\]
      | \.?\[\s*(?P<quoted>"[^"]*"|'[^']*')\s*\]
      | \.(?P<name>(?:\\.|[^.\[\\])+)""",
    re.VERBOSE,
)


def find(obj: Any, path: str) -> list[Any]:
    """Every value that `path` leads to; none for a path that is not understood."""
    found = [obj]
    for step in _steps(path):
        found = [value for one in found for value in _take(one, step)]
    return found


def find_one(obj: Any, path: str) -> Any:
    """The first value that `path` leads to, or None."""
    return next(iter(find(obj, path)), None)


def with_value(obj: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of `obj` with the field at a path of plain names set."""
    names = [step["name"] for step in _steps(path)]
    return _with(obj, names, value)


def _with(obj: dict[str, Any], names: Sequence[str], value: Any) -> dict[str, Any]:
    first, *rest = names
    return {**obj, first: _with(obj.get(first) or {}, rest, value) if rest else value}


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[dict[str, str], ...]:
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    steps: list[dict[str, str]] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            return ({"nothing": text},)
        step = {key: value for key, value in match.groupdict().items() if value is not None}
        for key in ("quoted", "value"):
            if step.get(key, "")[:1] in {'"', "'"}:
                step[key] = step[key][1:-1]
        if "quoted" in step:
            step["name"] = step.pop("quoted")
        elif "name" in step:
            step["name"] = re.sub(r"\\(.)", r"\1", step["name"])
        steps.append(step)
        at = match.end()
    return tuple(steps)


def _take(value: Any, step: dict[str, str]) -> Iterable[Any]:
    if "name" in step:
        return [value[step["name"]]] if isinstance(value, dict) and step["name"] in value else []
    if "every" in step and isinstance(value, dict):
        return list(value.values())
    if not isinstance(value, list):
        return []
    if "every" in step:
        return value
    if "index" in step:
        index = int(step["index"])
        return [value[index]] if -len(value) <= index < len(value) else []
    if "field" in step:
        return [one for one in value if (_text(one, step["field"]) == step["value"]) is (step["operator"] == "==")]
    return []


def _text(value: Any, field: str) -> str | None:
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if value is None or isinstance(value, str) else json.dumps(value)
