"""Knative's webhook fills in what a Service leaves out, inside of containers too: kservectl neither fights it nor is misled."""

import asyncio
import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kservectl.api.kinds import INFERENCE_SERVICE, KNATIVE_SERVICE
from kservectl.development.environment import Environment, EnvironmentOptions, running
from kservectl.objects.kind import MUTATING_WEBHOOK_CONFIGURATION
from kservectl.objects.metadata import Object
from tests.devcluster.webhook_server import WebhookServer, patch, self_signed, webhook, webhook_server
from tests.development.test_serverless import PATIENCE, until


def defaulted(request: Object) -> Object:
    """What Knative Serving's `SetDefaults` does to a Service, and whom it names as its author."""
    obj = copy.deepcopy(request["object"])
    notes = obj["metadata"].setdefault("annotations", {})
    notes.setdefault("serving.knative.dev/creator", "kservectl")
    notes["serving.knative.dev/lastModifier"] = "kservectl"
    spec = obj["spec"]["template"]["spec"]
    spec.setdefault("enableServiceLinks", False)
    spec.setdefault("timeoutSeconds", 300)
    spec.setdefault("containerConcurrency", 0)
    for container in spec["containers"]:
        container.setdefault("name", "user-container")
        container.setdefault("resources", {}).setdefault("requests", {}).setdefault("ephemeral-storage", "1Gi")
        probe = container.setdefault("readinessProbe", {})
        probe.setdefault("successThreshold", 1)
        if not probe.keys() & {"httpGet", "exec", "grpc"}:
            probe.setdefault("tcpSocket", {}).setdefault("port", 0)
        for port in container.get("ports") or ():
            port.setdefault("protocol", "TCP")
    return patch(
        {"op": "replace", "path": "/spec", "value": obj["spec"]},
        {"op": "add", "path": "/metadata/annotations", "value": notes},
    )


@pytest.fixture
async def environment(tmp_path: Path) -> AsyncIterator[Environment]:
    context, bundle = self_signed(tmp_path, "127.0.0.1")
    async with webhook_server(context, bundle) as server, running(EnvironmentOptions()) as made:
        server.answer = defaulted
        await made.cluster.create(
            MUTATING_WEBHOOK_CONFIGURATION, {"metadata": {"name": "knative"}, "webhooks": [_hook(server)]}
        )
        yield made


def _hook(server: WebhookServer) -> Object:
    kind = KNATIVE_SERVICE
    rule = {
        "operations": ["CREATE", "UPDATE"],
        "apiGroups": [kind.group],
        "apiVersions": [kind.version],
        "resources": [kind.plural],
    }
    return webhook("knative", server, rules=[rule])


def service(**container: Any) -> Object:
    server = {"name": "kserve-container", "image": "server:v1", **container}
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": INFERENCE_SERVICE.kind,
        "metadata": {"name": "iris", "annotations": {"serving.kserve.io/deploymentMode": "Knative"}},
        "spec": {"predictor": {"containers": [server]}},
    }


def container_of(obj: Object) -> Object:
    found: Object = obj["spec"]["template"]["spec"]["containers"][0]
    return found


async def settled(environment: Environment, generation: int) -> Object:
    """The Knative Service once its InferenceService is Ready in this generation."""
    await until(
        environment,
        INFERENCE_SERVICE,
        "iris",
        lambda obj: (
            (obj.get("status") or {}).get("observedGeneration") == generation
            and ("Ready", "True") in {(each["type"], each["status"]) for each in obj["status"]["conditions"]}
        ),
    )
    found = environment.cluster.get(KNATIVE_SERVICE, "iris-predictor", "default")
    assert found is not None
    return found


async def test_what_knative_fills_in_is_not_written_again(environment: Environment) -> None:
    await environment.apply([service(ports=[{"containerPort": 8080}])])
    live = await settled(environment, 1)
    assert container_of(live)["readinessProbe"] == {"successThreshold": 1, "tcpSocket": {"port": 0}}
    assert container_of(live)["resources"]["requests"]["ephemeral-storage"] == "1Gi"

    # A decision for another reason writes nothing either: the Service is as Knative left it.
    changed = service(ports=[{"containerPort": 8080}])
    changed["metadata"]["annotations"]["kservectl.dev/rollback-policy"] = "manual"
    before = environment.cluster.get(INFERENCE_SERVICE, "iris", "default")
    await environment.apply([changed])
    await until(environment, INFERENCE_SERVICE, "iris", lambda obj: obj != before)
    again = await settled(environment, 1)
    assert again["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
    assert again["metadata"]["generation"] == 1


async def test_field_that_is_removed_from_a_container_is_removed_from_knatives(environment: Environment) -> None:
    probe = {"httpGet": {"path": "/ready", "port": 8080}}
    await environment.apply([service(args=["--slow"], readinessProbe=probe, workingDir="/srv")])
    first = await settled(environment, 1)
    assert container_of(first)["args"] == ["--slow"]

    await environment.apply([service(readinessProbe=probe)])
    async with asyncio.timeout(PATIENCE):
        found = await until(environment, KNATIVE_SERVICE, "iris-predictor", lambda obj: "args" not in container_of(obj))
    assert "workingDir" not in container_of(found)
    assert container_of(found)["readinessProbe"]["httpGet"] == probe["httpGet"]
