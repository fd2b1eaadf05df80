"""The agent: logger, batcher and puller."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from kservectl.admission.pods.context import PodContext
from kservectl.admission.pods.injectors import inject
from kservectl.api.config import ConfigError
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects.metadata import Object
from tests.admission.pods.samples import RESOURCES, annotated, container, context, pod, spec
from tests.modelstorage.pods import account, cluster, env_of, named, secret

READINESS = {
    "httpGet": {
        "httpHeaders": [{"name": "K-Network-Probe", "value": "queue"}],
        "path": "/",
        "port": 9081,
        "scheme": "HTTP",
    }
}
LABELS = {"serving.kserve.io/inferenceservice": "iris", "component": "predictor"}
DEFAULT_URL = {"defaultUrl": "http://broker"}
LOGGER = ["--log-url", "http://broker", "--source-uri", "p", "--log-mode", "all", "--inference-service", "iris"]
LOGGER += ["--namespace", "default", "--endpoint", "", "--component", "predictor"]
TLS = ["--logger-tls-skip-verify", "false"]
PORT = ["--component-port", "8080"]
PULLED = {"agent": "true", "modelDir": "/models", "configMountPath": "/configs", "configVolumeName": "modelconfig-x-0"}
PULLER = ["--enable-puller", "--config-dir", "/configs", "--model-dir", "/models"]


def agent_of(original: Object, where: PodContext | None = None) -> Object:
    return named(spec(original, where)["containers"], "agent")


def args(original: Object, where: PodContext | None = None) -> Sequence[str]:
    found: Sequence[str] = agent_of(original, where)["args"]
    return found


def logging(*containers: Object, labels: Any = None, **notes: str) -> Object:
    return pod(*containers, labels=LABELS if labels is None else labels, logger="true", **notes)


def logged(logger: Any = None, service: Any = None, **notes: str) -> list[str]:
    """What stands between the parts of a logger's arguments that are always there."""
    found = list(args(logging(**notes), context(logger=DEFAULT_URL | (logger or {}), service=service)))
    assert found[: len(LOGGER)] == LOGGER
    assert found[-len(PORT) :] == PORT
    return found[len(LOGGER) : -len(PORT)]


def test_a_pod_that_asks_for_nothing_gets_no_agent() -> None:
    assert [found["name"] for found in spec(pod())["containers"]] == ["kserve-container"]


def test_a_pod_that_has_an_agent_keeps_its_own() -> None:
    own = container("agent", image="mine")
    proxy = container("queue-proxy", env=[{"name": "USER_PORT", "value": "8080"}])
    original = pod(container(), own, proxy, logger="true", batcher="true", **PULLED)
    held = cluster(account("hf"), secret("hf", HF_TOKEN="t"))
    assert spec(original, context(find=held, logger={"caBundle": "cas"})) == original["spec"]


def test_the_agent_is_the_last_container() -> None:
    answer = spec(pod(container(), container("proxy"), batcher="true"))
    assert [found["name"] for found in answer["containers"]] == ["kserve-container", "proxy", "agent"]


def test_the_agent_as_a_whole() -> None:
    security = {"runAsUser": 7}
    server = container(securityContext=security)
    assert agent_of(pod(container("proxy", securityContext={}), server, batcher="true")) == {
        "name": "agent",
        "image": "agent:1",
        "args": ["--enable-batcher", *PORT],
        "resources": RESOURCES,
        "ports": [{"name": "agent-port", "containerPort": 9081, "protocol": "TCP"}],
        "readinessProbe": READINESS,
        "securityContext": security,
    }
    assert "securityContext" not in agent_of(
        pod(container(), container("proxy", securityContext=security), batcher="true")
    )
    theirs = [container("mine", securityContext=security), container("other", securityContext={"runAsUser": 8})]
    assert agent_of(pod(*theirs, batcher="true"))["securityContext"] == security


def test_an_amount_of_the_agent_that_is_no_quantity_is_refused() -> None:
    with pytest.raises(ConfigError, match='failed to parse resource configuration for "agent"'):
        inject(pod(batcher="true"), context(agent={"cpuLimit": "much"}))


