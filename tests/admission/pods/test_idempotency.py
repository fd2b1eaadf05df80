"""Mutating twice is mutating once: for pods of every kind of service, and for whatever a pod can ask for at once."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kservectl.admission.inferenceservice.defaulting import default
from kservectl.admission.pods.context import PodContext
from kservectl.admission.pods.injectors import inject
from kservectl.api.config import Config, ConfigError
from kservectl.api.crds import crds
from kservectl.cli.render import built_in
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.devcluster.contract import TypeSystem
from kservectl.devcluster.types import builtin_types
from kservectl.manifests.configuration import config_map
from kservectl.manifests.storage import storage_container
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects.metadata import Object
from kservectl.rendering import CannotRender, Renderer, is_renderable
from tests.admission.inferenceservice.services import config
from tests.modelstorage.pods import account, cluster, secret

SAMPLES = sorted((Path(__file__).parents[3] / "manifests" / "samples").rglob("*.yaml"))
INTERNAL = "internal.serving.kserve.io/"
SIZES = {"cpuRequest": "100m", "cpuLimit": "1", "memoryRequest": "100Mi", "memoryLimit": "1Gi"}
FIND = cluster(
    account("s3", "hf", "gcs", "azure", "https", "hdfs", **{"eks.amazonaws.com/role-arn": "arn"}),
    account("s3", name="logger-sa"),
    secret(
        "s3", awsAccessKeyID="a", awsSecretAccessKey="b", AWS_CA_BUNDLE_CONFIGMAP="bundle", S3_ENDPOINT="minio:9000"
    ),
    secret("hf", HF_TOKEN="t"),
    secret("gcs", **{"gcloud-application-credentials.json": "{}"}),
    secret("azure", AZURE_CLIENT_ID="i", AZURE_CLIENT_SECRET="s"),
    secret("https", **{"https-host": "models.org", "headers": "h"}),
    secret("hdfs", HDFS_NAMENODE="n"),
    secret("storage-config", default='{"type": "s3", "bucket": "b", "cabundle_configmap": "c"}'),
)
STORAGE_CONTAINER = {
    "metadata": {"name": "custom"},
    "spec": {
        "container": {"name": "other", "image": "c", "env": [{"name": "HF_TOKEN", "value": "own"}]},
        "supportedUriFormats": [{"prefix": "gs://"}],
    },
}
ISTIO = json.dumps({"containers": ["istio-proxy"], "initContainers": ["istio-init"]})


def some(**values: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Any of these members, each from its own strategy or of this value."""
    strategies = {
        key: value if isinstance(value, st.SearchStrategy) else st.just(value) for key, value in values.items()
    }
    return st.fixed_dictionaries({}, optional=strategies)


def _name(item: Any) -> str:
    return str(item["name"])


probes = st.sampled_from(
    [
        {"httpGet": {"path": "/ready", "port": 8080}},
        {"tcpSocket": {"port": 8080}, "timeoutSeconds": 1},
        {"exec": {"command": ["true"]}},
        {"grpc": {"port": 9000}},
    ]
)
envs = st.lists(
    st.sampled_from(
        [
            {"name": "STORAGE_URI", "value": "gs://b/m"},
            {"name": "USER_PORT", "value": "8012"},
            {"name": "MODEL_INIT_MODE", "value": "sync"},
            {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}},
            {"name": "AGGREGATE_PROMETHEUS_METRICS_PORT", "value": "1"},
        ]
    ),
    unique_by=_name,
    max_size=3,
)
fields = some(
    env=envs,
    args=st.lists(st.sampled_from(["--model_dir=/mnt/models", "{{x}}"]), max_size=2),
    ports=[{"containerPort": 9000, "name": "http1"}],
    readinessProbe=probes,
    volumeMounts=[{"name": "kserve-provision-location", "mountPath": "/mnt/models"}],
    resources={"limits": {"nvidia.com/gpu": "1"}},
    securityContext=st.sampled_from([{"runAsUser": 0}, {"privileged": True}, {"runAsNonRoot": True}, {}]),
)


def listed(*names: str) -> st.SearchStrategy[list[Object]]:
    container = st.builds(lambda name, more: {"name": name, "image": "i", **more}, st.sampled_from(names), fields)
    return st.lists(container, unique_by=_name, max_size=4)


