"""What each key of the ConfigMap means: values, defaults, and the texts of its errors."""

import json
from typing import Any

import pytest

from kservectl.api.config import Config, ConfigError


def config(**data: Any) -> Config:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in data.items()}
    return Config({"metadata": {"name": "inferenceservice-config"}, "data": texts})


def error(read: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        read()
    return caught.value.message


def ingress_error(**members: Any) -> str:
    return error(lambda: config(ingress=members).ingress)


INGRESS = {"ingressGateway": "knative-serving/knative-ingress-gateway"}


def test_a_missing_configmap_gives_the_defaults_of_missing_keys() -> None:
    absent = Config(None)
    assert absent.missing
    assert absent.deploy.default_deployment_mode == "Standard"
    assert absent.ingress.ingress_domain == "example.com"
    assert absent.ingress.domain_template == "{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}"
    assert absent.ingress.url_scheme == "http"
    assert absent.ingress.enable_gateway_api is False
    assert absent.ingress.additional_ingress_domains == []
    assert absent.security.auto_mount_service_account_token is False
    assert absent.service.service_cluster_ip_none is False
    assert absent.local_model.fs_group is None
    assert absent.local_model.job_ttl_seconds_after_finished == 3600
    assert absent.storage_initializer.effective_image == "kserve/storage-initializer:latest"
    assert absent.storage_initializer.oci_mode == ""
    assert absent.autoscaler.scale_down_stabilization_window_seconds == ""


def test_built_in_block_lists_apply_without_any_configuration() -> None:
    assert "modelFormat" in Config(None).inference_service.blocked_annotations
    assert Config(None).inference_service.blocked_labels == {"networking.knative.dev/visibility"}


def test_configured_block_lists_are_added_to_the_built_in_ones() -> None:
    read = config(inferenceService={"serviceAnnotationDisallowedList": ["a/b"], "serviceLabelDisallowedList": ["c"]})
    assert {"a/b", "modelFormat"} <= read.inference_service.blocked_annotations
    assert read.inference_service.blocked_labels == {"c", "networking.knative.dev/visibility"}


def test_member_names_match_in_any_case_and_unknown_ones_are_ignored() -> None:
    read = config(ingress={**INGRESS, "enableGatewayAPI": True, "KSERVEINGRESSGATEWAY": "ns/gw", "future": {}})
    assert read.ingress.enable_gateway_api is True
    assert read.ingress.gateway == ("ns", "gw")


def test_null_members_are_absent_ones() -> None:
    read = config(inferenceService={"resource": {"cpuLimit": None, "memoryLimit": "2Gi"}}, security="null")
    assert read.inference_service.resource.resources() == {"limits": {"memory": "2Gi"}}
    assert read.security.auto_mount_service_account_token is False


def test_a_broken_key_hurts_only_its_readers() -> None:
    read = config(ingress="{", deploy={"defaultDeploymentMode": "Knative"})
    assert read.deploy.default_deployment_mode == "Knative"
    for _ in range(2):
        assert error(lambda: read.ingress).startswith("unable to parse ingress config json: ")


@pytest.mark.parametrize(
    ("key", "member", "start"),
    [
        ("explainers", "explainers", "unable to unmarshall explainers json string due to "),
        ("inferenceService", "inference_service", "unable to unmarshall inferenceService json string due to "),
        ("multiNode", "multi_node", "unable to unmarshall multiNode json string due to "),
        ("deploy", "deploy", "unable to parse deploy config json: "),
        ("service", "service", "unable to parse service config json: "),
        ("autoscaler", "autoscaler", "unable to parse autoscaler config json: "),
        ("opentelemetryCollector", "opentelemetry_collector", "unable to parse otel config json: "),
        ("credentials", "credentials", "unable to parse credential config json: "),
        ("storageInitializer", "storage_initializer", "unable to parse storageInitializer config json: "),
        ("router", "router", "unable to parse router config json: "),
        ("agent", "agent", "unable to parse agent config json: "),
        ("logger", "logger", "unable to parse logger config json: "),
        ("batcher", "batcher", "unable to parse batcher config json: "),
        ("metricsAggregator", "metrics_aggregator", "unable to parse metricsAggregator config json: "),
        ("localModel", "local_model", "unable to parse localModel config json: "),
        ("security", "security", "unable to parse security config json: "),
    ],
)
def test_text_that_is_not_json_is_an_error_that_names_the_key(key: str, member: str, start: str) -> None:
    assert error(lambda: getattr(config(**{key: "nonsense"}), member)).startswith(start)


def test_a_member_of_the_wrong_type_is_an_error_that_names_it() -> None:
    assert (
        ingress_error(**INGRESS, enableGatewayApi="true")
        == "unable to parse ingress config json: enableGatewayApi: must be true or false, not 'true'"
    )
    assert error(lambda: config(localModel={"fsGroup": "1000"}).local_model) == (
        "unable to parse localModel config json: fsGroup: must be a whole number, not '1000'"
    )


def test_a_value_that_is_not_an_object_is_an_error() -> None:
    assert (
        error(lambda: config(service="[]").service)
        == "unable to parse service config json: must be an object, not a list"
    )


def test_data_that_is_not_an_object_is_an_error_for_every_reader() -> None:
    assert error(lambda: Config({"data": "service"}).service) == (
        "data of inferenceservice-config must be an object, not a string"
    )


def test_a_value_that_is_not_text_is_an_error() -> None:
    assert error(lambda: Config({"data": {"service": {}}}).service) == (
        "unable to parse service config json: the value must be JSON text, not an object"
    )


def test_the_gateway_is_mandatory_with_gateway_api() -> None:
    assert (
        ingress_error(**INGRESS, enableGatewayApi=True) == "invalid ingress config - kserveIngressGateway is required"
    )


@pytest.mark.parametrize(
    ("gateway", "fragment"),
    [
        ("gw", "should be in the format <namespace>/<name>"),
        ("a/b/c", "should be in the format <namespace>/<name>"),
        ("NS/gw", "gateway namespace is invalid"),
        ("/gw", "gateway namespace is invalid"),
        ("ns/g.w", "gateway name is invalid"),
        (f"ns/{'g' * 64}", "gateway name is invalid"),
    ],
)
def test_a_gateway_that_is_not_namespace_and_name_is_refused(gateway: str, fragment: str) -> None:
    found = ingress_error(**INGRESS, enableGatewayApi=True, kserveIngressGateway=gateway)
    assert found.startswith("invalid ingress config - ")
    assert fragment in found


def test_the_gateway_is_not_looked_at_without_gateway_api() -> None:
    assert config(ingress={**INGRESS, "kserveIngressGateway": "odd"}).ingress.gateway is None


def test_the_knative_gateway_is_mandatory_when_the_key_exists() -> None:
    assert ingress_error() == "invalid ingress config - ingressGateway is required"


def test_a_path_template_must_parse_and_needs_a_domain() -> None:
    path = "/serving/{{ .Namespace }}/{{ .Name }}"
    assert ingress_error(**INGRESS, pathTemplate="/{{ range .Name }}{{ end }}", ingressDomain="a.b") == (
        "invalid ingress config - unable to parse pathTemplate: {{range}} is not supported here"
    )
    assert "unable to parse pathTemplate" in ingress_error(**INGRESS, pathTemplate="/{{ .Name", ingressDomain="a.b")
    assert (
        ingress_error(**INGRESS, pathTemplate=path)
        == "invalid ingress config - ingressDomain is required if pathTemplate is given"
    )
    assert config(ingress={**INGRESS, "pathTemplate": path, "ingressDomain": "a.b"}).ingress.path_template == path


def test_the_knative_local_gateway_service_falls_back_to_the_local_one() -> None:
    assert config(ingress={**INGRESS, "localGatewayService": "a.b"}).ingress.knative_local_gateway_service == "a.b"


@pytest.mark.parametrize(
    ("written", "read"), [("RawDeployment", "Standard"), ("Serverless", "Knative"), ("ModelMesh", "ModelMesh")]
)
def test_legacy_deployment_modes_are_normalised(written: str, read: str) -> None:
    assert config(deploy={"defaultDeploymentMode": written}).deploy.default_deployment_mode == read


def test_an_incomplete_or_unknown_deploy_is_refused() -> None:
    assert error(lambda: config(deploy={}).deploy) == "invalid deploy config, defaultDeploymentMode is required"
    assert (
        error(lambda: config(deploy={"defaultDeploymentMode": "Raw"}).deploy)
        == "invalid deployment mode. Supported modes are Knative, Standard and ModelMesh"
    )


def test_rollout_takes_numbers_and_texts() -> None:
    rollout = {"defaultRollout": {"maxSurge": 1, "maxUnavailable": "25%"}}
    read = config(
        deploy={"defaultDeploymentMode": "Standard", "deploymentRolloutStrategy": rollout}
    ).deploy.default_rollout
    assert read is not None
    assert (read.max_surge, read.max_unavailable) == (1, "25%")
    rollout["defaultRollout"]["maxSurge"] = True
    assert "maxSurge: must be a whole number or a string, not a boolean" in error(
        lambda: config(deploy={"defaultDeploymentMode": "Standard", "deploymentRolloutStrategy": rollout}).deploy
    )


@pytest.mark.parametrize(
    ("members", "mode"),
    [
        ({}, ""),
        ({"enableModelcar": True}, "modelcar"),
        ({"enableOciModelSupport": True}, "modelcar"),
        ({"enableModelcar": True, "ociModelMode": "fetch"}, "fetch"),
        ({"ociModelMode": "native"}, "native"),
    ],
)
def test_oci_mode_is_the_configured_one_or_modelcar_when_enabled(members: dict[str, Any], mode: str) -> None:
    assert config(storageInitializer=members).storage_initializer.oci_mode == mode


def test_an_unknown_oci_mode_is_refused() -> None:
    assert error(lambda: config(storageInitializer={"ociModelMode": "Fetch"}).storage_initializer) == (
        'invalid "storageInitializer".ociModelMode "Fetch": must be one of "modelcar", "native", "fetch"'
    )


def test_resources_of_side_containers_must_be_complete_when_they_are_used() -> None:
    members = {"cpuRequest": "100m", "cpuLimit": "1", "memoryRequest": "100Mi", "memoryLimit": "1Gi"}
    assert config(storageInitializer=members).storage_initializer_resources() == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "100m", "memory": "100Mi"},
    }
    broken = {**members, "cpuLimit": "much"}
    assert error(config(storageInitializer=broken).storage_initializer_resources).startswith(
        'failed to parse resource configuration for "storageInitializer"."cpuLimit": '
    )
    assert error(config(logger={}).logger_resources).startswith(
        'Failed to parse resource configuration for "logger": "'
    )
    assert error(config(batcher={}).batcher_resources).startswith(
        'Failed to parse resource configuration for "batcher": "'
    )
    assert error(config(agent={}).agent_resources).startswith('failed to parse resource configuration for "agent": ')
    assert error(config(router={}).router_resources).startswith('Failed to parse resource configuration for router: "')


