"""Two recordings of one case, compared object by object and field by field.

A field is a leaf: a text, a number, a boolean. Conditions are told apart by their type, the items of other lists by their
place. Empty texts, maps and lists and nulls are no fields, as they mean the same as nothing in the Kubernetes API. The score
is the share of equal ones among all fields that either side has; whether the case was refused counts as one more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kservectl.objects.metadata import Object

ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field; `wanted` is the recording's value, `found` ours, `ABSENT` for none."""

    obj: str
    path: str
    wanted: Any
    found: Any

    def __str__(self) -> str:
        return f"{self.obj} {self.path}: wanted {self.wanted!r}, found {self.found!r}"


@dataclass(frozen=True, slots=True)
class Score:
    """Of one case, or of one object."""

    equal: int = 0
    total: int = 0
    differences: tuple[Difference, ...] = field(default=())

    def __add__(self, other: "Score") -> "Score":
        return Score(self.equal + other.equal, self.total + other.total, self.differences + other.differences)

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.equal / self.total if self.total else 1.0


def compare(wanted: Object, found: Object) -> dict[str, Score]:
    """The score of every object of either side, by `Kind.group/name`, and of the refusal under the name `rejected`."""
    refused = (bool(wanted["rejected"]), bool(found["rejected"]))
    scores = {"rejected": Score(1, 1)}
    if refused[0] != refused[1]:
        difference = Difference("rejected", "", wanted["rejected"] or ABSENT, found["rejected"] or ABSENT)
        scores["rejected"] = Score(0, 1, (difference,))
    for name in sorted(wanted["objects"].keys() | found["objects"].keys()):
        scores[name] = _score(name, wanted["objects"].get(name) or {}, found["objects"].get(name) or {})
    return scores


def _score(name: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Score:
    left, right = dict(fields(wanted)), dict(fields(found))
    paths = sorted(left.keys() | right.keys())
    differences = tuple(
        Difference(name, path, left.get(path, ABSENT), right.get(path, ABSENT))
        for path in paths
        if path not in left or path not in right or left[path] != right[path]
    )
    return Score(len(paths) - len(differences), len(paths), differences)


def fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf with its path, such as `.spec.ports[0].name` or `.status.conditions[Ready].status`."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from fields(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for place, inner in zip(_places(value, path), value, strict=True):
            yield from fields(inner, f"{path}[{place}]")
    elif value is not None and value != "":
        yield path, value


def _places(items: Sequence[Any], path: str) -> Sequence[object]:
    """What the items of a list are told apart by."""
    types = [str(item.get("type") or "") for item in items if isinstance(item, Mapping)]
    by_type = path.endswith(".conditions") and all(types) and len(set(types)) == len(items)
    return types if by_type else range(len(items))
