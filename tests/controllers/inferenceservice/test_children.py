"""Details of the objects that a predictor becomes."""

from typing import Any

import pytest

from kservectl.api.kinds import HTTP_ROUTE
from kservectl.controllers.inferenceservice.storage_uri import is_supported
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, SERVICE
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import GATEWAY_INGRESS, World, configuration, model, runtime, service

INTERNAL = "internal.serving.kserve.io/"


def stored(storage: Object) -> Object:
    """A predictor whose model is in a storage described by a Secret."""
    return {"model": {"modelFormat": {"name": "sklearn"}, "storage": storage}}


def ports_of(*ports: Object, **extension: Any) -> list[Object]:
    world = World(service({**model(ports=list(ports)), **extension}))
    world.step()
    found: list[Object] = world.child(SERVICE, "iris-predictor")["spec"]["ports"]
    return found


def test_first_container_port_becomes_the_public_one() -> None:
    assert ports_of(
        {"name": "http1", "containerPort": 9000, "protocol": "TCP"}, {"name": "metrics", "containerPort": 9090}
    ) == [
        {"name": "http1", "port": 80, "targetPort": 9000, "protocol": "TCP"},
        {"name": "metrics", "port": 9090, "targetPort": 9090, "protocol": "TCP"},
    ]


@pytest.mark.parametrize(("name", "protocol"), [("h2c", True), ("grpc-port", True), ("GRPC", False), ("http", False)])
def test_port_named_after_grpc_speaks_http2(name: str, protocol: bool) -> None:
    assert ("appProtocol" in ports_of({"name": name, "containerPort": 9000})[0]) is protocol


@pytest.mark.parametrize(
    "extension", [{"batcher": {"maxBatchSize": 4}}, {"logger": {"mode": "all", "url": "http://l"}}]
)
def test_logger_and_batcher_put_the_agent_in_front(extension: Object) -> None:
    assert [port["targetPort"] for port in ports_of({"name": "a", "containerPort": 1}, **extension)] == [9081]


def test_transformer_beside_the_server_is_the_entry() -> None:
    containers = [
        {"name": "kserve-container", "image": "a", "ports": [{"containerPort": 1}]},
        {"name": "transformer-container", "image": "b", "ports": [{"containerPort": 2}]},
    ]
    world = World(service({"containers": containers}))
    world.step()

    assert world.child(SERVICE, "iris-predictor")["spec"]["ports"][0]["targetPort"] == 2


