"""The store and its indexes, against a model of both."""

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from kservectl.informers.store import Difference, StoreWriter
from kservectl.objects import metadata
from kservectl.objects.metadata import Object, ObjectKey
from tests.informers.reflected import config_map, key


def by_data(obj: Object) -> list[str]:
    return list(obj["data"].values())


def test_readers_see_objects_by_key_and_namespace() -> None:
    writer = StoreWriter()
    a, b = config_map("a", "1", "one"), config_map("b", "2", "two")
    writer.put(a)
    writer.put(b)
    assert writer.store.get(ObjectKey("one", "a")) is a
    assert writer.store.get(ObjectKey("two", "a")) is None
    assert writer.store.list("one") == [a]
    assert writer.store.list("three") == []
    assert list(writer.store.keys()) == [("one", "a"), ("two", "b")]
    assert len(writer.store) == 2
    assert ("one", "a") in writer.store
    assert not hasattr(writer.store, "put")


def test_index_follows_the_object() -> None:
    writer = StoreWriter()
    writer.put(old := config_map("a", "1", x="red", y="blue"))
    writer.add_index("data", by_data)
    assert writer.store.by_index("data", "red") == [old]
    writer.put(new := config_map("a", "2", x="green", y="blue"))
    assert writer.store.by_index("data", "red") == []
    assert writer.store.by_index("data", "green") == [new]
    assert writer.store.by_index("data", "blue") == [new]
    writer.remove(new)
    assert writer.store.by_index("data", "blue") == []


def test_index_name_means_one_function() -> None:
    writer = StoreWriter()
    writer.add_index("data", by_data)
    writer.add_index("data", by_data)
    with pytest.raises(ValueError, match="data"):
        writer.add_index("data", lambda obj: [])
    with pytest.raises(KeyError):
        writer.store.by_index("unknown", "x")


def test_object_that_an_index_cannot_read_is_stored_without_it() -> None:
    writer = StoreWriter()
    writer.add_index("data", by_data)
    odd = config_map("odd", "1")
    del odd["data"]
    with structlog.testing.capture_logs() as logs:
        writer.put(odd)
        writer.remove(odd)
    assert {log["key"] for log in logs} == {"n/odd"}
    assert len(writer.store) == 0


def test_replace_reports_what_differs_and_nothing_else() -> None:
    writer = StoreWriter()
    for obj in (kept := config_map("kept", "1"), edited := config_map("edited", "2"), gone := config_map("gone", "3")):
        writer.put(obj)
    now = [config_map("kept", "1"), config_map("edited", "9"), config_map("new", "8")]
    differences = writer.replace({metadata.key(obj): obj for obj in now})
    assert differences == [Difference(gone, None), Difference(edited, now[1]), Difference(None, now[2])]
    assert writer.store.get(key("kept")) is kept


def test_replace_in_a_namespace_leaves_the_others() -> None:
    writer = StoreWriter()
    writer.put(config_map("a", "1", "one"))
    writer.put(config_map("b", "2", "two"))
    writer.replace({}, "one")
    assert list(writer.store.keys()) == [("two", "b")]


NAMES = st.sampled_from("abcd")
NAMESPACES = st.sampled_from(("one", "two"))
VALUES = st.dictionaries(st.sampled_from("xy"), st.sampled_from(("red", "blue")))
OBJECTS = st.builds(
    lambda name, namespace, version, data: config_map(name, str(version), namespace, **data),
    NAMES,
    NAMESPACES,
    st.integers(1, 5),
    VALUES,
)


@given(st.lists(st.one_of(OBJECTS, st.tuples(st.just("remove"), OBJECTS), st.lists(OBJECTS, max_size=4))))
def test_store_and_index_always_agree_with_the_objects(steps: list[object]) -> None:
    writer = StoreWriter()
    writer.add_index("data", by_data)
    model: dict[ObjectKey, Object] = {}
    for step in steps:
        if isinstance(step, dict):
            known = model.get(metadata.key(step))
            same = known is not None and metadata.resource_version(known) == metadata.resource_version(step)
            assert (writer.put(step) is None) == same
            if not same:
                model[metadata.key(step)] = step
        elif isinstance(step, tuple):
            found = model.pop(metadata.key(step[1]), None)
            assert (writer.remove(step[1]) is None) == (found is None)
        elif isinstance(step, list):
            objects = {metadata.key(obj): obj for obj in step}
            writer.replace(objects)
            model = {
                at: model[at]
                if at in model and metadata.resource_version(model[at]) == metadata.resource_version(obj)
                else obj
                for at, obj in objects.items()
            }
        assert {at: writer.store.get(at) for at in writer.store.keys()} == model  # noqa: SIM118 - a store is no mapping
        for namespace in ("one", "two"):
            expected = {at for at in model if at.namespace == namespace}
            assert {metadata.key(obj) for obj in writer.store.list(namespace)} == expected
        for value in ("red", "blue"):
            expected = {at for at, obj in model.items() if value in obj["data"].values()}
            assert {metadata.key(obj) for obj in writer.store.by_index("data", value)} == expected
