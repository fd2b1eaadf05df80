"""The validators of runtimes as the server calls them."""

from datetime import UTC, datetime

from kservectl.admission.review import AdmissionRequest, Denied, Verdict
from kservectl.admission.runtimes.handler import webhooks
from kservectl.admission.server import Validating
from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME, SERVING_RUNTIME
from kservectl.objects.kind import CONFIG_MAP, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.view import StaticView, View
from tests.admission.runtimes.runtimes import fmt, runtime, worker

VALIDATOR, CLUSTER_VALIDATOR = webhooks("kserve")
BOTH = (SERVING_RUNTIME, CLUSTER_SERVING_RUNTIME)


def view(*objects: Object, kinds: tuple[Kind, ...] = BOTH) -> View:
    return StaticView(objects, kinds=[CONFIG_MAP, *kinds], now=datetime(2026, 1, 1, tzinfo=UTC))


def judge(obj: Object | None, seen: View, *, old: Object | None = None, cluster: bool = False) -> Verdict | Denied:
    webhook = CLUSTER_VALIDATOR if cluster else VALIDATOR
    assert isinstance(webhook, Validating)
    operation = "UPDATE" if old else "CREATE"
    namespace = "" if cluster else "default"
    return webhook.validate(
        AdmissionRequest(uid="u", operation=operation, namespace=namespace, object=obj, old_object=old), seen
    )


def allowed(answer: Verdict | Denied) -> bool:
    assert isinstance(answer, Verdict)
    return not answer.errors


def test_the_paths_are_those_that_kserves_manifests_name() -> None:
    assert [VALIDATOR.path, CLUSTER_VALIDATOR.path] == [
        "/validate-serving-kserve-io-v1alpha1-servingruntime",
        "/validate-serving-kserve-io-v1alpha1-clusterservingruntime",
    ]


def test_r11_a_conflict_with_a_cached_runtime_is_refused_and_distinct_priorities_are_not() -> None:
    seen = view(runtime("stored"))
    assert not allowed(judge(runtime(), seen))
    assert allowed(judge(runtime("new", fmt(priority=2)), seen))


def test_r11_disabled_is_allowed_and_removing_workers_is_refused() -> None:
    assert allowed(judge(runtime(disabled=True), view(runtime("stored"))))
    assert not allowed(judge(runtime(), view(), old=runtime(workerSpec=worker())))


def test_a_runtime_of_another_namespace_does_not_compete() -> None:
    elsewhere = runtime("stored")
    elsewhere["metadata"] = elsewhere["metadata"] | {"namespace": "other"}
    assert allowed(judge(runtime(), view(elsewhere)))


def test_a_runtime_that_does_not_say_its_namespace_has_that_of_the_request() -> None:
    nameless = runtime()
    del nameless["metadata"]["namespace"]
    answer = judge(nameless, view(runtime("stored")))
    assert isinstance(answer, Verdict)
    assert "in namespace default" in answer.errors[0].message


def test_cluster_runtimes_compete_with_cluster_runtimes_only() -> None:
    kind = CLUSTER_SERVING_RUNTIME
    assert allowed(judge(runtime(kind=kind), view(runtime("stored")), cluster=True))
    assert not allowed(judge(runtime(kind=kind), view(runtime("stored", kind=kind)), cluster=True))


def test_a_cluster_that_does_not_serve_the_kind_holds_none() -> None:
    assert allowed(judge(runtime(), view(kinds=())))


def test_a_deletion_is_allowed() -> None:
    assert allowed(judge(None, view(), old=runtime()))


def test_a_broken_configuration_is_named() -> None:
    meta = {"name": "inferenceservice-config", "namespace": "kserve"}
    broken = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"multiNode": "nonsense"}}
    answer = judge(runtime(workerSpec=worker()), view(broken))
    assert isinstance(answer, Denied)
    assert answer.code == 500
    assert "key multiNode of ConfigMap kserve/inferenceservice-config" in answer.message