def test_route_with_one_protocol_has_one_rule_to_port_80() -> None:
    world = World(service({**model(), "timeout": 300})).become_ready()

    route = world.child(HTTP_ROUTE, "iris")
    assert route["metadata"] | {"ownerReferences": None} == {"name": "iris", "namespace": "ml", "ownerReferences": None}
    assert route["spec"] == {
        "hostnames": ["iris-ml.example.com"],
        "parentRefs": [
            {"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "gateways", "name": "main"}
        ],
        "rules": [
            {
                "matches": [{"path": {"type": "RegularExpression", "value": "^/.*$"}}],
                "filters": [
                    {
                        "type": "RequestHeaderModifier",
                        "requestHeaderModifier": {
                            "set": [
                                {"name": "KServe-Isvc-Name", "value": "iris"},
                                {"name": "KServe-Isvc-Namespace", "value": "ml"},
                            ]
                        },
                    }
                ],
                "backendRefs": [{"kind": "Service", "name": "iris-predictor", "namespace": "ml", "port": 80}],
                "timeouts": {"request": "300s"},
            }
        ],
    }


def test_route_with_both_protocols_sends_grpc_first() -> None:
    ports = [{"name": "http", "containerPort": 8080}, {"name": "grpc", "containerPort": 9000}]
    world = World(service(model(ports=ports))).become_ready()

    rules = world.child(HTTP_ROUTE, "iris-predictor")["spec"]["rules"]
    assert rules[0]["matches"] == [
        {
            "path": {"type": "RegularExpression", "value": r"^/inference\.GRPCInferenceService/.*$"},
            "headers": [{"type": "RegularExpression", "name": "content-type", "value": "^application/grpc.*"}],
        }
    ]
    assert [rule["backendRefs"][0]["port"] for rule in rules] == [9000, 80]


def test_route_to_grpc_alone_has_one_rule_to_port_80() -> None:
    world = World(service(model(ports=[{"name": "h2c", "containerPort": 9000}]))).become_ready()

    rules = world.child(HTTP_ROUTE, "iris")["spec"]["rules"]
    assert [rule["backendRefs"][0]["port"] for rule in rules] == [80]


def test_timeouts_can_be_left_out() -> None:
    config = configuration(ingress={**GATEWAY_INGRESS, "disableHTTPRouteTimeout": True})
    world = World(service({**model(), "timeout": 30}), runtime(), config=config).become_ready()

    assert "timeouts" not in world.child(HTTP_ROUTE, "iris")["spec"]["rules"][0]


def test_additional_domains_are_on_the_top_level_route_only() -> None:
    config = configuration(
        ingress={**GATEWAY_INGRESS, "additionalIngressDomains": ["b.org", "example.com", "in_valid", "b.org"]}
    )
    world = World(service(), runtime(), config=config).become_ready()

    assert world.child(HTTP_ROUTE, "iris")["spec"]["hostnames"] == ["iris-ml.example.com", "iris-ml.b.org"]
    assert world.child(HTTP_ROUTE, "iris-predictor")["spec"]["hostnames"] == ["iris-predictor-ml.example.com"]


def test_path_template_gets_a_route_of_its_own_that_cuts_the_path_off() -> None:
    config = configuration(ingress={**GATEWAY_INGRESS, "pathTemplate": "/serving/{{.Namespace}}/{{.Name}}/"})
    world = World(service(), runtime(), config=config).become_ready()

    route = world.child(HTTP_ROUTE, "iris-path")["spec"]
    assert route["hostnames"] == ["example.com"]
    assert route["rules"][0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/serving/ml/iris"}}]
    assert route["rules"][0]["filters"][1] == {
        "type": "URLRewrite",
        "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
    }
    assert world.child(HTTP_ROUTE, "iris")["spec"]["hostnames"] == ["iris-ml.example.com"]


def test_routes_carry_the_services_labels_and_annotations_less_the_blocked_ones() -> None:
    labels = {"team": "blue", "networking.knative.dev/visibility": "x"}
    annotations = {"a": "b", "kubectl.kubernetes.io/last-applied-configuration": "{}", "modelFormat": "x", "mine": "y"}
    config = configuration(inferenceService={"serviceAnnotationDisallowedList": ["mine"]})
    world = World(service(labels=labels, annotations=annotations), runtime(), config=config).become_ready()

    meta = world.child(HTTP_ROUTE, "iris")["metadata"]
    assert meta["labels"] == {"team": "blue"}
    assert meta["annotations"] == {"a": "b"}


def test_annotations_are_blocked_although_the_key_is_missing() -> None:
    world = World(service(annotations={"autoscaling.knative.dev/min-scale": "1"}))
    world.step()

    assert (
        "autoscaling.knative.dev/min-scale" not in world.child(DEPLOYMENT, "iris-predictor")["metadata"]["annotations"]
    )


def test_later_sources_of_metadata_win() -> None:
    recipe = runtime(
        labels={"a": "runtime", "b": "runtime", "c": "runtime"},
        annotations={"a": "runtime", "b": "runtime", "c": "runtime", "modelFormat": "x"},
    )
    predictor = {**model(), "labels": {"c": "component"}, "annotations": {"c": "component", "modelFormat": "y"}}
    obj = service(predictor, labels={"b": "own", "c": "own"}, annotations={"b": "own", "c": "own"})
    world = World(obj, recipe)
    world.step()

    meta = world.child(DEPLOYMENT, "iris-predictor")["metadata"]
    assert {key: meta["labels"][key] for key in "abc"} == {"a": "runtime", "b": "own", "c": "component"}
    assert {key: meta["annotations"][key] for key in "abc"} == {"a": "runtime", "b": "own", "c": "component"}
    assert "modelFormat" not in meta["annotations"]


def test_labels_of_kserve_cannot_be_overridden() -> None:
    world = World(service({**model(), "labels": {"app": "mine", "component": "mine"}}))
    world.step()

    labels = world.child(DEPLOYMENT, "iris-predictor")["metadata"]["labels"]
    assert (labels["app"], labels["component"]) == ("isvc.iris-predictor", "predictor")


@pytest.mark.parametrize(
    ("predictor", "expected"),
    [
        (
            {**model(), "logger": {"mode": "request", "url": "http://l", "metadataHeaders": ["a", "b"]}},
            {
                "logger": "true",
                "logger-mode": "request",
                "logger-sink-url": "http://l",
                "logger-metadata-headers": "a,b",
            },
        ),
        (
            {**model(), "batcher": {"maxBatchSize": 8, "maxLatency": 50}},
            {"batcher": "true", "batcher-max-batchsize": "8", "batcher-max-latency": "50"},
        ),
        (
            stored({"path": "/m/x", "key": "k", "parameters": {"b": "<", "a": "1"}}),
            {
                "storage-spec": "true",
                "storage-spec-key": "k",
                "storage-spec-param": '{"a":"1","b":"\\u003c"}',
                "storage-initializer-sourceuri": "<scheme-placeholder>://m/x",
            },
        ),
        (
            {**model(), "storageContainerName": "mine"},
            {"storage-container-name": "mine"},
        ),
        (
            model(confidential={"enabled": True, "resourceId": "kbs:///a/b/c"}),
            {"confidential-enabled": "true", "confidential-resource-id": "kbs:///a/b/c"},
        ),
        (
            {"model": {"modelFormat": {"name": "sklearn"}}},
            {
                "agent": "true",
                "configVolumeName": "modelconfig-iris-0",
                "configMountPath": "/mnt/configs",
                "modelDir": "/mnt/models",
            },
        ),
    ],
)
def test_pod_webhook_is_told_by_annotations(predictor: Object, expected: dict[str, str]) -> None:
    world = World(service(predictor))
    world.step()

    template = world.child(DEPLOYMENT, "iris-predictor")["spec"]["template"]["metadata"]["annotations"]
    assert {key: template.get(INTERNAL + key) for key in expected} == expected


@pytest.mark.parametrize("value", ["true", "false"])
def test_pods_are_told_whether_they_may_write_to_the_model(value: str) -> None:
    world = World(service(annotations={"storage.kserve.io/readonly": value}))
    world.step()

    template = world.child(DEPLOYMENT, "iris-predictor")["spec"]["template"]
    assert template["metadata"]["annotations"]["storage.kserve.io/readonly"] == value


@pytest.mark.parametrize(
    ("predictor", "multi"),
    [
        ({"sklearn": {}}, True),
        ({"sklearn": {"storageUri": "gs://b/m"}}, False),
        ({"model": {"modelFormat": {"name": "sklearn"}, "storage": {"key": "k"}}}, False),
        ({"containers": [{"name": "c", "image": "i", "env": [{"name": "MULTI_MODEL_SERVER", "value": "true"}]}]}, True),
        ({"containers": [{"name": "c", "image": "i", "env": [{"name": "STORAGE_URI", "value": "gs://b/m"}]}]}, False),
        ({"containers": [{"name": "c", "image": "i"}]}, False),
    ],
)
def test_predictor_without_a_model_of_its_own_serves_many(predictor: Object, multi: bool) -> None:
    world = World(service(predictor))
    world.step()

    annotations = world.child(DEPLOYMENT, "iris-predictor")["metadata"].get("annotations", {})
    assert (INTERNAL + "agent" in annotations) is multi


FRAMEWORKS = ("sklearn", "xgboost", "tensorflow", "pytorch", "triton", "onnx", "pmml", "lightgbm", "paddle")


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(("source", "multi"), [({}, True), ({"storageUri": "gs://b/m"}, False)])
def test_every_framework_serves_many_models_unless_it_has_one_of_its_own(
    framework: str, source: Object, multi: bool
) -> None:
    recipe = runtime(formats=[{"name": framework, "autoSelect": True}])
    world = World(service({framework: source}), recipe)
    world.step()

    annotations = world.child(DEPLOYMENT, "iris-predictor")["metadata"].get("annotations", {})
    assert (INTERNAL + "agent" in annotations) is multi


def test_huggingface_never_serves_many() -> None:
    recipe = runtime("hf", formats=[{"name": "huggingface", "autoSelect": True}], protocols=["v2"])
    world = World(service({"huggingface": {}}), recipe)
    world.step()

    assert "annotations" not in world.child(DEPLOYMENT, "iris-predictor")["metadata"]


def test_repeated_entries_are_written_once_because_apply_takes_no_repetitions() -> None:
    containers = [
        {
            "name": "kserve-container",
            "image": "i",
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "A", "value": "3"}],
            "ports": [
                {"containerPort": 1, "name": "old"},
                {"containerPort": 1, "protocol": "UDP"},
                {"containerPort": 1, "name": "new", "protocol": "TCP"},
            ],
        }
    ]
    secrets = [{"name": "x"}, {"name": "x"}, {"name": "y"}]
    world = World(service({"containers": containers, "imagePullSecrets": secrets}))
    world.step()

    pod = world.child(DEPLOYMENT, "iris-predictor")["spec"]["template"]["spec"]
    server = pod["containers"][0]
    assert [entry["name"] for entry in server["env"]] == ["B", "A", "INFERENCE_SERVICE_NAME"]
    assert server["env"][1]["value"] == "3"
    assert [port.get("name") for port in server["ports"]] == [None, "new"]
    assert pod["imagePullSecrets"] == [{"name": "x"}, {"name": "y"}]