sources = st.sampled_from(
    [
        *("gs://b/m", "s3://b/m", "hf://o/m", "https://models.org/m", "hdfs://m", "pvc://c", "pvc://c/a/b"),
        *("oci://i", "oci+native://i", "oci+fetch://i", "oci+modelcar://i", "<scheme-placeholder>://m", "/mnt/x"),
    ]
)
internal = some(
    **{"storage-initializer-sourceuri": sources, "storage-spec": "true", "storage-spec-param": '{"type": "s3"}'},
    **{"storage-container-name": "custom", "logger": "true", "batcher": "true", "agent": "true", "modelDir": "/m"},
    **{
        "configVolumeName": "c",
        "configMountPath": "/c",
        "logger-metadata-annotations": "a,b",
        "batcher-max-latency": "1",
    },
    **{"confidential-enabled": "true", "localmodel-sourceuri": "gs://b", "localmodel-pvc-name": "claim"},
)
annotations = some(
    **{"serving.kserve.io/enable-metric-aggregation": st.sampled_from(["true", "false", ""])},
    **{"serving.kserve.io/enable-prometheus-scraping": st.sampled_from(["true", "false"])},
    **{"serving.kserve.io/gke-accelerator": "t4", "storage.kserve.io/readonly": "false"},
    **{"sidecar.istio.io/interceptionMode": "REDIRECT", "sidecar.istio.io/status": ISTIO},
    **{"serving.kserve.io/storage-initializer-uid": "7", "prometheus.kserve.io/port": "1234"},
)
labels = some(**{INTERNAL + "localmodel": "cache", "component": "predictor", "endpoint": "default"})


@st.composite
def pods(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Object:
    notes = draw(annotations) | {INTERNAL + name: value for name, value in draw(internal).items()}
    spec = {
        "containers": draw(
            listed(
                "kserve-container", "transformer-container", "worker-container", "queue-proxy", "istio-proxy", "agent"
            )
        ),
        "initContainers": draw(listed("storage-initializer", "istio-init", "modelcar-init", "mine")),
        **draw(
            some(
                volumes=[{"name": "kserve-provision-location", "emptyDir": {}}],
                imagePullSecrets=[{"name": "pull"}],
                nodeSelector={"a": "b"},
                securityContext=st.sampled_from([{"runAsUser": 0}, {"runAsNonRoot": True}]),
            )
        ),
    }
    return {"metadata": {"name": "p", "annotations": notes, "labels": draw(labels)}, "spec": spec}


storage_settings = some(
    ociModelMode=st.sampled_from(["modelcar", "native", "fetch"]),
    uidModelcar=1010,
    caBundleConfigMapName="ca",
    ociInsecureRegistry=True,
)
keys = some(
    logger={**SIZES, "defaultUrl": "http://x", "caBundle": "b", "storage": {"path": "s3://l", "key": "k"}},
    metricsAggregator={"enableMetricAggregation": "true", "enablePrometheusScraping": "true"},
    securityPolicy={"defaultSecurityContext": "restricted"},
)
loggers = st.sampled_from([None, {"spec": {"predictor": {"logger": {"mode": "all", "batchSize": 2}}}}])


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(pod=pods(), storage=storage_settings, more=keys, containers=st.booleans(), service=loggers)
def test_whatever_a_pod_asks_for(pod: Object, storage: Any, more: Any, containers: bool, service: Any) -> None:
    settings_ = config(storageInitializer=SIZES | storage, agent=SIZES | {"image": "a"}, **more)
    seen = PodContext("default", "kserve", settings_, [STORAGE_CONTAINER] if containers else [], FIND, service)
    before = copy.deepcopy(pod)
    try:
        once = inject(pod, seen)
    except (PodRefused, ConfigError):
        assume(False)
    assert pod == before
    assert inject(once, seen) == once


def samples() -> list[Any]:
    found = [obj for path in SAMPLES for obj in yaml.safe_load_all(path.read_text())]
    return [pytest.param(obj, id=obj["metadata"]["name"]) for obj in found if obj and is_renderable(obj)]


@pytest.fixture(scope="module")
def types() -> TypeSystem:
    known = builtin_types()
    for definition in crds():
        known.add_definition(definition)
    return known


@pytest.mark.parametrize("sample", samples())
def test_every_sample(sample: Object, types: TypeSystem) -> None:
    found = Config.of(config_map())
    if sample["kind"] == "InferenceService":
        once = default(sample, found, creating=True)
        assert default(once, found, creating=True) == once
        assert default(once, found) == once
    try:
        rendered = Renderer(built_in(), types, Settings(), datetime(2026, 1, 1, tzinfo=UTC)).render(sample)
    except CannotRender:
        pytest.skip("its services are in another file")
    seen = PodContext("default", "kserve", found, [storage_container()], FIND, rendered.stored)
    for child in rendered.objects:
        if child["kind"] == "Deployment":
            template = child["spec"]["template"]
            made = inject({"metadata": template["metadata"], "spec": template["spec"]}, seen)
            assert inject(made, seen) == made