# Batcher


def test_batcher_only() -> None:
    notes = {"batcher_max_batchsize": "32", "batcher_max_latency": "500"}
    assert args(pod(batcher="true", **notes)) == [
        "--enable-batcher",
        "--max-batchsize",
        "32",
        "--max-latency",
        "500",
        *PORT,
    ]


def test_a_batcher_has_what_is_configured_where_the_pod_says_nothing() -> None:
    where = context(batcher={"maxBatchSize": "64", "maxLatency": ""})
    assert args(pod(batcher="true"), where) == ["--enable-batcher", "--max-batchsize", "64", *PORT]
    assert args(pod(batcher="true", batcher_max_batchsize="1"), where)[1:3] == ["--max-batchsize", "1"]
    where = context(batcher={"maxBatchSize": "", "maxLatency": "700"})
    assert args(pod(batcher="true"), where) == ["--enable-batcher", "--max-latency", "700", *PORT]
    assert args(pod(batcher="true", batcher_max_latency="1"), where)[1:3] == ["--max-latency", "1"]


# Logger


def test_logger_only_with_the_configured_url() -> None:
    assert logged() == TLS


def test_a_logger_with_everything_that_the_pod_can_say() -> None:
    notes = {
        "logger_sink_url": "http://sink",
        "logger_mode": "request",
        "logger_metadata_headers": "a,b",
        "logger_metadata_annotations": "x,missing,y",
    }
    original = annotated(logging(**notes), y="2", x="1")
    assert args(original) == [
        "--log-url",
        "http://sink",
        "--source-uri",
        "p",
        "--log-mode",
        "request",
        *LOGGER[6:],
        "--metadata-headers",
        "a,b",
        "--metadata-annotations",
        "x=1,y=2",
        *TLS,
        *PORT,
    ]


def test_annotations_that_the_pod_lacks_are_an_empty_text() -> None:
    assert logged(logger_metadata_annotations="x,y") == ["--metadata-annotations", "", *TLS]


def test_a_pod_that_is_not_named_yet_and_has_no_labels() -> None:
    nameless = logging(labels={})
    del nameless["metadata"]["name"]
    found = list(args(nameless))
    assert found[3] == "" and found[7] == "" and found[13] == ""
    assert args(logging(labels={**LABELS, "endpoint": "default"}))[11] == "default"


def test_a_logger_with_everything_that_can_be_configured() -> None:
    everything = {
        "storage": {"path": "s3://logs", "parameters": {"format": "json"}, "key": "mine"},
        "marshallerUrl": "http://marshaller",
        "batchSize": 5,
        "batchInterval": "10s",
        "caCertFile": "ca.crt",
        "tlsSkipVerify": True,
    }
    assert logged(everything) == [
        *("--log-store-path", "s3://logs", "--log-store-format", "json", "--log-marshaller-url", "http://marshaller"),
        *("--log-batch-size", "5", "--log-batch-interval", "10s", "--logger-ca-cert-file", "ca.crt"),
        *("--logger-tls-skip-verify", "true"),
    ]


def service(component: str = "predictor", **logger: Any) -> Object:
    return {"spec": {component: {"logger": logger}}}


@pytest.mark.parametrize(("size", "told"), [(-1, []), (0, []), (1, ["--log-batch-size", "1"])])
def test_a_batch_size_counts_from_one(size: int, told: list[str]) -> None:
    assert logged({"batchSize": size}) == [*told, *TLS]
    assert logged(service=service(batchSize=size)) == [*told, *TLS]


def test_what_the_service_says_wins_over_what_is_configured() -> None:
    configured = {"marshallerUrl": "http://a", "batchSize": 5, "batchInterval": "10s"}
    own = service(marshallerUrl="http://b", batchSize=0, storage={"path": "gs://l", "parameters": {"format": "csv"}})
    assert logged(configured, own) == [
        *("--log-store-path", "gs://l", "--log-store-format", "csv", "--log-marshaller-url", "http://b"),
        *("--log-batch-interval", "10s"),
        *TLS,
    ]