def test_service_that_exists_keeps_its_cluster_ip_when_the_configuration_changes() -> None:
    world = World(service()).become_ready()
    world.reconfigure(configuration(service={"serviceClusterIPNone": True}))
    world.settle()

    assert "clusterIP" not in world.child(SERVICE, "iris-predictor")["spec"]
    assert world.status["address"]["url"] == "http://iris-predictor.ml.svc.cluster.local"

    headless = World(service(), runtime(), config=configuration(service={"serviceClusterIPNone": True})).become_ready()
    headless.reconfigure(configuration())
    headless.settle()
    assert headless.child(SERVICE, "iris-predictor")["spec"]["clusterIP"] == "None"


def metrics_of(predictor: Object) -> Any:
    world = World(service({**model(), **predictor}))
    world.settle()
    return world.child(HORIZONTAL_POD_AUTOSCALER, "iris-predictor")["spec"].get("metrics")


def resource(name: str, **target: Any) -> Object:
    return {"type": "Resource", "resource": {"name": name, "target": target}}


@pytest.mark.parametrize(
    ("predictor", "expected"),
    [
        ({}, [resource("cpu", type="Utilization", averageUtilization=80)]),
        ({"scaleTarget": 50}, [resource("cpu", type="Utilization", averageUtilization=50)]),
        ({"scaleMetric": "memory", "scaleTarget": 70}, [resource("memory", type="Utilization", averageUtilization=70)]),
        ({"scaleMetric": "memory"}, None),
        ({"scaleMetric": "rps", "scaleTarget": 5}, None),
        (
            {"autoScaling": {"metrics": [resource("cpu", type="Utilization")]}},
            [resource("cpu", type="Utilization", averageUtilization=80)],
        ),
        (
            {"autoScaling": {"metrics": [resource("memory", type="Utilization", averageUtilization=60)]}},
            [resource("memory", type="Utilization", averageUtilization=60)],
        ),
        (
            {"autoScaling": {"metrics": [resource("memory", type="AverageValue", averageValue="2.5Gi")]}},
            [resource("memory", type="AverageValue", averageValue="2.5Gi")],
        ),
        (
            {"autoScaling": {"metrics": [resource("memory", type="Value", value="10Gi")]}},
            [resource("memory", type="AverageValue", averageValue="10Gi")],
        ),
        ({"autoScaling": {"metrics": []}}, None),
    ],
)
def test_metrics_of_the_autoscaler(predictor: Object, expected: Any) -> None:
    assert metrics_of(predictor) == expected


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [(None, None, (1, 1)), (0, 0, (1, 1)), (0, 3, (1, 3)), (4, 2, (4, 4)), (2, 5, (2, 5))],
)
def test_size_of_the_autoscaler(least: int | None, most: int | None, expected: tuple[int, int]) -> None:
    sizes = {"minReplicas": least, "maxReplicas": most}
    world = World(service({**model(), **{key: value for key, value in sizes.items() if value is not None}}))
    world.settle()
    spec = world.child(HORIZONTAL_POD_AUTOSCALER, "iris-predictor")["spec"]

    assert (spec["minReplicas"], spec["maxReplicas"]) == expected


