"""What a field manager applied of an object, as the bare generator applies it again."""

import pytest

from benchmarks.applied_object import applied_object
from kservectl.objects.metadata import Object


def _live(fields: Object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "iris",
            "namespace": "team",
            "uid": "1",
            "labels": {"app": "iris", "theirs": "x"},
            "finalizers": ["mine", "theirs"],
            "managedFields": [{"manager": "me", "operation": "Apply", "fieldsV1": fields}],
        },
        "spec": {
            "clusterIP": "10.0.0.1",
            "ports": [
                {"port": 80, "protocol": "TCP", "name": "http", "nodePort": 30000},
                {"port": 81, "protocol": "TCP", "name": "theirs"},
            ],
            "selector": {"app": "iris"},
        },
    }


def test_only_what_was_applied_is_cut_out() -> None:
    fields = {
        "f:metadata": {"f:labels": {"f:app": {}}, "f:finalizers": {'v:"mine"': {}}},
        "f:spec": {
            "f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:name": {}}},
            "f:selector": {},
        },
    }
    assert applied_object(_live(fields), "me") == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "iris", "namespace": "team", "labels": {"app": "iris"}, "finalizers": ["mine"]},
        "spec": {"ports": [{"port": 80, "name": "http"}], "selector": {"app": "iris"}},
    }


def test_an_object_of_another_manager_is_refused() -> None:
    with pytest.raises(ValueError, match="Service iris was not applied by somebody"):
        applied_object(_live({}), "somebody")
