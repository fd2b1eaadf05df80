"""The manager of a development cluster shows there as an installed one does."""

import asyncio
import io
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.assembly import LEASE_NAME
from kservectl.development.environment import Environment, EnvironmentOptions, local_options, running
from kservectl.manifests import manager as manifest
from kservectl.manifests.names import MANAGER, MANAGER_LABELS, NAMESPACE
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, LEASE, POD
from kservectl.objects.metadata import Object
from kservectl.runtime import logging
from tests.admission.inferenceservice.services import model, service

SECONDS = 10


async def pod_of(environment: Environment) -> Object:
    """The manager's pod, once it is ready."""
    async with asyncio.timeout(SECONDS):
        while True:
            found = environment.cluster.list(POD, NAMESPACE, MANAGER_LABELS)
            if found and (found[0].get("status") or {}).get("phase") == "Running":
                return found[0]
            await asyncio.sleep(0.02)


async def text_of(environment: Environment, path: str) -> str:
    async with aiohttp.ClientSession() as http, http.get(f"{environment.cluster.url}{path}") as response:
        assert response.status == 200, await response.text()
        return await response.text()


async def test_the_log_of_its_pod_is_what_it_writes_and_nothing_that_the_simulation_writes() -> None:
    logging.configure(stream=io.StringIO(), level="error", recorded=True)
    async with running(EnvironmentOptions()) as environment:
        await environment.client.create(INFERENCE_SERVICE, service(model()))
        pod = await pod_of(environment)
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{metadata.name(pod)}/log?container=manager"
        async with asyncio.timeout(SECONDS):
            while "Deployment default/sklearn-predictor" not in (log := await text_of(environment, path)):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
    assert "controller starts" in log
    assert "ReplicaSet" not in log


@pytest.mark.parametrize("port", ["8080", "metrics"])
async def test_its_metrics_are_behind_its_service(port: str) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/services/{MANAGER}-metrics:{port}/proxy/metrics"
    async with running(EnvironmentOptions()) as environment:
        assert "controller_runtime_max_concurrent_reconciles" in await text_of(environment, path)


async def test_it_holds_the_lease_if_asked_to_and_does_not_wait_for_one_that_a_killed_one_left(tmp_path: Path) -> None:
    options = EnvironmentOptions(replace(local_options(), leader_elect=True), data=tmp_path)
    async with running(options) as environment:
        lease = environment.cluster.get(LEASE, LEASE_NAME, NAMESPACE)
        assert lease is not None
        assert lease["spec"]["holderIdentity"]
    async with running(EnvironmentOptions(data=tmp_path, with_manager=False)) as left:
        held = {"spec": {**lease["spec"], "leaseDurationSeconds": 3600}}
        await left.client.patch(LEASE, LEASE_NAME, NAMESPACE, held)
    async with asyncio.timeout(SECONDS), running(options) as again:
        assert again.manager is not None


async def test_a_cluster_that_is_started_without_it_does_not_show_that_of_an_earlier_run(tmp_path: Path) -> None:
    async with running(EnvironmentOptions(data=tmp_path)) as first:
        await pod_of(first)
    async with running(EnvironmentOptions(data=tmp_path, with_manager=False)) as second:
        assert second.cluster.get(DEPLOYMENT, MANAGER, NAMESPACE) is None
        await second.client.apply(DEPLOYMENT, manifest.deployment())
    async with running(EnvironmentOptions(data=tmp_path, with_manager=False)) as third:
        assert third.cluster.get(DEPLOYMENT, MANAGER, NAMESPACE) is not None, "its user's own"
