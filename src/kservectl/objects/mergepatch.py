"""JSON merge patch (RFC 7386): applying one, and computing the one that leads from an object to another.

The arguments are not changed; results may share unchanged parts with them.
"""

from typing import Any

from kservectl.objects.metadata import Object


def apply(target: Any, patch: Any) -> Any:
    """`target` with `patch` merged in: maps merge, null deletes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = apply(result.get(name), value)
        else:
            result[name] = value
    return result


def merge_patch(old: Object, new: Object) -> Object:
    """The smallest patch for which `apply(old, patch) == new`; empty when they are equal.

    A null inside `new` cannot be expressed by the format and reads as an absent field.
    """
    patch: Object = {name: None for name in old if name not in new or new[name] is None}
    for name, value in new.items():
        if value is None:
            continue
        before = old.get(name)
        if name in old and _same(before, value):
            continue
        if isinstance(before, dict) and isinstance(value, dict):
            if below := merge_patch(before, value):
                patch[name] = below
        else:
            patch[name] = _without_nulls(value)
    return patch


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON values, where `true` is not `1`."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _without_nulls(value: Any) -> Any:
    """A new map as a patch writes it: nulls in it would delete nothing. Lists are taken as they are."""
    if isinstance(value, dict):
        return {name: _without_nulls(below) for name, below in value.items() if below is not None}
    return value
