"""The pod: a runtime's recipe with the service's own words over it."""

from typing import Any

import pytest

from kservectl.controllers.inferenceservice.pod import merge_container, set_env
from kservectl.objects.kind import DEPLOYMENT
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import World, model, runtime, service


def pod_of(predictor: Object, *runtimes: Object, **meta: Any) -> Object:
    world = World(service(predictor, **meta), *runtimes)
    world.step()
    found: Object = world.child(DEPLOYMENT, "iris-predictor")["spec"]["template"]["spec"]
    return found


def server_of(predictor: Object, *runtimes: Object, **meta: Any) -> Object:
    found: Object = pod_of(predictor, *runtimes, **meta)["containers"][0]
    return found


def test_arguments_add_up() -> None:
    merged = merge_container({"name": "c", "args": ["--a"]}, {"args": ["--b"], "command": ["run"]})

    assert merged == {"name": "c", "args": ["--a", "--b"], "command": ["run"]}


def test_empty_name_is_the_runtimes() -> None:
    assert merge_container({"name": "kserve-container"}, {"name": ""})["name"] == "kserve-container"


def test_environment_is_merged_by_name_the_services_first_where_new() -> None:
    recipe = {"env": [{"name": "PORT", "value": "1"}, {"name": "PORT2", "value": "2"}]}
    own = {"env": [{"name": "PORT2", "value": "x"}, {"name": "Some", "value": "y"}]}

    assert [entry["name"] for entry in merge_container(recipe, own)["env"]] == ["PORT", "PORT2", "Some"]


@pytest.mark.parametrize(
    ("base", "own", "expected"),
    [
        ({"value": "v"}, {"valueFrom": {"x": 1}}, {"valueFrom": {"x": 1}}),
        ({"valueFrom": {"x": 1}}, {"value": "v"}, {"value": "v"}),
    ],
)
def test_variable_has_the_source_that_the_service_supplied(base: Object, own: Object, expected: Object) -> None:
    merged = merge_container({"env": [{"name": "A", **base}]}, {"env": [{"name": "A", **own}]})

    assert merged["env"] == [{"name": "A", **expected}]


