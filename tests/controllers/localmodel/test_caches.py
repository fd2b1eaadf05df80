"""What a cache needs and says: the rows of KServe's behaviour, one decision each."""

from datetime import timedelta

import pytest

from kservectl.api.kinds import LLM_INFERENCE_SERVICE
from kservectl.controllers.localmodel.refusal import amended
from kservectl.objects.kind import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.outcome import Failure, Reference
from tests.controllers.localmodel.worlds import (
    CACHE,
    CACHE_NAMESPACE,
    JOBS,
    NOW,
    cache,
    condition,
    decide,
    deleted,
    entry,
    group,
    llm_service,
    names,
    node,
    of,
    order,
    service,
    status_of,
    view,
)

GI = 1024**3


def answered(name: str, state: str, **known: object) -> Object:
    return order(name, entry(), states={"llama": state}, models={"llama": known})


# --- nodes and copies ---


def test_one_group_with_two_nodes() -> None:
    outcome = decide(cache(), group(), node("n1"), node("n2"), node("other", "cpu"))
    status = status_of(outcome)
    assert status["nodeStatus"] == {"n1": "NodeDownloadPending", "n2": "NodeDownloadPending"}
    assert status["copies"] == {"total": 2}
    assert outcome.finalizers == ("localmodel.kserve.io/finalizer",)


def test_three_groups_have_the_nodes_of_all_and_volumes_each() -> None:
    groups = [group(name) for name in ("a", "b", "c")]
    outcome = decide(cache("llama", "a", "b", "c"), *groups, node("n1", "a"), node("n2", "b"), node("n3", "c"))
    assert list(status_of(outcome)["nodeStatus"]) == ["n1", "n2", "n3"]
    assert names(outcome) == [
        "PV llama-a-download",
        "PV llama-b-download",
        "PV llama-c-download",
        f"PVC {JOBS}/llama-a",
        f"PVC {JOBS}/llama-b",
        f"PVC {JOBS}/llama-c",
    ]


def test_a_cache_without_nodes_has_copies_with_no_numbers() -> None:
    outcome = decide(cache(), group())
    assert status_of(outcome)["copies"] == {}
    assert "nodeStatus" not in status_of(outcome)
    assert condition(outcome, "Ready") == ("False", "NoNodes", "no node belongs to the node groups gpu")


def test_a_missing_group_stops_everything_until_it_is_there() -> None:
    before = {"nodeStatus": {"n1": "NodeDownloaded"}, "copies": {"total": 1, "available": 1}}
    missing = decide(cache("llama", "gpu", "later", status=before), group(), node("n1"))
    assert missing.desired == ()
    assert not missing.complete
    assert missing.terminal_error == "there is no LocalModelNodeGroup later"
    assert status_of(missing)["nodeStatus"] == before["nodeStatus"]
    assert condition(missing, "Ready") == ("False", "NodeGroupNotFound", "there is no LocalModelNodeGroup later")
    there = decide(cache("llama", "gpu", "later", status=before), group(), group("later"), node("n1"))
    assert there.terminal_error is None
    assert len(there.desired) == 4


def test_a_node_that_is_not_ready_is_shown_so_and_one_with_a_state_keeps_it() -> None:
    unready = node("n1", ready=False)
    assert status_of(decide(cache(), group(), unready))["nodeStatus"] == {"n1": "NodeNotReady"}
    kept = decide(cache(status={"nodeStatus": {"n1": "NodeDownloading"}}), group(), unready)
    assert status_of(kept)["nodeStatus"] == {"n1": "NodeDownloading"}
    told = decide(cache(), group(), unready, answered("n1", "ModelDownloaded"))
    assert status_of(told)["nodeStatus"] == {"n1": "NodeDownloaded"}


def test_a_node_that_is_not_ready_does_not_keep_a_cache_from_being_ready() -> None:
    outcome = decide(cache(), group(), node("n1"), node("n2", ready=False), answered("n1", "ModelDownloaded"))
    assert condition(outcome, "Ready")[0] == "True"
    assert status_of(outcome)["copies"] == {"total": 2, "available": 1}


