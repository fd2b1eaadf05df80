"""What an installation consists of: names that others rely on, least privilege, and a pod that is locked down."""

import re

from kservectl.api.config import Config
from kservectl.api.servingruntime import ClusterServingRuntime
from kservectl.api.storagecontainer import ClusterStorageContainer
from kservectl.manifests import manager, rbac, webhooks
from kservectl.manifests.configuration import config_map
from kservectl.manifests.gateway import gateway
from kservectl.manifests.layout import folders
from kservectl.manifests.names import WEBHOOK_CONFIGURATIONS
from kservectl.manifests.runtimes import runtimes
from kservectl.manifests.storage import storage_container
from kservectl.objects.metadata import Object

ROLES = [obj for obj in rbac.objects() if obj["kind"] in ("Role", "ClusterRole")]
RUNTIMES = {runtime["metadata"]["name"]: ClusterServingRuntime.parse(runtime) for runtime in runtimes()}


def rules(*kinds: str) -> set[tuple[str, str, str, str]]:
    """(group, resource, verb, resource name or *) of every right that roles of these kinds give."""
    return {
        (group, resource, verb, name)
        for role in ROLES
        if role["kind"] in kinds
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", ["*"])
    }


def test_every_key_of_the_configuration_can_be_read_and_the_manager_starts_raw_with_gateway_api() -> None:
    config = Config(config_map())
    for key in config_map()["data"]:
        member = "opentelemetry_collector" if key.startswith("open") else re.sub("([A-Z])", r"_\1", key).lower()
        getattr(config, member)
    assert config.deploy.default_deployment_mode == "Standard"
    assert config.ingress.enable_gateway_api is True
    assert config.ingress.gateway == ("kserve", "kserve-ingress-gateway")
    assert config.storage_initializer.oci_mode == "modelcar"
    assert config.storage_initializer_resources() == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "100m", "memory": "100Mi"},
    }
    assert config.inference_service.resource.resources()["limits"] == {"cpu": "1", "memory": "2Gi"}
    assert (config.batcher.max_batch_size, config.batcher.max_latency) == ("32", "5000")


def test_the_gateway_is_the_one_that_the_configuration_names() -> None:
    assert Config(config_map()).ingress.gateway == (gateway()["metadata"]["namespace"], gateway()["metadata"]["name"])


def test_secrets_of_other_namespaces_may_be_read_by_name_and_nothing_else() -> None:
    assert {right[2:] for right in rules("ClusterRole") if right[1] == "secrets"} == {("get", "*")}


def test_the_manager_may_write_no_secret_outside_of_its_namespace() -> None:
    secrets = {right[2:] for right in rules("Role") if right[1] == "secrets"}
    assert secrets == {("create", "*")} | {(verb, "kserve-webhook-server-cert") for verb in ("list", "watch", "update")}


def test_no_right_is_a_wildcard() -> None:
    for group, resource, verb, _ in rules("ClusterRole", "Role"):
        assert "*" not in (group, resource, verb)


def test_children_are_applied_and_deleted_and_never_replaced() -> None:
    rights = rules("ClusterRole")
    children = {right[:2] for right in rights if right[2] == "create"} - {("events.k8s.io", "events")}
    assert children == {
        ("", "configmaps"),
        ("", "persistentvolumeclaims"),
        ("", "persistentvolumes"),
        ("", "services"),
        ("apps", "controllerrevisions"),
        ("apps", "deployments"),
        ("autoscaling", "horizontalpodautoscalers"),
        ("gateway.networking.k8s.io", "httproutes"),
        ("keda.sh", "scaledobjects"),
        ("networking.istio.io", "virtualservices"),
        ("serving.knative.dev", "services"),
        ("networking.k8s.io", "ingresses"),
        ("networking.k8s.io", "networkpolicies"),
        ("opentelemetry.io", "opentelemetrycollectors"),
        ("serving.kserve.io", "localmodelnodes"),
    }
    for child in children:
        assert {right[2] for right in rights if right[:2] == child} == {
            "get",
            "list",
            "watch",
            "create",
            "patch",
            "delete",
        }


def test_only_our_own_webhook_configurations_may_be_changed() -> None:
    changed = {
        (right[1], right[3])
        for right in rules("ClusterRole")
        if right[1].endswith("webhookconfigurations") and right[2] not in ("list", "watch")
    }
    ours = {(f"{obj['kind'].lower()}s", obj["metadata"]["name"]) for obj in webhooks.configurations()}
    assert changed == ours
    assert {name for _, name in ours} == set(WEBHOOK_CONFIGURATIONS)


