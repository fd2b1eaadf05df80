"""Services with a transformer, an explainer, or both, in Standard mode."""

from typing import Any

import pytest

from kservectl.api.kinds import HTTP_ROUTE
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, INGRESS, SERVICE
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import (
    GATEWAY_INGRESS,
    World,
    configuration,
    model,
    runtime,
    says,
    service,
)

CUSTOM: Object = {"containers": [{"name": "kserve-container", "image": "example/mine:1", "args": ["--port=8080"]}]}
BY_INGRESS = configuration(ingress={"ingressGateway": "istio/main"})


def world(config: Object | None = None, predictor: Object | None = None, **components: Any) -> World:
    obj = service(predictor)
    obj["spec"].update(components)
    return World(obj, runtime(), config=config)


def server_of(made: World, name: str) -> Object:
    found: Object = made.child(DEPLOYMENT, name)["spec"]["template"]["spec"]["containers"][0]
    return found


def test_each_component_has_deployment_service_autoscaler_and_route() -> None:
    made = world(transformer=CUSTOM, explainer=CUSTOM).become_ready()
    names = ["iris-explainer", "iris-predictor", "iris-transformer"]

    assert made.names(DEPLOYMENT) == names
    assert made.names(SERVICE) == names
    assert made.names(HORIZONTAL_POD_AUTOSCALER) == names
    assert made.names(HTTP_ROUTE) == ["iris", *names]
    assert made.status["components"] == {
        "predictor": {"url": "http://iris-predictor-ml.example.com"},
        "transformer": {"url": "http://iris-transformer-ml.example.com"},
        "explainer": {"url": "http://iris-explainer-ml.example.com"},
    }


def test_transformer_is_told_where_the_predictor_is() -> None:
    made = world(transformer={**CUSTOM, "containerConcurrency": 3}, predictor={**model(), "name": "blue"})
    made.step()

    server = server_of(made, "iris-transformer")
    assert server["args"] == [
        "--port=8080",
        "--model_name",
        "iris",
        "--predictor_host",
        "iris-blue-predictor.ml",
        "--http_port",
        "8080",
        "--workers",
        "3",
    ]
    assert server["env"] == [{"name": "INFERENCE_SERVICE_NAME", "value": "iris"}]


def test_arguments_that_the_user_gave_are_kept() -> None:
    own = {"name": "c", "image": "i", "args": ["--model_name=mine", "--predictor_host", "x", "--http_port=1"]}
    made = world(transformer={"containers": [own]}, explainer={"containers": [own]})
    made.step()

    assert server_of(made, "iris-transformer")["args"] == own["args"]
    assert server_of(made, "iris-explainer")["args"] == [*own["args"], "--http_port", "8080"]


@pytest.mark.parametrize("explainer", [CUSTOM, {"art": {"type": "SquareAttack"}}], ids=["custom", "art"])
def test_explainer_is_told_which_service_it_belongs_to(explainer: Object) -> None:
    config = configuration(explainers={"art": {"image": "example/art", "defaultImageVersion": "v1"}})
    made = world(config, explainer=explainer)
    made.step()

    assert server_of(made, "iris-explainer")["env"] == [{"name": "INFERENCE_SERVICE_NAME", "value": "iris"}]


def test_art_explainer_is_kserves_own() -> None:
    config = configuration(explainers={"art": {"image": "example/art", "defaultImageVersion": "v1"}})
    art = {
        "type": "SquareAttack",
        "storageUri": "gs://b/e",
        "config": {"nb_classes": "10", "a": "b"},
        "args": ["--mine"],
    }
    made = world(config, explainer={"art": art})
    made.step()

    server = server_of(made, "iris-explainer")
    assert (server["name"], server["image"]) == ("kserve-container", "example/art:v1")
    assert server["args"] == [
        "--model_name",
        "iris",
        "--http_port",
        "8080",
        "--predictor_host",
        "iris-predictor.ml",
        "--storage_uri",
        "/mnt/models",
        "--adversary_type",
        "SquareAttack",
        "--a",
        "b",
        "--nb_classes",
        "10",
        "--mine",
    ]
    annotations = made.child(DEPLOYMENT, "iris-explainer")["metadata"]["annotations"]
    assert annotations["internal.serving.kserve.io/storage-initializer-sourceuri"] == "gs://b/e"