def test_a_node_that_left_is_counted_no_more() -> None:
    before = {"nodeStatus": {"n1": "NodeDownloaded", "gone": "NodeDownloaded"}, "copies": {"total": 2, "available": 2}}
    status = status_of(decide(cache(status=before), group(), node("n1"), answered("n1", "ModelDownloaded")))
    assert status["nodeStatus"] == {"n1": "NodeDownloaded"}
    assert status["copies"] == {"total": 1, "available": 1}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("ModelDownloadPending", "NodeDownloadPending"),
        ("ModelDownloading", "NodeDownloading"),
        ("ModelDownloaded", "NodeDownloaded"),
        ("ModelDownloadError", "NodeDownloadError"),
        ("", "NodeDownloadPending"),
        ("ModelOnTheMoon", "NodeDownloadPending"),
    ],
)
def test_states_map_one_to_one_and_unknown_ones_are_pending(said: str, shown: str) -> None:
    status = status_of(decide(cache(), group(), node("n1"), answered("n1", said)))
    assert status["nodeStatus"] == {"n1": shown}


def test_an_answer_to_an_older_order_counts_only_for_what_is_still_listed() -> None:
    old = order("n1", entry("other"), states={"llama": "ModelDownloaded", "other": "ModelDownloaded"})
    old["metadata"]["generation"] = 2
    assert status_of(decide(cache(), group(), node("n1"), old))["nodeStatus"] == {"n1": "NodeDownloadPending"}


def test_namespaced_and_cluster_cache_of_one_name_have_states_of_their_own() -> None:
    known = order(
        "n1",
        entry("llama"),
        entry("llama", "team"),
        states={"llama": "ModelDownloaded", "team/llama": "ModelDownloading"},
    )
    objects = (group(), node("n1"), known)
    assert status_of(decide(cache(), *objects))["nodeStatus"] == {"n1": "NodeDownloaded"}
    assert status_of(decide(cache(namespace="team"), *objects))["nodeStatus"] == {"n1": "NodeDownloading"}


def test_everything_downloaded_is_ready_and_told_once() -> None:
    objects = (group(), node("n1"), answered("n1", "ModelDownloaded"))
    first = decide(cache(), *objects)
    assert condition(first, "Ready")[0] == "True"
    assert [(event.type, event.reason) for event in first.events] == [("Normal", "ModelCached")]
    again = decide(cache(status=status_of(first)), *objects)
    assert again.status == first.status
    assert again.events == ()


def test_a_failed_copy_says_why() -> None:
    failed = answered("n1", "ModelDownloadError", reason="DownloadFailed", message="403 from s3")
    outcome = decide(cache(), group(), node("n1"), node("n2"), failed)
    assert status_of(outcome)["copies"] == {"total": 2, "failed": 1}
    assert status_of(outcome)["nodeMessages"] == {"n1": "403 from s3"}
    assert condition(outcome, "Ready") == (
        "False",
        "DownloadFailed",
        "1 of 2 nodes has failed, such as n1: 403 from s3",
    )
    assert [event.reason for event in outcome.events] == ["DownloadFailed"]


def test_a_copy_without_room_is_refused_with_the_numbers() -> None:
    waits = {"modelName": "llama", "nodeGroup": "gpu", "reason": "InsufficientStorage", "message": "5Gi are left"}
    outcome = decide(cache(), group(), node("n1"), order("n1", waiting=[waits], states={}))
    assert status_of(outcome)["nodeStatus"] == {"n1": "NodeDownloadError"}
    assert condition(outcome, "StorageAvailable") == (
        "False",
        "InsufficientStorage",
        "1 of 1 nodes has no room, such as n1: 5Gi are left",
    )
    assert condition(outcome, "Ready")[0] == "False"


def test_an_evicted_copy_is_pending_and_no_failure() -> None:
    waits = {"modelName": "llama", "nodeGroup": "gpu", "reason": "Evicted", "message": "others are used"}
    outcome = decide(cache(), group(), node("n1"), order("n1", waiting=[waits], states={}))
    assert status_of(outcome)["nodeStatus"] == {"n1": "NodeDownloadPending"}
    assert condition(outcome, "StorageAvailable")[:2] == ("Unknown", "Evicted")
    assert outcome.events == ()


# --- progress ---


def downloading(name: str, done: int, **known: object) -> Object:
    return answered(name, "ModelDownloading", downloadedBytes=done, totalBytes=10 * GI, **known)


