"""The models that a LocalModelNode lists, as far as they make sense."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kservectl.modelstorage.local_model import storage_key
from kservectl.objects import quantity
from kservectl.objects.metadata import Object

_LABEL = re.compile("[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One model to keep. `size` is what it is said to take, in bytes; None for no or no usable statement."""

    name: str
    namespace: str
    uri: str
    group: str = ""
    account: str = ""
    storage: Mapping[str, Any] | None = None
    size: int | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What it is called in the status."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def storage_key(self) -> str:
        """The name of its folder."""
        return storage_key(self.uri)

    @property
    def problem(self) -> str:
        """Why it cannot be downloaded, in a sentence; "" when it can."""
        if not self.uri:
            return "it has no sourceModelUri"
        if not _LABEL.fullmatch(self.name):
            return (
                f"the name {self.name!r} cannot be a label of its download Jobs: at most 63 letters, digits, '-', '_' and"
                " '.' are; create the cache under another name"
            )
        return ""


def listed_models(node: Object) -> Sequence[ListedModel]:
    """What `spec.localModels` says, in its order; of entries for one model the first counts."""
    found: dict[str, ListedModel] = {}
    for entry in (node.get("spec") or {}).get("localModels") or ():
        model = _model(entry)
        found.setdefault(model.key, model)
    return tuple(found.values())


def key_of(name: str, namespace: str) -> str:
    """The status key of a model by its labels."""
    return ListedModel(name, namespace, "").key


def _model(entry: Mapping[str, Any]) -> ListedModel:
    return ListedModel(
        name=str(entry.get("modelName") or ""),
        namespace=str(entry.get("namespace") or ""),
        uri=str(entry.get("sourceModelUri") or ""),
        group=str(entry.get("nodeGroup") or ""),
        account=str(entry.get("serviceAccountName") or ""),
        storage=entry.get("storage") or None,
        size=_bytes(entry.get("modelSize")),
        checksums={path: str(digest).lower() for path, digest in (entry.get("checksums") or {}).items()},
    )


def _bytes(size: object) -> int | None:
    if size is None:
        return None
    try:
        return math.ceil(quantity.parse(size))
    except quantity.InvalidQuantity:
        return None
