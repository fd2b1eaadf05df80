"""What counts as a difference between a live object and what is desired of it."""

from typing import Any

import pytest

from kservectl.informers.shaping import Shape
from kservectl.objects.metadata import Object
from kservectl.runtime.drift import applied_fields, compare, differences

MANAGER = "kservectl"


def live(spec: Object, fields: Object, **metadata: Any) -> Object:
    entry = {"manager": MANAGER, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields}
    return {
        "apiVersion": "v1",
        "kind": "Thing",
        "metadata": {
            "name": "a",
            "namespace": "n",
            "uid": "1",
            "resourceVersion": "7",
            **metadata,
            "managedFields": [entry],
        },
        "spec": spec,
    }


def desired(spec: Object, **metadata: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a", "namespace": "n", **metadata}, "spec": spec}


def found(got: Object, wanted: Object) -> list[str]:
    return [str(difference) for difference in differences(got, wanted, MANAGER)]


CONTAINERS: Object = {
    "f:spec": {
        "f:containers": {
            'k:{"name":"main"}': {
                ".": {},
                "f:name": {},
                "f:image": {},
                "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
            }
        }
    }
}


def test_an_object_never_applied_differs_in_its_ownership() -> None:
    got = live({"x": 1}, {})
    got["metadata"]["managedFields"] = [{"manager": "kubectl", "operation": "Update", "fieldsV1": {}}]
    assert found(got, desired({"x": 1})) == ["metadata.managedFields (missing)"]


def test_what_was_applied_and_kept_is_no_difference() -> None:
    assert found(live({"x": 1}, {"f:spec": {"f:x": {}}}), desired({"x": 1})) == []


def test_a_changed_value_is_named_by_its_path() -> None:
    assert found(live({"a": {"b": 2}}, {"f:spec": {"f:a": {"f:b": {}}}}), desired({"a": {"b": 1}})) == [
        "spec.a.b (changed)"
    ]


def test_a_field_applied_earlier_and_no_longer_desired_is_stale() -> None:
    got = live({"a": 1, "b": 2}, {"f:spec": {"f:a": {}, "f:b": {}}})
    assert found(got, desired({"a": 1})) == ["spec.b (stale)"]


def test_a_field_of_somebody_else_is_no_difference() -> None:
    got = live({"a": 1, "replicas": 4}, {"f:spec": {"f:a": {}}}, labels={"team": "x"})
    assert found(got, desired({"a": 1})) == []


def test_a_label_applied_earlier_goes_and_a_foreign_one_stays() -> None:
    got = live(
        {}, {"f:metadata": {"f:labels": {"f:old": {}, "f:app": {}}}}, labels={"old": "1", "app": "a", "human": "1"}
    )
    assert found(got, desired({}, labels={"app": "a"})) == ["metadata.labels.old (stale)"]


@pytest.mark.parametrize(("got", "wanted"), [("1", "1000m"), ("1Gi", "1024Mi"), ("2", 2)])
def test_equal_quantities_are_no_difference(got: object, wanted: object) -> None:
    fields: Object = {"f:spec": {"f:limits": {"f:nvidia.com/gpu": {}}}}
    assert (
        found(live({"limits": {"nvidia.com/gpu": got}}, fields), desired({"limits": {"nvidia.com/gpu": wanted}})) == []
    )


def test_text_that_looks_like_a_quantity_is_compared_as_text() -> None:
    assert found(live({"value": "1"}, {"f:spec": {"f:value": {}}}), desired({"value": "1000m"})) == [
        "spec.value (changed)"
    ]


def test_list_items_are_matched_by_the_keys_of_the_record() -> None:
    got = live(
        {
            "containers": [
                {"name": "injected"},
                {"name": "main", "image": "i", "env": [{"name": "A", "value": "1"}], "tty": True},
            ]
        },
        CONTAINERS,
    )
    assert (
        found(got, desired({"containers": [{"name": "main", "image": "i", "env": [{"name": "A", "value": "1"}]}]}))
        == []
    )
    assert found(
        got, desired({"containers": [{"name": "main", "image": "j", "env": [{"name": "A", "value": "1"}]}]})
    ) == ["spec.containers[main].image (changed)"]


def test_a_list_item_no_longer_desired_is_stale_and_a_new_one_missing() -> None:
    got = live({"containers": [{"name": "main", "image": "i", "env": [{"name": "A", "value": "1"}]}]}, CONTAINERS)
    wanted = desired({"containers": [{"name": "main", "image": "i", "env": [{"name": "B", "value": "1"}]}]})
    assert found(got, wanted) == ["spec.containers[main].env[B] (missing)", "spec.containers[main].env[A] (stale)"]


def test_a_list_key_that_the_server_defaults_may_be_left_out() -> None:
    fields: Object = {
        "f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:targetPort": {}}}}
    }
    got = live({"ports": [{"port": 80, "protocol": "TCP", "targetPort": 8080}]}, fields)
    assert found(got, desired({"ports": [{"port": 80, "targetPort": 8080}]})) == []


