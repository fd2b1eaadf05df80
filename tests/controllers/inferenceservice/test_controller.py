"""The controller as the runtime takes it."""

from kservectl.controllers.inferenceservice import controller
from kservectl.controllers.inferenceservice.settings import Settings


def test_controller_caches_only_what_carries_the_label() -> None:
    built = controller.build(Settings(system_namespace="system"))

    assert {owned.kind.kind: owned.label_selector for owned in built.owns} == {
        "Deployment": "serving.kserve.io/inferenceservice",
        "Service": "serving.kserve.io/inferenceservice",
        "HorizontalPodAutoscaler": "serving.kserve.io/inferenceservice",
        "ScaledObject": "serving.kserve.io/inferenceservice",
        "OpenTelemetryCollector": "",
        "HTTPRoute": "",
        "Ingress": "",
    }
    config = next(watched for watched in built.watches if watched.kind.kind == "ConfigMap")
    assert (config.namespace, config.field_selector) == ("system", "metadata.name=inferenceservice-config")
