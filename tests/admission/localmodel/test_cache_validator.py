"""Which model caches may be stored, and which may be deleted."""

from datetime import UTC, datetime

import pytest

from kservectl.admission.localmodel.handler import webhooks
from kservectl.admission.review import AdmissionRequest, Denied, Verdict
from kservectl.admission.server import Validating
from kservectl.api.kinds import (
    INFERENCE_SERVICE,
    LLM_INFERENCE_SERVICE,
    LOCAL_MODEL_CACHE,
    LOCAL_MODEL_NAMESPACE_CACHE,
    LOCAL_MODEL_NODE_GROUP,
)
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.view import StaticView
from tests.controllers.localmodel.worlds import cache, deleted, group, llm_service, service

OF_CLUSTER, OF_NAMESPACE = webhooks()
KINDS = (
    INFERENCE_SERVICE,
    LLM_INFERENCE_SERVICE,
    LOCAL_MODEL_CACHE,
    LOCAL_MODEL_NAMESPACE_CACHE,
    LOCAL_MODEL_NODE_GROUP,
)


def judge(new: Object | None, *objects: Object, old: Object | None = None, operation: str = "CREATE") -> Verdict:
    subject = new or old or {}
    hook = OF_NAMESPACE if metadata.namespace(subject) else OF_CLUSTER
    assert isinstance(hook, Validating)
    request = AdmissionRequest(
        uid="u",
        operation=operation,
        namespace=metadata.namespace(subject),
        name=metadata.name(subject),
        object=new,
        old_object=old,
    )
    verdict = hook.validate(request, StaticView(objects, kinds=KINDS, now=datetime(2026, 1, 1, tzinfo=UTC)))
    assert not isinstance(verdict, Denied)
    return verdict


def errors(verdict: Verdict) -> list[str]:
    return [f"{error.field}: {error.message}" for error in verdict.errors]


def test_a_source_is_cached_once_for_the_cluster() -> None:
    other = cache("other")
    assert errors(judge(cache("llama"), group(), other)) == [
        "spec.sourceModelUri: LocalModelCache other has the same StorageURI s3://models/llama"
    ]
    assert errors(judge(cache("other"), group(), other, old=other, operation="UPDATE")) == []
    assert errors(judge(cache("llama", source="s3://models/llama/"), group(), other)) == []
    assert errors(judge(cache("llama", namespace="team"), group(), other)) == []


def test_only_a_namespaced_cache_needs_its_groups_at_once() -> None:
    assert errors(judge(cache("llama", "later"))) == []
    assert errors(judge(cache("llama", "gpu", "later", namespace="team"), group())) == [
        "spec.nodeGroups: NodeGroup later not found: there is no LocalModelNodeGroup of that name"
    ]


def test_a_name_that_is_no_label_is_refused_once() -> None:
    name = "x" * 64
    assert errors(judge(cache(name), group())) == [
        "metadata.name: must have at most 63 characters, not 64: it becomes a label of what uses the cache"
    ]
    assert errors(judge(cache(name), group(), old=cache(name), operation="UPDATE")) == []


def test_a_model_that_no_node_could_hold_is_refused_with_the_numbers() -> None:
    assert errors(judge(cache(size="30Gi"), group(limit="20Gi"))) == [
        "spec.modelSize: the model takes 30Gi, and node group gpu allows 20Gi of models on a node; raise its "
        "storageLimit or leave the group out"
    ]
    assert errors(judge(cache(size="20Gi"), group(limit="20Gi"))) == []


def test_a_stored_cache_may_be_changed_while_a_limit_is_too_low_now() -> None:
    old = cache(size="30Gi")
    assert errors(judge(cache(size="30Gi", serviceAccountName="a"), group(limit="20Gi"), old=old)) == []
    assert errors(judge(cache(size="31Gi"), group(limit="20Gi"), old=old)) != []


def test_nodes_without_room_are_warned_of() -> None:
    full = {**group(), "status": {"availablePerNode": "5Gi"}}
    verdict = judge(cache(), full)
    assert verdict.errors == ()
    assert verdict.warnings == (
        "node group gpu has 5Gi left on its fullest node and the model takes 10Gi: nodes without room will not download it",
    )
    assert judge(cache(size="5Gi"), full).warnings == ()


def test_what_cannot_be_read_is_told_field_by_field() -> None:
    (only,) = judge({**cache(), "spec": {"sourceModelUri": "s3://x", "modelSize": "1Gi", "nodeGroups": "gpu"}}).errors
    assert only.field == "spec.nodeGroups"


def test_a_cache_that_is_being_deleted_may_lose_its_finalizer_whatever_it_says() -> None:
    assert errors(judge(deleted(cache("llama", "gone", namespace="team")), old=cache(), operation="UPDATE")) == []


def deletion(subject: Object, *objects: Object) -> list[str]:
    return errors(judge(None, *objects, old=subject, operation="DELETE"))


def test_a_used_cache_is_not_deleted() -> None:
    assert deletion(cache(), service("s1")) == [
        "metadata.name: LocalModelCache llama is being used by InferenceService s1"
    ]
    assert deletion(cache(), llm_service("chat")) == [
        "metadata.name: LocalModelCache llama is being used by LLMInferenceService chat"
    ]
    assert deletion(cache(namespace="team"), service("s1", of_namespace="team")) == [
        "metadata.name: LocalModelNamespaceCache team/llama is being used by InferenceService team/s1"
    ]


@pytest.mark.parametrize(
    "other",
    [
        service("s1", cache="another"),
        service("s1", of_namespace="team"),
        service("s1", "elsewhere", of_namespace="elsewhere"),
    ],
)
def test_services_of_other_caches_do_not_hold_up_a_deletion(other: Object) -> None:
    assert deletion(cache(), other) == []


def test_a_listed_service_that_is_gone_does_not_hold_up_a_deletion() -> None:
    assert deletion(cache(status={"inferenceServices": [{"namespace": "team", "name": "gone"}]})) == []