def test_each_setting_of_the_service_counts_by_itself() -> None:
    configured = {"marshallerUrl": "http://a", "batchSize": 5, "batchInterval": "10s"}
    marshaller, size, interval = (
        ["--log-marshaller-url", "http://a"],
        ["--log-batch-size", "5"],
        ["--log-batch-interval", "10s"],
    )
    assert logged(configured, service(mode="all")) == [*marshaller, *size, *interval, *TLS]
    assert logged(configured, service(batchInterval="1s")) == [*marshaller, *size, "--log-batch-interval", "1s", *TLS]
    assert logged(configured, service(batchSize=2)) == [*marshaller, "--log-batch-size", "2", *interval, *TLS]
    assert logged(configured, service(storage={"key": "mine"})) == [*marshaller, *size, *interval, *TLS]


def test_a_service_that_logs_without_a_store_has_none_whatever_is_configured() -> None:
    assert logged({"storage": {"path": "s3://logs"}}, service(mode="all")) == TLS
    assert logged({"storage": {"path": "s3://logs"}}, {"spec": {"predictor": {}}})[:2] == [
        "--log-store-path",
        "s3://logs",
    ]


def test_each_component_has_its_own_logger() -> None:
    where = context(logger=DEFAULT_URL, service=service("transformer", marshallerUrl="http://t"))
    assert "http://t" in args(logging(labels={**LABELS, "component": "transformer"}), where)
    assert "http://t" not in args(logging(), where)


def test_a_service_that_cannot_be_read_is_passed_over() -> None:
    assert logged(service=service(batchSize="many")) == TLS


def test_the_cas_of_the_logger_are_mounted() -> None:
    answer = spec(logging(), context(logger={"caBundle": "cas"}))
    assert "volumeMounts" not in named(answer["containers"], "kserve-container")
    mount = {"name": "agent-ca-bundle", "mountPath": "/etc/tls/logger", "readOnly": True}
    assert named(answer["containers"], "agent")["volumeMounts"] == [mount]
    assert answer["volumes"] == [{"name": "agent-ca-bundle", "configMap": {"name": "cas", "optional": True}}]
    assert "volumes" not in spec(pod(batcher="true"), context(logger={"caBundle": "cas"}))


# Puller


def test_puller_only() -> None:
    answer = spec(pod(**PULLED))
    server, agent = answer["containers"]
    assert agent["args"] == [*PULLER, *PORT]
    models = {"name": "model-dir", "mountPath": "/mnt/models"}
    assert server["volumeMounts"] == [models]
    assert agent["volumeMounts"] == [models, {"name": "model-config", "mountPath": "/mnt/configs"}]
    assert answer["volumes"] == [
        {"name": "model-dir", "emptyDir": {}},
        {"name": "model-config", "configMap": {"name": "modelconfig-x-0"}},
    ]


def test_a_folder_of_the_configuration_that_is_not_said_is_left_out() -> None:
    notes = {name: value for name, value in PULLED.items() if name != "configMountPath"}
    assert args(pod(**notes)) == ["--enable-puller", "--model-dir", "/models", *PORT]


def test_pulled_models_are_seen_by_the_server_alone_beside_the_agent() -> None:
    transformer, proxy = container("transformer-container"), container("queue-proxy")
    answer = spec(pod(container(), transformer, proxy, **PULLED))
    assert answer["containers"][1:3] == [transformer, proxy]
    alone = spec(pod(container("mine"), **PULLED))
    assert alone["containers"][0] == container("mine")
    assert [found["name"] for found in alone["containers"][1]["volumeMounts"]] == ["model-dir", "model-config"]


@pytest.mark.parametrize("missing", ["modelDir", "configVolumeName"])
def test_a_puller_without_its_folders_is_refused(missing: str) -> None:
    notes = {name: value for name, value in PULLED.items() if name != missing}
    with pytest.raises(PodRefused, match=f"can not find internal.serving.kserve.io/{missing} label"):
        inject(pod(**notes), context())


