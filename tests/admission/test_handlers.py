"""The webhooks of KServe as the server calls them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from kservectl.admission.inferenceservice import handler as services
from kservectl.admission.pods import handler as pods
from kservectl.admission.review import AdmissionRequest, Denied, Verdict
from kservectl.admission.server import Mutated, Mutating, Validating
from kservectl.api.kinds import (
    CLUSTER_STORAGE_CONTAINER,
    INFERENCE_SERVICE,
    LOCAL_MODEL_CACHE,
    LOCAL_MODEL_NAMESPACE_CACHE,
)
from kservectl.objects.kind import CONFIG_MAP, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.view import StaticView, View
from tests.admission.inferenceservice.services import MODE, cache, model, service

DEFAULTER, VALIDATOR = services.webhooks("kserve")
(MUTATOR,) = pods.webhooks("kserve")
CACHES = (LOCAL_MODEL_CACHE, LOCAL_MODEL_NAMESPACE_CACHE)
SIZES = '{"cpuRequest": "1", "cpuLimit": "1", "memoryRequest": "1Gi", "memoryLimit": "1Gi"}'


def config_map(**data: str) -> Object:
    meta = {"name": "inferenceservice-config", "namespace": "kserve"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def view(*objects: Object, kinds: Sequence[Kind] = ()) -> View:
    return StaticView(objects, kinds=[CONFIG_MAP, *kinds], now=datetime(2026, 1, 1, tzinfo=UTC))


def request(obj: Object | None, *, old: Object | None = None, operation: str = "CREATE") -> AdmissionRequest:
    return AdmissionRequest(uid="u", operation=operation, namespace="default", name="x", object=obj, old_object=old)


def mutate(obj: Object, seen: View, operation: str = "CREATE") -> Object | Denied:
    assert isinstance(DEFAULTER, Mutating)
    answer = DEFAULTER.mutate(request(obj, operation=operation), seen)
    assert not isinstance(answer, Mutated)
    return answer


def judge(obj: Object | None, seen: View, old: Object | None = None, operation: str = "CREATE") -> Verdict | Denied:
    assert isinstance(VALIDATOR, Validating)
    return VALIDATOR.validate(request(obj, old=old, operation=operation), seen)


def inject(obj: Object, seen: View) -> Object | Denied:
    assert isinstance(MUTATOR, Mutating)
    answer = MUTATOR.mutate(request(obj), seen)
    return answer.object if isinstance(answer, Mutated) else answer


def pod(**labels: str) -> Object:
    notes = {"internal.serving.kserve.io/storage-initializer-sourceuri": "gs://b/m"}
    return {
        "metadata": {"generateName": "x-", "labels": labels, "annotations": notes},
        "spec": {"containers": [{"name": "kserve-container"}]},
    }


CONTAINERS = "!has(object.spec.initContainers)"
LABELLED = {"serving.kserve.io/inferenceservice": "x"}


def test_the_paths_are_those_that_kserves_manifests_name() -> None:
    assert [DEFAULTER.path, VALIDATOR.path, MUTATOR.path] == [
        "/mutate-serving-kserve-io-v1beta1-inferenceservice",
        "/validate-serving-kserve-io-v1beta1-inferenceservice",
        "/mutate-pods",
    ]


def test_a_created_service_is_defaulted_by_the_cached_configuration() -> None:
    answer = mutate(service({"sklearn": {}}), view(config_map(deploy='{"defaultDeploymentMode": "Standard"}')))
    assert not isinstance(answer, Denied)
    assert answer["metadata"]["annotations"] == {MODE: "Standard", "modelFormat": "sklearn"}
    assert answer["metadata"]["finalizers"] == ["inferenceservice.finalizers"]


def test_an_update_does_not_put_the_finalizer_back() -> None:
    answer = mutate(service(model()), view(config_map()), "UPDATE")
    assert not isinstance(answer, Denied)
    assert "finalizers" not in answer["metadata"]


def test_model_caches_are_used_where_the_cluster_has_them() -> None:
    objects = (config_map(localModel='{"enabled": true}'), cache("m", "gs://bucket/model", ["gpu"]))
    with_caches = mutate(service(model()), view(*objects, kinds=CACHES))
    without = mutate(service(model()), view(*objects))
    assert not isinstance(with_caches, Denied) and not isinstance(without, Denied)
    assert with_caches["metadata"]["labels"] == {"internal.serving.kserve.io/localmodel": "m"}
    assert "labels" not in without["metadata"]


def test_a_cache_of_another_namespace_is_not_used() -> None:
    objects = (config_map(localModel='{"enabled": true}'), cache("m", "gs://bucket/model", ["gpu"], namespace="other"))
    answer = mutate(service(model()), view(*objects, kinds=CACHES))
    assert not isinstance(answer, Denied)
    assert "labels" not in answer["metadata"]


def test_a_broken_configuration_refuses_and_names_the_key() -> None:
    seen = view(config_map(deploy="nonsense", storageInitializer="nonsense", multiNode="nonsense"))
    multinode = service(model() | {"workerSpec": {}})
    for answer, key in (
        (mutate(service(model()), seen), "deploy"),
        (judge(multinode, seen), "multiNode"),
        (inject(pod(**LABELLED), seen), "storageInitializer"),
    ):
        assert isinstance(answer, Denied)
        assert answer.code == 500
        assert answer.message.startswith(f"key {key} of ConfigMap kserve/inferenceservice-config cannot be used: ")


def test_a_missing_configuration_is_enough_for_services_and_refuses_downloads() -> None:
    assert not isinstance(mutate(service(model()), view()), Denied)
    assert judge(service(model()), view()) == Verdict()
    answer = inject(pod(**LABELLED), view())
    assert isinstance(answer, Denied)
    assert answer.message.startswith(
        "ConfigMap kserve/inferenceservice-config does not exist, and its key storageInitializer"
    )


@pytest.mark.parametrize("data", [{"deploy": "nonsense"}, {}])
def test_a_service_that_is_being_deleted_passes_whatever_is_configured(data: dict[str, str]) -> None:
    leaving = service({"sklearn": {}}, deletionTimestamp="2026-01-01T00:00:00Z")
    seen = view(config_map(**data))
    assert mutate(leaving, seen, "UPDATE") is leaving
    assert judge(leaving, seen, old=service(model()), operation="UPDATE") == Verdict()
    assert judge(None, seen, old=leaving, operation="DELETE") == Verdict()


def test_an_invalid_service_is_refused_by_field() -> None:
    answer = judge(service(model(), name="1x"), view(config_map()))
    assert isinstance(answer, Verdict)
    assert [error.field for error in answer.errors] == ["metadata.name"]


def test_an_update_is_compared_with_what_is_stored() -> None:
    old = service(model(), status={"deploymentMode": "Knative"})
    answer = judge(service(model(), annotations={MODE: "Standard"}), view(config_map()), old=old, operation="UPDATE")
    assert isinstance(answer, Verdict)
    assert "deploymentMode cannot be changed" in answer.errors[0].message


def test_a_pod_without_the_label_passes_with_no_look_at_the_configuration() -> None:
    other = pod(app="x")
    assert inject(other, view(config_map(storageInitializer="nonsense"))) is other


def test_a_labelled_pod_is_injected_in_the_namespace_of_the_request() -> None:
    storage = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterStorageContainer",
        "metadata": {"name": "default"},
        "spec": {"container": {"image": "mine"}, "supportedUriFormats": [{"prefix": "gs://"}]},
    }
    answer = inject(
        pod(**LABELLED), view(config_map(storageInitializer=SIZES), storage, kinds=[CLUSTER_STORAGE_CONTAINER])
    )
    assert not isinstance(answer, Denied)
    assert answer["metadata"]["namespace"] == "default"
    assert answer["spec"]["initContainers"][0]["image"] == "mine"


def test_a_pod_that_cannot_run_is_refused_with_the_reason() -> None:
    broken = pod(**LABELLED) | {"spec": {"containers": [{"name": "mine"}]}}
    answer = inject(broken, view(config_map(storageInitializer=SIZES)))
    assert isinstance(answer, Denied)
    assert answer.code == 403
    assert "cannot find container" in answer.message


def test_a_pod_is_seen_with_its_service_even_before_the_cache_has_it() -> None:
    assert isinstance(MUTATOR, Mutating) and MUTATOR.needs is not None
    wanted = ["InferenceService.serving.kserve.io default/x", "ServiceAccount default/default"]
    asked = MUTATOR.needs(request(pod(**LABELLED)), view(config_map(storageInitializer=SIZES)))
    assert [str(reference) for reference in asked] == wanted
    known: Object = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}
    known |= {"metadata": {"name": "x", "namespace": "default"}}
    asked = MUTATOR.needs(
        request(pod(**LABELLED)), view(config_map(storageInitializer=SIZES), known, kinds=[INFERENCE_SERVICE])
    )
    assert [str(reference) for reference in asked] == wanted[1:]
    assert list(MUTATOR.needs(request(pod(app="x")), view())) == []


def test_a_broken_configuration_needs_nothing_more_and_is_told_by_the_mutation() -> None:
    assert isinstance(MUTATOR, Mutating) and MUTATOR.needs is not None
    seen = view(config_map(credentials="nonsense", storageInitializer=SIZES))
    assert [reference.name for reference in MUTATOR.needs(request(pod(**LABELLED)), seen)] == ["x"]
    answer = inject(pod(**LABELLED), seen)
    assert isinstance(answer, Denied) and "key credentials" in answer.message


def test_a_pod_with_a_field_of_a_wrong_type_is_refused_by_that_field_and_needs_nothing() -> None:
    odd = pod(**LABELLED) | {"spec": {"containers": {}}}
    answer = inject(odd, view())
    assert isinstance(answer, Denied)
    assert (answer.code, answer.reason) == (400, "BadRequest")
    assert answer.message == "spec.containers of the pod has not the type that it must have"
    assert isinstance(MUTATOR, Mutating) and MUTATOR.needs is not None
    assert list(MUTATOR.needs(request(odd), view())) == []


def test_what_is_wrong_with_a_pod_is_told_by_the_mutation_and_not_by_what_it_needs() -> None:
    assert isinstance(MUTATOR, Mutating) and MUTATOR.needs is not None
    broken = pod(**LABELLED, **{"internal.serving.kserve.io/localmodel": "m"})
    seen = view(config_map(storageInitializer=SIZES))
    assert [reference.name for reference in MUTATOR.needs(request(broken), seen)] == ["x"]
    answer = inject(broken, seen)
    assert isinstance(answer, Denied)
    assert answer.message == "Annotation internal.serving.kserve.io/localmodel-pvc-name not found"


@pytest.mark.parametrize(("action", "refused"), [("Deny", True), ("Warn", False)])
def test_a_pod_is_held_to_the_policies_after_injection(action: str, refused: bool) -> None:
    rule = {"name": "small", "resources": ["pods"], "validations": [{"expression": CONTAINERS, "message": "too many"}]}
    policy = json.dumps({"policies": [rule | {"validationActions": [action]}]})
    assert isinstance(MUTATOR, Mutating)
    seen = view(config_map(storageInitializer=SIZES, securityPolicy=policy))
    answer = MUTATOR.mutate(request(pod(**LABELLED)), seen)
    assert isinstance(answer, Denied | Mutated)
    assert isinstance(answer, Denied) is refused
    told = answer.message if isinstance(answer, Denied) else answer.warnings[1]
    assert "too many" in told
    assert answer.warnings[0].startswith("ServiceAccount default/default not found")
