"""The controller as the runtime takes it."""

from kservectl.controllers.inferenceservice import controller
from kservectl.controllers.inferenceservice.settings import Settings


def test_controller_caches_only_what_carries_the_label() -> None:
    built = controller.build(Settings(system_namespace="system"))

    assert {owned.label_selector for owned in built.owns} == {"", "serving.kserve.io/inferenceservice"}
    everything = {owned.kind.kind for owned in built.owns if not (owned.label_selector or owned.field_selector)}
    assert everything == {"OpenTelemetryCollector", "HTTPRoute", "Ingress", "VirtualService"}
    config_maps = [owned for owned in built.owns if owned.kind.kind == "ConfigMap"]
    assert [(owned.label_selector, owned.field_selector) for owned in config_maps] == [
        ("serving.kserve.io/inferenceservice", ""),
        ("", "metadata.name=global-ca-bundle"),
    ]


def test_controller_looks_at_all_configmaps_of_the_system_namespace_alone() -> None:
    built = controller.build(Settings(system_namespace="system"))

    config = next(watched for watched in built.watches if watched.kind.kind == "ConfigMap")

    assert (config.namespace, config.field_selector) == ("system", "")
