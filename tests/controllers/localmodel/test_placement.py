"""What each node is told to keep."""

import pytest

from kservectl.api.kinds import LOCAL_MODEL_CACHE, LOCAL_MODEL_NAMESPACE_CACHE, LOCAL_MODEL_NODE
from kservectl.objects.metadata import Object
from tests.controllers.localmodel.worlds import cache, deleted, entry, group, node, order, placed

N1 = node("n1")


def told(spec: Object | None) -> list[str]:
    """The models of an order, as NAMESPACE/NAME@GROUP."""
    assert spec is not None
    return [
        "/".join(part for part in (each.get("namespace"), each["modelName"]) if part) + f"@{each['nodeGroup']}"
        for each in spec["localModels"]
    ]


def waiting(spec: Object | None) -> list[tuple[str, str]]:
    assert spec is not None
    return [(each["modelName"], each["reason"]) for each in spec.get("waitingModels", [])]


def test_a_ready_node_of_a_group_is_told_everything_about_a_model() -> None:
    storage = {"key": "s3", "parameters": {"type": "s3"}}
    checksums = {"weights.bin": "a" * 64}
    wanted = cache("llama", serviceAccountName="reader", storage=storage, checksums=checksums)
    assert placed(N1, group(), wanted) == {
        "localModels": [
            {
                "modelName": "llama",
                "sourceModelUri": "s3://models/llama",
                "nodeGroup": "gpu",
                "modelSize": "10Gi",
                "serviceAccountName": "reader",
                "storage": storage,
                "checksums": checksums,
            }
        ]
    }


def test_only_a_namespaced_cache_gives_a_namespace() -> None:
    spec = placed(N1, group(), cache("llama"), cache("llama", namespace="team"))
    assert told(spec) == ["llama@gpu", "team/llama@gpu"]


def test_a_node_of_no_group_gets_no_order() -> None:
    assert placed(node("n1", "cpu"), group(), cache()) is None


def test_a_node_without_models_gets_no_order_but_keeps_one_that_it_has() -> None:
    assert placed(N1, group()) is None
    assert placed(N1, group(), order("n1", entry())) == {"localModels": []}


def test_of_several_groups_the_first_that_the_cache_names_counts() -> None:
    both = (group("a", pools=["gpu"]), group("b", pools=["gpu"]))
    assert told(placed(N1, *both, cache("llama", "b", "a"))) == ["llama@b"]
    assert told(placed(N1, *both, cache("llama", "a", "b"))) == ["llama@a"]


def test_nothing_is_decided_about_a_cache_as_long_as_one_of_its_groups_is_missing() -> None:
    wanted = cache("llama", "gpu", "missing")
    assert placed(N1, group(), wanted) is None
    assert told(placed(N1, group(), wanted, order("n1", entry()))) == ["llama@gpu"]
    assert told(placed(N1, group(), group("missing"), wanted)) == ["llama@gpu"]


def test_a_node_that_is_not_ready_is_told_nothing_new_and_keeps_what_it_has() -> None:
    unready = node("n1", ready=False)
    assert placed(unready, group(), cache()) is None
    spec = placed(unready, group(), cache(), cache("other", source="s3://x"), order("n1", entry()))
    assert told(spec) == ["llama@gpu"]


@pytest.mark.parametrize("ready", [True, False])
def test_a_cache_that_is_being_deleted_leaves_the_order(ready: bool) -> None:
    objects = (group(), deleted(cache()), cache("llama", namespace="team"))
    known = order("n1", entry(), entry("llama", "team"))
    assert told(placed(node("n1", ready=ready), *objects, known)) == ["team/llama@gpu"]


def test_an_order_whose_cache_is_gone_is_cleaned() -> None:
    assert placed(N1, group(), order("n1", entry("forgotten"))) == {"localModels": []}


def test_a_change_of_the_cache_reaches_the_order() -> None:
    spec = placed(N1, group(), cache(serviceAccountName="new"), order("n1", entry()))
    assert spec is not None
    assert spec["localModels"][0]["serviceAccountName"] == "new"


def test_a_node_follows_the_strictest_of_its_groups_in_parallel_downloads() -> None:
    both = (group("a", pools=["gpu"], maxParallelDownloads=4), group("b", pools=["gpu"], maxParallelDownloads=2))
    spec = placed(N1, *both, cache("llama", "a"))
    assert spec is not None
    assert spec["maxParallelDownloads"] == 2


def test_nothing_is_decided_while_the_kinds_are_not_served() -> None:
    assert placed(N1, group(), cache(), without=[LOCAL_MODEL_NODE]) is None
    assert placed(N1, group(), without=[LOCAL_MODEL_CACHE, LOCAL_MODEL_NAMESPACE_CACHE]) is None