def test_progress_is_that_of_all_nodes_together() -> None:
    outcome = decide(
        cache(),
        group(),
        node("n1"),
        node("n2"),
        node("n3"),
        downloading("n1", 5 * GI, estimatedCompletionTime="2026-03-01T12:05:00Z"),
        downloading("n2", 2 * GI, estimatedCompletionTime="2026-03-01T12:09:00Z"),
        answered("n3", "ModelDownloaded"),
    )
    assert status_of(outcome)["progress"] == {
        "bytes": 17 * GI,
        "total": 30 * GI,
        "percent": 56,
        "estimatedCompletionTime": "2026-03-01T12:09:00Z",
        "lastUpdateTime": "2026-03-01T12:00:00Z",
    }


def test_progress_alone_is_written_every_five_seconds_at_most() -> None:
    first = decide(cache(), group(), node("n1"), downloading("n1", GI))
    subject = cache(status=status_of(first))
    soon = decide(subject, group(), node("n1"), downloading("n1", 2 * GI), now=NOW + timedelta(seconds=2))
    assert soon.status == first.status
    assert soon.requeue_after == 3.0
    later = decide(subject, group(), node("n1"), downloading("n1", 2 * GI), now=NOW + timedelta(seconds=5))
    assert status_of(later)["progress"]["percent"] == 20
    done = decide(subject, group(), node("n1"), answered("n1", "ModelDownloaded"), now=NOW + timedelta(seconds=1))
    assert status_of(done)["progress"]["percent"] == 100


# --- volumes and services ---


def pair(outcome_objects: tuple[Object, ...], claim: str) -> tuple[Object, Object]:
    found = next(
        obj
        for obj in outcome_objects
        if obj["kind"] == "PersistentVolumeClaim"
        and f"{obj['metadata']['namespace']}/{obj['metadata']['name']}" == claim
    )
    volume = next(obj for obj in outcome_objects if obj["metadata"]["name"] == found["spec"]["volumeName"])
    return volume, found


def test_volumes_have_the_specs_of_the_group_and_belong_to_each_other() -> None:
    of_gpu = group()
    outcome = decide(cache(), of_gpu, service("s1"))
    for claim, volume_name in ((f"{JOBS}/llama-gpu", "llama-gpu-download"), ("team/llama-gpu", "llama-gpu-team")):
        volume, found = pair(outcome.desired, claim)
        assert volume["spec"] == of_gpu["spec"]["persistentVolumeSpec"]
        assert found["spec"] == {**of_gpu["spec"]["persistentVolumeClaimSpec"], "volumeName": volume_name}
    assert outcome.shared == frozenset()
    assert outcome.complete


def test_a_linked_service_gives_its_namespace_a_volume_and_a_second_one_another() -> None:
    one = decide(cache(), group(), service("s1"))
    assert names(one) == [
        "PV llama-gpu-download",
        "PV llama-gpu-team",
        f"PVC {JOBS}/llama-gpu",
        "PVC team/llama-gpu",
    ]
    two = decide(cache(), group(), service("s1"), service("s2", "other"))
    assert {"PV llama-gpu-other", "PVC other/llama-gpu"} <= set(names(two))
    assert status_of(two)["inferenceServices"] == [
        {"namespace": "other", "name": "s2"},
        {"namespace": "team", "name": "s1"},
    ]


def test_an_unlinked_service_takes_the_volumes_of_its_namespace_along_and_leaves_a_time() -> None:
    used = status_of(decide(cache(), group(), service("s1")))
    outcome = decide(cache(status=used), group())
    assert names(outcome) == ["PV llama-gpu-download", f"PVC {JOBS}/llama-gpu"]
    assert outcome.complete  # what is owned and not desired goes
    assert "inferenceServices" not in status_of(outcome)
    assert status_of(outcome)["lastUsedTime"] == "2026-03-01T12:00:00Z"
    later = decide(cache(status=status_of(outcome)), group(), now=NOW + timedelta(hours=1))
    assert status_of(later)["lastUsedTime"] == "2026-03-01T12:00:00Z"


