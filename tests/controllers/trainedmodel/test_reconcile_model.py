"""What becomes of TrainedModels: conditions, places, memory, the list that the server reads, and their end."""

import json
from typing import Any

import pytest

from kservectl.controllers.inferenceservice.versions import history
from kservectl.controllers.trainedmodel import controller, modelconfig
from kservectl.controllers.trainedmodel.reconcile import FINALIZER
from kservectl.informers import Change
from kservectl.objects.metadata import Object, ObjectKey
from tests.controllers.trainedmodel.models import LIST, World, config_map, garden, model

ALLOCATED = "serving.kserve.io/trainedmodel-allocated"


def test_a_model_that_fits_is_listed_and_reached() -> None:
    world = World(garden(), config_map(), model(memory="1000M"))
    world.settle()
    assert world.conditions() == {
        "InferenceServiceReady": "True",
        "IsMMSPredictor": "True",
        "MemoryResourceAvailable": "True",
        "Ready": "True",
    }
    assert all("reason" not in each for each in world.status()["conditions"])
    assert world.status()["url"] == "http://garden-ml.example.com/v1/models/rose:predict"
    assert world.status()["address"] == {"url": "http://garden-predictor.ml.svc.cluster.local/v1/models/rose:predict"}
    assert world.objects["ConfigMap", LIST]["data"]["models.json"] == (
        '[{"modelName":"rose","modelSpec":{"storageUri":"gs://bucket/rose","framework":"sklearn","memory":"1G"}}]'
    )
    assert world.objects["TrainedModel", "rose"]["metadata"]["labels"] == {
        "inferenceservice": "garden",
        ALLOCATED: "garden",
    }
    assert world.decide().finalizers == (FINALIZER,)


def test_a_model_tells_what_serves_it() -> None:
    world = World(garden(), config_map(), model())
    world.settle()
    assert world.status()["lineage"] == {
        "configMap": LIST,
        "clusterServingRuntimeName": "kserve-sklearnserver",
        "inferenceServiceGeneration": 4,
        "revision": history.revision_name(garden(), garden()["spec"]),
    }


def test_the_revision_is_knatives_where_there_is_one_and_left_out_where_an_earlier_version_is_served() -> None:
    knative, rolled_back = garden(), garden()
    knative["status"] |= {
        "deploymentMode": "Knative",
        "components": {"predictor": {"latestReadyRevision": "garden-predictor-00007"}},
    }
    rolled_back["status"]["conditions"].append({"type": "RolledBack", "status": "True"})
    for service, revision in ((knative, "garden-predictor-00007"), (rolled_back, None)):
        world = World(service, config_map(), model())
        world.settle()
        assert world.status()["lineage"].get("revision") == revision


@pytest.mark.parametrize(
    ("predictor", "path"),
    [
        ({"model": {"modelFormat": {"name": "sklearn"}, "protocolVersion": "v2"}}, "/v2/models/rose/infer"),
        ({"triton": {}}, "/v2/models/rose/infer"),
        ({"sklearn": {}}, "/v1/models/rose:predict"),
        ({"model": {"modelFormat": {"name": "triton"}}}, "/v2/models/rose/infer"),
        ({"model": {"modelFormat": {"name": "sklearn"}, "protocolVersion": "grpc-v2"}}, ""),
        (
            {"containers": [{"name": "kserve-container", "env": [{"name": "MULTI_MODEL_SERVER", "value": "true"}]}]},
            "/v1/models/rose:predict",
        ),
    ],
)
def test_the_path_follows_the_servers_protocol(predictor: Object, path: str) -> None:
    world = World(garden(predictor=predictor), config_map(), model(memory="0"))
    world.settle()
    assert world.status()["url"] == f"http://garden-ml.example.com{path}"


