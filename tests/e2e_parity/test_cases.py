"""How a case's manifests are created."""

from e2e.parity.cases import as_kubectl_applies


def test_manifests_are_created_as_kubectl_applies_them() -> None:
    graph = {"kind": "InferenceGraph", "apiVersion": "v1", "metadata": {"name": "g"}, "spec": {"condition": "a>1"}}
    assert as_kubectl_applies(graph, "ns")["metadata"] == {
        "name": "g",
        "namespace": "ns",
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": (
                '{"apiVersion":"v1","kind":"InferenceGraph","metadata":{"annotations":{},"name":"g","namespace":"ns"},'
                '"spec":{"condition":"a\\u003e1"}}\n'
            )
        },
    }
