"""A cluster in a dict around one InferenceGraph: decides, keeps what was decided, and plays the other controllers."""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from kservectl.api.kinds import (
    CLUSTER_SERVING_RUNTIME,
    HTTP_ROUTE,
    INFERENCE_GRAPH,
    INFERENCE_SERVICE,
    SCALED_OBJECT,
    SERVING_RUNTIME,
)
from kservectl.controllers.inferencegraph.reconcile import reconcile
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, INGRESS, SERVICE, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import StaticView

KINDS: tuple[Kind, ...] = (
    CLUSTER_SERVING_RUNTIME,
    HTTP_ROUTE,
    INFERENCE_GRAPH,
    INFERENCE_SERVICE,
    SCALED_OBJECT,
    SERVING_RUNTIME,
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    SERVICE,
)
ROUTER = {
    "image": "kserve/router:latest",
    "memoryRequest": "100Mi",
    "memoryLimit": "1Gi",
    "cpuRequest": "100m",
    "cpuLimit": "1",
    "imagePullPolicy": "IfNotPresent",
}
GATEWAY = {"enableGatewayApi": True, "kserveIngressGateway": "gateways/main", "ingressGateway": "istio/main"}
URL_STEP = {"serviceUrl": "http://someservice.example.com"}


def graph(*steps: Object, type_: str = "Sequence", name: str = "flow", **spec: Any) -> Object:
    """A graph of one node; other keywords are fields of the spec."""
    return {
        "apiVersion": INFERENCE_GRAPH.api_version,
        "kind": "InferenceGraph",
        "metadata": {"name": name, "namespace": "ml", "uid": "uid-g", "generation": 3},
        "spec": {"nodes": {"root": {"routerType": type_, "steps": list(steps or (URL_STEP,))}}, **spec},
    }


def annotated(obj: Object, **annotations: str) -> Object:
    return {
        **obj,
        "metadata": {**obj["metadata"], "annotations": {f"serving.kserve.io/{k}": v for k, v in annotations.items()}},
    }


def service(
    name: str = "iris", predictor: Object | None = None, *, ready: bool = True, address: str | None = None, **spec: Any
) -> Object:
    """An InferenceService with a sklearn model unless told otherwise; an empty `address` leaves it without one."""
    default = {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "gs://bucket/m", "protocolVersion": "v1"}}
    url = f"http://{name}-predictor.ml.svc.cluster.local" if address is None else address
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": "ml", "uid": f"uid-{name}"},
        "spec": {"predictor": predictor if predictor is not None else default, **spec},
        "status": {
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            **({"address": {"url": url}} if url else {}),
        },
    }


def configuration(**keys: Any) -> Object:
    data = {"deploy": {"defaultDeploymentMode": "Standard"}, "ingress": GATEWAY, "router": ROUTER, **keys}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "inferenceservice-config", "namespace": "kserve"},
        "data": {key: json.dumps(value) for key, value in data.items() if value is not None},
    }


class World:
    """`step` is one reconcile with everything that it decided carried out."""

    def __init__(self, graph_: Object, *others: Object, kinds: tuple[Kind, ...] = KINDS, **keys: Any) -> None:
        self.graph = copy.deepcopy(graph_)
        self.others = [*others, configuration(**keys)]
        self.children: dict[tuple[str, str], Object] = {}
        self.kinds = kinds
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.events: list[str] = []

    def decide(self) -> Outcome:
        return reconcile(self.graph, self.view(), Settings())

    def view(self) -> StaticView:
        return StaticView([*self.others, *self.children.values(), self.graph], kinds=self.kinds, now=self.now)

    def step(self) -> Outcome:
        outcome = self.decide()
        desired = {(obj["kind"], metadata.name(obj)): obj for obj in outcome.desired}
        if outcome.complete:
            self.children = {key: obj for key, obj in self.children.items() if key in desired}
        for key, obj in desired.items():
            owned = {**obj["metadata"], "ownerReferences": [metadata.controller_reference(self.graph)]}
            status = self.children.get(key, {}).get("status") or {}
            self.children[key] = {**copy.deepcopy(obj), "metadata": owned, "status": status}
        if outcome.status is not None:
            self.graph["status"] = outcome.status
        self.events += [event.reason for event in outcome.events]
        self.now += timedelta(seconds=1)
        return outcome

    def child(self, kind: str, name: str = "flow") -> Object:
        return self.children[kind, name]

    def container(self) -> Object:
        found: Object = self.child("Deployment")["spec"]["template"]["spec"]["containers"][0]
        return found

    def say(self, type_: str, status: str, reason: str = "", message: str = "") -> None:
        """A condition of the router's Deployment."""
        told = {"type": type_, "status": status, "reason": reason, "message": message}
        self.child("Deployment")["status"] = {"conditions": [told]}

    def accept(self) -> None:
        """The gateway takes the route."""
        self.child("HTTPRoute")["status"] = {"parents": [{"conditions": [{"type": "Accepted", "status": "True"}]}]}

    def settle(self) -> None:
        """Until the graph is Ready."""
        self.step()
        self.say("Available", "True")
        self.step()
        if ("HTTPRoute", "flow") in self.children:
            self.accept()
            self.step()

    def condition(self, type_: str = "Ready") -> Object:
        (found,) = [each for each in self.graph["status"]["conditions"] if each["type"] == type_]
        return dict(found)
