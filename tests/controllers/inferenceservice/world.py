"""A cluster in a dict for whole-reconcile tests: decides, keeps what was decided, and plays the other controllers on demand."""

import copy
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kservectl.api.kinds import (
    CLUSTER_SERVING_RUNTIME,
    CLUSTER_STORAGE_CONTAINER,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    SERVING_RUNTIME,
    TRAINED_MODEL,
)
from kservectl.controllers.inferenceservice.reconcile import reconcile
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.objects import metadata
from kservectl.objects.kind import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    POD,
    SERVICE,
    Kind,
)
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import StaticView

START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = (
    CLUSTER_SERVING_RUNTIME,
    CLUSTER_STORAGE_CONTAINER,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    SERVING_RUNTIME,
    TRAINED_MODEL,
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    POD,
    SERVICE,
)
CHILDREN = (DEPLOYMENT, SERVICE, HORIZONTAL_POD_AUTOSCALER, HTTP_ROUTE, INGRESS)
GATEWAY_INGRESS = {
    "enableGatewayApi": True,
    "kserveIngressGateway": "gateways/main",
    "ingressGateway": "istio/main",
    "ingressDomain": "example.com",
}


def service(predictor: Object | None = None, *, name: str = "iris", namespace: str = "ml", **meta: Any) -> Object:
    """An InferenceService as the defaulting webhook leaves it; `predictor` defaults to a plain sklearn model."""
    default = {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "gs://bucket/iris"}}
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": INFERENCE_SERVICE.kind,
        "metadata": {"name": name, "namespace": namespace, "uid": "uid-1", "generation": 1, **meta},
        "spec": {"predictor": predictor if predictor is not None else default},
    }


def model(format_: str = "sklearn", **fields: Any) -> Object:
    """A predictor with a model."""
    return {"model": {"modelFormat": {"name": format_}, "storageUri": "gs://bucket/model", **fields}}


def runtime(
    name: str = "kserve-sklearnserver",
    *,
    formats: Iterable[Object] = ({"name": "sklearn", "version": "1", "autoSelect": True, "priority": 1},),
    protocols: Iterable[str] = ("v1", "v2"),
    namespace: str = "",
    container: Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
    **spec: Any,
) -> Object:
    """A ServingRuntime in `namespace`, or a ClusterServingRuntime."""
    server = {
        "name": "kserve-container",
        "image": "example/sklearnserver:v1",
        "args": ["--model_name={{.Name}}", "--model_dir=/mnt/models"],
        "resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"cpu": "1", "memory": "2Gi"}},
        **(container or {}),
    }
    kind = SERVING_RUNTIME if namespace else CLUSTER_SERVING_RUNTIME
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {}), **(meta or {})},
        "spec": {
            "supportedModelFormats": list(formats),
            "protocolVersions": list(protocols),
            "containers": [server],
            **spec,
        },
    }


def configuration(**keys: Any) -> Object:
    """The ConfigMap; each keyword is a key whose value is written as JSON (a text is written as it is)."""
    data = {"deploy": {"defaultDeploymentMode": "Standard"}, "ingress": GATEWAY_INGRESS, **keys}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "inferenceservice-config", "namespace": "kserve"},
        "data": {key: value if isinstance(value, str) else json.dumps(value) for key, value in data.items()},
    }


