"""fieldsV1 read and written as sets of paths."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.objects.fieldset import EMPTY, Path, describe, field, list_key, list_value, parse, serialise

FIELDS = {
    "f:metadata": {"f:labels": {".": {}, "f:who": {}}},
    "f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}, "f:replicas": {}},
}
PORT = 'k:{"port":80,"protocol":"TCP"}'


def test_reads_leaves_and_owned_parents() -> None:
    assert parse(FIELDS) == {
        ("f:metadata", "f:labels"),
        ("f:metadata", "f:labels", "f:who"),
        ("f:spec", "f:ports", PORT),
        ("f:spec", "f:ports", PORT, "f:port"),
        ("f:spec", "f:replicas"),
    }


def test_writes_what_it_read() -> None:
    assert serialise(parse(FIELDS)) == FIELDS


def test_nothing_reads_as_the_empty_set() -> None:
    assert parse(None) == parse({}) == EMPTY


def test_keys_compare_whatever_their_order_and_spacing() -> None:
    loose: dict[str, Any] = {"f:p": {'k:{"protocol": "TCP", "port": 80}': {}}}
    assert parse(loose) == {("f:p", list_key({"port": 80, "protocol": "TCP"}))}


def test_what_is_not_fields_v1_is_refused() -> None:
    with pytest.raises(ValueError, match="spec"):
        parse({"spec": {}})


def test_paths_are_described_as_the_server_does() -> None:
    path = (field("spec"), field("containers"), list_key({"name": "a"}), field("image"))
    assert describe(path) == '.spec.containers[name="a"].image'
    assert describe((field("metadata"), field("finalizers"), list_value("x/y"))) == '.metadata.finalizers[="x/y"]'
    assert describe((field("p"), list_key({"protocol": "TCP", "port": 80}))) == '.p[port=80,protocol="TCP"]'


elements = st.one_of(
    st.sampled_from(["f:a", "f:b", "f:c.d", "f:a0"]),
    st.sampled_from([list_key({"name": "x"}), list_key({"port": 1, "protocol": "TCP"}), list_value("v"), "i:0"]),
)
paths: st.SearchStrategy[Path] = st.lists(elements, min_size=1, max_size=4).map(tuple)


@given(st.frozensets(paths))
def test_round_trip(owned: frozenset[Path]) -> None:
    assert parse(serialise(owned)) == owned
