"""The ConfigMap of a predictor that serves TrainedModels."""

from kservectl.objects.kind import CONFIG_MAP, DEPLOYMENT
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import World, model, runtime, service

NAME = "modelconfig-iris-0"
INTERNAL = "internal.serving.kserve.io/"


def multi_model() -> Object:
    return {"model": {"modelFormat": {"name": "sklearn"}}}


def test_multi_model_predictor_gets_an_empty_list_of_models() -> None:
    world = World(service(multi_model(), labels={"team": "a"}))
    world.step()

    made = world.child(CONFIG_MAP, NAME)

    assert made["data"] == {"models.json": "[]"}
    assert made["metadata"]["namespace"] == "ml"
    assert made["metadata"]["labels"] == {"team": "a", "serving.kserve.io/inferenceservice": "iris"}
    assert made["metadata"]["ownerReferences"][0]["name"] == "iris"


def test_pods_of_a_multi_model_predictor_are_told_where_the_list_is() -> None:
    world = World(service(multi_model()))
    world.step()

    told = world.child(DEPLOYMENT, "iris-predictor")["spec"]["template"]["metadata"]["annotations"]

    assert told[INTERNAL + "agent"] == "true"
    assert told[INTERNAL + "configVolumeName"] == NAME
    assert told[INTERNAL + "configMountPath"] == "/mnt/configs"
    assert told[INTERNAL + "modelDir"] == "/mnt/models"


def test_custom_predictor_that_says_so_gets_a_list_of_models() -> None:
    server = {"name": "kserve-container", "image": "own:v1", "env": [{"name": "MULTI_MODEL_SERVER", "value": "true"}]}
    world = World(service({"containers": [server]}))
    world.step()

    assert world.names(CONFIG_MAP) == [NAME]


def test_predictor_with_a_model_of_its_own_gets_none() -> None:
    world = World(service(model()))
    world.step()

    assert world.names(CONFIG_MAP) == []


def test_models_that_were_entered_stay() -> None:
    world = World(service(multi_model()))
    world.step()
    entered = '[{"modelName":"a","modelSpec":{"storageUri":"s3://b/a"}}]'
    world.child(CONFIG_MAP, NAME)["data"] = {"models.json": entered}

    world.service["metadata"]["labels"] = {"team": "b"}
    world.step()

    assert world.child(CONFIG_MAP, NAME)["data"] == {"models.json": entered}
    assert world.child(CONFIG_MAP, NAME)["metadata"]["labels"]["team"] == "b"


def test_models_stay_while_the_service_is_stopped() -> None:
    world = World(service(multi_model()))
    world.step()
    world.child(CONFIG_MAP, NAME)["data"] = {"models.json": '[{"modelName":"a"}]'}

    world.annotate(stop="true")
    world.step()

    assert list(world.children) == [("ConfigMap", NAME)]
    assert world.child(CONFIG_MAP, NAME)["data"] == {"models.json": '[{"modelName":"a"}]'}


def test_service_that_is_stopped_from_the_start_gets_no_list() -> None:
    world = World(service(multi_model(), annotations={"serving.kserve.io/stop": "true"}))
    world.step()

    assert world.children == {}


def test_list_goes_with_the_multi_model_server() -> None:
    world = World(service(multi_model()))
    world.step()

    world.edit(model())
    world.step()

    assert world.names(CONFIG_MAP) == []


def test_words_of_a_stranger_under_that_name_are_not_taken_over() -> None:
    stranger: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": "ml"},
        "data": {"models.json": "theirs"},
    }
    world = World(service(multi_model()), runtime(), stranger)

    wanted = next(obj for obj in world.decide().desired if obj["kind"] == "ConfigMap")

    assert wanted["data"] == {"models.json": "[]"}
