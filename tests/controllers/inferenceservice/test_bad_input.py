"""What a service says when it cannot be decided: a clear condition, one event, nothing torn down, never a traceback."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.api.kinds import HTTP_ROUTE
from kservectl.objects.kind import DEPLOYMENT
from tests.controllers.inferenceservice.world import (
    GATEWAY_INGRESS,
    World,
    configuration,
    model,
    pod,
    runtime,
    says,
    service,
)

LONG = "a" * 60


def test_unknown_runtime_is_told_everywhere_and_announced_once() -> None:
    world = World(service(model(runtime="nope")))
    outcome = world.step()
    world.step()

    assert world.said("PredictorReady") == (
        "False",
        "RuntimeNotRecognized",
        "No ServingRuntimes or ClusterServingRuntimes with the name: nope",
    )
    assert world.status["modelStatus"] == {
        "transitionStatus": "InvalidSpec",
        "states": {"activeModelState": "", "targetModelState": "FailedToLoad"},
        "lastFailureInfo": {
            "reason": "RuntimeNotRecognized",
            "message": "Waiting for runtime to become available",
        },
    }
    assert outcome.terminal_error == "No ServingRuntimes or ClusterServingRuntimes with the name: nope"
    assert "nope" in outcome.explanations[0].next_step
    assert world.events == ["InternalError"]


def test_another_failure_is_another_event() -> None:
    world = World(service(model(runtime="nope")))
    world.step()
    world.edit(model(runtime="neither"))
    world.step()

    assert world.events == ["InternalError", "InternalError"]


@pytest.mark.parametrize(
    ("predictor", "others", "reason", "told"),
    [
        (model("caffe"), [runtime()], "NoSupportingRuntime", "No runtime found to support specified framework/version"),
        (
            model(runtime="off"),
            [runtime("off", disabled=True)],
            "RuntimeDisabled",
            "Specified runtime is disabled",
        ),
        (
            model("onnx", runtime="kserve-sklearnserver"),
            [runtime()],
            "NoSupportingRuntime",
            "Specified runtime does not support specified framework/version",
        ),
        (
            model(runtime="kserve-sklearnserver", protocolVersion="grpc-v2"),
            [runtime()],
            "NoSupportingRuntime",
            "Specified runtime does not support specified protocol version",
        ),
        (
            model(),
            [runtime(containers=[])],
            "InvalidPredictorSpec",
            "no container configuration found in selected serving runtime",
        ),
        (
            model(),
            [runtime(container={"name": "server"})],
            "InvalidPredictorSpec",
            "failed to find kserve-container in ServingRuntime containers",
        ),
    ],
)
def test_reason_that_no_runtime_serves_a_model_is_in_the_model_status(
    predictor: Any, others: list[Any], reason: str, told: str
) -> None:
    world = World(service(predictor), *others)
    world.step()

    assert world.status["modelStatus"]["lastFailureInfo"] == {"reason": reason, "message": told}
    assert world.said("PredictorReady")[0] == "False"


def test_version_that_nothing_serves_is_printed() -> None:
    world = World(service({"model": {"modelFormat": {"name": "sklearn", "version": "9"}, "storageUri": "gs://b/m"}}))
    outcome = world.step()

    assert outcome.terminal_error == "no runtime found to support predictor with model type: {sklearn 9}"


def test_storage_uri_that_nothing_can_download_makes_the_predictor_not_ready() -> None:
    world = World(service(model(storageUri="ftp://host/model")))
    outcome = world.step()

    status, reason, message = world.said("PredictorReady")
    assert (status, reason) == ("False", "InvalidSpec")
    assert message.endswith("StorageUri [ftp://host/model] is not supported")
    assert outcome.desired == ()


def test_credentials_in_a_storage_uri_are_not_told() -> None:
    world = World(service(model(storageUri="ftp://me:secret@host/model")))
    outcome = world.step()

    assert "secret" not in str((world.status, outcome.events, outcome.terminal_error, outcome.explanations))
    assert "StorageUri [ftp://***@host/model]" in world.said("PredictorReady")[2]


def test_model_with_two_sources_is_refused() -> None:
    world = World(service(model(storage={"path": "models/iris", "key": "s3"})))
    world.step()

    assert world.said("PredictorReady")[2] == "must provide only one of storageUri and storage.path"


def test_recovery_clears_failure_and_condition() -> None:
    world = World(service(model(runtime="late")))
    world.step()
    world.others.append(runtime("late"))
    world.become_ready()

    assert "lastFailureInfo" not in world.status["modelStatus"]


def test_serving_service_is_left_alone_when_its_runtime_vanishes() -> None:
    world = World(service()).become_ready()
    children = dict(world.children)
    world.others = [obj for obj in world.others if obj["kind"] == "ConfigMap"]
    world.settle()

    assert world.children == children
    assert world.said("PredictorReady")[0] == "True"
    assert world.status["modelStatus"]["transitionStatus"] == "InvalidSpec"
    assert world.events == ["InferenceServiceReady", "InternalError"]


def test_edit_to_an_unknown_runtime_is_not_ready_and_deletes_nothing() -> None:
    world = World(service()).become_ready()
    world.edit(model(runtime="nope"))
    world.settle()

    assert world.names(DEPLOYMENT) == ["iris-predictor"]
    assert world.names(HTTP_ROUTE) == ["iris", "iris-predictor"]
    assert world.said("PredictorReady")[:2] == ("False", "RuntimeNotRecognized")
    assert world.status["observedGeneration"] == 2


@pytest.mark.parametrize(
    ("key", "value", "fragment"),
    [
        ("ingress", "{not json", "unable to parse ingress config json"),
        ("ingress", {"enableGatewayApi": True, "ingressGateway": "a/b"}, "kserveIngressGateway is required"),
        ("deploy", {}, "defaultDeploymentMode is required"),
        ("deploy", {"defaultDeploymentMode": "Sideways"}, "invalid deployment mode"),
        ("inferenceService", "[]", "unable to unmarshall inferenceService json string"),
        ("service", {"serviceClusterIPNone": "yes"}, "serviceClusterIPNone"),
    ],
)
def test_broken_key_of_the_configuration_is_named(key: str, value: Any, fragment: str) -> None:
    world = World(service(), runtime(), config=configuration(**{key: value}))
    outcome = world.step()

    status, reason, message = world.said("PredictorReady")
    assert (status, reason) == ("False", "ConfigurationInvalid")
    assert message.startswith(f"key {key} of ConfigMap kserve/inferenceservice-config cannot be used: ")
    assert fragment in message
    assert outcome.terminal_error == message
    assert world.events == ["InternalError"]


def test_key_that_nothing_asks_for_may_be_broken() -> None:
    World(service(), runtime(), config=configuration(logger="{", localModel="[", explainers="{")).become_ready()


def test_missing_configuration_is_told_and_gone_once_it_is_there() -> None:
    world = World(service(), runtime(), without_config=True)
    world.step()
    assert world.said("PredictorReady") == (
        "False",
        "ConfigurationMissing",
        "ConfigMap kserve/inferenceservice-config does not exist",
    )

    world.reconfigure(configuration())
    world.become_ready()


def test_broken_configuration_does_not_take_a_serving_service_down() -> None:
    world = World(service()).become_ready()
    before, children = world.status, dict(world.children)
    world.reconfigure(configuration(ingress="{"))
    outcome = world.step()

    assert outcome.terminal_error is not None
    assert world.status == before
    assert world.children == children
    assert outcome.events == ()


@pytest.mark.parametrize(
    ("predictor", "field"),
    [
        ({"model": {"storageUri": "gs://b/m"}}, "spec.predictor.model.modelFormat"),
        ({"model": {"modelFormat": {"name": "sklearn"}}, "minReplicas": "two"}, "spec.predictor.minReplicas"),
        ({"containers": "mine"}, "spec.predictor.containers"),
    ],
)
def test_malformed_field_is_named(predictor: Any, field: str) -> None:
    world = World(service(predictor))
    world.step()

    status, reason, message = world.said("PredictorReady")
    assert (status, reason) == ("False", "InvalidSpec")
    assert field in message


def test_predictor_without_anything_to_run_is_refused() -> None:
    world = World(service({"minReplicas": 1}))
    world.step()

    assert world.said("PredictorReady")[2] == "the predictor has neither a model nor containers"


def test_unknown_autoscaler_class_is_refused() -> None:
    world = World(service(annotations={"serving.kserve.io/autoscalerClass": "magic"}))
    world.step()

    assert world.said("PredictorReady") == ("False", "ReconcileFailed", "unknown autoscaler class type: magic")


def test_host_name_that_is_too_long_is_refused_before_anything_is_created() -> None:
    world = World(service(name=LONG))
    outcome = world.step()

    assert outcome.desired == ()
    message = world.said("PredictorReady")[2]
    assert message.startswith('failed creating host name: invalid domain name "aaaa')
    assert 'predictor-ml" is longer than 63 characters' in message


@pytest.mark.parametrize(
    "template", ["{{ .ModelName }}.{{ .IngressDomain }}", "{{ .Name", "{{ .Name }}_x.{{ .IngressDomain }}"]
)
def test_domain_template_that_cannot_be_used_is_refused(template: str) -> None:
    config = configuration(ingress={**GATEWAY_INGRESS, "domainTemplate": template})
    world = World(service(), runtime(), config=config)
    world.step()

    assert world.said("PredictorReady")[2].startswith("failed creating host name: ")


def test_crash_loop_is_told_with_its_exit_code_and_where_to_read_on() -> None:
    world = World(service())
    world.step()
    world.deployment_says(says("Available", "False", "MinimumReplicasUnavailable", "none"))
    ended = {"reason": "Error", "exitCode": 3, "message": "no such file", "finishedAt": "2026-01-01T00:00:05Z"}
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    world.pods = [pod(server={"state": waiting, "lastState": {"terminated": ended}, "restartCount": 4})]
    outcome = world.step()

    assert world.status["modelStatus"] == {
        "transitionStatus": "BlockedByFailedLoad",
        "states": {"activeModelState": "", "targetModelState": "FailedToLoad"},
        "copies": {"failedCopies": 1},
        "lastFailureInfo": {
            "location": "iris-predictor-1",
            "reason": "ModelLoadFailed",
            "message": "no such file",
            "exitCode": 3,
            "time": "2026-01-01T00:00:05Z",
        },
    }
    told = next(explanation for explanation in outcome.explanations if explanation.about.startswith("Pod/"))
    assert "ended with exit code 3, 4 restarts so far: no such file" in told.message
    assert "kubectl logs iris-predictor-1 -c kserve-container --previous" in told.next_step


@pytest.mark.parametrize(
    ("trouble", "message", "next_step"),
    [
        (
            {"server": {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}},
            "cannot get its image (ImagePullBackOff: not found)",
            "imagePullSecrets",
        ),
        (
            {"download": {"state": {"waiting": {"reason": "ErrImagePull"}}}},
            "Init container storage-initializer of pod iris-predictor-1 cannot get its image",
            "imagePullSecrets",
        ),
        (
            {"server": {"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}},
            "used more memory than its limit",
            "Raise the memory limit of kserve-container in spec.predictor.",
        ),
        (
            {
                "server": {
                    "state": {"running": {}},
                    "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
                    "restartCount": 2,
                }
            },
            "used more memory than its limit, 2 restarts so far",
            "Raise the memory limit of kserve-container",
        ),
        (
            {"download": {"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}},
            "Init container storage-initializer of pod iris-predictor-1 was killed",
            "of storage-initializer in the ConfigMap inferenceservice-config",
        ),
        (
            {"download": {"state": {"terminated": {"reason": "Error", "exitCode": 1, "message": "403"}}}},
            "ended with exit code 1: 403",
            "Check storageUri and its credentials",
        ),
        (
            {"server": {"state": {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x"'}}}},
            "cannot be started",
            "Create the Secret",
        ),
        (
            {"conditions": [says("PodScheduled", "False", "Unschedulable", "0/3 nodes are available")]},
            "No node takes the pod iris-predictor-1: 0/3 nodes are available",
            "nodes",
        ),
    ],
)
def test_trouble_of_a_pod_is_explained_in_a_sentence_with_a_next_step(
    trouble: dict[str, Any], message: str, next_step: str
) -> None:
    world = World(service())
    world.step()
    world.pods = [pod(**trouble)]
    explained = world.step().explanations

    assert any(message in told.message and next_step in told.next_step and not told.ok for told in explained)


def test_pod_trouble_leaves_the_conditions_to_the_deployment() -> None:
    world = World(service())
    world.step()
    world.deployment_says(says("Progressing", "True", "ReplicaSetUpdated", "is progressing"))
    world.pods = [pod(server={"state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}})]
    world.step()

    assert world.said("PredictorReady") == ("Unknown", "ReplicaSetUpdated", "is progressing")


FIELDS = """model modelFormat name storageUri containers env ports value valueFrom containerPort sklearn minReplicas
autoScaling metrics logger volumes readinessProbe livenessProbe httpGet tcpSocket resources limits args volumeMounts
mountPath tolerations imagePullSecrets initContainers securityContext $patch $retainKeys"""
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["", "sklearn", "gs://b/m", "{{.Name}}", "delete"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS.split()), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_no_spec_makes_a_reconcile_raise(predictor: Any) -> None:
    _decides(predictor)


@given(st.dictionaries(st.sampled_from(FIELDS.split()), JSON, max_size=5), st.dictionaries(st.text(max_size=4), JSON))
def test_no_override_of_a_model_makes_a_reconcile_raise(fields: dict[str, Any], pod_fields: dict[str, Any]) -> None:
    _decides({**pod_fields, **model(**fields)})


def _decides(predictor: Any) -> None:
    world = World(service())
    world.service["spec"] = {"predictor": predictor}
    outcome = world.step()

    assert outcome.status is not None
    assert outcome.complete == (outcome.terminal_error is None)
    assert json.loads(json.dumps(outcome.desired)) == list(outcome.desired)
