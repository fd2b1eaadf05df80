"""The models that a server is to have: the text of `models.json`, as the controller writes it.

A list of `{"modelName": …, "modelSpec": {"storageUri": …, "framework": …, "memory": …}}`. An entry that cannot be used is told
of, and harms no other.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import orjson

FILE = "models.json"

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,252}")


class UnreadableModels(ValueError):
    """The text is no list of models."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Where a model is, and for whom. `memory` is a quantity, as written."""

    storage_uri: str
    framework: str = ""
    memory: str = ""

    @classmethod
    def parse(cls, value: Any) -> Self:
        """From a `modelSpec`; raises UnreadableModels."""
        if not isinstance(value, dict):
            raise UnreadableModels("modelSpec is not an object")
        members = [value.get(name, "") for name in ("storageUri", "framework", "memory")]
        uri, framework, memory = ["" if member is None else str(member) for member in members]
        return cls(uri, framework, memory)

    @property
    def text(self) -> bytes:
        """As JSON: the same text for the same spec, always."""
        return orjson.dumps({"storageUri": self.storage_uri, "framework": self.framework, "memory": self.memory})

    @property
    def digest(self) -> str:
        """The SHA-256 of the text."""
        return hashlib.sha256(self.text).hexdigest()


@dataclass(frozen=True, slots=True)
class WantedModels:
    """Models by their names; and for entries of no use, why."""

    models: Mapping[str, ModelSpec]
    refused: tuple[str, ...] = ()


def read_models(text: bytes) -> WantedModels:
    """What `text` asks for; raises UnreadableModels. Of two entries with one name the last counts."""
    try:
        entries = orjson.loads(text) if text.strip() else []
    except orjson.JSONDecodeError as error:
        raise UnreadableModels(f"{FILE} is not JSON: {error}") from error
    if not isinstance(entries, list):
        raise UnreadableModels(f"{FILE} is not a list of models")
    models: dict[str, ModelSpec] = {}
    refused: list[str] = []
    for entry in entries:
        name = entry.get("modelName") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not is_name(name):
            refused.append(f"an entry of {FILE} has no usable modelName: {name!r}")
            continue
        try:
            models[name] = ModelSpec.parse(entry.get("modelSpec"))
        except UnreadableModels as error:
            refused.append(f"model {name} of {FILE}: {error}")
    return WantedModels(models, tuple(refused))


def is_name(name: str) -> bool:
    """Whether a model may be called so: it becomes the name of a folder, and part of a URL."""
    return _NAME.fullmatch(name) is not None