@pytest.mark.parametrize(
    ("service", "false", "reason", "said"),
    [
        (garden(ready=False), ["InferenceServiceReady"], "InferenceServiceNotReady", '"garden" is not ready'),
        (
            garden(
                predictor={
                    "model": {
                        "modelFormat": {"name": "x"},
                        "storageUri": "gs://b",
                        "resources": {"limits": {"memory": "1Gi"}},
                    }
                }
            ),
            ["IsMMSPredictor"],
            "IsNotMMSPredictor",
            "not configured for multi-model serving",
        ),
        (
            garden(predictor={"model": {"modelFormat": {"name": "huggingface"}}}, ready=False),
            ["InferenceServiceReady", "IsMMSPredictor", "MemoryResourceAvailable"],
            "MemoryResourceNotAvailable",
            '"garden" is not ready',
        ),
        (
            garden("255Mi"),
            ["MemoryResourceAvailable"],
            "MemoryResourceNotAvailable",
            "memory resources are not available",
        ),
        (
            garden(predictor={}),
            ["IsMMSPredictor", "MemoryResourceAvailable"],
            "MemoryResourceNotAvailable",
            "not configured",
        ),
        (
            garden(
                predictor={"containers": [{"name": "other", "env": [{"name": "MULTI_MODEL_SERVER", "value": "true"}]}]}
            ),
            ["MemoryResourceAvailable"],
            "MemoryResourceNotAvailable",
            "memory",
        ),
    ],
)
def test_a_model_that_cannot_be_served_says_why(service: Object, false: list[str], reason: str, said: str) -> None:
    world = World(service, config_map(), model())
    world.settle()
    assert [type_ for type_, status in world.conditions().items() if status == "False"] == sorted([*false, "Ready"])
    (ready,) = [each for each in world.status()["conditions"] if each["type"] == "Ready"]
    assert ready["reason"] == reason
    assert world.names == []
    assert "url" not in world.status()
    first = next(each for each in world.decide().explanations if not each.ok)
    assert said in first.message
    assert first.next_step


def test_a_served_model_stays_listed_while_its_service_is_not_ready() -> None:
    world = World(garden(), config_map(), model())
    world.settle()
    before = dict(world.status())
    world.objects["InferenceService", "garden"] = garden(ready=False)
    world.settle()
    assert world.conditions()["Ready"] == "False"
    assert world.names == ["rose"]
    assert world.status()["url"] == before["url"]


def test_memory_is_granted_by_age_and_for_good() -> None:
    world = World(garden("512Mi"), config_map(), model("young", age=10), model("old", age=90), model("middle", age=50))
    world.settle()
    assert world.names == ["middle", "old"]
    assert world.conditions("young")["MemoryResourceAvailable"] == "False"
    assert ALLOCATED not in world.objects["TrainedModel", "young"]["metadata"]["labels"]
    world.objects["TrainedModel", "older"] = model("older", age=1000)
    world.settle()
    assert world.names == ["middle", "old"]


def test_one_answer_whatever_is_decided_first() -> None:
    world = World(garden("300Mi"), config_map(), model("a", age=10), model("b", age=90))
    view_of_both = [world.decide(name).labels.get(ALLOCATED) for name in ("a", "b")]
    assert view_of_both == [None, "garden"]


def test_a_model_that_does_not_fit_keeps_nothing_from_others() -> None:
    world = World(garden("512Mi"), config_map(), model("huge", "1Gi", age=90), model("small", age=10))
    world.settle()
    assert world.names == ["small"]


def test_a_model_that_never_had_memory_keeps_none_while_it_goes() -> None:
    world = World(garden("256Mi"), config_map(), model("first", age=90), model("second", age=10))
    world.start_deleting("first")
    assert world.decide("second").labels[ALLOCATED] == "garden"


def test_memory_of_another_service_is_no_memory_here() -> None:
    moved = model("moved", age=10, labels={ALLOCATED: "elsewhere"})
    world = World(garden("256Mi"), config_map(), moved, model("old", age=90))
    world.settle()
    assert world.names == ["old"]


@pytest.mark.parametrize(("of_the_server", "of_the_other", "served"), [("1Gi", "0", True), ("0", "1Gi", False)])
def test_the_memory_of_a_custom_server_is_that_of_its_main_container(
    of_the_server: str, of_the_other: str, served: bool
) -> None:
    def container(name: str, memory: str) -> Object:
        env = [{"name": "MULTI_MODEL_SERVER", "value": "true"}]
        return {"name": name, "env": env, "resources": {"limits": {"memory": memory}}}

    containers = [container("other", of_the_other), container("kserve-container", of_the_server)]
    world = World(garden(predictor={"containers": containers}), config_map(), model())
    world.settle()
    assert world.conditions()["MemoryResourceAvailable"] == str(served)