def test_all_jobs_in_order() -> None:
    found = args(logging(batcher="true", **PULLED), context(logger=DEFAULT_URL))
    assert found == [*PULLER, "--enable-batcher", *LOGGER, *TLS, *PORT]


# The server behind it


@pytest.mark.parametrize(
    ("containers", "port"),
    [
        ([container()], "8080"),
        ([container(ports=[{"containerPort": 9000}])], "9000"),
        ([container(ports=[{"containerPort": 9000}]), container("transformer-container")], "8080"),
        ([container(), container("transformer-container", ports=[{"containerPort": 7000}])], "7000"),
        ([container("mine", ports=[{"containerPort": 9000}])], "8080"),
    ],
)
def test_the_port_of_the_component(containers: list[Object], port: str) -> None:
    assert args(pod(*containers, batcher="true"))[-1] == port


TCP = {"tcpSocket": {"port": 8080}, "timeoutSeconds": 1, "periodSeconds": 10}


@pytest.mark.parametrize(
    ("probe", "mirrored"),
    [
        (TCP, '{"tcpSocket":{"port":8080},"timeoutSeconds":1,"periodSeconds":10}'),
        (
            {
                "failureThreshold": 3,
                "initialDelaySeconds": 0,
                "httpGet": {
                    "scheme": "HTTP",
                    "port": "http",
                    "path": "/a?b=<&>",
                    "httpHeaders": [{"name": "A", "value": "1"}],
                },
            },
            '{"httpGet":{"path":"/a?b=\\u003c\\u0026\\u003e","port":"http","scheme":"HTTP",'
            '"httpHeaders":[{"name":"A","value":"1"}]},"failureThreshold":3}',
        ),
        (
            {
                "terminationGracePeriodSeconds": 6,
                "failureThreshold": 5,
                "successThreshold": 4,
                "periodSeconds": 3,
                "timeoutSeconds": 2,
                "initialDelaySeconds": 1,
                "tcpSocket": {"host": "h", "port": 0},
            },
            '{"tcpSocket":{"port":0,"host":"h"},"initialDelaySeconds":1,"timeoutSeconds":2,"periodSeconds":3,'
            '"successThreshold":4,"failureThreshold":5,"terminationGracePeriodSeconds":6}',
        ),
        (
            {
                "httpGet": {
                    "httpHeaders": [{"name": "A", "value": ""}],
                    "scheme": "HTTPS",
                    "host": "h",
                    "port": 80,
                    "path": "/",
                }
            },
            '{"httpGet":{"path":"/","port":80,"host":"h","scheme":"HTTPS","httpHeaders":[{"name":"A","value":""}]}}',
        ),
        ({"httpGet": {"path": "/x"}}, '{"httpGet":{"path":"/x"}}'),
        ({"exec": {"command": ["x"]}}, None),
        ({"grpc": {"port": 1}}, None),
        (None, None),
    ],
)
def test_the_probe_of_the_server_is_mirrored(probe: Any, mirrored: str | None) -> None:
    server = container(readinessProbe=probe) if probe else container()
    found = agent_of(pod(server, batcher="true"))
    assert env_of(found) == ({"SERVING_READINESS_PROBE": mirrored} if mirrored else {})
    if mirrored:
        json.loads(mirrored)


def test_the_probe_is_the_transformers_where_there_is_one() -> None:
    transformer = container("transformer-container", readinessProbe={"tcpSocket": {"port": 7000}})
    found = agent_of(pod(container(readinessProbe=TCP), transformer, batcher="true"))
    assert env_of(found)["SERVING_READINESS_PROBE"] == '{"tcpSocket":{"port":7000}}'
    assert (
        env_of(agent_of(pod(container(readinessProbe=TCP), container("transformer-container"), batcher="true"))) == {}
    )