def test_a_list_applied_as_a_whole_may_hold_the_servers_defaults() -> None:
    got = live({"rules": [{"backend": {"name": "a", "weight": 1}}]}, {"f:spec": {"f:rules": {}}})
    assert found(got, desired({"rules": [{"backend": {"name": "a"}}]})) == []
    assert found(got, desired({"rules": [{"backend": {"name": "b"}}]})) == ["spec.rules (changed)"]
    assert found(got, desired({"rules": []})) == ["spec.rules (changed)"]


def test_a_list_that_somebody_else_has_taken_since_is_a_difference() -> None:
    got = live({"x": 1, "rules": [{"backend": "a", "extra": True}]}, {"f:spec": {"f:x": {}}})
    assert found(got, desired({"x": 1, "rules": [{"backend": "a"}]})) == ["spec.rules (changed)"]


def test_an_atomic_map_with_a_foreign_key_is_a_difference() -> None:
    got = live({"selector": {"app": "a", "evil": "b"}}, {"f:spec": {"f:selector": {}}})
    assert found(got, desired({"selector": {"app": "a"}})) == ["spec.selector (changed)"]


def test_an_empty_map_desired_does_not_mind_what_is_in_it() -> None:
    got = live({"emptyDir": {"medium": "Memory"}}, {"f:spec": {"f:emptyDir": {}}})
    assert found(got, desired({"emptyDir": {}})) == []


def test_nothing_desired_and_nothing_there_are_equal() -> None:
    got = live({"x": 1}, {"f:spec": {"f:x": {}, "f:hostNetwork": {}}})
    assert found(got, desired({"x": 1, "labels": {}, "args": [], "gone": None, "hostNetwork": False})) == []


def test_a_zero_that_was_never_applied_is_missing() -> None:
    assert found(live({}, {}), desired({"runAsUser": 0})) == ["spec.runAsUser (missing)"]


def test_true_is_not_one() -> None:
    assert found(live({"x": 1}, {"f:spec": {"f:x": {}}}), desired({"x": True})) == ["spec.x (changed)"]
    inside = live({"x": {"y": 1}, "z": [1]}, {"f:spec": {"f:x": {"f:y": {}}, "f:z": {}}})
    assert found(inside, desired({"x": {"y": True}, "z": [True]})) == ["spec.x.y (changed)", "spec.z (changed)"]


def test_another_type_is_a_difference_and_no_crash() -> None:
    fields: Object = {"f:spec": {"f:a": {"f:b": {}}, "f:c": {'k:{"name":"x"}': {}}}}
    got = live({"a": "text", "c": {"not": "a list"}}, fields)
    assert found(got, desired({"a": {"b": 1}, "c": [{"name": "x"}]})) == ["spec.a (changed)", "spec.c (changed)"]


def test_the_record_reads_the_same_from_a_cache() -> None:
    got = Shape(keep_managed_by=MANAGER)(live({"x": 1}, {"f:spec": {"f:x": {}}}))
    assert isinstance(got["metadata"]["managedFields"][0]["fieldsV1"], str)
    assert applied_fields(got, MANAGER) == {"f:spec": {"f:x": {}}}
    assert found(got, desired({"x": 1})) == []


PIECE: Object = {"f:spec": {"f:containers": {}}}
"""Containers that were applied as one piece, as those of a Knative Service are."""


def test_what_a_server_fills_into_a_list_of_one_piece_is_no_difference_but_is_known_of() -> None:
    filled = {"name": "a", "resources": {}, "probe": {"path": "/", "successThreshold": 1}, "ports": [{"p": 1, "q": 2}]}
    got = live({"containers": [filled]}, PIECE)
    wanted = desired({"containers": [{"name": "a", "probe": {"path": "/"}, "ports": [{"p": 1}]}]})

    assert found(got, wanted) == []
    compared = compare(got, wanted, MANAGER)
    assert compared.additions == {"spec.containers[0].probe.successThreshold", "spec.containers[0].ports[0].q"}
    assert compared.beyond(compared.additions) == ()


def test_what_was_not_there_after_the_last_apply_is_stale_in_a_list_of_one_piece() -> None:
    got = live({"containers": [{"name": "a", "args": ["x"], "policy": "Always"}]}, PIECE)
    compared = compare(got, desired({"containers": [{"name": "a"}]}), MANAGER)

    assert [str(each) for each in compared.beyond(frozenset({"spec.containers[0].policy"}))] == [
        "spec.containers[0].args (stale)"
    ]