def test_autoscaling_behavior_is_passed_on() -> None:
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60}}
    world = World(service({**model(), "autoScaling": {"behavior": behavior}}))
    world.settle()

    assert world.child(HORIZONTAL_POD_AUTOSCALER, "iris-predictor")["spec"]["behavior"] == behavior


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ({"maxSurge": "1", "maxUnavailable": "0"}, {"maxSurge": 1, "maxUnavailable": 0}),
        ({"maxSurge": 2}, {"maxSurge": 2, "maxUnavailable": "25%"}),
        ({"maxUnavailable": "50%"}, {"maxSurge": "25%", "maxUnavailable": "50%"}),
        ({}, {"maxSurge": "25%", "maxUnavailable": "25%"}),
    ],
)
@pytest.mark.parametrize("cluster_mode", ["Standard", "Knative"])
def test_configured_rollout_reaches_every_standard_deployment(
    configured: Object, expected: Object, cluster_mode: str
) -> None:
    deploy = {"defaultDeploymentMode": cluster_mode, "deploymentRolloutStrategy": {"defaultRollout": configured}}
    obj = service(annotations={"serving.kserve.io/deploymentMode": "RawDeployment"})
    world = World(obj, runtime(), config=configuration(deploy=deploy))
    world.step()

    assert world.child(DEPLOYMENT, "iris-predictor")["spec"]["strategy"]["rollingUpdate"] == expected