def test_memory_is_free_once_a_model_is_gone() -> None:
    world = World(garden("256Mi"), config_map(), model("first", age=90), model("second", age=10))
    world.settle()
    assert world.names == ["first"]
    world.start_deleting("first")
    world.settle()
    assert world.names == ["second"]
    assert world.conditions("second")["Ready"] == "True"


def test_the_list_follows_changes_and_keeps_other_entries() -> None:
    foreign = '[{"modelName":"zinnia","modelSpec":{"storageUri":"s3://x?a=1\\u0026b=2","framework":"onnx","memory":"1Mi"},"extra":1}]'
    world = World(garden(), config_map(foreign), model("rose"), model("aster"))
    world.settle()
    assert world.names == ["aster", "rose", "zinnia"]
    assert world.listed[2] == {
        "modelName": "zinnia",
        "modelSpec": {"storageUri": "s3://x?a=1&b=2", "framework": "onnx", "memory": "1Mi"},
        "extra": 1,
    }
    world.objects["TrainedModel", "rose"]["spec"]["model"]["storageUri"] = "gs://bucket/rose2"
    world.settle()
    assert world.listed[1]["modelSpec"]["storageUri"] == "gs://bucket/rose2"


@pytest.mark.parametrize("text", [None, ""])
def test_an_absent_or_empty_list_counts_as_one_without_models(text: str | None) -> None:
    world = World(garden(), config_map(text), model())
    world.settle()
    assert world.names == ["rose"]


def test_a_model_that_moves_to_another_service_leaves_the_list() -> None:
    world = World(garden(), config_map(), model())
    world.settle()
    world.objects["TrainedModel", "rose"]["spec"]["inferenceService"] = "elsewhere"
    outcome = modelconfig.reconcile(world.objects["InferenceService", "garden"], world.view())
    assert outcome.desired[0]["data"]["models.json"] == "[]"


@pytest.mark.parametrize("text", ["{", "{}", '["x"]'])
def test_an_unreadable_list_is_told_and_left_alone(text: str) -> None:
    world = World(garden(), config_map(text), model())
    world.settle()
    (ready,) = [each for each in world.status()["conditions"] if each["type"] == "Ready"]
    assert ready["message"].startswith(
        f"Can not add or update a model rose from config because of error while updating {LIST} err models.json is not"
    )
    assert world.objects["ConfigMap", LIST]["data"]["models.json"] == text
    outcome = modelconfig.reconcile(world.objects["InferenceService", "garden"], world.view())
    assert outcome.terminal_error is not None
    assert (outcome.desired, outcome.complete) == ((), False)
    world.start_deleting("rose")
    leaving = world.decide()
    assert leaving.finalizers is None
    assert (leaving.terminal_error or "").startswith("Can not remove model rose from config because of error")
    world.objects["ConfigMap", LIST]["data"]["models.json"] = "[]"
    world.settle()
    assert ("TrainedModel", "rose") not in world.objects


