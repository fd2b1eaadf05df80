"""Where the model of an InferenceService is called by a graph's router."""

import pytest

from kservectl.api.inferenceservice import InferenceService
from kservectl.controllers.inferencegraph.endpoint import model_endpoint
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.objects.metadata import Object
from tests.controllers.inferencegraph.graphs import World, graph, service

HOST = "http://iris-predictor.ml.svc.cluster.local"


def runtime(*protocols: str, kind: str = "ClusterServingRuntime") -> Object:
    where = {"namespace": "ml"} if kind == "ServingRuntime" else {}
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "server", **where},
        "spec": {"protocolVersions": list(protocols)},
    }


def path(obj: Object, *others: Object) -> str:
    spec = InferenceService.parse(obj).spec
    return model_endpoint(obj, spec, World(graph(), *others).view()).removeprefix(HOST)


def model(**fields: object) -> Object:
    return {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "gs://b/m", **fields}}


def custom(*args: str, **env: str) -> Object:
    entries = [{"name": name, "value": value} for name, value in env.items()]
    return {"containers": [{"name": "kserve-container", "image": "x", "args": list(args), "env": entries}]}


@pytest.mark.parametrize(
    ("predictor", "expected"),
    [
        (model(), "/v1/models/iris:predict"),
        (model(protocolVersion="v2"), "/v2/models/iris/infer"),
        (model(protocolVersion="grpc-v2"), ""),
        ({"sklearn": {"storageUri": "gs://b/m"}}, "/v1/models/iris:predict"),
        ({"triton": {"storageUri": "gs://b/m"}}, "/v2/models/iris/infer"),
        (custom(), "/v1/models/iris:predict"),
        (custom(PROTOCOL="v2"), "/v2/models/iris/infer"),
        (custom("--model_name=other"), "/v1/models/other:predict"),
        (custom(MULTI_MODEL_SERVER="true"), ""),
        ({"model": {"modelFormat": {"name": "sklearn"}}}, ""),
    ],
)
def test_the_path_follows_the_predictors_protocol(predictor: Object, expected: str) -> None:
    assert path(service(predictor=predictor)) == expected


@pytest.mark.parametrize(
    ("args", "name"),
    [
        (["--model_name=a"], "a"),
        (["--model_name", "a"], "a"),
        (["--model_name=a", "--model_name=b"], "b"),
        (["--model_name=a", "b"], "b"),
        (["--model_name", "--other"], "iris"),
        (["--model_name a"], "iris"),
        (["--model_name=a=b"], "iris"),
        (["--http_port=1", "--model_name", "a", "--x"], "a"),
    ],
)
def test_the_models_name_is_read_from_the_arguments(args: list[str], name: str) -> None:
    assert path(service(predictor=model(args=args))) == f"/v1/models/{name}:predict"


def test_mlservers_variable_comes_before_the_arguments() -> None:
    env = [{"name": "MLSERVER_MODEL_NAME", "value": "fromenv"}]
    assert path(service(predictor=model(env=env, args=["--model_name=a"]))) == "/v1/models/fromenv:predict"


def test_a_transformer_answers_for_the_service() -> None:
    transformer = custom("--model_name", "front", PROTOCOL="v2")
    assert path(service(predictor=model(), transformer=transformer)) == "/v2/models/front/infer"
    assert path(service(predictor=model(), transformer=custom(PROTOCOL="grpc-v2"))) == ""
    assert (
        path(service(predictor={"model": {"modelFormat": {"name": "x"}}}, transformer=custom()))
        == "/v1/models/iris:predict"
    )


@pytest.mark.parametrize(
    ("protocols", "expected"),
    [
        (("v2", "v1"), "/v2/models/iris/infer"),
        (("grpc-v2", "v1"), "/v1/models/iris:predict"),
        ((), "/v2/models/iris/infer"),
    ],
)
def test_a_named_runtime_decides_by_its_first_rest_protocol(protocols: tuple[str, ...], expected: str) -> None:
    assert path(service(predictor=model(runtime="server", protocolVersion="v2")), runtime(*protocols)) == expected


def test_the_namespaces_runtime_comes_before_the_clusters() -> None:
    own = runtime("v2", kind="ServingRuntime")
    assert path(service(predictor=model(runtime="server")), runtime("v1"), own) == "/v2/models/iris/infer"


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ((runtime("grpc-v1", "grpc-v2"),), "the runtime does not support a protocol compatible with Inference Graphs"),
        ((), "No ServingRuntimes or ClusterServingRuntimes with the name: server"),
    ],
)
def test_a_runtime_that_cannot_be_asked_is_told(others: tuple[Object, ...], said: str) -> None:
    with pytest.raises(CannotDecide) as failure:
        path(service(predictor=model(runtime="server")), *others)
    assert failure.value.message == said


def test_a_service_without_an_address_is_not_ready() -> None:
    with pytest.raises(CannotDecide, match="service iris is not ready"):
        path(service(address=""))
