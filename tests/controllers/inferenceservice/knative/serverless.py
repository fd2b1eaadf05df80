"""A World in Knative mode, with what Knative Serving's controllers would do to the Services in it."""

import copy
from datetime import timedelta
from typing import Any

from kservectl.api.kinds import KNATIVE_SERVICE, VIRTUAL_SERVICE
from kservectl.objects.kind import CONTROLLER_REVISION
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from tests.controllers.inferenceservice.world import KINDS, World, configuration, runtime, service

INGRESS = {
    "ingressGateway": "knative-serving/knative-ingress-gateway",
    "localGateway": "knative-serving/knative-local-gateway",
    "localGatewayService": "knative-local-gateway.istio-system.svc.cluster.local",
    "ingressDomain": "example.com",
}
SERVERLESS_KINDS = (*KINDS, KNATIVE_SERVICE, VIRTUAL_SERVICE, CONTROLLER_REVISION)


def config(**ingress: Any) -> Object:
    return configuration(deploy={"defaultDeploymentMode": "Serverless"}, ingress={**INGRESS, **ingress})


def knative_config(name: str = "config-autoscaler", **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "knative-serving"},
        "data": data,
    }


class Knative:
    """The controllers of Knative Serving for one World: `works` says whether new revisions become ready."""

    def __init__(self, world: "ServerlessWorld") -> None:
        self.world: ServerlessWorld = world
        self.templates: dict[str, list[Object]] = {}
        self.ready: dict[str, str] = {}
        self.works = True

    def play(self) -> None:
        """Look at every Knative Service once."""
        present = self.world.names_of(KNATIVE_SERVICE)
        for gone in self.templates.keys() - set(present):
            del self.templates[gone], self.ready[gone]
        for name in present:
            live = self.world.child(KNATIVE_SERVICE, name)
            revisions = self.templates.setdefault(name, [])
            if not revisions or revisions[-1] != live["spec"]["template"]:
                revisions.append(copy.deepcopy(live["spec"]["template"]))
            newest = f"{name}-{len(revisions):05d}"
            if self.works:
                self.ready[name] = newest
            live["status"] = self._status(name, newest, self.ready.get(name, ""), live["spec"].get("traffic") or [])

    def _status(self, name: str, created: str, ready: str, traffic: list[Object]) -> Object:
        status = "True" if created == ready else "Unknown"
        routed = [
            {**entry, "revisionName": ready if entry["latestRevision"] else entry["revisionName"]}
            for entry in traffic
            if ready
        ]
        found: Object = {
            "latestCreatedRevisionName": created,
            "latestReadyRevisionName": ready,
            "traffic": routed,
            "url": f"http://{name}-ml.example.com",
            "address": {"url": f"http://{name}.ml.svc.cluster.local"},
            "conditions": [
                {"type": type_, "status": status} for type_ in ("ConfigurationsReady", "Ready", "RoutesReady")
            ],
        }
        return {field: value for field, value in found.items() if value}


class ServerlessWorld(World):
    """A World whose Knative works. `settle` lets both sides go on until neither changes anything."""

    def __init__(
        self, service_: Object | None = None, *others: Object, config_: Object | None = None, **options: Any
    ) -> None:
        surroundings = others or (runtime(), knative_config())
        options.setdefault("kinds", SERVERLESS_KINDS)
        super().__init__(service_ or service(), *surroundings, config=config_ or config(), **options)
        self.knative = Knative(self)

    def step(self) -> Outcome:
        """One decision, carried out as the runtime does: a status waits for the decision that sees the children written."""
        outcome = self.decide()
        before = {key: (obj["metadata"], obj.get("spec")) for key, obj in self.children.items()}
        self.apply(outcome, with_status=False)
        after = {key: (obj["metadata"], obj.get("spec")) for key, obj in self.children.items()}
        if before != after:
            self.events = self.events[: len(self.events) - len(outcome.events)]
        elif outcome.status is not None:
            self.service = {**self.service, "status": copy.deepcopy(outcome.status)}
        self.now += timedelta(seconds=1)
        return outcome

    def names_of(self, kind: Any) -> list[str]:
        return sorted(
            name
            for (_, name), obj in self.children.items()
            if (obj["apiVersion"], obj["kind"]) == (kind.api_version, kind.kind)
        )

    def names_of_children(self) -> list[str]:
        """Of all that runs: versions that are remembered are not among them."""
        return sorted(name for kind, name in self.children if kind != "ControllerRevision")

    def run(self) -> None:
        for _ in range(12):
            before = copy.deepcopy((self.children, self.service))
            self.step()
            self.knative.play()
            if before == (self.children, self.service):
                return
        raise AssertionError("the service does not come to rest")

    def serverless(self, name: str = "iris-predictor") -> Object:
        return self.child(KNATIVE_SERVICE, name)

    def template(self, name: str = "iris-predictor") -> Object:
        found: Object = self.serverless(name)["spec"]["template"]
        return found

    def component(self, role: str = "predictor") -> Object:
        found: Object = self.status["components"][role]
        return found

    def edit_spec(self, **spec: Any) -> None:
        meta = {**self.service["metadata"], "generation": self.service["metadata"]["generation"] + 1}
        self.service = {**self.service, "metadata": meta, "spec": {**self.service["spec"], **spec}}
