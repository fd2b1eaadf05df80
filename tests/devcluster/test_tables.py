"""The cells of `kubectl get`, for the kinds and states that people look at most."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kservectl.devcluster.duration import human_duration
from kservectl.devcluster.jsonpath import find, find_one, with_value
from kservectl.devcluster.registry import Registry
from kservectl.devcluster.tables import Tables
from kservectl.devcluster.types import builtin_types
from kservectl.objects.kind import CONTROLLER_REVISION, HORIZONTAL_POD_AUTOSCALER, INGRESS, JOB, POD, SERVICE, Kind
from tests.fake_clock import FakeClock

REGISTRY = Registry(builtin_types())
MADE = {"name": "x", "creationTimestamp": "2025-12-31T23:50:00Z"}


def row(kind: Kind, **obj: Any) -> dict[str, Any]:
    """The cells of an object by column name, ten minutes after its creation."""
    served = REGISTRY.find(kind)
    assert served is not None
    tables = Tables(FakeClock(datetime(2026, 1, 1, tzinfo=UTC)))
    names = [column["name"] for column in tables.definitions(served)]
    return dict(zip(names, tables.cells(served, {"metadata": MADE, **obj}), strict=True))


def pod(status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "a"}, {"name": "b"}], "initContainers": [{"name": "i"}]}
    return row(POD, spec=spec, status=status, **({"metadata": {**MADE, **metadata}} if metadata else {}))


RUNNING = {"ready": True, "restartCount": 0, "state": {"running": {}}}


@pytest.mark.parametrize(
    ("status", "ready", "word"),
    [
        ({"phase": "Pending"}, "0/2", "Pending"),
        ({"phase": "Running", "containerStatuses": [RUNNING, RUNNING]}, "2/2", "Running"),
        (
            {
                "phase": "Pending",
                "containerStatuses": [RUNNING, {"state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            },
            "1/2",
            "ImagePullBackOff",
        ),
        (
            {"phase": "Pending", "initContainerStatuses": [{"state": {"waiting": {"reason": "PodInitializing"}}}]},
            "0/2",
            "Init:0/1",
        ),
        (
            {
                "phase": "Pending",
                "initContainerStatuses": [{"state": {"terminated": {"exitCode": 1, "reason": "Error"}}}],
            },
            "0/2",
            "Init:Error",
        ),
        ({"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}, "0/2", "ExitCode:3"),
        ({"phase": "Failed", "reason": "Evicted"}, "0/2", "Evicted"),
    ],
)
def test_pod_is_described_by_its_worst_container(status: dict[str, Any], ready: str, word: str) -> None:
    cells = pod(status)
    assert (cells["Ready"], cells["Status"], cells["Age"]) == (ready, word, "10m")


def test_deleted_pod_is_terminating_and_restarts_are_dated() -> None:
    assert pod({"phase": "Running"}, deletionTimestamp="2026-01-01T00:00:00Z")["Status"] == "Terminating"
    ended = {"restartCount": 3, "lastState": {"terminated": {"finishedAt": "2025-12-31T23:59:00Z"}}}
    assert pod({"phase": "Running", "containerStatuses": [ended]})["Restarts"] == "3 (60s ago)"


def test_service_shows_its_ports_and_where_it_is_reached() -> None:
    ports = [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]
    spec = {"type": "LoadBalancer", "clusterIP": "10.96.0.9", "ports": ports, "selector": {"a": "b"}}
    cells = row(SERVICE, spec=spec)
    assert (cells["External-IP"], cells["Port(s)"], cells["Selector"]) == ("<pending>", "80:30080/TCP", "a=b")
    cells = row(SERVICE, spec=spec, status={"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}})
    assert cells["External-IP"] == "1.2.3.4"


def test_scaler_shows_current_and_wanted_metrics() -> None:
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}}
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "maxReplicas": 3, "metrics": [metric]}
    cells = row(HORIZONTAL_POD_AUTOSCALER, spec=spec)
    assert (cells["Reference"], cells["Targets"], cells["MinPods"]) == ("Deployment/d", "cpu: <unknown>/80%", "<unset>")
    current = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 12}}}
    assert row(HORIZONTAL_POD_AUTOSCALER, spec=spec, status={"currentMetrics": [current]})["Targets"] == "cpu: 12%/80%"


def test_job_and_ingress() -> None:
    status = {
        "startTime": "2025-12-31T23:50:00Z",
        "completionTime": "2025-12-31T23:51:30Z",
        "succeeded": 1,
        "conditions": [{"type": "Complete", "status": "True"}],
    }
    cells = row(JOB, spec={"completions": 1}, status=status)
    assert (cells["Status"], cells["Completions"], cells["Duration"]) == ("Complete", "1/1", "90s")
    cells = row(INGRESS, spec={"rules": [{"host": "a.example"}, {"host": "b.example"}], "tls": [{}]})
    assert (cells["Hosts"], cells["Ports"], cells["Class"]) == ("a.example,b.example", "80, 443", "<none>")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (0, "0s"),
        (119, "119s"),
        (125, "2m5s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 61, "3h1m"),
        (47 * 3600, "47h"),
        (49 * 3600, "2d1h"),
        (30 * 86400, "30d"),
        (800 * 86400, "2y70d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_durations_lose_detail_as_they_grow(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


OBJECT = {
    "metadata": {"labels": {"a.b/c": "dotted"}},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".status.conditions[?(@.type=='Ready')].status", ["True"]),
        ('.status.conditions[?(@.type=="Nope")].status', []),
        (".status.conditions[*].type", ["Ready", "Other"]),
        (".status.conditions[-1].type", ["Other"]),
        ('.metadata.labels["a.b/c"]', ["dotted"]),
        (r".metadata.labels.a\.b/c", ["dotted"]),
        ("{.status.conditions[0].type}", ["Ready"]),
        (".absent.field", []),
        ("..status", []),
    ],
)
def test_paths_of_printer_columns(path: str, found: list[str]) -> None:
    assert find(OBJECT, path) == found


def test_value_is_set_in_a_copy() -> None:
    before: dict[str, Any] = {"spec": {"a": 1}}
    assert with_value(before, ".spec.replicas", 3) == {"spec": {"a": 1, "replicas": 3}}
    assert before == {"spec": {"a": 1}}
    assert find_one(before, ".spec.a") == 1


def test_a_revision_names_what_it_is_a_revision_of() -> None:
    owner = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "name": "iris", "controller": True}
    found = row(CONTROLLER_REVISION, metadata={**MADE, "ownerReferences": [owner]}, revision=3)

    assert found["Controller"] == "inferenceservice.serving.kserve.io/iris"
    assert found["Revision"] == "3"
    assert row(CONTROLLER_REVISION, revision=1)["Controller"] == "<none>"