def test_a_model_without_room_waits_with_the_numbers() -> None:
    objects = (
        group(limit="25Gi"),
        cache("first", source="s3://1", created="2026-01-01T00:00:00Z"),
        cache("second", source="s3://2", created="2026-01-02T00:00:00Z"),
        cache("third", source="s3://3", created="2026-01-03T00:00:00Z"),
    )
    spec = placed(N1, *objects)
    assert spec is not None
    assert told(spec) == ["first@gpu", "second@gpu"]
    assert spec["waitingModels"] == [
        {
            "modelName": "third",
            "nodeGroup": "gpu",
            "reason": "InsufficientStorage",
            "message": "node group gpu allows 25Gi of models on a node and first (10Gi), second (10Gi) take 20Gi; "
            "third needs 10Gi, 5Gi are left",
        }
    ]


def test_what_is_too_large_for_the_rest_does_not_keep_out_what_fits() -> None:
    big, huge = cache("big", size="20Gi", source="s3://1"), cache("huge", size="30Gi", source="s3://2")
    spec = placed(N1, group(limit="25Gi"), big, huge, cache("small", size="5Gi", source="s3://3"))
    assert told(spec) == ["big@gpu", "small@gpu"]
    assert waiting(spec) == [("huge", "InsufficientStorage")]


def test_caches_of_one_source_share_their_room() -> None:
    objects = (group(limit="15Gi"), cache("a"), cache("b", namespace="team"), cache("c", namespace="other"))
    assert told(placed(N1, *objects)) == ["a@gpu", "other/c@gpu", "team/b@gpu"]


def test_what_a_node_keeps_stays_when_an_older_cache_comes_back_or_the_limit_falls() -> None:
    objects = (
        group(limit="8Gi"),
        cache("young", source="s3://2", created="2026-01-02T00:00:00Z"),
        cache("old", source="s3://1", created="2026-01-01T00:00:00Z"),
    )
    spec = placed(N1, *objects, order("n1", entry("young", source="s3://2")))
    assert told(spec) == ["young@gpu"]
    assert waiting(spec) == [("old", "InsufficientStorage")]


def test_a_disk_that_is_fuller_than_the_limit_says_is_believed() -> None:
    known = order(
        "n1",
        entry("first", source="s3://1"),
        states={"first": "ModelDownloading"},
        models={"first": {"downloadedBytes": 4 * 1024**3}},
        storage={"availableBytes": 15 * 1024**3},
    )
    spec = placed(N1, group(), cache("first", source="s3://1"), cache("second", source="s3://2"), known)
    assert spec is not None
    assert told(spec) == ["first@gpu"]
    assert spec["waitingModels"][0]["message"] == ("the node's disk has 9Gi left for further models, second needs 10Gi")


def evicting(*objects: Object, limit: str = "20Gi", config: str | None = None) -> Object | None:
    return placed(N1, group(limit=limit, evictionPolicy="LeastRecentlyUsed"), *objects, config=config)


def lru(name: str, *, used: bool = False, last: str = "", created: str = "2026-01-01T00:00:00Z") -> Object:
    status: Object = {"inferenceServices": [{"namespace": "team", "name": "s"}]} if used else {}
    if last:
        status["lastUsedTime"] = last
    return cache(name, source=f"s3://{name}", created=created, status=status)


def listed(*models: str) -> Object:
    return order("n1", *(entry(name, source=f"s3://{name}") for name in models))


def test_the_copy_longest_unused_makes_room() -> None:
    caches = (
        lru("a", last="2026-02-01T00:00:00Z"),
        lru("b", last="2026-02-03T00:00:00Z"),
        lru("c", created="2026-02-04T00:00:00Z"),
    )
    spec = evicting(*caches, listed("a", "b"))
    assert told(spec) == ["b@gpu", "c@gpu"]
    assert waiting(spec) == [("a", "Evicted")]
    # The same again once the node was told: nobody drives anybody out twice.
    assert evicting(*caches, listed("b", "c")) == spec


def test_a_copy_that_services_use_never_makes_room() -> None:
    caches = (lru("a", used=True), lru("b", used=True), lru("c", used=True, created="2025-01-01T00:00:00Z"))
    spec = evicting(*caches, listed("a", "b"))
    assert told(spec) == ["a@gpu", "b@gpu"]
    assert waiting(spec) == [("c", "InsufficientStorage")]


def test_a_copy_that_is_used_again_comes_back() -> None:
    caches = (lru("a", used=True), lru("b", last="2026-02-03T00:00:00Z"), lru("c", last="2026-02-04T00:00:00Z"))
    spec = evicting(*caches, listed("b", "c"))
    assert told(spec) == ["a@gpu", "c@gpu"]


def test_without_the_policy_nothing_makes_room() -> None:
    caches = (lru("a"), lru("b"), lru("c", used=True))
    spec = placed(N1, group(limit="20Gi"), *caches, listed("a", "b"))
    assert told(spec) == ["a@gpu", "b@gpu"]


def test_nothing_makes_room_where_nobody_looks_who_uses_what() -> None:
    caches = (lru("a"), lru("b"), lru("c", created="2026-02-04T00:00:00Z"))
    config = '{"jobNamespace": "jobs", "disableVolumeManagement": true}'
    assert told(evicting(*caches, listed("a", "b"), config=config)) == ["a@gpu", "b@gpu"]