def test_a_custom_path_is_asked_of_the_agent_too() -> None:
    server = container(readinessProbe={"httpGet": {"path": "/v2/ready", "port": 8080}})
    assert agent_of(pod(server, batcher="true"))["readinessProbe"]["httpGet"]["path"] == "/v2/ready"
    beside = agent_of(pod(server, container("queue-proxy"), batcher="true"))
    assert beside["readinessProbe"]["httpGet"]["path"] == "/"
    transformer = container("transformer-container", readinessProbe={"httpGet": {"path": "/t", "port": 8080}})
    assert agent_of(pod(server, transformer, batcher="true"))["readinessProbe"]["httpGet"]["path"] == "/t"
    bare = agent_of(pod(server, container("transformer-container"), batcher="true"))
    assert bare["readinessProbe"] == READINESS


def test_the_first_container_is_probed_where_none_is_the_servers() -> None:
    theirs = [container("mine", readinessProbe=TCP), container("other", readinessProbe={"tcpSocket": {"port": 1}})]
    assert env_of(agent_of(pod(*theirs, batcher="true"))) == {
        "SERVING_READINESS_PROBE": '{"tcpSocket":{"port":8080},"timeoutSeconds":1,"periodSeconds":10}'
    }
    side_car_first = pod(container("proxy", readinessProbe={"tcpSocket": {"port": 1}}), container(), batcher="true")
    assert env_of(agent_of(side_car_first)) == {}


def test_the_environment_of_queue_proxy_is_copied_and_it_is_sent_to_the_agent() -> None:
    env = [{"name": "USER_PORT", "value": "8080"}, {"name": "A", "value": "1"}]
    answer = spec(pod(container(readinessProbe=TCP), container("queue-proxy", env=env), batcher="true"))
    assert named(answer["containers"], "agent")["env"] == env
    assert named(answer["containers"], "queue-proxy")["env"] == [{"name": "USER_PORT", "value": "9081"}, env[1]]


def test_a_queue_proxy_without_user_port_gets_none() -> None:
    for env in ({}, {"env": [{"name": "A", "value": "1"}]}):
        proxy = container("queue-proxy", **env)
        answer = spec(pod(container(readinessProbe=TCP), proxy, batcher="true"))
        assert named(answer["containers"], "queue-proxy") == proxy
        assert named(answer["containers"], "agent").get("env") == env.get("env")


# Credentials


def test_the_agent_has_the_credentials_of_the_pods_account() -> None:
    held = cluster(account("gcs"), secret("gcs", **{"gcloud-application-credentials.json": "{}"}))
    answer = spec(pod(**PULLED), context(find=held))
    agent = named(answer["containers"], "agent")
    assert env_of(agent) == {"GOOGLE_APPLICATION_CREDENTIALS": "/var/secrets/gcloud-application-credentials.json"}
    assert [found["name"] for found in answer["volumes"]] == ["user-gcp-sa", "model-dir", "model-config"]


@pytest.mark.parametrize(("given", "name"), [({}, "logger-sa"), ({"serviceAccountName": "logs"}, "logs")])
def test_a_logger_with_a_store_has_the_credentials_of_the_stores_account_too(given: Any, name: str) -> None:
    held = cluster(
        account("mine"),
        account("store", name=name),
        secret("mine", HF_TOKEN="t"),
        secret("store", AZURE_ACCESS_TOKEN="t"),
    )
    store = {"path": "s3://l", **given}
    own = context(
        logger=DEFAULT_URL | {"storage": {"serviceAccountName": "other"}}, find=held, service=service(storage=store)
    )
    assert list(env_of(agent_of(logging(), own))) == ["HF_TOKEN", "AZURE_TENANT_ID", "AZURE_ACCESS_TOKEN"]
    where = context(logger=DEFAULT_URL | {"storage": store}, find=held)
    assert list(env_of(agent_of(logging(), where))) == ["HF_TOKEN", "AZURE_TENANT_ID", "AZURE_ACCESS_TOKEN"]
    assert list(env_of(agent_of(pod(batcher="true"), where))) == ["HF_TOKEN"]