def test_a_service_may_ask_for_another_group_of_the_cache() -> None:
    outcome = decide(cache("llama", "gpu", "big"), group(), group("big"), service("s1", group="big"))
    assert "PVC team/llama-big" in names(outcome)
    assert "PVC team/llama-gpu" not in names(outcome)


def test_a_service_that_asks_for_an_unknown_group_is_listed_and_gets_nothing() -> None:
    outcome = decide(cache(), group(), group("big"), service("s1", group="big"))
    assert not any("team" in name for name in names(outcome))
    assert status_of(outcome)["inferenceServices"] == [{"namespace": "team", "name": "s1"}]


def test_services_of_a_namespaced_cache_of_the_same_name_do_not_count() -> None:
    outcome = decide(cache(), group(), service("s1", of_namespace="team"))
    assert "inferenceServices" not in status_of(outcome)
    assert not any("team" in name for name in names(outcome))


def test_llm_services_count_too_where_their_kind_is_served() -> None:
    there = decide(cache(), group(), llm_service("chat"))
    assert status_of(there)["llmInferenceServices"] == [{"namespace": "team", "name": "chat"}]
    assert "PVC team/llama-gpu" in names(there)
    absent = decide(cache(), group(), llm_service("chat"), without=[LLM_INFERENCE_SERVICE])
    assert "llmInferenceServices" not in status_of(absent)


def test_a_service_in_the_namespace_of_downloads_reads_through_their_claim() -> None:
    outcome = decide(cache(), group(), service("s1", JOBS))
    assert names(outcome) == ["PV llama-gpu-download", f"PVC {JOBS}/llama-gpu"]


def test_without_volume_management_only_downloads_have_volumes_and_nothing_is_taken_away() -> None:
    config = f'{{"jobNamespace": "{JOBS}", "disableVolumeManagement": true}}'
    outcome = decide(cache(), group(), node("n1"), service("s1"), config=config)
    assert names(outcome) == ["PV llama-gpu-download", f"PVC {JOBS}/llama-gpu"]
    assert not outcome.complete
    assert outcome.delete == ()
    assert "inferenceServices" not in status_of(outcome)


def test_a_namespaced_cache_names_its_volumes_after_its_namespace_and_owns_its_claims() -> None:
    outcome = decide(cache(namespace="team"), group(), service("s1", of_namespace="team"))
    assert names(outcome) == [
        "PV llama-gpu-team",
        "PV llama-gpu-team-download",
        f"PVC {JOBS}/llama-gpu-team-download",
        "PVC team/llama-gpu",
    ]
    unowned = {outcome.desired[position]["metadata"]["name"] for position in outcome.shared}
    assert unowned == {"llama-gpu-team", "llama-gpu-team-download"}
    owned = [obj for position, obj in enumerate(outcome.desired) if position not in outcome.shared]
    assert [obj["metadata"].get("namespace") for obj in owned] == ["team"]
    assert all(obj["metadata"]["labels"] == {CACHE: "llama", CACHE_NAMESPACE: "team"} for obj in outcome.desired)
    assert outcome.finalizers == ("localmodelnamespacecache.kserve.io/finalizer",)


def test_a_namespaced_cache_ignores_services_elsewhere() -> None:
    outcome = decide(cache(namespace="team"), group(), service("s1", "other", of_namespace="team"))
    assert "inferenceServices" not in status_of(outcome)


def unowned_volume(name: str, labels: dict[str, str], **meta: object) -> Object:
    return of(PERSISTENT_VOLUME, name, meta={"labels": labels, **meta})


MINE = {CACHE: "llama", CACHE_NAMESPACE: "team"}


def test_an_unlinked_namespaced_cache_gives_up_its_volume() -> None:
    live = unowned_volume("llama-gpu-team", MINE)
    outcome = decide(cache(namespace="team"), group(), live)
    assert outcome.delete == (Reference(PERSISTENT_VOLUME, "", "llama-gpu-team"),)
    going = unowned_volume("llama-gpu-team", MINE, deletionTimestamp="2026-03-01T11:00:00Z")
    assert decide(cache(namespace="team"), group(), going).delete == ()