def test_variables_of_both_are_kept_where_they_have_nothing_in_common() -> None:
    recipe = {"name": "c", "env": [{"name": "A", "value": "1"}], "envFrom": [{"configMapRef": {"name": "theirs"}}]}
    own = {"env": [{"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}

    assert merge_container(recipe, own) == {
        "name": "c",
        "env": [{"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}, {"name": "A", "value": "1"}],
        "envFrom": [{"configMapRef": {"name": "theirs"}}],
    }


def test_resources_are_merged_per_key() -> None:
    server = server_of(model(resources={"limits": {"memory": "4Gi"}}))

    assert server["resources"] == {
        "requests": {"cpu": "1", "memory": "2Gi"},
        "limits": {"cpu": "1", "memory": "4Gi"},
    }


def test_probe_of_the_service_replaces_the_runtimes_handler() -> None:
    recipe = runtime(container={"readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 5}})
    server = server_of(model(readinessProbe={"httpGet": {"path": "/ready", "port": 8080}}), recipe)

    assert server["readinessProbe"] == {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5}


def test_probe_times_alone_keep_the_runtimes_handler() -> None:
    recipe = runtime(container={"readinessProbe": {"tcpSocket": {"port": 8080}}})
    server = server_of(model(readinessProbe={"periodSeconds": 30}), recipe)

    assert server["readinessProbe"] == {"tcpSocket": {"port": 8080}, "periodSeconds": 30}


def test_volume_of_the_same_name_is_the_services() -> None:
    recipe = runtime(volumes=[{"name": "data", "emptyDir": {}}, {"name": "other", "emptyDir": {}}])
    pod = pod_of({**model(), "volumes": [{"name": "data", "hostPath": {"path": "/x"}}]}, recipe)

    assert sorted(pod["volumes"], key=lambda volume: str(volume["name"])) == [
        {"name": "data", "hostPath": {"path": "/x"}},
        {"name": "other", "emptyDir": {}},
    ]


def test_volumes_of_the_same_source_are_merged() -> None:
    recipe = runtime(volumes=[{"name": "shm", "emptyDir": {"medium": "Memory"}}])
    pod = pod_of({**model(), "volumes": [{"name": "shm", "emptyDir": {"sizeLimit": "1Gi"}}]}, recipe)

    assert pod["volumes"] == [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}]


def test_pod_fields_of_both_are_merged() -> None:
    recipe = runtime(
        nodeSelector={"a": "1", "b": "2"},
        tolerations=[{"key": "x"}],
        imagePullSecrets=[{"name": "one"}],
        schedulerName="theirs",
    )
    own = {
        "nodeSelector": {"b": "3"},
        "tolerations": [{"key": "y"}],
        "imagePullSecrets": [{"name": "two"}],
        "schedulerName": "mine",
        "serviceAccountName": "me",
    }
    pod = pod_of({**model(), **own}, recipe)

    assert pod["nodeSelector"] == {"a": "1", "b": "3"}
    assert pod["tolerations"] == [{"key": "y"}]
    assert {secret["name"] for secret in pod["imagePullSecrets"]} == {"one", "two"}
    assert pod["schedulerName"] == "mine"
    assert pod["serviceAccountName"] == "me"


@pytest.mark.parametrize(
    ("theirs", "own", "shared"),
    [
        ({}, {}, None),
        ({"hostIPC": False}, {}, None),
        ({"hostIPC": True}, {}, True),
        ({"hostIPC": True}, {"hostIPC": False}, False),
        ({}, {"hostIPC": True}, True),
    ],
)
def test_memory_of_the_host_is_shared_where_the_runtime_or_the_service_says_so(
    theirs: Object, own: Object, shared: bool | None
) -> None:
    assert pod_of({**model(), **own}, runtime(**theirs)).get("hostIPC") is shared


THEIRS, OWN = {"name": "gpu", "resourceClaimName": "theirs"}, {"name": "gpu", "resourceClaimName": "own"}
TEMPLATE = {"name": "gpu", "resourceClaimTemplateName": "own"}
OTHER = {"name": "nic", "resourceClaimName": "own"}


@pytest.mark.parametrize(
    ("theirs", "own", "merged"),
    [
        ([THEIRS], [], [THEIRS]),
        ([TEMPLATE], [], [TEMPLATE]),
        ([], [OWN], [OWN]),
        ([THEIRS], [OTHER], [OTHER, THEIRS]),
        ([THEIRS], [OWN], [OWN]),
        ([THEIRS], [TEMPLATE], [TEMPLATE]),
    ],
    ids=["of the runtime", "by a template", "of the service", "both", "same name", "same name of another kind"],
)
def test_claims_of_resources_are_merged_by_name(theirs: list[Object], own: list[Object], merged: list[Object]) -> None:
    recipe = runtime(resourceClaims=theirs) if theirs else runtime()

    assert pod_of({**model(), **({"resourceClaims": own} if own else {})}, recipe)["resourceClaims"] == merged


@pytest.mark.parametrize(
    ("theirs", "own", "merged"), [("theirs", "", "theirs"), ("", "own", "own"), ("theirs", "own", "own")]
)
def test_scheduler_is_the_services_or_else_the_runtimes(theirs: str, own: str, merged: str) -> None:
    recipe = runtime(schedulerName=theirs) if theirs else runtime()

    assert pod_of({**model(), **({"schedulerName": own} if own else {})}, recipe)["schedulerName"] == merged


def test_containers_come_in_a_fixed_order() -> None:
    recipe = runtime(
        containers=[
            {"name": "metrics", "image": "m"},
            {"name": "transformer-container", "image": "t", "args": ["--a"]},
            {"name": "kserve-container", "image": "s:1"},
        ]
    )
    own = [{"name": "extra", "image": "e"}, {"name": "transformer-container", "args": ["--b={{.Name}}"]}]
    containers = pod_of({**model(), "containers": own}, recipe)["containers"]

    assert [container["name"] for container in containers] == [
        "kserve-container",
        "transformer-container",
        "metrics",
        "extra",
    ]
    assert containers[1]["args"] == ["--a", "--b=iris"]


SIDE: Object = {"name": "transformer-container", "image": "example/transformer:1", "args": ["--a"]}


@pytest.mark.parametrize(
    ("in_runtime", "in_service", "args"),
    [
        (SIDE, None, ["--a"]),
        (None, SIDE, ["--a"]),
        (SIDE, {"name": "transformer-container", "args": ["--b"]}, ["--a", "--b"]),
    ],
    ids=["in the runtime", "in the service", "in both"],
)
def test_transformer_beside_the_server_may_come_from_the_runtime_the_service_or_both(
    in_runtime: Object | None, in_service: Object | None, args: list[str]
) -> None:
    server = {"name": "kserve-container", "image": "example/server:1"}
    recipe = runtime(containers=[server, *([in_runtime] if in_runtime else [])])
    predictor = {**model(), **({"containers": [in_service]} if in_service else {})}
    containers = pod_of(predictor, recipe)["containers"]

    assert [container["name"] for container in containers] == ["kserve-container", "transformer-container"]
    assert (containers[1]["image"], containers[1]["args"]) == ("example/transformer:1", args)
    assert containers[1]["env"] == [{"name": "INFERENCE_SERVICE_NAME", "value": "iris"}]
    assert containers[1]["readinessProbe"]["tcpSocket"] == {"port": 8080}


def test_placeholders_are_filled_plainly() -> None:
    recipe = runtime(
        container={
            "args": ["--name={{.Name}}", "--ns={{ .Namespace }}", "--l={{.Labels.l}}", "--none={{.Labels.none}}"],
            "env": [{"name": "F", "value": "{{.Annotations.modelFormat}}"}],
        }
    )
    server = server_of(model(), recipe, labels={"l": "a&b\"c'"})

    assert server["args"] == ["--name=iris", "--ns=ml", "--l=a&b\"c'", "--none="]
    assert server["env"][0] == {"name": "F", "value": "sklearn"}


def test_keys_with_dots_are_reached_by_index() -> None:
    recipe = runtime(container={"args": ['{{ index .Annotations "team.io/name" }}']})

    assert server_of(model(), recipe, annotations={"team.io/name": "blue"})["args"] == ["blue"]


def test_other_braces_are_left_alone() -> None:
    template = "--chat-template={{ messages[0]['content'] }}{% if x %}{{.Unknown}}"

    assert server_of(model(args=[template]))["args"][-1] == template


def test_placeholder_in_a_value_is_not_filled_again() -> None:
    recipe = runtime(container={"args": ["{{.Labels.l}}"]})

    assert server_of(model(), recipe, labels={"l": "{{.Name}}"})["args"] == ["{{.Name}}"]


@pytest.mark.parametrize(
    ("server_type", "expected"),
    [
        ("mlserver", {"MLSERVER_MODEL_NAME": "iris", "MLSERVER_MODEL_URI": "/mnt/models"}),
        ("torchserve", {"PROTOCOL_VERSION": "v1"}),
        ("", {}),
    ],
)
def test_model_server_adds_its_environment(server_type: str, expected: dict[str, str]) -> None:
    recipe = runtime(meta={"annotations": {"serving.kserve.io/server-type": server_type}})
    env = {entry["name"]: entry["value"] for entry in server_of(model(), recipe)["env"]}

    assert env == {**expected, "INFERENCE_SERVICE_NAME": "iris"}


def test_torchserves_protocol_is_the_models_whatever_the_user_says() -> None:
    env = server_of(model(env=[{"name": "PROTOCOL_VERSION", "value": "mine"}]), runtime("kserve-torchserve"))["env"]

    assert [entry["value"] for entry in env if entry["name"] == "PROTOCOL_VERSION"] == ["v1"]


def test_mlserver_without_a_model_loads_nothing_at_start() -> None:
    recipe = runtime("kserve-mlserver", protocols=["v2"])
    env = server_of({"model": {"modelFormat": {"name": "sklearn"}, "protocolVersion": "v2"}}, recipe)["env"]

    assert env[0] == {"name": "MLSERVER_LOAD_MODELS_AT_STARTUP", "value": "false"}


def test_variables_of_the_user_are_kept_over_mlservers() -> None:
    recipe = runtime("kserve-mlserver")
    env = server_of(model(env=[{"name": "MLSERVER_MODEL_NAME", "value": "mine"}]), recipe)["env"]

    assert [entry["value"] for entry in env if entry["name"] == "MLSERVER_MODEL_NAME"] == ["mine"]


@pytest.mark.parametrize(
    ("format_", "class_"),
    [
        ("xgboost", "mlserver_xgboost.XGBoostModel"),
        ("lightgbm", "mlserver_lightgbm.LightGBMModel"),
        ("mlflow", "mlserver_mlflow.MLflowRuntime"),
        ("sklearn", "mlserver_sklearn.SKLearnModel"),
    ],
)
def test_mlserver_class_is_visible_to_placeholders_and_on_the_objects(format_: str, class_: str) -> None:
    recipe = runtime(
        "kserve-mlserver",
        formats=[{"name": format_, "autoSelect": True}],
        container={"env": [{"name": "CLASS", "value": "{{.Labels.modelClass}}"}]},
    )
    world = World(service(model(format_)), recipe)
    world.step()
    deployment = world.child(DEPLOYMENT, "iris-predictor")

    assert deployment["metadata"]["labels"]["modelClass"] == class_
    env = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "CLASS", "value": class_} in env


def test_triton_without_a_model_waits_to_be_told() -> None:
    recipe = runtime("kserve-tritonserver", formats=[{"name": "triton", "autoSelect": True}], protocols=["v2"])
    server = server_of({"triton": {}}, recipe)

    assert server["args"][-1] == "--model-control-mode=explicit"


@pytest.mark.parametrize(("protocol", "envelope"), [("v1", "kserve"), ("v2", "kservev2"), ("grpc-v2", "kservev2")])
def test_torchserve_envelope_follows_the_protocol(protocol: str, envelope: str) -> None:
    recipe = runtime("kserve-torchserve", protocols=["v1", "v2", "grpc-v2"])
    world = World(service(model(protocolVersion=protocol)), recipe)
    world.step()

    assert world.child(DEPLOYMENT, "iris-predictor")["metadata"]["labels"]["serviceEnvelope"] == envelope


def test_variable_takes_its_new_value_in_its_place() -> None:
    container = {"env": [{"name": "A", "valueFrom": {}}, {"name": "B", "value": "2"}]}

    assert set_env(container, "A", "1") == {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    assert set_env({}, "A", "1") == {"env": [{"name": "A", "value": "1"}]}
