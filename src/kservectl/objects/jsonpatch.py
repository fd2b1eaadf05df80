"""JSON patch (RFC 6902): applying one, and computing the one that leads from a document to another.

`json_patch` writes `add`, `remove` and `replace` only, in an order that applies from first to last; lists are compared
from both ends, so that an item put in anywhere is one `add`. The arguments are not changed.
"""

from collections.abc import Sequence
from typing import Any

Operation = dict[str, Any]


class PatchFailed(ValueError):
    """An operation does not apply: its path is not there, or its test failed."""


class MalformedPatch(ValueError):
    """The document is not a JSON patch."""


def json_patch(old: Any, new: Any) -> list[Operation]:
    """Operations that turn `old` into `new`; empty when they are equal."""
    operations: list[Operation] = []
    _compare(old, new, "", operations)
    return operations


def apply(document: Any, patch: Sequence[Operation]) -> Any:
    """`document` after all operations; raises PatchFailed or MalformedPatch, naming the operation."""
    if not isinstance(patch, list | tuple):
        raise MalformedPatch("a JSON patch is a list of operations")
    for number, operation in enumerate(patch):
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise MalformedPatch(f"operation {number} of the JSON patch has no path")
        document = _apply_one(document, operation)
    return document


def _compare(old: Any, new: Any, path: str, operations: list[Operation]) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        operations += [{"op": "remove", "path": f"{path}/{_escape(name)}"} for name in old if name not in new]
        for name, value in new.items():
            below = f"{path}/{_escape(name)}"
            if name in old:
                _compare(old[name], value, below, operations)
            else:
                operations.append({"op": "add", "path": below, "value": value})
    elif isinstance(old, list) and isinstance(new, list):
        _compare_lists(old, new, path, operations)
    elif not _same(old, new):
        operations.append({"op": "replace", "path": path, "value": new})


def _compare_lists(old: list[Any], new: list[Any], path: str, operations: list[Operation]) -> None:
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and _same(old[start], new[start]):
        start += 1
    end = 0
    while end < shorter - start and _same(old[-1 - end], new[-1 - end]):
        end += 1
    left, right = old[start : len(old) - end], new[start : len(new) - end]
    both = min(len(left), len(right))
    for offset in range(both):
        _compare(left[offset], right[offset], f"{path}/{start + offset}", operations)
    # From the end, so that the indices of those still to go stay right.
    operations += [{"op": "remove", "path": f"{path}/{start + at}"} for at in reversed(range(both, len(left)))]
    operations += [{"op": "add", "path": f"{path}/{start + at}", "value": right[at]} for at in range(both, len(right))]


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON values, where `true` is not `1`, at any depth."""
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(_same(value, right[name]) for name, value in left.items())
        )
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _apply_one(document: Any, operation: Operation) -> Any:
    path = operation["path"]
    match operation.get("op"):
        case "add":
            return _put(document, _split(path), _value(operation), path, replace=False)
        case "replace":
            _read(document, path)
            return _put(document, _split(path), _value(operation), path, replace=True)
        case "remove":
            return _remove(document, _split(path), path)
        case "move":
            source = _source(operation)
            if path.startswith(source + "/"):
                raise PatchFailed(f"cannot move {source!r} into itself")
            value = _read(document, source)
            return _put(_remove(document, _split(source), source), _split(path), value, path, replace=False)
        case "copy":
            return _put(document, _split(path), _read(document, _source(operation)), path, replace=False)
        case "test":
            if not _same(_read(document, path), _value(operation)):
                raise PatchFailed(f"testing value {path} failed: test failed")
            return document
        case other:
            raise MalformedPatch(f"unexpected kind of JSON patch operation: {other!r}")


def _value(operation: Operation) -> Any:
    if "value" not in operation:
        raise MalformedPatch(f"the operation {operation.get('op')} on {operation['path']!r} has no value")
    return operation["value"]


def _source(operation: Operation) -> str:
    source = operation.get("from")
    if not isinstance(source, str):
        raise MalformedPatch(f"the operation {operation.get('op')} on {operation['path']!r} has no from")
    return source


def _read(document: Any, path: str) -> Any:
    for step in _split(path):
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list):
            document = document[_index(step, len(document) - 1, path)]
        else:
            raise PatchFailed(f"the path {path!r} does not exist")
    return document


def _put(document: Any, steps: list[str], value: Any, path: str, *, replace: bool) -> Any:
    """A copy of `document` along `steps` with `value` at their end."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(document, dict):
        if rest and step not in document:
            raise PatchFailed(f"the path {path!r} does not exist")
        return {**document, step: _put(document.get(step), rest, value, path, replace=replace)}
    if not isinstance(document, list):
        raise PatchFailed(f"the path {path!r} does not exist")
    copied = list(document)
    if rest or replace:
        position = _index(step, len(document) - 1, path)
        copied[position] = _put(document[position], rest, value, path, replace=replace)
    else:
        copied.insert(len(document) if step == "-" else _index(step, len(document), path), value)
    return copied


def _remove(document: Any, steps: list[str], path: str) -> Any:
    if not steps:
        raise PatchFailed("the whole document cannot be removed")
    step, rest = steps[0], steps[1:]
    if isinstance(document, dict) and step in document:
        if rest:
            return {**document, step: _remove(document[step], rest, path)}
        return {name: value for name, value in document.items() if name != step}
    if isinstance(document, list):
        position = _index(step, len(document) - 1, path)
        copied = list(document)
        if rest:
            copied[position] = _remove(document[position], rest, path)
        else:
            del copied[position]
        return copied
    raise PatchFailed(f"the path {path!r} does not exist")


def _index(step: str, last: int, path: str) -> int:
    if not step.isdecimal() or (len(step) > 1 and step.startswith("0")) or int(step) > last:
        raise PatchFailed(f"the path {path!r} does not exist")
    return int(step)


def _split(path: str) -> list[str]:
    if not path:
        return []
    if not path.startswith("/"):
        raise MalformedPatch(f"a path starts with a slash: {path!r}")
    return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
