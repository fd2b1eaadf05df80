"""TrainedModels and the service that serves them, in a dict: decides for all of them until nothing changes."""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from kservectl.api.kinds import INFERENCE_SERVICE, TRAINED_MODEL
from kservectl.controllers.trainedmodel import modelconfig
from kservectl.controllers.trainedmodel.reconcile import reconcile
from kservectl.modelregistry.lookup import REGISTERED_MODEL
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import StaticView

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIST = "modelconfig-garden-0"
_KINDS = (INFERENCE_SERVICE, TRAINED_MODEL, CONFIG_MAP, REGISTERED_MODEL)


def garden(memory: str = "1Gi", *, ready: bool = True, predictor: Object | None = None, **meta: Any) -> Object:
    """A multi-model InferenceService."""
    default = {"model": {"modelFormat": {"name": "sklearn"}, "resources": {"limits": {"memory": memory}}}}
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": "InferenceService",
        "metadata": {"name": "garden", "namespace": "ml", "uid": "uid-garden", "generation": 4, **meta},
        "spec": {"predictor": default if predictor is None else predictor},
        "status": {
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "url": "http://garden-ml.example.com",
            "address": {"url": "http://garden-predictor.ml.svc.cluster.local"},
            "clusterServingRuntimeName": "kserve-sklearnserver",
        },
    }


def config_map(text: str | None = "[]") -> Object:
    """The service's list of models, as its controller makes it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": LIST,
            "namespace": "ml",
            "labels": {"serving.kserve.io/inferenceservice": "garden"},
            "ownerReferences": [metadata.controller_reference(garden())],
        },
        "data": {} if text is None else {"models.json": text},
    }


def fact(reference: str, **status: Any) -> Object:
    """What is known of a reference to a registry."""
    head = {"name": reference, "resourceVersion": "1"}
    return {
        "apiVersion": REGISTERED_MODEL.api_version,
        "kind": REGISTERED_MODEL.kind,
        "metadata": head,
        "status": status,
    }


def model(
    name: str = "rose",
    memory: str = "256Mi",
    *,
    age: int = 60,
    parent: str = "garden",
    storage_uri: str = "",
    **meta: Any,
) -> Object:
    """A model that was created `age` seconds ago."""
    created = (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": TRAINED_MODEL.api_version,
        "kind": "TrainedModel",
        "metadata": {
            "name": name,
            "namespace": "ml",
            "uid": f"uid-{name}",
            "creationTimestamp": created,
            "generation": 1,
            **meta,
        },
        "spec": {
            "inferenceService": parent,
            "model": {"storageUri": storage_uri or f"gs://bucket/{name}", "framework": "sklearn", "memory": memory},
        },
    }


class World:
    """`settle` carries out what both controllers decide, until they agree."""

    def __init__(self, *objects: Object) -> None:
        self.objects = {(obj["kind"], metadata.name(obj)): copy.deepcopy(obj) for obj in objects}

    def view(self) -> StaticView:
        return StaticView(self.objects.values(), kinds=_KINDS, now=NOW)

    def decide(self, name: str = "rose") -> Outcome:
        return reconcile(self.objects["TrainedModel", name], self.view())

    def settle(self) -> None:
        for _ in range(10):
            before = copy.deepcopy(self.objects)
            for kind, name in list(before):
                if kind == "TrainedModel":
                    self._carry_out(name)
            service = self.objects.get(("InferenceService", "garden"))
            for made in modelconfig.reconcile(service, self.view()).desired if service else ():
                self.objects["ConfigMap", LIST]["data"] = made["data"]
            if self.objects == before:
                return
        raise AssertionError("the controllers do not come to an end")

    def _carry_out(self, name: str) -> None:
        outcome, found = self.decide(name), self.objects["TrainedModel", name]
        found["metadata"].setdefault("labels", {}).update(outcome.labels)
        found["status"] = outcome.status or found.get("status") or {}
        if outcome.delete or (metadata.is_deleting(found) and outcome.finalizers == ()):
            del self.objects["TrainedModel", name]

    def start_deleting(self, name: str) -> None:
        self.objects["TrainedModel", name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    @property
    def listed(self) -> list[Object]:
        found: list[Object] = json.loads(self.objects["ConfigMap", LIST]["data"]["models.json"])
        return found

    @property
    def names(self) -> list[str]:
        return [entry["modelName"] for entry in self.listed]

    def status(self, name: str = "rose") -> Object:
        found: Object = self.objects["TrainedModel", name]["status"]
        return found

    def conditions(self, name: str = "rose") -> dict[str, str]:
        return {each["type"]: each["status"] for each in self.status(name)["conditions"]}