class World:
    """The objects around one InferenceService. `step` is one reconcile with everything that it decided carried out."""

    def __init__(
        self,
        service_: Object,
        *others: Object,
        config: Object | None = None,
        without_config: bool = False,
        kinds: Iterable[Kind] = KINDS,
        settings: Settings | None = None,
    ) -> None:
        self.service = copy.deepcopy(service_)
        self.others = list(others) if others else [runtime()]
        if not without_config:
            self.others.append(config or configuration())
        self.children: dict[tuple[str, str], Object] = {}
        self.pods: list[Object] = []
        self.kinds = tuple(kinds)
        self.settings = settings or Settings()
        self.now = START
        self.events: list[str] = []

    def decide(self) -> Outcome:
        view = StaticView(
            [*self.others, *self.children.values(), *self.pods, self.service], kinds=self.kinds, now=self.now
        )
        return reconcile(self.service, view, self.settings)

    def step(self) -> Outcome:
        outcome = self.decide()
        self.apply(outcome)
        self.now += timedelta(seconds=1)
        return outcome

    def apply(self, outcome: Outcome, *, with_status: bool = True) -> None:
        wanted = {(obj["kind"], metadata.name(obj)): obj for obj in outcome.desired}
        shared = {(outcome.desired[n]["kind"], metadata.name(outcome.desired[n])) for n in outcome.shared}
        for identity, obj in wanted.items():
            status = self.children.get(identity, {}).get("status", {})
            references = [] if identity in shared else [metadata.controller_reference(self.service)]
            meta = {**obj["metadata"], "ownerReferences": references}
            self.children[identity] = {**copy.deepcopy(obj), "metadata": meta, "status": status}
        if outcome.complete:
            self.children = {
                identity: obj
                for identity, obj in self.children.items()
                if identity in wanted or not obj["metadata"]["ownerReferences"]
            }
        if outcome.status is not None and with_status:
            self.service = {**self.service, "status": copy.deepcopy(outcome.status)}
        self.events += [event.reason for event in outcome.events]

    def settle(self) -> Outcome:
        """Reconcile until nothing changes any more."""
        for _ in range(10):
            before = (copy.deepcopy(self.children), self.service)
            outcome = self.step()
            if before == (self.children, self.service):
                return outcome
        raise AssertionError("the service does not come to rest")

    def child(self, kind: Kind, name: str) -> Object:
        return self.children[(kind.kind, name)]

    def names(self, kind: Kind) -> list[str]:
        return sorted(name for found, name in self.children if found == kind.kind)

    def deployment_says(self, *conditions: Object, name: str = "iris-predictor") -> None:
        self.child(DEPLOYMENT, name)["status"] = {"conditions": list(conditions)}

    def roll_out_all(self) -> None:
        for name in self.names(DEPLOYMENT):
            self.roll_out(name)

    def roll_out(self, name: str = "iris-predictor") -> None:
        """The Deployment becomes available, with one pod that is ready."""
        self.deployment_says(
            says("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability."),
            says("Progressing", "True", "NewReplicaSetAvailable", "ReplicaSet has successfully progressed."),
            name=name,
        )
        self.child(DEPLOYMENT, name)["status"]["availableReplicas"] = 1
        self.pods = [found for found in self.pods if found["metadata"]["labels"]["app"] != f"isvc.{name}"]
        self.pods.append(pod(f"{name}-1", ready=True, component=name))

    def accept_routes(self) -> None:
        for name in self.names(HTTP_ROUTE):
            self.child(HTTP_ROUTE, name)["status"] = {"parents": [{"conditions": [says("Accepted", "True")]}]}

    def become_ready(self) -> "World":
        self.step()
        self.roll_out_all()
        self.step()
        self.accept_routes()
        self.settle()
        assert self.condition("Ready")["status"] == "True"
        return self

    def annotate(self, **annotations: str) -> None:
        meta = self.service["metadata"]
        merged = {**(meta.get("annotations") or {}), **{_key(name): value for name, value in annotations.items()}}
        self.service = {**self.service, "metadata": {**meta, "annotations": merged}}

    def edit(self, predictor: Object) -> None:
        meta = {**self.service["metadata"], "generation": self.service["metadata"]["generation"] + 1}
        self.service = {**self.service, "metadata": meta, "spec": {"predictor": predictor}}

    def reconfigure(self, config: Object) -> None:
        self.others = [obj for obj in self.others if obj["kind"] != "ConfigMap"] + [config]

    @property
    def status(self) -> Object:
        found: Object = self.service["status"]
        return found

    def condition(self, type_: str) -> Object:
        return next(entry for entry in self.status["conditions"] if entry["type"] == type_)

    def said(self, type_: str) -> tuple[str, str, str]:
        found = self.condition(type_)
        return found["status"], found.get("reason", ""), found.get("message", "")


def says(type_: str, status: str, reason: str = "", message: str = "") -> Object:
    """A condition of a Deployment or of a route's parent."""
    return {"type": type_, "status": status, "reason": reason, "message": message}


def pod(
    name: str = "iris-predictor-1",
    *,
    ready: bool = False,
    component: str = "iris-predictor",
    created: str = "2026-01-01T00:00:00Z",
    server: Object | None = None,
    download: Object | None = None,
    conditions: Iterable[Object] = (),
) -> Object:
    """A predictor's pod; `server` and `download` are entries of its container statuses."""
    status: Object = {
        "phase": "Running" if ready else "Pending",
        "conditions": [says("Ready", "True" if ready else "False"), *conditions],
        "containerStatuses": [{"name": "kserve-container", **(server or {"state": {"running": {}}})}],
    }
    if download is not None:
        status["initContainerStatuses"] = [{"name": "storage-initializer", **download}]
    labels = {
        "app": f"isvc.{component}",
        "serving.kserve.io/inferenceservice": "iris",
        "component": component.rpartition("-")[2],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "ml", "labels": labels, "creationTimestamp": created},
        "spec": {"containers": [{"name": "kserve-container"}]},
        "status": status,
    }


def _key(name: str) -> str:
    return (
        "serving.kserve.io/"
        + {
            "stop": "stop",
            "mode": "deploymentMode",
            "scaler": "autoscalerClass",
            "frozen": "disable-auto-update",
        }[name]
    )
