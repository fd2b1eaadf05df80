"""What of an object makes it into a recording."""

from typing import Any

from e2e.parity.recording import identity, normalised, record


def pod(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "iris-predictor-7c9f8d6b5-x2k4q",
            "namespace": "p-123456",
            "labels": {"app": "iris", "pod-template-hash": "7c9f8d6b5"},
            "ownerReferences": [
                {"kind": "ReplicaSet", "name": "iris-predictor-7c9f8d6b5", "uid": "u", "controller": True}
            ],
        },
        "spec": {"containers": [{"name": "main"}], **spec},
        "status": {"phase": "Running"},
    }


def test_random_names_and_the_namespace_are_replaced() -> None:
    found = normalised(pod(), "p-123456")

    assert identity(found) == "Pod.v1/iris-predictor-POD"
    assert found["metadata"]["namespace"] == "NS"
    assert found["metadata"]["ownerReferences"][0]["name"] == "iris-predictor-RS"
    assert found["metadata"]["labels"] == {"app": "iris"}


def test_what_the_cluster_adds_to_pods_is_left_out() -> None:
    token = {"name": "kube-api-access-abcde"}
    taint = {"key": "node.kubernetes.io/not-ready", "operator": "Exists"}
    added = pod(
        nodeName="node-1",
        serviceAccountName="default",
        serviceAccount="default",
        volumes=[token, {"name": "models"}],
        tolerations=[taint, {"key": "gpu"}],
    )
    added["spec"]["containers"][0]["volumeMounts"] = [{**token, "mountPath": "/var/run"}, {"name": "models"}]

    spec = normalised(added, "p-123456")["spec"]

    assert spec["volumes"] == [{"name": "models"}]
    assert spec["containers"][0]["volumeMounts"] == [{"name": "models"}]
    assert spec["tolerations"] == [{"key": "gpu"}]
    assert not {"nodeName", "serviceAccountName", "serviceAccount"} & spec.keys()


def test_own_service_account_is_kept() -> None:
    assert normalised(pod(serviceAccountName="models"), "p-123456")["spec"]["serviceAccountName"] == "models"


def test_status_is_kept_for_kserve_kinds_without_times_and_in_order() -> None:
    conditions = [
        {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "IngressReady", "status": "True", "message": 'ReplicaSet "iris-7c9f8d6b5" has progressed.'},
    ]
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "iris", "resourceVersion": "7"},
        "status": {"observedGeneration": 1, "conditions": conditions},
    }

    found = normalised(service, "p-123456")

    assert found["status"] == {
        "conditions": [
            {"type": "IngressReady", "status": "True", "message": 'ReplicaSet "iris-RS" has progressed.'},
            {"type": "Ready", "status": "True"},
        ]
    }
    assert "resourceVersion" not in found["metadata"]
    assert "status" not in normalised(pod(), "p-123456")


def test_address_of_a_service_is_left_out_unless_it_is_headless() -> None:
    def service(address: str) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"clusterIP": address}}

    assert "clusterIP" not in normalised(service("10.0.0.7"), "NS")["spec"]
    assert normalised(service("None"), "NS")["spec"]["clusterIP"] == "None"


def test_recording_names_its_namespace_ns_in_refusals_too() -> None:
    assert record([], "p-123456", "namespace p-123456 is full") == {"rejected": "namespace NS is full", "objects": {}}


def test_normalising_twice_changes_nothing() -> None:
    once = normalised(pod(), "p-123456")

    assert normalised(once, "NS") == once