def test_a_volume_of_another_cache_is_never_touched() -> None:
    other = unowned_volume("llama-gpu-team-download", {CACHE: "llama-gpu", CACHE_NAMESPACE: "download"})
    outcome = decide(cache(namespace="team"), group(), other)
    assert "PV llama-gpu-team-download" not in names(outcome)
    assert outcome.delete == ()
    assert condition(outcome, "VolumesReady") == (
        "False",
        "NameTaken",
        "PersistentVolume llama-gpu-team-download belongs to the cache download/llama-gpu; rename one of the two caches",
    )


def test_volumes_that_the_server_refuses_are_told_of_once() -> None:
    subject = cache()
    outcome = decide(subject, group(), node("n1"))
    failure = Failure(PERSISTENT_VOLUME_CLAIM, ObjectKey(JOBS, "llama-gpu"), "spec is immutable after creation")
    told = amended(subject, outcome, [failure], view())
    assert condition(told, "VolumesReady") == ("False", "VolumeRefused", "spec is immutable after creation")
    assert condition(told, "Ready")[0] == "False"
    assert told.events[-1].reason == "VolumeRefused"
    again = cache(status=status_of(told))
    repeated = amended(again, decide(again, group(), node("n1")), [failure], view())
    assert repeated.status == told.status
    assert repeated.events == ()


# --- what cannot be decided ---


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "key localModel of ConfigMap kserve/inferenceservice-config cannot be used"),
        ("{}", "key localModel of ConfigMap kserve/inferenceservice-config has no jobNamespace"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_told_and_changes_nothing(config: str, message: str) -> None:
    outcome = decide(cache(), group(), config=config)
    assert outcome.desired == ()
    assert not outcome.complete
    assert condition(outcome, "Ready")[:2] == ("False", "ConfigurationInvalid")
    assert message in condition(outcome, "Ready")[2]


@pytest.mark.parametrize("spec", [{"nodeGroups": "gpu"}, {"sourceModelUri": 7}, {"nodeGroups": []}])
def test_a_spec_that_cannot_be_read_is_told_and_changes_nothing(spec: Object) -> None:
    outcome = decide(
        cache(**spec) if "nodeGroups" in spec else {**cache(), "spec": {**cache()["spec"], **spec}}, group()
    )
    assert outcome.desired == ()
    assert condition(outcome, "Ready")[:2] == ("False", "InvalidSpec")


# --- deletion ---


def test_a_deleted_cache_stays_until_no_node_is_told_to_keep_it() -> None:
    waits = decide(deleted(cache()), group(), node("n1"), order("n1", entry()))
    assert waits.finalizers is None
    assert waits.explanations[0].about == "Ready"
    done = decide(deleted(cache()), group(), node("n1"), order("n1"))
    assert done.finalizers == ()


def test_a_deleted_cache_does_not_wait_for_a_missing_group_or_a_broken_configuration() -> None:
    assert decide(deleted(cache("llama", "gone")), config="{").finalizers == ()


def test_an_order_for_a_node_that_is_gone_goes_with_the_cache() -> None:
    outcome = decide(deleted(cache()), group(), order("gone", entry()))
    assert [reference.name for reference in outcome.delete] == ["gone"]
    assert outcome.finalizers == ()


def test_a_deleted_namespaced_cache_takes_along_what_it_could_not_own() -> None:
    claim = of(PERSISTENT_VOLUME_CLAIM, "llama-gpu-team-download", JOBS, meta={"labels": MINE})
    volumes = [unowned_volume(name, MINE) for name in ("llama-gpu-team", "llama-gpu-team-download")]
    foreign = unowned_volume("llama-gpu", {CACHE: "llama"})
    outcome = decide(deleted(cache(namespace="team")), group(), claim, *volumes, foreign)
    assert sorted((reference.kind.kind, reference.name) for reference in outcome.delete) == [
        ("PersistentVolume", "llama-gpu-team"),
        ("PersistentVolume", "llama-gpu-team-download"),
        ("PersistentVolumeClaim", "llama-gpu-team-download"),
    ]
    assert outcome.finalizers == ()


def test_explanations_say_what_to_do() -> None:
    outcome = decide(cache(), group(), node("n1"))
    (pending,) = [each for each in outcome.explanations if not each.ok]
    assert pending.about == "CopiesAvailable"
    assert "0 of 1 nodes have the model" in pending.message
    assert "kserve-localmodelnode-agent" in pending.next_step
