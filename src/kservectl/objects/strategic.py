"""Strategic merge patch: merging by a type's merge keys, as the API server and `kubectl apply` do for built-in kinds.

A plain function on plain dicts; the arguments are not changed, but the result may share unchanged parts with them.
Null deletes, `$patch: replace | delete`, `$deleteFromPrimitiveList/<list>`, `$setElementOrder/<list>` and
`$retainKeys` are understood. Only the types of `mergekeys` merge lists; custom resources have no strategic merge.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kservectl.objects.mergekeys import FieldRule, rules
from kservectl.objects.metadata import Object


class UnmergeablePatch(ValueError):
    """The patch breaks a rule of its own format: an unknown directive, or a list item without its merge key."""


def strategic_merge(original: Object, patch: Object, type_name: str) -> Object:
    """`original` with `patch` merged into it as values of the type `type_name` ("Container", "PodSpec", "Service").

    Keyed lists come out in Kubernetes' order: the patch's items keep the patch's order, items that only the original
    has keep the original's, and one of the latter comes before an item of the patch only where the original had them
    in that order. Raises UnmergeablePatch.
    """
    return _merge_map(original, patch, type_name)


_DIRECTIVE = "$patch"
_RETAIN_KEYS = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE_FROM = "$deleteFromPrimitiveList/"
_DIRECTIVES = (_DIRECTIVE, _RETAIN_KEYS, _ORDER, _DELETE_FROM)
_REPLACE = FieldRule()


def _merge_map(original: Object, patch: Object, type_name: str) -> Object:
    if _DIRECTIVE in patch:
        return _follow_directive(original, patch, type_name)
    result = dict(original)
    _drop_unretained(result, patch)
    fields = rules(type_name)
    ordered = {key.removeprefix(_ORDER): value for key, value in patch.items() if key.startswith(_ORDER)}
    for name, wanted in patch.items():
        if name == _RETAIN_KEYS or name.startswith(_ORDER):
            continue
        if name.startswith(_DELETE_FROM):
            _delete_values(result, name.removeprefix(_DELETE_FROM), wanted)
        elif wanted is None:
            result.pop(name, None)
        else:
            _set(result, name, wanted, fields.get(name, _REPLACE))
    for name, order in ordered.items():
        rule = fields.get(name, _REPLACE)
        if isinstance(order, list) and rule.patch_merge and isinstance(result.get(name), list):
            _check_order(patch.get(name), order, name, rule.patch_key)
            result[name] = _in_order(result[name], order, original.get(name) or [], rule.patch_key)
    return result


def _follow_directive(original: Object, patch: Object, type_name: str) -> Object:
    rest = {name: value for name, value in patch.items() if name != _DIRECTIVE}
    match patch[_DIRECTIVE]:
        case "replace":
            plain: Object = _without_directives(rest)
            return plain
        case "delete":
            return {}
        case "merge":
            return _merge_map(original, rest, type_name)
        case other:
            raise UnmergeablePatch(f"unknown patch type found: {other!r}")


def _drop_unretained(result: Object, patch: Object) -> None:
    retained = patch.get(_RETAIN_KEYS)
    if retained is None:
        return
    if not isinstance(retained, list):
        raise UnmergeablePatch(f"{_RETAIN_KEYS} must be a list of field names")
    for name in patch:
        if not name.startswith("$") and name not in retained:
            raise UnmergeablePatch("invalid patch format of retainKeys")  # it leaves out a field of the same patch
    for name in [name for name in result if name not in retained]:
        del result[name]


def _set(result: Object, name: str, wanted: Any, rule: FieldRule) -> None:
    """Merge one field into `result`."""
    current = result.get(name)
    if isinstance(wanted, dict) and isinstance(current, dict):
        result[name] = _without_directives(wanted) if rule.patch_replace else _merge_map(current, wanted, rule.type)
    elif isinstance(wanted, list) and isinstance(current, list) and rule.patch_merge:
        result[name] = _merge_list(current, wanted, rule)
    elif _has_directive(wanted):
        result.pop(name, None)  # there is nothing the directive could act on
    else:
        result[name] = _without_directives(wanted)


def _has_directive(value: Any) -> bool:
    return isinstance(value, dict) and _DIRECTIVE in value


def _merge_list(original: Sequence[Any], patch: Sequence[Any], rule: FieldRule) -> list[Any]:
    if not rule.patch_key:
        merged: list[Any] = []
        for value in (*original, *patch):
            if value not in merged:
                merged.append(value)
        return _in_order(merged, patch, original, "")
    base, overlay = _apply_list_directives(original, patch, rule.patch_key)
    by_key = {_identity(item, rule.patch_key): item for item in base}
    for item in overlay:
        identity = _identity(item, rule.patch_key)
        before = by_key.get(identity)
        by_key[identity] = _without_directives(item) if before is None else _merge_map(before, item, rule.type)
    return _in_order(list(by_key.values()), overlay, original, rule.patch_key)


def _apply_list_directives(
    original: Sequence[Any], patch: Sequence[Any], key: str
) -> tuple[list[Object], list[Object]]:
    """What `$patch` items leave of the original's items, and the patch's items without them."""
    base, overlay, replace = list(original), [], False
    for item in patch:
        if not isinstance(item, dict) or _DIRECTIVE not in item:
            overlay.append(item)
            continue
        match item[_DIRECTIVE]:
            case "delete":
                gone = _identity(item, key)
                base = [kept for kept in base if _identity(kept, key) != gone]
            case "replace":
                replace = True
                if rest := {name: value for name, value in item.items() if name != _DIRECTIVE}:
                    overlay.append(rest)
            case other:
                raise UnmergeablePatch(f"a list item cannot have {_DIRECTIVE} {other!r}, only delete or replace")
    return ([] if replace else base), overlay


def _in_order(merged: Iterable[Any], overlay: Sequence[Any], base: Sequence[Any], key: str) -> list[Any]:
    """`merged` walked from both ends of the rule: overlay order, base order, and base first only if it was first."""
    overlay_at = _positions(overlay, key)
    base_at = _positions(base, key)
    in_overlay: list[tuple[Any, Any]] = []
    base_only: list[tuple[Any, Any]] = []
    for item in merged:
        identity = _identity(item, key)
        (in_overlay if identity in overlay_at else base_only).append((identity, item))
    in_overlay.sort(key=lambda pair: overlay_at[pair[0]])
    base_only.sort(key=lambda pair: base_at.get(pair[0], len(base_at)))
    result: list[Any] = []
    left, right = 0, 0
    while left < len(base_only) and right < len(in_overlay):
        mine, theirs = base_at.get(base_only[left][0]), base_at.get(in_overlay[right][0])
        if mine is not None and theirs is not None and mine < theirs:
            result.append(base_only[left][1])
            left += 1
        else:
            result.append(in_overlay[right][1])
            right += 1
    result += [item for _, item in in_overlay[right:]]
    result += [item for _, item in base_only[left:]]
    return result


def _positions(items: Sequence[Any], key: str) -> Mapping[Any, int]:
    found: dict[Any, int] = {}
    for position, item in enumerate(items):
        found.setdefault(_identity(item, key), position)
    return found


def _identity(item: Any, key: str) -> Any:
    if key and (not isinstance(item, dict) or key not in item):
        raise UnmergeablePatch(f"map: {item} does not contain declared merge key: {key}")
    identity = item[key] if key else item
    if isinstance(identity, dict | list):
        raise UnmergeablePatch(f"{identity} cannot tell one item of a list from another")
    return identity


def _check_order(patch_list: Any, order: Sequence[Any], name: str, key: str) -> None:
    """Refuse a patch whose list has an item that its own order list does not place, or places elsewhere."""
    if not isinstance(patch_list, list):
        return
    placed = _positions(order, key)
    last = -1
    for item in patch_list:
        if isinstance(item, dict) and _DIRECTIVE in item:
            continue
        position = placed.get(_identity(item, key), -1)
        if position < last or position < 0:
            raise UnmergeablePatch(
                f"The order in patch list {name}: {patch_list} doesn't match {_ORDER}{name}: {order}"
            )
        last = position


def _delete_values(result: Object, name: str, values: Any) -> None:
    if not isinstance(values, list):
        raise UnmergeablePatch(f"{_DELETE_FROM}{name} must be a list")
    if isinstance(result.get(name), list):
        result[name] = [value for value in result[name] if value not in values]


def _without_directives(value: Any) -> Any:
    """A value that is taken as a whole: nulls in it, and directives with what they are about, have nothing to act on."""
    if isinstance(value, list):
        return [_without_directives(item) for item in value if not _has_directive(item)]
    if isinstance(value, dict):
        return {
            name: _without_directives(below)
            for name, below in value.items()
            if below is not None and not name.startswith(_DIRECTIVES) and not _has_directive(below)
        }
    return value
