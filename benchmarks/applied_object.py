"""What a field manager applied of an object, cut out of the live one by the server's record of it."""

from typing import Any

import orjson

from kservectl.objects.metadata import Object
from kservectl.runtime.drift import Owned, applied_fields


def applied_object(live: Object, field_manager: str) -> Object:
    """The object that `field_manager` applied, but for what only the live one knows; ValueError when it applied none."""
    fields = applied_fields(live, field_manager)
    if fields is None:
        raise ValueError(f"{live.get('kind')} {live['metadata'].get('name')} was not applied by {field_manager}")
    cut = _cut(live, fields)
    names = {name: live["metadata"][name] for name in ("name", "namespace") if name in live["metadata"]}
    return {
        **cut,
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": {**cut.get("metadata", {}), **names},
    }


def _cut(live: Any, fields: Owned) -> Any:
    """The part of a value that a fieldsV1 tree covers; a leaf covers it whole."""
    inner = {name: below for name, below in fields.items() if name != "."}
    if not inner:
        return live
    if isinstance(live, dict):
        return {name[2:]: _cut(live[name[2:]], below) for name, below in inner.items() if name[2:] in live}
    chosen = []
    for name, below in inner.items():
        wanted = orjson.loads(name[2:])
        if name.startswith("v:"):
            chosen.append(wanted)
        else:
            chosen += [_cut(item, below) for item in live if wanted.items() <= item.items()]
    return chosen
