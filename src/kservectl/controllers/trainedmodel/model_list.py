"""The list of models in the ConfigMap of a multi-model server: the text under `models.json`, read and written.

Each entry is `{"modelName": …, "modelSpec": {"storageUri": …, "framework": …, "memory": …}}`, as the agent beside the server
reads it.
"""

import json
from collections.abc import Mapping, Sequence

from kservectl.modelstorage import gojson
from kservectl.objects import metadata, quantity
from kservectl.objects.metadata import Object

KEY = "models.json"

LIMIT = 1_000_000
"""The most bytes of a list: the API server takes 1 MiB for a ConfigMap in all."""


class UnreadableList(ValueError):
    """The text is not a list of models."""


def read(data: Mapping[str, str] | None) -> list[Object]:
    """The entries in the data of a ConfigMap; none for an absent or empty text. Raises UnreadableList."""
    text = (data or {}).get(KEY) or "[]"
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise UnreadableList(f"{KEY} is not JSON: {error}") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UnreadableList(f"{KEY} is not a list of models")
    return entries


def write(entries: Sequence[Object]) -> str:
    """The text for `entries`, sorted by name, of each name the last."""
    by_name = {name_of(entry): entry for entry in entries}
    return gojson.compact([by_name[name] for name in sorted(by_name)])


def size(entry: Object) -> int:
    """The bytes that an entry takes in a list, with what separates it from the next."""
    return len(gojson.compact(entry).encode()) + 1


def has_room(entries: Sequence[Object], entry: Object) -> bool:
    """Whether `entry` may be added, or take the place of the one of its name."""
    return sum(size(each) for each in entries if name_of(each) != name_of(entry)) + size(entry) <= LIMIT


def name_of(entry: Object) -> str:
    return str(entry.get("modelName") or "")


def entry_of(model: Object, storage_uri: str) -> Object:
    """The entry of a TrainedModel whose files are at `storage_uri`."""
    spec = model["spec"]["model"]
    return {
        "modelName": metadata.name(model),
        "modelSpec": {
            "storageUri": storage_uri,
            "framework": spec["framework"],
            "memory": quantity.canonical(spec.get("memory") or 0),
        },
    }
