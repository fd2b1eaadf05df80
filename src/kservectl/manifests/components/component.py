"""A variant of the base as data: what it adds to it, changes of it, and leaves out.

The same data is written as a kustomize component, as conditions in the chart's templates, and is applied here (`applied`), so
that what an installation holds can be printed and compared without either tool.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import jsonpatch

from kservectl.objects import metadata
from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class Patch:
    """JSON patch (RFC 6902) `operations` on the objects of a kind, or on the one with this `name`.

    Only what all three writings know: `replace` of a scalar, `add` of a key that is not there, `add` to the end of a list.
    """

    kind: str
    operations: tuple[Mapping[str, Any], ...]
    name: str = ""

    def concerns(self, obj: Object) -> bool:
        return bool(obj["kind"] == self.kind and self.name in ("", metadata.name(obj)))


@dataclass(frozen=True, slots=True)
class Component:
    """`summary` is one line for whoever reads the kustomization. `removes` has the kind and name of objects of the base."""

    name: str
    summary: str
    adds: tuple[Object, ...] = ()
    patches: tuple[Patch, ...] = ()
    removes: tuple[tuple[str, str], ...] = ()

    def keeps(self, obj: Object) -> bool:
        return (obj["kind"], metadata.name(obj)) not in self.removes


def applied(documents: Iterable[Object], components: Sequence[Component]) -> list[Object]:
    """The objects of the base with these components, which are applied in the order given."""
    found = list(documents)
    for component in components:
        found = [_patched(obj, component.patches) for obj in found if component.keeps(obj)]
        found.extend(deepcopy(component.adds))
    return found


def _patched(obj: Object, patches: Iterable[Patch]) -> Object:
    for patch in patches:
        if patch.concerns(obj):
            obj = jsonpatch.apply_patch(obj, [dict(operation) for operation in patch.operations])
    return obj


def append(path: str, *values: Any) -> tuple[Mapping[str, Any], ...]:
    """The operations that add these values to the end of a list."""
    return tuple({"op": "add", "path": f"{path}/-", "value": value} for value in values)
