"""All injectors together."""

import json
import time
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kservectl.admission.pods import needs
from kservectl.admission.pods.injectors import inject
from kservectl.api.config import ConfigError
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects.kind import SECRET
from kservectl.objects.metadata import Object
from tests.admission.pods.samples import INTERNAL, SIZES, SOURCE, container, context, done, downloader, pod
from tests.modelstorage.pods import account, cluster, secret

AGGREGATION, SCRAPING = "serving.kserve.io/enable-metric-aggregation", "serving.kserve.io/enable-prometheus-scraping"
URIS = [
    *("gs://b/m", "pvc://claim/x", "oci://image", "oci+native://i", "oci+fetch://i", "oci+odd://i"),
    *("<scheme-placeholder>://x", "pvc://", "hf://a/b"),
]
NOTES: dict[str, list[str]] = {
    SOURCE: URIS,
    "sidecar.istio.io/interceptionMode": ["REDIRECT", "TPROXY"],
    "sidecar.istio.io/status": ['{"containers": ["istio-proxy"]}', "{}", "nonsense"],
    "serving.kserve.io/storage-initializer-uid": ["7", "me"],
    AGGREGATION: ["true", "false"],
    SCRAPING: ["true", "false"],
    "storage.kserve.io/readonly": ["false", "true"],
    **{INTERNAL + job: ["true", ""] for job in ("logger", "batcher", "agent")},
    INTERNAL + "modelDir": ["/mnt/models"],
    INTERNAL + "configVolumeName": ["models"],
    INTERNAL + "localmodel-pvc-name": ["cache"],
    INTERNAL + "localmodel-sourceuri": ["gs://b"],
    INTERNAL + "storage-spec": ["true"],
    INTERNAL + "storage-spec-key": ["mine", "missing"],
    INTERNAL + "storage-spec-param": ['{"bucket": "b"}', "nonsense"],
    INTERNAL + "confidential-enabled": ["true"],
    "serving.kserve.io/gke-accelerator": ["t4"],
}
LABELS = {INTERNAL + "localmodel": "m", "component": "predictor", "serving.kserve.io/inferenceservice": "x"}
NAMES = ["kserve-container", "worker-container", "transformer-container", "queue-proxy", "istio-proxy", "agent"]
SERVICE = {"spec": {"predictor": {"storageUris": [{"uri": "gs://b/m"}], "logger": {"storage": {"path": "s3://l"}}}}}
HELD = cluster(
    account("s3", "gcs", "hf"),
    account("gcs", name="logger-sa"),
    secret("s3", awsSecretAccessKey="s", S3_ENDPOINT="http://minio", AWS_CA_BUNDLE_CONFIGMAP="own"),
    secret("gcs", **{"gcloud-application-credentials.json": "{}"}),
    secret("hf", HF_TOKEN="t", HDFS_NAMENODE="n"),
    secret("storage-config", mine='{"type": "s3"}'),
)
STORAGE: list[Any] = [
    {},
    {"ociModelMode": "modelcar", "uidModelcar": 1010},
    {"ociModelMode": "native"},
    {"ociModelMode": "fetch", "caBundleConfigMapName": "cas"},
]

containers = st.builds(
    lambda name, env, probed, gpus: container(
        name,
        env=[{"name": each, "value": "1"} for each in env],
        **({"readinessProbe": {"tcpSocket": {"port": 8080}}} if probed else {}),
        **({"resources": {"limits": {"nvidia.com/gpu": "1"}}} if gpus else {}),
    ),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(["STORAGE_URI", "USER_PORT", "MODEL_INIT_MODE"]), unique=True),
    st.booleans(),
    st.booleans(),
)
pods = st.builds(
    lambda members, init, notes, labels: {
        "metadata": {"name": "p", "annotations": notes, "labels": {label: LABELS[label] for label in labels}},
        "spec": {
            "containers": members,
            "initContainers": [container(name, args=["gs://b/m", "/mnt/x"]) for name in init],
            "imagePullSecrets": [{"name": "pull"}],
        },
    },
    st.lists(containers, min_size=1, max_size=4, unique_by=lambda found: str(found["name"])),
    st.lists(st.sampled_from(["istio-init", "mine", "storage-initializer"]), unique=True, max_size=2),
    st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in NOTES.items()}),
    st.sets(st.sampled_from(sorted(LABELS))),
)


@settings(deadline=None, max_examples=300)  # how fast is not the question, on a machine that does other things
@given(original=pods, storage=st.sampled_from(STORAGE), held=st.booleans(), known=st.booleans())
def test_injecting_twice_is_injecting_once(original: Object, storage: Any, held: bool, known: bool) -> None:
    where = context(
        downloader(env=[{"name": "A", "value": "1"}]),
        storage=storage,
        find=HELD if held else cluster(),
        service=SERVICE if known else None,
        logger={"caBundle": "cas", "storage": {"path": "s3://l"}},
    )
    try:
        inject(original, where)
    except PodRefused as refused:
        assert str(refused)
        return
    once = done(original, where)
    for target in (*once["spec"]["containers"], *once["spec"]["initContainers"]):
        for field, key in (("env", "name"), ("volumeMounts", "name")):
            keys = [entry[key] for entry in target.get(field, [])]
            assert len(keys) == len(set(keys)), (target["name"], field)
    volumes = {volume["name"] for volume in once["spec"].get("volumes", [])}
    mounted = {mount["name"] for target in once["spec"]["containers"] for mount in target.get("volumeMounts", [])}
    assert mounted <= volumes


@given(original=pods, storage=st.sampled_from(STORAGE))
@example(
    original=pod(uri="gs://b/m", labels={"component": "predictor"}, storage_spec="true", storage_spec_key="mine"),
    storage={},
)
def test_all_that_is_looked_up_was_asked_for(original: Object, storage: Any) -> None:
    looked_up: set[str] = set()

    def find(kind: Any, name: str) -> Object | None:
        found = HELD(kind, name)
        if kind == SECRET or found is None:  # an account that is seen already need not be read
            looked_up.add(f"{kind} default/{name}")
        return found

    where = context(storage=storage, find=find, service=SERVICE)
    try:
        inject(original, where)
    except PodRefused:
        return
    assert looked_up <= {str(reference) for reference in needs.references(original, where)}


def test_a_pod_needs_only_the_configuration_that_it_uses() -> None:
    broken: Any = {"logger": "nonsense", "batcher": "nonsense", "credentials": "nonsense", "agent": "nonsense"}
    assert done(pod(), context(find=HELD, **broken))["spec"] == pod()["spec"]
    for original in (pod(uri="gs://b/m"), pod(batcher="true")):
        try:
            inject(original, context(find=HELD, **broken))
        except ConfigError as problem:
            assert problem.key in broken
        else:
            raise AssertionError("a broken key that is needed must be told")


def test_a_pod_takes_less_than_five_milliseconds_of_cpu() -> None:
    original = pod(uri="gs://b/m", logger="true", batcher="true")
    where = context(downloader(env=[{"name": "A", "value": "1"}]), find=HELD, agent=SIZES)
    inject(original, where)  # the configuration is parsed once for all pods
    started = time.process_time()
    for _ in range(20):
        needs.references(original, where)
        needs.references(original, where)
        inject(json.loads(json.dumps(original)), where)
    assert (time.process_time() - started) / 20 < 0.005