@pytest.mark.parametrize(
    ("uri", "ok"),
    [
        ("gs://b/m", True),
        ("s3://b/m", True),
        ("pvc://claim/m", True),
        ("hf://org/model", True),
        ("oci+native://r/m", True),
        ("https://host/m.tar", True),
        ("/mnt/local", True),
        ("foo", True),
        ("", True),
        ("https://account.blob.core.windows.net/container/m", True),
        ("abfs://account.blob.core.windows.net/container", False),
        ("https://account.blob.core.windows.net/", False),
        ("ftp://host/m", False),
        ("custom://x", False),
        ("models:/roses/3", False),
        ("models:/roses@champion", False),
    ],
)
def test_storage_uris_that_are_understood(uri: str, ok: bool) -> None:
    assert is_supported(uri, []) is ok


FORMAT: Object = {"prefix": "custom://"}


def storage_container(*formats: Object, disabled: bool = False, **spec: Any) -> Object:
    body = {"container": {"name": "storage-initializer"}, "supportedUriFormats": list(formats), **spec}
    return {"metadata": {"name": "custom"}, "spec": body, "disabled": disabled}


@pytest.mark.parametrize(
    ("container", "ok"),
    [
        (storage_container(FORMAT), True),
        (storage_container({"regex": "cus.+://"}), True),
        (storage_container({"regex": "["}, FORMAT), True),
        (storage_container({"regex": "["}), False),
        (storage_container({"prefix": "other://"}), False),
        (storage_container(FORMAT, disabled=True), False),
        (storage_container(FORMAT, workloadType="localModelDownloadJob"), False),
        ({"metadata": {"name": "broken"}, "spec": {"supportedUriFormats": "all"}}, False),
    ],
)
def test_storage_container_adds_its_formats(container: Object, ok: bool) -> None:
    assert is_supported("custom://x", [container]) is ok


def test_storage_container_may_know_what_a_registry_calls_its_models() -> None:
    assert is_supported("models:/roses/3", [storage_container({"prefix": "models:/"})])