def test_modelcar_amounts_are_checked_only_when_set() -> None:
    assert config(storageInitializer={}).storage_initializer.modelcar_cpu == "10m"
    assert config(storageInitializer={}).storage_initializer.modelcar_memory == "15Mi"
    assert error(lambda: config(storageInitializer={"memoryModelcar": "x"}).storage_initializer).startswith(
        'failed to parse resource configuration for "storageInitializer"."memoryModelcar": '
    )


def test_credentials_fall_back_to_the_well_known_names() -> None:
    read = config(credentials={"s3": {"S3accesskeyidname": "ID"}}).credentials
    assert read.secret_name == "storage-config"
    assert read.storage_secret_name_annotation == ""
    assert read.gcs.file_name == "gcloud-application-credentials.json"
    assert (read.s3.access_key_id_name, read.s3.secret_access_key_name) == ("ID", "awsSecretAccessKey")


def test_configured_gpu_resources_come_after_the_well_known_ones() -> None:
    read = config(multiNode={"customGPUResourceTypeList": ["a.b/gpu", "amd.com/gpu"]}).multi_node
    assert read.gpu_resources == ("nvidia.com/gpu", "amd.com/gpu", "intel.com/gpu", "habana.ai/gaudi", "a.b/gpu")


def test_one_version_of_the_configmap_is_parsed_once() -> None:
    first = {"metadata": {"uid": "u", "resourceVersion": "7"}, "data": {"service": "{}"}}
    assert Config.of(first) is Config.of(dict(first))
    assert Config.of(first) is not Config.of({**first, "metadata": {"uid": "u", "resourceVersion": "8"}})
    assert Config.of({"data": {}}) is not Config.of({"data": {}})
    assert Config.of(None) is Config.of(None)