def test_explainer_is_not_batched() -> None:
    made = world(transformer={**CUSTOM, "batcher": {}}, explainer={**CUSTOM, "batcher": {}, "logger": {"mode": "all"}})
    made.step()

    def told(name: str) -> set[str]:
        annotations = made.child(DEPLOYMENT, name)["metadata"]["annotations"]
        return {key.removeprefix("internal.serving.kserve.io/") for key in annotations}

    assert told("iris-transformer") == {"batcher"}
    assert told("iris-explainer") == {"logger", "logger-mode"}


def test_requests_enter_through_the_transformer_and_explanations_through_the_explainer() -> None:
    made = world(
        transformer={**CUSTOM, "timeout": 5}, explainer={**CUSTOM, "timeout": 7}, predictor={**model(), "timeout": 9}
    ).become_ready()

    rules = made.child(HTTP_ROUTE, "iris")["spec"]["rules"]
    told = [
        (rule["matches"][0]["path"]["value"], rule["backendRefs"][0]["name"], rule["timeouts"]["request"])
        for rule in rules
    ]
    assert told == [
        (r"^/v1/models/[\w-]+:explain$", "iris-explainer", "7s"),
        ("^/.*$", "iris-transformer", "5s"),
    ]
    assert made.status["address"]["url"] == "http://iris-transformer.ml.svc.cluster.local"


def test_explainer_alone_leaves_the_predictor_as_the_entry() -> None:
    made = world(explainer=CUSTOM).become_ready()

    rules = made.child(HTTP_ROUTE, "iris")["spec"]["rules"]
    assert [rule["backendRefs"][0]["name"] for rule in rules] == ["iris-explainer", "iris-predictor"]
    assert made.status["address"]["url"] == "http://iris-predictor.ml.svc.cluster.local"


@pytest.mark.parametrize("role", ["transformer", "explainer"])
def test_service_waits_for_every_component(role: str) -> None:
    made = world(transformer=CUSTOM, explainer=CUSTOM)
    made.step()
    made.roll_out_all()
    made.deployment_says(says("Available", "False", "MinimumReplicasUnavailable", "none"), name=f"iris-{role}")
    made.step()
    made.accept_routes()
    made.settle()

    assert "iris" not in made.names(HTTP_ROUTE)
    assert f"iris-{role}" not in made.names(HTTP_ROUTE)
    assert "iris-predictor" in made.names(HTTP_ROUTE)
    assert made.said(f"{role.capitalize()}Ready")[0] == "False"
    assert made.said("PredictorReady")[0] == "True"
    assert made.said("Ready") == (
        "False",
        f"{role.capitalize()} Deployment NotReady",
        f"{role.capitalize()} HTTPRoute not created",
    )


def test_condition_of_a_transformer_does_not_decide_about_ready_itself() -> None:
    made = world(transformer=CUSTOM).become_ready()

    assert made.condition("TransformerReady")["severity"] == "Info"


@pytest.mark.parametrize(
    ("components", "rules"),
    [
        ({}, [("iris", "predictor"), ("iris-predictor", "predictor")]),
        (
            {"explainer": CUSTOM},
            [("iris", "predictor"), ("iris-explainer", "explainer"), ("iris-predictor", "predictor")],
        ),
        (
            {"transformer": CUSTOM},
            [("iris", "transformer"), ("iris-transformer", "transformer"), ("iris-predictor", "predictor")],
        ),
        (
            {"transformer": CUSTOM, "explainer": CUSTOM},
            [
                ("iris", "transformer"),
                ("iris-transformer", "transformer"),
                ("iris-explainer", "explainer"),
                ("iris-predictor", "predictor"),
            ],
        ),
    ],
)
def test_ingress_leads_each_host_to_its_own_component(components: Object, rules: list[tuple[str, str]]) -> None:
    made = world(BY_INGRESS, **components).become_ready()

    found = made.child(INGRESS, "iris")["spec"]["rules"]
    told = [(rule["host"], rule["http"]["paths"][0]["backend"]["service"]["name"]) for rule in found]
    assert told == [(f"{host}-ml.example.com", f"iris-{role}") for host, role in rules]


