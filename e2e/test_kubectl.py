"""What people do with kubectl, done with kubectl."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import yaml

from e2e.kubectl import Kubectl
from e2e.manager import ManagerProcess
from e2e.services import custom, service
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")

_READY = "--for=condition=Ready"
_PATIENCE = "--timeout=40s"


@pytest.fixture
def iris(kubectl: Kubectl) -> Object:
    """A service, applied and Ready."""
    obj = service("iris", kubectl.namespace)
    kubectl("apply", "-f", "-", stdin=obj)
    kubectl("wait", _READY, "isvc/iris", _PATIENCE)
    return obj


def changed(obj: Object, **model: object) -> Object:
    """The service with other fields of its model."""
    predictor = obj["spec"]["predictor"]
    return {**obj, "spec": {"predictor": {**predictor, "model": {**predictor["model"], **model}}}}


def test_apply_creates_changes_and_leaves_alone(kubectl: Kubectl) -> None:
    obj = service("iris", kubectl.namespace)

    assert kubectl("apply", "-f", "-", stdin=obj) == "inferenceservice.serving.kserve.io/iris created\n"
    assert kubectl("apply", "-f", "-", stdin=obj) == "inferenceservice.serving.kserve.io/iris unchanged\n"
    assert (
        kubectl("apply", "-f", "-", stdin=changed(obj, storageUri="gs://elsewhere/iris"))
        == "inferenceservice.serving.kserve.io/iris configured\n"
    )
    found = kubectl.json("get", "isvc", "iris")
    assert found["spec"]["predictor"]["model"]["storageUri"] == "gs://elsewhere/iris"


def test_manifest_in_the_style_of_before_model_is_applied_again_and_again(kubectl: Kubectl) -> None:
    def legacy(uri: str) -> Object:
        return custom("legacy", kubectl.namespace, {"sklearn": {"storageUri": uri}})

    kubectl("apply", "-f", "-", stdin=legacy("gs://bucket/first"))
    kubectl("apply", "-f", "-", stdin=legacy("gs://bucket/second"))

    predictor = kubectl.json("get", "isvc", "legacy")["spec"]["predictor"]
    assert "sklearn" not in predictor
    assert predictor["model"]["storageUri"] == "gs://bucket/second"


def test_a_kind_that_is_not_served_is_named(kubectl: Kubectl) -> None:
    unknown = {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "x"}}

    refusal = kubectl("apply", "-f", "-", stdin=unknown, fails=True)

    assert 'no matches for kind "Gadget" in version "example.com/v1"' in refusal


def test_server_side_apply_owns_fields_and_conflicts_over_them(kubectl: Kubectl) -> None:
    obj = service("iris", kubectl.namespace)
    applied = kubectl("apply", "--server-side", "--field-manager=first", "-f", "-", stdin=obj)
    assert applied == "inferenceservice.serving.kserve.io/iris serverside-applied\n"
    other = changed(obj, storageUri="gs://elsewhere/iris")

    refusal = kubectl("apply", "--server-side", "--field-manager=second", "-f", "-", stdin=other, fails=True)

    assert 'conflict with "first"' in refusal
    assert ".spec.predictor.model.storageUri" in refusal
    kubectl("apply", "--server-side", "--field-manager=second", "--force-conflicts", "-f", "-", stdin=other)
    managers = kubectl.json("get", "isvc", "iris", "--show-managed-fields")["metadata"]["managedFields"]
    assert {"first", "second"} <= {entry["manager"] for entry in managers}


def test_get_shows_the_columns_of_kserve(kubectl: Kubectl, iris: Object) -> None:
    header, row = kubectl("get", "inferenceservices").splitlines()

    assert header.split() == [
        "NAME",
        "URL",
        "READY",
        "PREV",
        "LATEST",
        "PREVROLLEDOUTREVISION",
        "LATESTREADYREVISION",
        "AGE",
    ]
    assert row.split()[:3] == ["iris", f"http://iris-{kubectl.namespace}.example.com", "True"]
    assert kubectl("get", "isvc", "-o", "name").split() == ["inferenceservice.serving.kserve.io/iris"]


def test_get_by_label_field_and_jsonpath(kubectl: Kubectl, iris: Object) -> None:
    kubectl("label", "isvc/iris", "team=fraud")
    kubectl("annotate", "isvc/iris", "note=mine")

    assert "iris" in kubectl("get", "isvc", "-l", "team=fraud")
    assert kubectl("get", "isvc", "-l", "team!=fraud", "-o", "name") == ""
    assert "iris" in kubectl("get", "isvc", "--field-selector=metadata.name=iris")
    assert kubectl("get", "isvc/iris", "-o", "jsonpath={.metadata.annotations.note}") == "mine"
    url = kubectl("get", "isvc/iris", "-o", "jsonpath={.status.url}")
    assert url == f"http://iris-{kubectl.namespace}.example.com"


@contextmanager
def watching(kubectl: Kubectl, *arguments: str) -> Iterator[Iterator[str]]:
    """The lines of a `get -w` as they come."""
    with subprocess.Popen(
        kubectl.command("get", *arguments, "--watch", "--request-timeout=40s"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=kubectl.environment(),
    ) as process:
        assert process.stdout is not None
        try:
            yield iter(process.stdout)
        finally:
            process.kill()


def test_get_watch_shows_a_service_become_ready(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=service("first", kubectl.namespace))
    with watching(kubectl, "isvc") as lines:
        assert "NAME" in next(lines)
        kubectl("apply", "-f", "-", stdin=service("second", kubectl.namespace))
        assert any(line.split()[:3:2] == ["second", "True"] for line in lines)


def test_describe_tells_conditions_and_events(kubectl: Kubectl, iris: Object) -> None:
    text = kubectl("describe", "isvc", "iris")

    for said in (
        "Kind:         InferenceService",
        "PredictorReady",
        "IngressReady",
        "Events:",
        "InferenceServiceReady",
    ):
        assert said in text, said


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("deployment.spec.strategy", "RollingUpdate"),
        ("inferenceservice.spec.predictor.model", "modelFormat"),
        ("isvc.spec.predictor.minReplicas", "<integer>"),
        ("clusterservingruntime.spec.supportedModelFormats", "autoSelect"),
        ("pod.spec.containers.resources", "requests"),
    ],
)
def test_explain_knows_fields(kubectl: Kubectl, path: str, told: str) -> None:
    text = kubectl("explain", path)

    assert told in text
    assert "DESCRIPTION:" in text


def test_patches_of_all_four_types(kubectl: Kubectl, iris: Object) -> None:
    operations = [{"op": "add", "path": "/metadata/labels", "value": {"by": "json"}}]
    kubectl("patch", "isvc/iris", "--type=json", "-p", json.dumps(operations))
    assert kubectl.json("get", "isvc/iris")["metadata"]["labels"]["by"] == "json"

    kubectl("patch", "isvc/iris", "--type=merge", "-p", '{"metadata": {"labels": {"by": "merge"}}}')
    assert kubectl.json("get", "isvc/iris")["metadata"]["labels"]["by"] == "merge"

    added = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "side:1"}]}}}}
    kubectl("patch", "deployment/iris-predictor", "--type=strategic", "-p", json.dumps(added))
    # The controller may already have put it right again; what the patch made of it is in the answer of a dry run.
    dry = kubectl.json(
        "patch", "deployment/iris-predictor", "--type=strategic", "-p", json.dumps(added), "--dry-run=server"
    )
    names = {container["name"] for container in dry["spec"]["template"]["spec"]["containers"]}
    assert names == {"kserve-container", "side"}

    label = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "iris"}}
    label["metadata"] = {"name": "iris", "labels": {"by": "apply"}}
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=label)
    assert kubectl.json("get", "isvc/iris")["metadata"]["labels"]["by"] == "apply"


def test_scale_of_a_deployment(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=web:1")
    kubectl("rollout", "status", "deployment/web", _PATIENCE)

    assert kubectl("scale", "deployment/web", "--replicas=3") == "deployment.apps/web scaled\n"

    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "deployment/web", _PATIENCE)
    assert len(kubectl.json("get", "pods", "-l", "app=web")["items"]) == 3


def test_rollout_status_and_restart_of_a_deployment(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=web:1")
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", _PATIENCE)

    kubectl("set", "image", "deployment/web", "web=web:2")

    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", _PATIENCE)
    assert len(kubectl("rollout", "history", "deployment/web").strip().splitlines()) == 4


def test_delete_in_the_foreground_takes_dependents_first(kubectl: Kubectl, iris: Object) -> None:
    kubectl("delete", "isvc/iris", "--cascade=foreground", _PATIENCE)

    assert kubectl("get", "isvc,deployments,services,hpa,httproutes", "-o", "name") == ""


def test_delete_of_orphans_leaves_dependents(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=web:1")
    kubectl("rollout", "status", "deployment/web", _PATIENCE)

    kubectl("delete", "deployment/web", "--cascade=orphan", _PATIENCE)

    (left,) = kubectl.json("get", "replicasets", "-l", "app=web")["items"]
    assert left["metadata"].get("ownerReferences", []) == []


def test_delete_in_the_background_ends_with_nothing(kubectl: Kubectl, iris: Object) -> None:
    assert kubectl("delete", "isvc/iris", _PATIENCE).startswith('inferenceservice.serving.kserve.io "iris" deleted')

    kubectl("wait", "--for=delete", "deployment/iris-predictor", _PATIENCE)
    assert kubectl("get", "isvc", "-o", "name") == ""


def test_wait_ends_with_an_error_for_what_never_becomes_ready(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=service("lost", kubectl.namespace, runtime="no-such-runtime"))

    assert "timed out" in kubectl("wait", _READY, "isvc/lost", "--timeout=1s", fails=True)


def test_diff_shows_what_apply_would_change(kubectl: Kubectl, iris: Object) -> None:
    same = kubectl.run("diff", "-f", "-", stdin=iris)
    assert (same.returncode, same.stdout) == (0, ""), same.stderr

    other = kubectl.run("diff", "-f", "-", stdin=changed(iris, storageUri="gs://elsewhere/iris"))

    assert other.returncode == 1, other.stderr
    assert "gs://elsewhere/iris" in other.stdout


def test_create_refuses_a_name_that_is_taken_and_replace_needs_one(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "settings", "--from-literal=a=1")
    assert "already exists" in kubectl("create", "configmap", "settings", "--from-literal=a=1", fails=True)

    found = kubectl.json("get", "configmap", "settings")
    kubectl("replace", "-f", "-", stdin={**found, "data": {"a": "2"}})

    assert kubectl.json("get", "configmap", "settings")["data"] == {"a": "2"}
    assert "Conflict" in kubectl("replace", "-f", "-", stdin=found, fails=True)
    found["metadata"]["name"] = "nobody"
    assert "NotFound" in kubectl("replace", "-f", "-", stdin=found, fails=True)


def test_edit_stores_what_the_editor_leaves(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "settings", "--from-literal=mode=slow")
    environment = {**kubectl.environment(), "KUBE_EDITOR": "sed -i s/slow/fast/"}

    done = subprocess.run(
        kubectl.command("edit", "configmap/settings"),
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert kubectl.json("get", "configmap/settings")["data"] == {"mode": "fast"}


def test_metrics_of_the_manager_by_get_raw(kubectl: Kubectl, manager: ManagerProcess) -> None:
    text = kubectl(f"--server=http://127.0.0.1:{manager.metrics_port}", "get", "--raw", "/metrics")

    assert "controller_runtime_reconcile_total" in text
    assert "workqueue_depth" in text
    assert "rest_client_requests_total" in text


@pytest.mark.parametrize("path", ["/readyz", "/healthz", "/version", "/openapi/v2", "/openapi/v3", "/apis"])
def test_get_raw_of_the_api_server(kubectl: Kubectl, path: str) -> None:
    assert kubectl("get", "--raw", path)


def test_api_resources_list_kserves_kinds(kubectl: Kubectl) -> None:
    lines = kubectl("api-resources", "--api-group=serving.kserve.io").splitlines()[1:]

    found = {line.split()[0]: line.split() for line in lines}
    assert found["inferenceservices"][1:] == ["isvc", "serving.kserve.io/v1beta1", "true", "InferenceService"]
    assert found["clusterservingruntimes"][-2:] == ["false", "ClusterServingRuntime"]


def test_auth_can_i(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "create", "inferenceservices").strip() == "yes"


def test_logs_of_a_pod_are_answered(kubectl: Kubectl, iris: Object) -> None:
    (pod,) = kubectl("get", "pods", "-o", "name").split()

    done = kubectl.run("logs", pod, "-c", "kserve-container")

    # KWOK has no kubelet behind it and says so; the devcluster has simulated lines. Neither may hang or crash.
    assert done.returncode == 0 or "Error from server" in done.stderr or "error" in done.stderr.lower()


def test_events_of_a_service(kubectl: Kubectl, iris: Object) -> None:
    assert "InferenceServiceReady" in kubectl("events", "--for", "inferenceservice/iris")


def test_dry_run_on_the_server_stores_nothing(kubectl: Kubectl) -> None:
    printed = kubectl("apply", "--dry-run=server", "-f", "-", "-o", "yaml", stdin=service("iris", kubectl.namespace))

    # Went through the defaulter as a real one would.
    assert yaml.safe_load(printed)["metadata"]["name"] == "iris"
    assert kubectl("get", "isvc", "-o", "name") == ""
