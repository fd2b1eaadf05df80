"""Protobuf bodies of typed clients read as the JSON that they stand for."""

import struct

import pytest

from kservectl.client.errors import BadRequest
from kservectl.devcluster.protobuf import decode_protobuf


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def body(api_version: str, kind: str, message: bytes) -> bytes:
    identity = field(1, api_version) + field(2, kind)
    return b"k8s\x00" + field(1, identity) + field(2, message)


def test_maps_and_metadata() -> None:
    labels = field(11, field(1, "a") + field(2, "b")) + field(11, field(1, "c") + field(2, ""))
    metadata = field(1, "x") + field(3, "default") + field(8, b"") + labels
    message = field(1, metadata) + field(2, field(1, "key") + field(2, "value"))
    assert decode_protobuf(body("v1", "ConfigMap", message)) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x", "namespace": "default", "labels": {"a": "b", "c": ""}},
        "data": {"key": "value"},
    }


def test_bytes_are_base64_and_times_are_text() -> None:
    metadata = field(1, "s") + field(8, field(1, 1_767_225_600))
    message = field(1, metadata) + field(2, field(1, "key") + field(2, b"\x00\xff"))
    decoded = decode_protobuf(body("v1", "Secret", message))
    assert decoded["data"] == {"key": "AP8="}
    assert decoded["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"


def test_inlined_structs_int_or_string_and_negative_numbers() -> None:
    probe = field(1, field(2, field(1, "/up") + field(2, field(1, 1) + field(3, "http")))) + field(2, -5)
    container = field(1, "main") + field(10, probe)
    volume = field(1, "v") + field(2, field(19, field(1, field(1, "settings"))))
    decoded = decode_protobuf(body("v1", "Pod", field(2, field(1, volume) + field(2, container))))
    assert decoded["spec"] == {
        "volumes": [{"name": "v", "configMap": {"name": "settings"}}],
        "containers": [
            {"name": "main", "livenessProbe": {"httpGet": {"path": "/up", "port": "http"}, "initialDelaySeconds": -5}}
        ],
    }


def test_fields_that_are_not_known_are_skipped() -> None:
    unknown = (
        field(99, "new") + field(98, 7) + varint(97 << 3 | 1) + struct.pack("<d", 1.0) + varint(96 << 3 | 5) + b"1234"
    )
    decoded = decode_protobuf(body("v1", "ConfigMap", unknown + field(1, field(1, "x"))))
    assert decoded["metadata"] == {"name": "x"}


def test_options_are_read_under_any_group() -> None:
    decoded = decode_protobuf(body("apps/v1", "DeleteOptions", field(1, 0) + field(4, "Foreground")))
    assert (decoded["gracePeriodSeconds"], decoded["propagationPolicy"]) == (0, "Foreground")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{}", "expected prefix"),
        (b"k8s\x00\xff\xff", "couldn't read the protobuf body"),
        (body("v1", "ConfigMap", b"")[:-1] + b"\x40", "unexpected EOF"),
        (
            body("example.com/v1", "Widget", b""),
            "no protobuf message is known for example.com/v1, Kind=Widget; send JSON",
        ),
        (body("v1", "ConfigMap", field(1, 3)), "a number stands where a message is expected"),
    ],
)
def test_what_cannot_be_read_is_a_bad_request(data: bytes, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        decode_protobuf(data)
