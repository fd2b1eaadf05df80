"""Media types: which form of an answer a client accepts, and how the body of a request is encoded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
import yaml

from kservectl.devcluster.contract import PatchType
from kservectl.devcluster.protobuf import PROTOBUF, decode_protobuf
from kservectl.devcluster.refusals import bad_request, not_acceptable, unsupported_media_type

JSON = "application/json"
YAML = "application/yaml"

Shape = Literal["object", "table", "partial"]
"""The object itself, a meta.k8s.io/v1 Table of it, or only its metadata."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """One media range of an Accept header."""

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    quality: float = 1.0


def parse_accept(header: str) -> list[MediaType]:
    """The media ranges of an Accept header, best first; an empty header accepts anything."""
    found: list[MediaType] = []
    for part in filter(None, (part.strip() for part in header.split(","))):
        name, *rest = (piece.strip() for piece in part.split(";"))
        parameters = dict(piece.split("=", 1) for piece in rest if "=" in piece)
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 0.0
        found.append(MediaType(name.lower(), parameters, quality))
    return sorted(found or [MediaType("*/*")], key=lambda media: -media.quality)


def accepts(media: MediaType, name: str) -> bool:
    return media.name in {name, "*/*", f"{name.split('/')[0]}/*"}


@dataclass(frozen=True, slots=True)
class Form:
    """How to write an answer: its shape, and YAML instead of JSON when the client asked for it."""

    shape: Shape = "object"
    yaml: bool = False
    version: str = "v1"
    """The version of meta.k8s.io for tables and partial objects."""


_SHAPES: Mapping[str, Shape] = {
    "Table": "table",
    "PartialObjectMetadata": "partial",
    "PartialObjectMetadataList": "partial",
}


def negotiate(header: str) -> Form:
    """The best form that an Accept header allows; raises 406 (a client that only takes protobuf)."""
    for media in parse_accept(header):
        is_json, is_yaml = accepts(media, JSON), media.name == YAML
        if not (is_json or is_yaml):
            continue
        wanted = media.parameters.get("as", "")
        if not wanted:
            return Form(yaml=is_yaml)
        shape = _SHAPES.get(wanted)
        version = media.parameters.get("v", "v1")
        if shape and media.parameters.get("g") == "meta.k8s.io" and version in {"v1", "v1beta1"}:
            return Form(shape, is_yaml, version)
    raise not_acceptable((JSON, YAML))


def decode_body(content_type: str, body: bytes) -> Any:
    """A request's body as plain data; raises 400 or 415."""
    name = content_type.split(";")[0].strip().lower()
    if name == YAML:
        return _decode_yaml(body)
    if name == PROTOBUF:
        return decode_protobuf(body)
    if name in {JSON, "", "*/*", "application/octet-stream", "text/plain"}:
        return _decode_json(body)
    raise unsupported_media_type((JSON, YAML, PROTOBUF))


_PATCH_TYPES: Mapping[str, PatchType] = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}


def decode_patch(content_type: str, body: bytes, *, strategic: bool) -> tuple[PatchType, Any]:
    """A patch and its type; `strategic` says whether the kind has a strategic merge patch (custom objects do not)."""
    patch_type = _PATCH_TYPES.get(content_type.split(";")[0].strip().lower())
    if patch_type is None or (patch_type == "strategic" and not strategic):
        allowed: Sequence[str] = [name for name in _PATCH_TYPES if strategic or "strategic" not in name]
        raise unsupported_media_type(allowed)
    return patch_type, _decode_yaml(body) if patch_type == "apply" else _decode_json(body)


def _decode_json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error


def _decode_yaml(body: bytes) -> Any:
    try:
        return orjson.loads(body)  # clients send JSON as YAML almost always, and this is much faster
    except orjson.JSONDecodeError:
        pass
    try:
        return yaml.load(body, Loader=_StringTimes)  # noqa: S506  # a subclass of SafeLoader
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding YAML: {error}") from error


class _StringTimes(yaml.SafeLoader):
    """YAML as Kubernetes reads it: what looks like a time stays a string."""


_StringTimes.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
