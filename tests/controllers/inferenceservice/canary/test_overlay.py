"""The effective predictor of a canary."""

from typing import Any

from kservectl.api.inferenceservice import PredictorSpec
from kservectl.controllers.inferenceservice.canary.overlay import effective_predictor, merge
from kservectl.controllers.inferenceservice.component import Component, predictor_component
from kservectl.objects.metadata import Object

STABLE: Object = {
    "model": {
        "modelFormat": {"name": "sklearn", "version": "1"},
        "storageUri": "gs://bucket/v1",
        "runtimeVersion": "1.2",
        "args": ["--a", "--b"],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    },
    "minReplicas": 4,
    "maxReplicas": 8,
    "scaleMetric": "cpu",
    "labels": {"team": "blue", "tier": "gold"},
    "timeout": 30,
    "serviceAccountName": "reader",
}


def _effective(
    canary: Object, stable: Object | None = None, *, runtime: str = "chosen", replicas: int = 1
) -> Component:
    base = predictor_component(PredictorSpec.parse(STABLE if stable is None else stable))
    over = PredictorSpec.parse({"name": "v2", **canary})
    return effective_predictor(base, over, runtime=runtime, replicas=replicas)


def _model(component: Component) -> Object:
    assert component.model is not None
    return component.model.to_object()


def test_what_the_canary_sets_wins_and_the_rest_is_the_stable_ones() -> None:
    found = _effective({"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "gs://bucket/v2"}, "timeout": 5})

    assert _model(found)["storageUri"] == "gs://bucket/v2"
    assert _model(found)["args"] == ["--a", "--b"]
    assert (found.spec.timeout, found.own_name) == (5, "v2")
    assert found.pod["serviceAccountName"] == "reader"


def test_maps_merge_per_key_and_lists_replace_whole() -> None:
    own = {"modelFormat": {"name": "sklearn"}, "args": ["--c"], "resources": {"requests": {"cpu": "2"}}}
    found = _effective({"model": own, "labels": {"tier": "silver"}})

    assert _model(found)["args"] == ["--c"]
    assert _model(found)["resources"] == {"requests": {"cpu": "2", "memory": "1Gi"}}
    assert found.labels == {"team": "blue", "tier": "silver"}


def test_empty_values_set_nothing() -> None:
    below: dict[str, Any] = {"a": 1, "b": True, "c": "x", "d": ["y"], "e": {"f": 1}}

    assert merge(below, {"a": 0, "b": False, "c": "", "d": [], "e": {}}) == below


def test_a_canary_is_of_a_fixed_size_whatever_scales_the_stable_one() -> None:
    found = _effective({"model": {"modelFormat": {"name": "sklearn"}}}, replicas=3).spec

    assert found.min_replicas == 3
    assert (found.max_replicas, found.scale_metric, found.auto_scaling) == (None, None, None)


def test_a_canary_of_the_same_format_uses_the_stable_ones_runtime() -> None:
    assert _model(_effective({"model": {"modelFormat": {"name": "sklearn"}}}))["runtime"] == "chosen"


def test_a_canary_may_name_another_runtime() -> None:
    found = _effective({"model": {"modelFormat": {"name": "sklearn"}, "runtime": "other"}})

    assert _model(found)["runtime"] == "other"


def test_a_canary_of_another_format_has_its_runtime_selected_afresh() -> None:
    found = _model(_effective({"model": {"modelFormat": {"name": "xgboost"}, "storageUri": "gs://bucket/x"}}))

    assert found["modelFormat"] == {"name": "xgboost"}
    assert not found.get("runtime")
    assert not found.get("runtimeVersion")
    assert found["resources"]["requests"]["memory"] == "1Gi"


def test_a_framework_field_of_a_canary_is_the_model_that_it_stands_for() -> None:
    found = _effective({"sklearn": {"storageUri": "gs://bucket/v2"}})

    assert _model(found)["modelFormat"]["name"] == "sklearn"
    assert _model(found)["storageUri"] == "gs://bucket/v2"
    assert _model(found)["args"] == ["--a", "--b"]


def test_a_framework_field_of_the_stable_predictor_is_one_too() -> None:
    found = _effective(
        {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://b/2"}}, {"sklearn": {"args": ["x"]}}
    )

    assert (_model(found)["args"], _model(found)["storageUri"]) == (["x"], "s3://b/2")


def test_the_canarys_source_takes_the_place_of_the_stable_ones() -> None:
    stored = {"model": {"modelFormat": {"name": "sklearn"}, "storage": {"path": "v1", "key": "k"}}}
    found = _effective({"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "gs://bucket/v2"}}, stored)
    several = _effective({"storageUris": [{"uri": "gs://bucket/v2"}]})

    assert found.storage is None
    assert found.storage_uri == "gs://bucket/v2"
    assert several.storage_uri is None
    assert [each.uri for each in several.storage_uris] == ["gs://bucket/v2"]


def test_rollout_settings_are_passed_on() -> None:
    stable = {
        **STABLE,
        "deploymentStrategy": {"type": "Recreate"},
        "logger": {"mode": "all"},
        "batcher": {"maxBatchSize": 4},
        "storageUris": [{"uri": "gs://bucket/extra", "mountPath": "/mnt/extra"}],
    }
    found = _effective({"labels": {"x": "y"}}, stable)

    assert found.spec.deployment_strategy is not None
    assert found.spec.deployment_strategy.to_object() == {"type": "Recreate"}
    assert found.logger is not None
    assert found.batcher is not None
    assert found.storage_uris


def test_a_canary_of_containers_beside_a_stable_model_has_no_model() -> None:
    found = _effective({"containers": [{"name": "kserve-container", "image": "mine"}]})

    assert found.model is None
    assert found.containers == [{"name": "kserve-container", "image": "mine"}]


def test_a_canary_with_a_model_beside_stable_containers_has_no_containers() -> None:
    custom = {"containers": [{"name": "kserve-container", "image": "mine"}]}
    found = _effective({"model": {"modelFormat": {"name": "sklearn"}}}, custom, runtime="")

    assert found.containers == []
    assert not _model(found).get("runtime")
