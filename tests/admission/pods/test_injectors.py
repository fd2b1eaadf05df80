import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kservectl.admission.pods.context import InjectionRefused, PodContext
from kservectl.admission.pods.injectors import inject
from kservectl.admission.pods.storage_container import merged
from kservectl.admission.pods.storage_source import storage_key
from kservectl.api.config import ConfigError
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import config

INTERNAL = "internal.serving.kserve.io/"
SOURCE = INTERNAL + "storage-initializer-sourceuri"
SIZES = {"cpuRequest": "100m", "cpuLimit": "1", "memoryRequest": "100Mi", "memoryLimit": "1Gi"}
RESOURCES = {"requests": {"cpu": "100m", "memory": "100Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
HF = [
    {"name": "HF_HUB_ENABLE_HF_TRANSFER", "value": "1"},
    {"name": "HF_XET_HIGH_PERFORMANCE", "value": "1"},
    {"name": "HF_XET_NUM_CONCURRENT_RANGE_GETS", "value": "8"},
]
MOUNT = {"name": "kserve-provision-location", "mountPath": "/mnt/models"}


def container(name: str = "kserve-container", **more: Any) -> Object:
    return {"name": name, "image": "server", **more}


def pod(
    *containers: Object, uri: str | None = None, labels: Any = None, init: Any = None, **annotations: str
) -> Object:
    """A pod; `uri` is its source, other keyword arguments are annotations in KServe's internal domain."""
    notes = {INTERNAL + key.replace("_", "-"): value for key, value in annotations.items()}
    notes |= {} if uri is None else {SOURCE: uri}
    spec: Object = {"containers": list(containers or (container(),))}
    if init:
        spec["initContainers"] = init
    return {"metadata": {"name": "p", "annotations": notes, "labels": labels or {}}, "spec": spec}


def context(*storage_containers: Object, namespace: str = "default", storage: Any = None, **keys: Any) -> PodContext:
    settings = config(storageInitializer=SIZES | (storage or {}), **keys)
    return PodContext(namespace, "kserve", settings, storage_containers)


def done(original: Object, where: PodContext | None = None) -> Object:
    """`original` after injection, which must not touch it and must be the same when done twice."""
    before = copy.deepcopy(original)
    where = where or context()
    once = inject(original, where)
    assert original == before
    assert inject(once, where) == once
    return once


def spec(original: Object, where: PodContext | None = None) -> Object:
    answer: Object = done(original, where)["spec"]
    return answer


def annotated(original: Object, **more: str) -> Object:
    return original | {"metadata": original["metadata"] | {"annotations": original["metadata"]["annotations"] | more}}


def downloader(called: str = "custom", *, prefix: str = "gs://", **fields: Any) -> Object:
    workload = fields.pop("workloadType", "initContainer")
    disabled = fields.pop("disabled", False)
    formats = fields.pop("formats", [{"prefix": prefix}])
    return {
        "metadata": {"name": called},
        "disabled": disabled,
        "spec": {"container": fields, "supportedUriFormats": formats, "workloadType": workload},
    }


# Storage initializer


def test_a_pod_without_source_keeps_its_spec() -> None:
    original = pod(storage_container_name="missing")
    assert spec(original) == original["spec"]


def test_a_source_is_downloaded_by_an_init_container_into_a_shared_volume() -> None:
    answer = spec(pod(uri="gs://bucket/model"))
    assert answer["initContainers"] == [
        {
            "name": "storage-initializer",
            "image": "kserve/storage-initializer:latest",
            "args": ["gs://bucket/model", "/mnt/models"],
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": RESOURCES,
            "volumeMounts": [MOUNT],
            "env": HF,
        }
    ]
    assert answer["containers"] == [container(volumeMounts=[MOUNT | {"readOnly": True}])]
    assert answer["volumes"] == [{"name": "kserve-provision-location", "emptyDir": {}}]


@pytest.mark.parametrize(
    "uri", ["s3://b/m", "hf://org/model", "https://host/model.tar", "gs://b/m", "file:///m", "odd"]
)
def test_every_kind_of_uri_is_handed_to_the_init_container_as_it_is(uri: str) -> None:
    assert spec(pod(uri=uri))["initContainers"][0]["args"] == [uri, "/mnt/models"]


def test_the_configured_image_downloads() -> None:
    assert spec(pod(uri="gs://b/m"), context(storage={"image": "mine:1"}))["initContainers"][0]["image"] == "mine:1"


def test_the_model_is_writable_only_when_the_pod_says_so() -> None:
    original = annotated(pod(uri="gs://b/m"), **{"storage.kserve.io/readonly": "false"})
    assert spec(original)["containers"][0]["volumeMounts"] == [MOUNT]
    odd = annotated(pod(uri="gs://b/m"), **{"storage.kserve.io/readonly": "no"})
    assert spec(odd)["containers"][0]["volumeMounts"] == [MOUNT | {"readOnly": True}]


def test_the_transformer_beside_the_server_sees_the_model_too() -> None:
    answer = spec(pod(container(), container("transformer-container"), container("proxy"), uri="gs://b/m"))
    assert ["volumeMounts" in found for found in answer["containers"]] == [True, True, False]


def test_a_worker_gets_the_model_only_in_a_pod_of_its_own() -> None:
    alone = spec(pod(container("worker-container"), uri="gs://b/m"))
    assert "volumeMounts" in alone["containers"][0]
    beside = spec(pod(container(), container("worker-container"), uri="gs://b/m"))
    assert "volumeMounts" not in beside["containers"][1]


def test_a_pod_without_serving_container_is_refused() -> None:
    with pytest.raises(InjectionRefused, match="Invalid configuration: cannot find container"):
        inject(pod(container("mine"), uri="gs://b/m"), context())


def test_what_is_there_under_our_names_stays() -> None:
    volume = {"name": "kserve-provision-location", "hostPath": {"path": "/models"}}
    mount = {"name": "kserve-provision-location", "mountPath": "/elsewhere"}
    original = pod(container(volumeMounts=[mount]), uri="gs://b/m")
    original["spec"]["volumes"] = [volume]
    answer = spec(original)
    assert answer["volumes"] == [volume]
    assert answer["containers"][0]["volumeMounts"] == [mount]


def test_a_pod_that_has_the_init_container_keeps_its_spec() -> None:
    original = pod(uri="gs://b/m", init=[container("storage-initializer")])
    assert spec(original) == original["spec"]


@pytest.mark.parametrize(("value", "told"), [("gs://b/m", "/mnt/models"), ("", ""), (None, None)])
def test_a_server_that_was_told_the_uri_is_told_the_folder(value: str | None, told: str | None) -> None:
    env = [] if value is None else [{"name": "A", "value": "1"}, {"name": "STORAGE_URI", "value": value}]
    answer = spec(pod(container(env=env), container("transformer-container", env=env), uri="gs://b/m"))
    first, second = answer["containers"]
    assert [entry["value"] for entry in first["env"] if entry["name"] == "STORAGE_URI"] == (
        [] if told is None else [told]
    )
    assert second["env"] == env


@pytest.mark.parametrize("path", ["", "folder", "folder/sub/"])
def test_a_claim_is_mounted_and_nothing_is_downloaded(path: str) -> None:
    uri = f"pvc://claim/{path}" if path else "pvc://claim"
    answer = spec(pod(container(env=[{"name": "STORAGE_URI", "value": uri}]), uri=uri))
    mount = {"name": "kserve-pvc-source", "mountPath": "/mnt/models", "readOnly": True} | (
        {"subPath": path} if path else {}
    )
    assert "initContainers" not in answer
    assert answer["volumes"] == [{"name": "kserve-pvc-source", "persistentVolumeClaim": {"claimName": "claim"}}]
    assert answer["containers"][0]["volumeMounts"] == [mount]
    assert answer["containers"][0]["env"] == [{"name": "STORAGE_URI", "value": "/mnt/models"}]


def test_a_claim_needs_no_configuration_of_the_download() -> None:
    broken = PodContext("default", "kserve", config(storageInitializer="nonsense"))
    assert spec(pod(uri="pvc://claim"), broken)["volumes"]
    with pytest.raises(InjectionRefused, match="names no claim"):
        inject(pod(uri="pvc:///folder"), context())


@pytest.mark.parametrize(
    ("uri", "cached", "rest"),
    [
        ("gs://b/model", "gs://b/model", ""),
        ("gs://b/model/sub/x", "gs://b/model", "sub/x"),
        ("gs://b/model/sub", "gs://b/model/", "sub"),
    ],
)
def test_a_model_cached_on_the_node_is_mounted_from_there(uri: str, cached: str, rest: str) -> None:
    notes = {"localmodel_pvc_name": "model-gpu", "localmodel_sourceuri": cached}
    answer = spec(pod(uri=uri, labels={INTERNAL + "localmodel": "model"}, **notes))
    assert answer["volumes"][0]["persistentVolumeClaim"] == {"claimName": "model-gpu"}
    assert answer["containers"][0]["volumeMounts"][0]["subPath"] == f"models/{storage_key(cached)}/{rest}"
    assert len(storage_key(cached)) == 16


def test_a_cached_model_without_its_claim_is_refused() -> None:
    with pytest.raises(
        InjectionRefused, match=r"Annotation internal\.serving\.kserve\.io/localmodel-pvc-name not found"
    ):
        inject(pod(uri="gs://b/m", labels={INTERNAL + "localmodel": "model"}), context())


@pytest.mark.parametrize(
    ("original", "storage"),
    [
        (pod(uri="gs://b/m", agent="true"), {}),
        (pod(uri="oci://image"), {"enableModelcar": True}),
        (pod(uri="oci+native://image"), {}),
    ],
)
def test_models_that_come_another_way_are_not_downloaded(original: Object, storage: Object) -> None:
    assert spec(original, context(storage=storage)) == original["spec"]


def test_an_image_is_downloaded_when_images_are_not_enabled() -> None:
    assert spec(pod(uri="oci://image"))["initContainers"][0]["args"] == ["oci://image", "/mnt/models"]


@pytest.mark.parametrize("member", SIZES)
def test_a_missing_amount_refuses_downloads_and_names_itself(member: str) -> None:
    broken = PodContext("default", "kserve", config(storageInitializer=SIZES | {member: ""}))
    with pytest.raises(ConfigError, match=member):
        inject(pod(uri="gs://b/m"), broken)


def test_the_environment_of_the_hub_keeps_what_the_user_set() -> None:
    env = [{"name": "HF_XET_HIGH_PERFORMANCE", "value": "0"}]
    answer = spec(pod(uri="gs://b/m"), context(downloader(env=env)))
    assert answer["initContainers"][0]["env"] == [*env, HF[0], HF[2]]


def test_a_confidential_model_is_told_to_the_download_last() -> None:
    notes = {"confidential_enabled": "true", "confidential_resource_id": "kbs:///a/b/c"}
    env = spec(pod(uri="gs://b/m", **notes))["initContainers"][0]["env"]
    assert env[3:] == [
        {"name": "CONFIDENTIAL_ENABLED", "value": "true"},
        {"name": "CONFIDENTIAL_RESOURCE_ID", "value": "kbs:///a/b/c"},
    ]
    assert spec(pod(uri="gs://b/m", confidential_enabled="false"))["initContainers"][0]["env"] == HF


# ClusterStorageContainer


def test_the_first_storage_container_that_covers_the_uri_is_laid_over_the_standard_one() -> None:
    other = downloader("a", prefix="s3://", image="wrong")
    disabled = downloader("b", image="wrong", disabled=True)
    job = downloader("c", image="wrong", workloadType="localModelDownloadJob")
    chosen = downloader(
        "d",
        name="renamed",
        image="mine:2",
        args=["all", "mine"],
        env=[{"name": "A", "value": "1"}],
        resources={"limits": {"memory": "9Gi"}},
        volumeMounts=[{"name": "extra", "mountPath": "/extra"}],
    )
    init = spec(pod(uri="gs://b/m"), context(other, disabled, job, chosen, downloader("e", image="late")))[
        "initContainers"
    ][0]
    assert init["name"] == "storage-initializer"
    assert init["image"] == "mine:2"
    assert init["args"] == ["all", "mine"]
    assert init["env"] == [{"name": "A", "value": "1"}, *HF]
    assert init["resources"] == {"requests": RESOURCES["requests"], "limits": {"cpu": "1", "memory": "9Gi"}}
    assert MOUNT in init["volumeMounts"] and len(init["volumeMounts"]) == 2


def test_an_environment_variable_keeps_the_kind_of_value_that_was_laid_over() -> None:
    source = {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    value = {"name": "A", "value": "1"}
    for below, above in ((value, source), (source, value)):
        assert merged({"env": [below]}, downloader(env=[above]))["env"] == [above]


def test_a_variable_of_the_hub_may_come_from_elsewhere() -> None:
    source = {"name": "HF_XET_HIGH_PERFORMANCE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    env = spec(pod(uri="gs://b/m"), context(downloader(env=[source])))["initContainers"][0]["env"]
    assert env == [source, HF[0], HF[2]]


def test_a_regex_is_searched_for() -> None:
    chosen = downloader(formats=[{"regex": r"https://(.+?)\.blob\.core\.windows\.net/(.+)"}], image="azure")
    uri = "https://account.blob.core.windows.net/container"
    assert spec(pod(uri=uri), context(chosen))["initContainers"][0]["image"] == "azure"
    assert spec(pod(uri="https://other/x"), context(chosen))["initContainers"][0]["image"] != "azure"


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        (downloader("other"), 'ClusterStorageContainer "named" not found'),
        (downloader("named", disabled=True), 'ClusterStorageContainer "named" is disabled'),
        (
            downloader("named", workloadType="localModelDownloadJob"),
            'ClusterStorageContainer "named" has workloadType "localModelDownloadJob"; explicit selection requires'
            ' "initContainer"',
        ),
        (downloader("named", prefix="s3://"), 'ClusterStorageContainer "named" does not support storageUri "gs://b/m"'),
    ],
)
def test_a_storage_container_chosen_by_name_must_be_usable(candidate: Object, message: str) -> None:
    with pytest.raises(InjectionRefused) as problem:
        inject(pod(uri="gs://b/m", storage_container_name="named"), context(candidate))
    assert str(problem.value) == message


def test_a_wrong_choice_is_told_even_where_nothing_is_downloaded() -> None:
    with pytest.raises(InjectionRefused, match="not found"):
        inject(pod(uri="gs://b/m", storage_container_name="named", agent="true"), context())


def test_a_storage_container_chosen_by_name_is_used() -> None:
    where = context(downloader("a", image="first"), downloader("named", image="chosen"))
    assert spec(pod(uri="gs://b/m", storage_container_name="named"), where)["initContainers"][0]["image"] == "chosen"


def test_a_regex_that_does_not_compile_is_named() -> None:
    with pytest.raises(InjectionRefused, match="error checking storage container broken"):
        inject(pod(uri="gs://b/m"), context(downloader("broken", formats=[{"regex": "("}])))


# CA bundle


@pytest.mark.parametrize(
    ("namespace", "storage", "name", "path"),
    [
        ("kserve", {"caBundleConfigMapName": "cas"}, "cas", "/etc/ssl/custom-certs"),
        ("default", {"caBundleConfigMapName": "cas"}, "global-ca-bundle", "/etc/ssl/custom-certs"),
        (
            "default",
            {"caBundleConfigMapName": "cas", "caBundleVolumeMountPath": "/certs"},
            "global-ca-bundle",
            "/certs",
        ),
    ],
)
def test_a_configured_ca_bundle_is_mounted_in_the_download(
    namespace: str, storage: Object, name: str, path: str
) -> None:
    answer = spec(pod(uri="s3://b/m"), context(namespace=namespace, storage=storage))
    init = answer["initContainers"][0]
    assert init["env"][:2] == [
        {"name": "CA_BUNDLE_CONFIGMAP_NAME", "value": name},
        {"name": "CA_BUNDLE_VOLUME_MOUNT_POINT", "value": path},
    ]
    assert init["volumeMounts"][1] == {"name": "cabundle-cert", "mountPath": path, "readOnly": True}
    assert {"name": "cabundle-cert", "configMap": {"name": name}} in answer["volumes"]
    assert len(answer["containers"][0]["volumeMounts"]) == 1


def test_a_claim_needs_no_ca_bundle() -> None:
    answer = spec(pod(uri="pvc://claim"), context(storage={"caBundleConfigMapName": "cas"}))
    assert len(answer["volumes"]) == 1


# Istio


REDIRECT = {"sidecar.istio.io/interceptionMode": "REDIRECT"}
STATUS = REDIRECT | {"sidecar.istio.io/status": json.dumps({"containers": ["istio-proxy"]})}
UID = {"serving.kserve.io/storage-initializer-uid": "2020"}
PROXY = container("istio-proxy", securityContext={"runAsUser": 1500})
BARE_PROXY = container("istio-proxy")


@pytest.mark.parametrize(
    ("containers", "init", "notes", "uid"),
    [
        ([], [], {}, None),
        ([], [], UID, 2020),
        ([PROXY], [], STATUS | UID, 2020),
        ([PROXY], [], STATUS | {"serving.kserve.io/storage-initializer-uid": "me"}, None),
        ([PROXY], [], STATUS, 1500),
        ([BARE_PROXY], [], STATUS, 1337),
        ([], [BARE_PROXY], STATUS, 1337),
        ([PROXY], [container("istio-init")], STATUS, None),
        ([PROXY], [], STATUS | {"sidecar.istio.io/interceptionMode": "TPROXY"}, None),
        ([PROXY], [], REDIRECT, None),
        ([], [], STATUS, None),
        ([PROXY], [], REDIRECT | {"sidecar.istio.io/status": "{}"}, None),
        ([PROXY], [], REDIRECT | {"sidecar.istio.io/status": "[]"}, None),
    ],
)
def test_the_user_that_downloads_under_istio(containers: Any, init: Any, notes: Any, uid: int | None) -> None:
    original = annotated(pod(container(), *containers, uri="gs://b/m", init=init), **notes)
    where = context(downloader(securityContext={"runAsNonRoot": True}))
    context_of_init = spec(original, where)["initContainers"][-1]["securityContext"]
    assert context_of_init == {"runAsNonRoot": True} | ({} if uid is None else {"runAsUser": uid})


def test_a_status_of_istio_that_is_not_json_is_refused() -> None:
    broken = annotated(pod(uri="gs://b/m"), **REDIRECT, **{"sidecar.istio.io/status": "nonsense"})
    with pytest.raises(InjectionRefused, match=r"sidecar\.istio\.io/status is not JSON"):
        inject(broken, context())


# GKE


@pytest.mark.parametrize(
    ("limits", "notes", "selected"),
    [
        ({"nvidia.com/gpu": "1"}, {"serving.kserve.io/gke-accelerator": "t4"}, True),
        ({"own.com/gpu": "1"}, {"serving.kserve.io/gke-accelerator": "t4"}, True),
        ({"cpu": "1"}, {"serving.kserve.io/gke-accelerator": "t4"}, False),
        ({"nvidia.com/gpu": "1"}, {}, False),
    ],
)
def test_a_gpu_pod_goes_to_nodes_with_the_accelerator_it_names(limits: Object, notes: Any, selected: bool) -> None:
    original = annotated(pod(container(resources={"limits": limits})), **notes)
    original["spec"]["nodeSelector"] = {"zone": "a", "cloud.google.com/gke-accelerator": "old"}
    selector = spec(original, context(multiNode={"customGPUResourceTypeList": ["own.com/gpu"]}))["nodeSelector"]
    assert selector == {"zone": "a", "cloud.google.com/gke-accelerator": "t4" if selected else "old"}


# Metrics


AGGREGATION, SCRAPING = "serving.kserve.io/enable-metric-aggregation", "serving.kserve.io/enable-prometheus-scraping"
QUEUE_PROXY = container("queue-proxy", env=[{"name": "AGGREGATE_PROMETHEUS_METRICS_PORT", "value": "1"}])


def metrics(original: Object, aggregation: str = "false", scraping: str = "false") -> Object:
    settings = {"enableMetricAggregation": aggregation, "enablePrometheusScraping": scraping}
    return done(original, context(metricsAggregator=settings))


def test_what_is_configured_is_written_down_where_the_pod_says_nothing() -> None:
    assert metrics(pod())["metadata"]["annotations"] == {AGGREGATION: "false", SCRAPING: "false"}
    own = annotated(pod(), **{AGGREGATION: "mine", SCRAPING: "false"})
    assert metrics(own, "true", "true")["metadata"]["annotations"] == {AGGREGATION: "mine", SCRAPING: "false"}
    assert done(pod())["metadata"]["annotations"] == {AGGREGATION: "", SCRAPING: ""}


def test_queue_proxy_collects_the_metrics_of_the_server() -> None:
    ports = {"prometheus.kserve.io/port": "8888", "prometheus.kserve.io/path": "/stats"}
    answer = metrics(annotated(pod(container(), QUEUE_PROXY), **ports), "true")
    assert answer["spec"]["containers"][1]["env"] == [
        {"name": "AGGREGATE_PROMETHEUS_METRICS_PORT", "value": "9088"},
        {"name": "KSERVE_CONTAINER_PROMETHEUS_METRICS_PORT", "value": "8888"},
        {"name": "KSERVE_CONTAINER_PROMETHEUS_METRICS_PATH", "value": "/stats"},
    ]
    port = {"name": "aggr-metric", "containerPort": 9088, "protocol": "TCP"}
    assert answer["spec"]["containers"][1]["ports"] == [port]
    assert metrics(pod(), "true")["spec"] == pod()["spec"]


@pytest.mark.parametrize(
    ("original", "aggregation", "port", "path"),
    [
        (pod(container(), QUEUE_PROXY), "true", "9088", "/metrics"),
        (pod(container(), QUEUE_PROXY), "false", "9091", "/metrics"),
        (pod(container(ports=[{"containerPort": 8085}])), "true", "8085", "/metrics"),
        (pod(), "false", "8080", "/metrics"),
        (
            annotated(pod(), **{"prometheus.kserve.io/port": "8082", "prometheus.kserve.io/path": "/stats"}),
            "false",
            "8082",
            "/stats",
        ),
    ],
)
def test_prometheus_is_sent_to_where_something_listens(
    original: Object, aggregation: str, port: str, path: str
) -> None:
    notes = metrics(original, aggregation, "true")["metadata"]["annotations"]
    assert (notes["prometheus.io/port"], notes["prometheus.io/path"]) == (port, path)


pods = st.builds(
    lambda containers, init, uri, notes, labels: annotated(
        pod(*[container(name) for name in containers], uri=uri, init=[container(name) for name in init], labels=labels),
        **notes,
    ),
    st.permutations(["transformer-container", "queue-proxy", "istio-proxy", "proxy"]).map(
        lambda names: ["kserve-container", *names[:2]]
    ),
    st.lists(st.sampled_from(["istio-init", "mine"]), unique=True),
    st.sampled_from([None, "gs://b/m", "pvc://claim/x", "oci://image", "hf://a/b"]),
    st.dictionaries(
        st.sampled_from([*REDIRECT, *UID, *STATUS, AGGREGATION, SCRAPING, "storage.kserve.io/readonly"]),
        st.sampled_from(["true", "false", "REDIRECT", '{"containers": ["istio-proxy"]}', "7"]),
    ),
    st.dictionaries(st.sampled_from(["app", "component"]), st.just("x")),
)


@settings(deadline=None)  # how fast is not the question, on a machine that does other things
@given(original=pods, ca=st.sampled_from(["", "cas"]), mode=st.booleans())
def test_injecting_twice_is_injecting_once(original: Object, ca: str, mode: bool) -> None:
    where = context(
        downloader(env=[{"name": "A", "value": "1"}]), storage={"caBundleConfigMapName": ca, "enableModelcar": mode}
    )
    try:
        once = inject(original, where)
    except InjectionRefused as refused:
        assert "not JSON" in str(refused)
        return
    assert inject(once, where) == once