def test_a_model_that_the_list_has_no_room_for_is_told_and_the_others_are_served() -> None:
    crowd = [{"modelName": f"x{number:05}", "modelSpec": {"storageUri": "gs://" + "b" * 940}} for number in range(990)]
    world = World(
        garden(), config_map(json.dumps(crowd)), model("aster"), model("rose", storage_uri="gs://" + "r" * 30_000)
    )
    world.settle()
    assert (len(world.names), "aster" in world.names, "rose" in world.names) == (991, True, False)
    assert world.conditions("aster")["Ready"] == "True"
    (ready,) = [each for each in world.status()["conditions"] if each["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "ModelConfigFull")
    assert len(world.objects["ConfigMap", LIST]["data"]["models.json"]) <= 1_000_000


def test_a_missing_list_is_made_by_the_services_controller_and_waited_for() -> None:
    world = World(garden(), model())
    assert modelconfig.reconcile(world.objects["InferenceService", "garden"], world.view()).desired == ()
    waiting = world.decide()
    assert waiting.delete == ()
    (ready,) = [each for each in (waiting.status or {})["conditions"] if each["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "ModelConfigMissing")
    assert ready["message"].startswith("Can not add or update a model rose from config because of error while updating")
    stranger = config_map()
    del stranger["metadata"]["ownerReferences"]
    world.objects["ConfigMap", LIST] = stranger
    assert "garden has no such ConfigMap" in str(world.decide().status)
    world.objects["ConfigMap", LIST] = config_map()
    world.settle()
    assert world.names == ["rose"]
    assert world.conditions()["Ready"] == "True"


def test_a_model_is_reached_only_where_its_service_is() -> None:
    inside = garden()
    del inside["status"]["url"]
    world = World(inside, config_map(), model())
    world.settle()
    assert "url" not in world.status()
    assert world.status()["address"]["url"].endswith("/v1/models/rose:predict")


def test_a_model_is_served_once_its_service_is_ready() -> None:
    world = World(garden(ready=False), config_map(), model())
    world.settle()
    assert (world.names, world.conditions()["Ready"]) == ([], "False")
    world.objects["InferenceService", "garden"] = garden()
    world.settle()
    assert (world.names, world.conditions()["Ready"]) == (["rose"], "True")


def test_a_model_leaves_the_list_before_it_goes() -> None:
    world = World(garden(), config_map(), model())
    world.settle()
    world.start_deleting("rose")
    assert world.decide().finalizers == (FINALIZER,)
    world.settle()
    assert world.names == []
    assert ("TrainedModel", "rose") not in world.objects


@pytest.mark.parametrize("left", ["service", "list", "leaving service"])
def test_a_model_whose_service_or_list_is_gone_goes_at_once(left: str) -> None:
    world = World(garden(), config_map(), model())
    world.settle()
    world.start_deleting("rose")
    match left:
        case "service":
            del world.objects["InferenceService", "garden"]
        case "list":
            del world.objects["ConfigMap", LIST]
        case _:
            world.objects["InferenceService", "garden"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert world.decide().finalizers == ()


def test_a_model_goes_with_its_service() -> None:
    world = World(garden(), config_map(), model())
    world.settle()
    del world.objects["InferenceService", "garden"]
    outcome = world.decide()
    assert [(each.kind.kind, each.name) for each in outcome.delete] == [("TrainedModel", "rose")]
    assert outcome.finalizers == ()


def test_a_new_model_may_be_ahead_of_its_service() -> None:
    waiting = World(model(age=1)).decide()
    assert (waiting.delete, waiting.requeue_after) == ((), 2)
    assert World(model(age=4)).decide().delete != ()


def test_a_list_of_somebody_else_is_not_touched() -> None:
    stranger = config_map()
    del stranger["metadata"]["ownerReferences"]
    assert modelconfig.reconcile(garden(), World(garden(), stranger, model()).view()).desired == ()


KEY = ObjectKey("ml", "rose")
VIEW = World(garden(), config_map(), model(), model("aster")).view()
BOTH = [ObjectKey("ml", "aster"), KEY]


def test_models_follow_their_service_and_its_list() -> None:
    assert controller.of_service(Change(garden(), garden(ready=False)), VIEW) == BOTH
    assert controller.of_service(Change(None, garden(), initial=True), VIEW) == ()
    assert controller.of_list(Change(config_map(), config_map("")), VIEW) == BOTH
    stranger = config_map()
    del stranger["metadata"]["ownerReferences"]
    assert controller.of_list(Change(None, stranger), VIEW) == ()


def test_models_follow_what_others_leave_them() -> None:
    assert controller.of_sibling(Change(model("aster"), None), VIEW) == [KEY]
    assert controller.of_sibling(Change(model("aster"), model("aster", labels={ALLOCATED: "garden"})), VIEW) == [KEY]
    assert controller.of_sibling(Change(model("aster"), model("aster", labels={"team": "a"})), VIEW) == ()


def test_the_list_follows_its_models() -> None:
    moved = Change(model(parent="old"), model())
    assert modelconfig.of_model(moved, VIEW) == [ObjectKey("ml", "garden"), ObjectKey("ml", "old")]


@pytest.mark.parametrize(
    ("predictor", "looked_at"),
    [
        ({"model": {"modelFormat": {"name": "sklearn"}}}, True),
        ({"sklearn": {}}, True),
        ({"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "gs://b"}}, False),
        ({"sklearn": {"storage": {"path": "x"}}}, False),
        ({"containers": [{"env": [{"name": "MULTI_MODEL_SERVER", "value": "true"}]}]}, True),
        ({"containers": [{"image": "x"}]}, False),
    ],
)
def test_ordinary_services_are_not_looked_at(predictor: dict[str, Any], looked_at: bool) -> None:
    assert modelconfig.may_serve_models(Change(None, garden(predictor=predictor))) is looked_at
