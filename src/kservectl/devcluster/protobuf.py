"""Reading the protobuf encoding of built-in kinds, which typed Go clients (`kubectl create namespace`) send.

Only requests are read: answers are JSON, which those clients accept as well. A body is four magic bytes and a
runtime.Unknown that names the kind and holds its message (API concepts, "Kubernetes Protobuf encoding").
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

import orjson

from kservectl.clock import rfc3339, rfc3339_micro
from kservectl.devcluster.refusals import bad_request
from kservectl.objects.metadata import Object

PROTOBUF = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_OPTIONS = {"CreateOptions", "DeleteOptions", "PatchOptions", "UpdateOptions"}


class _Broken(Exception):
    """The bytes are no protobuf message."""


def decode_protobuf(body: bytes) -> Object:
    """The object in a request's body; raises 400 for anything else, naming the kind that is not known."""
    if not body.startswith(_MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    try:
        return _decode_envelope(body[len(_MAGIC) :])
    except (_Broken, IndexError, UnicodeDecodeError, orjson.JSONDecodeError) as error:
        raise bad_request(f"couldn't read the protobuf body: {error}") from error


def _decode_envelope(data: bytes) -> Object:
    api_version = kind = ""
    raw = b""
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            names = {key: part.decode() for key, part in _fields(value) if isinstance(part, bytes)}
            api_version, kind = names.get(1, ""), names.get(2, "")
        elif number == 2 and isinstance(value, bytes):
            raw = value
    group, _, version = api_version.rpartition("/")
    package = f"{group.split('.')[0] or 'core'}.{version}"
    message = f"meta.v1.{kind}" if kind in _OPTIONS else f"{package}.{kind}"
    if message not in _messages():
        raise _Broken(f"no protobuf message is known for {api_version}, Kind={kind}; send JSON")
    return {"apiVersion": api_version, "kind": kind, **_decode(message, raw)}


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    type: str
    repeated: bool
    mapped: bool


@cache
def _messages() -> Mapping[str, Mapping[int, _Field]]:
    text = resources.files("kservectl.devcluster").joinpath("protobuf_fields.txt").read_text()
    rows = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {name: dict(_field(name, column) for column in columns) for name, *columns in rows}


def _field(message: str, column: str) -> tuple[int, _Field]:
    number, name, type_ = column.split(":")
    bare = type_.removeprefix("[]").removeprefix("{}")
    if "." not in bare and bare not in _SCALARS:
        bare = f"{message.rpartition('.')[0]}.{bare}"
    return int(number), _Field(name, bare, type_.startswith("[]"), type_.startswith("{}"))


def _decode(message: str, data: bytes) -> Object:
    """A message as JSON knows it. A null (an unset time) is left out."""
    found: Object = {}
    declared = _messages()[message]
    for number, value in _fields(data):
        field = declared.get(number)
        if field is None:
            continue
        if field.mapped:
            key, one = _entry(field.type, _bytes(value))
            found.setdefault(field.name, {})[key] = one
            continue
        one = _value(field.type, value)
        if field.repeated:
            found.setdefault(field.name, []).append(one)
        elif not field.name:
            found.update(one)
        elif one is not None:
            found[field.name] = one
    return found


def _entry(type_: str, data: bytes) -> tuple[str, Any]:
    parts = dict(_fields(data))
    return _bytes(parts.get(1, b"")).decode(), _value(type_, parts.get(2, b""))


def _value(type_: str, value: int | bytes) -> Any:
    scalar = _SCALARS.get(type_)
    if scalar is not None:
        return scalar(value)
    special = _SPECIAL.get(type_)
    return special(_bytes(value)) if special is not None else _decode(type_, _bytes(value))


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise _Broken("a number stands where a message is expected")
    return value


def _integer(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise _Broken("a message stands where a number is expected")
    return value - (1 << 64) if value >= 1 << 63 else value


_SCALARS: Mapping[str, Callable[[int | bytes], Any]] = {
    "string": lambda value: _bytes(value).decode(),
    "bytes": lambda value: base64.b64encode(_bytes(value)).decode(),
    "bool": lambda value: bool(_integer(value)),
    "int32": _integer,
    "int64": _integer,
}


def _time(data: bytes, text: Callable[[datetime], str]) -> str | None:
    parts = dict(_fields(data))
    if not parts:
        return None
    seconds, nanos = _integer(parts.get(1, 0)), _integer(parts.get(2, 0))
    return text(datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanos // 1000))


def _int_or_string(data: bytes) -> int | str:
    parts = dict(_fields(data))
    return _bytes(parts.get(3, b"")).decode() if parts.get(1) else _integer(parts.get(2, 0))


def _json(data: bytes) -> Any:
    return orjson.loads(_bytes(dict(_fields(data)).get(1, b"null")))


def _texts(data: bytes) -> list[str]:
    return [_bytes(value).decode() for _, value in _fields(data)]


_SPECIAL: Mapping[str, Callable[[bytes], Any]] = {
    "meta.v1.Time": lambda data: _time(data, rfc3339),
    "meta.v1.MicroTime": lambda data: _time(data, rfc3339_micro),
    "meta.v1.FieldsV1": _json,
    "runtime.RawExtension": _json,
    "resource.Quantity": lambda data: _bytes(dict(_fields(data)).get(1, b"0")).decode(),
    "intstr.IntOrString": _int_or_string,
    "authentication.v1.ExtraValue": _texts,
    "authorization.v1.ExtraValue": _texts,
}


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: number and varint, or number and bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
        elif wire == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise _Broken("unexpected EOF")
            yield number, data[at : at + length]
            at += length
        elif wire in {1, 5}:
            at += 8 if wire == 1 else 4
        else:
            raise _Broken(f"illegal wireType {wire}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise _Broken("integer overflow")
