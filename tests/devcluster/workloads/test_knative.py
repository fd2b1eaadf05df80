"""Knative Services of the devcluster: revisions, shares, and what is told of them."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from kservectl.devcluster.workloads import knative
from kservectl.objects.kind import DEPLOYMENT
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import StaticView

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST, SECOND = "iris-00001", "iris-00002"


def service(image: str = "model:1", traffic: list[Object] | None = None, least: int = 1) -> Object:
    annotations = {"autoscaling.knative.dev/min-scale": str(least)}
    template = {
        "metadata": {"labels": {"team": "a"}, "annotations": annotations},
        "spec": {"containers": [{"image": image}], "timeoutSeconds": 90},
    }
    spec: Object = {"template": template}
    if traffic is not None:
        spec["traffic"] = traffic
    return {"metadata": {"name": "iris", "namespace": "ml", "uid": "u", "generation": 1}, "spec": spec}


def view(*objects: Object, now: datetime = NOW) -> StaticView:
    return StaticView(objects, kinds=[knative.REVISION, DEPLOYMENT], now=now)


def owned(revision: Object, ready: str = "") -> Object:
    """A desired Revision as it is in the cluster."""
    found = copy.deepcopy(revision)
    found["metadata"]["ownerReferences"] = [{"uid": "u", "controller": True}]
    if ready:
        moment = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
        found["status"] = {"conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": moment}]}
    return found


def revisions(outcome: Outcome) -> dict[str, str]:
    return {obj["metadata"]["name"]: obj["metadata"]["labels"][knative.ROUTING] for obj in outcome.desired}


def conditions(outcome: Outcome) -> dict[str, str]:
    assert outcome.status is not None
    return {each["type"]: each["status"] for each in outcome.status["conditions"]}


def first(**ready: str) -> Object:
    (made,) = knative.reconcile_service(service(), view()).desired
    return owned(made, **ready)


def test_new_service_gets_a_revision_and_waits_for_it() -> None:
    outcome = knative.reconcile_service(service(), view())

    assert revisions(outcome) == {FIRST: "active"}
    assert set(conditions(outcome).values()) == {"Unknown"}
    assert outcome.status is not None
    assert outcome.status["latestCreatedRevisionName"] == FIRST
    assert "latestReadyRevisionName" not in outcome.status


def test_ready_revision_gets_the_traffic() -> None:
    outcome = knative.reconcile_service(service(), view(first(ready="True")))

    assert set(conditions(outcome).values()) == {"True"}
    assert outcome.status is not None
    assert outcome.status["traffic"] == [{"latestRevision": True, "percent": 100, "revisionName": FIRST}]
    assert outcome.status["url"] == "http://iris.ml.example.com"


def test_share_alone_makes_no_revision_and_a_template_does() -> None:
    shared: list[Object] = [{"latestRevision": True, "percent": 100, "tag": "latest"}]
    outcome = knative.reconcile_service(service(traffic=shared), view(first(ready="True")))
    assert list(revisions(outcome)) == [FIRST]
    assert outcome.status is not None
    assert outcome.status["traffic"][0]["url"] == "http://latest-iris.ml.example.com"

    outcome = knative.reconcile_service(service("model:2"), view(first(ready="True")))
    assert revisions(outcome) == {FIRST: "active", SECOND: "active"}


def test_share_of_a_revision_that_is_not_ready_stays_with_the_one_before() -> None:
    outcome = knative.reconcile_service(service("model:2"), view(first(ready="True")))

    assert outcome.status is not None
    assert outcome.status["traffic"][0]["revisionName"] == FIRST
    assert conditions(outcome) == {"ConfigurationsReady": "Unknown", "Ready": "Unknown", "RoutesReady": "True"}


def test_revision_without_a_share_is_kept_in_reserve() -> None:
    before = first(ready="True")
    made = knative.reconcile_service(service("model:2"), view(before)).desired[-1]
    outcome = knative.reconcile_service(service("model:2"), view(before, owned(made, ready="True")))

    assert revisions(outcome) == {FIRST: "reserve", SECOND: "active"}


def test_share_of_a_revision_that_does_not_exist_is_told() -> None:
    shared: list[Object] = [
        {"latestRevision": True, "percent": 20},
        {"latestRevision": False, "revisionName": "iris-00009", "percent": 80, "tag": "prev"},
    ]
    outcome = knative.reconcile_service(service(traffic=shared), view(first(ready="True")))

    assert conditions(outcome) == {"ConfigurationsReady": "True", "Ready": "False", "RoutesReady": "False"}


def test_revision_that_failed_fails_its_service() -> None:
    outcome = knative.reconcile_service(service(), view(first(ready="False")))

    assert set(conditions(outcome).values()) == {"False"}


def deployment(**status: Any) -> Object:
    meta = {"name": f"{FIRST}-deployment", "namespace": "ml"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "status": status}


def test_revision_runs_its_pod_beside_a_proxy() -> None:
    (made,) = knative.reconcile_revision(first(), view()).desired
    template = made["spec"]["template"]

    assert template["metadata"]["labels"] == {
        "app": FIRST,
        "team": "a",
        "serving.knative.dev/configuration": "iris",
        "serving.knative.dev/revision": FIRST,
        "serving.knative.dev/service": "iris",
    }
    assert [each["name"] for each in template["spec"]["containers"]] == ["user-container", "queue-proxy"]
    assert "timeoutSeconds" not in template["spec"]


def test_revision_is_ready_once_its_deployment_is_and_failed_when_that_gave_up() -> None:
    available = deployment(conditions=[{"type": "Available", "status": "True"}], availableReplicas=1)
    gave_up = deployment(conditions=[{"type": "Progressing", "status": "False"}])

    assert conditions(knative.reconcile_revision(first(), view()))["Ready"] == "Unknown"
    assert conditions(knative.reconcile_revision(first(), view(available)))["Ready"] == "True"
    assert conditions(knative.reconcile_revision(first(), view(gave_up)))["Ready"] == "False"


def test_revision_goes_to_zero_when_it_may_and_stays_ready() -> None:
    (made,) = knative.reconcile_service(service(least=0), view()).desired
    revision = owned(made, ready="True")
    young = knative.reconcile_revision(revision, view(now=NOW + timedelta(seconds=20)))
    old = knative.reconcile_revision(revision, view(now=NOW + timedelta(seconds=61)))

    assert (young.desired[0]["spec"]["replicas"], young.requeue_after) == (1, 40.0)
    assert (old.desired[0]["spec"]["replicas"], old.requeue_after) == (0, None)
    assert conditions(old) == {"Active": "False", "Ready": "True"}


def test_revision_in_reserve_has_no_pods() -> None:
    revision = first(ready="True")
    revision["metadata"]["labels"][knative.ROUTING] = "reserve"

    assert knative.reconcile_revision(revision, view()).desired[0]["spec"]["replicas"] == 0