def test_every_role_is_bound_to_the_account_that_the_manager_runs_as() -> None:
    account = manager.deployment()["spec"]["template"]["spec"]["serviceAccountName"]
    first, *others = rbac.objects()
    assert (first["kind"], first["metadata"]["name"]) == ("ServiceAccount", account)
    for role, binding in zip(others[::2], others[1::2], strict=True):
        assert binding["kind"] == f"{role['kind']}Binding"
        assert binding["roleRef"] == {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": role["kind"],
            "name": role["metadata"]["name"],
        }
        assert role["metadata"] == binding["metadata"]
        (subject,) = binding["subjects"]
        assert (subject["name"], subject["namespace"]) == (account, "kserve")


def test_the_manager_is_locked_down() -> None:
    pod = manager.deployment()["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert set(container["resources"]) == {"requests", "limits"}
    assert manager.namespace()["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_manager_runs_elected_and_is_probed_where_it_listens() -> None:
    (container,) = manager.deployment()["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert container["args"] == ["run", "--leader-elect"]
    assert ports == {"webhook-server": 9443, "metrics": 8080, "health": 8081}
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "health"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}
    assert container["env"] == [
        {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}
    ]


def test_services_find_the_manager() -> None:
    template = manager.deployment()["spec"]["template"]
    names = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
    assert manager.deployment()["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    for service in (manager.webhook_service(), manager.metrics_service()):
        assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        assert service["spec"]["ports"][0]["targetPort"] in names
    assert manager.webhook_service()["metadata"]["name"] == "kserve-webhook-server-service"
    assert manager.webhook_service()["spec"]["ports"][0]["port"] == 443


def every_webhook() -> list[Object]:
    return [webhook for configuration in webhooks.configurations() for webhook in configuration["webhooks"]]


def test_webhooks_are_installed_after_what_they_judge() -> None:
    assert list(folders())[-1] == "webhooks"


def test_webhooks_have_the_names_and_rules_of_kserve() -> None:
    assert [(obj["kind"], obj["metadata"]["name"]) for obj in webhooks.configurations()] == [
        ("MutatingWebhookConfiguration", "inferenceservice.serving.kserve.io"),
        ("ValidatingWebhookConfiguration", "inferenceservice.serving.kserve.io"),
        ("ValidatingWebhookConfiguration", "servingruntime.serving.kserve.io"),
        ("ValidatingWebhookConfiguration", "clusterservingruntime.serving.kserve.io"),
        ("ValidatingWebhookConfiguration", "inferencegraph.serving.kserve.io"),
        ("ValidatingWebhookConfiguration", "trainedmodel.serving.kserve.io"),
        ("ValidatingWebhookConfiguration", "localmodelcache.serving.kserve.io"),
        ("ValidatingWebhookConfiguration", "localmodelnamespacecache.serving.kserve.io"),
    ]
    found = {
        webhook["name"]: (
            webhook["clientConfig"]["service"]["path"],
            webhook["rules"][0]["resources"],
            webhook["rules"][0]["operations"],
        )
        for webhook in every_webhook()
    }
    server = "inferenceservice.kserve-webhook-server"
    assert found == {
        f"{server}.defaulter": (
            "/mutate-serving-kserve-io-v1beta1-inferenceservice",
            ["inferenceservices"],
            ["CREATE", "UPDATE"],
        ),
        f"{server}.pod-mutator": ("/mutate-pods", ["pods"], ["CREATE"]),
        f"{server}.validator": (
            "/validate-serving-kserve-io-v1beta1-inferenceservice",
            ["inferenceservices"],
            ["CREATE", "UPDATE"],
        ),
        "inferencegraph.kserve-webhook-server.validator": (
            "/validate-serving-kserve-io-v1alpha1-inferencegraph",
            ["inferencegraphs"],
            ["CREATE", "UPDATE"],
        ),
        "localmodelcache.kserve-webhook-server.validator": (
            "/validate-serving-kserve-io-v1alpha1-localmodelcache",
            ["localmodelcaches"],
            ["CREATE", "UPDATE", "DELETE"],
        ),
        "localmodelnamespacecache.kserve-webhook-server.validator": (
            "/validate-serving-kserve-io-v1alpha1-localmodelnamespacecache",
            ["localmodelnamespacecaches"],
            ["CREATE", "UPDATE", "DELETE"],
        ),
        "trainedmodel.kserve-webhook-server.validator": (
            "/validate-serving-kserve-io-v1alpha1-trainedmodel",
            ["trainedmodels"],
            ["CREATE", "UPDATE"],
        ),
        "servingruntime.kserve-webhook-server.validator": (
            "/validate-serving-kserve-io-v1alpha1-servingruntime",
            ["servingruntimes"],
            ["CREATE", "UPDATE"],
        ),
        "clusterservingruntime.kserve-webhook-server.validator": (
            "/validate-serving-kserve-io-v1alpha1-clusterservingruntime",
            ["clusterservingruntimes"],
            ["CREATE", "UPDATE"],
        ),
    }


def test_the_pod_webhook_sees_only_pods_of_services_outside_of_the_control_plane() -> None:
    pods = webhooks.mutating()["webhooks"][1]
    assert pods["namespaceSelector"]["matchExpressions"] == [{"key": "control-plane", "operator": "DoesNotExist"}]
    assert pods["objectSelector"]["matchExpressions"] == [
        {"key": "serving.kserve.io/inferenceservice", "operator": "Exists"}
    ]
    assert pods["reinvocationPolicy"] == "IfNeeded"
    assert "control-plane" in manager.namespace()["metadata"]["labels"]


def test_webhooks_lead_to_the_webhook_service_and_carry_no_certificate_yet() -> None:
    service = manager.webhook_service()["metadata"]
    for webhook in every_webhook():
        config = webhook["clientConfig"]
        assert (config["service"]["name"], config["service"]["namespace"]) == (service["name"], service["namespace"])
        assert "caBundle" not in config
        assert (webhook["failurePolicy"], webhook["sideEffects"]) == ("Fail", "None")
        assert webhook["admissionReviewVersions"] == ["v1", "v1beta1"]


def test_every_runtime_has_a_server_container_and_metrics_annotations() -> None:
    assert len(RUNTIMES) == 15
    for name, runtime in RUNTIMES.items():
        spec = runtime.spec
        assert spec.containers[0]["name"] == "kserve-container", name
        assert spec.annotations is not None
        assert spec.annotations["prometheus.kserve.io/path"] == "/metrics"
        assert "serving.kserve.io/server-type" in runtime.metadata["annotations"]


def auto_selected(model_format: str, version: str, protocol: str) -> list[str]:
    found = []
    for name, runtime in RUNTIMES.items():
        for supported in runtime.spec.supported_model_formats or ():
            fits = (supported.name, supported.version) == (model_format, version)
            if fits and supported.auto_select and runtime.spec.supports_protocol(protocol):
                found.append((-(supported.priority or 0), name))
    return [name for _, name in sorted(found)]


def test_formats_lead_to_the_runtimes_of_kserve_by_priority() -> None:
    assert auto_selected("sklearn", "1", "v1") == ["kserve-sklearnserver"]
    assert auto_selected("sklearn", "1", "v2") == ["kserve-mlserver", "kserve-sklearnserver"]
    assert auto_selected("onnx", "1", "v2") == ["kserve-openvino", "kserve-tritonserver"]
    assert auto_selected("tensorflow", "2", "v1") == ["kserve-tensorflow-serving"]
    assert auto_selected("pytorch", "1", "v2") == ["kserve-torchserve"]
    assert auto_selected("vLLM", "1", "v1") == ["kserve-vllmserver"]
    assert auto_selected("huggingface", "1", "v2") == [
        "kserve-huggingfaceserver-multinode",
        "kserve-huggingfaceserver",
    ]


def test_the_multinode_runtime_brings_workers() -> None:
    spec = RUNTIMES["kserve-huggingfaceserver-multinode"].spec
    assert spec.worker_spec is not None
    assert spec.worker_spec.containers[0]["name"] == "worker-container"
    assert (spec.worker_spec.pipeline_parallel_size, spec.worker_spec.tensor_parallel_size) == (1, 1)
    assert [name for name, runtime in RUNTIMES.items() if runtime.spec.is_multi_node] == [
        "kserve-huggingfaceserver-multinode"
    ]


def test_the_default_storage_container_downloads_from_every_known_storage() -> None:
    spec = ClusterStorageContainer.parse(storage_container()).spec
    for uri in (
        "gs://a/b",
        "s3://a/b",
        "hdfs://a",
        "webhdfs://a",
        "hf://org/model",
        "modelscope://org/model",
        "https://account.blob.core.windows.net/container/model",
        "http://host/model.tar",
    ):
        assert spec.covers(uri), uri
    assert not spec.covers("pvc://claim/model")
    assert spec.supports_multi_model_download is True
