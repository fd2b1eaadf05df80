"""Records of server-side applies in their small form say what the server said."""

from typing import Any

import pytest

from kservectl.informers import apply_record
from kservectl.objects.metadata import Object


def meta(*uids: str) -> Object:
    return {"name": "a", "ownerReferences": [{"uid": uid, "kind": "Widget", "name": "w"} for uid in uids]}


def entry(*uids: str, **fields: Any) -> Object:
    owners: Object = {f'k:{{"uid":"{uid}"}}': {} for uid in uids}
    tree = {"f:metadata": {"f:labels": {"f:x": {}}, "f:ownerReferences": owners}, "f:data": {"f:y": {}}, **fields}
    return {"manager": "kservectl", "operation": "Apply", "apiVersion": "v1", "time": "now", "fieldsV1": tree}


def test_records_of_the_children_of_different_owners_are_one() -> None:
    assert apply_record.kept(entry("u1"), meta("u1")) is apply_record.kept(entry("u2"), meta("u2"))


@pytest.mark.parametrize(
    ("applied", "present"),
    [(("u1",), ("u1",)), (("u1", "u2"), ("u2", "u1")), (("u1",), ("u1", "theirs")), ((), ("theirs",)), ((), ())],
)
def test_a_record_reads_as_the_server_sent_it(applied: tuple[str, ...], present: tuple[str, ...]) -> None:
    sent = entry(*applied)
    assert apply_record.fields_of(apply_record.kept(sent, meta(*present)), meta(*present)) == sent["fieldsV1"]
    assert apply_record.fields_of(sent, meta(*present)) == sent["fieldsV1"]


def test_what_is_owned_inside_of_a_reference_is_kept_as_it_is() -> None:
    sent = entry()
    sent["fieldsV1"]["f:metadata"]["f:ownerReferences"] = {'k:{"uid":"u1"}': {".": {}, "f:name": {}}}
    assert apply_record.fields_of(apply_record.kept(sent, meta("u1")), meta("u1")) == sent["fieldsV1"]


def test_a_record_without_fields_is_empty() -> None:
    bare = {"manager": "kservectl", "operation": "Apply"}
    assert apply_record.fields_of(apply_record.kept(bare, {}), {}) == {}