@pytest.mark.parametrize("role", ["transformer", "explainer"])
def test_ingress_waits_for_every_component(role: str) -> None:
    made = world(BY_INGRESS, transformer=CUSTOM, explainer=CUSTOM)
    made.step()
    made.roll_out_all()
    made.deployment_says(says("Available", "False"), name=f"iris-{role}")
    made.step()

    assert made.names(INGRESS) == []
    assert made.said("IngressReady")[:2] == ("False", f"{role.capitalize()} ingress not created")


@pytest.mark.parametrize("config", [configuration(), BY_INGRESS])
def test_stop_takes_all_components_along_and_resuming_brings_them_back(config: Object) -> None:
    made = world(config, transformer=CUSTOM, explainer=CUSTOM).become_ready()
    before = sorted(made.children)
    made.annotate(stop="true")
    made.settle()

    assert made.children == {}
    for condition in ("PredictorReady", "TransformerReady", "ExplainerReady", "IngressReady", "Ready"):
        assert made.said(condition)[:2] == ("False", "Stopped")

    made.annotate(stop="false")
    made.become_ready()
    assert sorted(made.children) == before


def test_removed_component_leaves_nothing_behind() -> None:
    made = world(transformer=CUSTOM, explainer=CUSTOM).become_ready()
    made.edit(model())
    made.settle()

    assert made.names(DEPLOYMENT) == ["iris-predictor"]
    assert made.names(HTTP_ROUTE) == ["iris", "iris-predictor"]
    assert [entry["type"] for entry in made.status["conditions"]] == [
        "IngressReady",
        "PredictorReady",
        "Ready",
        "Stopped",
    ]
    assert list(made.status["components"]) == ["predictor"]


def test_transformer_that_cannot_be_built_does_not_keep_the_predictor_from_being_deployed() -> None:
    made = world(transformer={"minReplicas": 1})
    outcome = made.step()

    assert made.names(DEPLOYMENT) == ["iris-predictor"]
    assert not outcome.complete
    assert made.said("TransformerReady") == ("False", "ReconcileFailed", "the transformer has no container")
    assert made.status["components"] == {"predictor": {}, "transformer": {}}
    assert made.status["modelStatus"]["transitionStatus"] == "InProgress"
    assert made.events == ["InternalError"]


def test_source_of_a_transformer_is_checked_too() -> None:
    container = {"name": "c", "image": "i", "env": [{"name": "STORAGE_URI", "value": "ftp://x/y"}]}
    made = world(transformer={"containers": [container]})
    made.step()

    assert made.said("TransformerReady")[1] == "InvalidSpec"


def test_labels_that_the_runtime_added_are_on_all_components() -> None:
    recipe = runtime("kserve-torchserve", protocols=["v1"])
    obj = service()
    obj["spec"]["transformer"] = CUSTOM
    made = World(obj, recipe)
    made.step()

    assert made.child(DEPLOYMENT, "iris-transformer")["metadata"]["labels"]["serviceEnvelope"] == "kserve"


def test_path_leads_to_the_transformer() -> None:
    config = configuration(ingress={**GATEWAY_INGRESS, "pathTemplate": "/serving/{{.Name}}"})
    made = world(config, transformer=CUSTOM).become_ready()

    rules = made.child(HTTP_ROUTE, "iris-path")["spec"]["rules"]
    assert [rule["backendRefs"][0]["name"] for rule in rules] == ["iris-transformer"]
